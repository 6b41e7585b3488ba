"""Marks on a drawn tree: ids under leaves, branches that stand out, the paths of training runs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from llcommon.errors import ConfigError
from llcommon.plotting import ACCENT, CLASS_COLOURS, QUIET, readable
from llpathsample.tree import Tree

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FONT = 7.0  # points, of ids
_BELOW = 3.0  # points from the end of a branch to its id
_CHARACTER = 0.62  # width of a digit in heights of the font
_BESIDE = 1.4  # points between runs of two labels on one branch
_MOST_LABELS = 300  # of leaves with room


@dataclass(frozen=True)
class RunPath:
    """A training run as it is drawn over a tree. label: of its kind, such as the optimiser, which share a colour.

    losses: (k,) in the order of training. minima: (k,) ids of the minima below these points, -1 where unknown.
    """

    label: str
    losses: np.ndarray
    minima: np.ndarray


def leaves_of(tree: Tree, ids: Sequence[int], purpose: str) -> list[int]:
    """The leaves of minima; ConfigError for one that is not drawn, naming the purpose, such as `to be labelled`."""
    if not len(ids):
        return []
    order = np.argsort(tree.minimum[tree.leaves], kind="stable")
    numbers = tree.minimum[order]
    places = np.minimum(np.searchsorted(numbers, ids), numbers.size - 1)
    absent = np.flatnonzero(numbers[places] != ids)
    if absent.size:
        raise ConfigError(
            f"minimum {ids[absent[0]]} is {purpose} but is not drawn: draw more minima or leave this one out"
        )
    return order[places].tolist()


def label_leaves(axes: "Axes", tree: Tree, label_ids: Sequence[int]) -> None:
    """Write the ids of the chosen leaves, and quietly that of the lowest, under their ends."""
    leaves = [0, *leaves_of(tree, label_ids, "to be labelled")]
    for leaf in dict.fromkeys(leaves):
        _write_id(axes, tree, leaf, ACCENT if tree.minimum[leaf] in label_ids else QUIET)


def _write_id(axes: "Axes", tree: Tree, leaf: int, colour: str) -> None:
    # A white rim keeps the numbers readable where branches run behind them.
    from matplotlib.patheffects import withStroke

    axes.annotate(
        str(int(tree.minimum[leaf])),
        (tree.x[leaf], tree.loss[leaf]),
        xytext=(0.0, -_BELOW),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=_FONT,
        color=colour,
        path_effects=[withStroke(linewidth=1.5, foreground="white")],
    )


def label_roomy_leaves(axes: "Axes", tree: Tree, label_ids: Sequence[int]) -> None:
    """Write the ids of leaves under which no other branch or id stands, the lowest first; the figure is laid out.

    label_ids: those that are there already, beside that of the lowest leaf.
    """
    points = axes.figure.dpi / 72.0
    ends = axes.transData.transform(np.column_stack([tree.x, tree.loss])[tree.leaves]) / points
    digits = np.char.str_len(tree.minimum[tree.leaves].astype(str))
    half = 0.5 * _CHARACTER * _FONT * digits + 1.0
    by_x = np.argsort(ends[:, 0], kind="stable")
    places = ends[by_x, 0]
    done = [0, *leaves_of(tree, label_ids, "to be labelled")]
    boxes = [_box(ends[leaf], half[leaf]) for leaf in done]
    for leaf in range(1, len(ends)):
        if len(boxes) > _MOST_LABELS:
            break
        box = _box(ends[leaf], half[leaf])
        first, last = np.searchsorted(places, [box[0], box[2]])
        near = by_x[first:last]
        # Branches go up from their ends: one that ends below the top of the box runs through it.
        hidden = (ends[near[near != leaf], 1] < box[3]).any()
        if leaf not in done and not hidden and not any(_meet(box, other) for other in boxes):
            boxes.append(box)
            _write_id(axes, tree, leaf, QUIET)


def _box(end: np.ndarray, half: float) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of an id under the end of a branch, in points."""
    x, y = end
    return x - half, y - _BELOW - 1.2 * _FONT, x + half, y - _BELOW


def _meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def highlight_leaves(axes: "Axes", tree: Tree, highlight_ids: Sequence[int]) -> None:
    """Draw the way from the top to chosen leaves in a colour that stands out, with a dot and the id at its end."""
    for leaf in leaves_of(tree, highlight_ids, "to be highlighted"):
        x, loss = way_up(tree, leaf)
        axes.plot(x, loss, color=ACCENT, linewidth=1.4, zorder=3)
        axes.plot(x[:1], loss[:1], marker="o", markersize=3.5, color=ACCENT, zorder=3)
        _write_id(axes, tree, leaf, ACCENT)


