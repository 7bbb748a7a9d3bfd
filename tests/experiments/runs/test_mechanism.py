"""Mechanism metrics: right where worked by hand, there for every network, and no run changes by them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import gem
from experiments.config.compose import compose_run
from experiments.config.identity import run_hash
from experiments.families.text.example import TINY_BERT, write_corpus
from experiments.runs.mechanism import FIGURES, Probe, measure_calls, observe_calls, summarise_layers
from experiments.runs.metrics_log import TIMES
from tests.experiments.results import TINY, bits, result
from tests.experiments.training import make_trainer
from tests.experiments.zygote import Zygote

CPU = torch.device("cpu")
DIGITS = ["dataset=digits", "recipe=digits", "recipe.max_steps=24", "recipe.log_every=5", "impl=deterministic"]
NETWORKS = {
    "mlp": (["model=mlp", "model.width=32"], 2),
    "cnn": (["model=cnn", "model.width=4"], 3),
    "resnet20": (["model=resnet20", "recipe.max_steps=3", "recipe.log_every=1"], 19),
    "timm": (["model=timm", "model.architecture=test_resnet", "recipe.max_steps=3", "recipe.log_every=1"], 12),
    "gpt2_tiny": (["model=gpt2_tiny"], 2),
    "bert_tiny": (["model=bert_tiny"], 3),
}


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("text")
    write_corpus(folder / "data" / "reviews", documents=300)
    return [*TINY_BERT, "impl=deterministic", f"data_dir={folder / 'data'}", f"cache_dir={folder / 'cache'}"]


@pytest.fixture
def words(request: pytest.FixtureRequest, text: list[str]) -> list[str]:
    """The overrides of a short run of the network called ``request.param``."""
    name = request.param
    if name == "gpt2_tiny":
        data_dir = Path(next(word for word in text if word.startswith("data_dir=")).removeprefix("data_dir="))
        if not (data_dir / "gpt2").exists():
            (data_dir / "gpt2").symlink_to(request.getfixturevalue("real_data") / "gpt2")
    return [*(text if name in ("gpt2_tiny", "bert_tiny") else DIGITS), *NETWORKS[name][0]]


def network(activation: nn.Module) -> nn.Module:
    """Three channels that see x, -x and -1, with the same weight on the way out."""
    linear, out = nn.Linear(1, 3), nn.Linear(3, 1, bias=False)
    linear.weight.data = torch.tensor([[1.0], [-1.0], [0.0]])
    linear.bias.data = torch.tensor([0.0, 0.0, -1.0])
    out.weight.data.fill_(1.0)
    return nn.Sequential(linear, activation, out)


def measured(activation: str, x: Tensor) -> dict[str, Any]:
    model = network(gem.make_activation(activation))
    kind = type(gem.make_activation(activation))
    calls, loss = observe_calls(model, kind, lambda: model(x).mean())
    return summarise_layers(measure_calls(calls, loss, len(x), [1] * len(calls)))


def test_worked_by_hand() -> None:
    """ReLU on x = 1 and 3: channels 2 and 3 never fire; outputs 1, 3 and four zeros; an example's own gradient is 1
    in channel 1 and 0 in the others."""
    found = measured("relu", torch.tensor([[1.0], [3.0]]))
    assert found["dead_units"] == pytest.approx(2 / 3, rel=1e-5)
    assert found["saturation"] == pytest.approx(4 / 6, rel=1e-5)
    assert found["activation_mean"] == pytest.approx(4 / 6, rel=1e-5)
    assert found["activation_variance"] == pytest.approx(10 / 6 - (4 / 6) ** 2, rel=1e-5)
    assert found["activation_gradient"] == pytest.approx(1.0)
    assert found["by_layer"] == {key: [found[key]] for key in FIGURES}


@pytest.mark.parametrize(("name", "dead", "flat"), [("segem", 0, 0), ("gelu", 0, 0), ("gem", 2 / 3, 4 / 6)])
def test_units_die_where_the_negative_side_is_flat(name: str, dead: float, flat: float) -> None:
    found = measured(name, torch.tensor([[1.0], [2.0]]))
    assert found["dead_units"] == pytest.approx(dead, abs=1e-5)
    assert found["saturation"] == pytest.approx(flat, abs=1e-5)


def test_no_activation_no_figures() -> None:
    model = nn.Sequential(nn.Linear(2, 1), nn.Identity(), nn.Hardtanh())
    calls, loss = observe_calls(model, nn.GELU, lambda: model(torch.ones(4, 2)).mean())
    assert summarise_layers(measure_calls(calls, loss, 4, [])) == {}


@pytest.mark.parametrize("words", NETWORKS, indirect=True)
def test_the_training_is_bit_for_bit_the_same(words: list[str], request: pytest.FixtureRequest) -> None:
    """Lines, weights, BatchNorm's statistics and the optimiser; and every activation is seen once."""
    layers = NETWORKS[request.node.callspec.params["words"]][1]
    lines, states = {}, {}
    for switch in ("true", "false"):
        subject = make_trainer(*words, "activation=gem", f"impl.mechanism={switch}")
        lines[switch] = [line for _ in range(subject.total_steps) if (line := subject.advance())]
        states[switch] = bits([subject.task.model.state_dict(), subject.optimizer.state_dict()])
    assert states["true"] == states["false"]
    added = {*FIGURES, "by_layer"}
    pure = [
        [{key: value for key, value in line.items() if key not in {*added, *TIMES}} for line in found]
        for found in lines.values()
    ]
    assert pure[0] == pure[1]
    assert not any(added & set(line) for line in lines["false"])
    evaluated = [line for line in lines["true"] if any(key.endswith("_accuracy") for key in line)]
    assert evaluated
    assert all(added <= set(line) for line in evaluated)
    assert {len(values) for line in evaluated for values in line["by_layer"].values()} == {layers}
    json.dumps(lines["true"], allow_nan=False)


