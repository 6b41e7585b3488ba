"""The command `slice`: the loss on a plane through weight space, with minima and training runs projected onto it."""

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
from llpathsample.analysiscommands import check_figure, check_finite, save

DIRECTIONS = ("soft", "hard", "minima", "runs", "filter", "random")
_MARGIN = 0.25  # of the width of what must be in sight
_MOST_COORDINATES = 3000  # of which a dense Hessian can be diagonalised


@click.command("slice")
@file_argument()
@output_option("Figure: svg, pdf or png.")
@force_option()
@click.option(
    "--minima", "through", metavar="IDS", help='Through three minima, as in "0, 3, 7"; default: the three lowest.'
)
@click.option(
    "--directions",
    type=click.Choice(DIRECTIONS),
    help="Through one point: by the softest or hardest modes there, principal directions of the minima or of the "
    "training runs, filter-normalised or plain random ones.",
)
@click.option(
    "--minimum",
    type=click.IntRange(0),
    metavar="ID",
    help="That point; default: the global minimum, for principal directions of runs the end of the first.",
)
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="TRAINED",
    help="Project training runs of this file of `llgmin train`; may be given several times.",
)
@click.option("--run", "chosen", type=click.IntRange(0), multiple=True, metavar="ID", help="Only this run of each.")
@click.option(
    "--lowest", type=click.IntRange(0), default=20, show_default=True, metavar="N", help="Project the N lowest minima."
)
@click.option("--states", is_flag=True, help="Project the transition states between them, too.")
@click.option(
    "--points", type=click.IntRange(3), default=61, show_default=True, metavar="N", help="Of the grid, along an axis."
)
@click.option(
    "--extent",
    type=click.FloatRange(0.0, min_open=True),
    metavar="R",
    help="From -R to R along both axes; default: what the projected points, or the barriers, need.",
)
@click.option("--grid", is_flag=True, help="Write the grid of losses in place of the projected points.")
@click.option("--title", metavar="TEXT", help="Title of the figure.")
@seed_option("Seed of random directions; default: 1.")
@trust_option()
@json_option()
@verbose_option()
@quiet_option()
def slice_plane(file: Path, output, force, through, directions, minimum, as_json, **options) -> None:
    """The loss of the landscape FILE on a plane, with its minima and training runs projected onto it.

    Every minimum is shown by its image nearest to the origin of the plane, and a training run is turned as one body.
    The table has a row for each projected point: its place, its distance from the plane, its loss, and that of the
    plane there.
    """
    from llcommon.errors import ConfigError
    from llcommon.store import read_landscape
    from llpathsample.commands import require_minima

    if through is not None and (directions is not None or minimum is not None):
        raise ConfigError("--minima names all of a plane; leave out --directions and --minimum")
    if minimum is not None and directions is None:
        raise ConfigError("--minimum needs --directions, such as soft")
    if directions == "runs" and not options["runs"]:
        raise ConfigError("--directions runs needs training runs; name a file of llgmin train by --runs")
    check_finite(extent=options["extent"])
    check_figure(output, force)
    landscape = read_landscape(file)
    require_minima(landscape, file)
    if landscape.model.dimension < 2:
        raise ConfigError(f"the loss of {file} has one coordinate, so there is no plane")
    origin, near = _origin(landscape, file, through, minimum, directions, options)
    runs = _runs(landscape, file, origin, bool(near), options)
    lowest = _lowest(landscape, options["lowest"], near)
    model = landscape.model
    images = _images(model, origin, landscape.minima.coordinates[lowest])
    if near:
        # Units that are nearly equal may change places in the nearest image of the origin itself.
        images[lowest == near[0]] = origin
    plane, scale = _plane(landscape, file, origin, near, directions, images, runs, options)
    shown = _rows(landscape, plane, lowest, images, runs, options["states"])
    a, b = _window(plane, scale, shown, near, directions, options)
    with Progress(len(b), "evaluating the loss") as progress:
        from llpathsample.interpreting.plane import surface

        found = surface(model, plane, a, b, progress.update)
    _tell(landscape, plane, found, shown, runs, directions)
    _write(landscape, plane, found, shown, runs, near, directions, options["grid"], as_json)
    if output is not None:
        save(_figure(landscape, plane, found, shown, near, options["title"]), output)


