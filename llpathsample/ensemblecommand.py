"""The command `ensemble` of llpathsample: minima that predict together, beside single ones and bagging."""

from pathlib import Path

import click

from llcommon.cli import (
    Progress,
    StopRequest,
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
    trust_option,
    verbose_option,
    write_table,
)
from llpathsample.analysiscommands import check_figure, save

CHOICES = ("heat-capacity", "communities", "basins", "lowest", "random")
COMBINATIONS = ("vote", "mean", "loss", "occupation", "stacking", "specialise")
MEASURES = ("log_loss", "accuracy", "brier", "mse", "mae")
_PATH = click.Path(path_type=Path)


class Names(click.ParamType):
    """NAME,NAME,...: some of what there is."""

    name = "names"

    def __init__(self, known: tuple[str, ...]) -> None:
        self.known = known

    def convert(self, value, param, ctx) -> tuple[str, ...]:
        """The names in the order of what there is."""
        if isinstance(value, tuple):
            return value
        from llcommon.config import suggestion

        found = [name.strip() for name in value.split(",") if name.strip()]
        for name in found:
            if name not in self.known:
                self.fail(f"{name} is not known; {suggestion(name, self.known)}", param, ctx)
        if not found:
            self.fail(f"nothing is named; there are {', '.join(self.known)}", param, ctx)
        return tuple(name for name in self.known if name in found)


@click.command()
@file_argument()
@click.option("--test", type=_PATH, metavar="CSV", help="Held-out rows, for a landscape FILE.")
@click.option(
    "--validation", type=_PATH, metavar="CSV", help="Validation rows; without them the held-out rows are split."
)
@click.option("--folds", type=click.IntRange(2), metavar="K", help="Cross-validate: FILE is a settings file.")
@click.option("--folder", type=_PATH, metavar="DIR", help="With --folds: where their landscapes and scores are kept.")
@click.option(
    "--repeats",
    type=click.IntRange(1),
    metavar="R",
    help="So many splits of the held-out rows, default 20; with --folds: so many partitions, default 1.",
)
@click.option(
    "--validation-share",
    "share",
    type=click.FloatRange(0.0, 1.0, min_open=True, max_open=True),
    metavar="X",
    help="Share of the held-out rows for validation, default 0.5; with --folds: of the training rows, default 0.25.",
)
@click.option("--choose", type=Names(CHOICES), metavar="NAMES", help=f"Members by: {', '.join(CHOICES)}; default: all.")
@click.option(
    "--combine", type=Names(COMBINATIONS), metavar="NAMES", help=f"How: {', '.join(COMBINATIONS)}; default: all."
)
@click.option("--size", type=click.IntRange(2), metavar="M", help="Members of each ensemble; default 10.")
@click.option(
    "--draws", type=click.IntRange(1), default=5, show_default=True, metavar="N", help="Ensembles of random members."
)
@click.option(
    "--temperature",
    type=click.FloatRange(0.0, min_open=True),
    metavar="T",
    help="Of the weights by loss and occupation; default: 1 / rows of classes, see docs/ensembles.md.",
)
@click.option(
    "--by",
    type=click.Choice(MEASURES),
    help="Measure of the columns of differences; default: log_loss, mse of numbers. --json has all.",
)
@click.option("--without-networks", is_flag=True, help="Without the networks that scikit-learn trains.")
@click.option(
    "--table",
    "shown",
    type=click.Choice(["scores", "short", "map"]),
    default="scores",
    show_default=True,
    help="What goes to standard output: short has one measure of all; map tells which minimum is trusted where; --json "
    "gives everything.",
)
@click.option("--export", type=_PATH, metavar="FILE", help="Predictor file to write, for `llgmin predict`.")
@click.option("--choice", type=click.Choice(CHOICES), help="With --export: the members.")
@click.option("--combination", type=click.Choice(COMBINATIONS), help="With --export: how they are combined.")
@output_option("Figure of all scores: svg, pdf or png.")
@force_option()
@click.option("--title", metavar="TEXT", help="Title of the figure.")
@set_option("With --folds: change a setting, such as search.steps=100; may be given several times.")
@seed_option("Seed of splits, folds, random members and networks; default: 1.")
@jobs_option()
@time_limit_option("Stop after this time: seconds, 10m, 2h or 1:30:00; with --folds what is done is kept.")
@trust_option()
@json_option()
@verbose_option()
@quiet_option()
def ensemble(
    file: Path, test, validation, folds, folder, repeats, share, choose, combine, size, draws, temperature, by,
    without_networks, shown, export, choice, combination, output, force, title, overrides, seed, jobs, time_limit,
    as_json,
) -> None:  # fmt: skip
    """Do several minima together predict better than one? Of the landscape FILE on --test, or by --folds.

    Members are chosen by what the landscape is like, and combined in several ways; what is fitted sees neither training
    nor test rows. Each is scored beside the single lowest minimum, and beside as many networks of scikit-learn, with
    errors and with verdicts that mind how many comparisons there are. --folds K makes a landscape anew for each part of
    the data that the settings FILE names, and is the honest test of the method. docs/ensembles.md explains the columns.
    """
    import math

    from llcommon.errors import ConfigError
    from llpathsample.ensembles.possible import Asked
    from llpathsample.ensembles.settings import Options
    from llpathsample.ensembletablecommands import document_of, map_columns, score_columns, short_columns

    if temperature is not None and not math.isfinite(temperature):
        raise ConfigError("--temperature must be a finite number above zero")
    _check_form(file, folds, folder, test, validation, shown, overrides, export, choice, combination, choose, combine)
    check_figure(output, force)
    options = Options(
        choose or CHOICES,
        combine or COMBINATIONS,
        10 if size is None else size,
        draws,
        1 if seed is None else seed,
        temperature,
        not without_networks,
    )
    asked = Asked(choose is not None, combine is not None, size is not None)
    with StopRequest(time_limit) as stop:
        if folds is not None:
            cut = (folds, repeats or 1, share or 0.25)
            compared = _by_folds(file, folder, cut, options, by, overrides, jobs, stop)
        else:
            wanted = None if export is None else (export, choice, combination, force)
            compared = _held_out(
                file, test, validation, repeats or 20, share or 0.5, options, by, asked, jobs, stop, wanted
            )
    by = by or compared.table.measures[0].name
    _tell(compared, by)
    if shown == "map" and not as_json:
        write_table(map_columns(compared.regions), False)
    elif shown == "short" and not as_json:
        write_table(short_columns(compared.table, by), False)
    else:
        write_table(score_columns(compared.table, by), as_json, document_of(compared, options, by))
    if output is not None:
        from llpathsample.ensembles.figures import draw_ensembles

        save(draw_ensembles(compared.table, by, title), output)


