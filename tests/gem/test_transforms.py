"""Derivatives to order 4, in every composition of modes: against Taylor series computed without automatic
differentiation, and against the definitions."""

from __future__ import annotations

import functools
import itertools
import math
import random
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, linearize, vjp, vmap

import gem
from gem import reference

F1 = Callable[[Tensor], Tensor]
HIGHEST = 4
POINTS = (-1.3, -0.2, 0.15, 0.7, 1.9)


def multiply(a: list[float], b: list[float]) -> list[float]:
    return [math.fsum(a[i] * b[k - i] for i in range(k + 1)) for k in range(len(a))]


def divide(a: list[float], b: list[float]) -> list[float]:
    out: list[float] = []
    for k in range(len(a)):
        out.append((a[k] - math.fsum(out[i] * b[k - i] for i in range(k))) / b[0])
    return out


def exponential(a: list[float]) -> list[float]:
    out = [math.exp(a[0])]
    for k in range(1, len(a)):
        out.append(math.fsum(i * a[i] * out[k - i] for i in range(1, k + 1)) / k)
    return out


def series(name: str, x: float, N: int = 1, eps: float = 1.0, slope: float = 0.0) -> list[float]:
    """Taylor coefficients at ``x``, up to order 4."""
    z = [x, 1.0, 0.0, 0.0, 0.0]
    if name == "golu":
        inner = exponential([-a for a in z])
        return multiply(z, exponential([-a for a in inner]))
    factor = 1.0 if x > 0 else slope
    power = functools.reduce(multiply, [z] * (2 * N))
    quotient = divide(multiply(z, power), [eps + power[0], *power[1:]])
    return [factor * a for a in quotient]


def exact(name: str, x: float, order: int, **parameters: float) -> float:
    return math.factorial(order) * series(name, x, **parameters)[order]  # type: ignore[arg-type]


def by_vjp(f: F1) -> F1:
    return lambda x: vjp(f, x)[1](torch.ones_like(x))[0]


def by_jvp(f: F1) -> F1:
    return lambda x: jvp(f, (x,), (torch.ones_like(x),))[1]


def by_vmap(f: F1) -> F1:
    return lambda x: vmap(f)(torch.stack([x, x]))[1]


def by_batched_vjp(f: F1) -> F1:
    """Two cotangents at once, as jacrev does it."""
    return lambda x: vmap(vjp(f, x)[1])(torch.stack([torch.zeros_like(x), torch.ones_like(x)]))[0][1]


OPERATORS: dict[str, tuple[Callable[[F1], F1], int]] = {
    "grad": (grad, 1),
    "vjp": (by_vjp, 1),
    "jvp": (by_jvp, 1),
    "jacfwd": (jacfwd, 1),
    "jacrev": (jacrev, 1),
    "batched vjp": (by_batched_vjp, 1),
    "hessian": (hessian, 2),
    "vmap": (by_vmap, 0),
}

