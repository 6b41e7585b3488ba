"""Figures: what is drawn, readable numbers, whole files, the same bytes every time."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llcommon import plotting
from llcommon.errors import ConfigError, OutputError
from llpathsample.network import lowest_barrier_path
from llpathsample.plots import _profile_curve, draw_path_profile, draw_tree
from llpathsample.tree import branch_means, superbasin_tree
from llpathsample.treecolours import branch_classes
from tests.llpathsample.test_network import LOSSES, TS_LOSSES, TS_MINIMA

SIGNATURES = {"svg": b"<?xml", "pdf": b"%PDF-", "png": b"\x89PNG"}


@pytest.fixture
def tree():
    return superbasin_tree(LOSSES, TS_LOSSES, TS_MINIMA)


@pytest.mark.parametrize("kind", list(SIGNATURES))
@pytest.mark.parametrize("colours", [None, LOSSES, np.array([0, 0, 1, -1])])
def test_equal_trees_give_equal_bytes(tree, tmp_path, kind, colours):
    for name in ("first", "second"):
        draw_tree(tree, tmp_path / f"{name}.{kind}", colours=colours, title="XOR", label_ids=[2])
    content = (tmp_path / f"first.{kind}").read_bytes()
    assert content.startswith(SIGNATURES[kind])
    assert content == (tmp_path / f"second.{kind}").read_bytes()
    assert b"CreationDate" not in content
    assert b"<dc:date>" not in content
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"first.{kind}", f"second.{kind}"]


def test_colours_and_labels_change_the_picture(tree, tmp_path):
    classes = np.array([0, 0, 1, -1])
    variants = [{}, {"colours": LOSSES}, {"colours": classes}, {"label_ids": [2]}, {"title": "t"}]
    pictures = set()
    for variant in variants:
        draw_tree(tree, tmp_path / "tree.svg", **variant)
        pictures.add((tmp_path / "tree.svg").read_bytes())
    assert len(pictures) == len(variants)


def test_a_path_profile_is_deterministic_and_straight_differs_from_smooth(tmp_path):
    path = lowest_barrier_path(LOSSES, TS_LOSSES, TS_MINIMA, 0, 3)
    for name, smooth in (("a", True), ("b", True), ("c", False)):
        draw_path_profile(path, LOSSES, TS_LOSSES, tmp_path / f"{name}.svg", smooth=smooth)
    a, b, c = ((tmp_path / f"{name}.svg").read_bytes() for name in "abc")
    assert a == b
    assert a != c
    alone = lowest_barrier_path(LOSSES, TS_LOSSES, TS_MINIMA, 1, 1)
    draw_path_profile(alone, LOSSES, TS_LOSSES, tmp_path / "alone.svg")
    assert (tmp_path / "alone.svg").exists()


def test_the_smooth_profile_passes_its_points_and_stays_between_them():
    points = np.array([0.0, 1.0, 0.4, 2.0, 1.9])
    steps, curve = _profile_curve(points, True)
    np.testing.assert_array_equal(curve[np.isin(steps, np.arange(5))], points)
    for left in range(4):
        piece = curve[(steps >= left) & (steps <= left + 1)]
        change = np.diff(piece)
        assert (change >= 0).all() or (change <= 0).all()
        assert abs(change[0]) < abs(points[left + 1] - points[left]) / 100


def test_a_branch_has_the_mean_or_the_shared_class_of_what_is_below(tree):
    assert branch_means(tree, np.array([1.0, 2.0, 6.0, np.nan]))[4:6].tolist() == [1.5, 3.0]
    assert np.isnan(branch_means(tree, np.array([1.0, 2.0, 6.0, np.nan]))[6])
    assert branch_classes(tree, np.array([2, 2, 2, -1])).tolist() == [2, 2, 2, -1, 2, 2, -1]
    assert branch_classes(tree, np.array([2, 1, 2, 2])).tolist() == [2, 1, 2, 2, -1, -1, -1]


@given(st.floats(-1e8, 1e8), st.floats(1e-9, 1e8))
def test_tick_labels_tell_every_tick_in_full(low, span):
    high = low + span
    if high - low < 1e-10 * max(abs(low), abs(high)):
        return
    ticks = plotting.round_ticks(low, high)
    labels = plotting.tick_labels(ticks)
    assert len(set(labels)) == len(ticks) >= 2
    step = ticks[1] - ticks[0]
    for label, tick in zip(labels, ticks, strict=True):
        assert abs(float(label.replace("\N{MINUS SIGN}", "-")) - tick) <= 0.01 * step


def test_tick_labels_known_answers():
    assert plotting.tick_labels([0.0, 0.25, 0.5]) == ["0.00", "0.25", "0.50"]
    assert plotting.tick_labels([0.31415, 0.31416]) == ["0.31415", "0.31416"]
    assert plotting.tick_labels([-1e-7, 1e-7]) == ["\N{MINUS SIGN}1e\N{MINUS SIGN}07", "1e\N{MINUS SIGN}07"]
    assert plotting.tick_labels([]) == []


def test_other_suffixes_and_labels_that_are_not_drawn_are_refused(tree, tmp_path):
    with pytest.raises(ConfigError, match="svg, .pdf or .png"):
        draw_tree(tree, tmp_path / "tree.jpg")
    with pytest.raises(ConfigError, match="minimum 9 is to be labelled"):
        draw_tree(tree, tmp_path / "tree.svg", label_ids=[9])
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_nothing_behind(tree, tmp_path):
    target = tmp_path / "tree.svg"
    target.mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        draw_tree(tree, target)
    with pytest.raises(OutputError, match="cannot be written"):
        draw_tree(tree, tmp_path / "absent" / "tree.svg")
    assert list(tmp_path.iterdir()) == [target]


def test_matplotlib_is_loaded_only_to_draw_and_pyplot_never():
    program = (
        "import sys\n"
        "import llpathsample.plots\n"
        "assert 'matplotlib' not in sys.modules\n"
        "from llcommon.plotting import new_figure\n"
        "new_figure(2.0, 2.0)\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
