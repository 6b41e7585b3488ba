"""`llgmin plot`: what is in the panels, equal bytes, and small files for any number of quenches."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from searches import empty_landscape, landscape_of, simulated

from llcommon import plotting
from llcommon.errors import ConfigError, InputError
from llcommon.estimates import Interval
from llcommon.store import write_landscape
from llgmin import plots
from llgmin.cli import main
from llgmin.plots import acceptance_window, draw_search, histogram_edges, moving_mean, possible_panels, running_lowest
from llgmin.scales import count_label, evenly, is_logarithmic, loss_window, thinned
from llgmin.statistics import read_record
from llgmin.statscommand import PANELS

SVG = "{http://www.w3.org/2000/svg}"


def drawn_svg(record, folder, panel=None) -> str:
    path = folder / "search.svg"
    draw_search(record, path, panel)
    return path.read_text(encoding="utf-8")


def texts(svg: str) -> list[str]:
    """All texts of a figure: glyphs are drawn as paths, beside a comment that tells the text."""
    return [text.strip() for text in re.findall(r"<!--(.*?)-->", svg, flags=re.S)]


def marks(svg: str, gid: str) -> int:
    """Number of points in a named group."""
    (group,) = [node for node in ElementTree.fromstring(svg).iter(f"{SVG}g") if node.get("id") == gid]
    return len(list(group.iter(f"{SVG}use")))


# --- files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "start"), [("svg", b"<?xml"), ("pdf", b"%PDF-"), ("png", b"\x89PNG")])
def test_equal_searches_give_equal_bytes(tmp_path, kind, start):
    # Enough quenches for points to become an image.
    for name in ("first", "second"):
        draw_search(simulated(4000, walkers=3), tmp_path / f"{name}.{kind}")
    first = (tmp_path / f"first.{kind}").read_bytes()
    assert first.startswith(start)
    assert first == (tmp_path / f"second.{kind}").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"first.{kind}", f"second.{kind}"]


@pytest.mark.parametrize(
    ("quenches", "walkers"),
    [(3000, 8), pytest.param(20_000, 100, marks=pytest.mark.slow), (1_000_000, 4)],
)
def test_figures_stay_small(tmp_path, quenches, walkers):
    record = simulated(quenches, walkers, minima=quenches // 10)
    assert len(drawn_svg(record, tmp_path)) < 4e6


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="svg, .pdf or .png"):
        draw_search(simulated(10), tmp_path / "search.jpg")


# --- panels -----------------------------------------------------------------------------------------


def test_panels_have_their_points_and_labels(tmp_path):
    record = simulated(300, walkers=2, minima=40)
    svg = drawn_svg(record, tmp_path)
    failed = int(record.failed.sum())
    assert marks(svg, "quenches") == 300 - failed
    assert marks(svg, "failed") == failed > 0
    assert marks(svg, "ranks") == record.minima.size
    assert marks(svg, "acceptance") == 0  # a line
    labels = texts(svg)
    for text in ("loss", "quench", "distinct minima", "visits", "rank of the minimum by visits", "share in a bin"):
        assert text in labels
    assert "walker 0" in labels and "lowest so far" in labels and "failed" in labels and "lowest minimum" in labels
    assert "mean over 2 \N{MULTIPLICATION SIGN} 20 quenches" in labels
    assert any(text.startswith("Chao1: ") for text in labels)


def test_many_walkers_share_a_colour_and_need_no_legend_of_their_own(tmp_path):
    for walkers, shown in ((1, False), (2, True), (8, True), (9, False), (100, False)):
        svg = drawn_svg(simulated(4 * 20 * walkers, walkers), tmp_path, "losses")
        assert ("walker 0" in texts(svg)) == shown
        colours = [colour for colour in plotting.CLASS_COLOURS if f"fill: {colour.lower()}" in svg]
        assert len(colours) == (walkers if shown else 1)
    assert "100 walkers" in texts(svg)


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_can_be_drawn_alone(tmp_path, panel):
    svg = drawn_svg(simulated(50), tmp_path, panel)
    titles = {text for text in texts(svg) if text in [title for title, _ in plots.PANELS.values()]}
    assert titles == {plots.PANELS[panel][0]}


def test_the_command_knows_the_panels():
    assert tuple(plots.PANELS) == PANELS


def test_what_a_record_does_not_tell_is_not_drawn(tmp_path):
    assert possible_panels(simulated(50)) == list(PANELS)
    assert "acceptance" not in possible_panels(simulated(50, method="multi-start"))
    untraced = read_record(landscape_of(traced=False), "file.h5")
    assert draw_search(untraced, tmp_path / "search.svg") == ["histogram", "visits"]
    with pytest.raises(InputError, match="left no trace, so panel losses cannot be drawn; take histogram or visits"):
        draw_search(untraced, tmp_path / "search.svg", "losses")
    with pytest.raises(InputError, match="file.h5: its search has no accepted steps"):
        draw_search(simulated(50, method="multi-start"), tmp_path / "search.svg", "acceptance", "file.h5")


def test_no_estimate_where_it_is_void(tmp_path):
    record = simulated(100)
    for other in (replace(record, counters={"dropped minima": 1}), replace(record, visits=record.visits + 1)):
        assert not any(text.startswith("Chao1") for text in texts(drawn_svg(other, tmp_path, "minima")))


@pytest.mark.parametrize(
    "record",
    [
        simulated(1, minima=1),
        simulated(2, walkers=2, minima=1),
        simulated(40, minima=1, failing=0.9),
        simulated(100, losses=[0.0, 0.0]),
        simulated(100, losses=[-3.0, 1e9]),
        simulated(100, losses=np.geomspace(1e-12, 1e12, 9)),
        simulated(100, losses=0.3 + 1e-7 * np.arange(20)),
        simulated(100, minima=10**6),  # nothing found twice
        replace(simulated(30, failing=0.0), loss=np.full(30, np.nan), outcome=np.zeros(30, dtype=np.uint8)),
    ],
)
def test_odd_searches_are_drawn(tmp_path, record, recwarn):
    draw_search(record, tmp_path / "search.png")
    assert [str(warning.message) for warning in recwarn] == []


def texts_overlap(record, panel=None) -> list[tuple[str, str]]:
    """Pairs of texts of a figure that lie over each other."""
    from matplotlib.text import Text

    found = []

    def look(figure, _path):
        figure.draw_without_rendering()
        renderer = figure.canvas.get_renderer()
        hidden = {id(label) for axes in figure.axes for label in hidden_tick_labels(axes)}
        shown = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
        boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in shown if id(text) not in hidden]
        for number, (text, box) in enumerate(boxes):
            found.extend((text, other) for other, its in boxes[number + 1 :] if box.overlaps(its))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, "save_figure", look)
        draw_search(record, "search.svg", panel)
    return found


def hidden_tick_labels(axes):
    """Labels of ticks outside the ends of an axis, which are not drawn."""
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        for tick in axis.get_major_ticks():
            if not low <= tick.get_loc() <= high:
                yield from (tick.label1, tick.label2)


def test_overlapping_texts_are_found(monkeypatch):
    monkeypatch.setitem(plots.PANELS, "histogram", ("Losses of the minima found", plots.PANELS["histogram"][1]))
    (pair,) = texts_overlap(simulated(500))
    assert sorted(pair) == ["d   Losses of the minima found", "minima"]


@pytest.mark.parametrize(
    "record",
    [
        simulated(10, minima=3),
        simulated(500, 8, minima=60),
        simulated(100_000, 100, minima=90_000),
        simulated(300, losses=0.3 + 1e-7 * np.arange(20)),
        simulated(300, losses=[-1.0, *np.linspace(-1.0, -0.9, 100), 50.0]),
        simulated(300, losses=np.geomspace(1e-3, 1e3, 90), method="multi-start"),
        simulated(300, losses=np.geomspace(0.013, 0.7, 5)),
        pytest.param(simulated(300, losses=np.geomspace(0.00031, 0.091, 5)), marks=pytest.mark.slow),
        pytest.param(simulated(300, losses=np.geomspace(1.7e-6, 1e-3, 5)), marks=pytest.mark.slow),
        simulated(300, losses=np.geomspace(1e-200, 1e100, 5)),
        simulated(300, losses=-1234567.891 + 0.001 * np.arange(5)),
    ],
)
def test_no_texts_overlap(record):
    assert texts_overlap(record) == []


@pytest.mark.parametrize("panel", PANELS)
def test_no_texts_overlap_in_single_panels(panel):
    assert texts_overlap(simulated(900, 8, minima=5000), panel) == []


# --- what is computed for the panels ----------------------------------------------------------------


@given(st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=1, max_size=30))
def test_running_lowest_is_the_naive_one(losses):
    record = replace(
        simulated(len(losses)), loss=np.array(losses), outcome=np.where(np.isnan(losses), 0, 1).astype(np.uint8)
    )
    steps, lowest = running_lowest(record)
    expected = [(number, loss) for number, loss in enumerate(losses, 1)
                if loss == loss and all(not other <= loss for other in losses[: number - 1])]
    assert list(zip(steps.tolist(), lowest.tolist(), strict=True)) == expected


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(1, 40))
def test_moving_means_are_the_naive_ones(values, window):
    window = min(window, len(values))
    naive = [sum(values[i : i + window]) / window for i in range(len(values) - window + 1)]
    assert moving_mean(np.array(values), window) == pytest.approx(naive)


def test_windows_are_round_and_fit():
    assert [acceptance_window(n) for n in (1, 10, 100, 1000, 5000, 10**4, 10**6)] == [1, 5, 20, 20, 100, 200, 20_000]


@given(st.integers(1, 10**6), st.integers(2, 5000))
def test_thinning_keeps_order_and_number(count, most):
    for rows in (thinned(count, most), evenly(count, most)):
        assert rows.size <= most
        assert (np.diff(rows) > 0).all()
        assert 0 <= rows[0] and rows[-1] < count
    assert thinned(count, most).size == min(count, most)
    assert evenly(count, most)[-1] == count - 1


@given(st.lists(st.floats(-1e9, 1e9, allow_subnormal=False), min_size=1, max_size=40))
def test_the_window_holds_the_lowest_and_edges_ascend(losses):
    losses = np.array(losses)
    low, high = loss_window(losses)
    assert low <= losses.min() < high
    assert (np.diff(histogram_edges(losses)) > 0).all()


def test_a_few_far_losses_are_left_above_the_axis():
    losses = np.append(np.linspace(-1.0, -0.9, 200), 1e3)
    low, high = loss_window(losses)
    assert low == -1.0 and -0.9 < high < 0.0
    assert is_logarithmic(losses + 1.1)
    assert loss_window(losses + 1.1)[1] == losses[-1] + 1.1


def test_far_losses_are_told(tmp_path):
    losses = np.append(np.linspace(-1.0, -0.9, 200), 1e3)
    record = replace(simulated(400, losses=losses), minima=losses, visits=np.ones(201, dtype=int))
    loss = record.loss.copy()
    loss[5] = 1e3
    higher = int((loss == 1e3).sum())
    labels = texts(drawn_svg(replace(record, loss=loss), tmp_path))
    assert f"{higher} higher" in labels
    assert "loss (last bin: and 1 higher)" in labels


def test_counts_are_grouped():
    thin = "\N{THIN SPACE}"
    assert [count_label(n) for n in (0.0, 999.6, 1e6, 1.26e8)] == ["0", f"1{thin}000", f"1{thin}000{thin}000", "1.3e8"]


def test_a_far_estimate_does_not_flatten_the_curve(tmp_path, monkeypatch):
    monkeypatch.setattr(plots, "chao1", lambda counts: Interval(1e4, 5e3, 3e4))
    record = simulated(300, minima=40)
    svg = drawn_svg(record, tmp_path, "minima")
    assert marks(svg, "beyond") == 1
    assert any("10\N{THIN SPACE}000 (5\N{THIN SPACE}000" in text for text in texts(svg))


# --- the command ------------------------------------------------------------------------------------


def plot(landscape, folder, *arguments):
    file = folder / "landscape.h5"
    write_landscape(file, landscape)
    return CliRunner().invoke(main, ["plot", str(file), *map(str, arguments)])


def test_plot_writes_and_says_what(tmp_path):
    output = tmp_path / "search.svg"
    result = plot(landscape_of(), tmp_path, "-o", output)
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"the figure is {output} (losses, acceptance, minima, histogram, visits)" in result.stderr
    assert "not independent draws" in result.stderr
    assert plot(landscape_of(), tmp_path, "-o", output).exit_code == 2
    again = plot(landscape_of(), tmp_path, "-o", output, "-f", "--panel", "visits")
    assert again.exit_code == 0 and "independent" not in again.stderr


def test_plot_without_a_trace_says_so(tmp_path):
    result = plot(landscape_of(traced=False), tmp_path, "-o", tmp_path / "search.png")
    assert result.exit_code == 0
    assert "holds no trace of its search" in result.stderr
    alone = plot(landscape_of(traced=False), tmp_path, "-o", tmp_path / "losses.png", "--panel", "losses")
    assert alone.exit_code == 3
    assert "panel losses cannot be drawn" in alone.stderr
    assert not (tmp_path / "losses.png").exists()


def test_plot_of_nothing(tmp_path):
    assert plot(empty_landscape(), tmp_path, "-o", tmp_path / "search.svg").exit_code == 4
    assert plot(landscape_of(), tmp_path, "-o", tmp_path / "search.txt").exit_code == 2
