"""``scripts/submit.py launcher=slurm`` on a real Slurm: once, frozen, packed, with the right states."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from experiments.files import read_json
from tests.experiments.activations.strangers import write_strangers
from tests.slurm.conftest import Checkout

SHORT = ("dataset=digits", "recipe=digits", "recipe.max_steps=20")


def is_one_error_line(process: subprocess.CompletedProcess[str], *parts: str) -> bool:
    assert process.returncode == 2, process
    assert process.stderr.startswith("error: "), process.stderr
    assert process.stderr.count("\n") == 1, process.stderr
    assert all(part in process.stderr for part in parts), process.stderr
    return True


def test_submitted_once_as_it_was(checkout: Checkout) -> None:
    """Six runs in two jobs; the command typed again submits nothing; edits after submission change nothing."""
    command = (*SHORT, "activation=relu,gem", "seed=0,1,2", "runs_per_job=3")
    dry = checkout.submit(*command, "--dry-run")
    assert "6 runs: 6 new\nnothing submitted (--dry-run); 2 jobs of up to 3 runs; " in dry.stdout, dry.stderr
    assert "cpus_per_task=1" in dry.stdout
    assert not checkout.runs.exists()
    checkout.slurm.run("scontrol", "update", "PartitionName=low", "State=DOWN")  # so that they still wait below
    try:
        first = checkout.submit(*command)
        (checkout.root / "experiments" / "runs" / "loop.py").write_text(
            "raise ImportError('edited after submission')\n"
        )
        again = checkout.submit(*command)
    finally:
        checkout.slurm.run("scontrol", "update", "PartitionName=low", "State=UP")
    assert "6 runs: 6 new" in first.stdout, first.stderr
    assert "2 jobs of up to 3 runs" in first.stdout
    assert again.stdout == "runs: 6 runs: 6 queued already\n", again.stderr
    checkout.drain()
    assert checkout.statuses() == [f"{name}/seed{k}: finished" for name in ("gem", "relu") for k in range(3)]
    for path in checkout.runs.glob("*/*/*/meta.json"):
        (part,) = read_json(path)["parts"]
        assert (part["commit"], part["clean"]) == (checkout.git("rev-parse", "HEAD").strip(), True)
        assert part["command"].startswith(f"python train.py {' '.join(SHORT)}")
    last = checkout.submit(*command)
    assert last.stdout == "runs: 6 runs: 6 finished before\n"


def test_a_strangers_activation_is_frozen_with_the_sweep(checkout: Checkout, tmp_path: Path) -> None:
    """The job trains with the file as it was submitted, and keeps it with the run."""
    file = write_strangers(tmp_path / "own")
    checkout.slurm.run("scontrol", "update", "PartitionName=low", "State=DOWN")
    try:
        submitted = checkout.submit(*SHORT, "activation=custom", f"activation.target={file}:Swash")
        file.write_text("raise ImportError('edited after submission')\n")
    finally:
        checkout.slurm.run("scontrol", "update", "PartitionName=low", "State=UP")
    assert "1 new" in submitted.stdout, submitted.stderr
    checkout.drain()
    assert checkout.statuses() == ["Swash/seed0: finished"], checkout.logs()
    (kept,) = checkout.runs.glob("*/Swash-*/seed0/activation/mine.py")
    assert "class Swash" in kept.read_text()


@pytest.mark.slow
def test_changes_are_refused_or_stored(checkout: Checkout) -> None:
    (checkout.root / "experiments" / "new.py").write_text("X = 1\n")
    assert is_one_error_line(checkout.submit(*SHORT), "experiments/new.py", "dirty=true")
    assert checkout.submit(*SHORT, "dirty=true").returncode == 0
    checkout.drain()
    (meta,) = checkout.runs.glob("*/*/*/meta.json")
    (part,) = read_json(meta)["parts"]
    assert part["clean"] is False
    assert "+X = 1" in (meta.parent / part["changes"]).read_text()


@pytest.mark.slow
def test_states_in_slurm(checkout: Checkout, tmp_path: Path) -> None:
    """COMPLETED for what is complete; FAILED, with the run's exit status, for diverged and for bad input."""
    process = checkout.submit(*SHORT, "impl=deterministic", "recipe.lr=0.1,1e30,-1")
    assert is_one_error_line(process, "recipe.lr=-1", "must be a finite number above 0")
    assert "2 runs: 2 new" in process.stdout
    missing = checkout.submit("dataset=image_folder", "dataset.folder=nowhere", f"data_dir={tmp_path}")
    assert missing.returncode == 0, missing.stderr
    checkout.drain()
    states = {job: checkout.slurm.details(job) for job in jobs(checkout)}
    found = sorted((one["JobState"], one["ExitCode"]) for one in states.values())
    assert found == [("COMPLETED", "0:0"), ("FAILED", "2:0"), ("FAILED", "3:0")]
    assert checkout.statuses() == ["gelu/seed0: diverged", "gelu/seed0: finished"]
    log = checkout.logs()
    assert "/seed0: diverged: loss or gradient not finite at step" in log
    assert "/seed0: error: " in log
    assert "nowhere" in log


def jobs(checkout: Checkout) -> list[str]:
    """Every job that Slurm remembers, by its own id, from the newest sweeps' events."""
    lines = "".join(path.read_text() for path in checkout.runs.glob(".sweeps/*/events*.jsonl")).splitlines()
    return sorted({line.split('"job": "')[1].split('"')[0] for line in lines})


@pytest.mark.slow
def test_a_full_disk_under_one_run_leaves_the_others(checkout: Checkout) -> None:
    command = (*SHORT, "activation=relu,gem", "runs_per_job=2")
    title = checkout.submit(*command, "--dry-run").stdout.split()[1]
    place = checkout.runs / "digits-cnn" / title
    place.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        checkout.submit(*command)
        checkout.drain()
        assert f"{title}: error: runs_dir=" in checkout.logs()
        assert "No space left on device" in checkout.logs()
        assert checkout.statuses() == ["gem/seed0: finished"]
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.slow
def test_what_slurm_refuses_is_said_in_one_line_and_leaves_nothing(checkout: Checkout) -> None:
    refused = checkout.submit(*SHORT, "launcher.partition=nowhere")
    assert is_one_error_line(refused, "launcher=slurm: sbatch refused: ", "nvalid partition")
    assert is_one_error_line(checkout.submit(*SHORT, "launcher.partitoin=low"), "partitoin")
    assert is_one_error_line(checkout.submit(*SHORT, "launcher.timeout_min=long"), "timeout_min")
    assert is_one_error_line(checkout.submit(*SHORT, PATH="/nowhere"), "no sbatch on the PATH", "launcher=local")
    checkout.slurm.stop("slurmctld")
    try:
        assert is_one_error_line(checkout.submit(*SHORT, SLURM_TIME_FORMAT="standard"), "sbatch refused")
    finally:
        checkout.slurm.start_controller()
    assert not list(checkout.runs.glob(".sweeps/*/sweep.json"))
    assert checkout.statuses() == []
