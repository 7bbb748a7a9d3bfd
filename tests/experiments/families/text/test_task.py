"""Batches, loss and evaluation of the language models, against plain computations."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from experiments.config.compose import compose_run
from experiments.errors import UserError
from experiments.families.build import build_task
from experiments.families.text.example import TINY_BERT, write_corpus
from experiments.families.text.masking import masked_tokens
from experiments.processes import Processes
from experiments.runs.loop import Trainer

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A tiny BERT on a small corpus: no file of this machine is needed."""
    folder = tmp_path_factory.mktemp("text")
    write_corpus(folder / "data" / "reviews")
    return [*TINY_BERT, f"data_dir={folder / 'data'}", f"cache_dir={folder / 'cache'}"]


@pytest.fixture(scope="module")
def gpt_line(line: list[str], real_data: Path) -> list[str]:
    data_dir = Path(next(word for word in line if word.startswith("data_dir=")).removeprefix("data_dir="))
    if not (data_dir / "gpt2").exists():
        (data_dir / "gpt2").symlink_to(real_data / "gpt2")
    return [word.replace("bert_tiny", "gpt2_tiny") for word in line]


class Share(Processes):
    def __init__(self, rank: int, count: int) -> None:
        self.rank, self.count = rank, count


def task(words: list[str], processes: Processes | None = None) -> Any:
    return build_task(compose_run(words), CPU, processes)


def test_the_shares_of_the_processes_make_up_the_batch(line: list[str]) -> None:
    whole = task(line).batch(3)
    for count in (2, 4, 8):
        shares = [task(line, Share(rank, count)).batch(3) for rank in range(count)]
        for index, tensor in enumerate(whole):
            assert torch.equal(torch.cat([share[index] for share in shares]), tensor)


def test_an_epoch_visits_every_block_once_and_the_next_one_otherwise(gpt_line: list[str]) -> None:
    subject = task([*gpt_line, "model.vocab_size=50257"])
    for epoch in (0, 1):
        first = epoch * subject.steps_per_epoch
        rows = torch.cat([subject.batch(first + step)[0] for step in range(subject.steps_per_epoch)])
        order, shift = subject.epoch_order(epoch)
        expected = subject.train.take(order[: len(rows)].sort().values, shift)
        assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, expected.tolist()))
    assert not torch.equal(subject.batch(0)[0], subject.batch(subject.steps_per_epoch)[0])


def test_gpt2_loss_is_that_of_the_next_token(gpt_line: list[str]) -> None:
    subject = task(gpt_line)
    (tokens,) = subject.batch(0)
    assert tokens.shape == (16, 17)
    logits = subject.model(tokens[:, :-1])
    expected = F.cross_entropy(logits.transpose(1, 2), tokens[:, 1:])
    torch.testing.assert_close(subject.loss((tokens,)), expected)


@pytest.mark.parametrize("kind", ["line", "gpt_line"])
def test_evaluation_is_the_mean_over_the_validation_text(kind: str, request: pytest.FixtureRequest) -> None:
    """Also where the last batch is not full, and where several processes share the work."""
    subject = task(request.getfixturevalue(kind))
    metrics = subject.evaluate()
    blocks = subject.remap(subject.validation.take(torch.arange(len(subject.validation))))
    if kind == "gpt_line":
        with torch.no_grad():
            logits = subject.model(blocks[:, :-1]).flatten(0, 1)
        expected = F.cross_entropy(logits, blocks[:, 1:].flatten())
        right = (logits.argmax(1) == blocks[:, 1:].flatten()).double().mean()
        assert metrics["val_loss"] == pytest.approx(expected.item(), rel=1e-6)
        assert metrics["val_token_accuracy"] == pytest.approx(100 * right.item())
    assert metrics["val_perplexity"] == pytest.approx(math.exp(metrics["val_loss"]))
    assert metrics == subject.evaluate()
    assert len(subject.validation) % 16
    sums = []
    for rank in range(2):
        part = task(request.getfixturevalue(kind), Share(rank, 2))
        part.processes.sum = lambda values: sums.append(values.clone()) or values  # type: ignore[func-returns-value]
        part.evaluate()
    loss, _, count = (sums[0] + sums[1]).tolist()
    assert loss / count == pytest.approx(metrics["val_loss"], rel=1e-9)


