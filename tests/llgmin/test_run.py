"""`llgmin run`: what a search keeps, and that a stopped one ends with the bytes of one that was left alone."""

import dataclasses
import json
import signal

import numpy as np
import pytest
from driving import started, xor_problem

from llcommon.errors import NothingFound
from llcommon.problem import read_problem
from llcommon.store import read_landscape
from llgmin.cli import main
from llgmin.methods import METHODS, method_of
from llgmin.search import Search
from llgmin.walker import SEGMENT_STEPS

OVERRIDES = ("search.chains=3", "search.steps=50")  # the last segment is shorter
# Every method, and what makes chains wait for one another.
SEARCHES = {
    "basin-hopping": (),
    "between-minima": ('search.moves=["crossover", "swap", "uniform"]',),
    "restarts": ("search.reseed_after=6", "search.avoid=3", "search.taboo=2"),
    "parallel-tempering": ("search.method=parallel-tempering", "tempering.replicas=3", "tempering.exchange_every=7"),
    "multi-start": ("search.method=multi-start", "starts.initialisation=sobol"),
    "genetic": (
        "search.method=genetic", "search.steps=12", "genetic.population=4", "genetic.offspring=4", "genetic.epoch=2",
    ),
}  # fmt: skip


@pytest.fixture(params=SEARCHES)
def overrides(request):
    return (*OVERRIDES, *SEARCHES[request.param])


def program(*arguments) -> int:
    """llgmin in this process; its exit code."""
    return main([str(argument) for argument in arguments], standalone_mode=False)


@pytest.fixture
def problem(tmp_path):
    return xor_problem(tmp_path)


def nothing(*_):
    """A report that nobody reads."""


# --- chains and segments --------------------------------------------------------------------------


def same(first, second) -> bool:
    """Whether two chain states, or lists of minima, have the same bits."""
    return json.dumps(dataclasses.asdict(first), default=np.ndarray.tolist) == json.dumps(
        dataclasses.asdict(second), default=np.ndarray.tolist
    )


@pytest.mark.parametrize("parts", [(1, 29), (15, 15), (7, 0, 20, 3)])
@pytest.mark.parametrize("name", METHODS)
def test_a_walker_is_the_same_in_any_segments(problem, name, parts):
    small = ("genetic.population=4", "genetic.offspring=2")
    landscape = read_problem(problem, ("search.adjust_every=4", f"search.method={name}", *small))
    method = method_of(landscape.model, landscape.settings)
    whole = method.advance(method.first(0), 30)
    walker = method.first(0)
    quenches = []
    for steps in parts:
        segment = method.advance(walker, steps)
        walker = segment.walker
        quenches += segment.quenches
    assert same(walker, whole.walker)
    assert len(quenches) == len(whole.quenches) >= 30
    assert all(same(one, other) for one, other in zip(quenches, whole.quenches, strict=True))


# --- stopping and going on ------------------------------------------------------------------------


def finished(problem, output, overrides=OVERRIDES, jobs=1) -> bytes:
    """The file of a search that nobody stops."""
    search = Search(read_problem(problem, overrides), output)
    assert search.run(jobs, lambda: False, nothing)
    search.finish()
    return output.read_bytes()


def stopped_after(calls: int):
    """A stop request that comes when it is looked at for the (calls + 1)-th time."""
    left = [calls]

    def stopped() -> bool:
        left[0] -= 1
        return left[0] < 0

    return stopped


def test_stopped_anywhere_it_ends_with_the_same_bytes(problem, tmp_path):
    whole = finished(problem, tmp_path / "whole.h5")
    rounds = 50 // SEGMENT_STEPS + 1
    progress = set()
    for calls in range(rounds + 1):
        output = tmp_path / f"stopped-{calls}.h5"
        search = Search(read_problem(problem, OVERRIDES), output)
        if not search.run(1, stopped_after(calls), nothing):
            search.commit()
            progress.add(search.done)
            search = Search(read_landscape(output), output)
            assert search.run(1, lambda: False, nothing)
        search.finish()
        assert output.read_bytes() == whole
    assert len(progress) == rounds


def test_stopped_at_every_turn_it_ends_with_the_same_bytes(problem, tmp_path, overrides):
    output = tmp_path / "stopped.h5"
    search = Search(read_problem(problem, overrides), output)
    restarts = 0
    while not search.run(1, stopped_after(1), nothing):
        search.commit()
        search = Search(read_landscape(output), output)
        restarts += 1
    search.finish()
    assert restarts >= 2
    assert output.read_bytes() == finished(problem, tmp_path / "whole.h5", overrides)


# Two processes are started for each: the methods that differ in how chains wait are enough for every day, and
# basin-hopping is in tests/test_determinism.py.
@pytest.mark.parametrize(
    "overrides",
    [name if name in ("parallel-tempering", "genetic") else pytest.param(name, marks=pytest.mark.slow)
     for name in SEARCHES],
    indirect=True,
)  # fmt: skip
def test_two_processes_give_the_same_bytes(problem, tmp_path, overrides):
    both = finished(problem, tmp_path / "both.h5", overrides, jobs=2)
    assert both == finished(problem, tmp_path / "one.h5", overrides)


