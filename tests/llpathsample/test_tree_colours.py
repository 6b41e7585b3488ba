"""Colours of branches: classes by number or by size, scales with their ends, what stands beside."""

import numpy as np
import pytest

from llcommon.errors import ConfigError
from llcommon.plotting import CLASS_COLOURS, INK
from llpathsample.plots import Colours, Panel, draw_trees
from llpathsample.tree import superbasin_tree
from llpathsample.treecolours import (
    DIVERGING,
    OTHER,
    Scale,
    class_colours,
    class_palette,
    colour_scale,
    scale_of,
    value_colours,
)
from tests.llpathsample.test_network import LOSSES, TS_LOSSES, TS_MINIMA


@pytest.fixture
def tree():
    return superbasin_tree(LOSSES, TS_LOSSES, TS_MINIMA, levels=None)


def as_hex(rgba):
    from matplotlib.colors import to_hex

    return [to_hex(row).upper() for row in rgba]


def test_few_classes_have_the_colour_of_their_number():
    assert class_palette(np.array([2, 0, -1, 2])) == {0: CLASS_COLOURS[0], 2: CLASS_COLOURS[2]}


def test_of_many_classes_the_largest_have_colours_and_the_others_one_grey():
    sizes = {10 + number: 12 - number for number in range(10)}
    palette = class_palette(np.repeat(list(sizes), list(sizes.values())))
    assert [palette[number] for number in range(10, 18)] == list(CLASS_COLOURS)
    assert palette[18] == palette[19] == OTHER


def test_a_branch_has_the_colour_of_its_class_or_ink(tree):
    classes = np.array([1, 1, 0, -1])
    found = as_hex(class_colours(tree, classes, class_palette(classes)))
    one, zero, ink = CLASS_COLOURS[1], CLASS_COLOURS[0], INK.upper()
    assert found == [one, one, zero, ink, one, ink, ink]


def test_a_branch_has_the_colour_of_its_mean(tree):
    values = np.array([0.0, 1.0, np.nan, 3.0])
    rgba = value_colours(tree, values, Scale(0.0, 4.0))
    expected = colour_scale()(np.array([0.0, 0.25, 0.0, 0.75, 0.125]))
    np.testing.assert_array_equal(rgba[[0, 1, 3, 4]], expected[[0, 1, 3, 4]])
    np.testing.assert_array_equal(rgba[[2, 5, 6]], [(0.1, 0.1, 0.1, 1.0)] * 3)


def test_a_diverging_scale_has_zero_in_its_middle(tree):
    values = np.array([-1.0, 0.5, 0.0, np.nan])
    assert scale_of(values, diverging=True) == Scale(-1.0, 1.0, diverging=True)
    assert scale_of(values) == Scale(-1.0, 0.5)
    assert scale_of(np.zeros(2), diverging=True) == Scale(-1.0, 1.0, diverging=True)
    assert scale_of(np.full(2, np.nan)) is None
    found = as_hex(value_colours(tree, np.array([-1.0, 1.0, 0.0, 0.0]), Scale(-1.0, 1.0, diverging=True)))
    assert found[:2] == [DIVERGING[0], DIVERGING[-1]]
    middle = [int(found[2][first : first + 2], 16) for first in (1, 3, 5)]
    assert max(middle) - min(middle) <= 2


def test_values_of_many_decades_have_a_logarithmic_scale(tree):
    values = np.array([1.0, 1e-4, 0.02, 0.0])
    assert scale_of(values, kind="auto") == scale_of(values, kind="linear") == Scale(0.0, 1.0)
    occupations = np.array([1.0, 1e-9, 1e-4, 0.0])
    scale = scale_of(occupations, kind="auto")
    assert scale == Scale(1e-6, 1.0, log=True, below=True)
    ends = colour_scale()(np.array([1.0, 0.0, 1.0 / 3.0, 0.0]))
    np.testing.assert_array_equal(value_colours(tree, occupations, scale)[:4], ends)
    gains = scale_of(np.array([-10.0, 1.0]), diverging=True, kind="log")
    placed = gains.norm()(np.array([-10.0, -0.1, 0.0, 0.1, 10.0]))
    np.testing.assert_allclose(placed + placed[::-1], 1.0)
    assert placed[3] > 0.7
    with pytest.raises(ConfigError, match="values down to -1 have no logarithmic scale"):
        scale_of(np.array([-1.0, 1.0]), kind="log")
    assert scale_of(np.zeros(3), kind="log") == Scale(0.0, 0.0)


def test_a_single_value_is_in_the_middle_of_its_scale(tree):
    found = value_colours(tree, np.full(4, 0.98), scale_of(np.full(4, 0.98)))
    np.testing.assert_array_equal(found, np.tile(colour_scale()(0.5), (7, 1)))
    panel = Panel(tree, Colours(np.full(4, 0.98), "accuracy"))
    _, bar = draw_trees([panel]).axes
    assert [label.get_text() for label in bar.get_yticklabels()] == ["0.98"]


def test_two_landscapes_share_their_scales_of_loss_and_colour(tree):
    higher = superbasin_tree(LOSSES + 1.0, TS_LOSSES + 2.0, TS_MINIMA)
    panels = [Panel(tree, Colours(LOSSES, "loss")), Panel(higher, Colours(LOSSES + 1.0, "loss"), title="higher")]
    left, right, bar = draw_trees(panels).axes
    assert left.get_ylim() == right.get_ylim()
    assert left.get_ylim()[0] < 0.0 and left.get_ylim()[1] > higher.top
    # The leaves at 1.2 here and at 1.0 there are nearly alike in colour, as nearly in loss.
    scale = colour_scale()
    ends = {axes: {tuple(row) for row in axes.collections[0].get_edgecolor()} for axes in (left, right)}
    assert tuple(scale(1.2 / 2.2)) in ends[left]
    assert tuple(scale(1.0 / 2.2)) in ends[right]
    assert bar.get_ylabel() == "loss"


def test_an_axis_of_a_property_has_numbers_and_a_name(tree):
    panel = Panel(tree.along(np.array([10.0, 20.0, 30.0, 40.0])))
    (axes,) = draw_trees([panel], x_label="lpphe", size=(5.0, 4.0)).axes
    assert axes.get_xlabel() == "lpphe"
    low, high = axes.get_xlim()
    assert low < 10.0 and high > 40.0
    assert "20" in [label.get_text() for label in axes.get_xticklabels()]
