"""The command `choose`: landscapes for several values of any setting, and what they tell of it."""

from pathlib import Path

import click

from llcommon.cli import (
    Column,
    dry_run_option,
    file_argument,
    force_option,
    jobs_option,
    json_option,
    log,
    output_option,
    quiet_option,
    seed_option,
    set_option,
    time_limit_option,
    verbose_option,
    write_table,
)
from llpathsample.analysiscommands import check_figure, save
from llpathsample.choosingcommands import make_all, ratio_option, size_of, size_options


@click.command()
@file_argument("settings")
@click.option(
    "--vary", "variations", multiple=True, required=True, metavar="SECTION.KEY=VALUES",
    help="A setting and its values: a list such as loss.lambda=1e-4,1e-3, LOW:HIGH of whole numbers, or LOW:HIGH:COUNT "
    "of equal ratios. May be given for several settings: every value with every other.",
)
@click.option(
    "--folder", type=click.Path(path_type=Path), metavar="DIR",
    help="Where the landscapes lie, those of earlier calls too; default: SETTINGS with the ending .choose.",
)
@click.option(
    "--validation", "share", type=click.FloatRange(0.0, 0.9), default=0.25, show_default=True, metavar="SHARE",
    help="Share of the training rows that no search sees and by which the recommendation is made; 0: none.",
)
@click.option(
    "--folds", type=click.IntRange(2), metavar="N",
    help="Cross-validate in N folds in place of --validation: N further searches for each value.",
)
@click.option(
    "--test", type=click.Path(path_type=Path), metavar="FILE",
    help="Table of test rows, on which minima are scored; they have no part in the recommendation.",
)
@size_options()
@click.option(
    "--low", type=click.IntRange(1), default=20, show_default=True, metavar="N",
    help="Compare the predictions of the N lowest minima.",
)
@click.option(
    "--temperature", type=click.FloatRange(0.0, min_open=True), metavar="T",
    help="Of frustration and entropy, in units of the loss; default: that of the highest heat capacity of each.",
)
@ratio_option()
@output_option("Figure (svg, pdf or png) of the measures and scores over the values.")
@force_option("Replace a figure that exists already.")
@seed_option()
@set_option()
@jobs_option("Processes that work at the same time; landscapes are made side by side.")
@time_limit_option("Stop after this time; the same command goes on: seconds, 10m, 2h or 1:30:00.")
@dry_run_option()
@json_option()
@verbose_option()
@quiet_option()
def choose(
    settings: Path, variations, folder, share, folds, test, minima, pairs, low, temperature, ratio, output, force, seed,
    overrides, jobs, time_limit, dry_run, as_json,
) -> None:  # fmt: skip
    """Choose a setting by the landscapes of several values.

    For each value of --vary the landscape of SETTINGS is made by `llgmin run` and `llpathsample grow`; the table tells
    minima, funnels, frustration, entropy, how far the predictions of low minima agree, and scores on validation and
    test rows. Recommended is the value with the simplest landscape of those whose validation score is within one
    standard error of the best. What is finished is not made again when the command is run again.
    """
    from llcommon.data import read_rows
    from llpathsample.choosing.valuestudy import Options
    from llpathsample.choosing.variation import combinations, variation_of

    check_figure(output, force)
    given = combinations([variation_of(text) for text in variations])
    overrides = (*size_of(minima, pairs), *overrides)
    problem = _checked(settings, given, overrides, seed)
    split = _Split(problem, settings, folder or settings.with_suffix(".choose"), share, folds)
    rows = None if test is None else read_rows(test, problem.data) if split.scores else _no_test(settings)
    if dry_run:
        split.describe()
        for each in given:
            there = "is there" if (split.folder / f"{each.name}.h5").exists() else "is to be made"
            log(f"{split.folder / each.name}.h5 {there}: {' '.join((*overrides, *each.overrides))}")
        return
    split.write()
    wanted, folds_wanted = split.wanted(given, overrides, seed)
    made = make_all([*wanted, *folds_wanted], split.folder, jobs, time_limit)
    options = Options(low, ratio, temperature)
    found = _study(given, wanted, folds_wanted, {each.name: each for each in made}, split, rows, options)
    _report(found, split, rows, options, variations, output, as_json)


def _checked(settings: Path, given, overrides, seed):
    """The problem of the first value; ConfigError or InputError if any value is wrong."""
    from llcommon.problem import read_problem

    problems = [read_problem(settings, (*overrides, *each.overrides), seed, check_derivatives=False) for each in given]
    # However they are scaled, all values must have the same rows to be compared on.
    rows = [
        (data.feature_names, data.target_name, data.features.tobytes())
        for data in (problem.data for problem in problems)
        if data is not None
    ]
    if len(set(rows)) > 1:
        from llcommon.errors import ConfigError

        raise ConfigError(
            "--vary: the values choose other rows or columns of data, so that there is nothing to compare them on; "
            "vary another setting, or make the landscapes one by one"
        )
    _check_measures(problems)
    return problems[0]


