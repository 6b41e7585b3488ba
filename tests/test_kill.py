"""kill -9 at random moments: the file opens, nothing committed is lost, the same command goes on to the same bytes."""

import os
import random
import shutil
import signal
import sys
import time
from contextlib import ExitStack, chdir, suppress
from pathlib import Path

import pytest
from driving import call, files, run, started, xor_problem

from llcommon.store import read_landscape

SEARCH = ("llgmin", "run", "xor.toml", "-o", "minima.h5")
GROW = ("llpathsample", "grow", "minima.h5", "-o", "grown.h5", "-j", 2, "--set", "grow.attempts=1")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


def kinds(short: int, long: int):
    """A short version for every day and a long one."""
    return pytest.mark.parametrize("kills", [short, pytest.param(long, marks=pytest.mark.slow)])


def searched(folder: Path, steps: int) -> None:
    """xor.toml and its minima in a new folder, found by this process."""
    folder.mkdir()
    xor_problem(folder, steps=steps)
    name, command, *arguments = SEARCH
    with chdir(folder):
        assert call(name, command, *arguments, "-j", 1, "-q") == 0


@pytest.fixture(scope="module")
def left_alone(tmp_path_factory):
    """left_alone(pairs): a folder with xor.toml, minima.h5 and what a growth that is left alone makes of them."""
    made = {}

    def of(pairs: str) -> Path:
        if pairs not in made:
            made[pairs] = tmp_path_factory.mktemp(pairs) / "whole"
            searched(made[pairs], steps=60)
            run(*GROW, "--set", f'grow.pairs="{pairs}"', cwd=made[pairs])
        return made[pairs]

    return of


def torn_from(whole: Path, folder: Path) -> Path:
    """A folder as that of the growth that is left alone was before it."""
    shutil.copytree(whole, folder, ignore=shutil.ignore_patterns("grown.h5*"))
    return folder


def kill(program) -> bool:
    """Whether a program could be killed: it has not ended, as it should, by itself before."""
    code = program.signal(signal.SIGKILL)
    assert code in (0, -signal.SIGKILL), program.said
    return code != 0


def points(table) -> list[tuple[float, bytes]]:
    """Loss and bits of every point of a table."""
    return [(loss, x.tobytes()) for loss, x in zip(table.loss.tolist(), table.coordinates, strict=True)]


def steps_done(file: Path) -> int:
    """Steps of all walkers in a checkpoint."""
    return sum(walker["done"] for walker in read_landscape(file).search.state["walkers"])


# --- llgmin run -----------------------------------------------------------------------------------


@kinds(3, 24)
def test_search(tmp_path, kills):
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    searched(whole, steps=200 * kills)
    torn.mkdir()
    xor_problem(torn, steps=200 * kills)
    file = torn / "minima.h5"
    rng = random.Random(kills)
    done, found = 0, []
    for number in range(kills):
        with started(*SEARCH, "-j", 1 + number % 2, cwd=torn) as program:
            if number % 3 == 2:
                time.sleep(rng.uniform(0.0, 1.5))  # while it starts
            else:
                program.wait_for_writes(rng.randint(1, 4), file)
                time.sleep(rng.uniform(0.0, 0.03))
            assert kill(program), "the search is too short for so many kills"
        if file.exists():
            stored = read_landscape(file)
            now = steps_done(file)
            assert now >= done
            assert points(stored.minima)[: len(found)] == found
            done, found = now, points(stored.minima)
        else:
            assert not done
    assert done and found
    run(*SEARCH, "-j", 2, cwd=torn)
    assert files(torn) == files(whole)  # which is also to say that no temporary is left


@LINUX
def test_a_killed_worker_ends_the_search_with_a_checkpoint(tmp_path):
    xor_problem(tmp_path, steps=100000)
    file = tmp_path / "minima.h5"
    with started(*SEARCH, "-j", 2, cwd=tmp_path) as program:
        # Commits of a search that compiles hold no steps yet.
        while not (file.exists() and steps_done(file)):
            assert program.wait_for_writes(1, file), program.said
        os.kill(program.workers()[0], signal.SIGKILL)  # one that the program of this test has started
        code = program.wait()
    last = program.said.splitlines()[-1]
    assert code == 2 and last.startswith("llgmin: error: a process of the search was killed"), program.said
    assert "Traceback" not in program.said
    assert steps_done(file) > 0


