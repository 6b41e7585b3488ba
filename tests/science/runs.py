"""Whole runs through the command line, as a user makes them, and the tables that come out."""

import contextlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from llcommon.store import Landscape, read_landscape
from tests.driving import call, grow_here

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def program(name: str, *arguments, cwd: Path) -> subprocess.CompletedProcess:
    """llgmin, lloptim or llpathsample in a process of its own; anything but success is an error."""
    command = [sys.executable, "-m", name, *map(str, arguments)]
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=1800, check=False)
    assert result.returncode == 0, f"{' '.join(command[2:])} ended with {result.returncode}: {result.stderr}"
    return result


def run_and_grow(folder: Path, toml: str, search: tuple = (), growth: tuple | None = ()) -> Landscape:
    """`llgmin run` and, unless `growth` is None, `llpathsample grow` in this process: minima.h5 and landscape.h5.

    search, growth: options. Every process would load the compiled kernels anew, and pytest has one for each core.
    """
    with contextlib.chdir(folder):
        assert call("llgmin", "run", toml, "-o", "minima.h5", "-q", "-j", 1, *search) == 0
        if growth is None:
            return read_landscape(folder / "minima.h5")
        assert grow_here("minima.h5", "-o", "landscape.h5", "-q", *growth) == 0
    return read_landscape(folder / "landscape.h5")


@dataclass(frozen=True)
class Problem:
    """A model with its data and search, enough to write the TOML file.

    data: name of an example (its CSV file is copied), empty for a model without data.
    """

    model: str = "mlp"
    data: str = ""
    scaling: str = "none"
    hidden: tuple[int, ...] = (1,)
    strength: float = 1e-3
    steps: int = 200
    chains: int = 2
    temperature: float | None = None
    step: float | None = None

    def toml(self) -> str:
        lines = ["[loss]", f'model = "{self.model}"']
        if self.data:
            lines += [f"hidden = {list(self.hidden)}", f"lambda = {self.strength!r}"]
            lines += ["[data]", f'file = "{self.data}.csv"', f'scaling = "{self.scaling}"']
        lines += ["[search]", f"steps = {self.steps}", f"chains = {self.chains}"]
        if self.temperature is not None:
            lines.append(f"temperature = {self.temperature!r}")
        if self.step is not None:
            lines.append(f"step = {self.step!r}")
        return "\n".join(lines) + "\n"


def minima_of(problem: Problem, folder: Path, *options) -> Landscape:
    """The landscape that `llgmin run` writes to minima.h5 in the folder."""
    return run_and_grow(folder, _written(problem, folder), options, growth=None)


def grown(problem: Problem, folder: Path, *options) -> Landscape:
    """The landscape that `llpathsample grow` makes of them, in landscape.h5."""
    return run_and_grow(folder, _written(problem, folder), growth=options)


def _written(problem: Problem, folder: Path) -> str:
    if problem.data:
        shutil.copy(EXAMPLES / problem.data / f"{problem.data}.csv", folder)
    (folder / "problem.toml").write_text(problem.toml())
    return "problem.toml"


def digits(text: str) -> float:
    """Half a unit of the last decimal that is written."""
    return 0.5 * 10.0 ** -len(text.partition(".")[2])


def approx(text: str):
    """Equal to a printed number in every digit printed, with one more unit for the rounding of the last."""
    return pytest.approx(float(text), abs=1.05 * digits(text), rel=0.0)


@dataclass(frozen=True)
class KnownState:
    """A transition state of the literature: values as printed, and the losses of its minima, as printed."""

    loss: str
    minima: tuple[str, str]
    lpphe: str = ""
    negative_eigenvalue: str = ""


def assert_minima(landscape: Landscape, known: dict[str, str]) -> None:
    """Exactly these minima. known: printed loss to printed LPPHE ("" if it is not known)."""
    table = landscape.minima
    order = table.loss.argsort()
    expected = sorted(known, key=float)
    assert len(table) == len(expected)
    for row, loss in zip(order, expected, strict=True):
        assert table.loss[row] == approx(loss)
        if known[loss]:
            assert table.lpphe[row] == pytest.approx(float(known[loss]), abs=1e-7)
        assert table.rms[row] <= 1e-9
        assert table.smallest_eigenvalue[row] > 0.0


def state_rows(landscape: Landscape, state: KnownState) -> list[int]:
    """Rows of the transition states that are this one: by loss, and by the losses of both minima."""
    table = landscape.transition_states
    rows = []
    for row, ids in enumerate(table.minima.tolist()):
        ends = sorted(float(landscape.minima.loss[minimum]) for minimum in ids)
        known_ends = sorted(state.minima, key=float)
        same_ends = all(end == approx(known) for end, known in zip(ends, known_ends, strict=True))
        if table.loss[row] == approx(state.loss) and same_ends:
            rows.append(row)
    return rows


def assert_state(landscape: Landscape, state: KnownState) -> None:
    """This transition state is there, once, with its LPPHE and negative eigenvalue."""
    rows = state_rows(landscape, state)
    assert len(rows) == 1, f"{state.loss} is there {len(rows)} times"
    table = landscape.transition_states
    if state.lpphe:
        assert table.lpphe[rows[0]] == pytest.approx(float(state.lpphe), abs=1e-7)
    if state.negative_eigenvalue:
        assert table.negative_eigenvalue[rows[0]] == approx(state.negative_eigenvalue)


def assert_index_one(landscape: Landscape) -> None:
    """By NumPy, for every transition state: one negative eigenvalue, and it lies above both its minima."""
    table = landscape.transition_states
    for row, ids in enumerate(table.minima.tolist()):
        values = np.linalg.eigvalsh(landscape.model.hessian(table.coordinates[row].copy()))
        assert (values < 0.0).sum() == 1
        assert table.loss[row] > landscape.minima.loss[ids].max()
        assert table.rms[row] <= 1e-9
