import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

LONGEST = ("tests/test_readme.py", "tests/test_examples.py", "tests/test_kill.py", "tests/test_determinism.py")

IRIS_TOML = """\
[loss]
model = "mlp"
hidden = [3]
lambda = 0.01

[data]
file = "iris.csv"
target = "species"

[search]
steps = 20
chains = 2
"""

XOR_TOML = """\
[loss]
model = "mlp"
hidden = [1]
lambda = 0.01

[data]
file = "xor.csv"

[search]
steps = 30
chains = 2
"""


def pytest_collection_modifyitems(items) -> None:
    """The longest tests first: last, one would run alone while the other process waits."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


@pytest.fixture(autouse=True)
def speaking() -> None:
    """No test is silent because one before it said -q."""
    from llcommon.cli.output import console

    console.reset()


@pytest.fixture
def run_program() -> Callable[..., subprocess.CompletedProcess]:
    """run_program("llgmin", "list", file, cwd=folder): runs a program as a user does; a CompletedProcess."""

    def run(name: str, *arguments, cwd: Path | None = None, **settings) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", name, *map(str, arguments)]
        settings = {"capture_output": True, "text": True, "timeout": 300, **settings}
        return subprocess.run(command, cwd=cwd or ROOT, check=False, **settings)

    return run


def _folder(path: Path, name: str, toml: str) -> Path:
    shutil.copy(ROOT / "examples" / name / f"{name}.csv", path)
    (path / f"{name}.toml").write_text(toml, encoding="utf-8")
    return path


@pytest.fixture
def iris_folder(tmp_path) -> Path:
    """A folder with iris.csv and a short search in iris.toml."""
    return _folder(tmp_path, "iris", IRIS_TOML)


@pytest.fixture
def xor_folder(tmp_path) -> Path:
    """A folder with xor.csv and a short search in xor.toml."""
    return _folder(tmp_path, "xor", XOR_TOML)


@pytest.fixture
def one_core() -> Iterator[None]:
    """This process and those that it starts see one core, and none starts workers of its own."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


@pytest.fixture
def browser(tmp_path):
    """A headless Chromium, driven by Selenium; skips where either is missing."""
    selenium = pytest.importorskip("selenium.webdriver", reason="selenium is missing: pip install selenium")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no Chromium and chromedriver: apt-get install chromium chromium-driver")
    options = selenium.ChromeOptions()
    options.binary_location = program
    arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1000,800"]
    for argument in arguments:
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={tmp_path / 'profile'}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
    yield found
    found.quit()
