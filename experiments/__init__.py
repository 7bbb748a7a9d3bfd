"""From a command to a table.

A run: ``exits`` → ``config`` → ``run`` → ``session`` (files) and ``loop`` (steps) → ``tasks`` → ``models``, ``data``.
Many runs: ``sweeps``, on this machine or Slurm; ``together``, several in one process.
A table: ``tables``, from a preset and its records, with ``stats`` below it; ``figures`` and ``report`` on top of it.
What a network does, beyond its result: ``mechanism`` while it trains, ``landscape`` afterwards.
"""
