"""Runs that differ in seed and ε alone, in one process: ``groups`` finds them, ``ensemble`` makes them one tensor."""
