"""Figures of a network as a graph: its layout, and the distribution of its degrees."""

from typing import TYPE_CHECKING

import numpy as np

from llcommon.plotting import ACCENT, CLASS_COLOURS, INK, QUIET, new_figure, round_ticks, style, tick_labels
from llpathsample.structure.degrees import PowerLaw, degree_counts, fitted_share
from llpathsample.structure.graph import SimpleGraph, igraph_random

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABELLED_HUBS = 5
_DECADE = 10
LARGEST_LAYOUT = 5000  # minima of which a layout can be read, and is found in seconds
_ROUNDS = 500
_SCALED = 0.97  # share of minima that the colours tell apart at least
_FAR = 1.5
_EDGE = 0.3  # of the figure, at least, in lengths of a spring
_LINES = {"power law": "-", "exponential": "--", "log-normal": "-.", "Poisson": ":"}


def graph_layout(graph: SimpleGraph, seed: int = 1) -> np.ndarray:
    """Places of the nodes in the plane, (n, 2), by springs along edges (T. M. J. Fruchterman and E. M. Reingold, Softw.
    Pract. Exper. 21, 1129, 1991).

    Components are laid out each for itself and packed in rows, the largest first. The same graph and seed give the same
    places.
    """
    drawn = graph.as_igraph()
    parts = sorted(drawn.connected_components(), key=lambda part: (-len(part), part[0]))
    places = np.zeros((graph.count, 2))
    rng = np.random.default_rng(seed)
    boxes = []
    with igraph_random(seed):
        for part in parts:
            own = _component_layout(drawn.induced_subgraph(part), rng) if len(part) > 1 else np.zeros((1, 2))
            own -= own.min(axis=0)
            places[part] = own
            boxes.append(own.max(axis=0))
    for part, corner in zip(parts, _packed(boxes), strict=True):
        places[part] += corner
    return places


def _component_layout(graph, rng: np.random.Generator) -> np.ndarray:
    """Of one component; springs are a unit long, whatever its size."""
    count = graph.vcount()
    start = rng.normal(scale=np.sqrt(count), size=(count, 2))
    grid = "grid" if count > 1000 else "nogrid"
    found = graph.layout_fruchterman_reingold(niter=_ROUNDS, seed=start.tolist(), grid=grid)
    places = np.array(found.coords)
    # The longer axis lies along the page.
    centred = places - places.mean(axis=0)
    turned = centred @ np.linalg.svd(centred, full_matrices=False)[2].T
    if turned.shape[1] < 2:
        turned = np.column_stack([turned[:, 0], np.zeros(count)])
    pairs = np.array(graph.get_edgelist())
    lengths = np.linalg.norm(turned[pairs[:, 0]] - turned[pairs[:, 1]], axis=1)
    # The sign of an axis is the solver's choice: fix it by the first node.
    signs = np.where(turned[0] < 0.0, -1.0, 1.0)
    return turned * signs / max(float(np.median(lengths)), 1e-12)


def _packed(boxes: list[np.ndarray]) -> list[np.ndarray]:
    """Lower corners of boxes set in rows below the first, which is the widest or nearly so."""
    gap = 1.5
    width = max(max(box[0] for box in boxes), 1.3 * np.sqrt(sum((box[0] + gap) * (box[1] + gap) for box in boxes)))
    corners, x, y, height = [], 0.0, 0.0, 0.0
    for box in boxes:
        if x > 0.0 and x + box[0] > width:
            x, y, height = 0.0, y - gap, 0.0
        if x == 0.0:
            height = box[1]
            y -= height
        corners.append(np.array([x, y + 0.5 * (height - box[1])]))
        x += box[0] + gap
    return corners


def draw_network(
    graph: SimpleGraph,
    losses: np.ndarray,
    ids: np.ndarray,
    classes: np.ndarray | None = None,
    class_name: str = "community",
    title: str | None = None,
    seed: int = 1,
) -> "Figure":
    """The network in the plane: minima sized by degree, and coloured by loss or by class; the largest hubs named.

    losses, ids: (n,), ids what minima are called. classes: (n,), the eight largest coloured; None for the loss.
    Minima without neighbours are left out, unless there are no others.
    """
    degrees = graph.degrees()
    if degrees.any():
        kept = np.flatnonzero(degrees)
        graph, losses, ids, degrees = graph.induced(kept), losses[kept], ids[kept], degrees[kept]
        classes = None if classes is None else classes[kept]
    places = graph_layout(graph, seed)
    span = np.ptp(places, axis=0) + 2.0
    width = 6.4
    with style():
        from matplotlib.collections import LineCollection

        figure = new_figure(width, float(np.clip(0.85 * width * span[1] / span[0], 2.6, 7.0)))
        axes = figure.add_subplot()
        edges = len(graph.pairs)
        thickness = float(np.clip(30.0 / np.sqrt(edges + 1.0), 0.25, 0.9))
        lines = {
            "linewidths": thickness,
            "colors": QUIET,
            "alpha": float(np.clip(12.0 / np.sqrt(edges + 1.0), 0.2, 0.8)),
        }
        axes.add_collection(LineCollection(places[graph.pairs], zorder=1, **lines))
        areas = _areas(degrees)
        # High minima below, so that the low ones stay in sight.
        order = np.argsort(-losses, kind="stable")
        rim = float(np.clip(8.0 / np.sqrt(len(ids)), 0.1, 0.6))
        dots = {"s": areas[order], "edgecolors": "white", "linewidths": rim, "zorder": 2}
        if classes is None:
            _coloured_by_loss(axes, places[order], losses[order], dots)
        else:
            _coloured_by_class(axes, places[order], classes[order], class_name, dots)
        _name_hubs(axes, ids, places, degrees, losses)
        axes.set_aspect("equal")
        axes.set_axis_off()
        # A path lies along one line, and a lone minimum on a point: there must be paper around them.
        low, high = places.min(axis=0), places.max(axis=0)
        edge = np.maximum(0.03 * (high - low), _EDGE)
        across, along = np.transpose([low - edge, high + edge])
        axes.set(xlim=across, ylim=along)
        if title:
            axes.set_title(title)
    return figure


