"""The command `spectrum` of lloptim: Hessian eigenvalues of one point, and which weights take part in its modes."""

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
    set_option,
    trust_option,
    verbose_option,
    write_table,
)
from llcommon.cli.overrides import overridden_settings
from lloptim.pointcommands import minimum_option, point_of, point_option, ts_option

# Coordinates that are named for a mode, at most; none with less than this share.
_MOST_NAMED = 4
_SMALLEST_SHARE = 0.01


@dataclass(frozen=True)
class _Share:
    """A coordinate's part in a mode. component: of the unit eigenvector; share: its square."""

    coordinate: int
    name: str
    component: float
    share: float


def _participation(vectors):
    """How many coordinates take part in each mode, (k,): 1 / sum of the fourth powers of unit columns, (N, k)."""
    return 1.0 / (vectors**4).sum(axis=0)


def _largest_shares(mode, names: list[str]) -> list[_Share]:
    """The coordinates with the largest part in a unit mode, (N,), largest first."""
    import numpy as np

    order = np.argsort(-np.abs(mode), kind="stable")[:_MOST_NAMED]
    shares = [_Share(int(i), names[i], float(mode[i]), float(mode[i]) ** 2) for i in order]
    return [share for share in shares if share.share >= _SMALLEST_SHARE] or shares[:1]


def _modes(found, participation, names: list[str], count: int) -> list[dict]:
    """The `count` softest modes as JSON-able records."""
    import numpy as np

    records = []
    for k in range(min(count, found.vectors.shape[1])):
        mode = found.vectors[:, k]
        # An eigenvector comes with either sign: its largest component shall be positive.
        mode = np.sign(mode[np.argmax(np.abs(mode))]) * mode
        records.append(
            {
                "index": k,
                "eigenvalue": found.values[k],
                "participation": participation[k],
                "weights": [share.__dict__ for share in _largest_shares(mode, names)],
            }
        )
    return records


@click.command()
@file_argument()
@minimum_option()
@ts_option()
@point_option()
@click.option(
    "--modes",
    type=click.IntRange(0),
    default=5,
    show_default=True,
    metavar="K",
    help="Name the weights with the largest part in the K softest modes.",
)
@output_option("Figure of the density of states and of participation: svg, pdf or png.")
@force_option()
@set_option()
@trust_option()
@json_option()
@verbose_option()
@quiet_option()
def spectrum(file: Path, minimum, state, point, modes, output, force, overrides, as_json) -> None:
    """Hessian eigenvalues of a point of FILE, ascending, and who takes part in their modes.

    certain: whether the sign is beyond rounding. participation: how many weights move in a mode, 1 / sum v_i^4
    of the unit vector v. largest_shares: for the softest modes, the weights with the largest v_i^2. Of a model above
    curvature.dense_limit the table holds the two lowest eigenvalues; the density of states, by random probes, is in
    the figure and the JSON document.
    """
    from llcommon.plotting import figure_format
    from llcommon.store import check_writable, read_landscape

    if output is not None:
        figure_format(output)
        check_writable(output, force)
    landscape = read_landscape(file)
    settings = overridden_settings(landscape, overrides, None, file.name)
    x, name = point_of(landscape, minimum, state, point, file)
    model = landscape.model
    slope, found, density = _examined(model, x, settings.curvature, as_json or output is not None)
    participation = _participation(found.vectors)
    records = _modes(found, participation, model.coordinate_names(), modes)
    summary = {
        "point": name,
        "loss": slope.loss,
        "rms": slope.rms,
        "negative": found.index,
        "uncertain": found.flat,
        "total": found.total,
        "zero_modes": len(model.zero_modes(x)),
        "held": 0 if slope.active is None else int((slope.active != 0).sum()),
    }
    shares = [" ".join(f"{one['name']}:{one['share']:.2f}" for one in record["weights"]) for record in records]
    shares += [None] * (len(found.values) - len(shares))
    columns = [
        Column("index", "", range(len(found.values))),
        Column("eigenvalue", "", found.values),
        Column("certain", "", abs(found.values) > found.tolerances),
        Column("participation", "", participation),
        Column("largest_shares", "", shares),
    ]
    extra = {**summary, "modes": records}
    if density is not None:
        extra["density"] = {"nodes": density.nodes, "weights": density.weights, "probes": density.probes}
    write_table(columns, as_json, extra)
    few = "" if found.complete else f"; the {len(found.values)} lowest by Lanczos iteration"
    log(
        f"{name}: loss {slope.loss:.10g}, rms gradient {slope.rms:.3g}; {found.total} eigenvalues, "
        f"{found.index} negative, {found.flat} of uncertain sign{few}"
    )
    if output is not None:
        from lloptim.plots import draw_spectrum

        draw_spectrum(found, density, participation, output, title=f"{name}, loss {slope.loss:.6g}")
        log(f"the figure is {output}")


def _examined(model, x, settings, with_density: bool):
    """(Slope, Spectrum with vectors, Density or None) at x, (N,); NothingFound if the Hessian has no spectrum."""
    from llcommon.errors import NothingFound
    from llcommon.optimise.curvature import density, spectrum
    from llcommon.optimise.points import slope_at

    slope = slope_at(model, x)
    found = spectrum(model, x, settings, vectors=True, active=slope.active)
    if found.vectors is None:
        raise NothingFound("the Hessian at this point is not finite, so it has no eigenvalues")
    if not found.total:
        raise NothingFound("bounds hold every coordinate of this point, so it has no eigenvalues")
    return slope, found, density(model, x, settings, slope.active) if with_density else None