@LINUX
def test_workers_die_with_the_search(tmp_path):
    xor_problem(tmp_path, steps=100000)
    with started(*SEARCH, "-j", 2, cwd=tmp_path) as program:
        # The chains take turns, so that both processes work after so many commits.
        program.wait_for_writes(40, tmp_path / "minima.h5")
        assert len(program.workers()) == 2
        assert kill(program)
        assert program.wait_for_survivors(30.0) == []


@LINUX
def test_workers_die_with_a_search_that_has_just_begun(tmp_path):
    xor_problem(tmp_path, steps=100000)
    with started(*SEARCH, "-j", 2, cwd=tmp_path) as program:
        while len(program.workers()) < 2:
            time.sleep(0.01)
        assert kill(program)
        assert program.wait_for_survivors(30.0) == []


# --- llpathsample grow ----------------------------------------------------------------------------


@LINUX
@pytest.mark.parametrize(
    ("kills", "engine"),
    [
        (3, ()),
        pytest.param(50, (), marks=pytest.mark.slow),
        pytest.param(20, ("--dask", "local"), marks=pytest.mark.slow),
    ],
)
def test_grow(tmp_path, monkeypatch, left_alone, kills, engine):
    pairs = "component" if kills < 20 else "all"
    whole = left_alone(pairs)
    torn = torn_from(whole, tmp_path / "torn")
    command = (*GROW, "--set", f'grow.pairs="{pairs}"')
    tries = Tries(tmp_path / "connections", monkeypatch)
    command += engine
    file, batches = torn / "grown.h5", torn / "grown.h5.batches"
    rng = random.Random(kills)
    killed = 0
    kept = Kept()
    with ExitStack() as programs:
        while killed < kills:
            # What a killed growth leaves behind finishes its batch; the next growth waits for that.
            program = programs.enter_context(started(*command, cwd=torn))
            if killed % 3 == 2:
                time.sleep(rng.uniform(0.0, 2.0))
            else:
                program.wait_for_writes(rng.randint(2, 9), file, batches)
                time.sleep(rng.uniform(0.0, 0.03))
            killed += kill(program)
            tries.check()
            if is_complete(file):
                # Too late to tear anything: once more from the start.
                assert file.read_bytes() == (whole / "grown.h5").read_bytes()
                file.unlink()
                kept = Kept()
                tries.forget()
            kept.check(file)
        assert program.wait_for_survivors(60.0) == []
        run(*command, cwd=torn)
        tries.check()
        assert tries.file.stat().st_size
    assert files(torn) == files(whole)


@LINUX
def test_a_killed_connection_is_done_again(tmp_path, left_alone):
    """Whoever kills the processes of batches, once each, changes nothing."""
    whole = left_alone("component")
    torn = torn_from(whole, tmp_path / "torn")
    victims = set()
    with started(*GROW, "--set", 'grow.pairs="component"', cwd=torn) as program:
        while program.process.poll() is None:
            for number, batch in connections(program):
                if batch not in victims:
                    victims.add(batch)
                    os.kill(number, signal.SIGKILL)  # one that the program of this test has started
            time.sleep(0.02)
    assert program.process.returncode == 0 and victims, program.said
    assert program.said.count("is run again: lloptim was ended by SIGKILL") == len(victims)
    assert files(torn) == files(whole)


def connections(program) -> list[tuple[int, str]]:
    """Ids of the lloptim processes of a program, each with its batch."""
    found = []
    for number in program.survivors():
        # A process may end between the two looks.
        with suppress(FileNotFoundError, ProcessLookupError):
            words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
            if b"lloptim" in words:
                found.append((number, words[words.index(b"connect") + 1].decode()))
    return found


class Tries:
    """The connections that all lloptim processes have tried, noted by tests/counting."""

    def __init__(self, file: Path, monkeypatch) -> None:
        self.file = file
        monkeypatch.setenv("CONNECTIONS", str(file))
        monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "counting"))

    def check(self) -> None:
        """No pair is done twice: what a killed growth had begun is finished by what it has left behind."""
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        assert len(lines) == len(set(lines))

    def forget(self) -> None:
        assert self.file.exists()
        self.file.unlink()


def is_complete(file: Path) -> bool:
    return file.exists() and read_landscape(file).search is None


class Kept:
    """What a growing file held when it was looked at last: all of it must still be there."""

    def __init__(self) -> None:
        self.rows = [[], [], []]

    def check(self, file: Path) -> None:
        if not file.exists():
            assert self.rows == [[], [], []]
            return
        stored = read_landscape(file)
        rows = [points(stored.minima), points(stored.transition_states), stored.pairs.ids.tolist()]
        for before, now in zip(self.rows, rows, strict=True):
            assert now[: len(before)] == before
        self.rows = rows
