"""Single-ended searches: known saddles from known minima, the ways of pushing, order and resumption of jobs."""

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from llcommon import losses
from llcommon.data import read_csv
from llcommon.inorder import run_in_order
from llcommon.settings import DataSettings
from llcommon.status import Status
from llcommon.store import Landscape
from lloptim.singleended import RANDOM, SOFT, Push, PushJob, SingleEnded, pushes_from
from tests.lloptim.problems import BOXED, network, quenched, settings_of, stationary_of, surface

XOR_CSV = Path(__file__).parents[2] / "examples" / "xor" / "xor.csv"
# The two that the original programs find from the global minimum.
XOR_SADDLES = [0.485451627878429, 0.357181438127216]
MUELLER_BROWN = [-72.2489401123, -40.6648435087]


def never():
    return False


def done_job(source, pushes, settings=None):
    """The job of these pushes, done in this process."""
    settings = settings or source.settings
    job = PushJob(source, settings, pushes, Landscape(settings, source.model, source.data))
    assert job.run(1, never, lambda done: None) == len(pushes)
    return job


@pytest.fixture(scope="module")
def xor():
    """The network with two hidden units on XOR, and two of its minima: the global one and the collapsed one."""
    landscape = network(read_csv(XOR_CSV, DataSettings(scaling="none"), False), [2], 1e-4)
    rng = np.random.default_rng(3)
    for _ in range(20):
        start = landscape.model.random_start(rng) * 2.0
        landscape.add_minimum(quenched(landscape.model, landscape.settings, start))
    landscape.sort_minima_by_loss()
    landscape.keep_lowest(2)
    assert landscape.minima.loss[0] == pytest.approx(0.013475830089617, abs=1e-12)
    return landscape


# --- which pushes ---------------------------------------------------------------------------------


def test_pushes_go_by_minimum_and_each_mode_both_ways():
    pushes = pushes_from([4, 2], 2, 1)
    assert [(push.minimum, push.kind, push.number) for push in pushes] == [
        (4, SOFT, 1), (4, SOFT, -1), (4, RANDOM, 0), (4, RANDOM, 1),
        (2, SOFT, 1), (2, SOFT, -1), (2, RANDOM, 0), (2, RANDOM, 1),
    ]  # fmt: skip


def test_a_push_does_not_depend_on_the_others():
    """The random numbers are those of seed, minimum and number, whatever else a job does."""
    source = surface("himmelblau")
    alone = done_job(source, [Push(2, RANDOM, 1)])
    among = done_job(source, pushes_from([0, 2], 3, 1))
    (row,) = [row for row in among.rows if row.push == Push(2, RANDOM, 1)]
    assert (row.length, row.loss, row.status) == (alone.rows[0].length, alone.rows[0].loss, alone.rows[0].status)


def test_random_directions_are_symmetric_and_differ():
    source = surface("double-well")
    runner = SingleEnded(source.model, source.settings)
    x = source.minima.coordinates[0].copy()
    directions = np.array([runner._direction(Push(0, RANDOM, number), x) for number in range(400)])
    assert np.linalg.norm(directions, axis=1) == pytest.approx(1.0)
    assert len(np.unique(directions[:, 0])) == (400 if source.model.dimension > 1 else 2)
    # 400 signs of a fair coin: beyond 5 standard deviations once in a million.
    assert np.all(np.abs((directions > 0.0).mean(axis=0) - 0.5) < 2.5 / 20.0)


def test_soft_modes_are_eigenvectors_softest_first():
    source = surface("himmelblau")
    runner = SingleEnded(source.model, source.settings)
    x = source.minima.coordinates[1].copy()
    values, vectors = np.linalg.eigh(source.model.hessian(x))
    for number in (1, 2):
        ahead = runner._direction(Push(1, SOFT, number, 2), x)
        back = runner._direction(Push(1, SOFT, -number, 2), x)
        assert abs(ahead @ vectors[:, number - 1]) == pytest.approx(1.0, abs=1e-12)
        assert np.array_equal(back, -ahead)
    assert runner._direction(Push(1, SOFT, 3, 3), x) is None


