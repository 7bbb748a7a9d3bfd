"""The metrics of translation: losses per target token, and scores of the translated test sentences."""

from experiments.families.metric import Metric, loss_in_nats

METRICS = (
    loss_in_nats("val_loss", "validation loss"),
    loss_in_nats("test_loss", "test loss"),
    loss_in_nats("holdout_loss", "loss on held-out pairs"),
    Metric("test_bleu", "test BLEU", "", True, 2, 0.0, 100.0),
    Metric("test_chrf", "test chrF", "", True, 2, 0.0, 100.0),
    Metric("unigram_entropy", "unigram entropy", "nats", False, 4, 0.0),  # of the targets, not of the model
)
