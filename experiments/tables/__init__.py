"""From a preset and its records to a table with a verdict.

``presets``: cells, seeds, metric, reference · ``cells``: those composed and typed · ``plan``: before any run, cost and
power · ``records``: one line a finished run · ``table``: rows matched, compared, worded · ``notes``: its footnotes ·
``overall``: means over a grid · ``render``: Markdown, CSV, LaTeX · ``claims``: a paper's beside what was found.
"""
