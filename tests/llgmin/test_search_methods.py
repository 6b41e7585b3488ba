"""What the search methods do beyond stepping: restarts, taboo, targets, levels of quenches, exchanges, generations."""

import math
from dataclasses import replace

import numpy as np
import pytest
from driving import xor_problem

from llcommon.errors import ConfigError
from llcommon.problem import read_problem
from llcommon.store import read_landscape
from llgmin.cli import main
from llgmin.hopping import _place_of
from llgmin.methods import METHODS, method_of
from llgmin.search import Search
from llgmin.tempering import ParallelTempering, ladder
from llgmin.walker import MOVED, NEW, VERIFIED, Segment

LOWEST = 0.013475830090  # the two lowest of the XOR network with two hidden units at lambda 1e-4, ../shared/spec
SECOND = 0.014802604520
EVERY = {name: (f"search.method={name}",) for name in METHODS}


def search_of(folder, *overrides, **problem) -> Search:
    """A search run to its end, its file written."""
    search = Search(read_problem(xor_problem(folder, **problem), overrides), folder / "minima.h5")
    assert search.run(1, lambda: False, lambda *_: None)
    search.finish()
    return search


def method(folder, *overrides):
    landscape = read_problem(xor_problem(folder), overrides)
    return method_of(landscape.model, landscape.settings)


# --- all methods ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
def test_every_method_finds_the_lowest_minima(tmp_path, name):
    steps = {"genetic": 15, "multi-start": 150}.get(name, 60)
    minima = search_of(tmp_path, *EVERY[name], f"search.steps={steps}").landscape.minima
    assert minima.loss[:2] == pytest.approx([LOWEST, SECOND], abs=1e-11)


@pytest.mark.parametrize("name", METHODS)
def test_a_target_ends_the_search(tmp_path, name):
    search = search_of(tmp_path, *EVERY[name], f"search.target={LOWEST}", "search.steps=500")
    trace = search.landscape.trace
    assert search.hit and search.done < search.total
    assert trace.loss[-1] == pytest.approx(LOWEST, abs=1e-8)
    # Not before: the last quench is the first that came so low.
    assert not (trace.loss[:-1] <= LOWEST + 1e-8).any()
    assert read_landscape(tmp_path / "minima.h5").search.state["finished"]


@pytest.mark.parametrize("name", METHODS)
def test_the_trace_tells_every_quench(tmp_path, name):
    landscape = search_of(tmp_path, *EVERY[name], "search.steps=30").landscape
    trace, counters = landscape.trace, landscape.counters
    assert len(trace) == counters["quenches"]
    assert trace.evaluations.sum() == counters["evaluations"]
    verified = trace.outcome & VERIFIED > 0
    assert np.isfinite(trace.loss[verified]).all()
    assert verified.sum() == landscape.minima.visits.sum()
    assert (trace.outcome & NEW > 0).sum() == len(landscape.minima)
    assert trace.loss[verified].min() == pytest.approx(landscape.minima.loss[0], abs=1e-8)
    assert set(trace.walker.tolist()) == set(range(len(landscape.search.state["walkers"])))


def test_trace_counts_the_moves_of_a_chain(tmp_path):
    landscape = search_of(tmp_path, "search.chains=1").landscape
    moved = (landscape.trace.outcome & MOVED > 0).sum()
    assert moved == landscape.counters["accepted"] + 1  # the first minimum is no step


# --- basin-hopping --------------------------------------------------------------------------------


def test_a_chain_that_waits_too_long_starts_anew(tmp_path):
    search = search_of(tmp_path, "search.reseed_after=5", "search.step=0.01", 'search.adjust="none"')
    assert search.landscape.counters["restarts"] > 10
    assert all(walker.values["restarts"] > 5 for walker in search.walkers)


