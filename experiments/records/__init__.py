"""``results/records/<experiment>.jsonl``: one line a finished run, enough to rebuild every table and figure.

``record`` makes a line of a run's directory, ``read`` checks the lines of a file, ``store`` brings a file up to date.
"""
