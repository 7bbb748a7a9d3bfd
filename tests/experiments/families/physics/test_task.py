"""The task: points, activations, metrics, learning, pictures, and the ladder's cells."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
import torch
from matplotlib.image import imread
from torch import nn

import gem
from experiments.config.compose import compose_run
from experiments.errors import UserError
from experiments.families.build import build_task
from experiments.families.physics import FAMILY
from experiments.families.physics.collocation import gauss_points
from experiments.families.physics.derivatives.elementwise import elementwise_derivatives
from experiments.families.physics.models.pinn import initialise
from experiments.families.physics.problems.bump import root_mean_square, solution
from experiments.families.physics.problems.problem import Axis
from experiments.families.physics.task import PhysicsTask
from experiments.processes import Processes
from experiments.runs.loop import Trainer
from experiments.runs.mechanism import FIGURES, observe_calls
from experiments.studies.cells import cells_of
from experiments.studies.presets import load_preset
from experiments.studies.tuned import tuning_metric
from tests.experiments.results import bits
from tests.experiments.zygote import Zygote

CPU = torch.device("cpu")
SMALL = ("model=pinn", "model.width=8", "model.depth=2", "recipe.points=16", "recipe.lbfgs_points=null")
PROBLEMS = ("deep_ritz", "poisson", "burgers", "allen_cahn", "beam")


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"cache_dir={tmp_path_factory.getbasetemp() / 'cache'}"


def task_of(*words: str) -> PhysicsTask:
    task = build_task(compose_run([*SMALL, *words]), CPU)
    assert isinstance(task, PhysicsTask)
    return task


@pytest.mark.parametrize("dataset", PROBLEMS)
def test_every_activation_is_the_configured_one(dataset: str, cache: str) -> None:
    task = task_of(f"dataset={dataset}", "activation=egem", "N=2", "model.depth=4", cache)
    found = [
        module for module in task.model.modules() if not list(module.children()) and not isinstance(module, nn.Linear)
    ]
    assert [type(module).__name__ for module in found] == ["EGEM"] * 4
    assert all(module.N == 2 for module in found)


@pytest.mark.parametrize("dataset", PROBLEMS)
def test_a_batch_is_a_function_of_seed_and_step(dataset: str, cache: str) -> None:
    task = task_of(f"dataset={dataset}", cache)
    again, other = task_of(f"dataset={dataset}", cache), task_of(f"dataset={dataset}", "seed=1", cache)
    (points,) = task.batch(7)
    assert points.shape == (16, len(task.problem.axes))
    assert points.dtype == torch.float64
    assert torch.equal(points, again.batch(7)[0])
    assert not torch.equal(points, task.batch(8)[0])
    assert not torch.equal(points, other.batch(7)[0])
    assert torch.equal(task_of(f"dataset={dataset}", "recipe.sampling=grid", cache).batch(7)[0], task.fixed_batch()[0])


@pytest.mark.parametrize("key", ["impl.micro_batch=5", "recipe.accumulate=3"])
def test_parts_make_the_same_gradient(key: str) -> None:
    whole, parted = task_of("dataset=poisson"), task_of("dataset=poisson", key)
    batch = whole.batch(0)
    whole.loss(batch).backward()
    parts = list(parted.parts(batch))
    assert len(parts) > 1
    for part, weight in parts:
        (parted.loss(part) * weight).backward()
    for mine, other in zip(whole.model.parameters(), parted.model.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


def test_the_initialisation_is_as_stated() -> None:
    """Wide enough to see it: sd 1 in the first layer, gain/√fan_in after it, biases uniform in [-1, 1]."""
    task = task_of("dataset=poisson", "model.width=400", "activation=relu")
    first, second = task.model.hidden
    assert first.weight.std().item() == pytest.approx(1.0, rel=0.1)
    assert second.weight.std().item() == pytest.approx(math.sqrt(2 / 400), rel=0.02)
    assert task.model.output.weight.std().item() == pytest.approx(math.sqrt(2 / 400), rel=0.1)
    assert task.model.output.bias.item() == 0
    assert second.bias.abs().max() <= 1
    assert second.bias.std().item() == pytest.approx(math.sqrt(1 / 3), rel=0.1)
    other = task_of("dataset=poisson", "model.width=400", "activation=relu", "seed=1")
    assert not torch.equal(first.weight, other.model.hidden[0].weight)


def test_metrics_by_hand() -> None:
    """A network that gives 0 has the relative error 1, one of 2u/(1 - x²) too; the loss of 0 is 1."""
    task = task_of("dataset=poisson")
    for parameter in task.model.parameters():
        parameter.data.zero_()
    assert task.evaluate() == pytest.approx({"test_log10_error": 0.0, "test_loss": 1.0}, abs=1e-5)
    task.model.output.bias.data.fill_(1e5)
    u = task.problem.candidate(task.test_points, torch.full_like(task.reference, 1e5))
    expected = math.log10(((u - task.reference).norm() / task.reference.norm()).item())
    assert task.evaluate()["test_log10_error"] == pytest.approx(expected)
    assert task.model.training


def test_an_error_of_zero_is_the_floor_and_of_nan_no_number() -> None:
    task = task_of("dataset=poisson")
    task.reference = task.solution(task.test_points).detach()
    assert task.evaluate()["test_log10_error"] == -16
    task.model.output.bias.data.fill_(float("nan"))
    assert math.isnan(task.evaluate()["test_log10_error"])


def test_a_network_that_is_not_finite_diverges() -> None:
    config = compose_run([*SMALL, "dataset=beam", "recipe.lr=1e200", "recipe.steps=9", "recipe.lbfgs_steps=3"])
    trainer = Trainer(build_task(config, CPU), config.recipe, config.impl, CPU)
    while not trainer.done:
        line = trainer.advance()
    assert trainer.diverged
    assert line is not None
    assert line["diverged_at_step"] <= 9


@pytest.mark.parametrize("dataset", PROBLEMS)
def test_it_learns(dataset: str, cache: str) -> None:
    """In a hundred steps of Adam and five of L-BFGS the loss falls to an eighth, the error of most to a fifth."""
    words = (f"dataset={dataset}", "model=pinn", "model.width=16", "recipe.points=64", "recipe.steps=105", cache)
    smooth = ["dataset.viscosity=0.1"] if dataset == "burgers" else []
    config = compose_run([*words, *smooth, "recipe.lbfgs_steps=5", "impl=deterministic", "activation=tanh"])
    trainer = Trainer(build_task(config, CPU), config.recipe, config.impl, CPU)
    start = trainer.task.evaluate()["test_loss"]
    while not trainer.done:
        line = trainer.advance()
    assert line is not None
    assert line["test_loss"] < start / 8
    assert dataset == "beam" or line["test_log10_error"] < math.log10(0.2)


def test_float32_is_float32_throughout() -> None:
    task = task_of("dataset=beam", "recipe.dtype=float32")
    assert {p.dtype for p in task.model.parameters()} == {torch.float32}
    assert task.loss(task.batch(0)).dtype == torch.float32
    assert math.isfinite(task.evaluate()["test_log10_error"])


def test_an_activation_that_is_zero_cannot_be_initialised(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def nothing(x):\n    return 0 * x\n")
    with pytest.raises(UserError, match="model=pinn: cannot be initialised"):
        task_of("dataset=poisson", "activation=custom", f"activation.target={tmp_path}/mine.py:nothing")


def test_what_the_activations_do_is_measured_and_changes_nothing() -> None:
    """Saturation is the share of the places where |f'| < 0.001, counted here by the function's own derivative."""
    states, lines = [], []
    for switch in ("true", "false"):
        words = ("dataset=burgers", "recipe.steps=12", "recipe.lbfgs_steps=2", "impl=deterministic", "activation=gem")
        config = compose_run([*SMALL, *words, f"impl.mechanism={switch}"])
        trainer = Trainer(build_task(config, CPU), config.recipe, config.impl, CPU)
        while not trainer.done:
            line = trainer.advance()
        assert line is not None
        states.append(bits([trainer.state()[key] for key in ("model", "optimizer", "lbfgs")]))
        lines.append({key: value for key, value in line.items() if key != "seconds"})
        task = trainer.task
    assert states[0] == states[1]
    assert {key: lines[0][key] for key in lines[1]} == lines[1]
    calls, _ = observe_calls(task.model, task.activation_type, lambda: task.probe_loss(task.probe_batch()))
    inputs = [x for x, _, _ in calls]
    assert all(x.shape == (256, 8) for x in inputs)
    slopes = [elementwise_derivatives(gem.functional.gem, x.detach(), 1)[1] for x in inputs]
    calls, loss = observe_calls(task.model, task.activation_type, lambda: task.probe_loss(task.probe_batch()))
    reached = [gradient != 0 for gradient in torch.autograd.grad(loss, [y for _, y, _ in calls])]
    expected = [(s[r].abs() < 1e-3).float().mean().item() for s, r in zip(slopes, reached, strict=True)]
    assert lines[0]["by_layer"]["saturation"] == pytest.approx(expected, rel=1e-5)
    assert set(lines[0]) - set(lines[1]) == {*FIGURES, "by_layer"}


def test_several_processes_are_refused() -> None:
    group = Processes()
    group.count = 2
    with pytest.raises(UserError, match="dataset=poisson: 2 processes were started"):
        build_task(compose_run([*SMALL, "dataset=poisson"]), CPU, group)


def test_the_initial_draws_of_two_layers_differ() -> None:
    task = task_of("dataset=poisson", "model.depth=3")
    before = [linear.weight.clone() for linear in task.model.hidden]
    initialise(task.model, 3.0, 0)
    assert torch.equal(task.model.hidden[0].weight, before[0])
    assert not torch.equal(before[1], before[2])
    assert not torch.equal(task.model.hidden[1].weight, before[1])


@pytest.mark.parametrize("dataset", PROBLEMS)
def test_held_out_points_are_evaluated_instead_of_the_error(dataset: str, cache: str) -> None:
    """The same for every seed; the training is the same without them."""
    words = (f"dataset={dataset}", "activation=tanh", cache)
    plain, held, other = (
        task_of(*words, *more) for more in ([], ["dataset.holdout=64"], ["dataset.holdout=64", "seed=1"])
    )
    found = held.evaluate()
    assert set(found) == {"holdout_log10_loss", "holdout_loss"} == set(FAMILY.held_out.values())
    assert held.held_out is not None
    assert other.held_out is not None
    points, weights = held.held_out
    count = 4 * 64 if dataset == "deep_ritz" else 64
    assert points.shape == (count, len(held.problem.axes))
    assert torch.equal(points, other.held_out[0])
    mean = torch.full((count,), 1 / count, dtype=torch.float64) if weights is None else weights
    assert found["holdout_loss"] == pytest.approx(float(mean @ held.density(points).detach()), rel=1e-12)
    assert found["holdout_log10_loss"] == pytest.approx(math.log10(found["holdout_loss"]))
    assert torch.equal(plain.batch(3)[0], held.batch(3)[0])
    trained = torch.cat([held.fixed_batch()[0], *(held.batch(step)[0] for step in range(9))])
    assert not (points.unsqueeze(1) == trained).all(2).any()
    assert held.model.training


@pytest.mark.parametrize("axes", [1, 2])
def test_gauss_points_integrate_polynomials_of_degree_seven(axes: int) -> None:
    lines = [Axis("x", -1.0, 2.0, 1, 3), Axis("t", 0.0, 1.0, 1, 3)][:axes]
    points, weights = gauss_points(lines, 4, "dataset.holdout")
    assert points.shape == (4 * 4**axes, axes)
    exact = math.prod((line.high**8 - line.low**8) / (8 * (line.high - line.low)) for line in lines)
    assert float(weights @ points.prod(1) ** 7) == pytest.approx(exact, rel=1e-13)
    assert float(weights.sum()) == pytest.approx(1.0, abs=1e-14)


def test_held_out_energy_is_the_squared_error_of_the_derivative(cache: str) -> None:
    """The energy at random points can lie below the least one; the Gauss–Legendre rule gives the true excess."""
    words = ("dataset=deep_ritz", "activation=tanh", cache, "dataset.holdout=256")
    task = task_of(*words)
    points = torch.linspace(-1, 1, 20001, dtype=torch.float64).unsqueeze(1)
    (jet,) = task.problem.candidate_jets(points, task.model.jets(points, [1]))
    square = (jet[1] - solution(points[:, 0], 1)).detach() ** 2
    excess = torch.trapezoid(square, points[:, 0]) / 2 / root_mean_square(1) ** 2
    assert task.evaluate()["holdout_loss"] == pytest.approx(float(excess), rel=1e-6)
    drawn = task_of(*words, "dataset.holdout_points=random").evaluate()["holdout_loss"]
    assert drawn != pytest.approx(float(excess), rel=1e-6)


@pytest.mark.parametrize("dataset", PROBLEMS)
def test_pictures(dataset: str, cache: str, tmp_path: Path) -> None:
    config = compose_run([*SMALL, f"dataset={dataset}", cache])
    state = build_task(config, CPU).model.state_dict()
    (path,) = FAMILY.pictures(config, state, tmp_path / "pictures")
    assert path == tmp_path / "pictures" / "solution.png"
    height, width, _ = imread(path).shape
    assert (width, height) == (
        (1800, 450) if len(task_of(f"dataset={dataset}", cache).problem.axes) == 1 else (1200, 900)
    )
    before = path.read_bytes()
    FAMILY.pictures(dataclasses.replace(config), state, tmp_path / "pictures")
    assert path.read_bytes() == before
    state["output.bias"] = torch.full((1,), 9.0, dtype=torch.float64)
    FAMILY.pictures(config, state, tmp_path / "pictures")
    assert path.read_bytes() != before


def test_the_ladder_has_every_order_and_every_activation() -> None:
    cells = cells_of(load_preset("ladder"))
    assert len(cells) == 70
    assert {cell.config.dataset.order for cell in cells} == {1, 2, 4}
    assert {cell.config.recipe.dtype for cell in cells} == {"float64"}
    assert len({str(sorted(cell.config.activation.items())) for cell in cells}) == 14


def test_the_ladder_is_tuned_on_held_out_loss() -> None:
    preset = load_preset("ladder")
    assert tuning_metric(preset, cells_of(preset)).key == "holdout_log10_loss"
    assert preset.tune.held_out == "dataset.holdout=1024"
    assert min(preset.looks) >= 10


def test_the_command_of_the_documentation_ends_with_a_result(train: Zygote, tmp_path: Path, cache: str) -> None:
    line = ["dataset=poisson", "model=pinn_minutes", "activation=egem", "eps=1e-2", f"runs_dir={tmp_path}"]
    ended = train.run(*line, "recipe.steps=30", "recipe.lbfgs_steps=2", cache)
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.splitlines()[-1].startswith("finished: log10 of the relative L2 error ")
