"""Child processes and the CPU seconds they take."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Run:
    """Standard output, exit code (negative: signal), CPU seconds (user and system) and wall seconds of one process."""

    output: str
    exit_code: int
    seconds: float
    wall: float


# A process that a large one starts by fork begins its record of memory with what that one held. This one is small.
_WATCHER = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(child.pid, 0)
with open(sys.argv[1], "w") as report:
    report.write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status) & 255)
"""


def run(command: list[str], folder: Path, cpu_limit: int = 600) -> Run:
    """Run a command in a folder on one thread; it is killed at cpu_limit seconds of CPU.

    Output goes to a file rather than a pipe: a pipe's reader would take part of the same core.
    """

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_limit, cpu_limit + 1))

    output = folder / "standard-output"
    with open(output, "wb") as stream:
        begin = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, **ONE_THREAD},
            preexec_fn=limit,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    text = output.read_text(errors="replace")
    return Run(text, process.returncode, usage.ru_utime + usage.ru_stime, wall)


def peak_memory(command: list[str], folder: Path, cpu_limit: int = 600) -> tuple[Run, float]:
    """As `run`, with the largest resident memory of the command, in MB of 10^6 bytes (Linux counts in KiB).

    Of a command that starts processes itself it is the largest that any one of them had.
    """
    with tempfile.NamedTemporaryFile("r", suffix=".rss") as report:
        watched = run([sys.executable, "-S", "-c", _WATCHER, report.name, *command], folder, cpu_limit)
        text = report.read()
    return watched, float(text or "nan") * 1024.0 / 1e6
