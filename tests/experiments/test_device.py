"""impl.precision=auto: bf16 only where the hardware computes in it, and the record says which."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from experiments import device
from experiments.config import compose_run


@pytest.mark.parametrize(
    ("flags", "precision"),
    [({"avx2"}, "fp32"), ({"avx2", "avx512_bf16"}, "bf16"), ({"amx_bf16"}, "bf16"), (set(), "fp32")],
)
def test_auto_follows_the_processor(flags: set[str], precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "cpu_flags", lambda: flags)
    impl = compose_run(["impl=fast"]).impl
    assert device.settle(impl, torch.device("cpu")).precision == precision


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_given_precision_stays(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "cpu_flags", set)
    impl = dataclasses.replace(compose_run(["impl=fast"]).impl, precision=precision)
    assert device.settle(impl, torch.device("cpu")) == impl


def test_flags_are_read_where_there_are_any() -> None:
    assert all(flag == flag.strip() and " " not in flag for flag in device.cpu_flags())
