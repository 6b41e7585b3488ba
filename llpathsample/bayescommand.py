"""The command `bayes`: whether the landscape of a Gaussian process says when marginalising its hyperparameters pays."""

from pathlib import Path

import click

from llcommon.cli import (
    Column,
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

TABLES = ("gains", "scores", "landscapes", "evidence", "sampling", "correlations")
_INSTALL = "pip install 'loss-landscape-toolchain[bayes]', or pip install emcee"


@click.command()
@file_argument("files", nargs=-1, required=True)
@click.option(
    "--test",
    "tests",
    type=click.Path(path_type=Path),
    multiple=True,
    required=True,
    metavar="FILE",
    help="Table of test rows; once for each of FILES, in their order.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("landscapes"),
    show_default=True,
    metavar="DIR",
    help="Where landscapes of settings files are made, or found as they were made before.",
)
@set_option("Change a setting of all settings files, such as search.steps=100; may be given several times.")
@click.option(
    "--table",
    type=click.Choice(TABLES),
    default="gains",
    show_default=True,
    help="What goes to standard output; --json gives everything.",
)
@click.option("--check", is_flag=True, help="Integrate by quadrature, too, where there are up to three coordinates.")
@click.option(
    "--steps",
    type=click.IntRange(20),
    default=10000,
    show_default=True,
    metavar="N",
    help="The most steps of each walker; chains end before if they are long beside their autocorrelation time.",
)
@click.option(
    "--ensembles", type=click.IntRange(2), default=4, show_default=True, metavar="N", help="Independent ensembles."
)
@click.option(
    "--walkers",
    type=click.IntRange(4),
    metavar="N",
    help="Walkers of an ensemble; default: 4 a coordinate, 16 at least.",
)
@click.option(
    "--draws",
    type=click.IntRange(100),
    default=2000,
    show_default=True,
    metavar="N",
    help="Points of the chains that predict; importance sampling draws twice as many.",
)
@output_option("Figure (svg, pdf or png) of the gains, and of the gains against the landscapes.")
@force_option()
@seed_option("Seed of the sampling; default: 1.")
@jobs_option()
@time_limit_option("Stop after this time; landscapes are kept, and the same command goes on with them.")
@trust_option()
@json_option("Write all tables as one JSON document.")
@verbose_option()
@quiet_option()
def bayes(
    files, tests, folder, overrides, table, check, steps, ensembles, walkers, draws, output, force, seed, jobs,
    time_limit, as_json,
) -> None:  # fmt: skip
    """Compare the point estimate, the mixed minima and the whole posterior of Gaussian processes on test rows.

    FILES are landscapes of the loss model gp, or settings files (.toml) of which they are made first. The lowest
    minimum alone, all minima by their harmonic weights, and the posterior under a flat prior of the logarithms of the
    hyperparameters in their box predict the test rows: mean log density of a row, and what mixing and marginalising
    gain, beside what the landscapes say. docs/bayes.md explains.
    """
    from llpathsample.bayes import sampling
    from llpathsample.bayes.comparison import Plan, compare, parts_of
    from llpathsample.bayes.correlations import correlations

    _check_arguments(files, tests, ensembles, walkers, output, force)
    lengths = sampling.Lengths(steps, ensembles, walkers, draws)
    plan = Plan(1 if seed is None else seed, lengths, 2 * draws, check, sampling.available())
    with StopRequest(time_limit) as stop:
        paths = _landscapes(files, folder, overrides, jobs, stop)
        data = [_read(path, test, name) for path, test, name in zip(paths, tests, _names(files), strict=True)]
        _check_walkers(data, walkers)
        with Progress(parts_of(data, plan), "sampling") as progress:
            found = compare(data, plan, jobs, stop, progress.update)
        if found is None:
            raise stop.error("no table was made; landscapes that were made are kept")
    correlated = correlations(found)
    columns = {
        "gains": _gains(found),
        "scores": _scores(found),
        "landscapes": _measures(found),
        "evidence": _evidence(found),
        "sampling": _sampling(found),
        "correlations": _correlations(correlated),
    }
    extra = {name: _records(columns[name]) for name in TABLES[1:]} | _document(found, plan, paths)
    write_table(columns["gains" if as_json else table], as_json, extra)
    _tell(found, plan, correlated)
    if output is not None:
        from llpathsample.bayes.figures import draw_comparison

        save(draw_comparison(found, correlated), output)


# --- input ----------------------------------------------------------------------------------------


def _check_arguments(files, tests, ensembles, walkers, output, force) -> None:
    from llcommon.errors import ConfigError

    if len(tests) != len(files):
        raise ConfigError(
            f"{_many(len(files), 'landscape')} and {_many(len(tests), 'table')} of test rows were given; "
            "give --test FILE once for each landscape, in their order"
        )
    if walkers is not None and walkers % 2:
        raise ConfigError(f"--walkers must be even, not {walkers}, as half of them move at a time")
    check_figure(output, force)


def _check_walkers(data, walkers: int | None) -> None:
    from llcommon.errors import ConfigError

    most = max(one.problem.model.dimension for one in data)
    if walkers is not None and walkers < 2 * most:
        raise ConfigError(f"--walkers must be at least twice the number of coordinates, {2 * most}, not {walkers}")


def _names(files) -> list[str]:
    """The files' names without their suffix where these differ, else the paths as given."""
    short = [file.stem for file in files]
    return short if len(set(short)) == len(short) else [str(file) for file in files]


def _landscapes(files, folder: Path, overrides, jobs: int, stop) -> list[Path]:
    """Landscape files, those of settings files made first."""
    from llcommon.errors import ConfigError, NothingFound
    from llpathsample.making import Wanted, make_landscapes

    settings = [file for file in files if file.suffix.lower() == ".toml"]
    if overrides and not settings:
        raise ConfigError("--set changes settings of landscapes that are made, and no settings file was given")
    stems = [file.stem for file in settings]
    twice = next((stem for stem in stems if stems.count(stem) > 1), None)
    if twice is not None:
        raise ConfigError(f"two settings files are called {twice}.toml, and so would be their landscapes; rename one")
    if not settings:
        return list(files)
    wanted = [Wanted(file, file.stem, tuple(overrides)) for file in settings]
    with stop.reported(f"all that was found is kept in {folder}"):
        made = make_landscapes(wanted, folder, jobs, lambda name, text: log(f"{name}: {text}"), stop)
    for one in made:
        if one.path is None:
            raise NothingFound(f"{one.name}: {one.problem}")
    paths = {file: one.path for file, one in zip(settings, made, strict=True)}
    return [paths.get(file, file) for file in files]


def _read(path: Path, test: Path, name: str):
    """One data set; says what its measures leave out."""
    from llcommon.data import read_rows
    from llcommon.errors import ConfigError
    from llcommon.store import read_landscape
    from llpathsample.bayes.comparison import data_set
    from llpathsample.bayes.problem import check_likelihood, problem_of
    from llpathsample.commands import require_minima

    landscape = read_landscape(path)
    check_likelihood(landscape, str(path))
    require_minima(landscape, path)
    rows = read_rows(test, landscape.data)
    if rows.sha256 == landscape.data.sha256:
        raise ConfigError(f"{test} holds the rows that {path} was trained on; give rows that were held out")
    one = data_set(name, landscape, problem_of(landscape, rows, str(path)))
    left_out = len(landscape.minima) - len(one.problem.minima)
    if left_out:
        log(f"note: {path}: {_many(left_out, 'minimum')} without an LPPHE left out of all mixtures")
    if one.measures.unconnected:
        log(
            f"note: {path}: {_many(one.measures.unconnected, 'minimum')} not connected to the lowest; "
            "basins and funnels count them, frustration does not; grow the network first"
        )
    return one


# --- tables ---------------------------------------------------------------------------------------


def _gains(found) -> list[Column]:
    from llpathsample.bayes.measures import FUNNEL_RATIO

    columns = [
        Column("data_set", "", [one.data.name for one in found]),
        Column("rows", "", [len(one.data.problem.model.data.targets) for one in found]),
        Column("features", "", [len(one.data.problem.model.data.feature_names) for one in found]),
        Column("coordinates", "", [one.data.problem.model.dimension for one in found]),
        Column("test_rows", "", [len(one.data.problem.targets) for one in found]),
        Column("minima", "", [one.data.measures.minima for one in found]),
        Column("transition_states", "", [one.data.measures.transition_states for one in found]),
        Column("funnels", "", [one.data.measures.funnels[FUNNEL_RATIO] for one in found]),
        Column("basins", "", [one.data.measures.basins for one in found]),
        Column("frustration", "", [one.data.measures.frustration for one in found]),
        Column("share_of_lowest", "", [float(one.data.measures.shares[0]) for one in found]),
        Column("log_density_point", "", [one.data.point.mean for one in found]),
        Column("log_density_mixed", "", [one.data.mixed.mean for one in found]),
        Column("log_density_marginal", "", [one.marginal.mean for one in found]),
        Column("marginal_error", "", [one.marginal.error for one in found]),
        Column("monte_carlo_error", "", [one.marginal.monte_carlo_error for one in found]),
    ]
    for name in ("mixing", "marginalising"):
        gains = [getattr(one, f"of_{name}") for one in found]
        columns += [
            Column(f"gain_of_{name}", "", [gain.mean for gain in gains]),
            Column(f"{name}_low", "", [gain.low for gain in gains]),
            Column(f"{name}_high", "", [gain.high for gain in gains]),
        ]
    columns += [
        Column("method", "", [one.method for one in found]),
        Column("status", "", [one.status.label for one in found]),
    ]
    return columns


def _scores(found) -> list[Column]:
    """A row for each data set and method."""
    rows = [(one.data.name, method, scores) for one in found for method, scores in one.methods().items()]
    return [
        Column("data_set", "", [name for name, _, _ in rows]),
        Column("method", "", [method for _, method, _ in rows]),
        Column("log_density", "", [scores.mean for *_, scores in rows]),
        Column("error", "", [scores.error for *_, scores in rows]),
        Column("monte_carlo_error", "", [scores.monte_carlo_error for *_, scores in rows]),
        Column("log_density_moment_matched", "", [scores.matched for *_, scores in rows]),
        Column("rmse", "", [scores.rmse for *_, scores in rows]),
        Column("coverage_95", "", [scores.coverage for *_, scores in rows]),
    ]


def _measures(found) -> list[Column]:
    from llpathsample.structure.funnels import RATIOS

    measures = [one.data.measures for one in found]
    return [
        Column("data_set", "", [one.data.name for one in found]),
        Column("temperature", "", [one.data.problem.temperature for one in found]),
        Column("minima", "", [one.minima for one in measures]),
        Column("transition_states", "", [one.transition_states for one in measures]),
        Column("unconnected", "", [one.unconnected for one in measures]),
        Column("basins", "", [one.basins for one in measures]),
        *[Column(f"funnels_{ratio:g}", "", [one.funnels[ratio] for one in measures]) for ratio in RATIOS],
        Column("frustration", "", [one.frustration for one in measures]),
        Column("share_of_lowest", "", [float(one.shares[0]) for one in measures]),
        Column("largest_share", "", [float(one.shares.max()) for one in measures]),
        Column("equivalent_minima", "", [one.equivalent_minima for one in measures]),
    ]


def _evidence(found) -> list[Column]:
    return [
        Column("data_set", "", [one.data.name for one in found]),
        Column("harmonic", "", [one.data.density.log_evidence for one in found]),
        Column("importance", "", [one.drawn.log_evidence for one in found]),
        Column("importance_error", "", [one.drawn.log_error for one in found]),
        Column("quadrature", "", [None if one.exact is None else one.exact.log_evidence for one in found]),
        Column("quadrature_error", "", [None if one.exact is None else one.exact.log_error for one in found]),
        Column("log_box_volume", "", [one.data.problem.log_box_volume for one in found]),
        Column("draws", "", [one.drawn.draws for one in found]),
        Column("effective_draws", "", [one.drawn.effective for one in found]),
        Column("importance_status", "", [one.drawn.status.label for one in found]),
        Column("quadrature_status", "", [None if one.exact is None else one.exact.status.label for one in found]),
    ]


def _sampling(found) -> list[Column]:
    def part(name: str) -> list:
        return [None if one.chains is None else getattr(one.chains, name) for one in found]

    return [
        Column("data_set", "", [one.data.name for one in found]),
        Column("autocorrelation_time", "", part("autocorrelation")),
        Column("effective_draws", "", part("effective")),
        Column("r_hat", "", part("r_hat")),
        Column("steps", "", part("steps")),
        Column("acceptance", "", part("acceptance")),
        Column("status", "", [None if one.chains is None else one.chains.status.label for one in found]),
    ]


def _correlations(correlated) -> list[Column]:
    return [
        Column("gain", "", [one.gain for one in correlated]),
        Column("measure", "", [one.measure for one in correlated]),
        Column("data_sets", "", [one.data_sets for one in correlated]),
        Column("rank_correlation", "", [one.value for one in correlated]),
        Column("low", "", [one.low for one in correlated]),
        Column("high", "", [one.high for one in correlated]),
    ]


def _records(columns: list[Column]) -> list[dict]:
    rows = zip(*(column.values for column in columns), strict=True)
    return [dict(zip([column.name for column in columns], row, strict=True)) for row in rows]


def _document(found, plan, paths) -> dict:
    """What the JSON document holds besides tables."""
    lengths = plan.lengths
    return {
        "seed": plan.seed,
        "prior": "flat in the coordinates, logarithms of hyperparameters, within the box",
        "chains": {"most_steps": lengths.steps, "ensembles": lengths.ensembles, "draws": lengths.draws}
        if plan.chains
        else None,
        "importance_draws": plan.importance_draws,
        "files": [str(path) for path in paths],
        "shares_of_evidence": {one.data.name: one.data.measures.shares.tolist() for one in found},
    }


# --- what is said ---------------------------------------------------------------------------------


def _tell(found, plan, correlated) -> None:
    from llcommon.status import Status

    if not plan.chains:
        log(
            "note: emcee is not installed, so quadrature (up to three coordinates) or importance sampling takes the "
            f"place of Markov chains: {_INSTALL}"
        )
    for one in found:
        if one.status != Status.CONVERGED:
            log(f"note: {one.data.name}: marginalised log density is {one.status.label}: {_why(one)}")
    for name, what in (("mixing", "mixing minima"), ("marginalising", "marginalising")):
        gains = [getattr(one, f"of_{name}") for one in found]
        better = sum(gain.low > 0.0 for gain in gains)
        worse = sum(gain.high < 0.0 for gain in gains)
        log(f"{what}: better than the point estimate in {better} of {_many(len(found), 'data set')}, worse in {worse}")
    if len(found) < 2:
        return
    known = [one for one in correlated if one.low == one.low]
    clear = [one for one in known if one.low > 0.0 or one.high < 0.0]
    for one in clear:
        log(f"gain ({one.gain}) against {one.measure}: {one.value:.2f} [{one.low:.2f}, {one.high:.2f}]")
    log(
        f"note: correlations over {_many(len(found), 'data set')}: {len(clear)} of {len(known)} have an interval "
        "without 0, where chance alone gives one in 20; few data sets decide little"
    )


def _why(one) -> str:
    """A clause about an estimate that is not reliable."""
    from llcommon.status import Status

    if one.chains is None:
        return f"{one.drawn.effective:.0f} effective draws; install emcee, or give more --draws"
    if one.chains.status == Status.CONVERGED:
        return "another estimate contradicts it; see --table scores, and give more --steps and --draws"
    return (
        f"R-hat {one.chains.r_hat:.3f}, autocorrelation time {one.chains.autocorrelation:.0f} steps, "
        f"{one.chains.effective:.0f} effective draws; give more --steps"
    )


def _many(count: int, name: str) -> str:
    plural = "minima" if name == "minimum" else name + "s"
    return f"{count} {name if count == 1 else plural}"