class _Compared:
    """table: of scores. document: what the JSON document holds besides. notes: said. regions: by choice."""

    def __init__(self, table, document: dict, notes: list[str], regions: dict | None = None) -> None:
        self.table = table
        self.document = document
        self.notes = notes
        self.regions = regions or {}


def _check_form(
    file: Path, folds, folder, test, validation, shown, overrides, export, choice, combination, choose, combine
) -> None:
    from llcommon.errors import ConfigError

    if folds is None:
        if file.suffix.lower() == ".toml":
            raise ConfigError(f"{file} is a settings file; give --folds, or a landscape and --test")
        if test is None:
            raise ConfigError(f"give held-out rows by --test, or --folds with a settings file in place of {file}")
        if folder is not None or overrides:
            raise ConfigError("--folder and --set are for --folds, which makes landscapes")
    else:
        for name, value in (("--test", test), ("--validation", validation), ("--export", export)):
            if value is not None:
                raise ConfigError(f"{name} is for a landscape file; --folds takes all its rows from the data of {file}")
        if folder is None:
            raise ConfigError("--folds needs --folder, where the landscapes of the folds are kept")
        if shown == "map":
            raise ConfigError("--table map is for a landscape file: each fold has other minima")
    if shown == "map" and combine is not None and "specialise" not in combine:
        raise ConfigError("--table map tells whom specialise trusts; add it to --combine")
    if (export is None) != (choice is None) or (export is None) != (combination is None):
        raise ConfigError("--export, --choice and --combination belong together: what predicts, and how it is combined")
    for name, value, all_of in (("choice", choice, choose), ("combination", combination, combine)):
        if value is not None and all_of is not None and value not in all_of:
            raise ConfigError(f"--{name} {value} is none of those that are compared; leave --choose and --combine out")


