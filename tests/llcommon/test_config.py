"""The settings machinery: every problem is one sentence, and tables round-trip."""

import subprocess
import sys
import tomllib
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llcommon.config import (
    apply_overrides,
    canonical_json,
    fingerprint,
    keys_of,
    nearest,
    parse_table,
    read_toml,
    setting,
    table_of,
    template_table,
    toml_value,
)
from llcommon.errors import ConfigError, InputError

WHERE = "iris.toml: [loss]"


@dataclass(frozen=True)
class Example:
    name: str = setting(help="what to call it")
    hidden: list[int] = setting([10], help="widths of the hidden layers", unit="units", minimum=1, maximum=99)
    lambda_: float = setting(1e-4, help="strength of the L2 term", key="lambda", minimum=0.0)
    acceptance: float = setting(0.5, help="accepted fraction", above=0.0, below=1.0)
    activation: str = setting("tanh", help="activation", choices=("tanh", "relu", "sine"))
    biases: bool = setting(True, help="biases are regularised")
    step: float | None = setting(None, help="step; unset: by the model", above=0.0)
    tags: list[str] | None = setting(None, help="free words")
    low: int = setting(1, help="lower end", minimum=-5)
    high: int = setting(2, help="upper end")

    def __post_init__(self):
        if self.low > self.high:
            raise ValueError(f"low must be at most high, {self.high}, not {self.low}")


def problems_of(**table) -> list[str]:
    problems: list[str] = []
    instance = parse_table(Example, {"name": "a", **table}, WHERE, problems)
    assert (instance is None) == bool(problems)
    return problems


FINITE = st.floats(allow_nan=False, allow_infinity=False)
# TOML text is Unicode without surrogates.
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
EXAMPLES = st.builds(
    Example,
    name=TEXT,
    hidden=st.lists(st.integers(1, 99), max_size=4),
    lambda_=FINITE.map(abs),
    acceptance=st.floats(0, 1, exclude_min=True, exclude_max=True),
    activation=st.sampled_from(["tanh", "relu", "sine"]),
    biases=st.booleans(),
    step=st.none() | st.floats(0, 1e300, exclude_min=True),
    tags=st.none() | st.lists(TEXT, max_size=3),
    low=st.integers(-5, 2),
    high=st.integers(2, 2**63 - 1),
)


@given(EXAMPLES)
def test_table_round_trips(example):
    problems = []
    assert parse_table(Example, table_of(example), WHERE, problems) == example
    assert problems == []


@given(EXAMPLES)
def test_template_read_back_gives_the_values(example):
    table = table_of(example)
    text = template_table("loss", Example, table)
    assert tomllib.loads(text) == {"loss": table}


def test_table_uses_toml_keys_and_leaves_none_out():
    table = table_of(Example(name="a"))
    assert table["lambda"] == 1e-4
    assert "lambda_" not in table and "step" not in table


def test_integer_is_accepted_for_a_float():
    example = parse_table(Example, {"name": "a", "lambda": 2}, WHERE, [])
    assert type(example.lambda_) is float and example.lambda_ == 2.0


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"hiden": [3]}, "hiden is not a known key; did you mean hidden?"),
        ({"lambda_": 1.0}, "lambda_ is not a known key; did you mean lambda?"),
        ({"hidden": "ten"}, 'hidden must be a list of integers, not "ten"'),
        ({"hidden": [3, "ten"]}, 'element 2 of hidden must be an integer, not "ten"'),
        ({"hidden": [3, True]}, "element 2 of hidden must be an integer, not true"),
        ({"hidden": [0]}, "element 1 of hidden must be at least 1, not 0"),
        ({"hidden": [100]}, "element 1 of hidden must be at most 99, not 100"),
        ({"low": -6}, "low must be at least -5, not -6"),
        ({"low": True}, "low must be an integer, not true"),
        ({"low": 1.0}, "low must be an integer, not 1.0"),
        ({"biases": 1}, "biases must be true or false, not 1"),
        ({"lambda": False}, "lambda must be a number, not false"),
        ({"lambda": float("nan")}, "lambda must be a finite number, not nan"),
        ({"lambda": float("inf")}, "lambda must be a finite number, not inf"),
        ({"acceptance": 0}, "acceptance must be above 0.0, not 0.0"),
        ({"acceptance": 1.0}, "acceptance must be below 1.0, not 1.0"),
        ({"high": 2**63}, f"high must be an integer of at most 64 bits, not {2**63}"),
        ({"activation": "tan"}, 'activation must be "tanh", "relu" or "sine", not "tan"; did you mean tanh?'),
        ({"name": 5}, "name must be a string in quotes, not 5"),
        ({"low": 9}, "low must be at most high, 2, not 9"),
    ],
)
def test_each_fault_is_one_sentence(table, sentence):
    assert problems_of(**table) == [f"{WHERE} {sentence}"]


def test_all_problems_are_collected():
    problems = []
    assert parse_table(Example, {"low": "x", "zzz": 1, "hidden": [0]}, WHERE, problems) is None
    assert len(problems) == 4
    assert problems[0].startswith(f"{WHERE} zzz is not a known key; known: name, hidden, lambda")
    assert f"{WHERE} name is missing and has no default (what to call it)" in problems


def test_long_values_are_cut_short_in_messages():
    (problem,) = problems_of(hidden="x" * 1000)
    assert len(problem) < 150


