"""Ids under leaves that have room, branches that stand out, and runs of training on the branches they lead to."""

import numpy as np
import pytest
from matplotlib.legend import Legend

from llcommon.errors import ConfigError
from llcommon.plotting import CLASS_COLOURS
from llpathsample.plots import Colours, Panel, draw_trees
from llpathsample.tree import superbasin_tree
from llpathsample.treemarks import RunPath, leaves_of, run_line, way_up
from tests.llpathsample.test_network import LOSSES, TS_LOSSES, TS_MINIMA
from tests.llpathsample.test_tree import grown_network


@pytest.fixture
def tree():
    return superbasin_tree(LOSSES, TS_LOSSES, TS_MINIMA, levels=None)


def test_the_way_up_passes_all_superbasins(tree):
    x, loss = way_up(tree, 1)
    assert (np.diff(loss) >= 0.0).all()
    assert (x[0], loss[0]) == (tree.x[1], 0.5)
    assert (x[-1], loss[-1]) == (tree.x[6], tree.top)
    for node in (4, 5, 6):
        assert (tree.x[node], tree.loss[node]) in zip(x, loss, strict=True)


def test_a_run_goes_down_its_branch_and_on_to_the_minimum(tree):
    leaf_of = {number: number for number in range(4)}
    run = RunPath("adam", np.array([9.0, 1.2, 0.6]), np.array([-1, -1, 1]))
    line = run_line(tree, run, leaf_of)
    assert line.loss[0] == 9.0 and line.x[0] == tree.x[6]
    assert line.loss[line.trained] == 0.6 and line.x[line.trained] == tree.x[1]
    assert (line.x[-1], line.loss[-1]) == (tree.x[1], 0.5)
    assert (np.diff(line.loss) <= 0.0).all()
    # Between its points it bends where the branch does: at the superbasins at 2, 1.5 and 1.
    assert {2.0, 1.5, 1.0} <= set(line.loss.tolist())


def test_a_run_that_changes_its_basin_jumps_to_the_other_branch(tree):
    leaf_of = {number: number for number in range(4)}
    run = RunPath("sgd", np.array([1.3, 0.9, 0.2]), np.array([2, 2, 0]))
    line = run_line(tree, run, leaf_of)
    assert tree.x[2] in line.x and line.x[-1] == tree.x[0]
    assert run_line(tree, RunPath("sgd", np.array([1.0]), np.array([-1])), leaf_of) is None
    assert run_line(tree, RunPath("sgd", np.array([1.0]), np.array([2])), {0: 0}) is None


def test_runs_of_one_kind_share_a_colour_and_a_line_of_the_legend(tree):
    runs = [RunPath(label, np.array([3.0, 0.7]), np.array([-1, 1])) for label in ("adam", "sgd", "adam")]
    runs.append(RunPath("sgd", np.array([3.0]), np.array([-1])))
    (axes,) = draw_trees([Panel(tree, runs=runs)]).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["adam, 2 runs", "sgd, 1 run"]
    colours = {line.get_color() for line in axes.get_lines()}
    assert len(colours) == 2


def test_runs_keep_clear_of_the_classes_that_colour_the_branches(tree):
    runs = [RunPath("$\\frac", np.array([3.0, 0.7]), np.array([-1, 1]))]
    classes = Colours(np.array([0, 1, 2, 2]), "a long name of classes")
    figure = draw_trees([Panel(tree, classes, runs=runs)])
    (axes,) = figure.axes
    (colour,) = {line.get_color() for line in axes.get_legend().get_lines()}
    assert colour not in CLASS_COLOURS[:3]
    figure.draw_without_rendering()
    (first,) = [artist for artist in axes.artists if isinstance(artist, Legend)]
    assert first.get_window_extent().x1 <= figure.bbox.x1


def test_highlighted_branches_reach_the_top_and_are_named(tree):
    (axes,) = draw_trees([Panel(tree, highlight_ids=[3])]).axes
    way = axes.get_lines()[0].get_xydata()
    assert way[0].tolist() == [tree.x[3], 1.2]
    assert way[-1, 1] == tree.top
    assert {text.get_text() for text in axes.texts} == {"0", "3"}


def test_leaves_with_room_are_named_without_overlaps():
    tree = superbasin_tree(*grown_network(120, 100, 2))
    figure = draw_trees([Panel(tree, label_all=True, label_ids=[50])])
    (axes,) = figure.axes
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert 10 < len(boxes) < 120
    assert len({text.get_text() for text in axes.texts}) == len(boxes)
    # Those that were asked for stand anyway; the others keep clear of them and of each other.
    overlaps = sum(a.overlaps(b) for place, a in enumerate(boxes[2:], start=2) for b in boxes[:place])
    assert overlaps == 0


def test_what_is_not_drawn_cannot_be_marked(tree):
    assert leaves_of(tree, [3, 0], "to be labelled") == [3, 0]
    with pytest.raises(ConfigError, match="minimum 7 is to be highlighted but is not drawn"):
        draw_trees([Panel(tree, highlight_ids=[1, 7])])
