"""A Slurm of our own on this host: controller and nodes as plain processes on the loopback interface; no test itself.

Neither systemd nor cgroups nor files of the system are used: key, configuration, sockets, state and logs lie in one
folder. `python tests/cluster/slurm_sandbox.py` says whether it can be had here.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "scontrol", "scancel")
WHERE = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
HOW = "needs Slurm on this host: apt-get install slurm-wlm munge"

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/controller.pid
SlurmctldLogFile={folder}/controller.log
SlurmdPidFile={folder}/%n.pid
SlurmdLogFile={folder}/%n.log
SlurmdSpoolDir={folder}/spool.%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
SlurmdTimeout=5
KillWait=1
MinJobAge=300
ReturnToService=2
NodeName=node[1-{nodes}] NodeHostname={host} NodeAddr=127.0.0.1 Port={first}-{last} CPUs={cpus} RealMemory=4000
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE OverTimeLimit=0 State=UP
"""


def missing() -> list[str]:
    """The programs of Slurm that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name, path=WHERE) is None]


def _free_ports(number: int) -> int:
    """The first of several neighbouring ports that nobody listens on."""
    for first in range(21000 + os.getpid() % 9000, 32000):
        with suppress(OSError):
            for port in range(first, first + number):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return first
    raise OSError("no free ports")


class Slurm:
    """A running controller with its nodes, node1 and so on."""

    def __init__(self, folder: Path, nodes: int, cpus: int) -> None:
        self.folder = folder
        self.nodes = [f"node{number}" for number in range(1, nodes + 1)]
        folder.mkdir(mode=0o755)
        (folder / "state").mkdir()
        port = _free_ports(nodes + 1)
        user = subprocess.run(["id", "-un"], capture_output=True, text=True).stdout.strip()
        values = {"host": socket.gethostname().split(".")[0], "user": user, "folder": folder, "cpus": cpus}
        text = CONFIGURATION.format(port=port, nodes=nodes, first=port + 1, last=port + nodes, **values)
        if nodes == 1:
            text = text.replace("node[1-1]", "node1").replace(f"Port={port + 1}-{port + 1}", f"Port={port + 1}")
        (folder / "slurm.conf").write_text(text)
        self.environment = {**os.environ, "PATH": WHERE, "SLURM_CONF": str(folder / "slurm.conf")}
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(256))
        key.chmod(0o600)
        files = {"key-file": key, "socket": self.folder / "munge.socket", "pid-file": self.folder / "munge.pid"}
        files |= {"log-file": self.folder / "munge.log", "seed-file": self.folder / "munge.seed"}
        self.run("munged", "--force", *(f"--{name}={file}" for name, file in files.items()))
        self.run("slurmctld")
        for node in self.nodes:
            self.start_node(node)

    def run(self, *command: str) -> str:
        """What a command of Slurm writes."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def wait_for(self, condition, seconds: float = 60.0) -> None:
        """Until something is so; an AssertionError if it never is."""
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, "Slurm does not come so far"
            time.sleep(0.05)

    def jobs(self, state: str = "RUNNING") -> list[tuple[str, str]]:
        """Number and node of the jobs in a state."""
        rows = self.run("squeue", "-h", "-t", state, "-o", "%i %N").splitlines()
        return [tuple((row + " ").split(" ")[:2]) for row in rows]

    def start_node(self, node: str) -> None:
        self.run("slurmd", "-N", node)
        self.wait_for(lambda: node in self.run("sinfo", "-h", "-N", "-t", "idle,mix,alloc", "-o", "%N").split())

    def lose_node(self, node: str) -> None:
        """Kill all that runs of a node, as if its plug had been pulled, and tell the controller."""
        self._kill(self.folder / f"{node}.pid", signal.SIGKILL)
        # A job that is just being started has what tells it from others a moment later only.
        limit = time.monotonic() + 1.0
        while time.monotonic() < limit:
            self._kill_processes_of(node)
            time.sleep(0.05)
        self.run("scontrol", "update", f"nodename={node}", "state=down", "reason=test")

    def _kill_processes_of(self, node: str) -> None:
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                variables = (entry / "environ").read_bytes() if entry.name.isdigit() else b""
                mine = f"SLURM_CONF={self.folder}".encode() in variables
                if mine and f"SLURMD_NODENAME={node}".encode() in variables.split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)

    def _kill(self, file: Path, number: int) -> int | None:
        """Send a signal to the process whose id is in a file; the id."""
        with suppress(OSError, ValueError):
            process = int(file.read_text())
            os.kill(process, number)
            return process
        return None

    def stop(self) -> None:
        """End everything of it, by the ids that it left."""
        with suppress(AssertionError, subprocess.TimeoutExpired):
            self.run("scancel", "-u", subprocess.run(["id", "-un"], capture_output=True, text=True).stdout.strip())
            self.wait_for(lambda: not self.run("squeue", "-h").strip(), 10.0)
        files = [self.folder / f"{name}.pid" for name in ("controller", *self.nodes, "munge")]
        alive = [process for process in (self._kill(file, signal.SIGTERM) for file in files) if process]
        limit = time.monotonic() + 10.0
        while alive:
            # Once the time is over, without asking.
            number = 0 if time.monotonic() < limit else signal.SIGKILL
            alive = [process for process in alive if _signalled(process, number)]
            time.sleep(0.05)


def _signalled(process: int, number: int) -> bool:
    """Whether there was a process to send a signal to, which is not a zombie."""
    try:
        os.kill(process, number)
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


@contextmanager
def slurm(folder: Path, nodes: int = 2, cpus: int = 2) -> Iterator[Slurm]:
    """A running Slurm; nothing of it runs any more afterwards."""
    cluster = Slurm(folder, nodes, cpus)
    try:
        yield cluster
    finally:
        cluster.stop()


if __name__ == "__main__":
    if missing():
        print(f"{', '.join(missing())} not found: {HOW}", file=sys.stderr)
        sys.exit(1)
