"""The sections of a TOML file: all are checked at once, and settings round-trip through tables."""

import json
import tomllib
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llcommon.config import keys_of, parse_table, setting, table_of
from llcommon.errors import ConfigError
from llcommon.settings import SECTIONS, Settings, parse_settings, settings_to_tables, template


@dataclass(frozen=True)
class Net:
    hidden: list[int] = setting([10], help="widths of the hidden layers", minimum=1)
    lambda_: float = setting(1e-4, help="strength of the L2 term", key="lambda", minimum=0.0)
    positive: str | None = setting(None, help="positive class")


def loss_parameters(name: str) -> type:
    return {"mlp": Net}[name]


def parse(tables: dict, problems=()) -> Settings:
    return parse_settings(tables, "iris.toml", loss_parameters, ["mlp", "gp"], problems)


def sentences(tables: dict, problems=()) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        parse(tables, problems)
    return str(raised.value).split("\n")


def test_defaults():
    settings = parse({"loss": {"model": "mlp"}})
    assert settings.loss_model == "mlp"
    assert settings.loss == {"hidden": [10], "lambda": 1e-4}
    for name, cls in SECTIONS.items():
        assert getattr(settings, name) == cls()
    assert settings.search.temperature is None
    assert settings.data.scaling == "standardise"


@pytest.mark.parametrize("name", SECTIONS)
def test_defaults_are_within_their_own_ranges(name):
    problems = []
    assert parse_table(SECTIONS[name], table_of(SECTIONS[name]()), name, problems) == SECTIONS[name]()
    assert problems == []


@pytest.mark.parametrize("name", SECTIONS)
def test_every_key_has_help(name):
    assert all(key.rule.help for key in keys_of(SECTIONS[name]))


POSITIVE = st.floats(1e-12, 1e12)


@given(
    hidden=st.lists(st.integers(1, 50), max_size=3),
    temperature=st.none() | POSITIVE,
    features=st.none() | st.lists(st.text(max_size=5), max_size=3),
    seed=st.integers(0, 2**63 - 1),
    spring=POSITIVE,
)
def test_settings_round_trip(hidden, temperature, features, seed, spring):
    optional = {"search": {"temperature": temperature}, "data": {"features": features}}
    tables = {
        "loss": {"model": "mlp", "hidden": hidden},
        "connect": {"spring": spring, "seed": seed},
        **{
            name: {key: value for key, value in table.items() if value is not None}
            for name, table in optional.items()
        },
    }
    settings = parse(tables)
    assert settings.loss["hidden"] == hidden
    assert settings.search.temperature == temperature
    assert parse(settings_to_tables(settings)) == settings
    assert parse(json.loads(json.dumps(settings_to_tables(settings)))) == settings


def test_all_problems_of_all_sections_are_listed_at_once():
    found = sentences(
        {
            "loss": {"model": "mlp", "hidden": "ten"},
            "serch": {},
            "search": {"stepz": 3, "steps": -5},
            "grow": 3,
            "quench": {"rms": 1e-3},
            "connect": {"minimum_images": 61},
        },
        ["--set x must have the form section.key=value"],
    )
    assert found == [
        "--set x must have the form section.key=value",
        "iris.toml: [serch] is not a known section; did you mean search?",
        'iris.toml: [loss] hidden must be a list of integers, not "ten"',
        "iris.toml: [quench] rms must be at most sloppy_rms, 1e-06, not 0.001",
        "iris.toml: [search] stepz is not a known key; did you mean steps?",
        "iris.toml: [search] steps must be at least 1, not -5",
        "iris.toml: [connect] maximum_images must be at least minimum_images, 61, not 60",
        "iris.toml: grow must be a table, headed by a line [grow]",
    ]


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({}, "model is missing; it names the loss model, one of mlp, gp"),
        ({"loss": {"model": "mpl"}}, "model mpl is not a known loss model; did you mean mlp?"),
        ({"loss": {"model": 3}}, "model must be a string in quotes, not 3"),
    ],
)
def test_loss_model_must_be_known(tables, sentence):
    assert sentences(tables) == [f"iris.toml: [loss] {sentence}"]


@pytest.mark.parametrize("value", [0, 1, -0.5])
def test_target_acceptance_is_a_proper_fraction(value):
    (sentence,) = sentences({"loss": {"model": "mlp"}, "search": {"target_acceptance": value}})
    assert "target_acceptance must be" in sentence


def test_template_is_a_valid_file_with_the_given_values():
    text = template("mlp", Net, {"data": {"file": "iris.csv"}, "loss": {"hidden": [4]}})
    settings = parse(tomllib.loads(text))
    expected = parse({"loss": {"model": "mlp", "hidden": [4]}, "data": {"file": "iris.csv"}})
    assert settings == expected
    assert max(len(line) for line in text.splitlines()) <= 200
