"""The smallest real runs: scenes of scikit-learn's digits, which need no data on disk."""

TINY = (
    "dataset=scenes",
    "dataset.sprites=[digits]",
    "dataset.train_size=24",
    "dataset.test_size=6",
    "recipe.steps=6",
    "recipe.batch_size=4",
    "recipe.warmup_steps=2",
    "recipe.eval_every_steps=3",
    "recipe.log_every=2",
)
