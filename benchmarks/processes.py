"""Child processes and the CPU seconds they take."""

import os
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Run:
    """Standard output, exit code (negative: signal) and CPU seconds (user and system) of one process."""

    output: str
    exit_code: int
    seconds: float


def run(command: list[str], folder: Path, cpu_limit: int = 600) -> Run:
    """Run a command in a folder on one thread; it is killed at cpu_limit seconds of CPU.

    Output goes to a file rather than a pipe: a pipe's reader would take part of the same core.
    """

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_limit, cpu_limit + 1))

    output = folder / "standard-output"
    with open(output, "wb") as stream:
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
    process.returncode = os.waitstatus_to_exitcode(status)
    text = output.read_text(errors="replace")
    return Run(text, process.returncode, usage.ru_utime + usage.ru_stime)
