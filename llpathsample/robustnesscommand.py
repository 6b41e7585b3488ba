"""The command `robustness` of llpathsample: what perturbation does to minima, beside how well they predict."""

from pathlib import Path

import click

from llcommon.cli import (
    Column,
    Progress,
    file_argument,
    force_option,
    jobs_option,
    json_option,
    log,
    output_option,
    quiet_option,
    seed_option,
    trust_option,
    verbose_option,
    write_table,
)
from llpathsample.analysiscommands import check_figure, save

_FEW = 20  # minima, below which correlations say little


class Radii(click.ParamType):
    """P, or LOW:HIGH:COUNT for lengths of equal ratios."""

    name = "radius"

    def convert(self, value, param, ctx) -> tuple[float, ...]:
        """The lengths, rising."""
        if isinstance(value, tuple):
            return value
        try:
            parts = value.split(":")
            if len(parts) == 1:
                low = high = float(value)
                count = 1
            else:
                low, high, count = float(parts[0]), float(parts[1]), int(parts[2])
        except (ValueError, IndexError):
            self.fail(f"{value} is neither a length nor LOW:HIGH:COUNT, as in 0.01:1:5", param, ctx)
        if len(parts) > 3 or not 0.0 < low <= high < float("inf") or (len(parts) > 1 and (count < 2 or low == high)):
            self.fail(f"{value} must be above zero, and a range go to a larger length in 2 steps at least", param, ctx)
        if count == 1:
            return (low,)
        return tuple(low * (high / low) ** (step / (count - 1)) for step in range(count))


@click.command()
@file_argument()
@click.option(
    "--test",
    type=click.Path(path_type=Path),
    metavar="CSV",
    help="Test data to score the minima on; default: scores that FILE holds.",
)
@click.option(
    "--radius",
    "radii",
    type=Radii(),
    multiple=True,
    metavar="P",
    help="Length of displacements, or LOW:HIGH:COUNT; several times. Default: 1, 5, 20 % of the minima's length.",
)
@click.option("--relative", is_flag=True, help="Radii in units of the length of each minimum.")
@click.option(
    "--noise",
    type=click.Choice(["sphere", "gaussian"]),
    default="sphere",
    show_default=True,
    help="Displacements of length P, or normal ones with the mean square P^2.",
)
@click.option(
    "--samples",
    type=click.IntRange(2),
    default=100,
    show_default=True,
    metavar="N",
    help="Pairs of opposite displacements that the mean change is measured by.",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0.0, min_open=True),
    metavar="A",
    help="Curvature below which a direction is soft; default: that of the L2 term.",
)
@click.option(
    "--input-noise",
    type=click.FloatRange(0.0, min_open=True),
    multiple=True,
    metavar="SIGMA",
    help="Also score under normal noise on the scaled features; several times.",
)
@click.option("--lowest", type=click.IntRange(1), metavar="N", help="Only the N minima of lowest loss.")
@click.option(
    "--score", "chosen", multiple=True, metavar="NAME", help="Only this test score, such as accuracy; several times."
)
@click.option("--minima", "by_minimum", is_flag=True, help="Write a row for each minimum in place of correlations.")
@click.option(
    "--resamples",
    type=click.IntRange(100),
    default=2000,
    show_default=True,
    metavar="N",
    help="Bootstrap resamples, and permutations, of the minima.",
)
@click.option(
    "--by-basin",
    is_flag=True,
    help="Resample whole monotonic sequence basins, as minima of one are alike; FILE needs transition states.",
)
@output_option("Figure (svg, pdf or png): measures beside the first test score, and the change of the loss.")
@force_option()
@click.option("--title", metavar="TEXT", help="Title of the figure.")
@seed_option("Seed of displacements, noise and resamples; default: 1.")
@jobs_option()
@trust_option()
@json_option("Write correlations and minima as one JSON document.")
@verbose_option()
@quiet_option()
def robustness(
    file: Path, test, radii, relative, noise, samples, alpha, input_noise, lowest, chosen, by_minimum, resamples,
    by_basin, output, force, title, seed, jobs, as_json,
) -> None:  # fmt: skip
    """Measure what perturbation does to the minima of the landscape FILE, and whether robust minima predict better.

    For every minimum: curvature, and the mean and the worst change of the loss by displacements of given lengths, by
    the Hessian and measured. The table has Spearman's rank correlation of each measure with each test score over all
    minima, with its 95 % interval, also at fixed training loss. Without test scores it has a row for each minimum.
    """
    import numpy as np

    from llcommon.errors import ConfigError
    from llcommon.scoring import lowest_minima
    from llcommon.store import read_landscape
    from llpathsample.commands import require_minima
    from llpathsample.robustness.correlations import LEAST, correlate
    from llpathsample.robustness.examine import Plan, examine, suggested_alpha, suggested_radii
    from llpathsample.robustness.measures import details, measures, noise_scores

    for name, values in (("--alpha", [alpha or 1.0]), ("--input-noise", input_noise)):
        if not np.isfinite(values).all():
            raise ConfigError(f"{name} must be a finite number above zero")
    check_figure(output, force)
    landscape = read_landscape(file)
    require_minima(landscape, file)
    _check_model(landscape, file, test, input_noise)
    ids = lowest_minima(landscape.minima.loss, lowest)
    groups = _basins(landscape, file, ids) if by_basin else None
    scored = _scores(landscape, test, ids, chosen)
    lengths = tuple(sorted({length for some in radii for length in some}))
    lengths = lengths or suggested_radii(landscape, ids, relative)
    seed = 1 if seed is None else seed
    inputs = _inputs(landscape, test, input_noise, seed)
    alpha = suggested_alpha(landscape) if alpha is None else alpha
    plan = Plan(lengths, relative, samples, noise == "gaussian", alpha, seed, inputs)
    _say_plan(landscape, plan, bool(radii))
    with Progress(len(ids), "perturbing") as progress:
        found = examine(landscape, ids, plan, jobs, lambda: False, progress.update)
    columns = measures(landscape, found, plan)
    scored |= noise_scores(found, plan)
    used, left_out = _known(columns, scored)
    varying = {name: values for name, values in scored.items() if len(np.unique(values[np.isfinite(values)])) > 1}
    rows = correlate(used, varying, landscape.minima.loss[ids], resamples, seed, groups) if varying else []
    if rows and rows[0].minima < LEAST:
        log(f"note: {rows[0].minima} minima with scores are too few for correlations")
        rows = []
    table = [Column("id", "", ids), *_columns(columns | scored, details(found, plan))]
    document = _document(file, landscape, plan, resamples, found, left_out)
    document["basins"] = None if groups is None else len(np.unique(groups))
    document["scores_without_variation"] = [name for name in scored if name not in varying]
    if as_json:
        document["minima"] = _records(table)
        write_table(_correlations(rows), True, document)
    else:
        write_table(table if by_minimum or not rows else _correlations(rows), False)
    _tell(landscape, rows, scored, groups, len(ids), left_out)
    if output is not None:
        from llpathsample.robustness.figure import draw_robustness

        first = next(iter(varying.items()), None)
        save(draw_robustness(found, plan, landscape.minima.loss[ids], used, first, rows, title), output)


