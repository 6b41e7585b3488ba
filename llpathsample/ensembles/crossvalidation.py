"""Ensembles cross-validated: of each fold a landscape is made anew, of its training part alone.

The rows of a fold are its test rows; of all others a part is taken out for validation before the landscape is made, and
the rest trains it. All is kept in one folder, so that what was stopped goes on:

    NAME.toml                     the settings, as they were given
    NAME.train.csv, NAME.validation.csv, NAME.test.csv
    NAME.h5 and others            the landscape, see `llpathsample.making`
    NAME.scores.json              what was measured on the test rows

NAME is repeat and fold, such as `repeat-1-fold-3`.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from llcommon.config import fingerprint, read_bytes
from llcommon.data import Data, csv_of, read_rows
from llcommon.errors import ConfigError, NothingFound, OutputError
from llcommon.inorder import run_in_order
from llcommon.losses import is_user_model
from llcommon.losses.user.source import FILE
from llcommon.provenance import file_sha256
from llcommon.scoring import Measure, measures_of
from llcommon.store import Landscape, read_landscape, replace_file
from llpathsample.ensembles.choosing import chosen
from llpathsample.ensembles.comparing import Key, evaluated, material, planned, sizes
from llpathsample.ensembles.fitting import default_temperature
from llpathsample.ensembles.settings import Options
from llpathsample.ensembles.tables import Table, tabulated
from llpathsample.ensembles.uncertainty import Differences, corrected_t
from llpathsample.making import Made, Wanted, make_folder
from llpathsample.splits import folds_of, others, part_of, taken

_HOW = (
    "scores: mean over folds; errors: standard deviation over folds by the root of their number, too small, as folds "
    "share training rows; intervals and p of differences: corrected resampled t (Nadeau and Bengio 2003), p by Holm"
)
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Fold:
    """name: of its files. rows: numbers, ascending, by part."""

    name: str
    rows: dict[str, np.ndarray]


@dataclass(frozen=True)
class Scored:
    """What was measured on a fold. minima, states: of its landscape. members, values, spread: by what is compared."""

    minima: int
    states: int
    members: dict[Key, int | None]
    values: dict[Key, np.ndarray]
    spread: dict[Key, np.ndarray]
    notes: list[str]


def folds(data: Data, count: int, repeats: int, share: float, seed: int) -> list[Fold]:
    """All folds of all repeats. share: of the rows that are not tested, for validation. ConfigError if a class is too
    small for them."""
    rows = data.rows()
    if len(rows.features) < 3 * count:
        raise ConfigError(f"--folds {count}: {data.source} has {len(rows.features)} rows; 3 for each fold are needed")
    if rows.labels is not None:
        numbers = np.bincount(rows.labels, minlength=len(data.class_names))
        least = int(numbers.argmin())
        if numbers[least] < count:
            raise ConfigError(
                f"--folds {count}: {data.source} has only {numbers[least]} rows of the class "
                f"{data.class_names[least]}, too few for every fold; take fewer folds, or leave the class out"
            )
    found = []
    for repeat in range(repeats):
        numbers = folds_of(rows, count, seed, "folds", repeat)
        for fold in range(count):
            test = np.flatnonzero(numbers == fold)
            rest = others(test, len(numbers))
            validation = rest[part_of(taken(rows, rest), share, seed, "fold validation", repeat, fold)]
            train = np.setdiff1d(rest, validation)
            for part, numbers_of in (("training", train), ("validation", validation)):
                _check_classes(data, numbers_of, f"{part} part of repeat {repeat + 1}, fold {fold + 1}")
            parts = dict(zip(PARTS, (train, validation, test), strict=True))
            found.append(Fold(f"repeat-{repeat + 1}-fold-{fold + 1}", parts))
    return found


def _check_classes(data: Data, part: np.ndarray, where: str) -> None:
    if data.labels is None:
        return
    missing = np.setdiff1d(np.arange(len(data.class_names)), data.labels[part])
    if missing.size:
        name = data.class_names[missing[0]]
        raise ConfigError(f"the {where} has no row of the class {name}, which is too small; leave it out of the data")


# --- files ----------------------------------------------------------------------------------------


def prepared(problem: Landscape, settings: Path, folder: Path, made: Iterable[Fold], overrides) -> list[Wanted]:
    """Write the files of all folds, and say what landscapes are to be made of them. OutputError where the folder holds
    files of other rows or settings."""
    text = read_bytes(settings)
    make_folder(folder)
    source = problem.declared.source
    if is_user_model(problem.settings.loss_model) and source.kind == FILE:
        _write(folder / source.filename, source.text.encode())
    wanted = []
    for fold in made:
        _write(folder / f"{fold.name}.toml", text)
        for part, numbers in fold.rows.items():
            _write(folder / f"{fold.name}.{part}.csv", csv_of(problem.data, numbers).encode())
        own = [f'data.file="{fold.name}.train.csv"', f"data.target={json.dumps(problem.data.target_name)}"]
        if problem.settings.data.features is not None:
            own.append(f"data.features={json.dumps(list(problem.data.feature_names))}")
        wanted.append(Wanted(folder / f"{fold.name}.toml", fold.name, (*overrides, *own)))
    return wanted


def _write(path: Path, content: bytes) -> None:
    """Write a file of a fold; one that is there already must be the same."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, lambda temporary: temporary.write_bytes(content))
    elif read_bytes(path) != content:
        raise OutputError(f"{path} is of other settings, data, folds or seed; name another folder by --folder")


