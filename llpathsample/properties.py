"""Properties of minima that figures of the network show: stored ones, scores, computed ones, and columns of tables."""

import csv
import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from llcommon.config import read_bytes, shown
from llcommon.errors import ConfigError, InputError
from llcommon.store import Landscape
from llpathsample.ktn import Network
from llpathsample.network import checked_edges, components, minimax_barriers

STORED = ("loss", "lpphe", "order", "visits", "rms", "smallest_eigenvalue")
# Whole numbers in a table are classes if there are so few different ones, or if the column is called so.
MOST_CLASSES = 20
CLASS_COLUMNS = ("basin", "bottom", "class", "cluster", "community", "component", "funnel", "group")
ID_COLUMNS = ("id", "minimum")


@dataclass(frozen=True)
class Property:
    """A property of the n minima of a landscape.

    values: (n,) floats, NaN where there is none; or whole numbers, which are classes, -1 where there is none.
    label: as in a figure. diverging: whether zero is in the middle of the scale. names: of classes that have some.
    """

    name: str
    values: np.ndarray
    label: str
    diverging: bool = False
    names: dict[int, str] = field(default_factory=dict)

    @property
    def known(self) -> np.ndarray:
        """Which minima have a value, (n,)."""
        return self.values >= 0 if np.issubdtype(self.values.dtype, np.integer) else np.isfinite(self.values)


def property_names(landscape: Landscape) -> list[str]:
    """Names of all that `property_of` knows of a landscape, but for tables."""
    scores = [score.name for score in landscape.scores.described()]
    return [*STORED, *_BY_LINKS, *_AT_TEMPERATURE, *scores]


def property_of(landscape: Landscape, name: str, temperature: float | None = None) -> Property:
    """A property by its name; `FILE` or `FILE:COLUMN` is a column of a table, see `table_property`.

    temperature: of what depends on it, in units of the loss; None: that of the highest peak of the heat capacity, for
    `community` the median barrier. ConfigError for an unknown name, or if there is no such peak.
    """
    count = len(landscape.minima)
    if name in STORED:
        label = "LPPHE" if name == "lpphe" else name.replace("_", " ")
        return Property(name, np.asarray(getattr(landscape.minima, name), dtype=np.float64), label)
    if name in _BY_LINKS:
        return _BY_LINKS[name](landscape, temperature)
    if name in _AT_TEMPERATURE:
        return _at_temperature(landscape, name, temperature)
    for score in landscape.scores.described():
        if score.name == name:
            label = name.replace("_", " ") + (f" [{score.unit}]" if score.unit else "")
            return Property(name, landscape.scores.values(name, count), label)
    path, column = _table_and_column(name)
    if path is not None:
        return table_property(path, column, count)
    known = property_names(landscape)
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}? Else " if near else ""
    raise ConfigError(
        f"{shown(name)} is neither a property of minima nor a file; {hint}choose one of {', '.join(known)}, or a table"
    )


def page_properties(landscape: Landscape, asked: Sequence[Property], temperature: float | None) -> list[Property]:
    """Properties for an interactive page: those asked for, then all but communities that can be had without a table."""
    given = {found.name: found for found in asked}
    names = [name for name in property_names(landscape) if name not in ("component", "community")]
    if not np.isfinite(landscape.minima.lpphe).any():
        names = [name for name in names if name not in _AT_TEMPERATURE]
    elif temperature is None:
        network, _, _ = Network.complete(landscape)
        temperature = _peak(network)
        if temperature is None:
            names = [name for name in names if name not in _AT_TEMPERATURE]
    for name in names:
        if name not in given:
            given[name] = property_of(landscape, name, temperature)
    return list(given.values())


# --- computed -----------------------------------------------------------------------------------


def _degree(landscape: Landscape, temperature: float | None) -> Property:
    ends = landscape.transition_states.minima
    count = len(landscape.minima)
    values = np.bincount(ends[checked_edges(count, ends)].ravel(), minlength=count)
    return Property("degree", values.astype(np.float64), "degree")


def _barrier(landscape: Landscape, temperature: float | None) -> Property:
    minima, states = landscape.minima, landscape.transition_states
    heights = minimax_barriers(minima.loss, states.loss, states.minima, landscape.global_minimum())
    values = np.where(np.isfinite(heights), heights - minima.loss, np.nan)
    return Property("barrier", values, "barrier to the global minimum")


def _component(landscape: Landscape, temperature: float | None) -> Property:
    values = components(len(landscape.minima), landscape.transition_states.minima)
    return Property("component", values, "component")


def _basin(landscape: Landscape, temperature: float | None) -> Property:
    from llpathsample.structure.basins import sequence_basins

    minima, states = landscape.minima, landscape.transition_states
    bottoms = sequence_basins(minima.loss, states.loss, states.minima)
    return Property("basin", bottoms, "basin of minimum")


def _funnel(landscape: Landscape, temperature: float | None) -> Property:
    from llpathsample.interpreting.groups import funnels_of

    return Property("funnel", funnels_of(landscape), "funnel of minimum")


def _community(landscape: Landscape, temperature: float | None) -> Property:
    from llpathsample.structure.communities import communities

    network, ids, _ = Network.complete(landscape)
    values = np.full(len(landscape.minima), -1, dtype=np.int64)
    values[ids] = communities(network, temperature=temperature)
    return Property("community", values, "community")


