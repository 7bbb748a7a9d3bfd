"""Simulated error rates of the rules in ``experiments.stats``, for the figures of docs/verdicts.md.

``scenarios`` draws runs. ``rates`` measures errors, coverage, power and seeds of one design. ``alternatives`` has the
tests that were not adopted. ``cross_fitting`` has intervals for settings chosen from the same runs. ``page`` makes all
tables. ``python -m experiments.stats.simulation`` writes them into docs/verdicts.md, in minutes on one core.
"""