def way_up(tree: Tree, leaf: int) -> tuple[np.ndarray, np.ndarray]:
    """The line from a leaf to the top of the drawing: its places and rising losses."""
    x, loss = [float(tree.x[leaf])], [float(tree.loss[leaf])]
    node = leaf
    while tree.parent[node] >= 0:
        above = int(tree.parent[node])
        x += [float(tree.x[node]), float(tree.x[above])]
        loss += [max(float(tree.shoulder[above]), float(tree.loss[node])), float(tree.loss[above])]
        node = above
    return np.array([*x, x[-1]]), np.array([*loss, tree.top])


def draw_runs(axes: "Axes", tree: Tree, runs: Sequence[RunPath], taken: Collection[str] = ()) -> None:
    """Draw training runs onto the branches of the minima that they lead to, those of one label in one colour.

    taken: colours of branches, to be avoided while there are others; so is that of highlighted ones.

    Each point of a run is where its loss is on the way from the top to the minimum below that point, or below the next
    point of which the minimum is known; points above the top come in there. From the end of the training a dotted line
    leads to the minimum below it. What leads to no drawn minimum is left out.
    """
    from matplotlib.transforms import ScaledTranslation

    labels = list(dict.fromkeys(run.label for run in runs))
    leaf_of = dict(zip(tree.minimum[tree.leaves].tolist(), tree.leaves.tolist(), strict=True))
    handles: list = []
    points = axes.figure.dpi_scale_trans
    colours = sorted(CLASS_COLOURS, key=lambda colour: (colour in taken, colour == ACCENT))
    for number, label in enumerate(labels):
        colour = colours[number % len(colours)]
        # Side by side, so that runs on one branch do not hide those of the other labels.
        aside = _BESIDE * (number - 0.5 * (len(labels) - 1)) / 72.0
        beside = axes.transData + ScaledTranslation(aside, 0.0, points)
        count = 0
        for run in runs:
            line = run_line(tree, run, leaf_of)
            if run.label != label or line is None:
                continue
            count += 1
            x, loss = line.x, line.loss
            last = line.trained
            drawn = {"color": colour, "linewidth": 1.1, "zorder": 3, "transform": beside}
            axes.plot(x[: last + 1], loss[: last + 1], **drawn)
            axes.plot(x[last:], loss[last:], linestyle=":", **drawn)
            axes.plot(x[-1:], loss[-1:], marker="o", markersize=3.5, **drawn)
        name = f"{readable(label)}, {count} run{'s' * (count != 1)}"
        handles += axes.plot([], [], color=colour, marker="o", markersize=3.5, label=name)
    classes = axes.get_legend()
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(1.0, 0.0), borderaxespad=0.0)
    if classes is not None:
        # What the axes clip has no room kept beside them.
        axes.add_artist(classes).set_clip_on(False)


@dataclass(frozen=True)
class RunLine:
    """A run on a tree: places x and losses, of which those after number `trained` lead on to the minimum below it."""

    x: np.ndarray
    loss: np.ndarray
    trained: int


def run_line(tree: Tree, run: RunPath, leaf_of: dict[int, int]) -> RunLine | None:
    """The line of a run through its points and the bends between them; None if it leads to no drawn minimum.

    leaf_of: leaf by id of the minimum.
    """
    minima = run.minima.tolist()
    for k in range(len(minima) - 2, -1, -1):
        if minima[k] < 0:
            minima[k] = minima[k + 1]
    xs: list[float] = []
    losses: list[float] = []
    leaf = None

    def go(leaf: int, loss: float) -> None:
        way_x, way_loss = way_up(tree, leaf)
        low, high = sorted((loss, losses[-1] if losses else loss))
        bends = np.flatnonzero((way_loss > low) & (way_loss < high))
        if losses and loss < losses[-1]:
            bends = bends[::-1]
        xs.extend([*way_x[bends].tolist(), float(np.interp(loss, way_loss, way_x))])
        losses.extend([*way_loss[bends].tolist(), loss])

    for minimum, loss in zip(minima, run.losses.tolist(), strict=True):
        if minimum in leaf_of:
            leaf = leaf_of[minimum]
            go(leaf, loss)
    if leaf is None:
        return None
    trained = len(xs) - 1
    go(leaf, float(tree.loss[leaf]))
    return RunLine(np.array(xs), np.array(losses), trained)