def _check_measures(problems) -> None:
    """ConfigError unless all values are scored by the same measure, of classes or of numbers."""
    from llcommon.errors import ConfigError

    kinds = {_kind(problem): None for problem in problems}
    if len(kinds) > 1:
        raise ConfigError(
            f"--vary: the values are scored by {' and '.join(kinds)}, which are not to be compared; vary another "
            "setting, or make the landscapes one by one"
        )


def _kind(problem) -> str:
    """What a problem is scored by, in words."""
    from llcommon.scoring import has_scores

    if not has_scores(problem):
        return "nothing"
    return f"the {_measure(problem)} of {'classes' if problem.data.class_names else 'numbers'}"


def _no_test(settings: Path):
    from llcommon.errors import ConfigError

    raise ConfigError(f"--test: the loss model of {settings} predicts no column that test rows could be compared with")


class _Split:
    """Which rows are searched and which validate, and the landscapes that this takes."""

    def __init__(self, problem, settings: Path, folder: Path, share: float, folds: int | None) -> None:
        from llcommon.scoring import has_scores
        from llpathsample.choosing.scores import fold_numbers, validation_rows

        self.data, self.settings, self.folder = problem.data, settings, folder
        self.scores = has_scores(problem)
        self.folds = folds if self.scores else None
        self.share = 0.0 if folds or not self.scores else share
        self.measure = _measure(problem) if self.scores else ""
        self.parts: dict[str, object] = {}
        seed = problem.settings.search.seed
        if self.folds:
            numbers = fold_numbers(self.data, self.folds, seed)
            self.parts = {f"fold{fold + 1}": numbers == fold for fold in range(self.folds)}
        elif self.share > 0.0:
            self.parts = {"validation": validation_rows(self.data, self.share, seed)}

    def describe(self) -> None:
        """Say which rows are searched and which validate."""
        if not self.scores:
            log("note: the model predicts no column of its data: landscapes alone are compared")
        elif self.folds:
            log(f"validation scores are cross-validated in {self.folds} folds of {len(self.data.features)} rows")
        elif self.parts:
            count = int(self.parts["validation"].sum())
            log(f"{count} of {len(self.data.features)} rows of {self.data.source} validate, and no search sees them")
        else:
            log("note: without --validation or --folds nothing is recommended")

    def file(self, name: str) -> Path:
        return self.folder / f"{name}.csv"

    def write(self) -> None:
        """Write the parts of the data, each with the rest for its search."""
        import numpy as np

        from llcommon.data import csv_of
        from llcommon.store import replace_file
        from llpathsample.making import make_folder

        self.describe()
        make_folder(self.folder)
        for name, chosen in self.parts.items():
            for file, rows in ((self.file(name), chosen), (self.file(f"without-{name}"), ~chosen)):
                text = csv_of(self.data, np.flatnonzero(rows))
                replace_file(file, lambda temporary, text=text: temporary.write_text(text, encoding="utf-8"))

    def without(self, name: str) -> tuple[str, ...]:
        """Settings of a search that does not see a part."""
        import os

        from llcommon.config import toml_value

        # Relative, so that the folder and the settings may be moved together.
        place = os.path.relpath(self.file(f"without-{name}"), self.settings.parent)
        columns = toml_value(list(self.data.feature_names))
        target = toml_value(self.data.target_name)
        return (f"data.file={toml_value(place)}", f"data.features={columns}", f"data.target={target}")

    def wanted(self, given, overrides, seed):
        """The landscape of each value, and those of the folds, that are not grown."""
        from llpathsample.making import Wanted

        data = self.without("validation") if self.share else ()
        wanted = [Wanted(self.settings, each.name, (*overrides, *data, *each.overrides), seed) for each in given]
        parts = {name: self.without(name) for name in (self.parts if self.folds else ())}
        folds = [
            Wanted(self.settings, f"{each.name}.{name}", (*overrides, *part, *each.overrides), seed, grown=False)
            for each in given
            for name, part in parts.items()
        ]
        return wanted, folds