FUNCTIONS: dict[str, tuple[F1, str, dict[str, float]]] = {
    "gem.gem": (lambda x: gem.gem(x, 1), "gem", {}),
    "gem.egem": (lambda x: gem.egem(x, 2, 0.3), "gem", {"N": 2, "eps": 0.3}),
    "gem.segem": (lambda x: gem.segem(x, 1, 0.5, 0.1), "gem", {"eps": 0.5, "slope": 0.1}),
    "gem.golu": (gem.golu, "golu", {}),
    "saves the output": (lambda x: gem.segem(x, 2, 0.5, 0.1, save="output"), "gem", {"N": 2, "eps": 0.5, "slope": 0.1}),
    "eps is a tensor": (lambda x: gem.egem(x, 2, torch.tensor(0.3, dtype=torch.float64)), "gem", {"N": 2, "eps": 0.3}),
    "GEM": (gem.GEM(N=3), "gem", {"N": 3}),
    "EGEM, saves the output": (gem.EGEM(N=1, eps=0.2, save="output"), "gem", {"eps": 0.2}),
    "SEGEM": (gem.SEGEM(N=2, eps=0.3, negative_slope=0.2), "gem", {"N": 2, "eps": 0.3, "slope": 0.2}),
    "GoLU": (gem.GoLU(), "golu", {}),
    "learnable GEM": (gem.GEM(N=2, learnable=True, dtype=torch.float64), "gem", {"N": 2}),
    "learnable SEGEM": (
        gem.SEGEM(eps=0.25, negative_slope=0.1, learnable=True, save="output", dtype=torch.float64),
        "gem",
        {"eps": 0.25, "slope": 0.1},
    ),
    "learnable GoLU": (gem.GoLU(learnable=True, dtype=torch.float64), "golu", {}),
    "reference.egem": (lambda x: reference.egem(x, 2, 0.3), "gem", {"N": 2, "eps": 0.3}),
}
functions = pytest.mark.parametrize("name", FUNCTIONS)


