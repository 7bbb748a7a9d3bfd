"""Hours on a device that was examined."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.gpu.prediction import Prediction, step_flops, steps_of
from experiments.config.compose import compose_run
from experiments.errors import UserError

RESNET = ["dataset=cifar10", "model=resnet20", "recipe=standard", "recipe.batch_size=8"]
GPT2 = ["dataset=openwebtext", "model=gpt2", "recipe=gpt2_nano", "recipe.tokens_per_step=4096"]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    rows = [
        {"unit": "images", "impl": "default, fp32", "flops": 1e12, "seconds": 0.5},
        {"unit": "images", "impl": "fast", "flops": 1e12, "seconds": 0.25},
        {"unit": "images", "impl": "fast", "flops": 1e6, "seconds": 0.25},
        {"unit": "tokens", "impl": "fast", "flops": 1e12, "seconds": 0.25},
    ]
    machine = [{"what": "device", "value": "A device"}]
    parts = {"throughput": {"rows": rows}, "machine": {"rows": machine}}
    (tmp_path / "gpu").mkdir()
    (tmp_path / "gpu" / "cpu.json").write_text(json.dumps({"parts": parts}))
    return tmp_path


def test_flops_are_those_of_the_literature() -> None:
    # ResNet-20 at 32×32 takes 40.6 million multiplications an image (He et al. 2016 give its depth and widths).
    assert step_flops(compose_run(RESNET)) == pytest.approx(8 * 3 * 2 * 40.6e6, rel=0.02)
    # 6 operations a weight and token, and attention: 12 layers × width 768 × 1,024 tokens × 12, half of it masked.
    tokens, weights = 4096, 124e6
    least, most = 6 * weights * tokens, 6 * weights * tokens + 12 * 12 * 768 * 1024 * tokens
    assert least <= step_flops(compose_run(GPT2)) <= 1.02 * most


def test_time_goes_with_flops(results: Path) -> None:
    predict = Prediction("cpu", results)
    config = compose_run([*RESNET, "recipe.epochs=2"])
    found = predict(config)
    assert found is not None
    steps = 2 * (50_000 // 8)
    assert steps_of(config) == steps
    assert found.seconds == pytest.approx(steps * 0.5 * step_flops(config) / 1e12)
    assert found.device == "A device"
    fast = predict(compose_run([*RESNET, "impl=fast", "recipe.epochs=2", "recipe.batch_size=2048"]))
    assert fast is not None
    assert predict(compose_run(["dataset=poisson", "model=pinn"])) is None
    assert predict(compose_run(GPT2)) is None, "no eager language model was measured"


def test_a_device_that_was_not_examined_is_one_line(results: Path) -> None:
    with pytest.raises(UserError, match="device=h100: must be one of cpu"):
        Prediction("h100", results)
    with pytest.raises(UserError, match="examined first: python scripts/gpu"):
        Prediction("h100", results / "empty")
