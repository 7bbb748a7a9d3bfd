"""How often the rules of ``experiments.stats`` are wrong, simulated. The figures of docs/verdicts.md come from here.

``scenarios``: how runs are drawn · ``rates``: errors, coverage, power and seeds of one design · ``alternatives``: tests
that were not adopted · ``cross_fitting``: intervals for settings chosen from the same runs · ``page``: all tables of
the page. ``python -m experiments.stats.simulation`` writes them into docs/verdicts.md, in minutes on one core.
"""
