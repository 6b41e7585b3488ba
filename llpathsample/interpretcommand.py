"""The command `interpret`: what the minima of one funnel have in common, and how funnels differ."""

from pathlib import Path

import click

from llcommon.cli import (
    file_argument,
    force_option,
    json_option,
    log,
    output_option,
    quiet_option,
    seed_option,
    trust_option,
    verbose_option,
    write_table,
)
from llcommon.cli.progress import Progress
from llpathsample.analysiscommands import check_figure, check_finite, save
from llpathsample.interpretationcommands import Interpretation, kind_name, records

TABLES = ("groups", "features", "coordinates", "units", "runs")
_SHOWN = 5  # names in a sentence


@click.command()
@file_argument()
@output_option("Figure: svg, pdf or png; of the features, or of the weights where there are none.")
@force_option()
@click.option(
    "--groups",
    "kind",
    default="funnels",
    show_default=True,
    metavar="KIND",
    help="funnels, basins (monotonic sequence basins), communities, or FILE or FILE:COLUMN, a table with a column id.",
)
@click.option(
    "--ratio",
    type=click.FloatRange(0.0),
    default=5.0,
    show_default=True,
    metavar="R",
    help="Least barrier ratio of the bottom of a funnel: docs/structure.md, `basins`.",
)
@click.option(
    "--least", type=click.IntRange(1), default=3, show_default=True, metavar="N", help="Leave out smaller groups."
)
@click.option(
    "--lowest", type=click.IntRange(2), default=100, show_default=True, metavar="N", help="Of the N lowest minima."
)
@click.option("--test", type=click.Path(path_type=Path), metavar="CSV", help="Rows that were not trained on.")
@click.option(
    "--rows",
    type=click.IntRange(2),
    default=1000,
    show_default=True,
    metavar="N",
    help="Features by N random rows of a table that has more: the time grows by the square.",
)
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="TRAINED",
    help="File with training runs of `llgmin train`: where they end; may be given several times.",
)
@click.option("--table", type=click.Choice(TABLES), help="What goes to standard output; --json gives everything.")
@click.option(
    "--figure",
    "pictured",
    type=click.Choice(["features", "weights"]),
    help="What -o draws; default: features if there are any.",
)
@click.option(
    "--temperature",
    type=click.FloatRange(0.0, min_open=True),
    metavar="T",
    help="Of occupations; default: of the highest peak of the heat capacity, or what the model suggests.",
)
@click.option(
    "--weighted", is_flag=True, help="Weigh the minima of a group by occupation in means and spreads of features."
)
@click.option("--by-class", is_flag=True, help="Gradients of each output, too.")
@click.option(
    "--permutations",
    type=click.IntRange(99),
    default=9999,
    show_default=True,
    metavar="N",
    help="Random permutations of the groups; all of them, if there are no more.",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0.0, 1.0, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    metavar="P",
    help="Corrected p value from which on something is marked.",
)
@click.option("--title", metavar="TEXT", help="Title of the figure.")
@seed_option("Seed of the permutations, and of --rows; default: 1.")
@trust_option()
@json_option("Write all tables as one JSON document.")
@verbose_option()
@quiet_option()
def interpret(file: Path, output, force, table, pictured, as_json, **options) -> None:
    """What the minima of one funnel of the landscape FILE have in common, and how its funnels differ.

    Weights and hidden units are compared after all minima were turned to one consensus by the symmetry of the model,
    input features by gradient x input and by exact permutation importance. p values are of permutations of the groups,
    corrected for the number of coordinates, units or features. docs/interpretation.md has the formulae.
    """
    from llcommon.errors import ConfigError
    from llcommon.scoring import has_scores
    from llcommon.store import read_landscape
    from llpathsample.commands import require_minima

    check_finite(ratio=options["ratio"], temperature=options["temperature"])
    check_figure(output, force)
    landscape = read_landscape(file)
    require_minima(landscape, file)
    if not landscape.minima.coordinates.shape[1]:
        landscape.model.ready()
    has_features = has_scores(landscape)
    table = table or ("features" if has_features else "coordinates")
    pictured = pictured or ("features" if has_features else "weights")
    if "features" in (table, pictured if output is not None else "") and not has_features:
        model = landscape.model.name
        raise ConfigError(f"the loss model {model} of {file} predicts no target, so it has no features to compare")
    if table == "runs" and not options["runs"]:
        raise ConfigError("--table runs needs training runs; name a file of llgmin train by --runs")
    if options["test"] is not None and not has_features:
        raise ConfigError(f"--test: the loss model {landscape.model.name} of {file} predicts no target; leave it out")
    wanted = set(TABLES) if as_json else {table}
    wanted |= {pictured} if output is not None else set()
    found = _interpreted(landscape, file, options, wanted - (set() if has_features else {"features"}))
    tables = found.tables()
    if as_json:
        extra = {**found.document(), **{name: records(columns) for name, columns in tables.items() if name != table}}
        write_table(tables[table], True, extra)
    else:
        write_table(tables[table], False)
    if output is not None:
        save(found.figure(pictured, options["title"]), output)