def test_states_in_the_middle_of_a_round_go_on(problem, tmp_path):
    """Killed after the first chain's turn: the second is next, not the first."""
    output = tmp_path / "minima.h5"
    search = Search(read_problem(problem, OVERRIDES), output)

    def commit_first(done: int, _text: str) -> None:
        if done == SEGMENT_STEPS:
            search.commit()

    search._commit_is_due = lambda: False
    search.run(1, lambda: False, commit_first)
    resumed = Search(read_landscape(output), output)
    assert [walker.done for walker in resumed.walkers] == [SEGMENT_STEPS, 0, 0]
    resumed.run(1, lambda: False, nothing)
    resumed.finish()
    assert output.read_bytes() == finished(problem, tmp_path / "whole.h5")


STOPS = [(signal.SIGTERM, 75, "SIGTERM"), (signal.SIGUSR1, 75, "SIGUSR1"), (signal.SIGINT, 130, "Ctrl-C")]


def test_signals_and_time_limit_leave_a_checkpoint(tmp_path, monkeypatch, capsys):
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    for folder in (whole, torn):
        folder.mkdir()
        xor_problem(folder, steps=1000)
    command = ("llgmin", "run", "xor.toml")
    assert program("run", whole / "xor.toml", "-o", whole / "xor.h5", "-j", 1) == 0
    file = torn / "xor.h5"
    # SIGUSR1 is as SIGTERM, by tests/llcommon/test_cli.py.
    for jobs, (number, code, name) in zip((1, 2), (STOPS[0], STOPS[-1]), strict=True):
        with started(*command, "-j", jobs, cwd=torn) as search:
            assert search.wait_for_writes(2, file), search.said
            assert search.signal(number) == code, search.said
        assert search.said.splitlines()[-1].startswith(f"llgmin: stopped by {name}; ")
        assert search.said.endswith(" steps are kept in xor.h5; run the same command again to go on\n")
        assert not read_landscape(file).search.state["finished"]
    monkeypatch.chdir(torn)
    capsys.readouterr()
    assert program(*command[1:], "-j", 1, "--time-limit", 0.1) == 75
    assert "stopped by the time limit" in capsys.readouterr().err
    assert program(*command[1:], "-j", 1) == 0
    assert file.read_bytes() == (whole / "xor.h5").read_bytes()


def test_a_search_goes_on_only_with_the_same_problem(problem, capsys):
    output = problem.with_suffix(".h5")
    assert program("run", problem, "-j", 1, "--time-limit", 1e-9) == 75
    before = output.read_bytes()
    for change in (["-s", 2], ["--set", "search.steps=70"], ["--set", "loss.lambda=1e-3"]):
        assert program("run", problem, "-j", 1, *change) == 2
        assert "an unfinished search of another problem or with other settings" in capsys.readouterr().err
    assert output.read_bytes() == before
    assert program("run", problem, "-j", 1) == 0
    assert program("run", problem, "-j", 1) == 2
    assert "its search is complete; use -f to replace it" in capsys.readouterr().err
    complete = output.read_bytes()
    assert program("run", problem, "-j", 1, "-f") == 0
    assert output.read_bytes() == complete


# --- what is kept ---------------------------------------------------------------------------------


def test_the_lowest_minima_are_kept_in_order(problem, tmp_path, capsys):
    assert program("run", problem, "-o", tmp_path / "all.h5", "-j", 1) == 0
    capsys.readouterr()
    assert program("run", problem, "-o", tmp_path / "two.h5", "-j", 1, "--set", "search.save=2", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    everything, two = (read_landscape(tmp_path / name).minima for name in ("all.h5", "two.h5"))
    assert len(everything) > 2
    assert (np.diff(everything.loss) >= 0.0).all()
    assert two.coordinates.tolist() == everything.coordinates[:2].tolist()
    assert report["minima"] == 2 and report["lowest_loss"] == two.loss[0]
    assert report["counters"]["steps"] == 120


def test_without_any_minimum_nothing_is_written(problem, capsys):
    assert program("run", problem, "-j", 1, "--set", "quench.radius=1e-3") == NothingFound.exit_code
    assert "no quench ended in a verified minimum (left-radius " in capsys.readouterr().err
    assert not problem.with_suffix(".h5").exists()


def test_a_dry_run_writes_nothing(problem, tmp_path, capsys):
    before = sorted(tmp_path.iterdir())
    assert program("run", problem, "-n") == 0
    assert sorted(tmp_path.iterdir()) == before
    expected = "mlp, 12 coordinates, 4 rows of xor.csv; basin-hopping, 2 chains of 60 steps, seed 1"
    assert expected in capsys.readouterr().err


def test_a_loss_that_is_not_bounded_is_warned_of(problem, capsys):
    program("run", problem, "-n", "--set", "loss.lambda=0.0")
    assert "warning: lambda = 0 lets minima run off to infinity" in capsys.readouterr().err