def _check_model(landscape, file: Path, test, input_noise) -> None:
    from llcommon.errors import InputError
    from llcommon.scoring import check_predicts

    if not landscape.minima.coordinates.shape[1]:
        raise InputError(f"{file} holds no coordinates to displace; give a landscape of a loss model")
    if test is not None or input_noise:
        check_predicts(landscape, str(file))


def _scores(landscape, test: Path | None, ids, chosen) -> dict:
    """Test scores by name, without test_, (n,) each: of --test, or those that the landscape holds."""
    from llcommon import scoring
    from llcommon.data import read_rows
    from llcommon.errors import ConfigError
    from llpathsample.robustness.measures import SCORES

    if test is not None:
        made = scoring.score(landscape, read_rows(test, landscape.data), None if len(ids) == 0 else len(ids))
        for note in made.notes:
            log(f"note: {note}")
        values = {column.score.name: column.values for column in made.columns}
    else:
        count = len(landscape.minima)
        values = {score.name: landscape.scores.values(score.name, count) for score in landscape.scores.described()}
    found = {name: values[f"test_{name}"][ids] for name in SCORES if f"test_{name}" in values}
    unknown = [name for name in chosen if name not in found]
    if unknown:
        there = ", ".join(found) if found else "none; give --test, or score them with llgmin score --test"
        raise ConfigError(f"--score: there is no test score {unknown[0]}; there are {there}")
    return {name: found[name] for name in chosen} if chosen else found


def _basins(landscape, file: Path, ids):
    """The bottom of the monotonic sequence basin of each minimum, (n,)."""
    from llcommon.errors import ConfigError
    from llpathsample.ktn import Network
    from llpathsample.structure.basins import sequence_basins

    network = Network.unchecked(landscape)
    if not (network.ends[:, 0] != network.ends[:, 1]).any():
        raise ConfigError(f"--by-basin: no transition state of {file} joins minima; grow a network, or leave it out")
    return sequence_basins(network.losses, network.ts_losses, network.ends)[ids]


def _inputs(landscape, test: Path | None, sigmas, seed: int):
    from llcommon.data import read_rows
    from llpathsample.robustness.inputs import InputNoise

    if not sigmas:
        return None
    rows = landscape.data.rows() if test is None else read_rows(test, landscape.data)
    if test is None:
        log(f"note: without --test the noise is on the training rows of {rows.source}")
    return InputNoise(rows, tuple(sorted(set(sigmas))), seed)


