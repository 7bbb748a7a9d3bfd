"""Translation against transformers and sacrebleu themselves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch.nn import functional as F  # noqa: N812

import gem
from experiments.config.compose import compose_run
from experiments.errors import UserError
from experiments.families.build import build_task
from experiments.families.registry import families
from experiments.families.translation.data.batches import BatchPlan
from experiments.families.translation.data.bpe import END, PAD
from experiments.families.translation.decoding import score
from experiments.families.translation.model import marian_settings
from experiments.families.translation.pictures import page
from experiments.processes import Processes
from experiments.runs.averaging import evaluated_weights
from experiments.runs.loop import Trainer
from tests.experiments.share import Share

transformers = pytest.importorskip("transformers")
CPU = torch.device("cpu")


def task(words: list[str], *more: str, processes: Processes | None = None) -> Any:
    return build_task(compose_run([*words, *more]), CPU, processes)


def test_the_loss_at_initialisation_is_that_of_transformers(line: list[str]) -> None:
    """The same batch through a network that transformers builds and its own loss, which leaves out labels of -100."""
    subject = task(line, "activation=relu", "recipe.label_smoothing=0")
    batch = subject.batch(0)
    theirs = transformers.MarianMTModel(transformers.MarianConfig(**marian_settings(compose_run(line).model)))
    theirs.load_state_dict(subject.model.state_dict())
    labels = batch.target.masked_fill(batch.target == PAD, -100)
    out = theirs.eval()(input_ids=batch.source, attention_mask=batch.source != PAD, labels=labels)
    torch.testing.assert_close(subject.loss(batch), out.loss)
    assert out.loss.item() == pytest.approx(torch.tensor(300.0).log().item(), rel=0.2)


def test_smoothing_is_that_of_transformers_too(line: list[str]) -> None:
    from transformers.trainer_pt_utils import LabelSmoother

    subject = task(line, "recipe.label_smoothing=0.1")
    batch = subject.batch(0)
    labels = batch.target.masked_fill(batch.target == PAD, -100)
    logits = subject.logits(batch.source, batch.target)
    torch.testing.assert_close(subject.loss(batch), LabelSmoother(0.1)({"logits": logits}, labels))


def test_padding_changes_nothing(line: list[str]) -> None:
    subject = task(line)
    batch = subject.batch(0)
    rows = batch.rows(0, 1)
    wider = [F.pad(side, (0, 5), value=PAD) for side in (rows.source, rows.target)]
    plain, padded = subject.logits(rows.source, rows.target), subject.logits(*wider)
    torch.testing.assert_close(padded[:, : plain.shape[1]], plain)


def test_every_activation_is_the_configured_one(line: list[str]) -> None:
    subject = task(line, "activation=egem", "model.encoder_layers=2", "model.decoder_layers=3")
    assert sum(type(module) is gem.EGEM for module in subject.model.modules()) == 5
    with gem.count_activations(subject.model) as calls, torch.no_grad():
        subject.loss(subject.batch(0))
    assert {function for _, function in calls} == {"egem"}
    assert sum(calls.values()) == 5


def test_the_embeddings_are_one_matrix_and_have_variance_1_over_width(line: list[str]) -> None:
    model = task(line, "model.width=64").model
    shared = model.model.shared.weight
    assert model.lm_head.weight is shared
    assert model.model.encoder.embed_tokens.weight is shared
    assert model.model.decoder.embed_tokens.weight is shared
    assert shared.std().item() == pytest.approx(64**-0.5, rel=0.05)


def test_parts_weigh_by_target_tokens(line: list[str]) -> None:
    """However a batch is cut and shared out, the weighted sum of the parts' losses is the loss of the batch."""
    line = [*line, "recipe.tokens_per_step=1024"]
    whole = task(line)
    step = next(step for step in range(100) if len(whole.batch(step).counts) >= 10)
    expected = whole.loss(whole.batch(step)).item()
    for words, count in ((["impl.micro_batch=3"], 1), (["recipe.accumulate=4"], 1), (["impl.micro_batch=2"], 2)):
        subjects = [task(line, *words, processes=Share(rank, count)) for rank in range(count)]
        pairs = [(s.loss(part).item(), weight) for s in subjects for part, weight in s.parts(s.batch(step))]
        assert len(pairs) > 3
        assert sum(weight for _, weight in pairs) == pytest.approx(1)
        assert sum(loss * weight for loss, weight in pairs) == pytest.approx(expected, rel=1e-5)