@pytest.mark.parametrize("words", ["cnn", "bert_tiny"], indirect=True)
def test_nothing_is_left_behind_and_the_loss_is_that_of_the_task(words: list[str]) -> None:
    subject = make_trainer(*words, "activation=segem")
    model, probe = subject.task.model, Probe(subject.task, CPU, False)
    before = bits(model.state_dict())
    assert probe() == probe()
    assert bits(model.state_dict()) == before
    assert all(module.training for module in model.modules())
    assert all(p.grad is None for p in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())
    model.eval()
    calls, loss = observe_calls(model, subject.task.activation_type, lambda: subject.task.loss(probe.batch))
    (gradient,) = torch.autograd.grad(loss, calls[0][0])
    expected = len(probe.batch[0]) ** 0.5 * gradient.norm().item()
    assert probe()["by_layer"]["activation_gradient"][0] == pytest.approx(expected, rel=1e-5)


def test_the_real_files_and_the_identity(train: Zygote, tmp_path: Path) -> None:
    found = []
    for switch in ("false", "true"):
        ended = train.run(*TINY, "activation=gem", f"impl.mechanism={switch}", f"runs_dir={tmp_path}/{switch}")
        assert ended.status == 0, ended.err
        found.append(result(tmp_path / switch))
    off, on = found
    assert on["state"] == off["state"]
    lines = [[json.loads(line) for line in run["metrics.jsonl"]] for run in (off, on)]
    assert {*FIGURES, "by_layer"} <= set(lines[1][-1])
    assert [{key: line[key] for key in line.keys() - {*FIGURES, "by_layer"}} for line in lines[1]] == lines[0]
    configs = [compose_run([*TINY, f"impl.mechanism={switch}"]) for switch in ("false", "true")]
    assert run_hash(configs[0]) == run_hash(configs[1])


@pytest.mark.slow
def test_a_compiled_run_is_the_same_too() -> None:
    """The compiled functions are neither run by the probe nor compiled anew because of it."""
    states, compilations = [], []
    for switch in ("true", "false"):
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()
        subject = make_trainer(
            *DIGITS, "model=cnn", "activation=egem", "impl=fast", "impl.device=cpu", f"impl.mechanism={switch}"
        )
        while not subject.done:
            subject.advance()
        states.append(bits(subject.task.model.state_dict()))
        compilations.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])
    assert states[0] == states[1]
    assert compilations[0] == compilations[1]


def test_units_of_a_convnext_are_channels_although_they_come_last() -> None:
    """The figures of [B, H, W, C] equal those of the same network that computes on [B, C, H, W]."""
    line = [*DIGITS, "dataset=digits", "model=timm", "model.architecture=convnext_atto", "activation=relu"]
    sizes = "depths: [1, 1, 1, 1], dims: [8, 8, 8, 8], patch_size: 1, stem_type: patch"
    last, first = (
        make_trainer(*line, f"model.options={{{sizes}, conv_mlp: {conv_mlp}}}").task for conv_mlp in ("false", "true")
    )
    assert (len(last.units_last), len(first.units_last)) == (4, 0)
    with torch.no_grad():
        for name, bias in last.model.named_parameters():
            if name.endswith("mlp.fc1.bias"):
                bias[:3] = -100.0  # three dead units a layer
    weights = {
        name: value.reshape(first.model.state_dict()[name].shape) for name, value in last.model.state_dict().items()
    }
    first.model.load_state_dict(weights)
    found, expected = (Probe(task, CPU, False)()["by_layer"] for task in (last, first))
    assert all(found["dead_units"])
    for name in FIGURES:
        assert found[name] == pytest.approx(expected[name], rel=1e-3), name