def _origin(landscape, file: Path, through: str | None, minimum: int | None, directions: str | None, options: dict):
    """The origin (N,), and the ids of minima that the plane goes through, the first of which is there; none for the end
    of a run."""
    import numpy as np

    from llcommon.errors import ConfigError
    from llcommon.filecommands import checked_id
    from llcommon.idrules import ids_of

    if minimum is not None:
        chosen = [checked_id(landscape, minimum, file)]
    elif directions == "runs":
        return _end_of_run(landscape, file, options), []
    elif directions is not None:
        chosen = [landscape.global_minimum()]
    elif through is None:
        chosen = np.argsort(landscape.minima.loss, kind="stable")[:3].tolist()
    else:
        try:
            words = through.replace(",", " ").split()
            chosen = [int(ids_of(word)[0]) for word in words]
        except (ValueError, TypeError, IndexError) as error:
            raise ConfigError(f'--minima {through} is not three ids such as "0, 3, 7"') from error
        if len(chosen) != 3 or len(set(chosen)) != 3:
            raise ConfigError(f"--minima {through} must be three different ids")
        chosen = [checked_id(landscape, number, file) for number in chosen]
    return landscape.minima.coordinates[chosen[0]].copy(), chosen


def _end_of_run(landscape, file: Path, options: dict):
    """The last point of the first run that is wanted, (N,)."""
    import numpy as np

    path, trained, labels = _trained(landscape, file, options["runs"][0])
    rows = np.flatnonzero(trained.training.run == _numbers(path, trained, options["chosen"])[0])
    return trained.training.coordinates[rows[-1]].copy()


def _trained(landscape, file: Path, path: Path):
    """The name of a file, its landscape, and labels of its runs."""
    from llcommon.store import read_landscape
    from llpathsample.runpaths import run_paths

    trained = landscape if path == file else read_landscape(path)
    return str(path), trained, [own.label for own in run_paths(landscape, trained, str(path))]


def _numbers(name: str, trained, chosen) -> list[int]:
    """The runs of a file that are wanted; ConfigError for one that is not there."""
    import numpy as np

    from llcommon.errors import ConfigError

    numbers = np.unique(trained.training.run).tolist()
    absent = [number for number in chosen if number not in numbers]
    if absent:
        raise ConfigError(f"--run {absent[0]}: {name} has no such run; it has {numbers[0]} to {numbers[-1]}")
    return [number for number in numbers if not chosen or number in chosen]


def _runs(landscape, file: Path, origin, by_minimum: bool, options: dict) -> list:
    """(file, AlignedRun) of the runs that are wanted."""
    from llpathsample.interpreting.plane import aligned_run

    found = []
    for path in options["runs"]:
        name, trained, labels = _trained(landscape, file, path)
        numbers = _numbers(name, trained, options["chosen"])
        given = landscape.model, origin, trained
        found += [(name, aligned_run(*given, number, labels[0], by_minimum)) for number in numbers]
    switched = sum(run.shortened > 0 for _, run in found)
    if any(not run.carried for _, run in found):
        log("note: the model cannot turn a run as one body: each point is aligned to the next one, from the end on")
    if switched:
        log(f"note: {switched} of {len(found)} runs jump to another image in between; keep more points of a run")
    return found


def _lowest(landscape, count: int, near: list[int]):
    import numpy as np

    return np.union1d(np.argsort(landscape.minima.loss, kind="stable")[:count], near).astype(np.int64)


def _images(model, origin, points):
    import numpy as np

    return np.array([model.align(origin, point.copy()) for point in points]).reshape(-1, len(origin))


