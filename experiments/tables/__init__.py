"""From a preset and its records to a table with a verdict.

``evidence`` holds the counted runs, judged as planned; ``row`` and ``table`` put them in rows and words. ``overall``
has means over a grid, ``crossfitted`` each activation at its own setting. ``pair`` and ``pairs`` have one comparison
of two configurations over all tables; ``over_tables`` makes footnotes of it. ``claims`` and ``claims_page`` compare a
paper's claims with the results. ``recorded`` makes a table from committed records.

As text: ``columns`` and ``staged`` (tuned presets). Footnotes: ``notes`` with ``method``, ``power``, ``explored`` and
``provenance``. Formats: ``render``, ``latex``, ``csv_file``.
"""
