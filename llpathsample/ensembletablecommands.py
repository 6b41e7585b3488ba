"""The tables and the document of the command `ensemble`."""

from llcommon.cli import Column


def score_columns(table, by: str) -> list[Column]:
    lines = table.lines
    columns = [
        Column("choice", "", [line.choice for line in lines]),
        Column("combination", "", [line.combination for line in lines]),
        Column("members", "", [line.members for line in lines]),
    ]
    for place, measure in enumerate(table.measures):
        columns.append(Column(measure.name, "", [float(line.scores[place]) for line in lines]))
        columns.append(Column(f"{measure.name}_error", "", [float(line.errors[place]) for line in lines]))
        if measure.name == by:
            columns.append(Column(f"{measure.name}_spread", "", [_known(line.spread[place]) for line in lines]))
    for reference in ("single", "bagging"):
        told = [line.against.get(reference, {}).get(by) for line in lines]
        for name in ("difference", "low", "high", "p", "verdict"):
            values = [None if each is None else getattr(each, name) for each in told]
            columns.append(Column(f"{name}_from_{reference}", "", values))
    return columns


def _known(value: float) -> float | None:
    return None if value != value else float(value)


def short_columns(table, by: str) -> list[Column]:
    """A measure with its error, a row for each combination and a column for each choice; + better and - worse than the
    single lowest minimum."""
    place = [measure.name for measure in table.measures].index(by)
    signs = {"better": " +", "worse": " -"}
    choices: dict[str, dict[str, str]] = {}
    for line in table.lines:
        told = line.against.get("single", {}).get(by)
        sign = "" if told is None else signs.get(told.verdict, "")
        text = f"{line.scores[place]:.4f} ({line.errors[place]:.4f}){sign}"
        choices.setdefault(line.choice, {})[line.combination] = text
    rows = list(dict.fromkeys(line.combination for line in table.lines))
    columns = [Column("combination", "", rows)]
    return columns + [
        Column(choice, "", [cells.get(combination, "") for combination in rows]) for choice, cells in choices.items()
    ]


def map_columns(regions: dict) -> list[Column]:
    rows = []
    for choice, (neighbours, _, found) in regions.items():
        for region in found:
            classes = ", ".join(f"{name} {count}" for name, count in region.classes.items())
            features = ", ".join(f"{name} {value:+.1f}" for name, value in region.features.items())
            rows.append(
                (choice, neighbours, region.minimum, region.rows, region.share, region.score, region.single, classes,
                 features)
            )  # fmt: skip
    names = ("choice", "neighbours", "minimum", "rows", "share", "score", "score_of_single", "classes", "features")
    return [Column(name, "", [row[place] for row in rows]) for place, name in enumerate(names)]


def document_of(compared, options, by: str) -> dict:
    from dataclasses import asdict

    table = compared.table
    return {
        **compared.document,
        "size": options.size,
        "draws": options.draws,
        "seed": options.seed,
        "by": by,
        "how": table.how,
        "measures": {measure.name: measure.definition for measure in table.measures},
        "notes": compared.notes,
        "comparisons": [
            {
                "choice": line.choice,
                "combination": line.combination,
                "against": {
                    reference: {measure: asdict(each) for measure, each in told.items()}
                    for reference, told in line.against.items()
                },
            }
            for line in table.lines
            if line.against
        ],
        "map": {
            choice: {"neighbours": neighbours, "validation_rows": rows, "minima": [asdict(each) for each in found]}
            for choice, (neighbours, rows, found) in compared.regions.items()
        },
    }
