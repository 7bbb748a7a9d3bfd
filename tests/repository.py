"""A repository of its own with the code under test committed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.experiments.zygote import ROOT

IDENTITY = ("-c", "user.name=test", "-c", "user.email=test@example.org")


def git(root: Path, *words: str) -> str:
    command = ["git", "-C", str(root), *IDENTITY, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def commit_all(root: Path) -> None:
    """Make ``root`` a repository whose only commit is what it holds."""
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "code under test")


def repository(root: Path) -> Path:
    """At ``root`` the files that git knows or would take, as they are now, but for results; committed."""
    for name in filter(None, git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")):
        if (ROOT / name).exists() and not name.startswith("results/"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, root / name)
    commit_all(root)
    return root
