"""All kernels compiled ahead: `python -m llcommon.compilation`.

Importing a module compiles its kernels, unless the cache holds them. Processes that start together, such as the jobs of
an array or the workers of a test run, would each compile the same ones; here every module goes to one process.
"""

import importlib
import multiprocessing
import re
from pathlib import Path

from llcommon.parallel import available_cores

_PACKAGES = ("llcommon", "llgmin", "lloptim", "llpathsample")
_COMPILED = re.compile(r"^from llcommon\.seam import ", re.MULTILINE)


def compiled_modules() -> list[str]:
    """Names of the modules that compile something, the largest source first: it takes longest."""
    found = []
    folder = Path(__file__).resolve().parents[1]
    for package in _PACKAGES:
        for path in (folder / package).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            if _COMPILED.search(source) and path.name != "__init__.py":
                name = ".".join(path.relative_to(folder).with_suffix("").parts)
                found.append((-len(source), name))
    return [name for _, name in sorted(found)]


def _import(name: str) -> None:
    importlib.import_module(name)


def compile_all(processes: int) -> None:
    """Fill the cache with the kernels of all modules, in so many processes."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes) as pool:
        for _ in pool.imap_unordered(_import, compiled_modules()):
            pass


if __name__ == "__main__":
    compile_all(available_cores())