def test_modes_that_only_the_penalty_resists_are_passed_over(xor):
    """The three softest modes of XOR's global minimum have curvature 2 lambda wherever one goes along them."""
    x = xor.minima.coordinates[0].copy()
    values, vectors = np.linalg.eigh(xor.model.hessian(x))
    assert values[:3] == pytest.approx(2e-4, rel=1e-8)
    runner = SingleEnded(xor.model, xor.settings)
    mode = runner._direction(Push(0, SOFT, 1, 1), x)
    assert np.abs(mode @ vectors[:, :3]).max() < 1e-6
    assert mode @ xor.model.hessian_vector(x, mode) > 2.1e-4


# --- what they find -------------------------------------------------------------------------------


def test_both_saddles_of_mueller_brown_from_its_minima():
    source = surface("mueller-brown")
    job = done_job(source, pushes_from([0, 1, 2], 4, 2))
    assert sorted(job.result.transition_states.loss) == pytest.approx(MUELLER_BROWN, abs=5e-10)
    found = [row for row in job.rows if row.ts is not None]
    assert len(found) >= len(job.rows) // 2
    # The others went up the walls, where the surface stays convex.
    assert {row.status for row in job.rows if row.ts is None} <= {Status.NO_CANDIDATE, Status.FELL_TO_MINIMUM}
    for row in found:
        ends = source.minima.loss[[row.plus, row.minus]]
        assert [row.plus_loss, row.minus_loss] == pytest.approx(ends, abs=1e-8)
        assert row.own == (row.push.minimum in (row.plus, row.minus))
        assert row.loss == pytest.approx(job.result.transition_states.loss[row.ts], abs=1e-9)


@pytest.mark.parametrize("name", ["six-hump-camel", "himmelblau", "double-well"])
def test_every_known_saddle_of_a_surface_from_its_minima(name):
    """All of them, and nothing else: 7 of the camel, 4 of Himmelblau's function, 1 of the double well."""
    source = surface(name)
    known = [loss for _, loss, index in source.model.known_points() if index == 1]
    minima = list(range(len(source.minima)))
    job = done_job(source, pushes_from(minima, 10, 2))
    assert sorted(job.result.transition_states.loss) == pytest.approx(sorted(known), abs=1e-8)
    assert sum(bool(row.own) for row in job.rows) >= 0.6 * sum(row.ts is not None for row in job.rows)


def test_xor_pushes_lead_to_transition_states_of_their_own_minimum(xor):
    job = done_job(xor, pushes_from([0], 20, 0))
    assert sum(row.ts is not None for row in job.rows) >= 18
    assert sum(bool(row.own) for row in job.rows) >= 10
    for known in XOR_SADDLES:
        assert np.abs(job.result.transition_states.loss - known).min() < 1e-9
    assert Counter(bool(row.new) for row in job.rows if row.ts is not None)[True] == len(job.result.transition_states)


def test_krylov_searches_find_them_too(xor):
    connect = replace(xor.settings.connect, saddle_search="krylov")
    curvature = replace(xor.settings.curvature, dense_limit=0)
    settings = replace(xor.settings, connect=connect, curvature=curvature)
    job = done_job(xor, pushes_from([0], 4, 1), settings)
    assert sum(row.ts is not None for row in job.rows) >= 3
    for loss in job.result.transition_states.loss:
        assert np.abs(np.array([*XOR_SADDLES, 0.3596294908641595]) - loss).min() < 1e-9
    assert job.result.counters["saddle hessians"] == 0


