"""Sharpness: the largest eigenvalue and the trace of the loss's Hessian.

Products with the Hessian come from two reverse passes. Forward over reverse mode, which curvlinops uses, fails for SiLU
and Mish: torch has no forward mode of their backward pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor, nn

from experiments.randomness import generator

Batches = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Sharpness:
    """Sharpness of the mean loss in nats over the examples, with respect to all parameters."""

    top: float  # the largest eigenvalue
    trace: float  # Hutchinson's estimate
    trace_error: float  # its standard error


def sharpness(model: nn.Module, loss: nn.Module, batches: Batches, vectors: int) -> Sharpness:
    """Lanczos (scipy's eigsh, relative error 1e-3) and Hutchinson with ``vectors`` Rademacher vectors of a fixed seed.

    ``loss`` gives the mean over a batch. ``model`` must be in evaluation mode: in training mode BatchNorm couples the
    examples and changes the Hessian. For ReLU it is the Hessian almost everywhere, without the kinks.
    """
    assert not model.training
    product = hessian_product(model, loss, batches)
    size = sum(p.numel() for p in trained(model))
    example = trained(model)[0]
    operator = LinearOperator(
        (size, size), matvec=lambda v: product(torch.from_numpy(v).to(example)).cpu().numpy(), dtype=numpy.float32
    )
    start = torch.randn(size, generator=generator(0, "lanczos")).numpy()
    (top,) = eigsh(operator, k=1, which="LA", tol=1e-3, v0=start, return_eigenvectors=False)
    draw = generator(0, "hutchinson")
    signs = [torch.randint(2, (size,), generator=draw).to(example) * 2 - 1 for _ in range(vectors)]
    samples = [torch.dot(each, product(each)).item() for each in signs]
    error = float(numpy.std(samples, ddof=1)) / len(samples) ** 0.5
    return Sharpness(float(top), float(numpy.mean(samples)), error)


def trained(model: nn.Module) -> list[nn.Parameter]:
    return [p for p in model.parameters() if p.requires_grad]


def hessian_product(model: nn.Module, loss: nn.Module, batches: Batches) -> Callable[[Tensor], Tensor]:
    """v ↦ Hv for the mean loss over all examples; v and Hv are vectors over all trained parameters."""
    parameters = trained(model)
    count = sum(len(targets) for _, targets in batches)

    def product(vector: Tensor) -> Tensor:
        total = torch.zeros_like(vector)
        for inputs, targets in batches:
            first = torch.autograd.grad(loss(model(inputs), targets), parameters, create_graph=True)
            along = torch.dot(torch.cat([each.flatten() for each in first]), vector)
            second = torch.autograd.grad(along, parameters, materialize_grads=True)
            total += torch.cat([each.flatten() for each in second]) * (len(targets) / count)
        return total

    return product
