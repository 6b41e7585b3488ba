"""All kernels compiled ahead: `python -m llcommon.compilation`.

Importing a module compiles its kernels, unless the cache holds them. Processes that start together, such as the jobs of
an array or the workers of a test run, would each compile the same ones; here every module goes to one process, after
those that it imports.
"""

import ast
import importlib
import multiprocessing
import re
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from pathlib import Path

from llcommon.parallel import available_cores

_PACKAGES = ("llcommon", "llgmin", "lloptim", "llpathsample")
_FOLDER = Path(__file__).resolve().parents[1]
_COMPILED = re.compile(r"^from llcommon\.seam import ", re.MULTILINE)


def compiled_modules() -> list[str]:
    """Names of the modules that compile something, the largest source first: it takes longest."""
    found = []
    for package in _PACKAGES:
        for path in (_FOLDER / package).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            if _COMPILED.search(source) and path.name != "__init__.py":
                name = ".".join(path.relative_to(_FOLDER).with_suffix("").parts)
                found.append((-len(source), name))
    return [name for _, name in sorted(found)]


def prerequisites() -> dict[str, set[str]]:
    """Names of the modules that compile something, and of those that each imports, whatever is between them."""
    compiled = compiled_modules()
    imports = {}
    for package in _PACKAGES:
        for path in (_FOLDER / package).rglob("*.py"):
            imports[".".join(path.relative_to(_FOLDER).with_suffix("").parts)] = _imports(path)

    def reached(name: str, seen: set[str]) -> set[str]:
        for further in imports[name] & imports.keys() - seen:
            seen.add(further)
            reached(further, seen)
        return seen

    return {name: reached(name, {name}) & set(compiled) - {name} for name in compiled}


def _imports(path: Path) -> set[str]:
    """What the top level of a source names in its imports, modules or not."""
    found = set()
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.ImportFrom) and statement.module:
            found.add(statement.module)
            found |= {f"{statement.module}.{name.name}" for name in statement.names}
    return found


def _import(name: str) -> str:
    importlib.import_module(name)
    return name


def compile_all(processes: int) -> None:
    """Fill the cache with the kernels of all modules, in so many processes.

    A module waits for those that it imports: else several processes would compile the same kernels. Those with the
    longest chain of others that wait for them go first.
    """
    waiting = prerequisites()
    chains = {name: _longest_chain(name, waiting) for name in waiting}
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        running = set()
        done = set()
        while waiting or running:
            ready = [name for name, needed in waiting.items() if needed <= done]
            for name in sorted(ready, key=chains.get, reverse=True)[: processes - len(running)]:
                del waiting[name]
                running.add(pool.submit(_import, name))
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            done |= {future.result() for future in ended}


def _longest_chain(name: str, needed: dict[str, set[str]]) -> int:
    """Size of the sources of a module and of the longest chain of modules that wait for it and for each other."""
    above = [_longest_chain(other, needed) for other, names in needed.items() if name in names]
    path = _FOLDER / Path(*name.split(".")).with_suffix(".py")
    return path.stat().st_size + max(above, default=0)


if __name__ == "__main__":
    compile_all(available_cores())