def _say_plan(landscape, plan, given: bool) -> None:
    shares = " of the length of each minimum" if plan.relative else ""
    default = "" if given or plan.relative else ": 1, 5 and 20 % of the median length of the minima"
    log(f"radii {', '.join(f'{radius:g}' for radius in plan.radii)}{shares}{default}")
    log(f"soft: curvature of the data below alpha = {plan.alpha:.4g}")
    if not landscape.model.smooth:
        log("note: the loss has kinks, and what its Hessian says holds only on the smooth part around a minimum")


def _known(columns: dict, scored: dict) -> tuple[dict, list[str]]:
    """Measures that correlations can use, and names of those that no minimum, or not every one, has."""
    import numpy as np

    missing = [name for name, values in columns.items() if np.isnan(values).all()]
    if scored:
        missing += [name for name, values in columns.items() if name not in missing and np.isnan(values).mean() > 0.5]
    return {name: values for name, values in columns.items() if name not in missing}, missing


def _columns(named: dict, further: dict) -> list[Column]:
    """Columns, each followed by those of `further` whose names begin with its own."""
    found = []
    for name, values in named.items():
        found.append(Column(name, "", values))
        endings = (f"{name}_error", f"{name}_quadratic")
        found += [Column(ending, "", further[ending]) for ending in endings if ending in further]
    return found


def _correlations(rows) -> list[Column]:
    return [
        Column("score", "", [row.score for row in rows]),
        Column("measure", "", [row.measure for row in rows]),
        Column("rho", "", [row.rho.value for row in rows]),
        Column("low", "", [row.rho.low for row in rows]),
        Column("high", "", [row.rho.high for row in rows]),
        Column("p", "", [row.p for row in rows]),
        Column("p_holm", "", [row.p_holm for row in rows]),
        Column("partial", "", [row.partial.value for row in rows]),
        Column("partial_low", "", [row.partial.low for row in rows]),
        Column("partial_high", "", [row.partial.high for row in rows]),
        Column("better_where", "", [_better(row) for row in rows]),
        Column("minima", "", [row.minima for row in rows]),
    ]


def _better(row) -> str:
    """Where the score is better: where the measure is low or high, or undecided."""
    from llpathsample.robustness.measures import highest_is_best

    if not row.decided:
        return "undecided"
    return "high" if (row.rho.value > 0.0) == highest_is_best(row.score) else "low"


def _records(columns: list[Column]) -> list[dict]:
    rows = zip(*(column.values.tolist() for column in columns), strict=True)
    return [dict(zip([column.name for column in columns], row, strict=True)) for row in rows]


def _document(file: Path, landscape, plan, resamples: int, found, left_out: list[str]) -> dict:
    probes = max((one.curvature.probes for one in found), default=0)
    return {
        "file": str(file),
        "radii": list(plan.radii),
        "radii_relative": plan.relative,
        "noise": "gaussian" if plan.gaussian else "sphere",
        "samples": 2 * plan.samples,
        "alpha": plan.alpha,
        "seed": plan.seed,
        "resamples": resamples,
        "probes": probes,
        "degrees_of_freedom": found[0].curvature.dimension if found else 0,
        "smooth": bool(landscape.model.smooth),
        "measures_left_out": left_out,
    }


def _tell(landscape, rows, scored: dict, groups, count: int, left_out: list[str]) -> None:
    """Say what decides, and how much of it is to be believed."""
    from llcommon.scoring import has_scores

    for name in left_out:
        log(f"note: {name} is left out: minima have none")
    if not scored:
        if has_scores(landscape):
            log("note: no test scores, so no correlations; give --test, or score the minima with llgmin score --test")
        else:
            log(f"note: the loss model {landscape.declared.name} predicts nothing that could be scored")
        return
    for name, values in scored.items():
        if len(set(values.tolist())) == 1:
            log(f"{name}: {values[0]:.6g} at all minima, so nothing goes with it")
    if not rows:
        return
    used = rows[0].minima
    if used < count:
        log(f"note: {count - used} of {count} minima lack a score or a measure and are left out of the correlations")
    if used < _FEW:
        log(f"note: {used} minima tell little of a correlation")
    for score in dict.fromkeys(row.score for row in rows):
        own = [row for row in rows if row.score == score]
        decided = [row for row in own if row.decided]
        text = ", ".join(f"{_better(row)} {row.measure} ({row.rho.value:+.2f})" for row in decided)
        log(f"{score}: better with {text}" if text else f"{score}: goes with no measure beyond chance")
    if groups is None:
        log("note: minima of one search are not independent, so that intervals are too narrow; see --by-basin")
    else:
        log(f"intervals by resamples of {len(set(groups.tolist()))} monotonic sequence basins")
