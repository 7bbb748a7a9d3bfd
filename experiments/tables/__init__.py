"""From a preset and its records to a table with a verdict.

``evidence``: the counted runs, judged as planned · ``row``, ``table``: in rows and words · ``overall``: means over a
grid · ``crossfitted``: each activation at its own setting · ``pair``, ``pairs``: one comparison of two configurations
over all tables · ``over_tables``: what that says beside a table · ``claims``, ``claims_page``: a paper's beside what
was found · ``recorded``: a table from committed records.

As text: ``columns``, ``staged`` (tuned presets) · ``notes`` with ``method``, ``power``, ``explored``, ``provenance`` ·
``render``, ``latex``, ``csv_file``.
"""
