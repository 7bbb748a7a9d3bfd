"""Diffusion against diffusers itself: loss, activations, batches and evaluation."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import gem
from experiments.config.compose import compose_run
from experiments.errors import UserError
from experiments.families.build import build_task
from experiments.families.diffusion.example import TINY_UNET
from experiments.families.diffusion.models.unet import unet_settings
from experiments.families.diffusion.sampling import to_bytes, to_unit
from experiments.families.diffusion.task import even_time_steps, flops_per_picture
from experiments.families.registry import families
from experiments.processes import Processes
from experiments.runs.loop import Trainer
from tests.experiments.share import Share

diffusers = pytest.importorskip("diffusers")
CPU = torch.device("cpu")
FULL = ["dataset=celeba", "model=ddpm"]


def task(*words: str, processes: Processes | None = None) -> Any:
    return build_task(compose_run([*TINY_UNET, *words]), CPU, processes)


def test_the_loss_at_initialisation_is_that_of_diffusers() -> None:
    """The same batch through a network that diffusers builds and a noisy picture that its scheduler makes."""
    subject = task("activation=silu", "model.dropout=0")
    pictures, noise, times = subject.batch(3)
    theirs = diffusers.UNet2DModel(**unet_settings(compose_run(TINY_UNET).model, (1, 8, 8)))
    theirs.load_state_dict(subject.model.state_dict())
    scheduler = diffusers.DDPMScheduler(num_train_timesteps=50)
    noisy = scheduler.add_noise(pictures.float() / 127.5 - 1, noise, times)
    expected = F.mse_loss(theirs(noisy, times).sample, noise)
    torch.testing.assert_close(subject.loss((pictures, noise, times)), expected)
    assert 0.5 < expected.item() < 2


def test_noise_and_time_steps_are_those_of_the_paper() -> None:
    """Standard normal noise, time steps uniform, pictures from -1 to 1."""
    subject = task("recipe.batch_size=1000", "recipe.time_steps=1000")
    pictures, noise, times = subject.batch(0)
    assert noise.mean().abs() < 0.02
    assert noise.std().item() == pytest.approx(1, abs=0.02)
    assert (int(times.min()), int(times.max())) >= (0, 900)
    assert to_unit(pictures).min() == -1
    assert to_unit(pictures).max() == 1
    assert torch.equal(to_bytes(to_unit(pictures)), pictures)


@pytest.mark.parametrize("words", [TINY_UNET, FULL])
def test_every_silu_is_the_configured_activation(words: list[str]) -> None:
    config = compose_run(words)
    shape = (1, 8, 8) if words is TINY_UNET else (3, 64, 64)
    with torch.device("meta"):
        plain = diffusers.UNet2DModel(**unet_settings(config.model, shape))
    places = sum(isinstance(module, nn.SiLU) for module in plain.modules())
    with torch.device("meta"):
        model = gem.replace_activations(plain, nn.SiLU, "egem")
    assert sum(type(module) is gem.EGEM for module in model.modules()) == places > 8
    assert not any(isinstance(module, nn.SiLU) for module in model.modules())


def test_no_other_activation_function_is_called() -> None:
    """Counted while it runs: three calls in each residual block, one in the time embedding, one before the output."""
    subject = task("activation=egem")
    with gem.count_activations(subject.model) as calls, torch.no_grad():
        subject.loss(subject.batch(0))
    blocks = sum(type(module).__name__ == "ResnetBlock2D" for module in subject.model.modules())
    assert {function for _, function in calls} == {"egem"}
    assert sum(calls.values()) == 3 * blocks + 2


def test_the_shares_of_the_processes_make_up_the_batch() -> None:
    whole = task("recipe.mirror=true").batch(5)
    for count in (2, 4):
        shares = [task("recipe.mirror=true", processes=Share(rank, count)).batch(5) for rank in range(count)]
        for index, tensor in enumerate(whole):
            assert torch.equal(torch.cat([share[index] for share in shares]), tensor)
    subjects = [task(processes=Share(rank, 4)) for rank in range(4)]
    weights = [weight for subject in subjects for _, weight in subject.parts(subject.batch(5))]
    assert sum(weights) == pytest.approx(1)


def test_dropout_is_addressed_by_step_and_row() -> None:
    """The same step gives the same losses, whatever was drawn in between; two processes have the parts of one."""

    def losses(subject: Any, step: int) -> list[float]:
        return [subject.loss(part).item() for part, _ in subject.parts(subject.batch(step))]

    words = ("model.dropout=0.5", "recipe.accumulate=4")
    subject = task(*words)
    first = losses(subject, 2)
    torch.rand(7)
    other = losses(subject, 3)
    assert losses(subject, 2) == first != other
    shared = [loss for rank in range(2) for loss in losses(task(*words, processes=Share(rank, 2)), 2)]
    assert shared == pytest.approx(first, rel=1e-5)


def test_an_epoch_visits_every_picture_once() -> None:
    subject = task()
    for epoch in (0, 1):
        rows = [subject.batch(epoch * subject.steps_per_epoch + step)[0] for step in range(subject.steps_per_epoch)]
        order = subject.epoch_order(epoch)[: 32 * subject.steps_per_epoch]
        assert torch.equal(torch.cat(rows), subject.train_x[order])
        assert len(set(order.tolist())) == len(order)


def test_evaluation_is_the_mean_over_the_test_pictures_at_fixed_noise() -> None:
    subject = task("recipe.eval_images=null")
    found = subject.evaluate()
    assert found == subject.evaluate() == task("seed=0", "recipe.eval_images=null").evaluate()
    assert set(found) == {"test_loss"}
    times = even_time_steps(len(subject.test_x), 50)
    assert torch.bincount(times).tolist() == pytest.approx([360 / 50] * 50, abs=1)
    sums = []
    for rank in range(2):
        part = task("recipe.eval_images=null", processes=Share(rank, 2))
        part.processes.sum = lambda values: sums.append(values.item()) or values  # type: ignore[func-returns-value]
        part.evaluate()
    assert sum(sums) / 360 == pytest.approx(found["test_loss"], rel=1e-6)


def test_tuning_never_sees_a_test_picture() -> None:
    whole, held = task("recipe.eval_images=null"), task("recipe.eval_images=null", "dataset.holdout=100")
    assert set(held.evaluate()) == {"holdout_loss"} == set(families()["diffusion"].held_out.values())
    assert (len(held.test_x), len(held.train_x)) == (100, len(whole.train_x) - 100)
    parts = [sorted(picture.numpy().tobytes() for picture in part) for part in (held.train_x, held.test_x)]
    assert sorted(parts[0] + parts[1]) == sorted(picture.numpy().tobytes() for picture in whole.train_x)


def test_it_learns() -> None:
    config = compose_run([*TINY_UNET, "recipe.steps=80", "recipe.eval_every_steps=80", "recipe.lr=5e-3"])
    trainer = Trainer(build_task(config, CPU), config.recipe, config.impl, CPU)
    before = trainer.task.evaluate()["test_loss"]
    lines = [line for _ in range(80) if (line := trainer.advance())]
    assert lines[-1]["test_loss"] < 0.6 * before


def test_flops_are_those_of_the_layers_worked_out() -> None:
    """A network of convolutions: 2 · outputs · weights of each, backward twice as much."""
    model = nn.Conv2d(1, 4, 3, padding=1)
    subject = nn.Module()
    subject.forward = lambda x, times: model(x)  # type: ignore[method-assign]
    assert flops_per_picture(subject, (1, 8, 8), CPU) == 3 * 2 * 64 * 4 * 9


def test_pictures_that_cannot_be_halved_are_refused() -> None:
    with pytest.raises(UserError, match=r"model.channels=\[8, 16, 16, 16, 16\]: has 5 levels.*multiples of 16.*8×8"):
        task("model.channels=[8,16,16,16,16]")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("model.groups=3", r"model.groups=3: must be a divisor of every one of \[8, 16\]"),
        ("model.attention=[2]", r"model.attention=\[2\]: must be levels from 0 to 1"),
        ("model.channels=[]", r"model.channels=\[\]: must be a list of integers"),
        ("recipe.dtype=float64", "recipe.dtype=float64: must be float32 for diffusion"),
        ("recipe.noise_schedule=cosine", "recipe.noise_schedule=cosine: must be one of linear, squaredcos_cap_v2"),
        ("recipe.batch_size=1438", "recipe.batch_size=1438: must be at most 1437"),
        ("recipe.accumulate=5", "recipe.accumulate=5: must divide 32"),
        ("model.dropout=0.1 impl.micro_batch=8", "impl.micro_batch=8: must be null for model=ddpm_tiny, whose dropout"),
    ],
)
def test_what_does_not_fit_is_refused(word: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        task(*word.split())


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(UserError, match=r"recipe.batch_size=32: cannot be shared equally by 3 processes"):
        task(processes=Share(0, 3))
    with pytest.raises(UserError, match=r"recipe.accumulate=1: must be a multiple of 2, the number of processes"):
        task("model.dropout=0.1", processes=Share(0, 2))
