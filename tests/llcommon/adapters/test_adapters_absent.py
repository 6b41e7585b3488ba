"""Neither PyTorch nor JAX is needed or imported by anything else; without them a sentence says what to install."""

import subprocess
import sys

import pytest
from driving import ROOT, call

ABSENT = """
import sys
from llcommon.losses import build_user
from llcommon.losses.user.source import FILE, Source
sys.modules["{library}"] = None
try:
    build_user(Source("my_loss.py:MyLoss", FILE, "from llcommon.adapters.{library} import *"), {{}})
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize(("library", "name"), [("torch", "PyTorch"), ("jax", "JAX")])
def test_what_to_install_is_said(library, name):
    code = ABSENT.format(library=library)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("UserLossError line 1 of my_loss.py: it raised ImportError: ")
    assert f"{name} is not installed: pip install 'loss-landscape-toolchain[{library}]'" in done.stdout


def test_the_programs_import_neither():
    code = "import sys, llgmin.search, lloptim.connect, llpathsample.growth; print({'torch', 'jax'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_examples_have_files_of_their_own():
    for name in ("user", "torch", "jax"):
        assert (ROOT / "examples" / name / f"{name}.toml").is_file()
    assert call("llgmin", "run", ROOT / "examples" / "user" / "user.toml", "-n", "-o", "nowhere.h5") == 0
