"""Temperatures and sets as the options of analyses give them."""

import click
import numpy as np
import pytest
from click.testing import CliRunner
from networks import himmelblau, net4

from llcommon.errors import ConfigError, InputError
from llcommon.interchange.models import table_landscape
from llpathsample.analysiscommands import (
    between_sets,
    chosen_sets,
    complete_network,
    given_temperatures,
    temperature_options,
)


@click.command()
@temperature_options()
def _asked(temperature, temperatures):
    found = given_temperatures(temperature, temperatures)
    click.echo("none" if found is None else " ".join(f"{value:.6g}" for value in found))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "none"),
        (["--temperature", "2", "--temperature", "0.5", "--temperature", "2"], "0.5 2"),
        (["--temperatures", "0.01:1:3", "--temperature", "0.5"], "0.01 0.1 0.5 1"),
    ],
)
def test_temperatures_rise_and_come_once(words, said):
    assert CliRunner().invoke(_asked, words).output.strip() == said


@pytest.mark.parametrize(
    "words",
    [["--temperature", "0"], ["--temperature", "-1"], ["--temperatures", "1:0.1:5"], ["--temperatures", "0:1:5"],
     ["--temperatures", "1:2:1"], ["--temperatures", "1:2"], ["--temperatures", "a:b:c"]],
)
def test_temperatures_that_make_no_sense(words):
    result = CliRunner().invoke(_asked, words)
    assert result.exit_code == 2
    assert words[1] in result.output


def test_no_temperature_is_infinite():
    with pytest.raises(ConfigError, match="finite"):
        given_temperatures([float("nan")], None)


def test_sets_by_rules_and_by_themselves(tmp_path):
    a, b = chosen_sets(net4(), None, None)  # those that were imported
    assert a.tolist() == [0] and b.tolist() == [3]
    landscape = himmelblau()
    a, b = chosen_sets(landscape, "1", None)
    assert a.tolist() == [1] and b.tolist() == [0, 2, 3]
    a, b = chosen_sets(landscape, "rest", "0, 2-3")
    assert a.tolist() == [1] and b.tolist() == [0, 2, 3]
    (tmp_path / "ids").write_text("3\n1\n")
    a, b = chosen_sets(landscape, f"file {tmp_path / 'ids'}", "0")
    assert a.tolist() == [1, 3] and b.tolist() == [0]


def test_sets_by_default_are_told(tmp_path, capsys):
    imported, ring = net4(), himmelblau()
    between_sets(imported, complete_network(imported, tmp_path), None, None)
    assert not capsys.readouterr().err
    between_sets(ring, complete_network(ring, tmp_path), "1", None)
    assert capsys.readouterr().err == "set B: all 3 minima besides A; --set-b names others\n"


def test_sets_that_overlap_or_name_nothing():
    landscape = net4()
    with pytest.raises(ConfigError, match="minimum 1 and 1 more is in both"):
        chosen_sets(landscape, "0-2", "1-3")
    with pytest.raises(ConfigError, match="--set-b.*names no minimum"):
        chosen_sets(landscape, "0", "below -100")
    with pytest.raises(ConfigError, match="--set-a"):
        chosen_sets(landscape, "", None)


def test_points_without_lpphe_are_counted(tmp_path):
    landscape = net4()
    whole = complete_network(landscape, tmp_path)
    assert whole.omissions() == {"minima_left_out": 0, "transition_states_left_out": 0}
    landscape.minima.replace("lpphe", 3, np.nan)
    lost = int((landscape.transition_states.minima == 3).any(axis=1).sum())
    part = complete_network(landscape, tmp_path)
    assert part.ids.tolist() == [0, 1, 2]
    assert part.omissions() == {"minima_left_out": 1, "transition_states_left_out": lost}
    landscape.minima.set("lpphe", np.full(4, np.nan))
    with pytest.raises(InputError, match="recompute"):
        complete_network(landscape, tmp_path)
    with pytest.raises(InputError, match="no minima"):
        complete_network(table_landscape(6), tmp_path)
