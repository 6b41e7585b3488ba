"""The command `choose-k`: K-means landscapes for several K, what they tell of K, and classical criteria beside them."""

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


class Counts(click.ParamType):
    """Whole numbers from 1: a range LOW:HIGH, a list such as 2,3,5, or a list of both."""

    name = "counts"

    def convert(self, value, param, ctx) -> tuple[int, ...]:
        """The numbers, rising and each once."""
        if isinstance(value, tuple):
            return value
        found: set[int] = set()
        for part in value.split(","):
            ends = part.strip().split(":")
            if len(ends) > 2 or not all(end.strip().isdigit() for end in ends):
                self.fail(f"{value} is not a range such as 2:8, nor a list such as 2,3,5", param, ctx)
            low, high = int(ends[0]), int(ends[-1])
            if low < 1 or high < low:
                self.fail(f"{value} must rise from at least 1", param, ctx)
            found.update(range(low, high + 1))
        return tuple(sorted(found))


@click.command("choose-k")
@file_argument("settings")
@click.option(
    "--k", "clusters", type=Counts(), default="2:8", show_default=True, metavar="RANGE",
    help="Numbers of clusters: LOW:HIGH, or a list such as 2,3,5. K = 1 is always compared.",
)
@click.option(
    "--folder", type=click.Path(path_type=Path), metavar="DIR",
    help="Where the landscapes lie, those of earlier calls too; default: SETTINGS with the ending .choose-k.",
)
@size_options()
@click.option(
    "--references", type=click.IntRange(2), default=20, show_default=True, metavar="B",
    help="Reference sets of the gap statistic.",
)
@click.option(
    "--starts", type=click.IntRange(20), default=100, show_default=True, metavar="N",
    help="Quenches from random starts for each K, whose ends tell how reproducible it is.",
)
@ratio_option()
@click.option(
    "--labels", metavar="COLUMN",
    help="Column of known classes to compare with; no part of the choice; default: [data] target, if set.",
)
@output_option("Figure (svg, pdf or png) of all measures over K.")
@force_option("Replace a figure that exists already.")
@seed_option()
@set_option()
@jobs_option("Processes that work at the same time; landscapes are made side by side.")
@time_limit_option("Stop after this time; the same command goes on: seconds, 10m, 2h or 1:30:00.")
@dry_run_option()
@json_option()
@verbose_option()
@quiet_option()
def choose_k(
    settings: Path, clusters, folder, minima, pairs, references, starts, ratio, labels, output, force, seed, overrides,
    jobs, time_limit, dry_run, as_json,
) -> None:  # fmt: skip
    """Choose a number of clusters by the landscapes of K-means for several.

    SETTINGS is a TOML file of the loss model kmeans. Its landscape is made for each K by `llgmin run` and `llpathsample
    grow`; the table tells how many minima and funnels it has, how frustrated it is, how well its low clusterings agree,
    and what silhouette, gap statistic and BIC say. Recommended is the K whose clustering is determined, and needed;
    docs/choosing.md has the rule. What is finished is not made again when the command is run again.
    """
    from llcommon.problem import read_problem
    from llcommon.store import read_landscape
    from llpathsample.choosing.clusterstudy import Options, study

    check_figure(output, force)
    problem = read_problem(settings, overrides, seed)
    if problem.model.name != "kmeans":
        from llcommon.errors import ConfigError

        raise ConfigError(
            f"{settings}: choose-k is for the loss model kmeans, not {problem.model.name}; "
            "llpathsample choose compares landscapes of any scalar setting"
        )
    known = _known(settings, problem, labels)
    wanted = _wanted(settings, clusters, (*size_of(minima, pairs), *overrides), seed)
    folder = folder or settings.with_suffix(".choose-k")
    if dry_run:
        say_what_is_made(wanted, folder)
        return
    made = make_all(wanted, folder, jobs, time_limit)
    options = Options(references, starts, ratio=ratio, known=known, seed=problem.settings.search.seed)
    log("comparing with random starts and reference sets")
    found = [(read_landscape(each.path), each.seconds) for each in made if each.path is not None]
    rows, gap = study(problem.data, found, options, jobs)
    _report(rows, gap, folder, options, output, as_json, made)


def _wanted(settings: Path, clusters, overrides: tuple[str, ...], seed) -> list:
    from llpathsample.making import Wanted

    # K = 1 needs no search.
    return [Wanted(settings, f"k{k}", (*overrides, f"loss.clusters={k}"), seed) for k in clusters if k > 1]


def say_what_is_made(wanted, folder: Path) -> None:
    """For a dry run: what is there, and what is not."""
    from llpathsample.making import NOTHING, states_of

    words = {NOTHING: "is to be made"}
    for each, state in zip(wanted, states_of(wanted, folder), strict=True):
        log(f"{folder / each.name}.h5 {words.get(state, f'is {state}')}: {' '.join(each.overrides)}")


