"""The smallest real diffusion run: a UNet of two levels on the digits that come with scikit-learn."""

TINY_UNET = [
    "dataset=digits",
    "model=ddpm_tiny",
    "model.channels=[8,16]",
    "model.groups=4",
    "recipe.batch_size=32",
    "recipe.time_steps=50",
    "recipe.steps=20",
    "recipe.warmup_steps=2",
    "recipe.eval_every_steps=10",
    "recipe.eval_images=60",
    "recipe.sample_steps=5",
    "recipe.log_every=5",
]