def _plane(landscape, file: Path, origin, near, directions, images, runs, options: dict):
    """The plane, and half widths of it in sight where the directions tell, or None."""
    import numpy as np

    from llcommon.errors import ConfigError, InputError
    from llpathsample.interpreting import plane as planes

    model = landscape.model
    if directions is None:
        if len(near) < 3:
            raise InputError(f"{file} holds fewer than the three minima that a plane goes through; --directions soft "
                             "needs one only")  # fmt: skip
        return planes.through_minima(landscape, tuple(near)), None
    if directions in ("soft", "hard"):
        if model.dimension > _MOST_COORDINATES:
            raise ConfigError(f"--directions {directions} needs all modes, too many of {model.dimension} coordinates")
        plane, values = planes.by_modes(model, origin, directions == "hard")
        return plane, np.sqrt(2.0 * _height(landscape, near[0]) / np.maximum(values, 1e-12))
    if directions == "minima":
        return planes.principal(images, origin, "minima")[0], None
    if directions == "runs":
        return planes.principal(np.concatenate([run.points for _, run in runs]), origin, "runs")[0], None
    rng = np.random.default_rng(1 if options["seed"] is None else options["seed"])
    if not np.linalg.norm(origin) > 0.0:
        raise InputError(f"minimum {near[0]} is at zero and gives random directions no length; use soft or hard")
    return planes.random_directions(model, origin, rng, directions == "filter"), np.ones(2)


def _height(landscape, minimum: int) -> float:
    """How far up from a minimum a plane of modes should go: to the highest transition state, else minimum."""
    import numpy as np

    losses = np.concatenate([landscape.transition_states.loss, landscape.minima.loss])
    height = float(losses.max() - landscape.minima.loss[minimum])
    return height if height > 0.0 else 10.0 * float(landscape.declared.suggested_temperature)


class _Shown:
    """What is projected: rows of the table, by kind."""

    def __init__(self) -> None:
        self.kinds: dict[str, dict] = {}
        self.paths: list = []


def _rows(landscape, plane, lowest, images, runs, with_states: bool) -> "_Shown":
    import numpy as np

    shown = _Shown()
    states = landscape.transition_states
    among = np.isin(states.minima, lowest).all(axis=1) if with_states else np.zeros(len(states.loss), dtype=bool)
    between = np.flatnonzero(among)
    points = {"minimum": images, "ts": _images(landscape.model, plane.origin, states.coordinates[between])}
    ids = {"minimum": lowest, "ts": between}
    losses = {"minimum": landscape.minima.loss[lowest], "ts": states.loss[between]}
    for kind in points:
        own = points[kind].reshape(-1, len(plane.origin))
        places, distances = plane.project(own)
        on_plane = np.array([landscape.model.value(point) for point in plane.points(places)])
        shown.kinds[kind] = {
            "ids": ids[kind], "places": places, "distances": distances, "losses": losses[kind], "on_plane": on_plane
        }  # fmt: skip
    for name, run in runs:
        places, distances = plane.project(run.points)
        on_plane = np.array([landscape.model.value(point) for point in plane.points(places)])
        shown.paths.append((name, run, places, distances, on_plane, plane.share_of_variance(run.points)))
    return shown


def _window(plane, scale, shown, near, directions, options: dict):
    """Coordinates of the grid along both axes."""
    import numpy as np

    count = options["points"]
    if options["extent"] is not None:
        ends = np.array([[-options["extent"], options["extent"]]] * 2)
    elif scale is not None:
        ends = np.array([[-size, size] for size in scale])
    else:
        minima = shown.kinds["minimum"]
        own = minima["places"] if directions == "minima" else minima["places"][np.isin(minima["ids"], near)]
        sight = np.concatenate([own, *(places for _, _, places, _, _, _ in shown.paths)])
        low, high = sight.min(axis=0), sight.max(axis=0)
        width = np.maximum(high - low, 0.7 * (high - low).max())
        middle = 0.5 * (low + high)
        ends = np.transpose([middle - (0.5 + _MARGIN) * width, middle + (0.5 + _MARGIN) * width])
    return np.linspace(*ends[0], count), np.linspace(*ends[1], count)


