"""impl.precision=auto: bf16 only where the hardware computes in it, and the record says which."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

import pytest
import torch

from experiments import device
from experiments.config.compose import compose_run
from tests.experiments.zygote import ROOT, environment


@pytest.mark.parametrize(
    ("flags", "precision"),
    [({"avx2"}, "fp32"), ({"avx2", "avx512_bf16"}, "bf16"), ({"amx_bf16"}, "bf16"), (set(), "fp32")],
)
def test_auto_follows_the_processor(flags: set[str], precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "cpu_flags", lambda: flags)
    impl = compose_run(["impl=fast"]).impl
    assert device.settle_precision(impl, torch.device("cpu")).precision == precision


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_given_precision_stays(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "cpu_flags", set)
    impl = dataclasses.replace(compose_run(["impl=fast"]).impl, precision=precision)
    assert device.settle_precision(impl, torch.device("cpu")) == impl


def test_flags_are_read_where_there_are_any() -> None:
    assert all(flag == flag.strip() and " " not in flag for flag in device.cpu_flags())


LIMITS = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA")


@pytest.mark.parametrize(
    ("limits", "ending"),
    [
        ((None, None), "{}"),
        (("default", "DEFAULT"), "DEFAULT"),
        (("default", None), "DEFAULT, oneDNN unlimited"),
        ((None, "SSE41"), "{}, oneDNN SSE41"),
    ],
)
def test_a_cpu_is_named_with_what_torch_computes_with(limits: tuple[str | None, str | None], ending: str) -> None:
    own = {key: value for key, value in environment().items() if key not in LIMITS}
    own |= {key: value for key, value in zip(LIMITS, limits, strict=True) if value}
    code = "import torch; from experiments.runs.provenance import device_name; print(device_name(torch.device('cpu')))"
    named = subprocess.run([sys.executable, "-c", code], env=own, cwd=ROOT, capture_output=True, text=True, check=True)
    cores = f" ({os.cpu_count()} cores, "
    assert named.stdout.strip().endswith(f"{cores}{ending.format(torch.backends.cpu.get_cpu_capability())})")


FORKS = """
import os, time, torch
from experiments.config.compose import compose_run
from experiments.device import prepare_device

impl = compose_run([]).impl
torch._C._ensureCUDADeviceGuardSet()  # as the compiler does: autograd starts a thread for each of eight devices
torch.set_num_threads(1)
torch.get_num_threads()
aborted = 0
for _ in range(60):
    if (pid := os.fork()) == 0:
        os.close(2)
        prepare_device(impl)
        torch.ones(1, requires_grad=True).sum().backward()
        time.sleep(0.02)  # they ask only after the engine has counted them
        os._exit(0)
    aborted += os.wait()[1] != 0
print(aborted)
"""


def test_autograd_in_a_fork_finds_a_thread_pool() -> None:
    """Of forks that do not prepare one in six was aborted here: 'Invalid thread pool!'."""
    command = [sys.executable, "-c", FORKS]
    told = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True, timeout=120)
    assert told.stdout == "0\n"
