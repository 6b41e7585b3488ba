"""Branches of a tree that has more leaves than a figure has places: what cannot be told apart is drawn once.

Ends of lines are put on a grid as fine as the lines are wide. Vertical lines in one place are painted one over the
other, the longest first, so that of every leaf the piece is seen that no shorter one hides, and level ones likewise;
what remains to be seen are a few pieces for each place, in paths of short numbers. The file of 10^6 leaves is hardly
larger than that of 10^5.
"""

import numpy as np
from matplotlib.artist import Artist
from matplotlib.path import Path
from matplotlib.transforms import IdentityTransform

from llpathsample.treekernels import cover, paint

# Width of the lines and of the cells of the grid, in points: lines side by side touch and do not hide each other, so
# that no colour is seen more often for being drawn later.
WIDTH = 0.3
# An SVG of more lines would exceed 5 MB: the grid and the lines get coarser, in steps of short numbers.
_MOST_LINES = 130_000
_COARSER = (0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0)
# Of its cells, that a sloping line must cover anew to be drawn where there are too many lines.
_LEAST_SHARE = 0.1
# A longer path overflows the cells of Agg's rasteriser.
_LINES_IN_PATH = 500


class DenseBranches(Artist):
    """The lines of a tree on axes. lines: (s, 2, 2) from top to bottom, in data; rgba: (s, 4)."""

    def __init__(self, lines: np.ndarray, rgba: np.ndarray) -> None:
        super().__init__()
        self._lines = lines
        code = np.rint(rgba * 255.0).astype(np.int64) @ np.array([1 << 24, 1 << 16, 1 << 8, 1])
        codes, self._colour = np.unique(code, return_inverse=True)
        self._palette = (codes[:, None] >> np.array([24, 16, 8, 0]) & 255) / 255.0

    def draw(self, renderer) -> None:
        """Draw what is seen at the size that the axes have now."""
        height = renderer.get_canvas_width_height()[1]
        places = self.get_transform().transform(self._lines.reshape(-1, 2))
        # From the top, as SVG counts, so that its numbers are as round as the grid.
        places[:, 1] = height - places[:, 1]
        for width in (WIDTH, *_COARSER):
            kinds = self._seen(places, renderer.points_to_pixels(width))
            if sum(map(len, kinds)) > _MOST_LINES:
                kinds = without_covered(*kinds)
            if sum(map(len, kinds)) <= _MOST_LINES:
                break
        gc = renderer.new_gc()
        self._set_gc_clip(gc)
        gc.set_linewidth(width)
        gc.set_snap(False)
        for lines, cap in zip(kinds, ("butt", "round", "butt"), strict=True):
            gc.set_capstyle(cap)
            for colour, rgba in enumerate(self._palette):
                gc.set_foreground(rgba, isRGBA=True)
                ends = lines[lines[:, 4] == colour, :4].reshape(-1, 2) * renderer.points_to_pixels(width)
                ends[:, 1] = height - ends[:, 1]
                for first in range(0, len(ends), 2 * _LINES_IN_PATH):
                    piece = ends[first : first + 2 * _LINES_IN_PATH]
                    codes = np.tile([Path.MOVETO, Path.LINETO], len(piece) // 2)
                    renderer.draw_path(gc, Path(piece, codes), IdentityTransform())
        gc.restore()

    def _seen(self, places: np.ndarray, grid: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return seen_lines(np.rint(places / grid).astype(np.int64).reshape(-1, 2, 2), self._colour)


def seen_lines(lines: np.ndarray, colour: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What of lines on a grid is seen: of level and of vertical ones pieces, of sloping ones each place once.

    lines: (s, 2, 2) whole numbers, from top to bottom, rows counted downwards; colour: (s,). Level lines are painted
    one over the other in each row, the longest first, vertical ones in each column, that with the lowest end first. Of
    equal sloping lines the first is kept. Returns rows of x, y, x, y and colour: of level, sloping and vertical lines.
    """
    x, y, end_x, end_y = lines.reshape(-1, 4).T
    level, vertical = (y == end_y) & (x != end_x), (x == end_x) & (y != end_y)
    row, left, right, seen = _pieces(y, np.minimum(x, end_x), np.maximum(x, end_x), colour, level, abs(end_x - x))
    levels = np.column_stack([left, row, right, row, seen])
    column, top, end, seen = _pieces(x, y, end_y, colour, vertical, end_y)
    falls = np.column_stack([column, top, column, end, seen])
    sloping = lines.reshape(-1, 4)[(x != end_x) & (y != end_y)]
    its_colour = colour[(x != end_x) & (y != end_y)]
    _, first = np.unique(sloping @ np.array([1 << 45, 1 << 30, 1 << 15, 1]), return_index=True)
    return levels, np.column_stack([sloping, its_colour])[np.sort(first)], falls


def without_covered(
    levels: np.ndarray, sloping: np.ndarray, falls: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same without sloping lines of which hardly a cell is not covered already, by others or earlier ones."""
    straight = np.concatenate([levels, falls])[:, :4]
    ends = np.concatenate([straight, sloping[:, :4]]).reshape(-1, 2, 2)
    low = ends.min(axis=(0, 1))
    covered = np.zeros(ends.max(axis=(0, 1)) - low + 1, dtype=bool)
    origin = np.tile(low, 2)
    cover(straight - origin, covered, -1.0, np.empty(len(straight), dtype=bool))
    kept = np.empty(len(sloping), dtype=bool)
    cover(sloping[:, :4] - origin, covered, _LEAST_SHARE, kept)
    return levels, sloping[kept], falls


def _pieces(place, begin, end, colour, chosen, first) -> np.ndarray:
    """Place, begin, end and colour, (4, r), of what is seen of the chosen lines, those of the largest `first` first."""
    place, begin, end, colour, first = (values[chosen] for values in (place, begin, end, colour, first))
    if not len(place):
        return np.empty((4, 0), dtype=np.int64)
    order = np.lexsort((-first, place))
    least = int(begin.min())
    # A line from a to b covers the cells between them.
    low, high = begin[order] - least, end[order] - least - 1
    runs = np.empty((2 * len(order), 4), dtype=np.int64)
    count = paint(place[order], low, high, colour[order].astype(np.int64), int(high.max()) + 2, runs)
    place, low, high, colour = runs[:count].T
    return np.stack([place, low + least, high + least + 1, colour])
