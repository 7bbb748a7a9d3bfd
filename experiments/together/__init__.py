"""Runs that differ in the seed alone, in one process: ``groups`` finds them, ``ensemble`` trains them as one tensor."""
