"""The frozen copy is the commit, or the tree with its changes stored; nothing that happens later changes it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.errors import UserError
from experiments.runs.provenance import read_frozen
from experiments.sweeps.freeze import NotCommitted, freeze, git, verify
from tests.experiments.zygote import ROOT, environment
from tests.repository import commit_all


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small repository with one commit."""
    place = tmp_path / "project"
    (place / "results").mkdir(parents=True)
    (place / "code.py").write_text("X = 1\n")
    (place / "results" / "LOG.md").write_text("nothing yet\n")
    (place / ".gitignore").write_text("ignored\n")
    commit_all(place)
    return place


def test_a_clean_tree(root: Path, tmp_path: Path) -> None:
    (root / "results" / "LOG.md").write_text("a result\n")  # what runs leave behind is no change of the code
    (root / "ignored").write_text("")
    copy = freeze(root, tmp_path / "code")
    commit = git(root, "rev-parse", "HEAD").strip()
    assert copy.name == commit[:12]
    assert sorted(path.name for path in copy.iterdir()) == [".gitignore", "code.py", "frozen.json"]
    frozen = read_frozen(copy)
    assert frozen is not None
    assert (frozen["commit"], frozen["clean"]) == (commit, True)
    (root / "code.py").write_text("X = 2\n")
    assert (copy / "code.py").read_text() == "X = 1\n"
    verify(copy)


def test_changes_are_refused_by_name_or_stored(root: Path, tmp_path: Path) -> None:
    (root / "code.py").write_text("X = 2\n")
    (root / "new.py").write_text("Y = 1\n")
    before = git(root, "status", "--porcelain")
    with pytest.raises(NotCommitted, match=r"code\.py, new\.py.*dirty=true"):
        freeze(root, tmp_path / "code")
    copy = freeze(root, tmp_path / "code", dirty=True)
    frozen = read_frozen(copy)
    assert frozen is not None
    assert frozen["clean"] is False
    diff = (copy / frozen["changes"]).read_text()
    assert "+X = 2" in diff
    assert "+Y = 1" in diff
    assert (copy / "new.py").read_text() == "Y = 1\n"
    assert git(root, "status", "--porcelain") == before, "the index was touched"
    (root / "new.py").write_text("Y = 2\n")
    assert freeze(root, tmp_path / "code", dirty=True) != copy


def test_the_stored_difference_gives_the_tree_back(root: Path, tmp_path: Path) -> None:
    (root / "code.py").write_bytes(b"X = 3\n\x00binary")
    copy = freeze(root, tmp_path / "code", dirty=True)
    (diff,) = copy.glob("changes-*.diff")
    git(root, "checkout", "-q", "--", ".")
    git(root, "apply", str(diff))
    assert (root / "code.py").read_bytes() == (copy / "code.py").read_bytes()


def test_made_once(root: Path, tmp_path: Path) -> None:
    copy = freeze(root, tmp_path / "code")
    moment = (copy / "frozen.json").stat().st_mtime_ns
    assert freeze(root, tmp_path / "code") == copy
    assert (copy / "frozen.json").stat().st_mtime_ns == moment
    assert [path.name for path in (tmp_path / "code").iterdir()] == [copy.name]


def test_a_copy_that_was_changed_is_an_error(root: Path, tmp_path: Path) -> None:
    copy = freeze(root, tmp_path / "code")
    file = copy / "code.py"
    file.chmod(0o644)
    file.write_text("X = 4\n")
    with pytest.raises(UserError, match=r"code\.py changed since it was frozen"):
        verify(copy)
    file.unlink()
    with pytest.raises(UserError, match=r"code\.py changed since it was frozen"):
        verify(copy)


def test_outside_a_repository(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot tell which commit"):
        freeze(tmp_path, tmp_path / "code")


def test_code_knows_what_it_is_a_copy_of(root: Path, tmp_path: Path) -> None:
    """Also below another repository, whose commit it must not take for its own."""
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(ROOT / "experiments"), str(ROOT / "gem"), str(root)], check=True)
    subprocess.run(["cp", "-r", str(root), str(copy)], check=True)
    said = {"commit": "1" * 40, "clean": False, "changes": "changes-1.diff", "files": {}}
    (copy / "frozen.json").write_text(json.dumps(said))
    code = "from experiments.runs.provenance import code_version; import json; print(json.dumps(code_version()))"
    environ = environment() | {"PYTHONPATH": str(copy)}
    line = [sys.executable, "-c", code]
    shown = subprocess.run(line, cwd=copy, env=environ, check=True, capture_output=True, text=True).stdout
    assert json.loads(shown) == {key: said[key] for key in ("commit", "clean", "changes")}