def test_bert_loss_is_that_of_the_masked_tokens(line: list[str]) -> None:
    subject = task(line)
    tokens, positions, targets = subject.batch(0)
    everywhere = torch.arange(16).expand(16, 16)
    logits = subject.model(tokens, everywhere).gather(1, positions[..., None].expand(-1, -1, 200))
    expected = F.cross_entropy(logits.transpose(1, 2), targets)
    torch.testing.assert_close(subject.loss((tokens, positions, targets)), expected)


def test_flops_count_the_output_where_a_token_is_predicted(line: list[str]) -> None:
    """6 a multiplication: the blocks' matrices at every token, the output's at the masked ones, attention beside."""
    bert = task(line)
    layers, length, (vocabulary, width) = len(bert.model.blocks), bert.length, bert.model.tokens.weight.shape
    share = masked_tokens(bert.recipe.mask_rate, length - 1) / length
    matrices = layers * 12 * width**2 + share * width * (vocabulary + width)
    expected = 6 * matrices + 12 * layers * width * length
    assert bert.flops_per_step / bert.recipe.tokens_per_step == pytest.approx(expected, rel=0.1)


def test_it_learns(gpt_line: list[str]) -> None:
    words = [*gpt_line, "model.width=32", "recipe.lr=1e-2", "recipe.steps=120", "recipe.eval_every_steps=120"]
    config = compose_run(words)
    trainer = Trainer(task(words), config.recipe, config.impl, CPU)
    lines = [trainer.advance() for _ in range(120)]
    last = lines[-1]
    assert last is not None
    assert last["val_loss"] < last["unigram_entropy"] - 0.5
    assert last["tokens"] == 120 * 256


def test_micro_batches_make_the_same_step(line: list[str]) -> None:
    """Also when the last one is smaller."""
    losses = {}
    for micro in ("null", "16", "5", "1"):
        words = [*line, f"impl.micro_batch={micro}"]
        config = compose_run(words)
        trainer = Trainer(task(words), config.recipe, config.impl, CPU)
        lines = [trainer.advance() for _ in range(10)]
        losses[micro] = [entry["train_loss"] for entry in lines if entry is not None]
    for micro in ("16", "5", "1"):
        assert losses[micro] == pytest.approx(losses["null"], rel=1e-5)
    assert losses["16"] == losses["null"]


@pytest.mark.parametrize(
    ("word", "processes", "words"),
    [
        ("recipe.tokens_per_step=250", 1, ["recipe.tokens_per_step=250", "a multiple of 16"]),
        ("recipe.tokens_per_step=240", 2, ["recipe.tokens_per_step=240", "15 sequences", "by 2 processes"]),
        ("recipe.sequence=32", 1, ["recipe.sequence=32", "at most 16"]),
        ("recipe.tokens_per_step=1600000", 1, ["recipe.tokens_per_step=1600000", "at most"]),
        ("dataset.validation=0", 1, ["validation text is shorter"]),
        ("dataset.validation=0.999999", 1, ["yields only 5 WordPiece tokens"]),
    ],
)
def test_numbers_that_do_not_fit_are_named(line: list[str], word: str, processes: int, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        task([*line, word], Share(0, processes))
    assert all(text in str(caught.value) for text in words)


def test_held_out_text_is_the_end_of_the_training_text(line: list[str]) -> None:
    """No token of it is trained on, whatever the shift; the validation text is not evaluated on."""
    whole, held = task(line), task([*line, "dataset.holdout=0.2"])
    assert (whole.evaluated, held.evaluated) == ("val", "holdout")
    count, length = len(held.validation), held.train.length
    assert len(held.train) + 1 + count == len(whole.train)
    last_trained = held.train.range[-1] * length + length - 1 + length - 1
    assert last_trained < held.validation.range[0] * length
    first = held.validation.take(torch.tensor([0]))
    assert torch.equal(first, whole.train.take(torch.tensor([len(whole.train) - count])))
    assert set(held.evaluate()) == {
        "holdout_loss", "holdout_perplexity", "holdout_token_accuracy", "unigram_entropy"
    }  # fmt: skip
