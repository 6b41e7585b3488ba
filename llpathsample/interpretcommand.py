"""The command `interpret`: what the minima of one funnel have in common, and how funnels differ."""

from dataclasses import dataclass
from pathlib import Path

import click

from llcommon.cli import (
    Column,
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
from llpathsample.analysiscommands import check_figure, save

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
    default=2.0,
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
@seed_option("Seed of the permutations; default: 1.")
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
    from llcommon.store import read_landscape
    from llpathsample.commands import require_minima

    check_figure(output, force)
    landscape = read_landscape(file)
    require_minima(landscape, file)
    if not landscape.minima.coordinates.shape[1]:
        landscape.model.ready()
    has_features = _has_features(landscape)
    table = table or ("features" if has_features else "coordinates")
    pictured = pictured or ("features" if has_features else "weights")
    if "features" in (table, pictured if output is not None else "") and not has_features:
        model = landscape.model.name
        raise ConfigError(f"the loss model {model} of {file} predicts no target, so it has no features to compare")
    if table == "runs" and not options["runs"]:
        raise ConfigError("--table runs needs training runs; name a file of llgmin train by --runs")
    if options["test"] is not None and not has_features:
        raise ConfigError(f"--test: the loss model {landscape.model.name} of {file} predicts no target; leave it out")
    wanted = set(TABLES) if as_json else {table, "runs" if options["runs"] else "groups"}
    wanted |= {pictured} if output is not None else set()
    found = _Found.of(landscape, file, options, wanted - (set() if has_features else {"features"}))
    tables = found.tables()
    if as_json:
        extra = {**found.document(), **{name: _records(columns) for name, columns in tables.items() if name != table}}
        write_table(tables[table], True, extra)
    else:
        write_table(tables[table], False)
    if output is not None:
        save(found.figure(pictured, options["title"]), output)


def _has_features(landscape) -> bool:
    """Whether the model predicts a target from rows of features."""
    from llcommon.scoring import predicts

    return predicts(landscape) and bool(landscape.data.target_name)


@dataclass(frozen=True)
class _Found:
    """Everything that the tables and figures show; None of what was not wanted."""

    landscape: "object"
    options: dict
    groups: "object"
    left_out: int
    temperature: float
    occupations: "object"
    consensus: "object"
    weights: "object"  # tests of the coordinates, of the units
    units: "object"
    importances: "object"
    tests: "object"  # of each measure of importance
    described: "object"
    endings: "object"

    @staticmethod
    def of(landscape, file: Path, options: dict, wanted: set[str]) -> "_Found":
        import numpy as np

        from llpathsample.interpreting.consensus import consensus
        from llpathsample.interpreting.grouptest import group_test

        seed = 1 if options["seed"] is None else options["seed"]
        groups, left_out = _chosen_groups(landscape, file, options)
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
        endings = _endings(landscape, file, groups, options["runs"])
        return _Found(
            landscape, options, groups, left_out, temperature, occupations, together, weights, units, importances,
            tests, described, endings,
        )  # fmt: skip

    def tables(self) -> dict[str, list[Column]]:
        """Columns of each table that was wanted."""
        made = {"groups": self._groups()} if self.consensus is not None else {}
        if self.importances is not None:
            made["features"] = self._features()
        if self.weights is not None:
            names = self.landscape.model.coordinate_names()
            made["coordinates"] = _variables("coordinate", names, self.groups, self.weights, self.weights.mean)
            if self.units is not None:
                numbers = list(range(len(self.landscape.model.units())))
                made["units"] = _variables("unit", numbers, self.groups, self.units, None)
            else:
                made["units"] = _variables("unit", names, self.groups, self.weights, self.weights.mean)
        if self.endings:
            made["runs"] = self._runs()
        return made

    def document(self) -> dict:
        """What the JSON document holds besides tables."""
        together = self.consensus
        measures = [] if self.importances is None else self.importances.measures
        test = self.weights or (self.tests[0] if self.tests else None)
        return {
            "groups_by": self.options["kind"],
            "barrier_ratio": self.options["ratio"] if self.options["kind"] == "funnels" else None,
            "minima": len(self.groups.ids),
            "minima_left_out": self.left_out,
            "temperature": self.temperature,
            "weighted": self.options["weighted"],
            "permutations": None if test is None else test.permutations,
            "exact": None if test is None else test.exact,
            "consensus": together and {
                "rounds": together.rounds,
                "settled": together.settled,
                "spread": together.spread,
                "spread_about_the_lowest": together.first_spread,
            },
            "measures": [
                {"measure": measure.name, "rows": measure.rows, "definition": measure.definition}
                for measure in measures
            ],
            "runs_by_minimum": [
                {"file": own.name, "method": own.method, "runs": own.runs, "in_no_minimum": own.without,
                 "in_unknown_minima": own.unknown, "by_minimum": own.by_minimum}
                for own in self.endings
            ],
        }  # fmt: skip

    def figure(self, pictured: str, title: str | None):
        """The figure of the features or of the weights."""
        from llpathsample.interpreting.figures import draw_features, draw_weights

        alpha = self.options["alpha"]
        names = [f"{name} ({size})" for name, size in zip(self.groups.names, self.groups.sizes, strict=True)]
        title_of_groups = _kind_name(self.options["kind"])
        if pictured == "features":
            features = list(self.landscape.data.feature_names)
            means = [mean for mean, _ in self.described]
            p = [test.p for test in self.tests]
            return draw_features(
                self.importances.measures, features, names, means, p, alpha, title_of_groups, title
            )
        model = self.landscape.model
        return draw_weights(
            model.coordinate_names(), model.units(), names, self.weights, self.units, alpha, title_of_groups, title
        )

    def _groups(self) -> list[Column]:
        import numpy as np

        losses = self.landscape.minima.loss
        members = [self.groups.ids[self.groups.members(group)] for group in range(len(self.groups.names))]
        spread = np.sqrt(
            [
                np.square(own - own.mean(axis=0)).sum(axis=1).mean()
                for own in (self.consensus.points[self.groups.labels == group] for group in range(len(members)))
            ]
        )
        return [
            Column("group", "", list(self.groups.names)),
            Column("minima", "", self.groups.sizes),
            Column("lowest", "", [int(ids[np.argmin(losses[ids])]) for ids in members]),
            Column("lowest_loss", "", [float(losses[ids].min()) for ids in members]),
            Column("highest_loss", "", [float(losses[ids].max()) for ids in members]),
            Column("occupation", "", [float(self.occupations[ids].sum()) for ids in members]),
            Column("spread", "", spread),
        ]

    def _features(self) -> list[Column]:
        names = self.landscape.data.feature_names
        rows = []
        for measure, test, (mean, deviation) in zip(
            self.importances.measures, self.tests, self.described, strict=True
        ):
            for place, feature in enumerate(names):
                for group, name in enumerate(self.groups.names):
                    own = mean[group, place], deviation[group, place], test.between[place], test.p[place]
                    rows.append((measure.name, measure.rows, feature, name, int(self.groups.sizes[group]), *own))
        titles = ("measure", "rows", "feature", "group", "minima", "mean", "standard_deviation", "between", "p")
        return _columns(titles, rows)

    def _runs(self) -> list[Column]:
        rows = []
        count = len(self.landscape.minima)
        for own in self.endings:
            for group, name in enumerate(self.groups.names):
                ids = self.groups.ids[self.groups.members(group)]
                share = own.shares[group]
                weights = len(ids), len(ids) / count, float(self.occupations[ids].sum())
                rows.append(
                    (own.name, own.method, name, *weights, int(own.counts[group]), share.value, share.low, share.high)
                )
            rest = own.elsewhere, own.unknown, own.without
            names = "other minima", "minima that the landscape lacks", "no minimum"
            for name, number in zip(names, rest, strict=True):
                if number:
                    rows.append(
                        (own.name, own.method, name, None, None, None, number, number / own.runs, None, None)
                    )
        titles = ("file", "method", "group", "minima", "share_of_minima", "occupation")
        titles += ("runs", "share_of_runs", "low", "high")
        return _columns(titles, rows)


# --- what is computed -----------------------------------------------------------------------------


def _chosen_groups(landscape, file: Path, options: dict):
    """Groups of the lowest minima that are large enough; and how many minima are left out."""
    from llcommon.errors import NothingFound
    from llpathsample.interpreting.groups import groups_of

    every = groups_of(landscape, options["kind"], options["ratio"])
    lowest = every.lowest(landscape.minima.loss, options["lowest"])
    groups = lowest.of_at_least(options["least"])
    left_out = len(landscape.minima) - len(groups.ids)
    if not groups.names:
        raise NothingFound(
            f"no group of {file} has {options['least']} minima; --least takes smaller ones, --groups others"
        )
    small = len(lowest.names) - len(groups.names)
    notes = []
    if len(every.ids) < len(landscape.minima):
        notes.append(f"{len(landscape.minima) - len(every.ids)} are in no group")
    if len(lowest.ids) < len(every.ids):
        notes.append(f"{len(every.ids) - len(lowest.ids)} are above the lowest {options['lowest']}")
    if small:
        notes.append(f"{len(lowest.ids) - len(groups.ids)} are in {small} groups of fewer than {options['least']}")
    if left_out:
        log(f"note: {left_out} of {len(landscape.minima)} minima are left out: {', '.join(notes)}")
    sizes = ", ".join(f"{name} ({size})" for name, size in zip(groups.names, groups.sizes, strict=True))
    log(f"{_kind_name(options['kind'])} by their names and sizes: {sizes}")
    if len(groups.names) == 1:
        hint = "a lower --ratio or --groups communities" if options["kind"] == "funnels" else "other --groups"
        log(f"note: there is one group, so there is nothing to compare it with, and no p value; try {hint}")
    return groups, left_out


def _kind_name(kind: str) -> str:
    return kind if kind in ("funnels", "basins", "communities") else "groups"


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
    width = len(landscape.data.feature_names)
    done = 0
    with Progress(len(points) * len(tables) * width, "permuting features") as progress:

        def report() -> None:
            nonlocal done
            done += 1
            progress.update(done)

        return importances(landscape.model, points, tables, options["by_class"], report)


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
        f"aligned to a consensus in {together.rounds} rounds: root mean squared distance from it "
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
        log(f"conserved in {name}: {len(held)} of {len(names)} coordinates")


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


# --- tables ---------------------------------------------------------------------------------------


def _variables(what: str, names, groups, test, means) -> list[Column]:
    """A row for each variable and group."""
    rows = []
    for place, name in enumerate(names):
        for group, title in enumerate(groups.names):
            own = () if means is None else (means[group, place],)
            own += test.spread[group, place], test.conserved[group, place], test.conserved_p[group, place]
            rows.append((name, title, *own, test.between[place], test.f[place], test.p[place]))
    titles = (what, "group", *(() if means is None else ("mean",)), "spread", "conserved", "conserved_p")
    return _columns((*titles, "between", "f", "p"), rows)


def _columns(titles, rows) -> list[Column]:
    plain = [[value.item() if hasattr(value, "item") else value for value in row] for row in rows]
    return [Column(title, "", [row[place] for row in plain]) for place, title in enumerate(titles)]


def _records(columns: list[Column]) -> list[dict]:
    titles = [column.name for column in columns]
    values = [column.values.tolist() if hasattr(column.values, "tolist") else column.values for column in columns]
    return [dict(zip(titles, row, strict=True)) for row in zip(*values, strict=True)]
