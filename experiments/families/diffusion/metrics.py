"""What diffusion measures: how well the noise in unseen pictures is predicted."""

from experiments.families.metric import Metric

METRICS = (
    Metric("test_loss", "test loss (mean squared error of the noise)", "", False, 5, 0.0),
    Metric("holdout_loss", "loss on held-out pictures (mean squared error of the noise)", "", False, 5, 0.0),
    Metric("test_classifier_frechet", "Fréchet distance in the features of our own classifier", "", False, 2, 0.0),
)