def _interpreted(landscape, file: Path, options: dict, wanted: set[str]) -> Interpretation:
    """All that is wanted of the tables and figures."""
    import numpy as np

    from llpathsample.interpreting.consensus import consensus
    from llpathsample.interpreting.grouptest import group_test

    seed = 1 if options["seed"] is None else options["seed"]
    groups, whole, left_out = _chosen_groups(landscape, file, options)
    temperature, occupations = _occupations(landscape, options["temperature"])
    points = landscape.minima.coordinates[groups.ids]
    together = weights = units = importances = tests = described = None
    if wanted & {"groups", "coordinates", "units", "weights"}:
        first = int(np.argmin(landscape.minima.loss[groups.ids]))
        together = consensus(landscape.model, points, first)
        _tell_consensus(together, landscape.model)
    if wanted & {"coordinates", "units", "weights"}:
        rng = np.random.default_rng([seed, 0])
        weights = group_test(together.points, groups.labels, options["permutations"], rng)
        sets = landscape.model.units()
        if any(len(unit) > 1 for unit in sets):
            rng = np.random.default_rng([seed, 1])
            units = group_test(together.points, groups.labels, options["permutations"], rng, sets)
        _tell_weights(landscape.model, groups, weights, units, options["alpha"])
    if "features" in wanted:
        importances = _importances(landscape, points, options)
        tests = []
        for number, values in enumerate(importances.values):
            rng = np.random.default_rng([seed, 2, number])
            tests.append(group_test(values, groups.labels, options["permutations"], rng))
        described = _described(importances, groups, occupations if options["weighted"] else None)
        _tell_features(landscape, importances, tests, options["alpha"])
    endings = _endings(landscape, file, whole, options["runs"])
    return Interpretation(
        landscape, options, groups, whole, left_out, temperature, occupations, together, weights, units, importances,
        tests, described, endings,
    )  # fmt: skip


# --- what is computed -----------------------------------------------------------------------------


def _chosen_groups(landscape, file: Path, options: dict):
    """Groups of the lowest minima that are large enough; these with all of their minima; and how many minima are left
    out."""
    from llcommon.errors import NothingFound
    from llpathsample.interpreting.groups import OF_NETWORK, groups_of

    every = groups_of(landscape, options["kind"], options["ratio"])
    lowest = every.lowest(landscape.minima.loss, options["lowest"])
    groups = lowest.of_at_least(options["least"])
    left_out = len(landscape.minima) - len(groups.ids)
    if not groups.names:
        if options["kind"] in OF_NETWORK and not len(landscape.transition_states):
            advice = "it holds no transition states, so grow it with llpathsample grow"
        else:
            advice = "--least takes smaller ones, --groups others"
        raise NothingFound(f"no group of {file} has {options['least']} minima; {advice}")
    small = len(lowest.names) - len(groups.names)
    notes = []
    if len(every.ids) < len(landscape.minima):
        notes.append(f"{len(landscape.minima) - len(every.ids)} are in no group")
    if len(lowest.ids) < len(every.ids):
        notes.append(f"{len(every.ids) - len(lowest.ids)} are above the lowest {options['lowest']}")
    if small:
        which = "a group" if small == 1 else f"{small} groups"
        notes.append(f"{len(lowest.ids) - len(groups.ids)} are in {which} of fewer than {options['least']}")
    if left_out:
        log(f"note: {left_out} of {len(landscape.minima)} minima are left out: {', '.join(notes)}")
    sizes = ", ".join(f"{name} ({size})" for name, size in zip(groups.names, groups.sizes, strict=True))
    log(f"{kind_name(options['kind'])} by their names and sizes: {sizes}")
    if len(groups.names) == 1:
        hint = "a lower --ratio or --groups communities" if options["kind"] == "funnels" else "other --groups"
        log(f"note: there is one group, so there is nothing to compare it with, and no p value; try {hint}")
    return groups, every.of_at_least(options["least"]), left_out


def _occupations(landscape, temperature: float | None):
    """A temperature, and occupations of all minima at it, NaN of those without an LPPHE."""
    import numpy as np

    from llpathsample.ktn import Network
    from llpathsample.thermodynamics.features import highest_peak
    from llpathsample.thermodynamics.observables import log_occupations

    network, ids, _ = Network.complete(landscape)
    occupations = np.full(len(landscape.minima), np.nan)
    if not ids.size:
        log("note: no minimum has an LPPHE, so there are no occupations; llpathsample recompute computes them")
        return temperature, occupations
    if temperature is None:
        temperature = highest_peak(network)
        why = "of the highest peak of the heat capacity"
        if temperature is None:
            temperature, why = float(landscape.declared.suggested_temperature), "which the loss model suggests"
        log(f"occupations at the temperature {temperature:.4g}, {why}; --temperature sets another")
    occupations[ids] = np.exp(log_occupations(network, temperature))
    return temperature, occupations


