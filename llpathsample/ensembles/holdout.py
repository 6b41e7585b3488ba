"""Ensembles of one landscape on held-out rows: with a validation file of its own, or split again and again.

Without validation rows the held-out rows are divided, `repeats` times, into a validation and a test part. The score is
the mean over the parts. Its standard error is that of the delete-d jackknife, d the rows that the validation part takes
away: it covers which rows are tested and, of what is fitted, on which. With validation rows of their own, the score is
that of all test rows, and the errors come from halves of them.

Differences are those of rows: the mean difference of a row over the parts that test it, counted as often as they do,
resampled by rows. All of this holds for the one landscape, whose training rows stay the same.
"""

from collections.abc import Callable

import numpy as np

from llcommon.inorder import run_in_order
from llcommon.scoring import Measure
from llpathsample.ensembles.comparing import (
    SINGLE,
    Key,
    Material,
    Measured,
    Plan,
    evaluated,
    measured,
    predictions,
    sizes,
)
from llpathsample.ensembles.tables import Table, tabulated
from llpathsample.ensembles.uncertainty import Differences, bootstrap, jackknife_error
from llpathsample.splits import others, part_of, taken

_HOW_SPLITS = (
    "scores: mean over repeated splits of the held-out rows; errors: delete-d jackknife over the splits; intervals and "
    "p of differences: paired bootstrap over rows, p by Holm"
)
_HOW_FILE = (
    "scores: of all test rows; errors: jackknife by halves of the test rows; intervals and p of differences: paired "
    "bootstrap over rows, p by Holm"
)


_given: tuple[Plan, Material] | None = None  # to each process that evaluates parts


def _start(plan: Plan, held: Material) -> None:
    global _given
    _given = plan, held


def _split(test: np.ndarray, validation: np.ndarray) -> dict[Key, Measured]:
    """Everything compared, on one split of the held-out rows."""
    plan, held = _given
    return evaluated(plan, held.part(test), held.part(validation))


def by_splits(
    plan: Plan,
    held: Material,
    measures: list[Measure],
    share: float,
    repeats: int,
    seed: int,
    jobs: int = 1,
    stopped: Callable[[], bool] = lambda: False,
    report: Callable[[int], object] = lambda done: None,
) -> Table | None:
    """The table by repeated splits, each with about `share` of the rows for validation; None if it was stopped."""
    count = len(held.rows.features)
    parts = [split_of(held, share, seed, repeat) for repeat in range(repeats)]
    found: list[dict[Key, Measured]] = []

    def take(number: int, result: dict[Key, Measured]) -> None:
        found.append(result)
        report(number + 1)

    tasks = [lambda pair=pair: pair for pair in parts]
    run_in_order(_start, (plan, held), _split, tasks, jobs, stopped, take)
    if len(found) < repeats:
        return None
    scores = {key: np.array([each[key].values for each in found]) for key in found[0]}
    spread = {key: np.mean([each[key].spread for each in found], axis=0) for key in found[0]}
    tests = [test for test, _ in parts]
    kept, deleted = len(tests[0]), count - len(tests[0])
    errors = {key: jackknife_error(values, kept, deleted) for key, values in scores.items()}
    times = np.bincount(np.concatenate(tests), minlength=count).astype(np.float64)
    rows = {key: _row_means([each[key].rows for each in found], tests, times) for key in found[0]}
    means = {key: values.mean(axis=0) for key, values in scores.items()}
    return _table(plan, measures, means, errors, spread, (rows, times), seed, _HOW_SPLITS)


def split_of(held: Material, share: float, seed: int, repeat: int) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers, ascending, of the test and the validation part of one of the splits."""
    validation = part_of(held.rows, share, seed, "validation part", repeat)
    return others(validation, len(held.rows.features)), validation


def with_validation(
    plan: Plan, test: Material, validation: Material | None, measures: list[Measure], halves: int, seed: int
) -> Table:
    """The table on test rows; validation: rows of their own, None if nothing needs them."""
    predicted = predictions(plan, test, validation)
    whole = {key: measured(outputs, test.rows, plan.ranked) for key, outputs in predicted.items()}
    count = len(test.rows.features)
    parts = [part_of(test.rows, 0.5, seed, "half", number) for number in range(halves)]
    # What was fitted stays: only the rows that are tested change.
    errors = {}
    for key, outputs in predicted.items():
        values = [
            measured([each[part] for each in outputs], taken(test.rows, part), plan.ranked).values for part in parts
        ]
        errors[key] = jackknife_error(np.array(values), len(parts[0]), count - len(parts[0]))
    scores = {key: found.values for key, found in whole.items()}
    spread = {key: found.spread for key, found in whole.items()}
    rows = {key: found.rows for key, found in whole.items()}
    return _table(plan, measures, scores, errors, spread, (rows, np.ones(count)), seed, _HOW_FILE)


def _row_means(rows: list[dict[str, np.ndarray]], tests: list[np.ndarray], times: np.ndarray) -> dict[str, np.ndarray]:
    """Mean over the parts that test a row, (n,) by name; 0 of a row that none tests. times: how many do, (n,)."""
    sums = {name: np.zeros(len(times)) for name in rows[0]}
    for each, test in zip(rows, tests, strict=True):
        for name, values in each.items():
            sums[name][test] += values
    return {name: total / np.maximum(times, 1.0) for name, total in sums.items()}


def _table(plan: Plan, measures: list[Measure], scores, errors, spread, by_row, seed: int, how: str) -> Table:
    """by_row: measures of each row by what is compared, and how often each row was tested."""

    def differences(measure: str, reference: Key, keys: list[Key]) -> Differences:
        apart = np.column_stack([rows[key][measure] - rows[reference][measure] for key in keys])
        return bootstrap(apart, seed, times)

    rows, times = by_row
    compared = [measure.name for measure in measures if measure.name in rows[SINGLE]]
    return tabulated(measures, compared, sizes(plan, list(scores)), scores, errors, spread, differences, how)

