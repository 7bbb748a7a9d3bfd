"""The activations as functions."""

from gem.reference import egem as egem
from gem.reference import gem as gem
from gem.reference import golu as golu
from gem.reference import segem as segem