def compositions(seed: int, count: int) -> list[list[str]]:
    """Random ones of depth 1 to 4 whose order is at most 4, and all of four times the same."""
    chance = random.Random(seed)
    chosen = [[name] * (HIGHEST // max(1, order)) for name, (_, order) in OPERATORS.items()]
    while len(chosen) < count:
        names = chance.choices(list(OPERATORS), k=chance.randint(1, 4))
        if sum(OPERATORS[n][1] for n in names) <= HIGHEST:
            chosen.append(names)
    return chosen


def compose(f: F1, names: list[str]) -> tuple[F1, int]:
    for name in names:
        f = OPERATORS[name][0](f)
    return f, sum(OPERATORS[name][1] for name in names)


def close(got: Tensor, wanted: float) -> None:
    torch.testing.assert_close(got.detach(), torch.tensor(wanted, dtype=torch.float64), rtol=1e-8, atol=1e-9)


@functions
def test_random_compositions_give_the_exact_derivative(name: str) -> None:
    f, kind, parameters = FUNCTIONS[name]
    for names in compositions(sum(map(ord, name)), 24):
        g, order = compose(f, names)
        for x in random.Random(str(names)).sample(POINTS, 2):
            close(g(torch.tensor(x, dtype=torch.float64)), exact(kind, x, order, **parameters))


@functions
def test_autograd_around_torch_func_gives_the_exact_derivative(name: str) -> None:
    f, kind, parameters = FUNCTIONS[name]
    for inner, outer in (([], 4), (["jvp"], 3), (["jvp", "jacfwd"], 2), (["grad"], 3), (["jacrev", "jvp"], 2)):
        g, order = compose(f, inner)
        for at in (-0.2, 0.7):
            x = torch.tensor(at, dtype=torch.float64, requires_grad=True)
            y = g(x)
            for _ in range(outer):
                (y,) = torch.autograd.grad(y, x, create_graph=True)
                order += 1
            close(y, exact(kind, at, order, **parameters))
            order -= outer


@functions
@pytest.mark.parametrize("reverse", [0, 1, 2, 3])
def test_dual_numbers_around_reverse_mode_give_the_exact_derivative(name: str, reverse: int) -> None:
    f, kind, parameters = FUNCTIONS[name]
    for at in (-0.2, 0.7):
        with forward_ad.dual_level():
            x = torch.tensor(at, dtype=torch.float64, requires_grad=True)
            dual = forward_ad.make_dual(x, torch.ones_like(x))
            y = f(dual)
            for _ in range(reverse):
                (y,) = torch.autograd.grad(y, dual, create_graph=True)
            value, tangent = forward_ad.unpack_dual(y)
            close(value, exact(kind, at, reverse, **parameters))
            assert tangent is not None
            close(tangent, exact(kind, at, reverse + 1, **parameters))


@functions
def test_a_tangent_that_enters_in_the_backward_pass_comes_out(name: str) -> None:
    """The graph was built before forward mode began: the gradient that comes in carries the tangent."""
    f, kind, parameters = FUNCTIONS[name]
    x = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    y = f(x)
    with forward_ad.dual_level():
        incoming = forward_ad.make_dual(torch.tensor(2.0, dtype=torch.float64), torch.tensor(3.0, dtype=torch.float64))
        value, tangent = forward_ad.unpack_dual(torch.autograd.grad(y, x, incoming)[0])
    slope = exact(kind, 0.7, 1, **parameters)
    close(value, 2 * slope)
    assert tangent is not None
    close(tangent, 3 * slope)
    pull = vjp(f, x.detach())[1]
    close(
        jvp(lambda g: pull(g)[0], (torch.tensor(2.0, dtype=torch.float64),), (torch.tensor(3.0, dtype=torch.float64),))[
            1
        ],
        3 * slope,
    )


@pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr Node")
@functions
def test_linearize_and_vectorised_hessians(name: str) -> None:
    f, kind, parameters = FUNCTIONS[name]
    x = torch.tensor(0.7, dtype=torch.float64)
    close(linearize(f, x)[1](torch.ones_like(x)), exact(kind, 0.7, 1, **parameters))
    points = torch.tensor(POINTS, dtype=torch.float64)
    for outer in ("reverse-mode", "forward-mode"):
        matrix = torch.autograd.functional.hessian(
            lambda z: f(z).sum(), points, vectorize=True, outer_jacobian_strategy=outer
        )
        for row, at in zip(matrix.diagonal(), POINTS, strict=True):
            close(row, exact(kind, at, 2, **parameters))


@pytest.mark.parametrize("save", ["input", "output"])
@pytest.mark.parametrize("make", [gem.GEM, gem.SEGEM])
def test_mixed_derivatives_against_input_and_scale(make: type[gem.GEM | gem.SEGEM], save: str) -> None:
    """Up to order 3, each by reverse and by forward mode, against repeated reverse mode through the definition."""
    module = make(N=2, learnable=True, save=save, dtype=torch.float64)
    slope = module.negative_slope or None

    def f(x: Tensor, a: Tensor) -> Tensor:
        return functional_call(module, {"log_alpha": a.reshape(1)}, (x,))

    def definition(x: Tensor, a: Tensor) -> Tensor:
        return reference.gated_leaky(x, 2, 1.0, torch.exp(-a), slope)

    for places in itertools.product((0, 1), repeat=3):
        x, a = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (0.7, -0.3))
        wanted = definition(x, a)
        for place in places:
            (wanted,) = torch.autograd.grad(wanted, (x, a)[place], create_graph=True)
        for modes in itertools.product((grad, jacfwd), repeat=3):
            g: Callable[..., Tensor] = f
            for place, mode in zip(places, modes, strict=True):
                g = mode(g, place)
            close(g(x.detach(), a.detach()), wanted.item())


def test_a_third_order_loss_trains_as_with_the_definition() -> None:
    """What a network for a differential equation of third order does: derivatives in x by nested forward mode, and a
    gradient with respect to the weights."""
    torch.manual_seed(0)
    weights = (torch.randn(8, 1, dtype=torch.float64), torch.randn(8, dtype=torch.float64))
    gradients = []
    for activation in (gem.GEM(N=2, learnable=True, dtype=torch.float64), lambda z: reference.gem(z, 2)):

        def loss(w: Tensor, b: Tensor, activation: F1 = activation) -> Tensor:
            def u(x: Tensor) -> Tensor:
                return activation(w @ x.view(1) + b).sum()

            return by_jvp(by_jvp(by_jvp(u)))(torch.tensor(0.4, dtype=torch.float64)).square()

        gradients.append(grad(loss, (0, 1))(*weights))
    assert all(g.abs().max() > 1e-3 for g in gradients[0])
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-12)