def test_the_shares_of_the_processes_make_up_the_batch(line: list[str]) -> None:
    step = next(step for step in range(100) if len(task(line).batch(step).counts) >= 3)
    whole = task(line).batch(step)
    shares = [task(line, processes=Share(rank, 3)).batch(step) for rank in range(3)]
    rows = [row[row != PAD].tolist() for share in shares for row in share.target]
    assert rows == [row[row != PAD].tolist() for row in whole.target]
    assert [share.first for share in shares] == [0, *(sum(len(s.counts) for s in shares[:n]) for n in (1, 2))]


def test_a_process_without_a_pair_has_gradients_of_zero(line: list[str]) -> None:
    subject = task(line, processes=Share(0, 1000))
    ((part, weight),) = subject.parts(subject.batch(0))
    assert weight == 0
    (subject.loss(part) * weight).backward()
    gradients = [p.grad for p in subject.model.parameters() if p.requires_grad]
    assert all(gradient is not None and not gradient.any() for gradient in gradients)


def test_dropout_is_addressed(line: list[str]) -> None:
    def losses(subject: Any, step: int) -> list[float]:
        return [subject.loss(part).item() for part, weight in subject.parts(subject.batch(step)) if weight]

    words = ("model.dropout=0.5", "recipe.accumulate=4", "recipe.tokens_per_step=1024")
    subject = task(line, *words)
    first = losses(subject, 1)
    torch.rand(3)
    assert losses(subject, 2) != first
    assert losses(subject, 1) == first
    for count in (2, 4):
        shares = [task(line, *words, processes=Share(rank, count)) for rank in range(count)]
        for step in range(subject.steps_per_epoch):
            shared = [loss for share in shares for loss in losses(share, step)]
            assert shared == pytest.approx(losses(subject, step), rel=1e-5)


def test_evaluation_is_the_mean_over_the_target_tokens(line: list[str]) -> None:
    subject = task(line, "recipe.label_smoothing=0.3")
    found = subject.evaluate()
    assert set(found) == {"val_loss", "test_loss", "unigram_entropy"}
    total, tokens = 0.0, 0
    pairs = subject.pairs.splits["test"]
    for index in BatchPlan(pairs, 60).in_order():
        source, target = pairs.source.padded(index), pairs.target.padded(index)
        with torch.no_grad():
            logits = subject.logits(source, target)
        total += F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=PAD, reduction="sum").item()
        tokens += int((target != PAD).sum())
    assert found["test_loss"] == pytest.approx(total / tokens, rel=1e-6)
    sums = []
    for rank in range(2):
        part = task(line, processes=Share(rank, 2))
        part.processes.sum = lambda values: sums.append(values.item()) or values  # type: ignore[func-returns-value]
        part.mean_loss(pairs)
    assert sum(sums) / tokens == pytest.approx(found["test_loss"], rel=1e-6)


def learned(line: list[str], *words: str) -> Trainer:
    steps = ["recipe.steps=300", "recipe.eval_every_steps=150", "recipe.lr=1e-2", "model.width=32"]
    config = compose_run([*line, *steps, *words])
    trainer = Trainer(build_task(config, CPU), config.recipe, config.impl, CPU)
    trainer.lines = [found for _ in range(300) if (found := trainer.advance())]  # type: ignore[attr-defined]
    return trainer


@pytest.fixture(scope="module")
def trained(line: list[str]) -> Any:
    return learned(line)


