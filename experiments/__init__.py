"""From a command to a table.

A run: ``exits`` → ``config`` → ``run`` → ``session`` (files) and ``loop`` (steps) → ``tasks`` → ``models``, ``data``.
Many runs: ``sweeps``, on this machine or Slurm; ``together``, several in one process.
A table: ``presets`` → ``cells`` → ``records`` → ``tables`` → ``notes`` and ``render``, with ``stats`` below it all.
Many tables: ``claims``, ``figures``, ``report``; before any run ``plan``, after it ``mechanism`` and ``landscape``.
"""
