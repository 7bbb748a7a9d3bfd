"""Bad parameters and inputs, names, defaults, gains."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import gem
from gem import reference as F  # noqa: N812

BAD: list[tuple[str, dict[str, Any], type[Exception], str]] = [
    *(("gem", {"N": N}, error, "N") for N, error in ((0, ValueError), (-1, ValueError), (33, ValueError))),
    *(("egem", {"N": N}, TypeError, "N") for N in (1.5, "2", True, None, float("nan"))),
    *(("egem", {"eps": eps}, ValueError, "eps") for eps in (0, -1, 0.0, float("nan"), float("inf"), 1e-31, 1e31)),
    *(("segem", {"eps": eps}, TypeError, "eps") for eps in ("1e-4", None, True, 1j)),
    *(("segem", {"negative_slope": a}, ValueError, "negative_slope") for a in (1, 1.5, -0.1, float("nan"))),
    ("segem", {"negative_slope": "0.1"}, TypeError, "negative_slope"),
    ("egem", {"convention": "other"}, ValueError, "convention"),
    ("egem", {"convention": 1}, TypeError, "convention"),
    ("gem", {"save": "both"}, ValueError, "save"),
    ("gem", {"channels": 4}, ValueError, "channels"),
    ("gem", {"channels": 0, "learnable": True}, ValueError, "channels"),
    ("gem", {"channels": 2.0, "learnable": True}, TypeError, "channels"),
    *(("golu", {key: 0.0}, ValueError, key) for key in ("alpha", "beta", "gamma")),
    ("golu", {"beta": "1"}, TypeError, "beta"),
]


@pytest.mark.parametrize(("name", "params", "error", "key"), BAD)
def test_a_bad_parameter_is_named_with_its_value_and_range(
    name: str, params: dict[str, Any], error: type[Exception], key: str
) -> None:
    with pytest.raises(error) as caught:
        gem.make_activation(name, **params)
    message = str(caught.value)
    assert message.startswith(f"{key} must be ")
    assert repr(params[key]) in message


def test_the_functions_check_too() -> None:
    x = torch.zeros(1)
    with pytest.raises(ValueError, match="N must be"):
        F.gem(x, N=0)
    with pytest.raises(ValueError, match="eps must be"):
        F.egem(x, eps=-1)
    with pytest.raises(ValueError, match="negative_slope must be"):
        F.segem(x, negative_slope=1)
    with pytest.raises(ValueError, match="gamma must be"):
        F.golu(x, gamma=-1)
    for eps in (torch.zeros(1), torch.tensor([1.0, -1.0])):
        with pytest.raises(ValueError, match="eps must be above 0 in every element, got tensor"):
            gem.egem(x, eps=eps)


@pytest.mark.parametrize("x", [1.0, np.zeros(3)])
def test_an_input_that_is_no_tensor_raises(x: Any) -> None:
    for f in (gem.GEM(), gem.GoLU(), F.egem):
        with pytest.raises(TypeError, match="expected a tensor, got"):
            f(x)


def test_an_integer_of_numpy_is_an_integer() -> None:
    assert type(gem.GEM(N=np.int64(2)).N) is int  # type: ignore[arg-type]


def test_settings_may_be_changed_and_are_checked() -> None:
    module, x = gem.SEGEM(), torch.linspace(-2, 2, 9)
    module.N, module.eps, module.negative_slope = 2, 0.5, 0.2
    other = gem.SEGEM(2, 0.5, 0.2)
    assert torch.equal(module(x), other(x))
    assert repr(module) == repr(other)
    assert torch.equal(module._bits, other._bits)
    with pytest.raises(ValueError, match="eps must be"):
        module.eps = -1
    with pytest.raises(ValueError, match="save must be one of 'input', 'output', got 'x'"):
        module.save = "x"
    assert torch.equal(module(x), other(x))
    learned = gem.EGEM(learnable=True)
    learned.N = 3
    torch.testing.assert_close(learned(x), 0.01 * F.gem(x / 0.01, 3))
    with pytest.raises(AttributeError, match=r"eps cannot be changed to 0\.5: it is learned"):
        learned.eps = 0.5


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64])
@pytest.mark.parametrize("name", ["gem", "egem", "segem", "golu"])
def test_an_input_that_is_not_real_floating_raises(name: str, dtype: torch.dtype) -> None:
    x = torch.zeros(3, dtype=dtype)
    with pytest.raises(TypeError, match=str(dtype)):
        gem.make_activation(name)(x)
    with pytest.raises(TypeError, match=str(dtype)):
        getattr(F, name)(x)


def test_unknown_names_and_parameters() -> None:
    with pytest.raises(ValueError, match=r"one of gem, egem.*'swish'"):
        gem.make_activation("swish")
    with pytest.raises(TypeError, match=r"'relu' has no parameter 'eps'; its parameters: inplace"):
        gem.make_activation("relu", eps=1)


def test_every_activation_can_be_made_with_its_defaults() -> None:
    for name, spec in gem.ACTIVATIONS.items():
        module = gem.make_activation(name, **spec.defaults)
        assert isinstance(module, nn.Module)
        assert torch.isfinite(module(torch.linspace(-3, 3, 7))).all()
    assert gem.ACTIVATIONS["egem"].defaults["eps"] == 1e-4
    assert gem.ACTIVATIONS["segem"].defaults["negative_slope"] == 0.01


@pytest.mark.parametrize(
    ("module", "shown"),
    [
        (gem.GEM(N=2), "GEM(N=2)"),
        (gem.EGEM(), "EGEM(N=1, eps=0.0001)"),
        (gem.EGEM(eps=10, convention="scale", save="output"), "EGEM(N=1, eps=10, convention='scale', save='output')"),
        (gem.SEGEM(eps=1e-6), "SEGEM(N=1, eps=1e-06, negative_slope=0.01)"),
        (gem.GEM(learnable=True, channels=3), "GEM(N=1, learnable=True, channels=3)"),
        (gem.GoLU(beta=2), "GoLU(alpha=1, beta=2, gamma=1)"),
    ],
)
def test_modules_show_their_parameters(module: nn.Module, shown: str) -> None:
    assert repr(module) == shown


def test_limits_of_the_family() -> None:
    x = torch.linspace(-4, 4, 101, dtype=torch.float64)
    torch.testing.assert_close(F.egem(x, 2, 1.0), F.gem(x, 2), rtol=0, atol=0)
    torch.testing.assert_close(F.egem(x, 2, 1.0, "scale"), F.gem(x, 2), rtol=0, atol=0)
    torch.testing.assert_close(F.egem(x, 1, 0.09), 0.3 * F.gem(x / 0.3), rtol=1e-14, atol=0)
    torch.testing.assert_close(F.egem(x, 2, 0.3, "scale"), 0.3 * F.gem(x / 0.3, 2), rtol=1e-14, atol=0)
    torch.testing.assert_close(
        F.segem(x, 2, 0.3, 0.1), F.egem(x, 2, 0.3) - 0.1 * F.egem(-x, 2, 0.3), rtol=0, atol=1e-16
    )
    torch.testing.assert_close(F.egem(x, 1, 1e-24), torch.relu(x), rtol=1e-14, atol=1e-12)
    eps = torch.tensor(0.3, dtype=torch.float64)
    for convention in ("additive", "scale"):
        torch.testing.assert_close(F.egem(x, 2, eps, convention), F.egem(x, 2, 0.3, convention), rtol=1e-14, atol=0)


# Second moments under N(0, 1), by numerical integration; see results/tables/properties.md for the family's own.
MOMENTS = {
    ("relu",): 0.5,
    ("gelu",): 0.4252,
    ("silu",): 0.3558,
    ("mish",): 0.4523,
    ("elu",): 0.6449,
    ("golu",): 0.3196,
    ("gem",): 0.2335,
    ("gem", ("N", 2)): 0.3057,
    ("gem", ("N", 3)): 0.3404,
    ("egem", ("eps", 1e-2)): 0.4914,
    ("egem", ("eps", 10.0)): 0.0294,
    ("egem", ("eps", 10.0), ("N", 2)): 0.1147,
}


@pytest.mark.parametrize(("key", "moment"), MOMENTS.items())
def test_gain_matches_the_second_moment(key: tuple[Any, ...], moment: float) -> None:
    name, *params = key
    assert round(gem.gain(name, **dict(params)) ** -2, 4) == moment


def test_gain_of_closed_forms_modules_and_functions() -> None:
    assert math.isclose(gem.gain("relu"), math.sqrt(2), rel_tol=1e-12)
    assert math.isclose(gem.gain(nn.LeakyReLU(0.1)), math.sqrt(2 / 1.01), rel_tol=1e-12)
    assert math.isclose(gem.gain("identity"), 1, rel_tol=1e-12)
    assert math.isclose(gem.gain(torch.relu), math.sqrt(2), rel_tol=1e-12)
    assert math.isclose(gem.gain("egem", eps=1e-12), math.sqrt(2), rel_tol=1e-9)
    assert math.isclose(gem.gain("gem", learnable=True), gem.gain("gem"), rel_tol=1e-12)
    with pytest.raises(ValueError, match="second moment"):
        gem.gain(torch.zeros_like)


@pytest.mark.parametrize("name", ["gem", "egem", "segem", "golu", "gelu", "relu"])
def test_gain_makes_the_next_layer_unit_variance(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    h = gem.make_activation(name)(torch.randn(256, 1024, generator=generator))
    weights = torch.randn(1024, 1024, generator=generator) * gem.gain(name) / math.sqrt(1024)
    assert abs((h @ weights).square().mean().item() - 1) < 0.06


def test_importing_gem_is_light() -> None:
    """At most 0.3 s of processor time beside torch, and none of the optional packages."""
    program = """
import sys, time, torch
before, start = set(sys.modules), time.process_time()
import gem
took = time.process_time() - start
assert took < 0.3, took
heavy = {"triton", "transformers", "timm", "onnx", "sympy", "torch._dynamo"} & (set(sys.modules) - before)
assert not heavy, heavy
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