def test_a_chain_keeps_away_from_what_it_left(tmp_path):
    overrides = ("search.reseed_after=5", "search.avoid=20", "search.step=0.01", 'search.adjust="none"')
    search = search_of(tmp_path, *overrides)
    assert search.landscape.counters["restarts by avoided minima"] > 0
    avoided = search.walkers[0].arrays["avoided"]
    assert 1 <= len(avoided) <= 20
    for point in avoided:
        assert search.landscape.find_minimum(search.landscape.model.value(point), point) is not None


def test_taboo_minima_are_not_gone_back_to(tmp_path):
    hopping = method(tmp_path, "search.taboo=3", "search.temperature=10.0", "search.step=8.0")
    walker = hopping.first(0)
    path = []
    for _ in range(200):
        segment = hopping.advance(walker, 1)
        walker = segment.walker
        moves = [quenched.minimum for quenched in segment.quenches if quenched.accepted]
        path += [round(minimum.loss, 8) for minimum in moves]
    assert len(path) >= 4  # four minima differ in loss
    for place in range(1, len(path)):
        assert path[place] not in path[max(0, place - 3) : place]


@pytest.mark.parametrize("finish", ["accepted", "improving"])
def test_quenches_that_are_not_finished_are_not_stored(tmp_path, finish):
    landscape = search_of(tmp_path, f"search.finish={finish}", "search.temperature=1e-6", "search.step=8.0").landscape
    verified = landscape.trace.outcome & VERIFIED > 0
    unfinished = np.isfinite(landscape.trace.loss) & ~verified
    assert unfinished.any() and verified.any()
    assert landscape.minima.loss[0] == pytest.approx(LOWEST, abs=1e-11)
    assert landscape.minima.rms.max() <= 1e-9
    if finish == "improving":
        for walker in (0, 1):
            mine = landscape.trace.loss[verified & (landscape.trace.walker == walker)]
            assert mine[1:].max() < mine[0]


@pytest.mark.parametrize(("objective", "wide_is_lower"), [("loss", False), ("free-energy", True)])
def test_free_energies_are_compared(tmp_path, objective, wide_is_lower):
    """At T = 0.3 the collapsed minimum, of the highest loss, has a lower L + T/2 LPPHE than the lowest one."""
    landscape = search_of(tmp_path).landscape
    temperatures = ("search.temperature=1e-6", "search.free_energy_temperature=0.3")[: 1 + wide_is_lower]
    hopping = method(tmp_path, f"search.objective={objective}", *temperatures)
    narrow, wide = (landscape.minimum(number) for number in (0, len(landscape.minima) - 1))
    assert wide.loss == pytest.approx(0.693147180560, abs=1e-10)
    for here, there, lower in ((narrow, wide, wide_is_lower), (wide, narrow, not wide_is_lower)):
        chain = hopping._unpack(hopping.first(0))
        hopping._move(0, chain, _place_of(here))
        assert hopping._test(0, chain, _place_of(there), 0.5) == lower


def test_a_failed_quench_is_never_moved_to(tmp_path):
    search = search_of(tmp_path, "quench.radius=20.0", "search.step=8.0")
    outcome = search.landscape.trace.outcome
    assert (outcome == 0).any()
    assert ((outcome & VERIFIED > 0) | (outcome & MOVED == 0)).all()
    assert np.isnan(search.landscape.trace.loss[outcome == 0]).all()


# --- parallel tempering ---------------------------------------------------------------------------


def test_the_ladder_is_geometric():
    temperatures = ladder(0.1, 10.0, 5)
    assert temperatures[0] == 0.1 and temperatures[-1] == 10.0
    assert np.diff(np.log(temperatures)) == pytest.approx(np.full(4, math.log(100.0) / 4.0))


def at_losses(tempering: ParallelTempering, losses, done: int):
    walkers = []
    for number, loss in enumerate(losses):
        walker = tempering.first(number)
        point = np.full(tempering.model.dimension, float(number))
        arrays = {**walker.arrays, "point": point, "levels": np.array([loss, 0.0, loss])}
        walkers.append(replace(walker, done=done, arrays=arrays))
    return walkers


