"""The command `basin-volume` of llpathsample: how wide basins of attraction are, harmonically and by sampling."""

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
    time_limit_option,
    trust_option,
    verbose_option,
    write_table,
)
from llpathsample.analysiscommands import check_figure, save


@click.command("basin-volume")
@file_argument()
@output_option("Figure: svg, pdf or png.")
@force_option()
@click.option(
    "--minimum",
    "chosen",
    type=click.IntRange(0),
    multiple=True,
    metavar="ID",
    help="Sample the basin of this minimum; may be given several times.",
)
@click.option("--lowest", type=click.IntRange(1), metavar="N", help="Sample the basins of the N lowest minima.")
@click.option(
    "--temperature",
    type=click.FloatRange(0.0, min_open=True),
    metavar="T",
    help="Weigh points by exp(-loss / T); default: the volume in a box or radius, else by the median barrier.",
)
@click.option(
    "--radius",
    type=click.FloatRange(0.0, min_open=True),
    metavar="R",
    help="Only the part of a basin within this distance of its minimum.",
)
@click.option(
    "--populations",
    type=click.IntRange(2),
    default=10,
    show_default=True,
    metavar="N",
    help="Independent populations, whose spread is the error.",
)
@click.option(
    "--points", type=click.IntRange(4), default=24, show_default=True, metavar="N", help="Points of each population."
)
@click.option(
    "--moves", type=click.IntRange(1), default=2, show_default=True, metavar="N", help="Moves of a point in each step."
)
@click.option(
    "--direct",
    type=click.IntRange(0),
    default=400,
    show_default=True,
    metavar="N",
    help="Points drawn from all of a basin at once; populations are for where too few of them hit it.",
)
@click.option(
    "--starts",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="N",
    help="Count where N random starts of the model end.",
)
@click.option(
    "--downhill",
    type=click.Choice(["steepest-descent", "quench"]),
    help="What makes a basin; default: as [connect] downhill of FILE says.",
)
@click.option("--only", is_flag=True, help="List the sampled minima only.")
@click.option("--title", metavar="TEXT", help="Title of the figure.")
@seed_option("Seed of sampling and starts; default: 1.")
@jobs_option()
@time_limit_option("Stop sampling after this time, and report what there is.")
@trust_option()
@json_option()
@verbose_option()
@quiet_option()
def basin_volume(
    file: Path, output, force, chosen, lowest, temperature, radius, populations, points, moves, direct, starts,
    downhill, only, title, seed, jobs, time_limit, as_json,
) -> None:  # fmt: skip
    """Measure the basins of attraction of the landscape FILE.

    All minima are listed with their LPPHE, the harmonic measure, and their visits. Those chosen by --minimum or
    --lowest are sampled: the integral of exp(-(loss - its minimum) / T) over the basin, or its volume where a box or
    --radius limits it, with a standard error. docs/structure.md tells how, and what exactly is estimated.
    """
    import numpy as np

    from llcommon.errors import ConfigError
    from llcommon.store import read_landscape
    from llpathsample.commands import require_minima
    from llpathsample.structure.sampling import Plan, count_hits, parts, sample_basins

    if temperature is not None and not np.isfinite(temperature):
        raise ConfigError("--temperature must be a finite number above zero")
    check_figure(output, force)
    if output is not None and not (chosen or lowest):
        raise ConfigError("the figure shows sampled basins; choose some by --minimum or --lowest")
    sampling = bool(chosen or lowest or starts)
    landscape = read_landscape(file, points=sampling)
    require_minima(landscape, file)
    minima = _chosen(landscape, file, chosen, lowest)
    _check_model(landscape, file, sampling)
    if downhill is not None:
        _walk_by(landscape, downhill)
    temperature = _temperature(landscape, file, temperature, radius) if minima else np.inf
    plan = Plan(temperature, radius, populations, points, moves, 1 if seed is None else seed, direct)
    sampled, hits = [], None
    with StopRequest(time_limit) as stop:
        if minima:
            with Progress(len(minima) * parts(plan), "sampling") as progress:
                sampled = sample_basins(landscape, minima, plan, jobs, stop, progress.update)
        if starts:
            with Progress(starts, "quenching") as progress:
                hits = count_hits(landscape, starts, plan, jobs, stop, progress.update)
    document = _document(landscape, plan, hits, bool(minima))
    columns = _columns(landscape, plan, sampled, hits)
    write_table(_rows_of(columns, minima) if only else columns, as_json, document)
    _tell(sampled, hits, plan, starts)
    if output is not None:
        from llpathsample.structure.volumefigure import draw_volumes

        copies = landscape.model.log_group_order() - landscape.minima.log_order
        save(draw_volumes(landscape.minima.lpphe, copies, sampled, plan.temperature, hits, title), output)
    _end(stop, sampled)


