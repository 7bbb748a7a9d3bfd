"""The trial: sixty runs on a cluster that preempts, cancels, kills and restarts, while somebody edits the code.

Takes several minutes; ``make test-slurm`` runs it and prints the counts.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from experiments.files import read_json
from experiments.runs.lock import locked
from experiments.runs.metrics_log import read_lines
from experiments.sweeps import folder
from tests.slurm.cluster import Cluster
from tests.slurm.conftest import Checkout

SEEDS = "seed=" + ",".join(map(str, range(10)))
RUNS = ("experiment=quickstart", SEEDS, "recipe.epochs=6", "impl=deterministic", "impl.save_every_seconds=0.1")
DEADLINE = 2400.0
PAUSE = 60.0  # seconds without a strike while no run is completed; a slow machine must get somewhere too


def results(runs: Path) -> dict[str, tuple[bytes, list[str]]]:
    """By run: metrics.json to the byte, and the lines of metrics.jsonl but for the times."""
    found = {}
    for path in sorted(runs.glob("*/*/*/metrics.json")):
        lines = read_lines(path.with_name("metrics.jsonl"))
        assert all(line.pop("seconds") > 0 for line in lines)
        found[str(path.parent.relative_to(runs))] = path.read_bytes(), [json.dumps(line) for line in lines]
    return found


class Chaos:
    """What may happen to a job, drawn at random; ``counts`` says how often it did."""

    def __init__(self, slurm: Cluster, runs: Path, seed: int) -> None:
        self.slurm, self.runs = slurm, runs
        self.draw = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.completed, self.struck = 0, time.monotonic()

    def running(self) -> list[str]:
        listed = self.slurm.output("squeue", "-h", "-r", "-p", "low", "-t", "RUNNING", "-o", "%i")
        return listed.split()

    def processes(self) -> list[int]:
        """Everything that runs for the sweeps: jobs and the forks that train."""
        needle = str(self.runs).encode()
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
                if needle in command and b"submitit.core._submit" in command and not command.startswith(b"srun"):
                    found.append(int(entry.name))
        return found

    def preempt(self) -> None:
        seconds, nodes = self.draw.choice([1, 2, 4]), self.draw.choice([1, 2])
        # A limit, because a controller killed just after a job has ended takes it for running when it is back.
        job = ("sbatch", "-p", "high", "-t", "1", "-n", str(nodes), "-o", "/dev/null", "--wrap", f"sleep {seconds}")
        before = len(self.running())
        if before and self.slurm.run(*job).returncode == 0:
            self.counts["higher-priority jobs submitted"] += 1

    def cancel(self) -> None:
        jobs = self.running()
        if jobs and self.slurm.run("scancel", self.draw.choice(jobs)).returncode == 0:
            self.counts["jobs cancelled (scancel)"] += 1

    def kill(self) -> None:
        pids = self.processes()
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.draw.choice(pids), signal.SIGKILL)
                self.counts["processes killed (SIGKILL)"] += 1

    def restart_controller(self) -> None:
        self.slurm.daemons["slurmctld"].send_signal(signal.SIGKILL)
        self.slurm.daemons.pop("slurmctld").wait()
        time.sleep(3)
        self.slurm.start_controller()
        self.counts["slurmctld killed and restarted"] += 1

    def training(self) -> bool:
        begun = (path.parent for path in self.runs.glob("*/*/*/lock"))
        return any(locked(run / "lock") for run in begun if not (run / "metrics.json").exists())

    def strike(self, completed: int) -> None:
        """After every second run that was completed, and in a lull; mostly while something is trained."""
        now = time.monotonic()
        if (completed > self.completed + 1 or now - self.struck > PAUSE) and (
            self.training() or self.draw.random() < 0.1
        ):
            self.completed, self.struck = completed, now
            self.draw.choices([self.preempt, self.cancel, self.kill], weights=[3, 1, 3])[0]()


EDITS = (
    ("experiments/loop.py", "self.step += 1", "self.step += 2"),
    ("configs/recipe/digits.yaml", "lr: 0.1", "lr: 0.01"),
    ("experiments/models/cnn.py", "from torch import Tensor, nn", "raise ImportError('edited')"),
)
LEFT = "experiments/loop.py"  # stays edited to the end


def edit(checkout: Checkout) -> None:
    """A broken loop, another learning rate, a module that cannot be imported: all would show in the results."""
    for name, old, new in EDITS:
        path = checkout.root / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))


@pytest.mark.slow
def test_sixty_of_sixty_whatever_happens(
    checkout: Checkout, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    serial = checkout.python("train.py", "-m", *RUNS, f"runs_dir={tmp_path / 'serial'}")
    undisturbed = results(tmp_path / "serial")
    assert len(undisturbed) == 60, serial.stderr
    commit = checkout.git("rev-parse", "HEAD").strip()

    chaos = Chaos(checkout.slurm, checkout.runs, seed=int(os.environ.get("GEM_TORTURE_SEED", "1")))
    command = (*RUNS, "runs_per_job=6", "launcher.signal_delay_s=20")
    first = checkout.submit(*command)
    assert first.returncode == 0, first.stderr
    edit(checkout)
    chaos.counts["files edited after submission"] = len(EDITS)
    completed: dict[str, float] = {}
    started = time.monotonic()
    restart_at = 40.0
    while time.monotonic() - started < DEADLINE:
        for path in checkout.runs.glob("*/*/*/metrics.json"):
            completed.setdefault(str(path.parent), path.stat().st_mtime)
        if not any(checkout.slurm.output("squeue", "-h", "-p", "low")):
            if len(completed) == 60:
                break
            if "same command typed again" not in chaos.counts:
                refused = checkout.submit(*command)  # another learning rate: other runs, from code nobody committed
                assert refused.returncode == 2
                assert "the tree differs from its commit" in refused.stderr
                checkout.git("checkout", "--", *(name for name, _, _ in EDITS if name != LEFT))
            again = checkout.submit(*command)
            assert again.returncode == 0, again.stderr
            chaos.counts["same command typed again"] += 1
        elapsed = time.monotonic() - started
        if elapsed > restart_at:
            restart_at = float("inf")
            chaos.restart_controller()
        chaos.strike(len(completed))
        time.sleep(chaos.draw.uniform(0.2, 1))
    seconds = time.monotonic() - started
    last = checkout.submit(*command)

    facts = history(checkout.runs)
    with capsys.disabled():
        print(f"\n{len(completed)} of 60 runs complete after {seconds:.0f} s")
        for what, count in {**chaos.counts, **facts}.items():
            print(f"  {count:4d}  {what}")
    assert results(checkout.runs) == undisturbed
    assert "60 finished before" in last.stdout
    assert "submitted as" not in last.stdout
    for directory, moment in completed.items():
        assert (Path(directory) / "metrics.json").stat().st_mtime == moment, "written twice"
        parts = read_json(Path(directory) / "meta.json")["parts"]
        assert {(part["commit"], part["clean"]) for part in parts} == {(commit, True)}
    assert facts["runs begun after they were complete"] == 0
    assert facts["directories held by two jobs at once"] == 0
    assert chaos.counts["jobs cancelled (scancel)"] >= 3
    assert chaos.counts["processes killed (SIGKILL)"] >= 5
    assert facts["times a job was requeued"] >= 5
    assert facts["runs that continued from a checkpoint"] >= 5


def history(runs: Path) -> Counter[str]:
    """What the sweeps' events and the runs' own parts say."""
    counts = Counter({"runs begun after they were complete": 0, "directories held by two jobs at once": 0})
    finished: dict[Path, float] = {}
    spans: dict[Path, list[tuple[float, float, Any]]] = {}
    for sweep in folder.sweeps(runs):
        opened: dict[int, dict[str, Any]] = {}
        for event in sweep.events():
            directory = sweep.directory(event["run"])
            if event["event"] == "begun":
                counts["times a run was begun or continued"] += 1
                opened[event["run"]] = event
                if event["time"] > finished.get(directory, float("inf")):
                    counts["runs begun after they were complete"] += 1
            else:
                begun = opened.pop(event["run"])
                spans.setdefault(directory, []).append((begun["time"], event["time"], event["job"]))
                if event["status"] == 0:
                    finished[directory] = event["time"]
        counts["times a job was requeued"] += sum(
            text.count("DUE TO JOB REQUEUE") + text.count("DUE TO PREEMPTION")
            for text in (path.read_text() for path in sweep.folder.glob("slurm/*.out"))
        )
    for several in spans.values():
        several.sort()
        for (_, end, job), (begin, _, other) in itertools.pairwise(several):
            counts["directories held by two jobs at once"] += begin < end and job != other
    for path in runs.glob("*/*/*/meta.json"):
        counts["runs that continued from a checkpoint"] += sum(p["from_step"] > 0 for p in read_json(path)["parts"])
    return counts