def test_neighbours_exchange_with_the_right_frequency(tmp_path):
    overrides = ("tempering.replicas=2", "tempering.lowest=0.5", "tempering.highest=1.0")
    landscape = read_problem(xor_problem(tmp_path), (*EVERY["parallel-tempering"], *overrides))
    tempering = method_of(landscape.model, landscape.settings)
    accepted = 0
    rounds = range(20, 80000, 20)  # the even ones try the pair 0-1
    for done in rounds:
        walkers = tempering.couple(at_losses(tempering, [0.0, 0.7], done), landscape)
        accepted += walkers[0].arrays["point"][0] == 1.0
        assert {walker.arrays["levels"][0] for walker in walkers} == {0.0, 0.7}
    assert landscape.counters["exchange 0-1 tried"] == len(rounds)
    assert landscape.counters["exchange 0-1 accepted"] == accepted
    assert accepted / len(rounds) == pytest.approx(math.exp(-0.7), abs=0.03)
    # The lower minimum is always taken to the lower temperature.
    assert tempering.couple(at_losses(tempering, [0.7, 0.0], 20), landscape)[0].arrays["levels"][0] == 0.0


def test_even_and_odd_neighbours_take_turns(tmp_path):
    landscape = read_problem(xor_problem(tmp_path), ("search.method=parallel-tempering", "tempering.replicas=5"))
    tempering = method_of(landscape.model, landscape.settings)
    for done in (10, 20, 30):
        tempering.couple(at_losses(tempering, [0.0] * 5, done), landscape)
    tried = {name: count for name, count in landscape.counters.items() if name.endswith("tried")}
    assert tried == {
        "exchange 1-2 tried": 2, "exchange 3-4 tried": 2, "exchange 0-1 tried": 1, "exchange 2-3 tried": 1,
    }  # fmt: skip


# --- multi-start and genetic ----------------------------------------------------------------------


def test_starts_do_not_depend_on_the_number_of_walkers(tmp_path):
    """The same 60 starts by one walker or by three: the same minima and visits."""
    tables = []
    for walkers in (1, 3):
        folder = tmp_path / str(walkers)
        folder.mkdir()
        overrides = (*EVERY["multi-start"], f"search.chains={walkers}", f"search.steps={60 // walkers}")
        minima = search_of(folder, *overrides).landscape.minima
        tables.append((minima.visits.tolist(), minima.loss.round(10).tolist()))
    assert tables[0] == tables[1]


def test_a_population_holds_distinct_minima_in_order(tmp_path):
    genetic = method(tmp_path, *EVERY["genetic"], "genetic.population=4", "genetic.offspring=3")
    walker = genetic.first(0)
    for _ in range(5):
        walker = genetic.advance(walker, 1).walker
        losses = walker.arrays["losses"]
        assert 1 <= len(losses) <= 4
        assert (np.diff(losses) > 1e-8).all()
        values = [genetic.model.value(point) for point in walker.arrays["points"]]
        assert values == pytest.approx(losses.tolist(), abs=1e-12)


def test_a_new_epoch_keeps_the_survivors(tmp_path):
    genetic = method(tmp_path, *EVERY["genetic"], "genetic.population=4", "genetic.epoch=2", "genetic.survivors=1")
    segment = genetic.advance(genetic.first(0), 12)
    assert segment.counts["epochs"] >= 2
    assert segment.walker.arrays["losses"][0] == pytest.approx(LOWEST, abs=1e-11)


@pytest.mark.parametrize("selection", ["tournament", "roulette"])
def test_lower_minima_are_parents_more_often(tmp_path, selection):
    from llgmin.genetic import _Population

    genetic = method(tmp_path, *EVERY["genetic"], f"genetic.selection={selection}")
    parents = _Population(np.zeros((5, 12)), np.arange(5.0))
    rng = np.random.default_rng(0)
    chosen = np.bincount([genetic._parent(parents, rng, None) for _ in range(4000)], minlength=5)
    assert chosen[0] > chosen[1] > chosen[2] >= chosen[3] >= chosen[4]
    assert 2 not in {genetic._parent(parents, rng, 2) for _ in range(200)}