def _areas(degrees: np.ndarray) -> np.ndarray:
    """Areas in square points, growing with the degree; smaller where there are many."""
    base = float(np.clip(1200.0 / (len(degrees) + 20.0), 1.5, 30.0))
    return base * (1.0 + 6.0 * degrees / max(float(degrees.max()), 1.0))


def _coloured_by_loss(axes: "Axes", places: np.ndarray, losses: np.ndarray, dots: dict) -> None:
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    # The palest tenth of the map would vanish on white paper.
    scale = ListedColormap(colormaps["viridis"](np.linspace(0.0, 0.9, 256)))
    # A few very high minima would leave one colour for all others.
    low, high = float(losses.min()), float(np.quantile(losses, _SCALED))
    cut = losses.max() - low > _FAR * (high - low)
    high = high if cut else float(losses.max())
    found = axes.scatter(*places.T, c=losses, cmap=scale, vmin=low, vmax=high, **dots)
    place = {"shrink": 0.6, "aspect": 18, "pad": 0.02, "extend": "max" if cut else "neither"}
    bar = axes.figure.colorbar(found, ax=axes, **place)
    bar.outline.set_visible(False)
    ticks = round_ticks(low, high)
    if len(ticks) > 1:
        bar.set_ticks(ticks, labels=tick_labels(ticks))
    bar.set_label("loss")


def _coloured_by_class(axes: "Axes", places: np.ndarray, classes: np.ndarray, name: str, dots: dict) -> None:
    from matplotlib.lines import Line2D

    labels, numbers, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    order = np.lexsort((labels, -sizes))
    rank = np.argsort(order)
    palette = (*CLASS_COLOURS, "#C4C4C4")
    coloured = len(CLASS_COLOURS)
    axes.scatter(*places.T, c=[palette[min(place, coloured)] for place in rank[numbers].tolist()], **dots)
    legend = [(palette[place], f"{name} {labels[k]} ({sizes[k]})") for place, k in enumerate(order[:coloured])]
    if len(order) > coloured:
        legend.append((palette[-1], f"{len(order) - coloured} more ({sizes[order[coloured:]].sum()})"))
    dot = {"marker": "o", "linestyle": "", "markersize": 4}
    handles = [Line2D([], [], color=colour, label=text, **dot) for colour, text in legend]
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.0, handletextpad=0.2)


def _name_hubs(axes: "Axes", ids: np.ndarray, places: np.ndarray, degrees: np.ndarray, losses: np.ndarray) -> None:
    """Ids of the minima of the highest degrees, and of the global minimum."""
    from matplotlib.patheffects import withStroke

    hubs = np.lexsort((losses, -degrees))[:LABELLED_HUBS].tolist()
    for node in dict.fromkeys([int(np.argmin(losses)), *hubs]):
        axes.annotate(
            str(ids[node]),
            places[node],
            xytext=(4.0, 4.0),
            textcoords="offset points",
            fontsize=7.0,
            color=INK,
            zorder=4,
            path_effects=[withStroke(linewidth=2.0, foreground="white")],
        )


def draw_degrees(degrees: np.ndarray, fit: PowerLaw | None, title: str | None = None) -> "Figure":
    """Share of minima with at least k neighbours over k, both logarithmic, with the fits of the tail.

    degrees: (n,); those of 0 are left out.
    """
    values, counts = degree_counts(degrees)
    with style():
        figure = new_figure(4.2, 3.4)
        axes = figure.add_subplot()
        if len(values):
            shares = np.cumsum(counts[::-1])[::-1] / counts.sum()
            axes.plot(values, shares, "o", color=INK, markersize=3.5, label="minima", zorder=3)
            axes.set_ylim(0.5 / counts.sum(), 1.6)
            if fit is not None:
                _draw_fits(axes, fit, float(shares[values == fit.xmin][0]))
            axes.legend(loc="lower left")
        axes.set_xscale("log")
        axes.set_yscale("log")
        _name_few(axes, values, counts)
        axes.set_xlabel("degree $k$")
        axes.set_ylabel("share of minima of degree at least $k$")
        if title:
            axes.set_title(title)
    return figure


def _name_few(axes: "Axes", values: np.ndarray, counts: np.ndarray) -> None:
    """Ticks of less than a decade of degrees, or of shares, of which powers of ten would name one or none."""
    if len(values) and values[-1] < _DECADE:
        shown = range(1, max(int(values[-1]), 2) + 1)
        axes.set_xlim(0.8, 1.2 * shown[-1])
        axes.set_xticks(shown, map(str, shown))
        axes.set_xticks([], minor=True)
    if len(values) and counts.sum() < _DECADE:
        parts = (1.0, 0.5, 0.2, 0.1)
        axes.set_yticks(parts, map(str, parts))
        axes.set_yticks([], minor=True)


def _draw_fits(axes: "Axes", fit: PowerLaw, level: float) -> None:
    tail = np.unique(np.round(np.geomspace(fit.xmin, fit.largest, 200)).astype(np.int64))
    for name, line in _LINES.items():
        first = name == "power law"
        label = f"power law, $\\alpha$ = {fit.alpha:.2f} from $k$ = {fit.xmin}" if first else name
        colour = ACCENT if first else QUIET
        axes.plot(tail, level * fitted_share(fit, name, tail), line, color=colour, linewidth=1.0, label=label, zorder=2)
