"""The activation of a run: one of ``gem``'s by name, one of an installed package, or a stranger's from a file.

``target`` finds the object behind ``mine.py:Swash``, ``source`` digests its code, ``resolve`` types its parameters,
``build`` makes modules of it.
"""