def _tell(landscape, plane, found, shown, runs, directions) -> None:
    import numpy as np

    missing = int(np.isnan(found.loss).sum())
    if missing:
        log(f"note: {missing} of {found.loss.size} points of the grid are outside the bounds or have no finite loss")
    minima = shown.kinds["minimum"]
    off = minima["distances"]
    if len(off):
        middle, most = np.median(off), off.max()
        log(f"{len(off)} minima projected; distance from the plane {middle:.4g} in the median, {most:.4g} at most")
    inside = (found.a[0], found.b[0]), (found.a[-1], found.b[-1])
    hidden = int((~((minima["places"] >= inside[0]) & (minima["places"] <= inside[1])).all(axis=1)).sum())
    if hidden:
        log(f"note: {hidden} of them are outside the figure; a larger --extent has more of them")
    for name, run, _, distances, _, share in shown.paths:
        log(f"{name} run {run.run}: {share:.1%} of its variance in the plane, up to {distances.max():.4g} from it", 0 if
            len(shown.paths) <= 5 else 1)  # fmt: skip
    if len(shown.paths) > 5:
        shares = np.array([row[5] for row in shown.paths])
        log(
            f"{len(shares)} runs: {np.nanmedian(shares):.1%} of the variance of a run in the plane in the median, "
            f"{np.nanmin(shares):.1%} to {np.nanmax(shares):.1%}"
        )


def _write(landscape, plane, found, shown, runs, near, directions, grid: bool, as_json: bool) -> None:
    import numpy as np

    lines = _table(shown)
    a, b = np.meshgrid(found.a, found.b)
    values = [Column("a", "", a.ravel()), Column("b", "", b.ravel()), Column("loss", "", found.loss.ravel())]
    if not as_json:
        write_table(values if grid else lines, False)
        return
    extra = {
        "directions": directions or "through minima",
        "minima": near,
        "axes": list(plane.names),
        "orthonormal": plane.orthonormal,
        "origin": plane.origin,
        "direction_vectors": plane.directions.tolist(),
        "runs": [
            {"file": name, "run": run.run, "method": run.label, "share_of_variance": share, "one_body": run.carried,
             "steps_to_another_image": run.shortened}
            for name, run, _, _, _, share in shown.paths
        ],
        "grid": {"a": found.a, "b": found.b, "loss": [list(map(float, row)) for row in found.loss]} if grid else None,
    }  # fmt: skip
    write_table(lines, True, extra)


def _table(shown) -> list[Column]:
    rows = []
    for kind, own in shown.kinds.items():
        values = zip(
            own["ids"].tolist(), own["places"].tolist(), own["distances"].tolist(), own["losses"].tolist(),
            own["on_plane"].tolist(), strict=True,
        )  # fmt: skip
        rows += [(kind, None, number, None, *place, *rest) for number, place, *rest in values]
    for name, run, places, distances, on_plane, _ in shown.paths:
        columns = (run.epochs, places, distances, run.losses, on_plane)
        values = zip(*(column.tolist() for column in columns), strict=True)
        rows += [("run", name, run.run, epoch, *place, *rest) for epoch, place, *rest in values]
    titles = ("kind", "file", "id", "epoch", "a", "b", "distance", "loss", "plane_loss")
    return [Column(title, "", [row[place] for row in rows]) for place, title in enumerate(titles)]


def _figure(landscape, plane, found, shown, near, title: str | None):
    import numpy as np

    from llpathsample.interpreting.planefigure import Marked, Path, draw_plane

    marked = {
        kind: Marked(own["places"], own["distances"], own["ids"], tuple(near) if kind == "minimum" else ())
        for kind, own in shown.kinds.items()
    }
    kinds: dict[tuple[str, str], list[float]] = {}
    for name, run, _, _, _, share in shown.paths:
        kinds.setdefault((name, run.label), []).append(share)
    labels = {}
    methods = [label for _, label in kinds]
    for (name, label), shares in kinds.items():
        own = label if methods.count(label) == 1 else f"{label}, {name}"
        labels[name, label] = f"{own}: {100.0 * np.nanmedian(shares):.2g} % of variance in plane"
    paths = [Path(labels[name, run.label], places) for name, run, places, _, _, _ in shown.paths]
    floor = float(landscape.minima.loss.min())
    return draw_plane(plane, found, floor, marked["minimum"], marked["ts"], paths, title)
