"""The command `distance` of llpathsample: how far minima are from one, and how sure that is."""

from pathlib import Path

import click

from llcommon.cli import (
    Column,
    file_argument,
    json_option,
    log,
    quiet_option,
    seed_option,
    trust_option,
    verbose_option,
    write_properties,
    write_table,
)


@click.command()
@file_argument()
@click.argument("a", type=click.IntRange(0))
@click.argument("others", metavar="[B]...", nargs=-1, type=click.IntRange(0))
@click.option("--all", "every", is_flag=True, help="To all other minima.")
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
def distance(file: Path, a: int, others: tuple[int, ...], every: bool, restarts: int, seed, as_json) -> None:
    """Measure the distance of minima A and B of the landscape FILE after alignment by the symmetries of the model.

    Searches take the distance after one alignment, which for networks of two and more hidden layers may not be the
    shortest: the gap is what it lies above the best of the restarts. With several B, or --all, a table with a row for
    each.
    """
    from llcommon.errors import ConfigError
    from llcommon.filecommands import checked_id
    from llcommon.store import read_landscape

    if bool(others) == every:
        raise ConfigError("give the minima to measure to, or --all")
    landscape = read_landscape(file)
    for minimum in (a, *others):
        checked_id(landscape, minimum, file)
    if every:
        others = tuple(number for number in range(len(landscape.minima)) if number != a)
    reports = [_report(landscape, a, b, restarts, 1 if seed is None else seed) for b in others]
    if len(others) == 1 and not every:
        write_properties(reports[0], as_json)
    else:
        names = list(_report(landscape, a, a, 0, 1))
        write_table([Column(name, "", [report[name] for report in reports]) for name in names], as_json)
    tolerance = landscape.settings.same_point.distance_tolerance
    for report in reports:
        if report["distance"] >= tolerance > report["best_of_restarts"]:
            pair = f"minima {a} and {report['minimum_b']}"
            log(f"warning: by their best alignment {pair} are one point, nearer than {tolerance:g}")


def _report(landscape, a: int, b: int, restarts: int, seed: int) -> dict:
    """What is known of the distance of two minima, whichever others are asked for."""
    from llcommon.rng import generator
    from llcommon.symmetry import searched_distance

    points = landscape.minima.coordinates
    rng = generator(seed, "distance")
    found = searched_distance(landscape.model, points[a].copy(), points[b].copy(), restarts, rng)
    return {
        "minimum_a": a,
        "minimum_b": b,
        "distance_unaligned": found.plain,
        "distance": found.aligned,
        "best_of_restarts": found.best,
        "gap": found.gap,
        "restarts": restarts,
        "restarts_at_best": found.hits,
    }