def _chosen(landscape, file: Path, chosen, lowest) -> list[int]:
    import numpy as np

    from llcommon.filecommands import checked_id

    for minimum in chosen:
        checked_id(landscape, minimum, file)
    order = np.argsort(landscape.minima.loss, kind="stable")[: lowest or 0]
    return list(dict.fromkeys([*chosen, *order.tolist()]))


def _check_model(landscape, file: Path, sampling: bool) -> None:
    from llcommon.errors import InputError

    if sampling and not landscape.minima.coordinates.shape[1]:
        raise InputError(f"{file} holds no coordinates to sample around; leave out --minimum, --lowest and --starts")


def _walk_by(landscape, downhill: str) -> None:
    from dataclasses import replace

    settings = landscape.settings
    landscape.settings = replace(settings, connect=replace(settings.connect, downhill=downhill))


def _temperature(landscape, file: Path, temperature: float | None, radius: float | None) -> float:
    """As given; inf for a volume where there is one; else twice the median barrier over kappa."""
    import numpy as np

    from llcommon.errors import ConfigError
    from llpathsample.ktn import Network
    from llpathsample.structure.communities import typical_barrier

    if temperature is not None:
        return temperature
    bounds = landscape.model.bounds()
    if radius is not None or (bounds is not None and np.isfinite(bounds).all()):
        return float("inf")
    network = Network.unchecked(landscape)
    if not (network.ends[:, 0] != network.ends[:, 1]).any():
        raise ConfigError(
            f"no transition state of {file} sets a scale, and no box limits the basins; give --temperature or --radius"
        )
    kappa = landscape.model.dimension - len(landscape.model.zero_modes(landscape.minima.coordinates[0].copy()))
    chosen = 2.0 * typical_barrier(network) / kappa
    log(f"temperature {chosen:.4g}: kappa T / 2 is the median barrier")
    return chosen


def _document(landscape, plan, hits, minima: bool) -> dict:
    from llcommon.optimise.downhill import Downhill

    document: dict = {"seed": plan.seed}
    if minima or hits is not None:
        steepest = Downhill(landscape.model, landscape.settings).steepest and landscape.model.pieces is None
        document["downhill"] = "steepest-descent" if steepest else "quench"
    if minima:
        document |= {
            "measure": "volume" if plan.temperature == float("inf") else "integral of exp(-(loss - minimum) / T)",
            "temperature": plan.temperature,
            "radius": plan.radius,
            "populations": plan.populations,
            "points": plan.points,
            "moves": plan.moves,
            "direct": plan.direct,
        }
    if hits is not None:
        document["starts"] = {"all": hits.starts, "at_other_minima": hits.elsewhere, "failed": hits.failed}
    return document


def _columns(landscape, plan, sampled, hits) -> list[Column]:
    import numpy as np

    table = landscape.minima
    columns = [
        Column("id", "", np.arange(len(table))),
        Column("loss", "", table.loss),
        Column("lpphe", "", table.lpphe),
        Column("log_order", "", table.log_order),
        Column("log_harmonic_measure", "", -0.5 * table.lpphe - table.log_order),
        Column("visits", "", table.visits),
    ]
    if hits is not None:
        share = hits.by_minimum / max(hits.starts, 1)
        # As if one start more had hit and one more had not (Laplace): no hit at all leaves an error, too.
        likely = (hits.by_minimum + 1.0) / (hits.starts + 2.0)
        error = np.sqrt(likely * (1.0 - likely) / (hits.starts + 3.0))
        columns += [
            Column("hits", "", hits.by_minimum),
            Column("hit_share", "", share),
            Column("hit_share_error", "", error),
        ]
    return columns + (_sampled_columns(landscape, plan, sampled) if sampled else [])


