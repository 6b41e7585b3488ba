"""Throw-away virtual environments that bring the peers: the original suite's executables, topsearch, PyGT and pele.

The PyPI wheel pylfl carries the Linux executables GMIN, OPTIM, PATHSAMPLE and disconnectionDPS of
June 2021. topsearch is a Python library with dependencies of its own age, as are PyGT and pele. All are started as
separate processes, for measurements only: no package of this house depends on them, and the environments can be
deleted at any time.
"""

import platform
import stat
import subprocess
import sys
import tarfile
import venv
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = PROJECT / ".bench-venv"
REQUIREMENT = "pylfl==0.3.5"
PYGT_FOLDER = PROJECT / ".bench-venv-pygt"
PYGT_REQUIREMENTS = ("pygt==0.3.0",)
PELE_FOLDER = PROJECT / ".bench-venv-pele"
# Its wheel declares what the optimiser needs, not what the disconnectivity graph does.
PELE_REQUIREMENTS = ("pele==0.1.2", "matplotlib==3.11.2", "networkx==3.6.1")
TOPSEARCH_FOLDER = PROJECT / ".bench-venv-topsearch"
# The versions of the lock file in topsearch's repository: with later ones of SciPy it does not notice
# a minimisation that failed. The release's band, saddle search and minimiser are those of the repository.
TOPSEARCH_REQUIREMENTS = (
    "topsearch==0.0.3",
    "numpy==1.26.4",
    "scipy==1.13.1",
    "scikit-learn==1.5.0",
    "networkx==3.3",
    "nptyping==2.5.0",
    "ase==3.22.1",
    "rdkit==2023.9.6",
    "matplotlib==3.9.0",
)


@dataclass(frozen=True)
class Suite:
    """Paths of the original suite's executables."""

    gmin: Path
    optim: Path
    pathsample: Path
    disconnection: Path


class PeersMissing(Exception):
    """The peers cannot be had on this machine; the message says why in one sentence."""


def _python(folder: Path) -> Path:
    """The interpreter of a throw-away environment."""
    return folder / "bin" / "python"


def _executables() -> Path | None:
    """The folder of the wheel that holds the Linux executables, or None before installation."""
    found = sorted(FOLDER.glob("lib/python*/site-packages/pylfl/bin/linux"))
    return found[-1] if found else None


def installed() -> bool:
    """Whether the executables are there already, without installing anything."""
    return _executables() is not None


def _install(folder: Path, *arguments: str) -> None:
    """Create the environment and install what the arguments of pip name.

    Raises PeersMissing if the package installer fails (for instance without a network).
    """
    if not _python(folder).exists():
        venv.create(folder, with_pip=True)
        # Git then never takes it in, whatever the project's own list says.
        (folder / ".gitignore").write_text("*\n")
    command = [str(_python(folder)), "-m", "pip", "install", "--quiet", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines() or ["no message"]
        names = " ".join(name for name in arguments if not name.startswith("-"))
        raise PeersMissing(f"pip could not install {names} into {folder.name}: {lines[-1]}")


def prepare() -> Suite:
    """The executables of the original suite, installing them first if need be.

    Raises PeersMissing on another platform than Linux on x86-64 or if they cannot be installed.
    """
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        raise PeersMissing("The original suite's executables in pylfl run on Linux on x86-64 only.")
    if not installed():
        _install(FOLDER, "--no-deps", REQUIREMENT)
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


def _is_ready(folder: Path, requirements: tuple[str, ...]) -> bool:
    """Whether exactly the versions asked for are installed."""
    wanted = {requirement.replace("-", "_").replace("==", "-").lower() for requirement in requirements}
    found = {path.stem.lower() for path in folder.glob("lib/python*/site-packages/*.dist-info")}
    return wanted <= found


def topsearch_installed() -> Path | None:
    """The interpreter that can import topsearch, None if it is not installed."""
    return _python(TOPSEARCH_FOLDER) if _is_ready(TOPSEARCH_FOLDER, TOPSEARCH_REQUIREMENTS) else None


def pygt_installed() -> Path | None:
    """The interpreter that can import PyGT, None if it is not installed."""
    return _python(PYGT_FOLDER) if _is_ready(PYGT_FOLDER, PYGT_REQUIREMENTS) else None


def prepare_pygt() -> Path:
    """The interpreter that can import PyGT, installing it first if need be. Raises PeersMissing if that fails."""
    if pygt_installed() is None:
        _install(PYGT_FOLDER, *PYGT_REQUIREMENTS)
    return _python(PYGT_FOLDER)


def prepare_pele() -> Path:
    """The interpreter that can import pele, installing it first if need be. Raises PeersMissing if that fails."""
    if not _is_ready(PELE_FOLDER, PELE_REQUIREMENTS):
        _install(PELE_FOLDER, *PELE_REQUIREMENTS)
    return _python(PELE_FOLDER)


def _pygt_networks() -> Path:
    return PYGT_FOLDER / "source" / "PyGT-0.3.0" / "examples" / "KTN_data"


def pygt_networks() -> Path | None:
    """The folder of PyGT's example networks, None if they are not there."""
    return _pygt_networks() if _pygt_networks().is_dir() else None


def prepare_pygt_networks() -> Path:
    """The folder of PyGT's example networks, of its source distribution. Raises PeersMissing if it cannot be had."""
    if pygt_networks() is None:
        python = prepare_pygt()
        folder = PYGT_FOLDER / "source"
        words = ["download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(folder), *PYGT_REQUIREMENTS]
        result = subprocess.run([str(python), "-m", "pip", *words], capture_output=True, text=True, check=False)
        archives = sorted(folder.glob("*.tar.gz"))
        if not archives:
            lines = result.stderr.strip().splitlines() or ["no message"]
            raise PeersMissing(f"pip could not download the source of {PYGT_REQUIREMENTS[0]}: {lines[-1]}")
        with tarfile.open(archives[0]) as archive:
            archive.extractall(folder, filter="data")
    return _pygt_networks()


def prepare_topsearch() -> Path:
    """The interpreter that can import topsearch, installing it first if need be.

    Raises PeersMissing if this Python is too new for topsearch's NumPy or if it cannot be installed.
    """
    if sys.version_info >= (3, 13):
        raise PeersMissing("topsearch needs Python 3.12 or older: run the benchmarks with 3.11 or 3.12.")
    if topsearch_installed() is None:
        _install(TOPSEARCH_FOLDER, *TOPSEARCH_REQUIREMENTS)
    return _python(TOPSEARCH_FOLDER)


if __name__ == "__main__":
    for name, path in vars(prepare()).items():
        print(f"{name:14} {path.relative_to(PROJECT)}")
    print(f"{'topsearch':14} {prepare_topsearch().relative_to(PROJECT)}")
    print(f"{'PyGT':14} {prepare_pygt().relative_to(PROJECT)}")
    print(f"{'pele':14} {prepare_pele().relative_to(PROJECT)}")
    print(f"{'PyGT networks':14} {prepare_pygt_networks().relative_to(PROJECT)}")