def _study(given, wanted, folds, made, split: _Split, test, options):
    """A row for each value."""
    from llcommon.data import read_rows
    from llpathsample.choosing.values import Row
    from llpathsample.choosing.valuestudy import (
        landscape_measures,
        on_test,
        over_folds,
        training_agreement,
        validation_score,
    )

    found = []
    for each, own in zip(given, wanted, strict=True):
        seconds = sum(one.seconds for one in made.values() if one.name.split(".fold")[0] == each.name)
        if made[each.name].path is None:
            found.append(Row(each, None, None, None, None, seconds))
            continue
        landscape = _landscape(made[each.name], own)
        measures, left_out = landscape_measures(landscape, options)
        if left_out:
            log(f"note: {each.name}: {left_out} minima without an LPPHE are left out")
        if measures.unconnected:
            log(f"note: {each.name}: {measures.unconnected} minima are not connected to the lowest; --pairs tries more")
        validation = None
        if split.folds:
            mine = [one for one in folds if one.name.startswith(f"{each.name}.fold")]
            scores = [
                validation_score(_landscape(made[one.name], one), read_rows(split.file(name), split.data))
                for one, name in zip(mine, split.parts, strict=True)
                if made[one.name].path is not None
            ]
            # A mean over other folds than those of the other values is not to be compared with theirs.
            validation = over_folds(scores) if len(scores) == len(mine) else None
            if validation is None:
                log(f"note: {each.name}: a fold has no minimum, so there is no validation score")
        elif split.parts:
            validation = validation_score(landscape, read_rows(split.file("validation"), split.data))
        agreement = training_agreement(landscape, options) if split.scores else None
        scored = None if test is None else on_test(landscape, test, options)
        found.append(Row(each, measures, agreement, validation, scored, seconds))
    return found


def _landscape(made, wanted):
    """A landscape that was made; the source of a user's loss is that of the settings, and need not be trusted anew."""
    from llcommon.problem import read_problem
    from llcommon.store import read_landscape

    landscape = read_landscape(made.path)
    landscape.adopt(read_problem(wanted.settings, wanted.overrides, wanted.seed, check_derivatives=False))
    return landscape


def _report(found, split: _Split, test, options, variations, output, as_json) -> None:
    from llpathsample.choosing.values import name_of, recommend

    choice = recommend(found)

    def named(place):
        return None if place is None else found[place].setting.values

    extra = {
        "folder": str(split.folder),
        "varied": list(variations),
        "validation_share": split.share or None,
        "folds": split.folds,
        "recommended": named(choice.recommended),
        "best_validation": named(choice.best),
        "within_one_standard_error": [named(place) for place in choice.alike],
        "by_measure": {name: named(place) for name, place in choice.by_measure.items()},
        "reasons": choice.sentences,
        "barrier_ratio": options.ratio,
        "low": options.low,
    }
    write_table(columns_of(found, split.measure, bool(split.parts), test is not None, split.scores), as_json, extra)
    for row in found:
        if row.measures is None:
            log(f"warning: no minimum was found with {name_of(row)}")
    for sentence in choice.sentences:
        log(sentence)
    if test is not None:
        log("the test rows are only compared with: nothing was chosen by them")
    if output is not None:
        from llpathsample.choosing.valuefigure import draw_choice_of_value

        save(draw_choice_of_value(found, choice, split.measure), output)


def _measure(problem) -> str:
    """Name of the mean that scores are, which any point tells."""
    from llcommon.rng import generator
    from llpathsample.choosing.scores import predictions

    point = problem.model.random_start(generator(1, "measure"))
    return predictions(problem.model, point[None, :], problem.data.rows()).measure


def columns_of(found, measure: str, validated: bool, tested: bool, scored: bool) -> list[Column]:
    """The table: a row for each value."""
    keys = list(found[0].setting.values)

    def of(part, take):
        values = [part(row) for row in found]
        return [None if value is None else take(value) for value in values]

    def measures(name):
        return of(lambda row: row.measures, lambda one: getattr(one, name))

    def pair(name, part):
        return [
            Column(name, "", of(part, lambda one: one.value)),
            Column(f"{name}_error", "", of(part, lambda one: one.error)),
        ]

    def spread(name, part):
        return [
            Column(f"{name}_of_low", "", of(part, lambda one: one.value)),
            Column(f"{name}_deviation_of_low", "", of(part, lambda one: one.error)),
        ]

    columns = [Column(key, "", [row.setting.values[key] for row in found]) for key in keys]
    names = {"lowest": "lowest_loss", "states": "transition_states", "competing": "competing_funnels"}
    for name in (
        "lowest", "minima", "states", "components", "funnels", "competing", "frustration", "entropy", "temperature",
    ):  # fmt: skip
        columns.append(Column(names.get(name, name), "", measures(name)))
    if scored:
        columns += pair("train_agreement", lambda row: row.agreement)
    if validated:
        columns += pair(f"validation_{measure}", lambda row: row.validation)
    if tested:

        def on_test(name):
            return lambda row: None if row.test is None else getattr(row.test, name)

        columns += pair("test_agreement", on_test("agreement"))
        columns += [*pair(f"test_{measure}", on_test("measure")), *spread(f"test_{measure}", on_test("of_low"))]
        if any(row.test is not None and row.test.accuracy is not None for row in found):
            columns += pair("test_accuracy", on_test("accuracy"))
            columns += spread("test_accuracy", on_test("accuracy_of_low"))
    columns.append(Column("cpu_seconds", "s", [row.seconds for row in found]))
    return columns
