"""Task families: one folder for each kind of task, with its schemas, data, models, task and metrics.

``family.Family`` defines what a family provides, ``task.Task`` what it trains, and ``metric.Metric`` what it measures.
``registry`` finds the families: the folders here, and those of installed packages.
"""