def test_it_learns_to_translate(trained: Any) -> None:
    last = trained.lines[-1]
    assert last["test_loss"] < 0.5 < last["unigram_entropy"]
    assert last["test_bleu"] > 50
    assert last["test_chrf"] > 60
    assert not any("test_bleu" in found for found in trained.lines[:-1])
    assert trained.task.signatures["decoding"] == "greedy decoding"
    assert "tok:13a" in trained.task.signatures["bleu_signature"]


def test_greedy_decoding_is_the_likeliest_token_each_time(trained: Any) -> None:
    subject = trained.task
    source = subject.pairs.splits["test"].source
    for number, text in enumerate(subject.translations(5)):
        row = source.first(5).padded(torch.tensor([number]).numpy())
        ids: list[int] = []
        while not ids or ids[-1] != END:
            with torch.no_grad():
                subject.model.eval()
                shown = torch.tensor([[*ids, END]])
                ids.append(int(subject.logits(row[:, : source.lengths[number]], shown)[0, -1].argmax()))
        assert subject.pairs.tokenizer.decode(ids).strip() == text


def test_beam_search_is_there_on_request(line: list[str], trained: Any) -> None:
    """Its translations are likelier than the greedy ones, by the score it searches with."""
    subject = task(line, "model.width=32", "recipe.beams=3")
    subject.model.load_state_dict(trained.task.model.state_dict())
    source = subject.pairs.splits["test"].source

    def scores(texts: list[str]) -> list[float]:
        found = []
        for number, text in enumerate(texts):
            target = torch.tensor([subject.pairs.tokenizer.encode(text).ids])
            row = source.padded(torch.tensor([number]).numpy())
            with torch.no_grad():
                logits = subject.logits(row, target).log_softmax(-1)
            found.append((logits.gather(2, target[..., None]).sum() / target.shape[1] ** 0.6).item())
        return found

    both = zip(scores(subject.translations(20)), scores(trained.task.translations(20)), strict=True)
    assert sum(beam >= greedy - 1e-4 for beam, greedy in both) >= 18
    assert subject.final_metrics()["test_bleu"] > 25
    assert subject.signatures["decoding"] == "beam search with 3 beams, length penalty 0.6"
    none = task(line, "recipe.beams=0")
    assert none.final_metrics() == {}
    assert not none.signatures


def test_scores_are_those_of_sacrebleus_command_line(tmp_path: Path) -> None:
    references = ["Die Datei wurde nicht gefunden.", "Öffnen Sie das Menü „Extras“.", "%s: ungültige Option"]
    translations = ["Die Datei wurde gefunden.", "Öffnen Sie Menü „Extras“ jetzt.", "%s: falsche Option"]
    for name, lines in (("ref", references), ("hyp", translations)):
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    command = ["sacrebleu", str(tmp_path / "ref"), "-i", str(tmp_path / "hyp"), "-m", "bleu", "chrf", "-w", "6"]
    process = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=True)
    bleu, chrf = json.loads(process.stdout)
    values, signatures = score(translations, references)
    assert values["test_bleu"] == pytest.approx(bleu["score"], abs=1e-6)
    assert values["test_chrf"] == pytest.approx(chrf["score"], abs=1e-6)
    assert signatures == {"bleu_signature": bleu["signature"], "chrf_signature": chrf["signature"]}


def test_pictures_show_the_models_translations(trained: Any, line: list[str], tmp_path: Path) -> None:
    weights = evaluated_weights(trained.state())
    (path,) = families()["translation"].pictures(compose_run([*line, "model.width=32"]), weights, tmp_path)
    with Image.open(path) as picture:
        assert picture.size[0] == 960
        assert len(picture.convert("L").getcolors(1 << 16) or []) > 20
    shown = page(trained.task.pairs.test[:2], trained.task.translations(2))
    assert shown[0] == f"source    {trained.task.pairs.test[0].source}"
    assert [text.split()[0] for text in shown if text] == ["source", "reference", "model"] * 2


