"""``results/records/<experiment>.jsonl.gz``: one line per finished run, enough to rebuild every table and figure.

``record`` makes a line from a run's directory, ``read`` checks the lines of a file, ``store`` updates a file.
"""
