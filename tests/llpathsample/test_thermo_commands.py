"""heat-capacity, occupations, entropy, free-energy and frustration on the command line."""

import json
import shutil

import networks
import numpy as np
import pytest
from driving import call

from llcommon.losses import build
from llcommon.store import read_landscape, write_landscape
from llpathsample.thermodynamics.heatcapacity import heat_capacity
from tests.llpathsample.test_observables import NET4


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    """The file of four minima and six degrees of freedom."""
    file = tmp_path_factory.mktemp("four") / "net4.h5"
    write_landscape(file, networks.net4())
    return file


@pytest.fixture
def folder(four, tmp_path, monkeypatch):
    """A copy of net4.h5 in the present folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(four, tmp_path)
    return tmp_path


@pytest.fixture
def drawn(monkeypatch) -> list:
    """Figures that commands draw; they are not rendered, which takes most of the time."""
    figures = []
    monkeypatch.setattr("llcommon.plotting.save_figure", lambda figure, path: figures.append(figure))
    return figures


def document(capsys, *command) -> dict:
    capsys.readouterr()
    assert call("llpathsample", *command, "--json", "-q") == 0
    return json.loads(capsys.readouterr().out)


def table(capsys, *command) -> list[dict]:
    capsys.readouterr()
    assert call("llpathsample", *command, "-q") == 0
    header, *lines = (line.split("\t") for line in capsys.readouterr().out.splitlines())
    return [dict(zip(header, line, strict=True)) for line in lines]


def said(capsys, code: int, *command) -> str:
    capsys.readouterr()
    assert call("llpathsample", *command) == code
    return capsys.readouterr().err


def changed(folder, name: str, change) -> str:
    """A copy of the landscape, changed."""
    landscape = read_landscape(folder / "net4.h5")
    change(landscape)
    write_landscape(folder / name, landscape)
    return name


def test_heat_capacity_is_what_pathsample_printed(folder, capsys):
    """Digit for digit, with kinetic energy and without."""
    for name, options in (("Cv.out", []), ("Cv.config.out", ["--configurational"])):
        printed = [line.split()[:2] for line in (networks.NET4 / name).read_text().splitlines()]
        words = [word for temperature, _ in printed for word in ("--temperature", temperature)]
        rows = table(capsys, "heat-capacity", "net4.h5", *words, *options)
        digits = [f"{float(row['heat_capacity']):.10g}" for row in rows]
        assert len(digits) == 10 and digits == [f"{float(value):.10g}" for _, value in printed]


def test_zero_modes_are_no_degrees_of_freedom():
    for model, parameters, expected in (
        ("lj", {"atoms": 7}, 15), ("lj", {"atoms": 2}, 1), ("himmelblau", {}, 2),
        ("tabulated", {"degrees_of_freedom": 6}, 6),
    ):  # fmt: skip
        loss = build(model, parameters)
        x = loss.random_start(np.random.default_rng(1)) if loss.dimension else np.empty(0)
        assert loss.degrees_of_freedom(x) == expected


def test_the_document_holds_all(folder, capsys):
    found = document(capsys, "heat-capacity", "net4.h5", "--top", 2)
    assert found["degrees_of_freedom"] == 6 and found["temperatures"] == "automatic"
    result = heat_capacity(NET4, 6.0, top=2)
    low, high = found["peak_range"]
    assert low < found["peaks"][0]["temperature"] < high
    assert [row["temperature"] for row in found["rows"]] == result.shown.temperatures.tolist()
    assert [(row["side"], row["minimum"], row["minima"]) for row in found["minima"]] == [
        ("gains", 3, 1), ("gains", 1, 1), ("gains", None, 1), ("loses", 0, 1)
    ]  # fmt: skip
    assert sum(row["share"] for row in found["minima"]) == pytest.approx(1.0, abs=1e-12)
    assert [row["minima"] for row in found["convergence"]] == [1, 2, 4] and found["settled_with"] == 4
    for name in ("peaks", "minima", "convergence"):
        rows = table(capsys, "heat-capacity", "net4.h5", "--top", 2, "--table", name)
        assert [list(row) for row in rows] == [list(row) for row in found[name]]


def test_points_without_lpphe_are_left_out_and_told(folder, capsys):
    name = changed(folder, "part.h5", lambda landscape: landscape.minima.replace("lpphe", 2, np.nan))
    message = said(capsys, 0, "heat-capacity", name, "--temperature", 0.5)
    assert "part.h5: 1 minima and 2 transition states are left out: no LPPHE, or of such minima" in message
    assert "warning" not in message
    found = document(capsys, "heat-capacity", name)
    assert found["minima_left_out"] == 1
    assert {row["minimum"] for row in found["minima"]} == {0, 1, 3}  # ids of the landscape
    # The path to minimum 3 over the one that is left out still counts: barriers are of the whole network.
    rows = document(capsys, "frustration", name, "--temperature", 0.5)
    assert rows["landscapes"][0]["unconnected_left_out"] == 0 and rows["landscapes"][0]["minima_left_out"] == 1
    weights = np.exp(-NET4.losses / 0.5 - 0.5 * NET4.lpphe)[[0, 1, 3]]
    f = (weights[1] * 1.0 + weights[2] * 0.8 / 1.2) / weights.sum()
    at = {row["temperature"]: row["frustration"] for row in rows["rows"]}
    assert at[0.5] == pytest.approx(f, rel=1e-12)


def test_a_global_minimum_without_lpphe_is_told(folder, capsys):
    name = changed(folder, "headless.h5", lambda landscape: landscape.minima.replace("lpphe", 0, np.nan))
    message = said(capsys, 0, "occupations", name, "--temperature", 0.5)
    assert "warning: headless.h5: the global minimum is one of them; compute its LPPHE" in message


NO_STATES = np.empty(0, dtype=np.int64)


def test_a_landscape_without_transition_states(folder, capsys, drawn):
    name = changed(folder, "bare.h5", lambda landscape: landscape.keep(np.arange(4), NO_STATES))
    message = said(capsys, 0, "heat-capacity", name, "-o", "bare.svg")
    assert "without peaks or transition states the figure has no trees" in message and "are drawn" not in message
    assert [len(figure.axes) for figure in drawn] == [1]
    message = said(capsys, 0, "frustration", name)
    assert "bare.h5: 3 minima that are not connected to the global minimum are left out" in message
    assert "no minimum is left for the frustration" in message
    (only,) = document(capsys, "frustration", name, "--temperature", 0.5)["landscapes"]
    assert only["unconnected_left_out"] == 3
    assert {row["scaled_frustration"] for row in document(capsys, "frustration", name)["rows"]} == {None}


def test_one_loss_is_no_peak(folder, capsys):
    name = changed(folder, "one.h5", lambda landscape: landscape.keep(np.array([1]), NO_STATES))
    message = said(capsys, 0, "heat-capacity", name)
    assert "there is a single minimum, so the heat capacity is its constant and has no peak; the tem" in message
    found = document(capsys, "heat-capacity", name, "--temperatures", "0.1:1:3")
    assert found["peaks"] == found["minima"] == found["convergence"] == [] and found["peak_range"] is None
    assert [row["heat_capacity"] for row in found["rows"]] == [6.0, 6.0, 6.0]
    message = said(capsys, 0, "frustration", name)
    assert "so occupations do not change with temperature; the temperature is 1" in message and "grow" not in message
    name = changed(folder, "alike.h5", lambda landscape: landscape.minima.set("loss", np.full(4, -1.0)))
    message = said(capsys, 0, "frustration", name)
    assert "all minima have the same loss" in message and "3 minima that have the loss of the global" in message
    assert "no minimum is left for the frustration, which is 0\n" in message


def test_what_is_not_shown_is_told(folder, capsys, drawn):
    message = said(capsys, 0, "heat-capacity", "net4.h5", "--temperatures", "1:2:3", "-o", "hot.svg")
    assert "no peak is between the temperatures asked for" in message and "are drawn" not in message
    message = said(capsys, 0, "heat-capacity", "net4.h5", "--lowest", 3, "-o", "low.svg")
    assert "3 of 4 minima are drawn\nnote: 1 minima that make peaks are not among them\n" in message
    assert "not among" not in said(capsys, 0, "heat-capacity", "net4.h5", "-o", "all.svg")
    assert [len(figure.axes) for figure in drawn] == [1, 2, 2]
    name = changed(folder, "faint.h5", lambda landscape: landscape.minima.set("loss", np.array([0.0, 0.5, 0.8, 1e9])))
    landscape = read_landscape(folder / name)
    landscape.minima.replace("lpphe", 3, 40.0)
    write_landscape(folder / name, landscape)
    assert "note: 1 maxima of a prominence below 0.0001" in said(capsys, 0, "heat-capacity", name)
    found = document(capsys, "heat-capacity", name)
    assert found["slight_maxima_left_out"] == 1 and len(found["peaks"]) == 1
    message = said(capsys, 0, "free-energy", "net4.h5", "--temperature", 1, "--temperature", 1e308)
    assert "from T = 1e+308 on energies are too large for a number" in message
    assert "1e-100 to 1e100" in said(capsys, 2, "entropy", "net4.h5", "--temperatures", "1e-300:1:5", "-o", "cold.svg")
    assert len(drawn) == 3


def test_figures_of_all_commands(folder, capsys):
    for command, *words in (
        ["heat-capacity"], ["occupations"], ["entropy"], ["free-energy", "--group", "0", "--group", "1-3"],
        ["frustration"],
    ):  # fmt: skip
        assert call("llpathsample", command, "net4.h5", *words, "-o", "figure.svg", "-f", "-q") == 0
        first = (folder / "figure.svg").read_bytes()
        assert first.startswith(b"<?xml") and len(first) > 5000
    assert "--force" in said(capsys, 2, "entropy", "net4.h5", "-o", "figure.svg")
    assert "end the name" in said(capsys, 2, "entropy", "net4.h5", "-o", "figure.jpg")


def test_a_single_temperature_is_seen():
    """A curve of one point has a dot, or the figure is empty."""
    from llpathsample.thermodynamics import figures, freeenergy, frustration, occupations

    at = np.array([0.5])
    free = freeenergy.free_energies(NET4, at, freeenergy.Superposition(6, 0.0), [np.array([0])])
    drawn = [
        figures.draw_heat_capacity(heat_capacity(NET4, 6.0, at)),
        figures.draw_occupations(occupations.occupations(NET4, at, np.arange(2)), np.arange(2)),
        figures.draw_entropy(free, [0.26]),
        figures.draw_free_energies(free, ["0"], [0.26]),
        figures.draw_frustration([frustration.frustration_curves(NET4, at)], ["net4"], [[]]),
    ]
    for figure in drawn:
        lines = [line for axes in figure.axes for line in axes.lines]
        assert lines and all(line.get_marker() not in (None, "None", "") for line in lines)


def test_several_landscapes_in_one_table(folder, capsys):
    changed(folder, "bare.h5", lambda landscape: landscape.keep(np.arange(4), NO_STATES))
    rows = table(capsys, "frustration", "net4.h5", "bare.h5", "--temperature", 0.25, "--temperature", 0.75)
    assert [row["landscape"] for row in rows] == ["net4"] * 3 + ["bare"] * 3
    (peak,) = [row for row in rows if row["peak"] == "true" and row["landscape"] == "net4"]
    assert float(peak["temperature"]) == pytest.approx(0.261814642, rel=1e-8)
    assert float(rows[0]["scaled_frustration"]) == pytest.approx(0.94630, abs=5e-6)
    other = table(capsys, "frustration", "net4.h5", "--temperature", 0.25, "--barrier-from", "global")
    shares = np.array([0.17069, 0.04238, 0.02197])  # printed by the original suite
    expected = shares @ (np.array([1.0, 1.5, 2.0]) / [0.5, 0.8, 1.2]) / shares.sum()
    assert float(other[0]["scaled_frustration"]) == pytest.approx(expected, rel=1e-4)
    (folder / "sub").mkdir()
    (folder / "net4.h5").rename(folder / "sub" / "bare.h5")
    rows = table(capsys, "frustration", "bare.h5", "sub/bare.h5", "--temperature", 0.25)
    assert {row["landscape"] for row in rows} == {"bare.h5", "sub/bare.h5"}


def test_occupations_entropies_and_free_energies(folder, capsys):
    (row,) = table(capsys, "occupations", "net4.h5", "--temperature", 0.25, "--minima", "0, 3")
    assert float(row["minimum_0"]) == pytest.approx(0.76496, abs=5e-6)
    assert sum(float(row[name]) for name in ("minimum_0", "minimum_3", "others")) == pytest.approx(1.0, abs=1e-14)
    (row,) = table(capsys, "occupations", "net4.h5", "--temperature", 0.25, "--top", 2)
    assert list(row) == ["temperature", "minimum_0", "minimum_1", "others"]
    (row,) = document(capsys, "entropy", "net4.h5", "--temperature", 0.25)["rows"]
    assert row["shannon_entropy"] == pytest.approx(0.72458, abs=5e-6)
    assert row["equivalent_minima"] == pytest.approx(np.exp(row["shannon_entropy"]), rel=1e-14)
    found = document(capsys, "free-energy", "net4.h5", "--temperature", 0.25, "--group", "0", "--group", "1-3")
    (free,) = found["rows"]
    assert found["groups"] == [{"rule": "0", "minima": 1}, {"rule": "1-3", "minima": 3}]
    assert free["entropy"] == pytest.approx(row["entropy"], rel=1e-14)
    assert np.exp((free["free_energy"] - free["group_0"]) / 0.25) == pytest.approx(0.76496, abs=5e-6)
    assert "names no minimum" in said(capsys, 2, "occupations", "net4.h5", "--minima", "below -9")
    assert "--group names minimum 9" in said(capsys, 2, "free-energy", "net4.h5", "--group", "9")


@pytest.mark.parametrize("command", ["heat-capacity", "occupations", "entropy", "free-energy", "frustration"])
@pytest.mark.parametrize("words", [["--temperature", "0"], ["--temperature", "-1"], ["--temperatures", "1:0.5:3"]])
def test_temperatures_must_be_above_zero(folder, capsys, command, words):
    message = said(capsys, 2, command, "net4.h5", *words)
    assert words[0] in message and message.count("\n") == 1
