"""Two more of GoLU's analyses: the distribution of weights, and how much an activation narrows its input.

They follow GoLU (arXiv:2502.03654) and its public code. If a detail is not known, the docstring says what is done here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy
import torch
from torch import Tensor, nn

from experiments.randomness import generator

BINS = 200  # GoLU's figure has 2,000, which changes the resolution but not the shape
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
    """Edges and densities over the common range: largest 1st percentile to smallest 99th percentile.

    A density is a bin's share of all weights of a vector, divided by the width of the bin. Weights outside the range
    are missing from it.
    """
    limits = numpy.array([numpy.percentile(vector.numpy(), [1, 99]) for vector in vectors])
    edges = numpy.linspace(limits[:, 0].max(), limits[:, 1].min(), BINS + 1)
    densities = [numpy.histogram(v.numpy(), edges)[0] / (len(v) * (edges[1] - edges[0])) for v in vectors]
    return edges.tolist(), [density.tolist() for density in densities]


@torch.no_grad()
def output_variance(activation: nn.Module, images: Tensor) -> list[float]:
    """Variance over the pixels of activation(BatchNorm(convolution(image))), image by image; uint8 [n, C, H, W].

    One random 3×3 convolution maps all channels to one and is the same for every activation. BatchNorm is in training
    mode on the single image, so that the activation receives mean 0 and variance 1. The publication does not say which
    images and which initialisation it uses. Here they are the caller's images and torch's default.
    """
    convolution = nn.Conv2d(images.shape[1], 1, 3)
    bound = (9 * images.shape[1]) ** -0.5
    draw = torch.rand(convolution.weight.shape, generator=generator(0, "output variance"))
    convolution.weight.copy_((2 * draw - 1) * bound)
    convolution.bias.zero_()  # type: ignore[union-attr]
    normalise = nn.BatchNorm2d(1).train()
    return [activation(normalise(convolution(image[None] / 255))).var(correction=0).item() for image in images]
