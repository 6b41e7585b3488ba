"""Commands of lloptim about one point or one pair: `minimise`, `band`; and where such commands start."""

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
    set_option,
    trust_option,
    verbose_option,
    write_properties,
    write_table,
)
from llcommon.cli.overrides import overridden_settings

# --- one point ------------------------------------------------------------------------------------


def ts_option():
    """--ts: `state`, an id or None."""
    help = "Start from this transition state."
    return click.option("--ts", "state", type=click.IntRange(0), metavar="ID", help=help)


def point_option():
    """--point: `point`, a Path or None."""
    kind = click.Path(path_type=Path)
    return click.option("--point", type=kind, metavar="TXT", help="Start from the numbers in a text file.")


def minimum_option():
    """--minimum: `minimum`, an id or None."""
    return click.option("--minimum", type=click.IntRange(0), metavar="ID", help="Start from this minimum.")


def displacement_option():
    """--displacement: `displacement`, at least 0."""
    return click.option(
        "--displacement",
        type=click.FloatRange(0.0),
        default=0.0,
        show_default=True,
        metavar="D",
        help="Length of a random displacement of the start.",
    )


def _read_point(path: Path, model):
    """The numbers (N,) in a text file, however they are broken into lines."""
    import numpy as np

    from llcommon.config import read_bytes
    from llcommon.errors import InputError
    from llcommon.optimise.box import box

    dimension = model.dimension
    try:
        point = np.array([float(word) for word in read_bytes(path).decode(errors="replace").split()])
    except ValueError as error:
        raise InputError(f"{path} must hold nothing but the {dimension} coordinates of a point") from error
    if point.size != dimension or not np.isfinite(point).all():
        finite = int(np.isfinite(point).sum())
        raise InputError(f"{path} must hold the {dimension} coordinates of a point, not {finite} finite numbers")
    lower, upper = box(model)
    outside = np.flatnonzero((point < lower) | (point > upper))
    if outside.size:
        number = int(outside[0])
        raise InputError(f"{path}: coordinate {number} must be between {lower[number]:g} and {upper[number]:g}")
    return point


def check_id(landscape, number: int, file: Path, ts: bool = False) -> None:
    """Raise ConfigError, saying how many there are, if FILE has no such minimum or transition state."""
    from llcommon.errors import ConfigError

    count = len(landscape.transition_states if ts else landscape.minima)
    if not 0 <= number < count:
        kind = "transition state" if ts else "minimum"
        raise ConfigError(f"{file} has no {kind} {number}; it has {count}, numbered from 0")


def point_of(landscape, minimum: int | None, state: int | None, point: Path | None, file: Path):
    """The coordinates (N,) that --minimum, --ts or --point name, and words for them."""
    from llcommon.errors import ConfigError

    if sum(value is not None for value in (minimum, state, point)) != 1:
        raise ConfigError("give one start: --minimum ID, --ts ID or --point TXT")
    if point is not None:
        return _read_point(point, landscape.model), str(point)
    if minimum is not None:
        check_id(landscape, minimum, file)
        return landscape.minima.coordinates[minimum].copy(), f"minimum {minimum}"
    check_id(landscape, state, file, ts=True)
    return landscape.transition_states.coordinates[state].copy(), f"transition state {state}"


def displaced(point, displacement: float, seed: int, command: str):
    """The point (N,) moved so far in the random direction that the seed gives this command."""
    import numpy as np

    from llcommon.rng import generator

    if displacement == 0.0:
        return point
    sideways = generator(seed, command).standard_normal(point.size)
    return point + displacement * sideways / np.linalg.norm(sideways)


@click.command()
@file_argument()
@minimum_option()
@ts_option()
@point_option()
@displacement_option()
@output_option("Landscape file for the minimum; without it the outcome is only reported.")
@force_option()
@seed_option()
@set_option()
@trust_option()
@json_option()
@verbose_option()
@quiet_option()
def minimise(file: Path, minimum, state, point, displacement, output, force, seed, overrides, as_json) -> None:
    """Quench one point of the landscape FILE, or numbers from a file, to a verified minimum.

    The report says which stored minimum it is, none if it is new, and how far it is from the start. Minimisers are
    chosen by name, as in --set quench.method=fire.
    """
    import numpy as np

    from llcommon.errors import NothingFound
    from llcommon.optimise.points import minimum_at
    from llcommon.optimise.quench import Quencher
    from llcommon.status import Status
    from llcommon.store import check_writable, read_landscape, write_landscape
    from lloptim.jobfiles import empty_result, refuse_input_as_output

    landscape = read_landscape(file)
    if output is not None:
        refuse_input_as_output(file, output)
        check_writable(output, force)
    settings = overridden_settings(landscape, overrides, seed, file.name)
    begin, name = point_of(landscape, minimum, state, point, file)
    start = displaced(begin, displacement, settings.connect.seed, "minimise")
    quencher = Quencher(landscape.model, settings.quench)
    result = quencher.quench(start)
    found, status = None, result.status
    if result.status is Status.CONVERGED:
        found, status = minimum_at(landscape.model, result.coordinates, settings.quench.rms, settings.curvature)
    if found is None:
        where = f"loss {result.loss:.10g}, rms gradient {result.rms:.3g}, {result.evaluations} evaluations"
        advice = "; --displacement leads off a saddle" if status is Status.WRONG_INDEX else ""
        raise NothingFound(f"the quench from {name} ended without a minimum: {status.label} ({where}){advice}")
    report = {
        "method": quencher.method,
        "minimum": landscape.find_minimum(found.loss, found.coordinates),
        "loss": found.loss,
        "rms": found.rms,
        "smallest_eigenvalue": found.smallest_eigenvalue,
        "eigenvalue_tolerance": found.eigenvalue_tolerance,
        "lpphe": found.lpphe,
        "lpphe_error": found.lpphe_error,
        "order": found.order,
        "distance": float(np.linalg.norm(found.coordinates - start)),
        "evaluations": result.evaluations,
        "hessians": result.hessians,
    }
    if output is not None:
        kept = empty_result(landscape, settings, "minimise")
        kept.add_minimum(found)
        write_landscape(output, kept)
        log(f"the minimum is in {output}")
    write_properties(report, as_json)