@pytest.mark.parametrize("crossover", ["units", "one-point"])
def test_children_are_made_of_their_parents(tmp_path, crossover):
    from llgmin.genetic import _Population

    genetic = method(tmp_path, *EVERY["genetic"], f"genetic.crossover={crossover}", "genetic.mutation_rate=0.0")
    rng = np.random.default_rng(1)
    points = rng.standard_normal((2, 12))
    parents = _Population(points, np.array([0.0, 1.0]))
    aligned = {0: genetic.model.align(points[0], points[1].copy()), 1: genetic.model.align(points[1], points[0].copy())}
    for _ in range(30):
        child = genetic._child(parents, rng)
        first = next(place for place in (0, 1) if np.isin(child, [*points[place], *aligned[place]]).all())
        for unit in genetic.units:
            assert child[unit].tolist() in (points[first][unit].tolist(), aligned[first][unit].tolist())


# --- what contradicts itself ----------------------------------------------------------------------

TEMPERED = "search.method=parallel-tempering"
CONFLICTS = {
    "ladder": ((TEMPERED, "tempering.lowest=2.0", "tempering.highest=1.0"), "highest must be above lowest"),
    "half a ladder": ((TEMPERED, "tempering.lowest=1e9"), "the ladder of temperatures must rise"),
    "one replica": ((TEMPERED, "tempering.replicas=1"), "replicas"),
    "steering a ladder": ((TEMPERED, "search.adjust=both"), "ladder of temperatures is fixed"),
    "zero step": (("search.step=0",), "step"),
    "unknown move": (('search.moves=["jump"]',), "moves"),
    "no move": (("search.moves=[]",), "moves must name at least one"),
    "a move twice": (('search.moves=["uniform", "uniform"]',), "each kind of step once"),
    "weights": (("search.move_weights=[1.0, 2.0]",), "one number for each of the 1 moves"),
    "no weight": (("search.move_weights=[0.0]",), "must not all be 0"),
    "two rulers": (("search.final_temperature=0.1", "search.adjust=temperature"), "both would rule the temperature"),
    "avoid": (("search.avoid=3",), "avoid needs reseed_after"),
    "finish": (("search.finish=improving", "search.taboo=3"), 'finish must be "all"'),
    "free energy": (("search.free_energy_temperature=1.0",), 'needs objective = "free-energy"'),
    "tournament": (("genetic.tournament=30",), "tournament must be at most population"),
    "survivors": (("genetic.survivors=20",), "survivors must be fewer"),
    "unknown method": (("search.method=annealing",), "method"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONFLICTS)
def test_conflicts_end_before_any_work(tmp_path, name, capsys):
    overrides, sentence = CONFLICTS[name]
    problem = xor_problem(tmp_path)
    arguments = [part for override in overrides for part in ("--set", override)]
    assert main(["run", str(problem), *arguments], standalone_mode=False) == ConfigError.exit_code
    said = capsys.readouterr()
    assert sentence in said.err and len(said.err.splitlines()) == 1
    assert not said.out and not problem.with_suffix(".h5").exists()


def test_target_is_an_option_too(tmp_path, capsys):
    problem = xor_problem(tmp_path)
    assert main(["run", str(problem), "-j", "1", "--target", "0.0148027"], standalone_mode=False) == 0
    assert "the target was reached after" in capsys.readouterr().err
    landscape = read_landscape(problem.with_suffix(".h5"))
    assert landscape.settings.search.target == 0.0148027
    assert landscape.minima.loss[0] <= 0.0148027


def test_segments_count(tmp_path):
    segment = Segment(method(tmp_path).first(0))
    segment.count("quenches")
    segment.count("quenches", 2)
    assert segment.counts == {"quenches": 3}
