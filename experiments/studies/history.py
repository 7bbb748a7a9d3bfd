"""The git history of a file: its first commit, and its content at a commit."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Commit:
    """``moment``: the time of the commit, in seconds since 1970."""

    moment: int
    hash: str


class History:
    """The history of the checkout at ``root``; paths are relative to it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def gap(self) -> str | None:
        """Why there is no complete history; None if there is."""
        shallow = self.git("rev-parse", "--is-shallow-repository")
        if shallow is None:
            return "this is no git checkout"
        if shallow.strip() == "true":
            return "this clone is shallow; git fetch --unshallow brings the history"
        return None

    def first_commit(self, path: str) -> Commit | None:
        """The commit that added the file, under any name; None if it was never committed.

        Only renames are followed. A copy of an older file is a new file, unlike in ``git log --follow``.
        """
        added = self.commits(path, "--diff-filter=A")
        if not added:
            return None
        renames = self.git("show", "--format=", "--name-status", "-M", "--diff-filter=R", added[0].hash) or ""
        for line in renames.splitlines():
            _, old, new = line.split("\t")
            if new == path:
                return self.first_commit(old) or added[0]
        return added[0]

    def commits(self, path: str, *options: str) -> list[Commit]:
        """The commits that changed the file, oldest first."""
        text = self.git("log", "--no-renames", "--format=%ct %H", *options, "--", path) or ""
        pairs = (line.split() for line in text.splitlines())
        return sorted(Commit(int(moment), name) for moment, name in pairs)

    def text(self, commit: str, path: str) -> str | None:
        """The file at a commit; None if it did not exist there, or the commit is unknown."""
        return self.git("show", f"{commit}:{path}")

    def has(self, path: Path) -> bool:
        """Whether the file lies in this checkout and is committed."""
        return self.git("ls-files", "--error-unmatch", "--", str(path.resolve())) is not None

    def git(self, *words: str) -> str | None:
        """git's output; None if git fails."""
        return run_git(str(self.root), words)


@functools.lru_cache(maxsize=4096)
def run_git(root: str, words: Sequence[str]) -> str | None:
    try:
        done = subprocess.run(["git", "-C", root, *words], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout
