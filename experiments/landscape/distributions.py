"""Two more of GoLU's analysis figures: how weights are distributed, and how much an activation narrows its input.

After GoLU (arXiv:2502.03654) as its public code defines them; where that is not known, the text says what is done here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy
import torch
from torch import Tensor, nn

from experiments.randomness import generator

BINS = 200  # GoLU's figure has 2,000; that is its grain, not its shape
NOT_COUNTED = (nn.BatchNorm2d, nn.LayerNorm, nn.Embedding)


def weights(model: nn.Module) -> Tensor:
    """All weights and biases of convolutions and linear layers in one vector; no normalisation, no embeddings."""
    kept = [
        p.detach().flatten()
        for module in model.modules()
        if not isinstance(module, NOT_COUNTED)
        for p in module.parameters(recurse=False)
    ]
    return torch.cat(kept).cpu()


def histograms(vectors: Sequence[Tensor]) -> tuple[list[float], list[list[float]]]:
    """Edges and densities over the range that all have in common: largest 1st to smallest 99th percentile.

    A density is a share of all of a vector's weights by width, so what lies outside the range is missing from it.
    """
    limits = numpy.array([numpy.percentile(vector.numpy(), [1, 99]) for vector in vectors])
    edges = numpy.linspace(limits[:, 0].max(), limits[:, 1].min(), BINS + 1)
    densities = [numpy.histogram(v.numpy(), edges)[0] / (len(v) * (edges[1] - edges[0])) for v in vectors]
    return edges.tolist(), [density.tolist() for density in densities]


@torch.no_grad()
def output_variance(activation: nn.Module, images: Tensor) -> list[float]:
    """Variance over the pixels of activation(BatchNorm(convolution(image))), image by image; uint8 [n, C, H, W].

    One random 3×3 convolution from all channels to one, the same for every activation, and BatchNorm in training mode
    on the single image, so that the activation sees mean 0 and variance 1. Which images, and the initialisation of
    the convolution, are not known of the published figure: here they are torch's default and the caller's images.
    """
    convolution = nn.Conv2d(images.shape[1], 1, 3)
    bound = (9 * images.shape[1]) ** -0.5
    draw = torch.rand(convolution.weight.shape, generator=generator(0, "output variance"))
    convolution.weight.copy_((2 * draw - 1) * bound)
    convolution.bias.zero_()  # type: ignore[union-attr]
    normalise = nn.BatchNorm2d(1).train()
    return [activation(normalise(convolution(image[None] / 255))).var(correction=0).item() for image in images]
