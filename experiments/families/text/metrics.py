"""The metrics of language modelling, on the validation text."""

from experiments.families.metric import Metric, loss_in_nats, percentage

METRICS = (
    loss_in_nats("val_loss", "validation loss"),
    Metric("val_perplexity", "validation perplexity", "", False, 2, 1.0),
    percentage("val_token_accuracy", "validation token accuracy"),
    loss_in_nats("holdout_loss", "loss on held-out text"),
    Metric("holdout_perplexity", "perplexity on held-out text", "", False, 2, 1.0),
    percentage("holdout_token_accuracy", "token accuracy on held-out text"),
    Metric("unigram_entropy", "unigram entropy", "nats", False, 4, 0.0),  # of the text, not of the model
)