def test_a_convex_loss_has_no_way_out():
    """A push that never meets negative curvature says so and starts no search."""
    source = surface("double-well")
    runner = SingleEnded(source.model, source.settings)
    runner.longest = 0.5 * runner.shortest
    result = runner.run(Push(0, RANDOM, 0), source.minimum(0))
    assert (result.status, result.searches, result.triple) == (Status.NO_CANDIDATE, 0, None)


@pytest.mark.parametrize(("name", "lower", "upper"), BOXED[:2] + BOXED[3:4])
def test_saddles_in_a_box_are_known_ones(name, lower, upper):
    """On its sides and between: at most those that brute force knows, and most of them."""
    bounds = {"lower": lower, "upper": upper}
    settings = settings_of(name, bounds)
    source = Landscape(settings, losses.build(name, bounds))
    minima, saddles = stationary_of(name, lower, upper)
    for point in minima:
        source.add_minimum(quenched(source.model, settings, point.x))
    job = done_job(source, pushes_from(list(range(len(source.minima))), 10, 2))
    found = job.result.transition_states
    for loss, x in zip(found.loss, found.coordinates, strict=True):
        known = min(saddles, key=lambda saddle, x=x: np.linalg.norm(saddle.x - x))
        assert np.linalg.norm(known.x - x) < 1e-6
        assert known.loss == pytest.approx(loss, abs=1e-8)
    assert len(saddles) - 1 <= len(found) <= len(saddles)


def test_pushes_stay_in_the_box():
    source = surface("himmelblau")
    x = source.minima.coordinates[0].copy()
    runner = SingleEnded(source.model, source.settings)
    runner.upper = x + 0.01
    runner.lower = x - 0.01
    seen = []
    lowest = runner._lowest
    runner._lowest = lambda point: seen.append(point) or lowest(point)
    result = runner.run(Push(0, RANDOM, 0), source.minimum(0))
    assert result.status is Status.NO_CANDIDATE
    assert np.abs(np.array(seen) - x).max() <= 0.01 + 1e-12


# --- jobs -----------------------------------------------------------------------------------------


def test_a_stopped_job_goes_on_to_the_same_result():
    source = surface("mueller-brown")
    pushes = pushes_from([0, 1, 2], 2, 1)
    whole = done_job(source, pushes)
    first = PushJob(source, source.settings, pushes, Landscape(source.settings, source.model))
    done = first.run(1, lambda: len(first.rows) >= 5, lambda done: None)
    assert 5 <= done < len(pushes)
    second = PushJob(source, source.settings, pushes, first.result)
    second.resume(first.outcomes())
    assert second.run(1, never, lambda done: None) == len(pushes)
    assert second.rows == whole.rows
    assert second.outcomes() == whole.outcomes()
    assert second.result.counters == whole.result.counters
    states = second.result.transition_states.coordinates
    assert states.tobytes() == whole.result.transition_states.coordinates.tobytes()


def test_results_are_taken_in_order():
    taken = []
    tasks = [lambda n=n: (n,) for n in (3, 1, 2)]
    done = run_in_order(str, (), lambda n: n * n, tasks, 1, never, lambda *taking: taken.append(taking))
    assert (done, taken) == (3, [(0, 9), (1, 1), (2, 4)])


def test_what_was_begun_is_taken_after_a_stop():
    taken = []
    stop = [False, False, True]
    tasks = [lambda n=n: (n,) for n in range(9)]
    done = run_in_order(str, (), abs, tasks, 1, lambda: stop.pop(0) if stop else True, lambda n, r: taken.append(r))
    assert (done, taken) == (2, [0, 1])
    assert run_in_order(str, (), abs, [], 2, never, lambda n, r: None) == 0


def test_what_no_process_has_begun_is_withdrawn_after_a_stop():
    taken = []
    tasks = [lambda: (0.05,)] * 200
    done = run_in_order(str, (), time.sleep, tasks, 2, lambda: bool(taken), lambda n, r: taken.append(n))
    assert taken == list(range(done))
    assert 1 <= done < 20  # of the 32 that were submitted
