"""Every family on a simulated GPU: no tensor stays on the CPU, and no step waits for the device."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException

from experiments.families.registry import families
from tests.experiments.fake.devices import STEPS, FakeDevice

FAMILIES = [pytest.param(name, marks=[] if name == "images" else pytest.mark.slow) for name in families()]


def fake_device(family: str, kind: str, folder: Path) -> FakeDevice:
    return FakeDevice(families()[family].example(folder), kind)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fake")


@pytest.mark.parametrize("family", FAMILIES)
def test_the_forward_pass_stays_on_the_gpu(family: str, folder: Path) -> None:
    loss = fake_device(family, "cuda", folder).forward()
    assert loss.device.type == "cuda"
    assert loss.shape == ()


@pytest.mark.parametrize("family", [each for each in FAMILIES if each.values[0] != "physics"])  # float64
def test_under_autocast_the_loss_keeps_its_digits(family: str, folder: Path) -> None:
    """The loss is a sum over many; in bf16 it would have three digits. Without a GPU, torch has no autocast for one."""
    subject = fake_device(family, "cpu", folder)
    assert subject.forward(bf16=True).dtype in (torch.float32, torch.float64)
    subject.plant(lambda loss: loss.bfloat16())
    assert subject.forward(bf16=True).dtype == torch.bfloat16


# Shapes of a confusion matrix follow from values, and physics differentiates within its loss: both want a device.
@pytest.mark.parametrize("family", [each for each in FAMILIES if each.values[0] not in ("scenes", "physics")])
def test_an_evaluation_stays_on_the_gpu(family: str, folder: Path) -> None:
    assert fake_device(family, "cuda", folder).evaluate()


@pytest.mark.parametrize("family", FAMILIES)
def test_whole_steps_stay_on_the_device(family: str, folder: Path) -> None:
    trainer = fake_device(family, "meta", folder).step()
    assert trainer.step == STEPS + 1
    assert trainer.average is not None
    assert {value.device.type for value in trainer.average.average} == {"meta"}
    moments = [value for state in trainer.optimizer.state.values() for value in state.values()]
    assert moments
    assert all(p.device.type == "meta" for p in trainer.task.model.parameters())


@pytest.mark.parametrize("kind", ["cuda", "meta"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_tensor_left_on_the_cpu_is_found(family: str, kind: str, folder: Path) -> None:
    subject = fake_device(family, kind, folder)
    subject.plant(lambda loss: loss + torch.zeros(3))
    with pytest.raises(RuntimeError, match="found at least two devices"):
        subject.forward() if kind == "cuda" else subject.step()


@pytest.mark.parametrize("kind", ["cuda", "meta"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_wait_for_the_device_is_found(family: str, kind: str, folder: Path) -> None:
    subject = fake_device(family, kind, folder)
    subject.plant(lambda loss: loss * (1 if loss.item() else 2))
    with pytest.raises(DataDependentOutputException):
        subject.forward() if kind == "cuda" else subject.step()