# --- a landscape and held-out rows ----------------------------------------------------------------


def _held_out(file: Path, test, validation, repeats, share, options, by, asked, jobs, stop, wanted) -> _Compared:
    from llcommon.combining import FITTED
    from llcommon.data import read_rows
    from llcommon.errors import ConfigError, InputError
    from llcommon.scoring import check_predicts, measures_of
    from llcommon.store import check_other, read_landscape
    from llpathsample.commands import require_minima
    from llpathsample.ensembles import holdout
    from llpathsample.ensembles.comparing import material, planned
    from llpathsample.ensembles.fitting import default_temperature
    from llpathsample.ensembles.possible import (
        check_measure,
        check_probabilities,
        check_rows,
        possible_choices,
        possible_combinations,
    )

    if wanted is not None:
        check_other(wanted[0], file, wanted[3])
        if wanted[2] in FITTED and validation is None:
            raise ConfigError(
                f"--combination {wanted[2]} is fitted on validation rows; give some by --validation, which no test sees"
            )
    landscape = read_landscape(file)
    require_minima(landscape, file)
    check_predicts(landscape, str(file))
    check_probabilities(landscape, str(file))
    check_measure(by, landscape)
    if len(landscape.minima) < 2:
        raise InputError(f"{file} holds a single minimum, and an ensemble needs two; search longer with llgmin run")
    rows = read_rows(test, landscape.data)
    valid = None if validation is None else read_rows(validation, landscape.data)
    check_rows(landscape, rows, valid, test, validation)
    combine, notes = possible_combinations(landscape, rows if valid is None else valid, valid is None, options, asked)
    choices = possible_choices(landscape, file, options, asked, notes)
    temperature = default_temperature(landscape) if options.temperature is None else options.temperature
    networks = options.networks(landscape)
    if options.trained and not networks:
        notes.append(f"scikit-learn has no network like the loss model {landscape.model.name}, so there is no bagging")
    plan, more = planned(landscape, choices, combine, temperature, options.size if networks else 0)
    notes += more
    held = material(landscape, plan, rows, networks)
    given = None if valid is None else material(landscape, plan, valid, networks)
    measures = measures_of(landscape, rows)
    if given is None:
        with Progress(repeats, "splitting") as progress:
            table = holdout.by_splits(plan, held, measures, share, repeats, options.seed, jobs, stop, progress.update)
        if table is None:
            raise stop.error("a table needs all splits")
    else:
        table = holdout.with_validation(plan, held, given, measures, 100, options.seed)
    document = {
        "file": str(file),
        "test": _source(rows),
        "validation": None if valid is None else _source(valid),
        "repeats": repeats if valid is None else None,
        "validation_share": share if valid is None else None,
        "temperature": temperature,
        "members": {each.name: [ids.tolist() for ids in each.draws] for each in choices},
    }
    if {"loss", "occupation"} & set(combine):
        given_by = "the default" if options.temperature is None else "--temperature"
        log(f"weights by loss and occupation at the temperature {temperature:.6g} ({given_by})")
    regions = _regions(landscape, plan, held, given, share, options.seed)
    if wanted is not None:
        _export(landscape, file, plan, given, wanted, rows, valid)
    return _Compared(table, document, notes, regions)


def _source(rows) -> dict:
    return {"source": rows.source, "rows": len(rows.features), "sha256": rows.sha256}


def _regions(landscape, plan, held, given, share: float, seed: int) -> dict:
    """Which minimum is trusted where, by choice; of repeated splits that of the first."""
    from llpathsample.ensembles.comparing import fitted_on
    from llpathsample.ensembles.holdout import split_of
    from llpathsample.ensembles.regions import regions

    test, validation = held, given
    if given is None:
        parts = split_of(held, share, seed, 0)
        test, validation = (held.part(part) for part in parts)
    found = {}
    for (choice, combination), draws in plan.ensembles.items():
        if combination == "specialise":
            ready = fitted_on(draws[0], validation)
            neighbours = min(ready.gate.neighbours, len(ready.gate.inputs))
            found[choice] = (neighbours, len(ready.gate.inputs), regions(plan, ready, test, landscape.data))
    return found


