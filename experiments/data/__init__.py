"""Images as uint8 tensors, from the embedded digits, IDX files, CIFAR archives or a folder of pictures."""

from experiments.data.images import ImageData
from experiments.data.load import load_images

__all__ = ["ImageData", "load_images"]