def _importances(landscape, points, options: dict):
    from llcommon.data import read_rows
    from llpathsample.interpreting.features import importances

    tables = {"train": landscape.data.rows()}
    if options["test"] is not None:
        tables["test"] = read_rows(options["test"], landscape.data)
    tables = {name: _some(rows, options) for name, rows in tables.items()}
    width = len(landscape.data.feature_names)
    done = 0
    with Progress(len(points) * len(tables) * width, "permuting features") as progress:

        def report() -> None:
            nonlocal done
            done += 1
            progress.update(done)

        return importances(landscape.model, points, tables, options["by_class"], report)


def _some(rows, options: dict):
    """All rows, or --rows of them drawn at random."""
    import numpy as np

    from llcommon.rng import generator
    from llpathsample.splits import taken

    count = len(rows.features)
    if count <= options["rows"]:
        return rows
    seed = 1 if options["seed"] is None else options["seed"]
    log(f"note: features by {options['rows']} random rows of the {count} of {rows.source}; --rows takes more")
    return taken(rows, np.sort(generator(seed, "interpret rows").permutation(count)[: options["rows"]]))


def _described(importances, groups, occupations):
    """Means and standard deviations over the minima of each group, (g, d) each, of every measure."""
    import numpy as np

    from llcommon.errors import ConfigError

    weights = np.ones(len(groups.ids)) if occupations is None else occupations[groups.ids]
    if not np.isfinite(weights).all():
        raise ConfigError("--weighted needs the LPPHE of all minima; compute them with llpathsample recompute")
    described = []
    for values in importances.values:
        means, deviations = [], []
        for group in range(len(groups.names)):
            own = groups.members(group)
            shares = weights[own] / weights[own].sum() if weights[own].any() else np.full(len(own), 1.0 / len(own))
            mean = shares @ values[own]
            # Weighted, and of n equal weights the sample's: n / (n - 1).
            rest = 1.0 - np.square(shares).sum()
            squares = shares @ np.square(values[own] - mean)
            means.append(mean)
            deviations.append(np.sqrt(squares / rest) if rest > 1e-12 else np.full(values.shape[1], np.nan))
        described.append((np.array(means), np.array(deviations)))
    return described


def _endings(landscape, file: Path, groups, paths) -> list:
    from llcommon.store import read_landscape
    from llpathsample.interpreting.endings import endings

    found = []
    for path in paths:
        trained = landscape if path == file else read_landscape(path)
        found.append(endings(landscape, trained, str(path), groups))
        own = found[-1]
        first = ", ".join(f"{minimum}: {count}" for minimum, count in list(own.by_minimum.items())[:_SHOWN])
        log(f"{path}: {own.runs} runs of {own.method}; by minimum {first}")
        if own.unknown:
            log(f"note: {own.unknown} runs of {path} end in minima that the landscape lacks; merge the two files")
    return found


# --- what is said ---------------------------------------------------------------------------------


def _tell_consensus(together, model) -> None:
    if not model.symmetric:
        return
    log(
        f"aligned to a consensus in {together.rounds} round{'s' * (together.rounds != 1)}: root mean squared distance "
        "from it "
        f"{together.spread:.4g}, from the mean after alignment to the lowest minimum {together.first_spread:.4g}"
    )
    if not together.settled:
        log("note: the consensus still changed in the last round")


def _tell_weights(model, groups, weights, units, alpha: float) -> None:
    import numpy as np

    if len(groups.names) < 2:
        return
    names = model.coordinate_names()
    _tell_differences("coordinates", names, weights, alpha)
    if units is not None:
        _tell_differences("units", [f"unit {number}" for number in range(len(units.p))], units, alpha)
    for group, name in enumerate(groups.names):
        held = np.flatnonzero(weights.conserved_p[group] <= alpha)
        log(f"conserved in group {name}: {len(held)} of {len(names)} coordinates")


def _tell_differences(what: str, names, test, alpha: float) -> None:
    import numpy as np

    found = np.flatnonzero(test.p <= alpha)
    order = found[np.argsort(-test.between[found], kind="stable")]
    first = ", ".join(names[place] for place in order[:_SHOWN])
    more = f": {first}{' and others' if len(order) > _SHOWN else ''}" if len(order) else ""
    kind = "all" if test.exact else "random"
    log(f"{len(found)} of {len(names)} {what} differ between groups at p <= {alpha:g}{more}")
    log(f"p of {test.permutations} {kind} permutations", 1)


def _tell_features(landscape, importances, tests, alpha: float) -> None:
    if not tests or len(tests[0].spread) < 2:
        return
    names = landscape.data.feature_names
    for measure, test in zip(importances.measures, tests, strict=True):
        _tell_differences(f"features by {measure.name} ({measure.rows})", names, test, alpha)
