"""Branches of a tree that has more leaves than a figure has places: what cannot be told apart is drawn once.

Ends of lines are put on a grid as fine as the lines are wide. Vertical lines in one place are painted one over
the other, the longest first, so that of every leaf the piece is seen that no shorter one hides; what remains to be seen
are a few pieces for each place, in paths of short numbers. The file of 10^6 leaves is as small as that of 10^5.
"""

import numpy as np
from matplotlib.artist import Artist
from matplotlib.path import Path
from matplotlib.transforms import IdentityTransform

from llpathsample.treekernels import paint

# Width of the lines and of the cells of the grid, in points: lines side by side touch and do not hide each other, so
# that no colour is seen more often for being drawn later.
WIDTH = 0.3
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
        grid = renderer.points_to_pixels(WIDTH)
        height = renderer.get_canvas_width_height()[1]
        places = self.get_transform().transform(self._lines.reshape(-1, 2))
        # From the top, as SVG counts, so that its numbers are as round as the grid.
        places[:, 1] = height - places[:, 1]
        sloping, falling = seen_lines(np.rint(places / grid).astype(np.int64).reshape(-1, 2, 2), self._colour)
        gc = renderer.new_gc()
        self._set_gc_clip(gc)
        gc.set_linewidth(WIDTH)
        gc.set_snap(False)
        for lines, cap in ((sloping, "round"), (falling, "butt")):
            gc.set_capstyle(cap)
            for colour, rgba in enumerate(self._palette):
                gc.set_foreground(rgba, isRGBA=True)
                ends = lines[lines[:, 4] == colour, :4].reshape(-1, 2) * grid
                ends[:, 1] = height - ends[:, 1]
                for first in range(0, len(ends), 2 * _LINES_IN_PATH):
                    piece = ends[first : first + 2 * _LINES_IN_PATH]
                    codes = np.tile([Path.MOVETO, Path.LINETO], len(piece) // 2)
                    renderer.draw_path(gc, Path(piece, codes), IdentityTransform())
        gc.restore()


def seen_lines(lines: np.ndarray, colour: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What of lines on a grid is seen: sloping ones, each place once, and pieces of vertical ones that hide no other.

    lines: (s, 2, 2) whole numbers, from top to bottom, rows counted downwards; colour: (s,). Returns rows of x, y, x, y
    and colour. Of equal sloping lines the first is kept.
    """
    flat = lines.reshape(-1, 4)
    vertical = flat[:, 0] == flat[:, 2]
    sloping, its_colour = flat[~vertical], colour[~vertical]
    _, first = np.unique(sloping @ np.array([1 << 45, 1 << 30, 1 << 15, 1]), return_index=True)
    slopes = np.column_stack([sloping, its_colour])[np.sort(first)]
    falls, its_colour = flat[vertical], colour[vertical]
    order = np.lexsort((-falls[:, 3], falls[:, 0]))
    falls, its_colour = falls[order], its_colour[order]
    if not len(falls):
        return slopes, np.empty((0, 5), dtype=np.int64)
    top = int(falls[:, 1].min())
    # A line from row a to row b covers the cells between them; a vertical one without length is nothing.
    low, high = falls[:, 1] - top, falls[:, 3] - top - 1
    runs = np.empty((2 * len(falls), 4), dtype=np.int64)
    count = paint(falls[:, 0].copy(), low, high, its_colour.astype(np.int64), int(high.max()) + 2, runs)
    x, begin, end, its_colour = runs[:count].T
    return slopes, np.column_stack([x, begin + top, x, end + top + 1, its_colour])
