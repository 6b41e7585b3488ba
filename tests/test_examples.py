"""The folders of examples/: each is whole, and runs from its TOML files to its trees by make."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llcommon.store import read_landscape

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = sorted(path.parent for path in (ROOT / "examples").glob("*/Makefile"))
# What an example needs beyond the toolchain.
EXTRAS = {"torch": "torch", "jax": "jax"}


def names_of(folder: Path) -> list[str]:
    """The TOML files that a folder's Makefile runs."""
    lines = (folder / "Makefile").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith("NAMES")).partition("=")[2].split()


def made(folder: Path, target: Path, *arguments: str) -> Path:
    """A copy of an example in `target`, after make; the folder of its results."""
    shutil.copy(ROOT / "examples" / "model.mk", target)
    shutil.copytree(folder, target / folder.name, ignore=shutil.ignore_patterns("out"))
    command = ["make", f"BIN={Path(sys.executable).parent}", *arguments]
    done = subprocess.run(command, cwd=target / folder.name, capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    return target / folder.name / "out"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_example_is_whole(folder):
    names = names_of(folder)
    assert names and all((folder / f"{name}.toml").is_file() for name in names)
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "](tree.svg)" in text and "make" in text
    assert (folder / "tree.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_every_folder_is_an_example():
    folders = {path for path in (ROOT / "examples").iterdir() if path.is_dir()}
    assert folders == set(FOLDERS)


def test_the_smallest_example_runs(tmp_path, one_core):
    results = made(ROOT / "examples" / "xor", tmp_path, "NAMES=xor")
    landscape = read_landscape(results / "xor.h5")
    assert (len(landscape.minima), len(landscape.transition_states)) == (4, 3)
    assert (results / "xor.svg").is_file()


def test_the_rows_of_the_applications_are_split_by_their_rule(tmp_path, monkeypatch):
    folder = ROOT / "examples" / "applications"
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(folder / "make_data.py"), run_name="__main__")
    for name in names_of(folder):
        for part in ("train", "test"):
            file = f"{name}.{part}.csv"
            assert (tmp_path / file).read_bytes() == (folder / file).read_bytes(), file
        training, test = (set((folder / f"{name}.{part}.csv").read_text().split()[1:]) for part in ("train", "test"))
        assert training and test and not training & test


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_example_runs(folder, tmp_path):
    if folder.name in EXTRAS:
        pytest.importorskip(EXTRAS[folder.name])
    results = made(folder, tmp_path)
    for name in names_of(folder):
        assert (results / f"{name}.svg").is_file()
        assert len(read_landscape(results / f"{name}.h5").minima)
