"""An examination of a GPU in minutes: correctness, speed, utilisation, and parallel runs. See scripts/gpu.py."""
