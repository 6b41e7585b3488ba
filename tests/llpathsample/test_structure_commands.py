"""`network`, `communities`, `basins`, `basin-volume` from the command line: tables, documents, figures, bad input."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from llcommon.store import read_landscape, write_landscape
from llpathsample.ktn import Network
from llpathsample.networkcommand import _classes
from llpathsample.structure.communities import communities
from llpathsample.structure.funnels import basins_of
from tests.driving import ROOT, call
from tests.networks import himmelblau, net4, random_network


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Landscape files by name."""
    folder = tmp_path_factory.mktemp("structure")
    lonely = himmelblau()
    lonely.keep(np.array([0]), np.empty(0, dtype=np.int64))
    found = {"net4": net4(), "random": random_network(1), "himmelblau": himmelblau(), "lonely": lonely}
    for name, landscape in found.items():
        write_landscape(folder / f"{name}.h5", landscape)
    return {name: folder / f"{name}.h5" for name in found}


def arrays(path):
    landscape = read_landscape(path, points=False)
    return landscape.minima.loss, landscape.transition_states.loss, landscape.transition_states.minima


def table(capsys, *arguments) -> list[dict]:
    assert call("llpathsample", *arguments) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]


def document(capsys, *arguments) -> dict:
    assert call("llpathsample", *arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def sentence(capsys, code, *arguments) -> str:
    assert call("llpathsample", *arguments) == code
    return capsys.readouterr().err


# --- network --------------------------------------------------------------------------------------


def test_network_summary_and_degrees(files, capsys):
    found = document(capsys, "network", files["himmelblau"], "--samples", 0)
    assert (found["minima"], found["edges"], found["mean_degree"], found["components"]) == (4, 4, 2.0, 1)
    assert found["path_length"] == {
        "average": pytest.approx(4 / 3), "standard_error": 0.0, "diameter": 2, "exact": True, "sources": 4,
        "rewired_mean": pytest.approx(4 / 3), "rewired_standard_deviation": pytest.approx(0.0, abs=1e-12), "z": None,
    }  # fmt: skip
    assert found["assortativity"]["value"] is None  # all degrees are equal
    rows = table(capsys, "network", files["random"], "--degrees", "--rewired", 0)
    landscape = read_landscape(files["random"], points=False)
    ends = landscape.transition_states.minima
    neighbours = [{*ends[ends[:, 0] == k, 1], *ends[ends[:, 1] == k, 0]} - {k} for k in range(len(landscape.minima))]
    assert [int(row["degree"]) for row in rows] == list(map(len, neighbours))
    edges = int((ends[:, 0] != ends[:, 1]).sum())
    assert sum(int(row["transition_states"]) for row in rows) == 2 * edges


@pytest.mark.parametrize("colour", ["community", "basin"])
def test_network_figures(files, capsys, tmp_path, colour):
    figure = tmp_path / "network.svg"
    options = ("--samples", 0, "--rewired", 0, "--lowest", 8, "--colour", colour)
    said = sentence(capsys, 0, "network", files["random"], "-o", figure, *options)
    assert "the 8 lowest of 12 minima are drawn" in said
    assert figure.read_bytes().startswith(b"<?xml")
    assert "exists" in sentence(capsys, 2, "network", files["random"], "-o", figure)


def test_colours_are_the_communities_of_the_command(capsys):
    landscape = random_network(1)
    assert _classes(landscape, "community", 3).tolist() == communities(Network.unchecked(landscape), seed=3).tolist()
    landscape.minima.replace("lpphe", 5, np.nan)
    expected = communities(Network.unchecked(landscape), weights="barrier", seed=3)
    assert _classes(landscape, "community", 3).tolist() == expected.tolist()
    assert "weighted by barriers" in capsys.readouterr().err


# --- communities ----------------------------------------------------------------------------------


def test_communities_are_those_of_the_library(files, capsys):
    rows = table(capsys, "communities", files["random"], "--temperature", 0.7, "-s", 3)
    network = Network.unchecked(read_landscape(files["random"], points=False))
    expected = communities(network, temperature=0.7, seed=3)
    assert [(int(row["id"]), int(row["community"])) for row in rows] == list(enumerate(expected.tolist()))
    found = document(capsys, "communities", files["random"], "--temperature", 0.7, "-s", 3, "--runs", 2)
    assert found["runs"] == 2
    assert found["communities"] == expected.max() + 1
    assert sum(row["minima"] for row in found["communities_found"]) == len(expected)
    assert found["communities_found"][0]["lowest"] == int(np.argmin(network.losses))


def test_communities_beside_clusters(files, capsys, tmp_path):
    figure = tmp_path / "communities.pdf"
    options = ("--weights", "barrier", "--euclidean", "k-medoids", "--resolution", 2, "-o", figure)
    found = document(capsys, "communities", files["himmelblau"], *options)
    assert found["euclidean"]["minima"] == 4
    assert found["euclidean"]["clusters"] == found["communities"]
    assert figure.read_bytes().startswith(b"%PDF")


def test_minima_without_lpphe_count_only_where_none_is_needed(capsys, tmp_path):
    landscape = random_network(1)
    landscape.minima.replace("lpphe", 5, np.nan)
    write_landscape(tmp_path / "some.h5", landscape)
    rows = table(capsys, "communities", tmp_path / "some.h5")
    assert [int(row["id"]) for row in rows] == [*range(5), *range(6, 12)]
    assert document(capsys, "communities", tmp_path / "some.h5")["minima_left_out"] == 1
    assert len(table(capsys, "communities", tmp_path / "some.h5", "--weights", "barrier")) == 12


# --- basins ---------------------------------------------------------------------------------------


def test_basins(files, capsys, tmp_path):
    found = document(capsys, "basins", files["net4"], "--threshold", 1.9, "-o", tmp_path / "basins.svg")
    assert (found["basins"], found["superbasins_at_threshold"], found["minima_below_threshold"]) == (1, 2, 4)
    assert found["rows"][0] == {
        "bottom": 0, "loss": 0.0, "minima": 4, "exit": None, "depth": None, "escape": None, "escape_barrier": None,
        "barrier_ratio": None, "escapes_to": None, "component": 0,
    }  # fmt: skip
    assert [row["basin"] for row in table(capsys, "basins", files["net4"], "--minima")] == ["0"] * 4
    rows = table(capsys, "basins", files["random"], "--pairs", 2)
    lowest = basins_of(*arrays(files["random"])).bottom[:2]
    assert [[int(row["a"]), int(row["b"])] for row in rows] == [lowest.tolist()]
    assert "two tables" in sentence(capsys, 2, "basins", files["net4"], "--pairs", 3, "--minima")


# --- basin-volume ---------------------------------------------------------------------------------

FEW = ("--populations", 3, "--points", 6, "--moves", 1, "-j", 1)


def test_basin_volume_lists_all_and_samples_some(files, capsys, tmp_path):
    rows = table(capsys, "basin-volume", files["net4"])
    assert [float(row["lpphe"]) for row in rows] == [3.0, 2.0, 1.0, 0.5]
    assert float(rows[2]["log_harmonic_measure"]) == pytest.approx(-0.5 - np.log(2.0))
    figure = tmp_path / "volumes.svg"
    options = ("--minimum", 2, "--temperature", 5.0, "--starts", 20, "-o", figure, *FEW)
    found = document(capsys, "basin-volume", files["himmelblau"], *options)
    assert found["starts"] == {"all": 20, "at_other_minima": 0, "failed": 0}
    assert sum(row["hits"] for row in found["rows"]) == 20
    sampled = found["rows"][2]
    assert sampled["status"] == "converged"
    assert sampled["log_ratio"] == pytest.approx(sampled["log_integral"] - sampled["log_harmonic"])
    assert sampled["corrected_lpphe"] == pytest.approx(sampled["lpphe"] - 2.0 * sampled["log_ratio"])
    assert [row["status"] for row in found["rows"]] == [None, None, "converged", None]
    assert b"svg" in figure.read_bytes()[:300]
    (row,) = table(capsys, "basin-volume", files["himmelblau"], "--lowest", 1, "--radius", 0.1, "--only", *FEW)
    assert float(row["log_volume"]) == pytest.approx(np.log(np.pi * 0.01), abs=0.8)


def test_the_default_temperature_is_said(files, capsys):
    said = sentence(capsys, 0, "basin-volume", files["himmelblau"], "--lowest", 1, *FEW)
    assert "kappa T / 2 is the median barrier" in said


def test_a_time_limit_reports_what_there_is(files, capsys):
    options = ("--lowest", 2, "--temperature", 5.0, "--time-limit", "1e-9", *FEW)
    assert call("llpathsample", "basin-volume", files["himmelblau"], *options) == 4
    shown = capsys.readouterr()
    assert shown.out.count("time-limit") == 2
    assert "no basin could be sampled" in shown.err


# --- little and bad input -------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["network", "communities", "basins", "basin-volume"])
def test_one_minimum_is_enough(files, capsys, command):
    said = sentence(capsys, 0, command, files["lonely"])
    if command != "basin-volume":
        assert "no transition state" in said


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("basin-volume", "net4", "--minimum", 0), 3, "holds no coordinates"),
        (("basin-volume", "himmelblau", "--minimum", 9), 2, "minimum 9 does not exist"),
        (("basin-volume", "lonely", "--lowest", 1), 2, "give --temperature or --radius"),
        (("basin-volume", "net4", "-o", "a.svg"), 2, "choose some by --minimum or --lowest"),
        (("communities", "net4", "--euclidean", "hierarchical"), 3, "holds no coordinates"),
        (("communities", "net4", "--temperature", "nan"), 2, "finite number above zero"),
        (("network", "net4", "-o", "a.gif"), 2, ".svg, .pdf or .png"),
    ],
)
def test_bad_input_is_one_sentence(files, capsys, arguments, code, words):
    command, name, *options = arguments
    said = sentence(capsys, code, command, files[name], *options)
    assert words in said
    assert "Traceback" not in said


# --- documentation --------------------------------------------------------------------------------


def test_every_command_of_the_document_works(files, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("landscape.h5").write_bytes(files["himmelblau"].read_bytes())
    text = (ROOT / "docs" / "structure.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\$ llpathsample (.*)$", text, flags=re.M)
    assert len(commands) == 6
    for command in commands:
        jobs = ("-j", 1) if "volume" in command else ()
        assert call("llpathsample", *command.split(" > ")[0].split(), *jobs) == 0, command
    assert all(Path(f"{name}.svg").stat().st_size > 1000 for name in ("network", "degrees", "basins"))
