"""What a GPU does with this suite, in minutes: right, fast, how much of it, how many at a time. See scripts/gpu.py."""
