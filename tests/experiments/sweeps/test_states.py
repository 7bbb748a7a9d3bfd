"""States from files, locks and the queue. If the queue cannot be queried, the rest is still known."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from experiments.config.compose import compose_run
from experiments.errors import UserError
from experiments.files import write_json
from experiments.runs import lock
from experiments.runs.run_directory import open_directory
from experiments.studies.presets import Preset, load_preset
from experiments.sweeps import board, folder, slurm, states, submit
from experiments.sweeps.plan import Planned, expand_words, plan

WORDS = ["fresh=true", "experiment=quickstart", "activation=relu"]


@pytest.fixture
def runs(tmp_path: Path) -> list[Planned]:
    """Seven seeds of one cell; nothing of them is on disk."""
    return plan(expand_words([*WORDS, "seed=0,1,2,3,4,5,6", f"runs_dir={tmp_path}"]).jobs)[0]


def begin(run: Planned, step: int = 110) -> Path:
    run.directory.mkdir(parents=True)
    open_directory(run.directory, run.config)
    line = {"step": step, "epoch": step / 22, "train_loss": 0.5, "seconds": 2.0}
    (run.directory / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    return run.directory


def end(run: Planned, status: str = "finished") -> None:
    directory = begin(run, 330)
    meta = json.loads((directory / "meta.json").read_text())
    write_json(directory / "meta.json", meta | {"seconds": 6.0})
    write_json(directory / "metrics.json", {"format": 1, "status": status, "diverged_at_step": 5})


def sweep(runs: Sequence[Planned], launcher: str, packs: list[list[int]]) -> folder.Sweep:
    place = Path(runs[0].config.runs_dir)
    return folder.create(place, "quickstart", launcher, place, packs, 1, 3, [run.frozen() for run in runs])


def test_every_state(runs: list[Planned], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done, diverged, running, queued, requeued, interrupted, missing = runs
    end(done)
    end(diverged, "diverged")
    begin(running)
    begin(requeued)
    begin(interrupted)
    known = sweep([running, queued, requeued, interrupted, missing], folder.SLURM, [[0], [1], [2], [3, 4]])
    known.event(3, run=0, event="begun")
    known.event(3, run=3, event="ended", status=1, line="killed by SIGKILL")
    pending = {n: slurm.SlurmTask(str(10 + n), f"7_{n}", "PENDING", "", "0:00", "Priority") for n in (1, 2)}
    active = {0: slurm.SlurmTask("10", "7_0", "RUNNING", "node3", "1:00", "None")}
    monkeypatch.setattr(slurm, "tasks", lambda names: {known.name: pending | active} if known.name in names else {})
    with lock.hold(running.directory):
        (group,) = states.Watcher(str(tmp_path), "quickstart").look().groups
    (cell,) = [cell for cell in group.cells if cell.title == "activation=relu"]
    assert [run.state for run in cell.runs] == [
        "done", "diverged", "running", "queued", "queued", "interrupted", "missing"
    ]  # fmt: skip
    _, _, shown, waits, _, cut, _ = cell.runs
    assert shown.fraction == pytest.approx(1 / 3)
    assert shown.eta_seconds == pytest.approx(4.0)
    assert shown.where == "Slurm job 7_0 running on node3 for 1:00"
    assert waits.where == "Slurm job 7_1 pending (Priority)"
    assert cut.why == "killed by SIGKILL"
    assert group.eta_seconds == pytest.approx(4.0 + 2 * 6.0)
    assert sum(cell.counts()["missing"] for cell in group.cells) == 1 + 5 * 3  # the other five cells, three seeds each


def test_without_a_scheduler_only_the_queue_is_unknown(
    runs: list[Planned], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(names: object) -> None:
        list(names)  # type: ignore[call-overload]
        raise UserError("squeue: Unable to contact slurm controller")

    end(runs[0])
    sweep(runs[:2], folder.SLURM, [[0, 1]])
    monkeypatch.setattr(slurm, "tasks", down)
    shown = states.Watcher(str(tmp_path), None).look()
    assert [run.state for run in shown.groups[0].cells[0].runs] == ["done", "missing", "missing"]
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        console.print(board.render_board(shown))
    text = console.export_text()
    assert "queue unknown: squeue: Unable to contact slurm controller" in text
    assert "1 of 18 done" in text


def test_runs_of_no_experiment(tmp_path: Path) -> None:
    config = compose_run(["dataset=digits", "recipe=digits", "activation=gelu", f"runs_dir={tmp_path}"])
    end(Planned((), config))
    (group,) = states.Watcher(str(tmp_path), None).look().groups
    assert group.name == states.OTHERS
    assert [run.state for run in group.runs()] == ["done"]


def test_a_preset_with_other_values_is_not_counted_for_it(runs: list[Planned], tmp_path: Path) -> None:
    words = ["experiment=quickstart", "activation=relu", "recipe.epochs=3", f"runs_dir={tmp_path}"]
    end(Planned((), compose_run(words)))
    end(runs[0])
    preset, others = states.Watcher(str(tmp_path), None).look().groups
    assert (preset.name, others.name) == ("quickstart", states.OTHERS)
    assert len(preset.runs()) == 18
    assert [run.state for run in others.runs()] == ["done"]


def test_a_run_moved_aside_is_no_run(runs: list[Planned], tmp_path: Path) -> None:
    end(runs[0])
    begin(runs[1]).rename(runs[1].directory.with_name("seed1.old"))
    (group,) = states.Watcher(str(tmp_path), None).look().groups
    assert {run.seed for run in group.runs() if run.state != "missing"} == {0}


def test_language_models_say_how_far_they_are(tmp_path: Path) -> None:
    words = ["dataset=text", "dataset.folder=notes", "model=gpt2_tiny", "recipe.steps=440", f"runs_dir={tmp_path}"]
    run = Planned((), compose_run(words))
    begin(run, step=110)
    (group,) = states.Watcher(str(tmp_path), None).look().groups
    assert [each.fraction for each in group.runs()] == [1 / 4]


def test_a_local_sweep_lives_as_long_as_its_lock(runs: list[Planned], tmp_path: Path) -> None:
    known = sweep(runs[:2], folder.LOCAL, [[0, 1]])
    assert [one.kind for one in submit.decide(runs[:3], tmp_path)] == ["new"] * 3
    with open(known.folder / "lock", "w") as file:
        assert lock.take(file)
        assert [one.kind for one in submit.decide(runs[:3], tmp_path)] == ["queued already"] * 2 + ["new"]
    assert [one.kind for one in submit.decide(runs[:3], tmp_path)] == ["new"] * 3


def test_decisions(runs: list[Planned], tmp_path: Path) -> None:
    end(runs[0])
    end(runs[1], "diverged")
    (begin(runs[2]) / "checkpoints").mkdir()
    (runs[2].directory / "checkpoints" / "step000000110.pt").touch()
    begin(runs[3])
    with lock.hold(runs[3].directory):
        kinds = [one.kind for one in submit.decide(runs, tmp_path)]
    assert kinds == ["finished before", "diverged before", "to be continued", "running", "new", "new", "new"]


def test_looking_does_not_get_in_the_way(tmp_path: Path) -> None:
    """A run that starts while somebody looks at its lock must not think it runs elsewhere."""
    import fcntl
    import threading

    with open(tmp_path / "lock", "a") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        threading.Timer(0.05, fcntl.flock, (looking, fcntl.LOCK_UN)).start()
        with lock.hold(tmp_path):
            assert lock.locked(tmp_path / "lock")
        time.sleep(0.1)
    assert not lock.locked(tmp_path / "lock")


@pytest.mark.parametrize(
    ("count", "size", "lengths"), [(7, 3, [2, 2, 3]), (6, 3, [3, 3]), (2, 5, [2]), (3, 1, [1] * 3)]
)
def test_packs_are_few_and_even(count: int, size: int, lengths: list[int]) -> None:
    packs = submit.packed(count, size)
    assert sorted(map(len, packs)) == sorted(lengths)
    assert [index for pack in packs for index in pack] == list(range(count))


def test_sweeps_of_one_moment_have_folders_of_their_own(runs: list[Planned]) -> None:
    assert len({sweep(runs[:1], folder.LOCAL, [[0]]).name for _ in range(20)}) == 20
    assert dataclasses.asdict(folder.read_sweep(sweep(runs[:1], folder.LOCAL, [[0]]).folder))["packs"] == [[0]]


def test_a_study_with_stages_shows_the_one_it_is_in(tmp_path: Path) -> None:
    (group,) = states.Watcher(str(tmp_path), "tuned_digits").look().groups
    plan = load_preset("tuned_digits")
    assert group.title.endswith("tuning: recipe.lr in " + ", ".join(f"{v:g}" for v in plan.tune.grid["recipe.lr"]))
    assert len(group.runs()) == len(plan.cells) * len(plan.tune.grid["recipe.lr"]) * plan.tune.seeds
    assert {run.state for run in group.runs()} == {"missing"}
    assert {run.seed for run in group.runs()} == set(plan.tune.seed_numbers)


def test_a_watcher_goes_on_to_the_next_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = iter([("tuning", "a", [7]), ("look 1 of 2", "b", [0, 1])])

    def planned_stage(watcher: states.Watcher, preset: Preset) -> states.Planned:
        watcher.stages[preset.name], cell, seeds = next(stages)
        return {tmp_path / "digits-mlp" / cell: (f"activation={cell}", seeds)}

    monkeypatch.setattr(states.Watcher, "planned_stage", planned_stage)
    watcher = states.Watcher(str(tmp_path), "tuned_digits")
    for _ in range(2):
        (group,) = watcher.look().groups
        assert [run.seed for run in group.runs()] == [7]
    done = tmp_path / "digits-mlp" / "a" / "seed7"
    done.mkdir(parents=True)
    (done / "metrics.json").write_text('{"status": "finished"}')
    (group,) = watcher.look().groups
    assert [run.seed for run in group.runs() if run.state == "missing"] == [0, 1]
