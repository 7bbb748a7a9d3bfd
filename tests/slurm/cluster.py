"""A real Slurm on this machine, of one node: munged, slurmctld and slurmd with directories and ports of their own.

``low`` and ``high`` are partitions of the same node; a job of ``high`` preempts one of ``low``, which is requeued.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "sinfo")
MUNGE_USER = "munge"
PATIENCE = 60.0
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
SlurmUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,sched_min_interval=100000,bf_interval=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=20
SlurmctldTimeout=10
SlurmdTimeout=60
MaxArraySize=1001
NodeName={host} NodeAddr=127.0.0.1 NodeHostname={host} CPUs=2 RealMemory={memory} State=UNKNOWN
PartitionName=low Nodes={host} Default=YES PriorityTier=1 GraceTime=15 State=UP
PartitionName=high Nodes={host} PriorityTier=10 PreemptMode=OFF State=UP
"""


def missing() -> str | None:
    """Why no cluster can be started here, or None."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    absent = [name for name in NEEDED if shutil.which(name, path=path) is None]
    if absent:
        return f"{', '.join(absent)} not installed (Debian: apt-get install slurm-wlm munge)"
    if os.geteuid() != 0:
        return "slurmd needs root"
    return None


class Cluster:
    """``environment`` is what makes sbatch, squeue and the rest speak to this cluster."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = socket.gethostname().split(".")[0]
        own = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "SBATCH_"))}
        path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
        self.environment = own | {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": path}
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}

    def configure(self) -> None:
        for name in ("state", "spool", "munge"):
            (self.folder / name).mkdir(mode=0o755)
        key = self.folder / "munge" / "key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(128))
        for path in (self.folder / "munge", key):
            shutil.chown(path, MUNGE_USER, MUNGE_USER)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20 - 512
        controller, daemon = free_ports(2)
        text = CONFIGURATION.format(
            host=self.host, folder=self.folder, controller=controller, daemon=daemon, memory=memory
        )
        (self.folder / "slurm.conf").write_text(text)

    def start(self, name: str, *command: str, user: str | None = None) -> None:
        with open(self.folder / f"{name}.out", "ab") as out:
            self.daemons[name] = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, user=user, group=user
            )

    def start_munged(self) -> None:
        munge = self.folder / "munge"
        places = {"socket": "socket", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        options = [f"--{option}={munge / name}" for option, name in places.items()]
        self.start("munged", "munged", "--foreground", *options, user=MUNGE_USER)
        self.wait(lambda: (munge / "socket").exists(), "munged")

    def start_controller(self) -> None:
        self.start("slurmctld", "slurmctld", "-D", "-f", str(self.folder / "slurm.conf"))
        self.wait(lambda: self.output("scontrol", "ping").count(" is UP") == 1, "slurmctld")

    def start_node(self) -> None:
        self.start("slurmd", "slurmd", "-D", "-f", str(self.folder / "slurm.conf"), "-N", self.host)
        self.wait(lambda: self.output("sinfo", "-h", "-o", "%T", "-p", "low").strip() in ("idle", "mixed"), "slurmd")

    def stop(self, name: str) -> None:
        daemon = self.daemons.pop(name)
        daemon.terminate()
        try:
            daemon.wait(20)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()

    def wait(self, ready: Callable[[], bool], name: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not ready():
            daemon = self.daemons.get(name)
            if time.monotonic() > deadline or (daemon is not None and daemon.poll() is not None):
                logs = (self.folder / f"{name}{suffix}" for suffix in (".out", ".log"))
                raise RuntimeError(f"{name} does not come up:\n" + "\n".join(p.read_text() for p in logs if p.exists()))
            time.sleep(0.05)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    def output(self, *command: str) -> str:
        return self.run(*command).stdout

    def queue(self) -> dict[str, str]:
        """Id and state of every job that is pending, running or completing."""
        lines = self.output("squeue", "-h", "-r", "-o", "%i %T").splitlines()
        return dict(line.split() for line in lines)

    def details(self, job: str) -> dict[str, str]:
        """What ``scontrol show job`` says; Slurm forgets finished jobs after five minutes.

        The first task of an array has the array's own id, under which scontrol shows all of them.
        """
        shown = [line.split() for line in self.output("scontrol", "show", "job", "-o", job).splitlines()]
        records = [dict(word.split("=", 1) for word in words if "=" in word) for words in shown]
        return next((record for record in records if record.get("JobId") == job), records[0] if records else {})

    def cancel_all(self) -> None:
        """Leave nothing behind for the next test."""
        deadline = time.monotonic() + PATIENCE
        while self.queue():
            self.run("scancel", "--user=root", "--signal=KILL", "--full")
            self.run("scancel", "--user=root")
            if time.monotonic() > deadline:
                raise RuntimeError(f"jobs do not end: {self.queue()}")
            time.sleep(0.2)


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A cluster for the length of a block. Its folder has a short path: a Unix socket's is limited to 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    folder.chmod(0o755)
    slurm = Cluster(folder)
    try:
        slurm.configure()
        slurm.start_munged()
        slurm.start_controller()
        slurm.start_node()
        yield slurm
    finally:
        if "slurmctld" in slurm.daemons:
            slurm.cancel_all()
        for name in ("slurmd", "slurmctld", "munged"):
            if name in slurm.daemons:
                slurm.stop(name)
        shutil.rmtree(folder, ignore_errors=True)
