"""A throw-away virtual environment that brings the original suite's executables.

The PyPI wheel pylfl carries the Linux executables GMIN, OPTIM, PATHSAMPLE and disconnectionDPS of
June 2021. They are started as separate processes, for measurements only: no package of this house
depends on them, and the environment can be deleted at any time.
"""

import platform
import stat
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = PROJECT / ".bench-venv"
REQUIREMENT = "pylfl==0.3.5"


@dataclass(frozen=True)
class Suite:
    """Paths of the original suite's executables."""

    gmin: Path
    optim: Path
    pathsample: Path
    disconnection: Path


class PeersMissing(Exception):
    """The peers cannot be had on this machine; the message says why in one sentence."""


def _python() -> Path:
    """The interpreter of the throw-away environment."""
    return FOLDER / "bin" / "python"


def _executables() -> Path | None:
    """The folder of the wheel that holds the Linux executables, or None before installation."""
    found = sorted(FOLDER.glob("lib/python*/site-packages/pylfl/bin/linux"))
    return found[-1] if found else None


def installed() -> bool:
    """Whether the executables are there already, without installing anything."""
    return _executables() is not None


def _install() -> None:
    """Create the environment and put the wheel in, without what the wheel itself depends on.

    Raises PeersMissing if the package installer fails (for instance without a network).
    """
    if not _python().exists():
        venv.create(FOLDER, with_pip=True)
    command = [str(_python()), "-m", "pip", "install", "--quiet", "--no-deps", REQUIREMENT]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines() or ["no message"]
        raise PeersMissing(f"pip could not install {REQUIREMENT} into .bench-venv: {lines[-1]}")


def prepare() -> Suite:
    """The executables of the original suite, installing them first if need be.

    Raises PeersMissing on another platform than Linux on x86-64 or if they cannot be installed.
    """
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        raise PeersMissing("The original suite's executables in pylfl run on Linux on x86-64 only.")
    if not installed():
        _install()
    folder = _executables()
    if folder is None:
        raise PeersMissing(f"{REQUIREMENT} in .bench-venv has no folder bin/linux: delete .bench-venv.")
    suite = Suite(
        gmin=folder / "GMIN",
        optim=folder / "OPTIM",
        pathsample=folder / "PATHSAMPLE",
        disconnection=folder / "disconnectionDPS",
    )
    # A wheel does not record that a file is executable, so installation loses it.
    for path in vars(suite).values():
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return suite


if __name__ == "__main__":
    for name, path in vars(prepare()).items():
        print(f"{name:14} {path.relative_to(PROJECT)}")
