"""The metrics of physics problems, at fixed points that no step trains on.

Tuning uses only the loss at held-out points, like a user without a reference solution. Its logarithm is averaged over
seeds, because losses of equal runs differ by powers of ten.
"""

from experiments.families.metric import Metric

FLOOR = 1e-16  # smaller relative errors and losses count as this value: float64 resolves no more

METRICS = (
    Metric("test_log10_error", "log10 of the relative L2 error", "decades", False, 2, low=-16.0),
    Metric("test_loss", "test loss", "", False, 8),
    Metric("holdout_log10_loss", "log10 of the loss at held-out points", "decades", False, 2, low=-16.0),
    Metric("holdout_loss", "loss at held-out points", "", False, 8),
)