# --- scores ---------------------------------------------------------------------------------------


def scored_folds(
    made: list[Made],
    folder: Path,
    options: Options,
    jobs: int,
    stopped: Callable[[], bool],
    report: Callable[[int], object],
) -> list[Scored]:
    """What was measured on the folds, in their order; fewer if it was stopped."""
    found: list[Scored] = []
    for each in made:
        if each.path is None:
            raise NothingFound(f"{each.name}: no minimum was found ({each.problem}); search longer or by fewer folds")

    def take(number: int, result: Scored) -> None:
        found.append(result)
        report(number + 1)

    tasks = [lambda each=each: (folder, each.name, options) for each in made]
    run_in_order(_nothing, (), scored, tasks, jobs, stopped, take)
    return found


def _nothing() -> None:
    """What a process is started with."""


def scored(folder: Path, name: str, options: Options) -> Scored:
    """The measures on a fold, read if they are there already."""
    path = folder / f"{name}.scores.json"
    identity = fingerprint([options.identity(), file_sha256(folder / f"{name}.h5")])
    known = _stored(path, identity)
    if known is not None:
        return known
    result = _measured(folder, name, options)
    rows = [
        [*key, result.members[key], result.values[key].tolist(), result.spread[key].tolist()] for key in result.values
    ]
    document = {"identity": identity, "minima": result.minima, "states": result.states, "notes": result.notes}
    text = json.dumps({**document, "rows": rows})
    replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    return result


def _stored(path: Path, identity: str) -> Scored | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["identity"] != identity:
            return None
        rows = {(choice, combination): rest for choice, combination, *rest in document["rows"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Scored(
        document["minima"],
        document["states"],
        {key: row[0] for key, row in rows.items()},
        {key: np.array(row[1], dtype=np.float64) for key, row in rows.items()},
        {key: np.array(row[2], dtype=np.float64) for key, row in rows.items()},
        document["notes"],
    )


def _measured(folder: Path, name: str, options: Options) -> Scored:
    landscape = read_landscape(folder / f"{name}.h5")
    test = read_rows(folder / f"{name}.test.csv", landscape.data)
    validation = read_rows(folder / f"{name}.validation.csv", landscape.data)
    size = min(options.size, len(landscape.minima))
    choices, notes = [], []
    for rule in options.choose:
        choice = chosen(landscape, rule, size, options.draws, options.seed)
        if not choice.size:
            notes.append(f"{name}: no minimum by {rule}")
            continue
        choices.append(choice)
    temperature = default_temperature(landscape) if options.temperature is None else options.temperature
    plan, more = planned(landscape, choices, list(options.combine), temperature, options.size)
    networks = options.networks(landscape)
    found = evaluated(
        plan, material(landscape, plan, test, networks), material(landscape, plan, validation, networks)
    )
    return Scored(
        len(landscape.minima),
        len(landscape.transition_states),
        sizes(plan, list(found)),
        {key: each.values for key, each in found.items()},
        {key: each.spread for key, each in found.items()},
        [*notes, *(f"{name}: {note}" for note in more)],
    )


def table(problem: Landscape, found: list[Scored], count: int) -> tuple[Table, list[str]]:
    """Means over all folds, and sentences about what is left out. count: folds of a repeat."""
    keys = [key for key in found[0].values if all(key in each.values for each in found)]
    notes = [note for each in found for note in each.notes]
    measures: list[Measure] = measures_of(problem, problem.data.rows())
    places = {measure.name: place for place, measure in enumerate(measures)}
    values = {key: np.array([each.values[key] for each in found]) for key in keys}
    members = {key: _mean_size([each.members[key] for each in found]) for key in keys}
    errors = {key: rows.std(axis=0, ddof=1) / np.sqrt(len(rows)) for key, rows in values.items()}
    spread = {key: np.mean([each.spread[key] for each in found], axis=0) for key in keys}

    def differences(measure: str, reference: Key, others_: list[Key]) -> Differences:
        place = places[measure]
        apart = np.column_stack([values[key][:, place] - values[reference][:, place] for key in others_])
        return corrected_t(apart, 1.0, count - 1.0)

    means = {key: rows.mean(axis=0) for key, rows in values.items()}
    return tabulated(measures, list(places), members, means, errors, spread, differences, _HOW), notes


def _mean_size(sizes_: list[int | None]) -> float | None:
    return None if sizes_[0] is None else float(np.mean(sizes_))

