"""Making whole landscapes from a settings file: `llgmin run`, then `llpathsample grow`, each as a process of its own.

Each landscape has files in one folder:

    NAME.minima.h5    what llgmin run writes, its checkpoint while it runs
    NAME.h5           what llpathsample grow writes, its checkpoint while it runs
    NAME.log          what the programs said, run after run
    NAME.seconds      CPU seconds of all runs that ended by themselves

All of it may be stopped or killed at any time: made again, what is finished is taken as it is, and the programs go
on from their checkpoints. A file of other settings, data or model is never replaced. Both programs give the same bits
whatever the number of processes, so the landscapes do not depend on how many are made side by side.
"""

import contextlib
import errno
import fcntl
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path

from llcommon.config import shown
from llcommon.errors import (
    ConfigError,
    InputError,
    Interrupted,
    LandscapeError,
    NothingFound,
    OutputError,
    Stopped,
)
from llcommon.parallel import available_cores
from llcommon.problem import read_problem
from llcommon.settings import settings_to_tables
from llcommon.store import Landscape, read_landscape, replace_file
from llpathsample.engines.running import Children, Outcome
from llpathsample.growoptions import without_file

_LOOK_SECONDS = 0.1
_ERRORS = {error.exit_code: error for error in (ConfigError, InputError, NothingFound, Stopped, Interrupted)}
# -P: what lies in the present folder is not imported in place of a package. The process ends with the one that started
# it, so that none is left behind to write a file that a second run writes too.
_START = (
    "import runpy, sys; from llcommon.parallel import die_with_parent; die_with_parent(int(sys.argv.pop(1))); "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)
NOTHING, UNFINISHED, FINISHED = "nothing", "unfinished", "finished"

Report = Callable[[str, str], None]


class ProgramFailed(LandscapeError):
    """A program that was started ended as none should."""

    exit_code = 1


@dataclass(frozen=True)
class Wanted:
    """A landscape to make.

    settings: TOML file. name: what its files begin with. overrides, seed: as of llgmin run. grown: whether its minima
    are to be connected; if not, the landscape is NAME.minima.h5.
    """

    settings: Path
    name: str
    overrides: tuple[str, ...] = ()
    seed: int | None = None
    grown: bool = True


@dataclass(frozen=True)
class Made:
    """What became of a Wanted.

    path: the landscape; None if no minimum was found, and then `problem` says why. seconds: of the CPU, of all
    runs that ended by themselves.
    """

    name: str
    path: Path | None
    problem: str
    seconds: float


def make_landscape(
    settings: Path,
    folder: Path,
    name: str,
    overrides: tuple[str, ...] = (),
    seed: int | None = None,
    jobs: int | None = None,
    report: Report = lambda name, text: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Path:
    """The grown landscape folder/NAME.h5 of a settings file; see `make_landscapes`, which makes several side by side.

    NothingFound if there is no minimum.
    """
    made = make_landscapes([Wanted(settings, name, overrides, seed)], folder, jobs, report, stopped)[0]
    if made.path is None:
        raise NothingFound(made.problem)
    return made.path


def make_landscapes(
    wanted: Sequence[Wanted],
    folder: Path,
    jobs: int | None = None,
    report: Report = lambda name, text: None,
    stopped: Callable[[], bool] = lambda: False,
) -> list[Made]:
    """What becomes of each, in their order; as many side by side as `jobs` (None: the cores) processes allow.

    folder: is made if need be. report(name, sentence) is called in this thread. Once stopped() the programs are told
    to write their checkpoints, and Stopped is raised; the same call goes on from there. A growth that finds no
    transition state is a landscape without any. Errors: ConfigError, InputError of the settings, before anything is
    started; OutputError for files of other settings in the folder, or another process at work there; Interrupted;
    ProgramFailed.
    """
    makers = [_Maker(each, folder) for each in wanted]
    states = [maker.state() for maker in makers]
    make_folder(folder)
    jobs = jobs or available_cores()
    unfinished = [maker for maker, state in zip(makers, states, strict=True) if state != FINISHED]
    with _alone_in(folder):
        _run_all(unfinished, jobs, report, stopped)
    return [maker.made() for maker in makers]


def states_of(wanted: Sequence[Wanted], folder: Path) -> list[str]:
    """NOTHING, UNFINISHED or FINISHED for each, as found in the folder; errors as of `make_landscapes`."""
    return [_Maker(each, folder).state() for each in wanted]


def make_folder(folder: Path) -> None:
    """Make the folder for landscapes unless it is there; OutputError if that is not possible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "not possible").lower()
        raise OutputError(f"the folder {folder} for landscapes cannot be made ({reason}); name another one") from error


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """The right to make landscapes in a folder; it ends with the process, however that ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        message = f"another command is making landscapes in {folder}; wait for it and run this again"
        raise OutputError(message) from error
    except OSError as error:
        # A network file system without locks.
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EBADF):
            os.close(descriptor)
            raise
    try:
        yield
    finally:
        os.close(descriptor)


