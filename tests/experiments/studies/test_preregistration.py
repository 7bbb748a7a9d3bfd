"""Plans and their dates: the history says which preset was committed after its runs, or changed after them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from experiments.records.record import Record
from experiments.studies.audit import audit_records
from experiments.studies.cells import Cell
from experiments.studies.history import History
from experiments.studies.preregistration import preset_path, review_preset
from tests.experiments.zygote import ROOT
from tests.repository import IDENTITY, git
from tests.synthetic import record

NAME = "plan"
BEFORE, AT, AFTER, LATER = (f"2026-12-0{day}T12:00:00+0000" for day in (1, 2, 3, 4))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    return tmp_path


def commit(root: Path, moment: str, text: str, name: str = NAME) -> None:
    path = root / preset_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"experiment:\n  cells: [activation=gelu]\n  seeds: 5\n{text}")
    commit_all_at(root, moment)


def commit_all_at(root: Path, moment: str) -> None:
    git(root, "add", "-A")
    command = ["git", "-C", str(root), *IDENTITY, "commit", "-q", "-m", "plan"]
    subprocess.run(command, check=True, env={"GIT_COMMITTER_DATE": moment, "GIT_AUTHOR_DATE": moment})


def runs_at(cells: list[Cell], *moments: str) -> list[Record]:
    return [record(cells[0], seed, 90.0 + seed, started=moment) for seed, moment in enumerate(moments)]


def faults_of(root: Path, runs: list[Record], name: str = NAME) -> list[str]:
    found = review_preset(name, runs, History(root))
    assert found
    return [fault.partition(": ")[2] for fault in found.faults]


def test_a_plan_before_its_runs_is_in_order(root: Path, cells: list[Cell]) -> None:
    commit(root, AT, "")
    assert faults_of(root, runs_at(cells, AFTER, LATER)) == []


def test_a_plan_after_a_run_must_say_which_were_known(root: Path, cells: list[Cell]) -> None:
    commit(root, AT, "")
    runs = runs_at(cells, BEFORE, AFTER)
    expected = "1 of 2 counted runs began before it was first committed; say in experiment.known which"
    assert faults_of(root, runs) == [expected]
    commit(root, LATER, "  known: seed 0\n")
    assert faults_of(root, runs) == []


def test_runs_that_only_raised_the_question_do_not_count(root: Path, cells: list[Cell]) -> None:
    commit(root, AT, "  explored: 1\n")
    assert faults_of(root, runs_at(cells, BEFORE, AFTER)) == []


def test_a_resumed_run_began_at_its_first_start(root: Path, cells: list[Cell]) -> None:
    commit(root, AT, "")
    run = record(cells[0], 0, 90.0, started=AFTER, begun=BEFORE, starts=2)
    assert len(faults_of(root, [run])) == 1


def test_a_plan_that_was_never_committed_is_late(root: Path, cells: list[Cell]) -> None:
    commit(root, AT, "", name="other")
    (root / preset_path(NAME)).write_text("experiment:\n  seeds: 5\n")
    assert "1 of 1 counted runs began before it is committed" in faults_of(root, runs_at(cells, AFTER))[0]


def test_a_renamed_plan_keeps_its_date_and_a_copy_does_not(root: Path, cells: list[Cell]) -> None:
    commit(root, BEFORE, "", name="older")
    git(root, "mv", preset_path("older"), preset_path(NAME))
    commit_all_at(root, LATER)
    assert faults_of(root, runs_at(cells, AFTER)) == []
    (root / preset_path("copy")).write_text((root / preset_path(NAME)).read_text())
    commit_all_at(root, LATER)
    assert len(faults_of(root, runs_at(cells, AFTER), name="copy")) == 1


def test_a_plan_that_changed_after_a_run_must_say_so(root: Path, cells: list[Cell]) -> None:
    commit(root, BEFORE, "  margin: 0.1\n")
    commit(root, AFTER, "  margin: 0.5\n")
    runs = runs_at(cells, AT)
    expected = "margin changed after the first counted run had begun; say what and why in experiment.changed"
    assert faults_of(root, runs) == [expected]
    commit(root, LATER, "  margin: 0.5\n  changed: the margin, as 0.1 was a slip\n")
    assert faults_of(root, runs) == []


def test_words_around_the_plan_may_change(root: Path, cells: list[Cell]) -> None:
    commit(root, BEFORE, "")
    commit(root, AFTER, "  title: Another title\n")
    assert faults_of(root, runs_at(cells, AT)) == []


def test_a_shallow_clone_says_what_it_lacks(root: Path, tmp_path: Path) -> None:
    commit(root, BEFORE, "")
    commit(root, AFTER, "  margin: 0.5\n")
    assert History(root).gap() is None
    shallow = tmp_path / "shallow"
    git(root, "clone", "-q", "--depth", "1", f"file://{root}", str(shallow))
    assert History(shallow).gap() == "this clone is shallow; git fetch --unshallow brings the history"
    assert History(tmp_path / "none").gap() == "this is no git checkout"


def test_all_committed_records_and_their_plans_are_in_order() -> None:
    audit = audit_records(ROOT / "results" / "records")
    assert audit.complaints == []
    assert int(audit.summary.split()[0]) >= 6878  # and those of a quickstart on this machine
    gap = History(ROOT).gap()
    assert (f"were not checked: {gap}" in audit.summary) if gap else ("compared with their history" in audit.summary)
    if gap:
        pytest.skip(f"the dates of the plans: {gap}")