_BY_LINKS: dict[str, Callable[[Landscape, float | None], Property]] = {
    "degree": _degree,
    "barrier": _barrier,
    "component": _component,
    "basin": _basin,
    "funnel": _funnel,
    "community": _community,
}
_AT_TEMPERATURE = {
    "occupation": ("occupation", False),
    "gain": ("gain of occupation", True),
    "contribution": ("part of the heat capacity", False),
}


def _at_temperature(landscape: Landscape, name: str, temperature: float | None) -> Property:
    """Occupation, its derivative by T, or what a minimum adds to the heat capacity."""
    from llpathsample.thermodynamics.features import contributions, occupation_gains
    from llpathsample.thermodynamics.observables import log_occupations

    network, ids, _ = Network.complete(landscape)
    if not ids.size:
        raise ConfigError(f"no minimum has an LPPHE, which {name} needs; compute them with llpathsample recompute")
    if temperature is None:
        temperature = _peak(network)
        if temperature is None:
            raise ConfigError(
                f"the heat capacity has no peak, at whose temperature to compute {name}; name one by --temperature"
            )
    functions = {
        "occupation": lambda: np.exp(log_occupations(network, temperature)),
        "gain": lambda: occupation_gains(network, temperature),
        "contribution": lambda: contributions(network, temperature),
    }
    values = np.full(len(landscape.minima), np.nan)
    values[ids] = functions[name]()
    label, diverging = _AT_TEMPERATURE[name]
    return Property(name, values, f"{label} at T = {temperature:.4g}", diverging)


def _peak(network: Network) -> float | None:
    """Temperature of the highest peak of the heat capacity; None without any."""
    from llpathsample.thermodynamics.features import highest_peak

    return highest_peak(network)


# --- tables -------------------------------------------------------------------------------------


def is_table(name: str) -> bool:
    """Whether a text names a file, or a column of one that is there."""
    return _table_and_column(name)[0] is not None


def _table_and_column(name: str) -> tuple[Path | None, str | None]:
    """The file and the column that a text names; None for no file."""
    if Path(name).is_file():
        return Path(name), None
    before, colon, column = name.rpartition(":")
    if colon and Path(before).is_file():
        return Path(before), column
    return None, None


def table_property(path: Path, column: str | None, count: int) -> Property:
    """A column of a table with a header and tabs between its cells, as commands write it, for `count` minima.

    Ids of minima are in the column `id` or `minimum`. column: None if there is only one other. Texts are classes, and
    so are whole numbers if they are few or the column is called class, group, community and the like; other numbers are
    a scale. Minima that the table leaves out have no value. InputError for a table that cannot be read.
    """
    try:
        lines = read_bytes(path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text; save the table as text in UTF-8") from error
    rows = list(csv.reader((line for line in lines if line.strip()), delimiter="\t"))
    if len(rows) < 2:
        raise InputError(f"{path} is no table: a header and rows with tabs between the cells are needed")
    header = [title.partition(" [")[0].strip() for title in rows[0]]
    place = next((header.index(title) for title in ID_COLUMNS if title in header), None)
    if place is None:
        raise InputError(f"{path} has no column id or minimum; its header is {', '.join(header)}")
    chosen = _chosen_column(path, header, place, column)
    cells: dict[int, str] = {}
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise InputError(f"{path} row {number} has {len(row)} cells, the header {len(header)}")
        minimum = row[place].strip()
        if not minimum.isdecimal() or int(minimum) >= count:
            raise InputError(f"{path} row {number}: {shown(minimum)} is no minimum; there are {count}, numbered from 0")
        if int(minimum) in cells:
            raise InputError(f"{path} row {number}: minimum {minimum} has a row already; keep one of them")
        cells[int(minimum)] = row[chosen].strip()
    return _column_as_property(header[chosen], cells, count)


def _chosen_column(path: Path, header: list[str], place: int, column: str | None) -> int:
    """Index of the column of values."""
    others = [title for number, title in enumerate(header) if number != place]
    if column is None and len(others) == 1:
        column = others[0]
    if column is None or column not in others:
        problem = "has several columns" if column is None else f"has no column {shown(column)}"
        raise ConfigError(f"{path} {problem}; name one as {path}:COLUMN, of {', '.join(others)}")
    return header.index(column)


def _column_as_property(name: str, cells: dict[int, str], count: int) -> Property:
    """Cells by the ids of their minima as classes or as a scale."""
    given = {number: cell for number, cell in cells.items() if cell.lower() not in ("", "nan")}
    label = name.replace("_", " ")
    try:
        numbers = {number: float(cell) for number, cell in given.items()}
    except ValueError:
        return _classes(name, label, given, sorted(set(given.values())), count)
    distinct = sorted(set(numbers.values()))
    whole = all(cell.lstrip("-").isdecimal() for cell in given.values())
    if whole and (len(distinct) <= MOST_CLASSES or name in CLASS_COLUMNS):
        texts = {number: str(int(value)) for number, value in numbers.items()}
        return _classes(name, label, texts, [str(int(value)) for value in distinct], count)
    values = np.full(count, np.nan)
    values[list(numbers)] = list(numbers.values())
    return Property(name, values, label)


def _classes(name: str, label: str, given: dict[int, str], titles: list[str], count: int) -> Property:
    """Classes by their titles, numbered in the order of these."""
    place = {title: number for number, title in enumerate(titles)}
    values = np.full(count, -1, dtype=np.int64)
    values[list(given)] = [place[title] for title in given.values()]
    return Property(name, values, label, names=dict(enumerate(titles)))
