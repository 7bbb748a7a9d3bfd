"""The functions in the subset of Python that torch.jit.script supports. They equal :mod:`gem.reference`."""

import torch
from torch import Tensor


def scripted_gated(x: Tensor, numbers: tuple[int, float, float, float]) -> Tensor:
    """leaky_relu(x, slope)·v / (c + v) with v = (s·x)^(2N), below the limit of :func:`gem.reference.ceiling`."""
    N, c, s, slope = numbers
    z = x if x.dtype == torch.float64 else x.float()
    top = 2.0 ** ((100.0 if x.dtype == torch.float64 else 60.0) / (2.0 * N))
    low = 0.0 if slope == 0.0 else -top
    t = z * s
    t = torch.where(t < low, low, torch.where(t > top, top, t))
    square = t * t
    v = square
    for _ in range(N - 1):
        v = v * square
    q = c / (c + v)
    gate = (v / (c + v)).detach() + (q.detach() - q)
    return (torch.where(z <= 0, torch.zeros_like(z) if slope == 0.0 else slope * z, z) * gate).to(x.dtype)


def scripted_golu(x: Tensor, numbers: tuple[float, float, float, float, float]) -> Tensor:
    """GoLU with alpha, beta, gamma and the limits of its gate."""
    alpha, beta, gamma, low, high = numbers
    z = x if x.dtype == torch.float64 else x.float()
    above = torch.where(z < low, low, z)
    gate = torch.exp(-beta * torch.exp(-gamma * torch.where(above > high, high, above)))
    return (above * (alpha * gate)).to(x.dtype)