def test_footnotes_tell_how_it_was_scored(trained: Any) -> None:
    notes = families()["translation"].footnotes([trained.lines[-1] | trained.task.signatures])
    assert [note.partition(":")[0] for note in notes] == [
        "Unigram entropy of the test targets",
        "Translations",
        "BLEU",
        "chrF",
    ]


@pytest.mark.parametrize("activation", ["relu", "silu", "egem N=2 eps=1e-2"])
def test_what_is_exported_is_loaded_by_transformers(line: list[str], tmp_path: Path, activation: str) -> None:
    gem.register_with_transformers("egem_n2_eps0.01")
    words = [*line, *f"activation={activation}".split()]
    subject = task(words)
    lines = families()["translation"].export(compose_run(words), subject.model.state_dict(), tmp_path)
    loaded = transformers.MarianMTModel.from_pretrained(tmp_path).eval()
    batch = subject.batch(0)
    labels = batch.target.masked_fill(batch.target == PAD, -100)
    expected = task([*words, "recipe.label_smoothing=0"]).loss(batch)
    found = loaded(input_ids=batch.source, attention_mask=batch.source != PAD, labels=labels).loss
    torch.testing.assert_close(found, expected)
    assert any("tokenizer.json" in text for text in lines)
    assert (tmp_path / "tokenizer.json").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("model.heads=3", "model.heads=3: must be a divisor of half of model.width=16"),
        ("model.vocab_size=100", "model.vocab_size=100: must be an integer from 258 to 65536"),
        ("model.context=4", r"model.context=4: must be at least \d+, the tokens of the longest sentence in train"),
        ("recipe.tokens_per_step=8", "recipe.tokens_per_step=8: must be at least"),
        ("recipe.dtype=float64", "recipe.dtype=float64: must be float32 for translation"),
        ("dataset.languages=[en]", r"dataset.languages=\[.*en.*\]: must be two languages"),
        ("model.dropout=0.1 impl.micro_batch=8", "impl.micro_batch=8: must be null for model=marian_tiny"),
        ("dataset.folder=/data/x", "dataset.folder=/data/x: must be a folder below data_dir"),
    ],
)
def test_what_does_not_fit_is_refused(line: list[str], words: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        task([*line, *words.split()])


def test_what_cannot_be_compiled_says_so(line: list[str]) -> None:
    config = compose_run([*line, "impl.compile=true"])
    with pytest.raises(UserError, match=r"impl.compile=true: this kind of task cannot be compiled"):
        Trainer(build_task(config, CPU), config.recipe, config.impl, CPU)


def test_tuning_never_reads_validation_or_test_pairs(line: list[str]) -> None:
    whole, held = task(line), task([*line, "dataset.holdout=40", "seed=1"])
    again = task([*line, "dataset.holdout=40", "seed=2"])
    pairs = held.evaluated["holdout"]
    assert list(held.evaluated) == ["holdout"]
    assert (len(pairs), len(held.train)) == (40, len(whole.train) - 40)
    assert (pairs.source.tokens == again.evaluated["holdout"].source.tokens).all()
    shares = [rows(part) for part in (held.train, pairs)]
    assert sorted(shares[0] + shares[1]) == sorted(rows(whole.train))
    assert list(held.pairs.splits) == ["train"]
    assert set(held.evaluate()) == {"holdout_loss", "unigram_entropy"}
    assert held.final_metrics() == {}
    assert set(families()["translation"].held_out.values()) == {"holdout_loss"}


def rows(pairs: Any) -> list[tuple[Any, ...]]:
    numbers = torch.arange(len(pairs)).numpy()
    return [tuple(s.chosen(numbers[i : i + 1]).tokens.tobytes() for s in (pairs.source, pairs.target)) for i in numbers]


def test_too_many_held_out_pairs_are_refused(line: list[str]) -> None:
    with pytest.raises(UserError, match=r"dataset\.holdout=100000: must be less than \d+"):
        task([*line, "dataset.holdout=100000"])