def _export(landscape, file: Path, plan, given, wanted, rows, valid) -> None:
    from llcommon.errors import ConfigError
    from llcommon.provenance import file_sha256
    from llcommon.store import write_landscape
    from llpathsample.commands import record_of
    from llpathsample.ensembles.comparing import fitted_on
    from llpathsample.ensembles.predictor import made_predictor

    path, choice, combination, _ = wanted
    draws = plan.ensembles.get((choice, combination))
    if draws is None:
        raise ConfigError(f"there is no ensemble by {choice} and {combination} to export; the notes may say why")
    ready = fitted_on(draws[0], given)
    inputs = {"landscape": file_sha256(file), "test": rows.sha256}
    if valid is not None:
        inputs["validation"] = valid.sha256
    made_predictor(landscape, ready, valid if ready.gate is not None or ready.stacking is not None else None)
    landscape.provenance.append(record_of("ensemble", landscape, inputs))
    write_landscape(path, landscape, embed=True)
    which = ", the first of the random draws" if choice == "random" else ""
    log(f"{len(ready.members)} minima by {choice}{which}, combined by {combination}, in {path}; see llgmin predict")


# --- folds ----------------------------------------------------------------------------------------


def _by_folds(file: Path, folder, cut: tuple[int, int, float], options, by, overrides, jobs, stop) -> _Compared:
    """cut: folds, repeats, share for validation."""
    from dataclasses import replace

    from llcommon.errors import ConfigError
    from llcommon.problem import read_problem
    from llcommon.scoring import has_scores
    from llpathsample.ensembles import crossvalidation
    from llpathsample.ensembles.possible import check_measure, check_probabilities
    from llpathsample.making import make_landscapes

    folds, repeats, share = cut
    problem = read_problem(file, overrides)
    if not has_scores(problem):
        raise ConfigError(f"the loss model {problem.model.name} of {file} predicts no target that could be tested")
    check_probabilities(problem, str(file))
    check_measure(by, problem)
    notes: list[str] = []
    if not problem.data.class_names:
        kept = tuple(name for name in options.combine if name != "vote")
        if not kept:
            raise ConfigError("vote is for classes, and the target is a number; combine by mean or others")
        options = replace(options, combine=kept)
    made = crossvalidation.folds(problem.data, folds, repeats, share, options.seed)
    wanted = crossvalidation.prepared(problem, file, folder, made, overrides)
    kept_in = f"what is done is kept in {folder}"
    with stop.reported(kept_in):
        landscapes = make_landscapes(wanted, folder, jobs, lambda name, text: log(f"{name}: {text}", 1), stop)
    with Progress(len(made), "scoring") as progress:
        found = crossvalidation.scored_folds(landscapes, folder, options, jobs, stop, progress.update)
    if len(found) < len(made):
        raise stop.error(kept_in)
    table, more = crossvalidation.table(problem, found, folds)
    notes += more
    seconds = sum(each.seconds for each in landscapes)
    log(f"{len(made)} landscapes in {folder}, made in {seconds:.0f} s of CPU")
    document = {
        "file": str(file),
        "folds": folds,
        "repeats": repeats,
        "validation_share": share,
        "temperature": options.temperature,
        "landscapes": [
            {
                "name": fold.name,
                "minima": each.minima,
                "transition_states": each.states,
                "rows": {part: len(numbers) for part, numbers in fold.rows.items()},
            }
            for fold, each in zip(made, found, strict=True)
        ],
    }
    return _Compared(table, document, notes)


# --- what is written ------------------------------------------------------------------------------


def _tell(compared: _Compared, by: str) -> None:
    from llpathsample.ensembles.tables import best_line, summary

    table = compared.table
    for note in compared.notes:
        log(f"note: {note}")
    names = [measure.name for measure in table.measures]
    told = [name for name in dict.fromkeys([by, "accuracy"]) if name in names]
    for name in told:
        for reference in ("single", "bagging"):
            text = summary(table, name, reference)
            if text:
                log(text)
    place = names.index(by)
    best = best_line(table, place)
    score, error = best.scores[place], best.errors[place]
    sentence = f"{best.choice}, {best.combination}: {score:.4g} +- {float(f'{error:.2g}'):g}"
    log(f"the best ensemble by {by}, picked by the rows that score it, is {sentence}")
    for choice, (neighbours, rows, _) in compared.regions.items():
        if neighbours == rows:
            log(f"note: the gate of {choice} knows no regions: one minimum is trusted everywhere")


