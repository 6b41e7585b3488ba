"""Kernels compiled ahead: what is compiled, and that a second process finds it in the cache."""

import importlib
import os
import subprocess
import sys

from llcommon.compilation import compiled_modules, prerequisites


def test_modules_of_all_floors_are_found_once():
    modules = compiled_modules()
    assert len(modules) == len(set(modules))
    assert {"llcommon.losses.mlp", "llcommon.losses.gp", "llcommon.optimise.lbfgs"} <= set(modules)
    for name in modules:
        importlib.import_module(name)


def test_a_module_waits_for_all_that_its_import_imports():
    """So that no two processes compile the same kernels: as a new process that imports it tells."""
    needed = prerequisites()
    assert set(needed) == set(compiled_modules())
    command = "import sys, llcommon.losses._mlp_sharp; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    expected = set(run.stdout.split()) & set(needed) - {"llcommon.losses._mlp_sharp"}
    assert needed["llcommon.losses._mlp_sharp"] == expected


def test_what_was_compiled_ahead_is_in_the_cache(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = "from llcommon import compilation as c; c.compiled_modules = lambda: ['llcommon.optimise.vectors']\n"
    command += "if __name__ == '__main__': c.compile_all(1)"
    subprocess.run([sys.executable, "-c", command], env=environment, check=True, timeout=300)
    before = sorted(tmp_path.rglob("*.nbc"))
    assert before
    subprocess.run([sys.executable, "-c", "import llcommon.optimise.vectors"], env=environment, check=True, timeout=300)
    assert sorted(tmp_path.rglob("*.nbc")) == before
