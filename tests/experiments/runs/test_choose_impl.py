"""impl=auto takes the settings of impl=fast where they pay, decides once a machine, and says what it took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from experiments.config.compose import compose_run
from experiments.config.schema import Config, Impl
from experiments.errors import UserError
from experiments.processes import Processes
from experiments.runs import choose_impl, speed_probe
from tests.experiments.zygote import Zygote

CPU = torch.device("cpu")
SCENES = ("dataset=scenes_digits", "dataset.sprites=[digits]", "model=retinanet")
LONG = ("dataset=digits", "recipe=digits", "recipe.epochs=1000000", "impl=auto")


@pytest.fixture
def choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Impl]:
    """Decide for a command line, as if the probe had found ``speedup`` for convolutions and 1 for products."""

    def chosen(*line: str, speedup: float = 2.0, error: str = "") -> Impl:
        def measured(device: torch.device, threads: int, bf16: bool) -> dict[str, float]:
            if error:
                raise RuntimeError(error)
            return {"convolutions": speedup, "products": 1.0}

        monkeypatch.setattr(choose_impl, "measure_speedups", measured)
        return choose_impl.choose_impl(config(tmp_path, *line), CPU, Processes())

    return chosen


def config(cache_dir: Path, *line: str) -> Config:
    return compose_run([*line, f"cache_dir={cache_dir}"])


def test_fast_where_it_pays(choose: Callable[..., Impl], capsys: pytest.CaptureFixture[str]) -> None:
    assert choose(*LONG).name == "fast"
    assert "takes impl=fast; with impl=fast a probe of convolutions ran 2.00 times as fast" in capsys.readouterr().err


def test_fast_means_the_file_of_that_name() -> None:
    fast = choose_impl.with_fast_settings(replace(compose_run(["impl=auto"]).impl, probe=False))
    assert fast == compose_run(["impl=fast"]).impl


@pytest.mark.parametrize(
    ("line", "speedup", "reason"),
    [
        (LONG, 1.1, "1.10 times as fast"),
        ((*LONG, "model=mlp"), 9.0, "a probe of products ran 1.00 times as fast"),
        ((*LONG, "recipe.epochs=1"), 2.0, "the run is short"),
        (("dataset=poisson", "model=pinn", "impl=auto"), 2.0, "float64"),
        ((*SCENES, "impl=auto"), 2.0, "cannot be compiled"),
    ],
)
def test_plain_where_it_does_not(
    choose: Callable[..., Impl], capsys: pytest.CaptureFixture[str], line: tuple[str, ...], speedup: float, reason: str
) -> None:
    assert choose(*line, speedup=speedup) == compose_run([*line, "impl=default"]).impl
    assert reason in capsys.readouterr().err


def test_plain_where_the_probe_fails(choose: Callable[..., Impl], capsys: pytest.CaptureFixture[str]) -> None:
    assert choose(*LONG, error="no C++ compiler").name == "default"
    assert "the probe failed: no C++ compiler" in capsys.readouterr().err


def test_a_machine_is_measured_once(choose: Callable[..., Impl]) -> None:
    assert choose(*LONG, speedup=2.0).name == "fast"
    assert choose(*LONG, error="measured again").name == "fast"


def test_other_switches_stay(choose: Callable[..., Impl]) -> None:
    chosen = choose(*LONG, "impl.threads=1", "impl.mechanism=false")
    assert (chosen.threads, chosen.mechanism, chosen.probe) == (1, False, False)


def test_not_with_deterministic(tmp_path: Path) -> None:
    from experiments.device import prepare_device

    with pytest.raises(UserError, match=r"impl\.probe=true: .* needs impl\.deterministic=false"):
        prepare_device(compose_run(["impl=auto", "impl.deterministic=true"]).impl)


def test_the_record_says_what_was_used(train: Zygote, tmp_path: Path) -> None:
    places = f"runs_dir={tmp_path}", f"cache_dir={tmp_path / 'cache'}"
    ended = train.run("dataset=digits", "recipe=digits", "recipe.epochs=1", "impl=auto", *places)
    assert ended.status == 0
    assert "takes impl=default; the run is short" in ended.err
    (meta,) = tmp_path.glob("*/*/seed0/meta.json")
    assert '"name": "default"' in meta.read_text()


@pytest.mark.slow
def test_the_probe_measures() -> None:
    """A ratio of two times of the same computation."""
    found = speed_probe.measure_speedups(CPU, 1, bf16=False)
    assert set(found) == {"convolutions", "products"}
    assert all(0.1 < speedup < 20 for speedup in found.values())


def test_a_failed_probe_names_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed_probe.sys, "executable", "/bin/false")
    with pytest.raises(RuntimeError, match="exit status 1"):
        speed_probe.measure_speedups(CPU, 1, False)
