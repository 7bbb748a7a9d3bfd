"""``python train.py``, or a script, without its start-up: a server with the imports done forks a child per command.

A child runs the file itself, as ``__main__``, in its own process with its own stdout and stderr: it can be
killed, it takes its locks, and it ends with its real exit status. The server stays single-threaded, as fork demands.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
QUIET = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
TIMEOUT = 600.0


@dataclass
class Ended:
    """How a command ended: its exit status (minus the signal that killed it) and what it printed."""

    status: int
    out: str
    err: str


@dataclass
class Command:
    """A started command. Reaped by ``wait`` alone, and no signal is sent after that to what has its pid."""

    zygote: Zygote
    pid: int
    out: Path
    err: Path
    ended: Ended | None = None

    def send(self, signal: int) -> None:
        if self.ended is None:
            os.kill(self.pid, signal)

    def running(self) -> bool:
        if self.ended is not None:
            return False
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"

    def wait(self) -> Ended:
        deadline = time.monotonic() + TIMEOUT
        while self.running():
            if time.monotonic() > deadline:
                self.send(9)
                raise TimeoutError(f"still running after {TIMEOUT:.0f} s: {self.err.read_text()}")
            time.sleep(0.002)
        if self.ended is None:
            status = self.zygote.ask({"wait": self.pid})["status"]
            self.ended = Ended(status, self.out.read_text(), self.err.read_text())
        return self.ended


class Zygote:
    """The client's side. ``start`` returns at once; ``run`` waits for the end.

    ``modules`` are imported beforehand, too: large libraries that only some commands need.
    """

    def __init__(self, folder: Path, modules: Sequence[str] = ()) -> None:
        self.folder = folder
        self.count = 0
        self.server = subprocess.Popen(
            [sys.executable, __file__, *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write(json.dumps(request) + "\n")
        self.server.stdin.flush()
        answer: dict[str, Any] = json.loads(self.server.stdout.readline())
        return answer

    def start(
        self,
        *arguments: str,
        script: str = "train.py",
        cwd: Path = ROOT,
        env: dict[str, str] | None = None,
        limit: int = 0,
        killed: tuple[Path, int] | None = None,
    ) -> Command:
        """``python <script> <arguments>``; ``limit`` is the largest file it may write, in bytes (RLIMIT_FSIZE);
        ``killed`` by SIGKILL when it is about to do that many-th thing to a file below a folder."""
        self.count += 1
        out, err = self.folder / f"{self.count}.out", self.folder / f"{self.count}.err"
        request = {"argv": [script, *arguments], "cwd": str(cwd), "env": env or {}, "limit": limit}
        request["killed"] = killed and [str(killed[0]), killed[1]]
        pid = self.ask(request | {"out": str(out), "err": str(err)})["pid"]
        return Command(self, pid, out, err)

    def run(self, *arguments: str, cwd: Path = ROOT, env: dict[str, str] | None = None, limit: int = 0) -> Ended:
        return self.start(*arguments, cwd=cwd, env=env, limit=limit).wait()

    def script(self, script: str, *arguments: str, env: dict[str, str] | None = None) -> Ended:
        """``python <script> <arguments>`` at the root of the checkout."""
        return self.start(*arguments, script=script, env=env).wait()

    def close(self) -> None:
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.kill()  # it holds nothing, and the orderly end of a process with torch takes seconds
        self.server.wait()
        self.server.stdin.close()
        self.server.stdout.close()


def environment() -> dict[str, str]:
    """This process's, without the user's data, caches and W&B settings."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(("WANDB_", "GEM_", "SLURM_"))}
    return own | QUIET | {"PYTHONPATH": str(ROOT)}


@contextmanager
def zygote(folder: Path, modules: Sequence[str] = ()) -> Iterator[Zygote]:
    server = Zygote(folder, modules)
    try:
        yield server
    finally:
        server.close()


def serve() -> None:
    """Answer requests, one JSON line each, until stdin ends."""
    sys.path.insert(0, str(ROOT))
    preload()
    for name in sys.argv[1:]:
        importlib.import_module(name)
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            _, status = os.waitpid(request["wait"], 0)
            answer = {"status": os.waitstatus_to_exitcode(status)}
        else:
            pid = os.fork()
            if pid == 0:
                child(request)
            answer = {"pid": pid}
        print(json.dumps(answer), flush=True)


def preload() -> None:
    """What a sweep does before its forks, and the imports of the tables. Composing, Hydra looks for its plug-ins and
    ANTLR builds its parser."""
    import timm  # noqa: F401
    import torchvision  # noqa: F401

    import experiments.figures
    import experiments.tables.table  # noqa: F401
    from experiments.config.compose import compose_run
    from experiments.sweeps.job import warm_process

    warm_process(compose_run(["dataset=digits", "recipe=digits", "impl=deterministic"]))


def child(request: dict[str, Any]) -> None:
    """Become the command; never return."""
    import resource
    import signal

    for number, path in ((0, os.devnull), (1, request["out"]), (2, request["err"])):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), number)
    status = 1
    try:
        os.chdir(request["cwd"])
        os.environ.update(request["env"])
        if request["limit"]:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that the write fails with EFBIG
            resource.setrlimit(resource.RLIMIT_FSIZE, (request["limit"], request["limit"]))
        if request["killed"]:
            kill_at(*request["killed"])
        sys.argv = request["argv"]
        runpy.run_path(str(ROOT / sys.argv[0]), run_name="__main__")
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def kill_at(folder: str, number: int) -> None:
    """Kill this process when it is about to open, rename, remove, list or make something below ``folder``, the
    ``number``-th time it does."""
    import signal

    count = 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count
        if (event == "open" or event.startswith("os.")) and arguments and str(arguments[0]).startswith(folder):
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


if __name__ == "__main__":
    serve()
