"""The activation of a run: one of ``gem``'s or an installed package's by name, or a user's own from a file.

``target`` finds the object behind ``mine.py:Swash``, ``source`` digests its code, ``resolve`` types its parameters, and
``build`` makes modules of it.
"""
