"""Speed, as ratios with tolerance: submitting returns at once, and packed runs share their start-up."""

from __future__ import annotations

import time

import pytest

from tests.slurm.conftest import Checkout

SHORT = ("dataset=digits", "recipe=digits", "impl=deterministic")


@pytest.mark.slow
def test_two_hundred_runs_are_submitted_in_ten_seconds(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    """With nothing free to run them, so that the time is that of submitting."""
    checkout.slurm.run("scontrol", "update", "PartitionName=low", "State=DOWN")
    seeds = "seed=" + ",".join(map(str, range(34)))
    try:
        started = time.monotonic()
        first = checkout.submit("experiment=quickstart", "fresh=true", seeds, "runs_per_job=4")
        seconds = time.monotonic() - started
        again = checkout.submit("experiment=quickstart", "fresh=true", seeds, "runs_per_job=4")
    finally:
        checkout.slurm.cancel_all()
        checkout.slurm.run("scontrol", "update", "PartitionName=low", "State=UP")
    with capsys.disabled():
        print(f"\n204 runs submitted in {seconds:.1f} s")
    assert "204 runs: 204 new" in first.stdout, first.stderr
    assert "51 jobs of up to 4 runs" in first.stdout
    assert again.stdout == "quickstart: 204 runs: 204 queued already\n"
    assert seconds < 10


@pytest.mark.slow
def test_packed_runs_take_half_the_time(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    """24 runs on two cores: as 24 jobs, and as two jobs of twelve."""
    seconds = {}
    for size in (12, 1):
        words = (*SHORT, "seed=" + ",".join(map(str, range(24))), f"runs_per_job={size}")
        checkout.runs = checkout.root.parent / f"runs{size}"
        process = checkout.submit(*words)
        assert process.returncode == 0, process.stderr
        started = time.monotonic()
        checkout.drain(1200)
        seconds[size] = time.monotonic() - started
        assert len(checkout.statuses()) == 24
    with capsys.disabled():
        ratio = seconds[12] / seconds[1]
        print(f"\n24 runs: {seconds[1]:.0f} s as 24 jobs, {seconds[12]:.0f} s as two: {ratio:.2f} of the time")
    assert seconds[12] <= seconds[1] / 2
