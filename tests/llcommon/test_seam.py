"""What the seam promises: the same bits from fresh and from cached machine code."""

import importlib
import os
import pkgutil
import subprocess
import sys

import pytest
from numba.core.dispatcher import Dispatcher

import llcommon
import lloptim


def _compiled() -> dict[str, Dispatcher]:
    """Every compiled function of the packages, by module and name."""
    found = {}
    for package in (llcommon, lloptim):
        for information in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            # Adapters need packages that may not be here, and compile nothing.
            if information.name.endswith("__main__") or information.name.startswith("llcommon.adapters."):
                continue
            module = importlib.import_module(information.name)
            for name, value in vars(module).items():
                if isinstance(value, Dispatcher):
                    found[f"{value.py_func.__module__}.{name}"] = value
    return found


def test_compiled_functions_are_inlined_and_cached():
    """A helper that is not inlined may be linked in one of several copies, which differ in the last bits."""
    functions = _compiled()
    assert len(functions) > 50
    for name, function in functions.items():
        assert function.targetoptions.get("forceinline"), name
        assert type(function._cache).__name__ == "FunctionCache", name


def test_the_cache_is_the_same_when_numba_was_imported_first(tmp_path):
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    environment.pop("NUMBA_CACHE_DIR", None)
    folders = []
    for first in ("", "import numba; "):
        command = f"{first}from llcommon import seam; f = seam.njit(cache=True)(seam.first_class.__wrapped__); "
        command += "print(f._cache.cache_path)"
        run = subprocess.run([sys.executable, "-c", command], env=environment, capture_output=True, check=True)
        folders.append(run.stdout.decode())
    assert folders[0].startswith(str(tmp_path / "loss-landscapes" / "numba-"))
    assert folders[1] == folders[0]


_SCRIPT = """
import llcommon.seam
import numpy as np
from llcommon import losses
from llcommon.data import Data
from llcommon.settings import parse_settings
from lloptim.bands import relaxed_band
from llcommon.optimise.quench import Quencher
from lloptim.saddles import SaddleSearch

rng = np.random.default_rng(0)
features = rng.standard_normal((40, 3))
data = Data(("a", "b", "c"), features, np.zeros(3), np.ones(3), "none", "t", ("x", "y"),
            (features[:, 0] * features[:, 1] > 0).astype(np.int64), None, "made", "")
tables = {"loss": {"model": "mlp", "hidden": [4], "lambda": 1e-3}}
settings = parse_settings(tables, "test", losses.parameters_of)
model = losses.build("mlp", settings.loss, data)
quencher = Quencher(model, settings.quench)
ends = [quencher.quench(model.random_start(rng)).coordinates for _ in range(2)]
band = relaxed_band(model, settings.connect, ends[0], model.align(*ends), 0, rng)
search = SaddleSearch(model, settings)
found = [search.search(c.coordinates, c.tangent) for c in band.candidates()]
points = [f.transition_state.coordinates for f in found if f.transition_state is not None]
print([x.tobytes().hex() for x in (*ends, band.images, *points)])
"""


@pytest.mark.slow
def test_fresh_and_cached_code_give_the_same_bits(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    outputs = []
    for _ in range(2):
        run = subprocess.run([sys.executable, "-c", _SCRIPT], env=environment, capture_output=True, check=True)
        outputs.append(run.stdout)
    assert len(outputs[0]) > 1000
    assert outputs[0] == outputs[1]
