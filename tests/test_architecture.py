"""The house rules that a machine can hold: import floors, sizes, who may print, what every command offers.

The checkers take modules as {name: source}, so that each is shown to fail on a bad module below.
"""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ("llgmin", "lloptim", "llpathsample")
PACKAGES = ("llcommon", *PROGRAMS)

# An import may only run downwards, or along a floor if that makes no circle. A name covers what is inside.
FLOORS = {
    "llcommon.errors": 0,
    "llcommon.machine": 0,
    "llcommon.records": 0,
    "llcommon.status": 0,
    "llcommon.trust": 0,
    "llcommon.config": 1,
    "llcommon.estimates": 1,
    "llcommon.growsettings": 1,
    "llcommon.idrules": 1,
    "llcommon.inorder": 1,
    "llcommon.parallel": 1,
    "llcommon.rateconstants": 1,
    "llcommon.rng": 1,
    "llcommon.searchsettings": 1,
    "llcommon.seam": 1,
    "llcommon.settings": 1,
    "llcommon.superposition": 1,
    "llcommon.adapters": 2,
    "llcommon.data": 2,
    "llcommon.losses": 2,
    "llcommon.metrics": 2,
    "llcommon.combining": 3,
    "llcommon.mixing": 3,
    "llcommon.optimise": 3,
    "llcommon.symmetry": 3,
    "llcommon.interchange": 4,
    "llcommon.problem": 4,
    "llcommon.provenance": 4,
    "llcommon.store": 4,
    "llcommon.repair": 4,
    "llcommon.scoring": 4,
    "llcommon.verification": 4,
    "llcommon.checkcommand": 5,
    "llcommon.cli": 5,
    "llcommon.compilation": 5,
    "llcommon.filecommands": 5,
    "llcommon.plotting": 5,
    "llgmin": 6,
    "lloptim": 6,
    "llpathsample": 6,
    "llcommon": 0,  # the package itself: its version
}
MOST_LINES = 500
# Modules that talk to the user; the others return values and raise errors.
COMMAND_LAYER = ("llcommon.cli", "llcommon.checkcommand", "llcommon.filecommands", "llgmin.template")
COMMAND_MODULES = ("cli", "commands", "__main__")
FORBIDDEN_CALLS = (
    "print", "input", "exit", "quit", "sys.exit", "os._exit", "sys.stdout.write", "sys.stderr.write",
)
SHORT_OPTIONS = {
    "-o": "--output",
    "-f": "--force",
    "-s": "--seed",
    "-j": "--jobs",
    "-n": "--dry-run",
    "-v": "--verbose",
    "-q": "--quiet",
}


def read_modules() -> dict[str, str]:
    """Name and source of every module of the distribution; a package by its own name."""
    modules = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            modules[name] = path.read_text(encoding="utf-8")
    return modules


# --- checkers: each returns sentences about what is wrong -----------------------------------------


