"""What physics problems measure, at fixed points that no step trains on.

Tuning sees the loss at held-out points alone, as a user does who has no reference solution. Its logarithm is averaged
over seeds, since losses of equal runs differ by powers of ten.
"""

from experiments.families.metric import Metric

FLOOR = 1e-16  # relative errors and losses below it count as it: float64 resolves no more

METRICS = (
    Metric("test_log10_error", "log10 of the relative L2 error", "decades", False, 2, low=-16.0),
    Metric("test_loss", "test loss", "", False, 8),
    Metric("holdout_log10_loss", "log10 of the loss at held-out points", "decades", False, 2, low=-16.0),
    Metric("holdout_loss", "loss at held-out points", "", False, 8),
)
