"""Every truncation and every flipped byte of a checkpoint is noticed; the one before it is used; nothing is deleted."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.errors import UserError
from experiments.runs.checkpoint import Broken, Checkpoints, read_checkpoint
from tests.experiments.results import tree


def accept(state: dict[str, Any]) -> None:
    """A check that has no objection."""


@pytest.fixture
def saved(tmp_path: Path) -> Checkpoints:
    """Checkpoints of the steps 1, 2 and 3, of which two are kept."""
    checkpoints = Checkpoints(tmp_path / "run" / "checkpoints")
    checkpoints.directory.parent.mkdir()
    for step in (1, 2, 3):
        checkpoints.save(step, {"step": step, "weights": torch.full((3,), float(step))})
    return checkpoints


def test_the_last_two_are_kept_and_the_newest_is_used(saved: Checkpoints) -> None:
    assert saved.steps() == [2, 3]
    state = saved.latest(accept)
    assert state is not None
    assert (state["step"], state["weights"].tolist()) == (3, [3.0, 3.0, 3.0])


def test_nothing_saved_is_no_error(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "none").latest(accept) is None


def test_every_truncation_is_noticed(saved: Checkpoints) -> None:
    path = saved.path(3)
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(Broken):
            read_checkpoint(path)


def test_every_flip_in_the_header_and_200_elsewhere_are_noticed(saved: Checkpoints) -> None:
    path = saved.path(3)
    data = path.read_bytes()
    draw = random.Random(0)
    header = range(data.index(b"\n") + 1)
    for position in [*header, *(draw.randrange(len(data)) for _ in range(200))]:
        damaged = bytearray(data)
        damaged[position] ^= draw.randrange(1, 256)
        path.write_bytes(damaged)
        with pytest.raises(Broken):
            read_checkpoint(path)


@pytest.mark.parametrize("more", [b"\0", b"\n", b"x" * 1000])
def test_bytes_behind_the_end_are_noticed(saved: Checkpoints, more: bytes) -> None:
    path = saved.path(3)
    path.write_bytes(path.read_bytes() + more)
    with pytest.raises(Broken, match="bytes where"):
        read_checkpoint(path)


def test_the_one_before_is_used_and_the_broken_one_set_aside(
    saved: Checkpoints, capsys: pytest.CaptureFixture[str]
) -> None:
    saved.path(3).write_bytes(b"damaged")
    state = saved.latest(accept)
    assert state is not None
    assert state["step"] == 2
    warning = capsys.readouterr().err
    assert warning.startswith(f"warning: {saved.path(3)} is damaged (")
    assert warning.endswith("using step 2 before it\n")
    assert (saved.directory / "step000000003.pt.broken").read_bytes() == b"damaged"
    assert saved.steps() == [2]


def test_a_second_broken_one_of_the_same_step_does_not_replace_the_first(saved: Checkpoints) -> None:
    for content in (b"first", b"second"):
        saved.save(3, {"step": 3})
        saved.path(3).write_bytes(content)
        saved.latest(accept)
    aside = sorted(saved.directory.glob("*.broken*"))
    assert [path.read_bytes() for path in aside] == [b"first", b"second"]


def test_two_broken_ones_are_an_error_and_stay(saved: Checkpoints) -> None:
    for step in (2, 3):
        saved.path(step).write_bytes(b"damaged %d" % step)
    before = tree(saved.directory)
    with pytest.raises(UserError, match=r"no usable checkpoint.*step000000003.pt: .*step000000002.pt: .*move .*away"):
        saved.latest(accept)
    assert tree(saved.directory) == before


def test_an_objection_of_the_run_counts_as_broken(saved: Checkpoints) -> None:
    def older(state: dict[str, Any]) -> None:
        if state["step"] == 3:
            raise Broken("not of this run")

    state = saved.latest(older)
    assert state is not None
    assert state["step"] == 2


def test_a_run_is_not_begun_anew_beside_a_checkpoint_set_aside(saved: Checkpoints) -> None:
    saved.path(3).write_bytes(b"damaged")
    saved.latest(accept)
    saved.path(2).unlink()
    with pytest.raises(UserError, match=r"step000000003\.pt\.broken"):
        saved.latest(accept)


def test_what_a_killed_save_left_is_cleared_by_the_next(saved: Checkpoints) -> None:
    (saved.directory / "step000000004.pt.tmp").write_bytes(b"half")
    assert saved.steps() == [2, 3]
    saved.save(5, {"step": 5})
    assert [path.name for path in sorted(saved.directory.iterdir())] == ["step000000003.pt", "step000000005.pt"]
