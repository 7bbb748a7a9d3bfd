"""The metrics of image classification, on the test set or on held-out training images."""

from experiments.families.metric import loss_in_nats, percentage

METRICS = (
    percentage("test_accuracy", "test accuracy"),
    percentage("test_top5_accuracy", "top-5 test accuracy"),
    loss_in_nats("test_loss", "test loss"),
    percentage("holdout_accuracy", "accuracy on held-out images"),
    percentage("holdout_top5_accuracy", "top-5 accuracy on held-out images"),
    loss_in_nats("holdout_loss", "loss on held-out images"),
)
