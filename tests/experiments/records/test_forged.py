"""Forged and broken records: each is refused, with the file, the line and the field."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments.records.file import read_lines, record_name, write_lines
from experiments.records.read import examine, lines_of
from experiments.records.record import Record
from experiments.records.store import write_records
from experiments.studies.cells import Cell
from tests.synthetic import record

Attack = Callable[[list[Record]], Any]
LAST = 2  # the record that an attack changes is the third of three


def put(dotted: str, value: Any) -> Attack:
    """Set a field of the last record; a number in ``dotted`` is an index."""

    def attack(records: list[Record]) -> None:
        place, key = holder(records[LAST], dotted)
        place[key] = value

    return attack


def drop(dotted: str) -> Attack:
    def attack(records: list[Record]) -> None:
        place, key = holder(records[LAST], dotted)
        del place[key]

    return attack


def take(*parts: str) -> Attack:
    """Replace parts of the last record by those of the first, which is of another seed."""

    def attack(records: list[Record]) -> None:
        records[LAST] |= {part: copy.deepcopy(records[0][part]) for part in parts}

    return attack


def together(*attacks: Attack) -> Attack:
    return lambda records: [attack(records) for attack in attacks]


def holder(value: Any, dotted: str) -> tuple[Any, Any]:
    *way, last = (int(key) if key.lstrip("-").isdecimal() else key for key in dotted.split("."))
    for key in way:
        value = value[key]
    return value, last


def diverge(records: list[Record]) -> None:
    """Call a finished run diverged, and leave its accuracy."""
    records[LAST]["result"] |= {"status": "diverged", "diverged_at_step": records[LAST]["result"]["step"]}


def raise_accuracy(records: list[Record]) -> None:
    """A better accuracy in the result alone."""
    records[LAST]["result"]["test_accuracy"] = 99.0


def stop_early(records: list[Record]) -> None:
    """Cut the curve after ten of fifteen epochs, and take its end for the result."""
    mine = records[LAST]
    mine["curve"] = {key: column[:10] for key, column in mine["curve"].items()}
    mine["result"] |= {key: mine["curve"][key][-1] for key in mine["result"] if key in mine["curve"]}
    mine["provenance"]["seconds"] = mine["curve"]["seconds"][-1]


def repeat_line(records: list[Record]) -> None:
    """The same run and seed once more in place of the last one, with another outcome."""
    records[LAST] = copy.deepcopy(records[0])
    records[LAST]["result"]["test_accuracy"] += 1
    records[LAST]["curve"]["test_accuracy"][-1] += 1


def thin(records: list[Record]) -> None:
    """Leave a point of the curve out."""
    for column in records[LAST]["curve"].values():
        del column[3]


ATTACKS: dict[str, tuple[Attack, str]] = {
    # the record and its configuration
    "another format": (put("format", 99), "format=99"),
    "another table": (put("experiment", "table_mnist"), "experiment="),
    "a hash of nothing": (put("run", "f" * 64), "its configuration has the hash"),
    "a hash in capitals": (put("run", "F" * 64), "run="),
    "a seed as text": (put("seed", "1"), "seed="),
    "a seed that is true": (put("seed", True), "seed=true"),
    "a negative seed": (put("seed", -1), "seed=-1"),
    "a seed with a point": (put("seed", 1.0), "seed=1.0"),
    "no result": (drop("result"), "result: missing"),
    "a field nobody knows": (put("comment", "trust me"), "comment: unknown key"),
    "another activation": (put("config.activation.name", "silu"), "its configuration has the hash"),
    "another learning rate": (put("config.recipe.lr", 0.5), "its configuration has the hash"),
    "a learning rate as text": (put("config.recipe.lr", "0.1"), "config.recipe.lr="),
    "no recipe": (drop("config.recipe"), "config.recipe: missing"),
    "a family nobody knows": (put("config.model.kind", "oracle"), "config."),
    # the result
    "a status nobody knows": (put("result.status", "lucky"), "result.status="),
    "an accuracy that is true": (put("result.test_accuracy", True), "result.test_accuracy="),
    "an accuracy as text": (put("result.test_accuracy", "99.0"), "result.test_accuracy="),
    "an accuracy of 990 %": (put("result.test_accuracy", 990.0), "result.test_accuracy=990.0"),
    "a negative accuracy": (put("result.test_accuracy", -1.0), "result.test_accuracy=-1.0"),
    "no accuracy": (drop("result.test_accuracy"), "result"),
    "an accuracy of null": (put("result.test_accuracy", None), "result.test_accuracy=None: must be a number"),
    "a loss of null": (put("result.train_loss", None), "result.train_loss=null"),
    "a negative gradient": (put("result.gradient_norm", -1.0), "result.gradient_norm=-1.0"),
    "a metric of held-out data": (
        put("result.holdout_accuracy", 99.0),
        "result.holdout_accuracy=99.0: this run was evaluated on the test set",
    ),
    "finished at step 10": (together(put("result.step", 10), put("result.epoch", 1.0)), "a finished run must be at"),
    "step and epoch apart": (put("result.epoch", 3.7), "result.epoch=3.7"),
    "diverged with an accuracy": (diverge, "a diverged run has no metrics"),
    "an accuracy that the curve has not": (raise_accuracy, "curve.test_accuracy: ends at"),
    # the curve
    "no curve": (put("curve", {}), "curve.step: missing"),
    "a run cut short": (stop_early, "a finished run must be at its planned step"),
    "a curve without a point": (thin, "curve.step: lacks step"),
    "lists of several lengths": (drop("curve.train_loss.0"), "curve: its lists must be equally long"),
    "steps that fall": (put("curve.step.3", 1), "curve.step: must be integers"),
    "another rate on the way": (put("curve.lr.3", 0.7), "curve.lr: is not the learning rate of the recipe"),
    "times that fall": (put("curve.seconds.3", 0.0), "curve.seconds: must not fall"),
    "an accuracy of 101 % on the way": (put("curve.test_accuracy.3", 101.0), "curve.test_accuracy=101.0"),
    "an evaluation left out": (put("curve.test_accuracy.3", None), "curve: has no metric at step"),
    "epochs of another run": (put("curve.epoch.3", 9.0), "curve.epoch: is not that of its steps"),
    # the provenance
    "no commit": (drop("provenance.commit"), "provenance.commit: missing"),
    "a short commit": (put("provenance.commit", "abc"), "provenance.commit="),
    "no versions": (put("provenance.versions", {}), "provenance.versions="),
    "no device": (put("provenance.device", ""), "provenance.device="),
    "no fingerprint of the data": (drop("provenance.data"), "provenance.data: missing"),
    "a start without a zone": (put("provenance.started", "2026-01-01"), "provenance.started="),
    "seconds of another run": (put("provenance.seconds", 1.0), "curve.seconds: ends at"),
    "the command of another seed": (put("provenance.command", "python train.py seed=7"), "trains seed 7, not 1"),
    "no start": (put("provenance.starts", 0), "provenance.starts=0"),
    # several records
    "a run twice": (repeat_line, "the same run and seed as line 1"),
    "the outcome of another seed": (take("result", "curve"), "has the learning curve of"),
    "the training of another seed": (
        together(take("result", "curve"), put("result.test_accuracy", 95.0), put("curve.test_accuracy.-1", 95.0)),
        "has the learning curve of",
    ),
}


@pytest.fixture
def three(cells: list[Cell]) -> list[Record]:
    """Two activations at seed 0, and the first of them at seed 1."""
    return [record(cells[0], 0, 90.0), record(cells[1], 0, 91.0), record(cells[0], 1, 90.5)]


def test_what_is_attacked_is_sound(tmp_path: Path, three: list[Record]) -> None:
    write_records(tmp_path / "quickstart.jsonl.gz", three)
    records, complaints = examine(lines_of(tmp_path / "quickstart.jsonl.gz"))
    assert (len(records), complaints) == (3, [])


@pytest.mark.parametrize("name", ATTACKS)
def test_a_forged_record_is_refused_with_file_line_and_field(tmp_path: Path, three: list[Record], name: str) -> None:
    attack, words = ATTACKS[name]
    attack(three)
    path = tmp_path / "quickstart.jsonl.gz"
    write_records(path, three)
    complaints = examine(lines_of(path))[1]
    assert complaints
    assert all(each.startswith(f"{path}:3: ") for each in complaints), complaints
    assert any(re.search(re.escape(words), each) for each in complaints), complaints


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"test_accuracy": 90.5', '"test_accuracy": NaN', "NaN is not a number"),
        ('"test_accuracy": 90.5', '"test_accuracy": Infinity', "Infinity is not a number"),
        ('"seed": 1', '"seed": 2, "seed": 1', "the key 'seed' occurs twice"),
        ('"test_accuracy": 90.5', '"test_accuracy": 90.5, "test_accuracy": 99.5', "occurs twice"),
        ('{"format": 1', '[{"format": 1', "no JSON object"),
        ('"seed": 1', '"seed": 1<<<<<<<', "no JSON object"),
        ('"quickstart"', '"\udcff"', "no JSON object in UTF-8"),
    ],
)
def test_what_is_no_json_is_refused(tmp_path: Path, three: list[Record], old: str, new: str, words: str) -> None:
    line = json.dumps(three[LAST])
    assert old in line
    path = tmp_path / "quickstart.jsonl.gz"
    write_lines(path, line.replace(old, new, 1).encode(errors="surrogateescape") + b"\n")
    complaints = examine(lines_of(path))[1]
    assert len(complaints) == 1
    assert complaints[0].startswith(f"{path}:1: ")
    assert words in complaints[0]


def test_a_copy_may_lack_a_key_that_was_added_later(tmp_path: Path, cells: list[Cell]) -> None:
    """Its value there is the pinned one, as the hash says."""
    paths = tmp_path / "quickstart.jsonl.gz", tmp_path / "table_digits.jsonl.gz"
    for path in paths:
        write_records(path, [record(cells[0], 0, 90.0) | {"experiment": record_name(path)}])
    older = json.loads(read_lines(paths[0]))
    del older["config"]["dataset"]["train_size"]
    write_records(paths[0], [older])
    assert examine(line for path in paths for line in lines_of(path))[1] == []


def test_copies_in_two_files_must_be_equal(tmp_path: Path, cells: list[Cell]) -> None:
    paths = tmp_path / "quickstart.jsonl.gz", tmp_path / "table_digits.jsonl.gz"
    for path, value in zip(paths, (90.0, 91.0), strict=True):
        write_records(path, [record(cells[0], 0, value) | {"experiment": record_name(path)}])
    complaints = examine(line for path in paths for line in lines_of(path))[1]
    assert complaints == [
        f"{paths[1]}:1: result.test_accuracy differs from that of {paths[0]}:1, the same run and seed"
    ]
