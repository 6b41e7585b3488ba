"""What `interpret` has found, as tables, as a document and as figures."""

from dataclasses import dataclass

from llcommon.cli import Column, log


@dataclass(frozen=True)
class Interpretation:
    """Everything that the tables and figures show; None of what was not wanted."""

    landscape: "object"
    options: dict
    groups: "object"
    whole: "object"  # the groups with all their minima, not the lowest alone
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
            "most_rows": self.options["rows"],
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
        from llpathsample.interpreting.figures import MOST_GROUPS, draw_features, draw_weights, most_groups

        alpha = self.options["alpha"]
        names = [f"{name} ({size})" for name, size in zip(self.groups.names, self.groups.sizes, strict=True)]
        title_of_groups = kind_name(self.options["kind"])
        if pictured == "features":
            features = list(self.landscape.data.feature_names)
            if len(names) > MOST_GROUPS:
                log(f"note: the first {MOST_GROUPS} of {len(names)} groups are drawn")
            means = [mean for mean, _ in self.described]
            p = [test.p for test in self.tests]
            return draw_features(
                self.importances.measures, features, names, means, p, alpha, title_of_groups, title
            )
        model = self.landscape.model
        most = most_groups(model.units())
        if len(names) > most:
            log(f"note: the first {most} of {len(names)} groups are drawn")
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
            for group, name in enumerate(self.whole.names):
                ids = self.whole.ids[self.whole.members(group)]
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


def kind_name(kind: str) -> str:
    """What the groups are called."""
    return kind if kind in ("funnels", "basins", "communities") else "groups"


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


def records(columns: list[Column]) -> list[dict]:
    """Rows of a table as JSON has them."""
    titles = [column.name for column in columns]
    values = [column.values.tolist() if hasattr(column.values, "tolist") else column.values for column in columns]
    return [dict(zip(titles, row, strict=True)) for row in zip(*values, strict=True)]
