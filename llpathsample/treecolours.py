"""Colours of a tree's branches: by classes of minima with a legend, or by a value of each with a scale."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from llcommon.errors import ConfigError
from llcommon.plotting import CLASS_COLOURS, INK, readable, round_ticks, tick_labels
from llpathsample.tree import Tree, branch_means
from llpathsample.treekernels import share_up

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of classes beyond those that have colours of their own; told from black, which is no class.
OTHER = "#A0A0A0"
# Orange (losses) over grey to blue (gains), as in figures of heat capacities; the middle shows on white paper.
DIVERGING = ("#B34700", "#E58A4A", "#BDBDBD", "#5AA5D0", "#005F99")
# The palest tenth of viridis would vanish on white paper.
_PART_OF_VIRIDIS = 0.9
_LONG = 24  # characters of a label
# Times the median, beyond which the highest value leaves most others one colour of a linear scale.
_BUNCHED = 100.0
_DECADES = 6  # of a logarithmic scale, at most; what is lower has the colour of its low end
_DECADES_ASIDE = 3  # of a diverging one on each side, beyond which it is linear through zero


def branch_classes(tree: Tree, classes: np.ndarray) -> np.ndarray:
    """Class (n,) that all drawn minima below a node share, int64 (k,); -1 where they differ or have none."""
    shared = np.full(tree.loss.size, -2, dtype=np.int64)
    leaves = tree.leaves
    shared[leaves] = np.asarray(classes, dtype=np.int64)[tree.minimum[leaves]]
    share_up(tree.parent, shared)
    return shared


def is_class(values: np.ndarray) -> bool:
    """Whether values are numbers of classes, which are integers, rather than a scale."""
    return bool(np.issubdtype(np.asarray(values).dtype, np.integer))


def class_palette(classes: np.ndarray) -> dict[int, str]:
    """The colour of each class that occurs, the classes with colours of their own first; -1 is none.

    Classes of small numbers have the colour of their number; if there are more than colours, the most frequent have
    one each and the others share a grey.
    """
    numbers, counts = np.unique(classes[classes >= 0], return_counts=True)
    if numbers.size and numbers[-1] < len(CLASS_COLOURS):
        return {number: CLASS_COLOURS[number] for number in numbers.tolist()}
    by_count = numbers[np.argsort(-counts, kind="stable")].tolist()
    own = sorted(by_count[: len(CLASS_COLOURS)])
    palette = dict(zip(own, CLASS_COLOURS, strict=False))
    return palette | {number: OTHER for number in by_count[len(CLASS_COLOURS) :]}


def class_colours(tree: Tree, classes: np.ndarray, palette: Mapping[int, str]) -> np.ndarray:
    """Colours (k, 4) of the nodes by the class (n,) that all below them share, black where they share none."""
    from matplotlib.colors import to_rgba

    shared = branch_classes(tree, classes)
    numbers, place = np.unique(shared, return_inverse=True)
    return np.array([to_rgba(palette.get(number, INK)) for number in numbers.tolist()])[place]


def draw_legend(axes: "Axes", palette: Mapping[int, str], label: str | None, names: Mapping[int, str] | None) -> None:
    """A line for each class beside the axes; names: of classes, else their numbers after the label."""
    others = 0
    for number, colour in palette.items():
        if colour == OTHER:
            others += 1
            continue
        name = names[number] if names else f"{label} {number}" if label else str(number)
        axes.plot([], [], color=colour, label=readable(name))
    if others:
        axes.plot([], [], color=OTHER, label=f"{others} more")
    title = readable(label) if names and label else None
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.0, title=title, title_fontsize=8.0)


def is_bunched(values: np.ndarray) -> bool:
    """Whether most values are crowded at the low end of a linear scale, and none is negative, as a logarithm needs."""
    known = values[np.isfinite(values)]
    positive = known[known > 0.0]
    return bool(positive.size and known.min() >= 0.0 and positive.max() > _BUNCHED * np.median(positive))


@dataclass(frozen=True)
class Scale:
    """A scale of colours from low to high. diverging: low is -high. log: logarithmic, if diverging on both sides.

    below: whether there are values below low, which have its colour.
    """

    low: float
    high: float
    diverging: bool = False
    log: bool = False
    below: bool = False

    @property
    def linear(self) -> float:
        """Up to which distance from zero a diverging logarithmic scale is linear."""
        return self.high * 10.0**-_DECADES_ASIDE

    def norm(self):
        """The map from values to [0, 1]; a single value is in the middle, where its tick is."""
        from matplotlib.colors import LogNorm, Normalize, SymLogNorm

        if self.low == self.high:
            half = abs(self.low) or 1.0
            return Normalize(self.low - half, self.high + half)
        if self.log and self.diverging:
            return SymLogNorm(self.linear, vmin=self.low, vmax=self.high)
        return LogNorm(self.low, self.high) if self.log else Normalize(self.low, self.high)


def scale_of(
    values: np.ndarray, diverging: bool = False, kind: Literal["auto", "linear", "log"] = "linear"
) -> Scale | None:
    """The scale of values, about zero if diverging; None if no value is finite.

    kind: auto is logarithmic for what `is_bunched`. A logarithmic scale has six decades at most. ConfigError for the
    logarithm of negative values.
    """
    known = values[np.isfinite(values)]
    if known.size == 0:
        return None
    low, high = float(known.min()), float(known.max())
    if diverging:
        high = max(-low, high) or 1.0
        return Scale(-high, high, True, kind == "log" or kind == "auto" and is_bunched(np.abs(known)))
    if kind == "linear" or kind == "auto" and not is_bunched(known):
        return Scale(low, high)
    if low < 0.0:
        raise ConfigError(f"values down to {low:.4g} have no logarithmic scale of colours: take a linear one")
    if high == 0.0:
        return Scale(low, high)
    end = max(float(known[known > 0.0].min()), high * 10.0**-_DECADES)
    return Scale(end, high, log=True, below=low < end)


def colour_scale(diverging: bool = False):
    """The map from [0, 1] to colours."""
    from matplotlib import colormaps
    from matplotlib.colors import LinearSegmentedColormap, ListedColormap

    if diverging:
        return LinearSegmentedColormap.from_list("diverging", DIVERGING)
    return ListedColormap(colormaps["viridis"](np.linspace(0.0, _PART_OF_VIRIDIS, 256)))


def value_colours(tree: Tree, values: np.ndarray | None, scale: Scale | None, ink: str = INK) -> np.ndarray:
    """Colours (k, 4) of the nodes by the mean value (n,) of what is below them, black where it is NaN.

    scale: None: all has the colour of ink.
    """
    from matplotlib.colors import to_rgba

    if scale is None:
        return np.tile(to_rgba(ink), (tree.loss.size, 1))
    means = branch_means(tree, values)
    # Zero has no logarithm.
    rgba = colour_scale(scale.diverging)(scale.norm()(np.maximum(means, scale.low)))
    rgba[~np.isfinite(means)] = (0.1, 0.1, 0.1, 1.0)
    return rgba


def draw_scale(axes: "Axes", scale: Scale, label: str | None) -> None:
    """A colour bar beside the axes, with full numbers, or powers of ten."""
    from matplotlib.cm import ScalarMappable

    place = {
        "shrink": 0.4,
        "aspect": 18,
        "pad": 0.02,
        "anchor": (0.0, 1.0),
        "extend": "min" if scale.below else "neither",
    }
    bar = axes.figure.colorbar(ScalarMappable(scale.norm(), colour_scale(scale.diverging)), ax=axes, **place)
    bar.outline.set_visible(False)
    if scale.log and scale.diverging:
        # Those at the linear part would be written over the zero.
        highest = math.floor(math.log10(scale.high))
        powers = [10.0**power for power in range(highest - _DECADES_ASIDE + 2, highest + 1)]
        bar.set_ticks([-power for power in powers[::-1]] + [0.0, *powers])
        bar.minorticks_off()
    elif not scale.log:
        ticks = round_ticks(scale.low, scale.high) if scale.low < scale.high else [scale.low]
        bar.set_ticks(ticks, labels=tick_labels(ticks))
    if label:
        # A long one begins at the top, so that it ends within the figure.
        bar.set_label(readable(label), loc="top" if len(label) > _LONG else "center")
