"""The metrics of diffusion: how well the network predicts the noise in unseen pictures."""

from experiments.families.metric import Metric

METRICS = (
    Metric("test_loss", "test loss (mean squared error of the noise)", "", False, 5, 0.0),
    Metric("holdout_loss", "loss on held-out pictures (mean squared error of the noise)", "", False, 5, 0.0),
    Metric("test_classifier_frechet", "Fréchet distance in the features of our own classifier", "", False, 2, 0.0),
)
