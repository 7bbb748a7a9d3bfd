"""Sharpness: the largest eigenvalue and the trace of the loss's Hessian, through curvlinops."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy
import torch
from torch import Tensor, nn

from experiments.errors import UserError
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

    ``model`` must be in evaluation mode: in training mode BatchNorm couples the examples and changes the Hessian.
    For ReLU it is the Hessian almost everywhere, without the kinks. Source of the products: Dangel et al. (2025),
    curvlinops (arXiv:2501.19183).
    """
    assert not model.training
    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore", FutureWarning)  # a dependency uses scripted functions of torch's forward mode
        return measure_sharpness(model, loss, batches, vectors)


def measure_sharpness(model: nn.Module, loss: nn.Module, batches: Batches, vectors: int) -> Sharpness:
    try:
        from curvlinops import HessianLinearOperator, hutchinson_trace
    except ImportError as missing:
        raise UserError("parts=sharpness: needs curvlinops; pip install -e '.[landscape]'") from missing
    from scipy.sparse.linalg import eigsh

    parameters = [p for p in model.parameters() if p.requires_grad]
    hessian = HessianLinearOperator(model, loss, parameters, batches, check_deterministic=False)
    operator = hessian.to_scipy()
    start = torch.randn(operator.shape[0], generator=generator(0, "lanczos")).numpy()
    (top,) = eigsh(operator, k=1, which="LA", tol=1e-3, v0=start, return_eigenvectors=False)
    torch.manual_seed(generator(0, "hutchinson").initial_seed())
    samples = [hutchinson_trace(hessian, 1).item() for _ in range(vectors)]
    error = float(numpy.std(samples, ddof=1)) / len(samples) ** 0.5
    return Sharpness(float(top), float(numpy.mean(samples)), error)