def _known(settings: Path, problem, column: str | None):
    """Known classes, (n,), of the column that was named, or of [data] target if that holds few; None without any."""
    from dataclasses import replace

    from llcommon.data import read_csv
    from llcommon.errors import LandscapeError

    name = column or problem.settings.data.target
    if name is None:
        return None
    try:
        found = read_csv(
            settings.parent / problem.settings.data.file, replace(problem.settings.data, target=name), False
        )
    except LandscapeError:
        if column is not None:
            raise
        return None
    few = 2 * len(found.class_names) <= len(found.labels)
    return found.labels if few or column is not None else None


def _report(rows, gap, folder: Path, options, output, as_json, made) -> None:
    from dataclasses import asdict

    from llpathsample.choosing.clusters import DETERMINED, LEVEL, NEEDED, recommend

    choice = recommend(rows, gap)
    extra = {
        "folder": str(folder),
        "recommended": choice.recommended,
        "by_criterion": choice.by_criterion,
        "reasons": choice.sentences,
        "verdicts": [
            {**asdict(one), "determined": one.determined, "needed": one.needed, "supported": one.supported}
            for one in choice.verdicts
        ],
        "rule": {"agreement": LEVEL, "least_melting_temperature": DETERMINED, "least_rise_of_gap_in_errors": NEEDED},
        "references": options.references,
        "starts": options.starts,
        "barrier_ratio": options.ratio,
        "seconds": {each.name: each.seconds for each in made},
    }
    write_table(columns_of(rows, gap, options.known is not None), as_json, extra)
    _tell(rows, choice)
    if output is not None:
        from llpathsample.choosing.clusterfigure import draw_choice_of_clusters

        save(draw_choice_of_clusters(rows, gap, choice), output)


def columns_of(rows, gap, with_known: bool) -> list[Column]:
    """The table: a row for each K."""

    def of_starts(part):
        return [None if row.starts is None else part(row.starts) for row in rows]

    measures = [row.measures for row in rows]
    columns = [
        Column("clusters", "", [row.clusters for row in rows]),
        Column("lowest_loss", "", [one.lowest for one in measures]),
        Column("minima", "", [one.minima for one in measures]),
        Column("transition_states", "", [one.states for one in measures]),
        Column("components", "", [one.components for one in measures]),
        Column("funnels", "", [one.funnels for one in measures]),
        Column("competing_funnels", "", [one.competing for one in measures]),
        Column("frustration", "", [one.frustration for one in measures]),
        Column("entropy", "", [one.entropy for one in measures]),
        Column("agreement", "", [row.agreement for row in rows]),
        Column("melting_temperature", "lowest loss", [row.melting for row in rows]),
        Column("pairwise_ari", "", [row.pairwise.value for row in rows]),
        Column("pairwise_ari_error", "", [row.pairwise.error for row in rows]),
        Column("pairwise_ami", "", [row.mutual.value for row in rows]),
        Column("pairwise_ami_error", "", [row.mutual.error for row in rows]),
        Column("reproducibility", "", of_starts(lambda found: found.share.value)),
        Column("reproducibility_low", "", of_starts(lambda found: found.share.low)),
        Column("reproducibility_high", "", of_starts(lambda found: found.share.high)),
        Column("next_start_is_new", "", of_starts(lambda found: found.unseen.value)),
        Column("silhouette", "", [row.silhouette for row in rows]),
        Column("gap", "", gap.values),
        Column("gap_error", "", gap.errors),
        Column("gap_rise", "", gap.drops),
        Column("gap_rise_error", "", gap.drop_errors),
        Column("bic", "", [row.bic for row in rows]),
    ]
    if with_known:
        columns.append(Column("ari_with_known", "", [row.known for row in rows]))
    return columns


def _tell(rows, choice) -> None:
    """Notes on what the numbers lack, and the reasons."""
    for row in rows:
        if row.starts is not None and row.starts.losses[row.starts.losses == row.starts.losses].min() < (
            row.measures.lowest * (1.0 - 1e-9)
        ):
            log(
                f"warning: K = {row.clusters}: a random start led lower than the landscape's lowest minimum; search "
                "longer, by --set search.steps"
            )
        if row.measures.unconnected:
            log(
                f"note: K = {row.clusters}: {row.measures.unconnected} minima are not connected to the lowest and are "
                "left out of the frustration"
            )
    for sentence in choice.sentences:
        log(sentence)
    if rows[0].known == rows[0].known:
        log("the known classes are only compared with: no criterion and no recommendation has seen them")
