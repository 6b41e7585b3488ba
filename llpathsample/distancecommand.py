"""The command `distance` of llpathsample: how far two minima are from each other, and how sure that is."""

from pathlib import Path

import click

from llcommon.cli import (
    file_argument,
    json_option,
    log,
    quiet_option,
    seed_option,
    trust_option,
    verbose_option,
    write_properties,
)


@click.command()
@file_argument()
@click.argument("a", type=click.IntRange(0))
@click.argument("b", type=click.IntRange(0))
@click.option(
    "--restarts",
    type=click.IntRange(0),
    default=100,
    show_default=True,
    metavar="N",
    help="Random symmetry images of B that are aligned besides B itself.",
)
@seed_option("Seed of the random images; default: 1.")
@trust_option()
@json_option()
@verbose_option()
@quiet_option()
def distance(file: Path, a: int, b: int, restarts: int, seed, as_json) -> None:
    """Measure the distance of minima A and B of the landscape FILE after alignment by the symmetries of the model.

    Searches take the distance after one alignment, which for networks of two and more hidden layers may not be the
    shortest: the gap is what it lies above the best of the restarts.
    """
    from llcommon.filecommands import checked_id
    from llcommon.rng import generator
    from llcommon.store import read_landscape
    from llcommon.symmetry import searched_distance

    landscape = read_landscape(file)
    for minimum in (a, b):
        checked_id(landscape, minimum, file)
    points = landscape.minima.coordinates
    rng = generator(1 if seed is None else seed, "distance")
    found = searched_distance(landscape.model, points[a].copy(), points[b].copy(), restarts, rng)
    report = {
        "minimum_a": a,
        "minimum_b": b,
        "distance_unaligned": found.plain,
        "distance": found.aligned,
        "best_of_restarts": found.best,
        "gap": found.gap,
        "restarts": restarts,
        "restarts_at_best": found.hits,
    }
    write_properties(report, as_json)
    tolerance = landscape.settings.same_point.distance_tolerance
    if found.aligned >= tolerance > found.best:
        log(f"warning: by their best alignment the two are one point, nearer than {tolerance:g}")