# --- one pair -------------------------------------------------------------------------------------


def _ends_of_band(landscape, first: int, second: int, attempt: int, seed: int):
    """The two aligned ends, (N,) each, and the random numbers of the band that `connect` tries first."""
    from llcommon.config import fingerprint
    from llcommon.rng import generator

    minima = landscape.minima.coordinates
    a = minima[first].copy()
    b = minima[second].copy()
    rng = generator(seed, "connect", fingerprint([a.tolist(), b.tolist(), attempt]))
    if first == second:
        return a, landscape.model.random_image(b, rng), rng
    return a, landscape.model.align(a, b), rng


@click.command()
@file_argument()
@click.argument("first", metavar="A", type=click.IntRange(0))
@click.argument("second", metavar="B", type=click.IntRange(0))
@click.option(
    "--attempt",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="K",
    help="Times that the pair counts as tried before: later bands have more images and are bent.",
)
@output_option("Figure of loss against arc length: svg, pdf or png.")
@force_option()
@seed_option()
@set_option()
@trust_option()
@json_option()
@verbose_option()
@quiet_option()
def band(file: Path, first, second, attempt, output, force, seed, overrides, as_json) -> None:
    """Relax one band between the minima A and B of FILE, the one that `connect` tries first, and show it.

    The table gives arc length and loss of each image; a candidate is a maximum, from which `connect` would start a
    saddle search. If A and B are the same minimum, the band leads to a random symmetry image of it.
    """
    import numpy as np

    from llcommon.errors import NothingFound
    from llcommon.plotting import figure_format
    from llcommon.status import Status
    from llcommon.store import check_writable, read_landscape
    from lloptim.bands import relaxed_band

    if output is not None:
        figure_format(output)
        check_writable(output, force)
    landscape = read_landscape(file)
    for minimum in (first, second):
        check_id(landscape, minimum, file)
    settings = overridden_settings(landscape, overrides, seed, file.name)
    a, b, rng = _ends_of_band(landscape, first, second, attempt, settings.connect.seed)
    relaxed = relaxed_band(landscape.model, settings.connect, a, b, attempt, rng)
    if relaxed.status is Status.NOT_FINITE:
        raise NothingFound(f"the band between minima {first} and {second} came to a loss that is not finite")
    steps = np.linalg.norm(np.diff(relaxed.images, axis=0), axis=1)
    arcs = np.concatenate([[0.0], np.cumsum(steps)])
    tops = [int(_nearest(relaxed.images, top.coordinates)) for top in relaxed.candidates()]
    summary = {
        "minimum_a": first,
        "minimum_b": second,
        "attempt": attempt,
        "interpolation": settings.connect.interpolation,
        "status": relaxed.status.label,
        "rms": relaxed.rms,
        "evaluations": relaxed.evaluations,
        "images": len(arcs) - 2,
        "distance": float(np.linalg.norm(b - a)),
        "length": float(arcs[-1]),
        "candidates": tops,
    }
    images = np.arange(len(arcs))
    columns = [
        Column("image", "", images),
        Column("arc_length", "", arcs),
        Column("loss", "", relaxed.losses),
        Column("candidate", "", np.isin(images, tops)),
    ]
    write_table(columns, as_json, summary)
    log(
        f"{summary['images']} images, distance {summary['distance']:.6g}, {summary['interpolation']} interpolation: "
        f"{summary['status']} at rms {relaxed.rms:.3g} after {relaxed.evaluations} evaluations, {len(tops)} candidates"
    )
    if output is not None:
        from lloptim.plots import draw_band

        draw_band(arcs, relaxed.losses, tops, output, ends=(f"minimum {first}", f"minimum {second}"))
        log(f"the figure is {output}")


def _nearest(images, point) -> int:
    """Number of the image that is nearest to a point."""
    import numpy as np

    return np.argmin(np.linalg.norm(images - point, axis=1))