def _rows_of(columns: list[Column], minima: list[int]) -> list[Column]:
    """The columns with the rows of some minima."""
    return [Column(column.name, column.unit, [column.values[minimum] for minimum in minima]) for column in columns]


def _sampled_columns(landscape, plan, sampled) -> list[Column]:
    """What sampling tells, empty for minima that were not chosen."""
    table = landscape.minima
    group = landscape.model.log_group_order()
    harmonic = ("log_harmonic", "log_ratio", "corrected_lpphe") if plan.temperature < float("inf") else ()
    integral = "log_integral" if harmonic else "log_volume"
    chosen = ("status", "method", integral, "log_error", "log_all_copies", *harmonic)
    direct = ("direct_points", "direct_hits", "direct_effective", "log_direct", "log_direct_error")
    annealed = ("log_annealed", "log_annealed_error", "populations", "outside", "acceptance", "survivors", "steps",
                "descents")  # fmt: skip
    rows: dict[str, list] = {name: [None] * len(table) for name in (*chosen, *direct, *annealed)}
    for one in sampled:
        values: dict[str, object] = {"status": one.status.label, "method": one.method}
        if one.method is not None:
            values |= {
                integral: one.log_integral,
                "log_error": one.error,
                "log_all_copies": one.log_integral + group - float(table.log_order[one.minimum]),
            }
            if harmonic:
                ratio = one.log_integral - one.log_harmonic
                figures = (one.log_harmonic, ratio, float(table.lpphe[one.minimum]) - 2.0 * ratio)
                values |= dict(zip(harmonic, figures, strict=True))
        if one.direct is not None:
            found = one.direct
            figures = (found.points, found.hits, found.effective, found.log_integral, found.error)
            values |= dict(zip(direct, figures, strict=True))
        if one.annealed is not None:
            found = one.annealed
            figures = (found.log_integral, found.error, found.populations, found.outside, found.acceptance,
                       found.survivors, found.steps, found.descents)  # fmt: skip
            values |= dict(zip(annealed, figures, strict=True))
        for name, value in values.items():
            rows[name][one.minimum] = value
    return [Column(name, "", values) for name, values in rows.items()]


def _tell(sampled, hits, plan, starts: int) -> None:
    from llcommon.status import Status

    for one in sampled:
        if one.method is None:
            log(f"note: minimum {one.minimum} has no estimate: {one.status.label}")
        elif one.contradiction:
            log(
                f"warning: populations find {one.annealed.log_integral:.2f} +- {one.annealed.error:.2g} for minimum "
                f"{one.minimum}, {one.direct.hits} hits of {one.direct.points} direct points "
                f"{one.direct.log_integral:.2f}, so parts of its basin are hard to reach; use more --direct points"
            )
        elif one.status is Status.UNRELIABLE and one.method == "direct":
            log(
                f"warning: only {one.direct.hits} direct points tell of minimum {one.minimum}; use more --direct points"
            )
        elif one.status is Status.UNRELIABLE and one.annealed.populations == 1:
            log(f"warning: a single population of minimum {one.minimum} was made, which has no error")
        elif one.status is Status.UNRELIABLE:
            log(
                f"warning: the populations of minimum {one.minimum} differ by more than an error can tell "
                f"({one.error:.2g}); use more --points, --moves or --populations"
            )
    if any(one.annealed is not None and one.annealed.populations < plan.populations for one in sampled):
        log(f"note: stopped before all {plan.populations} populations were done")
    if hits is not None:
        log(
            f"{hits.starts} of {starts} random starts: {int((hits.by_minimum > 0).sum())} minima of the landscape hit, "
            f"{hits.elsewhere} starts ended at others, {hits.failed} at none"
        )


def _end(stop, sampled) -> None:
    """Say by the exit code how it ended, when the table is written."""
    from llcommon.errors import Interrupted, NothingFound, Stopped

    if stop.interrupted:
        raise Interrupted("interrupted; the table holds what was sampled before")
    if stop.requested and stop.reason != "the time limit":
        raise Stopped(f"stopped by {stop.reason}; the table holds what was sampled before")
    if sampled and all(one.method is None for one in sampled):
        raise NothingFound("no basin could be sampled; see the status column")
