"""Frozen code: the copy that the jobs of a sweep run from. Later edits do not affect queued jobs.

``<runs_dir>/.sweeps/code/<commit12>`` for a clean tree, ``<commit12>-<changes8>`` for one with changes. Its
``frozen.json`` has the commit, whether the tree was clean, and the digest of every file. Sweeps share copies.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from experiments.errors import UserError
from experiments.files import write_json
from experiments.runs.provenance import FROZEN, read_frozen

LEFT_OUT = ":(exclude)results"  # the output of runs is no code
SHOWN = 5


class NotCommitted(UserError):
    """The tree has changes. ``copy`` is the path of the frozen copy of its commit, which need not exist."""

    def __init__(self, text: str, copy: Path) -> None:
        super().__init__(text)
        self.copy = copy


def freeze(root: Path, folder: Path, dirty: bool = False) -> Path:
    """The frozen copy, below ``folder``, of the checkout at ``root`` in its current state. Makes it if it is missing.

    Raises UserError outside a git checkout, and NotCommitted for a tree with changes unless ``dirty``.
    """
    commit, tree = snapshot(root)
    changed = git(root, "diff", "--name-only", commit, tree).split()
    if changed and not dirty:
        more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
        text = (
            f"the tree differs from its commit {commit[:8]} ({', '.join(changed[:SHOWN])}{more}); commit first, "
            f"or give dirty=true: then the runs use the tree as it is, and its difference is stored with them"
        )
        raise NotCommitted(text, folder / commit[:12])
    copy = folder / (commit[:12] + (f"-{tree[:8]}" if changed else ""))
    if not copy.exists():
        folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
        try:
            fill(root, temporary, commit, tree, bool(changed))
            temporary.rename(copy)
        except OSError:
            if not copy.exists():  # otherwise another submission was faster
                raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return copy


def snapshot(root: Path) -> tuple[str, str]:
    """The commit, and a tree object of the current checkout. Untracked files are included, ignored files are not."""
    try:
        commit = git(root, "rev-parse", "HEAD").strip()
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": f"{folder}/index"}
            git(root, "read-tree", "HEAD", env=index)
            git(root, "add", "-A", "--", ".", LEFT_OUT, env=index)
            return commit, git(root, "write-tree", env=index).strip()
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip()
        raise UserError(f"{root}: cannot tell which commit this is, so it cannot be frozen ({said})") from error


def git(root: Path, *arguments: str, env: dict[str, str] | None = None) -> str:
    return run_git(root, *arguments, env=env).decode()


def run_git(root: Path, *arguments: str, env: dict[str, str] | None = None) -> bytes:
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=True, env=os.environ | (env or {})).stdout
    except subprocess.CalledProcessError as error:
        error.stderr = error.stderr.decode(errors="replace")
        raise


def fill(root: Path, copy: Path, commit: str, tree: str, changed: bool) -> None:
    archive = run_git(root, "archive", tree, "--", ".", LEFT_OUT)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(copy, filter="data")
    said: dict[str, Any] = {"commit": commit, "clean": not changed}
    if changed:
        said["changes"] = f"changes-{tree[:8]}.diff"
        (copy / said["changes"]).write_bytes(run_git(root, "diff", "--binary", commit, tree, "--", ".", LEFT_OUT))
    files = [path for path in copy.rglob("*") if path.is_file()]
    said["files"] = {str(path.relative_to(copy)): digest(path) for path in sorted(files)}
    for path in files:
        path.chmod(path.stat().st_mode & ~0o222)
    write_json(copy / FROZEN, said)
    copy.chmod(0o755)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def verify(copy: Path) -> None:
    """Raise UserError if a file of the frozen copy has changed."""
    frozen = read_frozen(copy)
    if frozen is None:
        raise UserError(f"{copy}: no frozen copy of the code ({FROZEN} is missing); submit again")
    changed = [name for name, known in frozen["files"].items() if not has_digest(copy / name, known)]
    if changed:
        raise UserError(f"{copy}: {', '.join(changed[:SHOWN])} changed since it was frozen; remove it and submit again")


def has_digest(path: Path, known: str) -> bool:
    return path.is_file() and digest(path) == known