def test_list_defaults_are_not_shared():
    Example(name="a").hidden.append(5)
    assert Example(name="a").hidden == [10]


def test_optional_setting_must_default_to_none():
    @dataclass
    class Wrong:
        step: float | None = setting(1.0, help="step")

    with pytest.raises(TypeError, match="default None"):
        keys_of(Wrong)


def test_unsupported_annotation_is_refused():
    @dataclass
    class Wrong:
        step: dict = setting(None, help="step")

    with pytest.raises(TypeError, match="not a kind of setting"):
        keys_of(Wrong)


# --- template ---------------------------------------------------------------------------------


def test_template_comments_help_unit_and_range():
    lines = template_table("loss", Example, {"name": "b"}).splitlines()
    assert lines[:3] == ["[loss]", "# what to call it (required)", 'name = "b"']
    assert "# widths of the hidden layers (units; at least 1; at most 99)" in lines
    assert '# activation ("tanh", "relu" or "sine")' in lines
    assert "lambda = 0.0001" in lines
    assert "# step = " in lines


def test_template_comments_out_a_required_key_without_value():
    assert "# name = " in template_table("loss", Example, None).splitlines()


@given(st.recursive(TEXT | FINITE | st.booleans() | st.integers(), st.lists, max_leaves=5))
def test_toml_value_is_toml(value):
    assert tomllib.loads(f"x = {toml_value(value)}") == {"x": value}


# --- overrides ----------------------------------------------------------------------------------


def overridden(*overrides):
    tables = {"search": {"steps": 1}}
    problems = []
    apply_overrides(tables, overrides, problems, ["loss", "grow"])
    return tables, problems


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("1e-3", 1e-3),
        ("true", True),
        ("[3, 4]", [3, 4]),
        ('"5"', "5"),
        ("iris.csv", "iris.csv"),
        ("a=b", "a=b"),
        ("", ""),
        ("1\nother = 2", "1\nother = 2"),
    ],
)
def test_override_value(text, value):
    tables, problems = overridden(f"search.steps={text}")
    assert problems == []
    assert tables == {"search": {"steps": value}}
    assert type(tables["search"]["steps"]) is type(value)


def test_override_opens_a_known_section():
    assert overridden("loss.hidden=[1]")[0] == {"search": {"steps": 1}, "loss": {"hidden": [1]}}


def test_override_problems_are_all_listed():
    tables, problems = overridden("serch.steps=5", "steps=5", "search.steps", "grow.=1")
    assert tables == {"search": {"steps": 1}}
    assert problems == [
        "--set serch.steps=5: serch is not a known section; did you mean search?",
        "--set steps=5 must have the form section.key=value",
        "--set search.steps must have the form section.key=value",
        "--set grow.=1 must have the form section.key=value",
    ]


def test_override_of_a_section_that_is_no_table():
    problems = []
    apply_overrides({"search": 3}, ["search.steps=5"], problems)
    assert problems == ["--set search.steps=5: search is not a table in the file"]


# --- files --------------------------------------------------------------------------------------


def test_read_toml_with_byte_order_mark(tmp_path):
    path = tmp_path / "a.toml"
    path.write_bytes(b"\xef\xbb\xbf[search]\r\nsteps = 3\r\n")
    assert read_toml(path) == {"search": {"steps": 3}}


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"[search\nsteps = 1\n", "line 1, column 8"),
        (b"[search]\nsteps = = 1\n", "line 2, column 9"),
        (b"a = 1\nb = [1,", "line 2, column 8"),
        (b"a = 1\na = 2\n", "line 2, column 6"),
        (b"a = 1\nb = \"\xff\"\n", "line 2, column 6 is not UTF-8"),
    ],
)
def test_bad_toml_names_line_and_column(tmp_path, content, place):
    path = tmp_path / "a.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        read_toml(path)
    assert f"a.toml: {place} " in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("name", "words"), [("none.toml", "does not exist"), (".", "is a folder")])
def test_unreadable_files_are_input_errors(tmp_path, name, words):
    with pytest.raises(InputError, match=words):
        read_toml(tmp_path / name)


def test_null_character_in_a_file_name_is_an_input_error():
    with pytest.raises(InputError, match="cannot be read"):
        read_toml("a\0b")


# --- words and fingerprints -----------------------------------------------------------------------


def test_nearest():
    assert nearest("stepz", ["chains", "steps"]) == "steps"
    assert nearest("stepz", ["step", "steps"]) == "steps"  # a wrong letter, not a surplus one
    assert nearest("stp", ["step", "steps"]) == "step"
    assert nearest("STEPS", ["Steps"]) == "Steps"
    assert nearest("qqqq", ["steps"]) is None
    assert nearest("steps", []) is None


def test_canonical_json():
    assert canonical_json({"b": [1.0, 1], "a": 0.1 + 0.2}) == '{"a":0.30000000000000004,"b":[1.0,1]}'
    with pytest.raises(ValueError):
        canonical_json([float("nan")])


def test_fingerprint_ignores_order_of_keys_only():
    # SHA-256 of the text {"a":1,"b":2}, as sha256sum prints it
    known = "43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777"
    assert fingerprint({"b": 2, "a": 1}) == fingerprint({"a": 1, "b": 2}) == known
    assert fingerprint({"a": 1, "b": 3}) != known


def test_settings_import_without_numpy():
    code = "import sys, llcommon.settings; print({'numpy', 'numba'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
