"""No run begins with wrong derivatives: a custom activation is tested first."""

from __future__ import annotations

from pathlib import Path

import pytest

import gem
from experiments.errors import UserError
from experiments.families.physics.derivatives.check import check_derivatives
from experiments.families.physics.models.pinn import PINN
from experiments.families.physics.problems.bump import Beam, Poisson
from experiments.families.physics.problems.burgers import Burgers
from experiments.families.physics.problems.problem import Problem
from tests.experiments.families.physics import strangers
from tests.experiments.families.physics.exact import EXACT
from tests.experiments.results import tree
from tests.experiments.zygote import Zygote

WRONG = {
    "wrong_reverse_mode": "its derivative of order 1 at -",
    "once": "its derivative of order 2",
    "raises": "cannot be differentiated .* times: the kernel has no second derivative$",
    "in_float32": "it must compute in float64",
    "detached": "its derivative of order 1",
    "straight_through": "its derivative of order 1",
    "over_units": "it must act on each element alone",
    "over_batch": "it must act on each element alone",
    "at_random": "and not at random",
}
FILE = Path(strangers.__file__)


def network(problem: Problem, activation: object) -> PINN:
    axes = problem.axes
    return PINN([a.low for a in axes], [a.high for a in axes], 5, 2, lambda: activation)  # type: ignore[arg-type]


@pytest.mark.parametrize("problem", [Poisson(), Burgers(0.02), Beam()])
@pytest.mark.parametrize("name", WRONG)
def test_wrong_activations_are_refused(problem: Problem, name: str) -> None:
    from experiments.activations.build import FunctionActivation

    activation = FunctionActivation(getattr(strangers, name), {})
    with pytest.raises(UserError, match=f"^activation={name}: .*{WRONG[name]}"):
        check_derivatives(problem, network(problem, activation), f"activation={name}")


@pytest.mark.parametrize("name", ["swash", "wrong_forward_mode"])
def test_right_ones_are_not(name: str) -> None:
    """Forward mode is not used, so a mistake in it does no harm."""
    from experiments.activations.build import FunctionActivation

    activation = FunctionActivation(getattr(strangers, name), {})
    check_derivatives(Beam(), network(Beam(), activation), name)


@pytest.mark.parametrize(("name", "parameters", "_"), EXACT, ids=[f"{name} {p}" for name, p, _ in EXACT])
def test_no_activation_by_name_is_refused(name: str, parameters: dict[str, float], _: object) -> None:
    check_derivatives(Beam(), network(Beam(), gem.make_activation(name, **parameters)), name)


@pytest.mark.parametrize("name", ["wrong_reverse_mode", "over_units"])
def test_it_is_one_line_before_anything_is_written(train: Zygote, tmp_path: Path, name: str) -> None:
    places = [f"runs_dir={tmp_path / 'runs'}", f"cache_dir={tmp_path / 'cache'}"]
    ended = train.run(
        "dataset=allen_cahn", "model=pinn", "activation=custom", f"activation.target={FILE}:{name}", *places
    )
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith(f"error: activation={name}: ")
    assert ended.err.count("\n") == 1
    assert tree(tmp_path) == {}