def _run_all(makers: list["_Maker"], jobs: int, report: Report, stopped: Callable[[], bool]) -> None:
    """Make each that is not finished; the first failure in their order is raised after all have been stopped."""
    if not makers:
        return
    side_by_side = min(jobs, len(makers))
    children = Children()
    said: list[tuple[str, str]] = []
    with ThreadPoolExecutor(side_by_side) as threads:
        share = max(1, jobs // side_by_side)
        running = [threads.submit(maker.make, children, share, said) for maker in makers]
        try:
            left = set(running)
            while left and not stopped():
                done, left = wait(left, _LOOK_SECONDS, FIRST_COMPLETED)
                _hand_on(said, report)
                if any(future.exception() for future in done):
                    break
        finally:
            if any(not future.done() for future in running):
                children.stop()
    _hand_on(said, report)
    failures = [future.exception() for future in running if future.exception()]
    # What was only stopped because of another failure is not what went wrong.
    failures.sort(key=lambda failure: isinstance(failure, Stopped))
    if failures:
        raise failures[0]


def _hand_on(said: list[tuple[str, str]], report: Report) -> None:
    while said:
        report(*said.pop(0))


class _Maker:
    """Makes one landscape."""

    def __init__(self, wanted: Wanted, folder: Path) -> None:
        """Errors of the settings: ConfigError, InputError."""
        if Path(wanted.name).name != wanted.name:
            raise ValueError(f"{wanted.name} is no name of a file")
        self.wanted = wanted
        self.folder = folder
        self.minima = self.file("minima.h5")
        self.grown = self.file("h5")
        self.problem = ""
        self.expected = read_problem(wanted.settings, wanted.overrides, wanted.seed, check_derivatives=False)
        grow = self.expected.settings.grow
        # As `llpathsample grow` stores them.
        grow = replace(grow, set_a=without_file(grow.set_a.strip()), set_b=without_file(grow.set_b.strip()))
        self.grow_table = settings_to_tables(replace(self.expected.settings, grow=grow))

    def file(self, ending: str) -> Path:
        return self.folder / f"{self.wanted.name}.{ending}"

    # --- what is there ---------------------------------------------------------------------------

    def state(self) -> str:
        """What lies in the folder; OutputError if that is of other settings."""
        if not self.wanted.grown and self._minima_are_finished():
            return FINISHED
        grown = self._stored(self.grown, self.grow_table)
        if grown is not None:
            return FINISHED if grown.search is None else UNFINISHED
        return NOTHING if self._stored(self.minima, settings_to_tables(self.expected.settings)) is None else UNFINISHED

    def _minima_are_finished(self) -> bool:
        stored = self._stored(self.minima, settings_to_tables(self.expected.settings))
        return stored is not None and (stored.search is None or bool(stored.search.state.get("finished")))

    def _stored(self, file: Path, tables: dict) -> Landscape | None:
        """What a file holds, None without one; OutputError unless it is of these settings and this model."""
        if not file.exists():
            return None
        stored = read_landscape(file, points=False)
        remedy = "name another folder, or move the file away"
        other = _difference(settings_to_tables(stored.settings), tables)
        if other:
            raise OutputError(f"{file} was made with other settings ({other}); {remedy}")
        if stored.fingerprint != self.expected.fingerprint:
            raise OutputError(f"{file} was made with other data or another loss model; {remedy}")
        return stored

    def made(self) -> Made:
        """What has become of it."""
        path = self.grown if self.wanted.grown else self.minima
        path = path if path.exists() else None
        return Made(self.wanted.name, path, self.problem, self._seconds())

    # --- the programs ----------------------------------------------------------------------------

    def make(self, children: Children, jobs: int, said: list[tuple[str, str]]) -> None:
        """Run what is left to run; said: takes sentences about it."""
        name, common = self.wanted.name, ["-j", str(jobs)]
        if not self._minima_are_finished():
            said.append((name, "searching minima"))
            changes = [word for override in self.wanted.overrides for word in ("--set", override)]
            seed = [] if self.wanted.seed is None else ["--seed", str(self.wanted.seed)]
            arguments = ["run", str(self.wanted.settings), "-o", str(self.minima), *changes, *seed, *common]
            # The derivatives of a user's loss are looked at by whoever runs llgmin first.
            found = self._run(children, "llgmin", arguments)
            if found.code == NothingFound.exit_code:
                self.problem = _last_line(found.said)
                said.append((name, self.problem))
                return
        if not self.wanted.grown:
            return
        said.append((name, f"growing from {len(read_landscape(self.minima, points=False).minima)} minima"))
        # The source of a user's loss that the file holds has come there from the settings this moment.
        self._run(children, "llpathsample", ["grow", str(self.minima), "-o", str(self.grown), "--trust", *common])
        grown = read_landscape(self.grown, points=False)
        said.append((name, f"{len(grown.minima)} minima, {len(grown.transition_states)} transition states"))

    def _run(self, children: Children, program: str, arguments: list[str]) -> Outcome:
        """Run a program; what it said goes to the log. Raises as its exit code says, but for NothingFound."""
        command = [sys.executable, "-P", "-c", _START, str(os.getpid()), program, *arguments]
        outcome = children.run(command, None, ())
        with open(self.file("log"), "a") as stream:
            stream.write(f"$ {program} {' '.join(arguments)}\n{outcome.said}")
        self._add_seconds(outcome.cpu)
        if outcome.code in (0, NothingFound.exit_code):
            return outcome
        if children.stopping and outcome.code < 0:
            raise Stopped(f"{program} {arguments[0]} of {self.wanted.name} was stopped")
        if outcome.code in _ERRORS:
            raise _ERRORS[outcome.code](f"{self.wanted.name}: {_last_line(outcome.said)}")
        how = f"was ended by signal {-outcome.code}" if outcome.code < 0 else f"ended with code {outcome.code}"
        raise ProgramFailed(
            f"{program} {arguments[0]} of {self.wanted.name} {how}; what it said is in {self.file('log')}, and the "
            "same command goes on from its last checkpoint"
        )

    def _seconds(self) -> float:
        try:
            return float(self.file("seconds").read_text())
        except (OSError, ValueError):
            return 0.0

    def _add_seconds(self, more: float) -> None:
        total = self._seconds() + more
        replace_file(self.file("seconds"), lambda temporary: temporary.write_text(f"{total:.3f}\n"))


def _difference(stored: dict, wanted: dict) -> str:
    """The first key that two settings differ in, as a clause; empty if there is none."""
    for section, table in wanted.items():
        other = stored.get(section, {})
        for key in dict.fromkeys([*table, *other]):
            if table.get(key) != other.get(key):
                there, here = (shown(t[key]) if key in t else "unset" for t in (other, table))
                return f"{section}.{key} is {there} there and {here} here"
    return ""


def _last_line(said: str) -> str:
    """The last line that a program said, without its name."""
    lines = said.strip().splitlines()
    line = lines[-1] if lines else "it said nothing"
    for word in ("llgmin: ", "llpathsample: ", "error: "):
        line = line.removeprefix(word)
    return line