def is_inside(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def floor_of(module: str) -> int | None:
    """The floor of a module; None if the table does not know it."""
    for name in sorted((name for name in FLOORS if name != "llcommon"), key=len, reverse=True):
        if is_inside(module, name):
            return FLOORS[name]
    return FLOORS["llcommon"] if module == "llcommon" else None


def imports_of(source: str, modules: dict[str, str], everywhere: bool = True) -> list[str]:
    """What a module imports: modules where they are known, else the names as written.

    everywhere: also inside functions. A relative import is given with its dots.
    """
    tree = ast.parse(source)
    nodes = ast.walk(tree) if everywhere else _outside_functions(tree)
    found = []
    for node in nodes:
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            for alias in node.names:
                inner = f"{origin}.{alias.name}"
                found.append(inner if inner in modules else origin)
    return found


def _outside_functions(tree: ast.AST):
    """All nodes that run when a module is imported."""
    for child in ast.iter_child_nodes(tree):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _outside_functions(child)


def floor_problems(modules: dict[str, str]) -> list[str]:
    problems = []
    for module, source in modules.items():
        floor = floor_of(module)
        if floor is None:
            problems.append(f"{module} has no floor: name it in FLOORS")
            continue
        for target in imports_of(source, modules):
            if target.startswith("."):
                problems.append(f"{module} imports {target} relatively")
                continue
            if target.split(".")[0] not in PACKAGES:
                continue
            below = floor_of(target)
            if below is None:
                problems.append(f"{module} imports {target}, which has no floor")
            elif below > floor:
                problems.append(f"{module} (floor {floor}) imports {target} (floor {below})")
            elif floor == 6 and below == 6 and target.split(".")[0] != module.split(".")[0]:
                problems.append(f"{module} imports {target} of another program")
    return problems


def circles(modules: dict[str, str]) -> list[str]:
    """Modules that import themselves by way of others when they are loaded."""
    graph = {
        module: {target for target in imports_of(source, modules, everywhere=False) if target in modules}
        for module, source in modules.items()
    }
    problems = []
    for start in graph:
        seen = set()
        waiting = list(graph[start])
        while waiting:
            module = waiting.pop()
            if module not in seen:
                seen.add(module)
                waiting += graph[module]
        if start in seen:
            problems.append(f"{start} imports itself in a circle")
    return problems


def talks_to_user(module: str) -> bool:
    name = module.split(".")[-1]
    if name.endswith(("command", "commands")):
        return True
    return name in COMMAND_MODULES or any(is_inside(module, layer) for layer in COMMAND_LAYER)


def command_layer_problems(modules: dict[str, str]) -> list[str]:
    """print, exit, click and the command layer outside of it; h5py outside the store."""
    problems = []
    for module, source in modules.items():
        targets = imports_of(source, modules)
        if not is_inside(module, "llcommon.store") and any(is_inside(target, "h5py") for target in targets):
            problems.append(f"{module} imports h5py")
        if talks_to_user(module):
            continue
        for layer in ("click", *COMMAND_LAYER):
            if any(is_inside(target, layer) for target in targets):
                problems.append(f"{module} imports {layer}")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in FORBIDDEN_CALLS:
                problems.append(f"{module} calls {ast.unparse(node.func)} on line {node.lineno}")
    return problems


def size_problems(modules: dict[str, str]) -> list[str]:
    return [
        f"{module} has {len(source.splitlines())} lines"
        for module, source in modules.items()
        if len(source.splitlines()) > MOST_LINES
    ]


def package_problems(folder: Path) -> list[str]:
    """Folders with Python files that are no package."""
    folders = {path.parent for path in folder.rglob("*.py")}
    return [f"{path} has no __init__.py" for path in sorted(folders) if not (path / "__init__.py").is_file()]


def option_problems(name: str, command: click.Command) -> list[str]:
    """What keeps a command from being alike to the others of the family."""
    problems = [] if command.help else [f"{name} has no help"]
    known = {option for param in command.params for option in param.opts}
    for option in ("--verbose", "--quiet", "--debug"):
        if option not in known:
            problems.append(f"{name} lacks {option}")
    for param in command.params:
        if not isinstance(param, click.Option):
            continue
        if not param.help:
            problems.append(f"{name}: {param.opts[0]} has no help")
        for short, long in SHORT_OPTIONS.items():
            if (short in param.opts) != (long in param.opts):
                problems.append(f"{name}: {short} and {long} belong together")
    return problems


# --- the house -----------------------------------------------------------------------------------


@pytest.mark.parametrize("checker", [floor_problems, circles, command_layer_problems, size_problems])
def test_modules(checker):
    assert checker(read_modules()) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_is_a_package(package):
    assert package_problems(ROOT / package) == []


def commands_of(name: str):
    program = importlib.import_module(f"{name}.cli").main
    context = click.Context(program, info_name=name)
    return [(command, program.get_command(context, command)) for command in program.list_commands(context)]


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_command_has_help_and_the_family_options(name):
    problems = []
    for command_name, command in commands_of(name):
        problems += option_problems(f"{name} {command_name}", command)
    assert problems == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_help_of_commands_imports_no_numerical_library(name):
    code = (
        f"import sys, click; from {name}.cli import main; c = click.Context(main)\n"
        "for name in main.list_commands(c): main.get_command(c, name)\n"
        "print([module for module in ('numpy', 'numba', 'h5py') if module in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("[]\n", "")


# --- the checkers find what is wrong --------------------------------------------------------------

BAD_IMPORTS = [
    ("llcommon.rng", "from llcommon.losses.mlp import x", "(floor 1) imports llcommon.losses.mlp (floor 2)"),
    ("llcommon.rng", "from llcommon import losses", "(floor 1) imports llcommon.losses (floor 2)"),
    ("llcommon.rng", "def f():\n    import llcommon.store", "(floor 1) imports llcommon.store (floor 4)"),
    ("llcommon.store.file", "import llgmin.search", "(floor 4) imports llgmin.search (floor 6)"),
    ("llgmin.search", "from lloptim.connect import x", "imports lloptim.connect of another program"),
    ("llcommon.rng", "from . import config", "imports . relatively"),
    ("llcommon.news", "", "has no floor: name it in FLOORS"),
    ("llcommon.rng", "import llcommon.news", "imports llcommon.news, which has no floor"),
]


@pytest.mark.parametrize(("module", "source", "problem"), BAD_IMPORTS)
def test_floors_can_be_violated(module, source, problem):
    modules = {"llcommon": "", "llcommon.losses": "", module: source}
    assert floor_problems(modules) == [f"{module} {problem}"]


def test_downwards_and_along_is_fine():
    modules = {
        "llcommon.store.file": "from llcommon import __version__\nimport llcommon.store.schema\nimport numpy",
        "llgmin.search": "from llgmin.walker import Walker\nfrom llcommon.store import Landscape",
    }
    assert floor_problems(modules) == []


def test_circles_are_found():
    modules = {
        "llcommon.rng": "from llcommon.config import x",
        "llcommon.config": "if True:\n    from llcommon import seam",
        "llcommon.seam": "import llcommon.rng",
        "llcommon.data": "import llcommon.rng",
    }
    assert [problem.split()[0] for problem in circles(modules)] == [
        "llcommon.rng", "llcommon.config", "llcommon.seam",
    ]
    modules["llcommon.seam"] = "def f():\n    import llcommon.rng"
    assert circles(modules) == []


@pytest.mark.parametrize(
    ("module", "source", "problem"),
    [
        ("llcommon.data", "import h5py", "imports h5py"),
        ("llgmin.commands", "def f():\n    from h5py._hl import files", "imports h5py"),
        ("llgmin.search", "print(1)", "calls print on line 1"),
        ("llgmin.search", "import sys\ndef f():\n    sys.exit(1)", "calls sys.exit on line 3"),
        ("llgmin.search", "import click", "imports click"),
        ("llcommon.verification", "from llcommon.cli import log", "imports llcommon.cli"),
        ("llgmin.search", "from llgmin.template import new", "imports llgmin.template"),
    ],
)
def test_command_layer_rules_can_be_violated(module, source, problem):
    assert command_layer_problems({module: source}) == [f"{module} {problem}"]


def test_command_layer_may_talk_and_the_store_may_store():
    modules = {
        "llgmin.commands": "import click\nprint(1)",
        "llcommon.cli.program": "import sys\nsys.exit(1)",
        "llcommon.store.file": "import h5py",
        "llgmin.search": "blueprint(1)\nself.print(2)",
    }
    assert command_layer_problems(modules) == []


def test_size_can_be_violated():
    assert size_problems({"llgmin.small": "x = 1\n" * 500}) == []
    assert size_problems({"llgmin.large": "x = 1\n" * 501}) == ["llgmin.large has 501 lines"]


def test_missing_init_is_found(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "__init__.py").touch()
    (tmp_path / "inner" / "module.py").touch()
    assert package_problems(tmp_path) == [f"{tmp_path / 'inner'} has no __init__.py"]


def test_unlike_options_are_found():
    bare = click.Command("bare", params=[click.Option(["-o", "--out"])])
    assert option_problems("bare", bare) == [
        "bare has no help",
        "bare lacks --verbose",
        "bare lacks --quiet",
        "bare lacks --debug",
        "bare: -o has no help",
        "bare: -o and --output belong together",
    ]
