"""Task families: one folder a kind of task, with its schemas, data, models, task and metrics.

``family.Family`` says what a family must give, ``task.Task`` what it trains, ``metric.Metric`` what it measures,
and ``registry`` finds the families: the folders here and the installed packages that offer one.
"""
