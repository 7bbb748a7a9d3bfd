"""Jets: a value with its derivatives along one axis, and their arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

ORDERS = 4  # the highest derivative that `compose` supports


class Jet:
    """``terms[n]`` is the n-th derivative of a function at each point, tensors [B]; terms beyond the last are 0.

    Sums and products of jets, tensors and numbers are those of the functions. A tensor or number is a constant.
    Derivatives above ``order`` are dropped.
    """

    __array_priority__ = 1  # so that tensor * jet calls the jet's method

    def __init__(self, terms: Sequence[Tensor], order: int) -> None:
        self.terms, self.order = list(terms[: order + 1]), order

    def __getitem__(self, n: int) -> Tensor:
        return self.terms[n] if n < len(self.terms) else torch.zeros_like(self.terms[0])

    def __add__(self, other: Jet | Tensor | float) -> Jet:
        if not isinstance(other, Jet):
            return Jet([self.terms[0] + other, *self.terms[1:]], self.order)
        longer, shorter = sorted((self.terms, other.terms), key=len, reverse=True)
        sums = [a + b for a, b in zip(longer, shorter, strict=False)]
        return Jet([*sums, *longer[len(shorter) :]], self.order)

    def __mul__(self, other: Jet | Tensor | float) -> Jet:
        """Leibniz: (u·v)⁽ⁿ⁾ = Σ C(n, i) u⁽ⁱ⁾ v⁽ⁿ⁻ⁱ⁾."""
        if not isinstance(other, Jet):
            return Jet([term * other for term in self.terms], self.order)
        count = min(self.order, len(self.terms) + len(other.terms) - 2) + 1
        return Jet([leibniz(self.terms, other.terms, n) for n in range(count)], self.order)

    def __neg__(self) -> Jet:
        return self * -1.0

    def __sub__(self, other: Jet | Tensor | float) -> Jet:
        return self + -other

    def __rsub__(self, other: Tensor | float) -> Jet:
        return -self + other

    __radd__ = __add__
    __rmul__ = __mul__


Field = Jet | Tensor


def leibniz(u: Sequence[Tensor], v: Sequence[Tensor], n: int) -> Tensor:
    """The n-th derivative of a product."""
    first, last = max(0, n - len(v) + 1), min(n, len(u) - 1)
    total = math.comb(n, first) * u[first] * v[n - first]
    for i in range(first + 1, last + 1):
        total = total + math.comb(n, i) * u[i] * v[n - i]
    return total


def compose(outer: Sequence[Tensor], inner: Sequence[Tensor]) -> list[Tensor]:
    """Derivatives of f(h) from ``outer``, those of f at h, and ``inner``, those of h: Faà di Bruno up to order 4."""
    f, h, order = outer, inner, len(inner) - 1
    terms = [f[0]]
    if order >= 1:
        terms.append(f[1] * h[1])
    if order >= 2:
        square = h[1] * h[1]
        terms.append(f[2] * square + f[1] * h[2])
    if order >= 3:
        cross = h[1] * h[2]
        terms.append(f[3] * (square * h[1]) + 3 * f[2] * cross + f[1] * h[3])
    if order >= 4:
        middle = 3 * h[2] * h[2] + 4 * h[1] * h[3]
        terms.append(f[4] * (square * square) + 6 * f[3] * (square * h[2]) + f[2] * middle + f[1] * h[4])
    if order > ORDERS:
        raise ValueError(f"compose: order {order} is above {ORDERS}")
    return terms


def coordinate(values: Tensor, order: int) -> Jet:
    """The coordinate itself, whose first derivative is 1."""
    return Jet([values, torch.ones_like(values)], order)


def sin(x: Field) -> Field:
    """sin x. For a jet, by the derivatives sin, cos, -sin, -cos, sin."""
    if isinstance(x, Tensor):
        return torch.sin(x)
    s, c = torch.sin(x[0]), torch.cos(x[0])
    inner = [x[n] for n in range(x.order + 1)]
    return Jet(compose([s, c, -s, -c, s], inner), x.order)


def cos(x: Field) -> Field:
    """cos x."""
    return sin(x + math.pi / 2)
