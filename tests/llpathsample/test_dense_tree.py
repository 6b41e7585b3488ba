"""Trees of more leaves than places: what is seen against painting cell by cell, sizes of files, equal bytes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from llpathsample.densetree import WIDTH, seen_lines, without_covered
from llpathsample.plots import DENSE, draw_tree
from llpathsample.tree import superbasin_tree
from tests.llpathsample.test_tree import grown_network
from tests.reference.tree import painted


@st.composite
def grid_lines(draw):
    """Vertical lines downwards, level and sloping ones on a small grid; no two alike in what decides their order."""
    ends = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 12)), unique=True, max_size=12))
    lines = [((x, draw(st.integers(0, end - 1))), (x, end)) for x, end in ends]
    rows = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), unique=True, max_size=12))
    for row, length in rows:
        begin = draw(st.integers(0, 4))
        lines.append(draw(st.permutations([(begin, row), (begin + length, row)])))
    slopes = draw(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5)), max_size=6))
    lines += [((x, y), (x + 1, y + 1)) for x, y in slopes]
    colours = draw(st.lists(st.integers(0, 3), min_size=len(lines), max_size=len(lines)))
    return np.array(lines, dtype=np.int64).reshape(-1, 2, 2), np.array(colours, dtype=np.int64)


def cells_of(pieces, axis):
    """Colour by place and cell of pieces that run along an axis; none is covered twice."""
    cells = {}
    for piece in pieces.tolist():
        for cell in range(piece[axis], piece[2 + axis]):
            assert (piece[1 - axis], cell) not in cells
            cells[piece[1 - axis], cell] = piece[4]
    return cells


@settings(max_examples=150, deadline=None)
@given(grid_lines())
def test_what_is_seen_is_what_painting_leaves(drawn):
    lines, colours = drawn
    levels, sloping, falls = seen_lines(lines, colours)
    found = lines.tolist()
    assert cells_of(falls, 1) == painted(found, colours.tolist(), 1, lambda line: line[1][1])
    assert cells_of(levels, 0) == painted(found, colours.tolist(), 0, lambda line: abs(line[1][0] - line[0][0]))
    slopes = {tuple(map(tuple, (a, b))) for a, b in found if a[0] != b[0] and a[1] != b[1]}
    assert len(sloping) == len(slopes)
    assert {((a, b), (c, d)) for a, b, c, d, _ in sloping.tolist()} == slopes


def test_sloping_lines_that_show_nothing_new_are_left_out():
    falls = np.array([[x, 0, x, 10, 0] for x in range(6)])
    sloping = np.array([[0, 0, 5, 4, 1], [0, 8, 9, 12, 2], [0, 8, 9, 12, 3]])
    levels = np.array([[3, 11, 7, 11, 4]])
    kept = without_covered(levels, sloping, falls)
    assert kept[0] is levels and kept[2] is falls
    # The first runs over the falls alone, the third over the second.
    assert kept[1].tolist() == [[0, 8, 9, 12, 2]]


def test_a_hundred_thousand_leaves_of_any_colour_take_less_than_5_mb(tmp_path):
    network = grown_network(100_000, 200_000, 3)
    values = np.random.default_rng(1).normal(size=100_000)
    tree = superbasin_tree(*network, levels=None)
    for shown in (tree, tree.along(values[::-1])):
        draw_tree(shown, tmp_path / "tree.svg", colours=values)
        assert 1e5 < (tmp_path / "tree.svg").stat().st_size < 5e6


def test_equal_large_trees_give_equal_bytes(tmp_path):
    tree = superbasin_tree(*grown_network(DENSE + 1, 3000, 5))
    for name in ("first.svg", "second.svg"):
        draw_tree(tree, tmp_path / name, colours=np.arange(DENSE + 1) % 3, title="large")
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()


def test_a_large_tree_looks_like_its_lines(monkeypatch):
    """The same tree by grid and line by line: hardly a pixel of ten differs by more than a shade."""
    from llpathsample import plots

    tree = superbasin_tree(*grown_network(1500, 2000, 5))
    monkeypatch.setattr(plots, "_line_width", lambda leaves: WIDTH)
    pictures = []
    for dense in (0, DENSE):
        monkeypatch.setattr(plots, "DENSE", dense)
        figure = plots.draw_trees([plots.Panel(tree)], size=(4.0, 4.0))
        figure.set_dpi(200)
        figure.canvas.draw()
        pictures.append(np.asarray(figure.canvas.buffer_rgba())[:, :, 0].astype(float))
    difference = np.abs(pictures[0] - pictures[1])
    assert pictures[0].std() > 20.0
    assert (difference > 128.0).mean() < 0.03
    assert abs(pictures[0].mean() - pictures[1].mean()) < 5.0
