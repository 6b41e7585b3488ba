"""How loss models are found by name, and what finding one does not load."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import llcommon.losses
from llcommon.losses import known_models, model_class, parameters_of
from llcommon.losses.base import LossModel


def test_known_models():
    assert {"mlp", "mueller-brown", "six-hump-camel", "himmelblau", "double-well"} <= set(known_models())
    assert known_models() == sorted(set(known_models()))


def test_names_read_from_sources_are_those_of_the_classes():
    declared = []
    for module in pkgutil.iter_modules(llcommon.losses.__path__):
        if module.name.startswith("_") or module.name == "base":
            continue
        loaded = importlib.import_module(f"llcommon.losses.{module.name}")
        for value in vars(loaded).values():
            if isinstance(value, type) and issubclass(value, LossModel) and value.name:
                declared.append(value.name)
    assert sorted(declared) == known_models()


@pytest.mark.parametrize("name", known_models())
def test_a_model_is_found_by_its_name(name):
    assert model_class(name).name == name
    assert parameters_of(name) is model_class(name).Parameters


@pytest.mark.parametrize("name", ["", "base", "surfaces", "MLP", "nothing"])
def test_an_unknown_name_is_a_key_error(name):
    with pytest.raises(KeyError):
        model_class(name)


@pytest.mark.parametrize(
    "lookup, absent",
    [
        ("known_models()", "numba"),
        ("model_class('mlp')", "llcommon.losses.surfaces"),
        ("model_class('himmelblau')", "llcommon.losses.mlp"),
        ("model_class('rastrigin')", "llcommon.losses.surfaces"),
    ],
)
def test_looking_up_loads_no_other_model(lookup, absent):
    program = f"import sys; from llcommon import losses; losses.{lookup}; print({absent!r} in sys.modules)"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "False"
