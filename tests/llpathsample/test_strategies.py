"""What each strategy chooses, against its definition spelt out; and sets, rules to stop, and settings."""

import itertools
import math

import numpy as np
import pytest

from llcommon.errors import ConfigError, InputError
from llcommon.growsettings import MIXABLE, STRATEGIES, GrowSettings, modern
from llcommon.idrules import as_rule
from llcommon.records import Minimum
from llcommon.status import Status
from llpathsample.idfiles import read_ids
from llpathsample.kinetics.chain import best_path
from llpathsample.ktn import Network
from llpathsample.sets import check_rules, members_of
from llpathsample.stopping import Stopping, observed
from llpathsample.strategies import STRATEGIES as ALONE
from llpathsample.strategies import strategy_of
from llpathsample.strategies.untrap import barriers_to, trap_ratios
from llpathsample.structure.basins import bottoms
from llpathsample.yields import cost_of
from tests.llpathsample.growing_standin import add_states, landscape_of, network_of, random_landscape
from tests.reference.tree import minimax_matrix


def chosen(landscape, most=100, busy=frozenset()):
    """Pairs that the strategy of a landscape chooses, made anew."""
    return [(c.minimum, c.partner) for c in strategy_of(network_of(landscape)).choose(most, set(busy))]


def exhaust(landscape, pairs, attempts=2):
    for a, b in pairs:
        landscape.mark_pair(a, b, False, Status.NO_CANDIDATE, attempts)


def distances(landscape):
    points = landscape.minima.coordinates
    return np.linalg.norm(points[:, None] - points[None], axis=2)


def test_all_names_have_a_strategy():
    assert {*ALONE, "auto"} == set(STRATEGIES)
    assert set(MIXABLE) < set(ALONE)


# --- outside and inside ---------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_to_global_minimum_goes_to_the_nearest_inside(seed):
    landscape = random_landscape(seed, 20, 8, neighbours=2, attempts=1)
    network = network_of(landscape)
    lengths = distances(landscape)
    strategy = strategy_of(network)
    for _ in range(60):
        root = network.labels[landscape.global_minimum()]
        outside, inside = (np.flatnonzero(network.labels != root), np.flatnonzero(network.labels == root))
        expected = []
        for minimum in outside[np.argsort(landscape.minima.loss[outside])].tolist():
            nearest = sorted((lengths[minimum, other], other) for other in inside.tolist())[:2]
            left = [other for _, other in nearest if not landscape.pair_attempts(minimum, other)]
            expected += [(minimum, left[0])] if left else []
        pairs = [(c.minimum, c.partner) for c in strategy.choose(3, set())]
        assert pairs == expected[:3]
        if not pairs:
            break
        exhaust(landscape, pairs[:2], 1)
        add_states(landscape, [2.0] * len(pairs[2:]), pairs[2:])
        network.update()
    assert not expected


def test_unconnected_by_loss_and_by_distance():
    landscape = random_landscape(5, 12, 4, strategy="unconnected", order="loss", reference=3)
    network = network_of(landscape)
    root = network.labels[landscape.global_minimum()]
    outside = [m for m in np.flatnonzero(network.labels != root).tolist() if m != 3 and not network.joined(m, 3)]
    loss = landscape.minima.loss
    assert chosen(landscape) == [(m, 3) for m in sorted(outside, key=lambda m: abs(loss[m] - loss[3]))]
    landscape = random_landscape(5, 12, 4, strategy="unconnected", order="distance", reference=3)
    lengths = distances(landscape)
    assert chosen(landscape) == [(m, 3) for m in sorted(outside, key=lambda m: lengths[m, 3])]
    exhaust(landscape, [(outside[0], 3)])
    assert outside[0] not in [a for a, _ in chosen(landscape)]


def test_unconnected_to_either_set():
    grow = {"strategy": "unconnected", "set_a": "0", "set_b": "1"}
    landscape = landscape_of([0.0, 1.0, 2.0, 3.0], [[0, 0], [9, 9], [8, 8], [1, 1]], **grow)
    add_states(landscape, [5.0], [(1, 2)])
    assert chosen(landscape) == [(3, 0)]


# --- the initial path -----------------------------------------------------------------------------


def lightest_chain(lengths, joined, tried, start, goal, weight):
    """Total weight of the lightest chain, and its missing edges, over all chains."""
    count = len(lengths)
    others = [m for m in range(count) if m not in (start, goal)]
    best = (math.inf, None)
    for inner in range(count - 1):
        for order in itertools.permutations(others, inner):
            steps = list(itertools.pairwise([start, *order, goal]))
            missing = [(min(p), max(p)) for p in steps if (min(p), max(p)) not in joined]
            if not any(pair in tried for pair in missing):
                total = sum(weight(lengths[pair]) for pair in missing)
                best = min(best, (total, sorted(missing)), key=lambda item: item[0])
    return best


@pytest.mark.parametrize("metric", ["exp", "power"])
@pytest.mark.parametrize("seed", range(4))
def test_the_initial_path_is_the_lightest_chain(metric, seed):
    grow = {"strategy": "initial-path", "set_a": "0", "set_b": "5", "metric": metric, "power": 2, "attempts": 1}
    landscape = random_landscape(seed, 6, 2, **grow)
    network = network_of(landscape)
    strategy = strategy_of(network)
    lengths = distances(landscape)
    weight = np.exp if metric == "exp" else np.square
    tried = set()
    for _ in range(4):
        joined = {pair for pair in itertools.combinations(range(6), 2) if network.joined(*pair)}
        total, missing = lightest_chain(lengths, joined, tried, 0, 5, weight)
        if total == 0.0:
            break
        found = strategy.missing(np.array([0]), np.array([5]))
        if missing is None:
            assert found == []
            break
        assert sum(weight(lengths[pair]) for pair in found) == pytest.approx(total, rel=1e-9)
        assert not tried & set(found)
        exhaust(landscape, found[:1], 1)
        tried.add(found[0])


def test_a_pair_that_was_tried_comes_last():
    grow = {"strategy": "initial-path", "set_a": "0", "set_b": "1", "window": 1}
    landscape = landscape_of([0.0, 1.0, 2.0], [[0, 0], [1, 0], [0, 50]], **grow)
    assert chosen(landscape) == [(0, 1)]
    assert chosen(landscape, busy={(0, 1)}) == []
    exhaust(landscape, [(0, 1)], 1)
    assert sorted(chosen(landscape)) == [(0, 2), (1, 2)]
    exhaust(landscape, [(0, 2)], 2)
    assert chosen(landscape) == [(0, 1)]
    exhaust(landscape, [(0, 1)], 1)
    assert chosen(landscape) == [] and strategy_of(network_of(landscape)).end() == "nothing-left-to-try"
    add_states(landscape, [5.0], [(0, 1)])
    assert chosen(landscape) == [] and strategy_of(network_of(landscape)).end() == "connected-path"


def test_ids_as_a_metric_and_far_pairs_where_there_are_many():
    grow = {"strategy": "initial-path", "set_a": "0", "set_b": "39", "window": 1}
    rng = np.random.default_rng(1)
    clusters = np.where(np.arange(40)[:, None] < 20, 0.0, 1e3) + rng.random((40, 2))
    landscape = landscape_of(np.arange(40), clusters, shortlist=3, **grow)
    (pair,) = [pair for pair in chosen(landscape) if abs(pair[0] - pair[1]) >= 20 or pair[1] >= 20 > pair[0]]
    assert pair[0] == 0  # no neighbours lead across: from the lowest of A
    landscape = landscape_of(np.arange(5), clusters[:5], strategy="initial-path", set_a="0", set_b="4", metric="index",
                             window=1)  # fmt: skip
    assert sum(b - a for a, b in chosen(landscape)) == 4


# --- traps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_untrap_ranks_by_exact_barriers(seed):
    landscape = random_landscape(seed, 10, 16, strategy="untrap", set_a="0, 1", neighbours=1, loss_margin=10.0)
    losses, states = landscape.minima.loss, landscape.transition_states
    matrix = minimax_matrix(losses, states.loss, states.minima)
    products = np.array([0, 1])
    barriers = barriers_to(losses, states.loss, states.minima, products)
    expected = np.minimum(matrix[0], matrix[1])
    expected[products] = losses[products]
    assert barriers.tolist() == expected.tolist()
    ratios = trap_ratios(losses, barriers, products, 0.2)
    lowest = losses[products].min()
    for minimum in range(2, 10):
        if np.isfinite(expected[minimum]):
            ratio = (expected[minimum] - losses[minimum]) / max(abs(losses[minimum] - lowest), 0.2)
            assert ratios[minimum] == pytest.approx(ratio)
    network = network_of(landscape)
    lengths = distances(landscape)
    pairs = chosen(landscape, 3)
    ratios = trap_ratios(losses, barriers, products, landscape.settings.grow.least_difference)
    order = [m for m in np.argsort(-ratios, kind="stable").tolist() if np.isfinite(ratios[m])]
    by_hand = []
    for minimum in order:
        below = [p for p in range(10) if barriers[p] < barriers[minimum] and not network.joined(p, minimum)]
        below = [p for p in below if p != minimum]
        if below:
            by_hand.append((minimum, min(below, key=lambda p: lengths[minimum, p])))
    assert pairs == by_hand[:3]


def test_a_trap_is_left_alone_after_partners_in_vain():
    landscape = random_landscape(2, 10, 16, strategy="untrap", neighbours=1, loss_margin=0.0)
    first = chosen(landscape, 1)
    exhaust(landscape, first)
    assert first[0][0] not in [a for a, _ in chosen(landscape)]


def test_free_energy_at_once_low_and_ungrouped_is_untrap():
    """Without groups and without entropy the free energies are the losses, and so is their order."""
    options = {"neighbours": 1, "loss_margin": 10.0, "group_barrier": 0.0}
    for seed in range(3):
        traps = chosen(random_landscape(seed, 10, 16, strategy="untrap", **options), 2)
        cold = random_landscape(seed, 10, 16, strategy="free-energy", temperature=1e-6, **options)
        assert chosen(cold, 2) == traps
    assert chosen(random_landscape(1, 10, 16, strategy="free-energy", group_barrier=1e9)) == []


# --- along a path ---------------------------------------------------------------------------------


def chain(**grow):
    """0 - 1 - 2 - 3 - 4 - 5 on a line, with barriers of 1, 5, 2, 3, 1 above zero."""
    points = [[float(k), 0.1 * k * k] for k in range(6)]
    landscape = landscape_of(0.1 * np.arange(6), points, strategy="shortcut", set_b="5", temperature=1.0, **grow)
    add_states(landscape, [1.0, 5.0, 2.0, 3.0, 1.0], [(k, k + 1) for k in range(5)])
    return landscape


def test_shortcuts_by_distance_barrier_and_rate():
    landscape = chain(separation=3)
    assert best_path(Network.unchecked(landscape), 1.0, np.array([0]), np.array([5])) == [5, 4, 3, 2, 1, 0]
    lengths = distances(landscape)
    apart = [(a, b) for a in range(6) for b in range(6) if a - b >= 3]
    assert chosen(landscape) == sorted(apart, key=lambda pair: lengths[pair])
    # Pairs next to a step are joined already: one further away on either side, clamped at the ends.
    assert chosen(chain(shortcut="barrier", separation=2), 3) == [(3, 0), (5, 2), (4, 1)]
    assert chosen(chain(shortcut="rate", separation=2), 1) == [(3, 0)]


@pytest.mark.parametrize(("strategy", "options"), [
    ("free-energy", {"group_barrier": 0.0, "neighbours": 1, "loss_margin": 10.0}),
    ("shortcut", {"set_b": "5", "separation": 1}),
    ("shortcut", {"set_b": "5", "shortcut": "rate", "separation": 2}),
])  # fmt: skip
def test_points_without_lpphe_are_as_if_they_were_not_there(strategy, options):
    whole, part = (random_landscape(3, 9, 20, strategy=strategy, set_a="0", **options) for _ in range(2))
    whole.minima.replace("lpphe", 2, math.nan)
    ends = part.transition_states.minima
    kept = np.flatnonzero((ends != 2).all(axis=1))
    part.transition_states.take(kept)
    part.minima.replace("loss", 2, 1e3)  # nothing leads there
    network = network_of(whole)
    pairs = [(c.minimum, c.partner) for c in strategy_of(network).choose(100, set())]
    assert pairs == chosen(part) != []
    assert network.left_out == 1 + 20 - len(kept)


@pytest.mark.parametrize("observable", ["frustration", "heat-capacity-peak", "rate"])
def test_observables_without_lpphe(observable):
    landscape = random_landscape(3, 9, 20, set_b="4, 5", temperature=0.3, observable=observable)
    without = random_landscape(3, 9, 20, set_b="4, 5", temperature=0.3, observable=observable)
    ends = without.transition_states.minima
    without.keep(np.arange(8), np.flatnonzero((ends < 8).all(axis=1)))
    landscape.minima.replace("lpphe", 8, math.nan)
    assert observed(network_of(landscape)) == observed(network_of(without)) is not None
    landscape.minima.set("lpphe", np.full(9, math.nan))
    assert observed(network_of(landscape)) is None


# --- others ---------------------------------------------------------------------------------------


def test_nearest_pairs_everybody_with_the_nearest():
    landscape = random_landscape(3, 12, 5, strategy="nearest", neighbours=2, attempts=1)
    network = network_of(landscape)
    lengths = distances(landscape)
    expected = set()
    for minimum in range(12):
        near = sorted((lengths[minimum, other], other) for other in range(12) if other != minimum)[:2]
        expected |= {frozenset((minimum, other)) for _, other in near if not network.joined(minimum, other)}
    strategy = strategy_of(network)
    found = []
    while pairs := [(c.minimum, c.partner) for c in strategy.choose(3, set())]:
        found += pairs
        exhaust(landscape, pairs, 1)
    assert len(found) == len(expected) and {frozenset(pair) for pair in found} == expected
    first = landscape.global_minimum()
    assert found[0][0] == first or frozenset(found[0]) not in {frozenset((first, k)) for k in range(12)}


def test_monotonic_leads_bottoms_down():
    landscape = random_landscape(4, 12, 8, strategy="monotonic", neighbours=1)
    losses, ends = landscape.minima.loss, landscape.transition_states.minima
    expected = [m for m in range(12) if not any(m in e and losses[e].min() < losses[m] for e in ends)]
    assert bottoms(losses, ends).tolist() == expected
    lengths = distances(landscape)
    by_hand = []
    for minimum in sorted(expected, key=lambda m: losses[m]):
        lower = [m for m in range(12) if losses[m] < losses[minimum]]
        if lower:
            by_hand.append((minimum, min(lower, key=lambda m: lengths[minimum, m])))
    assert chosen(landscape) == by_hand


def test_all_pairs_go_on_when_a_minimum_stays_outside():
    """Minimum 1 has no tries left with what is inside: pairs of the second stage that begin with it hold up nothing."""
    landscape = landscape_of(range(4), [[0, 0], [10, 0], [9, 0], [0, 9]], strategy="all-pairs", neighbours=1)
    add_states(landscape, [5.0, 6.0], [(0, 2), (0, 3)])
    exhaust(landscape, [(1, 2)], 1)
    assert chosen(landscape) == [(1, 2)]
    assert chosen(landscape, busy={(1, 2)}) == []
    exhaust(landscape, [(1, 2)], 1)
    assert sorted(chosen(landscape, busy={(1, 3)})) == [(0, 1), (2, 3)]


def test_region_is_all_pairs_within():
    grow = {"strategy": "region", "set_a": "0-3", "set_b": "2-9", "radius": 5.0, "attempts": 1}
    landscape = random_landscape(6, 12, 5, **grow)
    network = network_of(landscape)
    lengths = distances(landscape)
    expected = {
        frozenset((a, b)) for a in range(4) for b in range(4, 10) if lengths[a, b] <= 5.0 and not network.joined(a, b)
    }
    strategy = strategy_of(network)
    found = []
    while pairs := [(c.minimum, c.partner) for c in strategy.choose(2, set())]:
        found += pairs
        exhaust(landscape, pairs, 1)
    assert len(found) == len(expected) and {frozenset(pair) for pair in found} == expected


def test_a_list_is_tried_in_order(tmp_path):
    file = tmp_path / "pairs.tsv"
    file.write_text("minimum_a\tminimum_b\n3 1\n0 2 # a remark\n\n3 1\n1 0\n", encoding="utf-8")
    landscape = random_landscape(1, 4, 0, strategy="list", pairs_file=str(file))
    assert chosen(landscape) == [(3, 1), (0, 2), (1, 0)]
    exhaust(landscape, [(3, 1)], 1)
    assert chosen(landscape) == [(0, 2), (1, 0), (3, 1)]
    landscape.mark_pair(0, 2, True, Status.CONVERGED)
    assert chosen(landscape) == [(1, 0), (3, 1)]
    file.write_text("0 4\n", encoding="utf-8")
    with pytest.raises(InputError, match="names minimum 4, but there are 4"):
        strategy_of(network_of(landscape))
    for text, sentence in [("0 1\n2\n", "line 2: two ids"), ("0 1\nx y\n", "line 2"), ("# 1\n", "holds no ids")]:
        file.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=sentence):
            read_ids(file, 2)


def test_single_ended_until_there_are_enough():
    landscape = random_landscape(1, 6, 0, strategy="single-ended", connections=2, pushes=8)
    add_states(landscape, [2.0, 3.0], [(0, 1), (0, 2)])
    network = network_of(landscape)
    strategy = strategy_of(network)
    choices = strategy.choose(100, {(3, 3)})
    minima = [choice.minimum for choice in choices]
    assert sorted(minima) == [1, 2, 4, 5]
    assert minima == sorted(minima, key=lambda m: landscape.minima.loss[m])
    batch = strategy.batch(7, choices)
    assert batch.kind == "saddle" and batch.options[:2] == ("--random", "4")
    assert strategy.batch(8, choices).options != batch.options
    strategy.merged(batch, "single-ended")
    landscape.counters["pushes"] = 16
    assert strategy.batch(7, choices).options == batch.options
    assert strategy_of(network).batch(7, choices).options != batch.options  # another growth, other pushes
    again = strategy_of(network)
    again.restore(strategy.state())
    assert again.batch(7, choices).options == batch.options
    again.merged(batch, "single-ended")
    assert [choice.minimum for choice in again.choose(100, set())] == [3]


def test_auto_takes_turns_then_what_yields_most():
    landscape = random_landscape(1, 30, 0, strategy="auto", mix=["to-global-minimum", "nearest", "monotonic"])
    network = network_of(landscape)
    strategy = strategy_of(network)
    labels = []
    for number in range(60):
        assert strategy.choose(1, set())
        labels.append(strategy.label)
        gain = 10 if strategy.label == "nearest" else 1
        network.yields.of(strategy.label).add(1, 0, gain, 0, 1000, 0.5 * number)
        if number == 30:  # as a checkpoint has it
            state, yields = strategy.state(), network.yields.state()
            strategy = strategy_of(network)
            strategy.restore(state)
            network.yields.restore(yields)
    assert sorted(labels[:3]) == ["monotonic", "nearest", "to-global-minimum"]
    assert labels.count("nearest") > 45
    assert all(labels.count(name) >= 3 for name in ("monotonic", "to-global-minimum"))
    assert cost_of({"saddle evaluations": 5, "saddle hessians": 2, "bands": 9, "ways": 1}) == 20_125


@pytest.mark.parametrize("grow", [
    {"strategy": "region", "set_a": "0-5", "set_b": "rest", "radius": 8.0},
    {"strategy": "region", "set_a": "lowest", "set_b": "below 0.5"},
    {"strategy": "region", "set_a": "lowest", "set_b": "rest"},
    {"strategy": "list"},
    {"strategy": "untrap", "neighbours": 2, "loss_margin": 0.3},
    {"strategy": "free-energy", "neighbours": 2, "loss_margin": 0.3, "temperature": 0.05, "set_b": "3"},
    {"strategy": "initial-path", "set_b": "5", "window": 2},
    {"strategy": "all-pairs"},
], ids=lambda grow: "-".join([grow["strategy"], grow.get("set_b", "")[:4]]))  # fmt: skip
def test_what_is_kept_between_choices_changes_nothing(tmp_path, grow):
    """A strategy made anew chooses the same, whatever comes of the pairs and whatever is in flight."""
    rng = np.random.default_rng(4)
    if grow["strategy"] == "list":
        rows = rng.integers(0, 12, (40, 2))
        (tmp_path / "pairs.tsv").write_text("\n".join(f"{a} {b}" for a, b in rows))
        grow = {**grow, "pairs_file": str(tmp_path / "pairs.tsv")}
    landscape = random_landscape(8, 12, 8, **grow)
    network = network_of(landscape)
    strategy = strategy_of(network)
    busy, seen = set(), 0
    for step in range(25):
        choices = strategy.choose(3, set(busy))
        assert choices == strategy_of(network_of(landscape)).choose(3, set(busy))
        seen += len(choices)
        busy |= {(choice.minimum, choice.partner) for choice in choices}
        for a, b in sorted(busy):
            if rng.random() < 0.4:
                busy.discard((a, b))
                landscape.mark_pair(a, b, bool(rng.random() < 0.1), Status.NO_CANDIDATE)
                if rng.random() < 0.1 and a != b:
                    add_states(landscape, [landscape.minima.loss[[a, b]].max() + rng.random()], [(a, b)])
        if step % 6 == 3:  # now and then one that is lower than all
            loss = -0.1 * step if step == 9 else rng.random()
            landscape.add_minimum(Minimum(float(loss), 10.0 * rng.random(2), 0.0, 1.0, 1.0))
        network.update()
    assert seen > 3


# --- sets -----------------------------------------------------------------------------------------


def test_sets_by_rule():
    landscape = landscape_of([3.0, 1.0, 2.0, 4.0], [[k, k] for k in range(4)])
    for rule, ids in [("lowest", [1]), ("all", [0, 1, 2, 3]), ("below 2.5", [1, 2]), ("3, 0-1", [0, 1, 3])]:
        assert members_of(landscape, rule, "").tolist() == ids
    assert members_of(landscape, "rest", "").tolist() == [0, 2, 3]
    assert members_of(landscape, "rest", "0, 1").tolist() == [2, 3]
    assert members_of(landscape, "rest", "rest").tolist() == [0, 1, 2, 3]
    assert as_rule([5, 1, 2, 3, 9, 1]) == "1-3, 5, 9"
    for rule in ("lowst", "4", "1-", "3-1", "below", "below x", "1;2", ""):
        with pytest.raises(ConfigError, match="key"):
            members_of(landscape, rule, "", "the key")
    for a, b in [("lowest", ""), ("rest", "below 2.5"), ("all", "lowest"), ("1", "rest")]:
        check_rules(a, b, landscape)
    wrong_a = [("", "", "a"), ("lowest 5", "", "a"), ("below -5", "1", "a"), ("rest", "all", "a")]
    wrong_b = [("1", "all 3", "b"), ("all", "rest", "b"), ("rest", "4", "b"), ("0", "below 0", "b")]
    for a, b, key in wrong_a + wrong_b:
        with pytest.raises(ConfigError, match=rf"^\[grow\] set_{key}"):
            check_rules(a, b, landscape)


# --- rules to stop --------------------------------------------------------------------------------


def test_one_component_and_no_new_minima():
    landscape = random_landscape(1, 4, 0, stop=["one-component", "no-new-minima"], cycle=2, quiet_cycles=2)
    network = network_of(landscape)
    stopping = Stopping(network)
    stopping.begin()
    for batches in range(1, 4):
        stopping.merged(batches)
        assert stopping.reason is None
    again = Stopping(network)
    again.restore(stopping.state())
    again.merged(4)
    assert again.reason == "no-new-minima"
    add_states(landscape, [2.0] * 3, [(0, 1), (1, 2), (2, 3)])
    network.update()
    stopping.merged(4)
    assert stopping.reason == "one-component"


@pytest.mark.parametrize("observable", ["frustration", "heat-capacity-peak", "rate"])
def test_converged(observable):
    grow = {"stop": ["converged"], "cycle": 1, "quiet_cycles": 2, "observable": observable, "percent": 1.0}
    landscape = random_landscape(2, 6, 0, set_b="4, 5", temperature=0.3, **grow)
    network = network_of(landscape)
    stopping = Stopping(network)
    stopping.begin()
    add_states(landscape, np.full(5, 2.0), [(k, k + 1) for k in range(5)])
    for batches in range(1, 4):
        network.update()
        stopping.merged(batches)
        expected = 2 if observable == "heat-capacity-peak" else 3  # which the transition states do not change
        assert (stopping.reason == "converged") == (batches >= expected)


# --- settings -------------------------------------------------------------------------------------


def test_the_old_key_is_read():
    problems = []
    assert modern({"pairs": "all", "batch": 2}, "x", problems) == {"strategy": "all-pairs", "batch": 2}
    assert modern({"pairs": "component"}, "x", problems) == {"strategy": "to-global-minimum"}
    assert modern({"set_a": 3, "set_b": [4, 5]}, "x", problems) == {"set_a": "3", "set_b": "4, 5"}
    assert problems == []
    modern({"pairs": "some"}, "[grow]", problems)
    modern({"pairs": "all", "strategy": "nearest"}, "[grow]", problems)
    assert problems == [
        '[grow] pairs is the old name of strategy, and must be "component" or "all"',
        "[grow] pairs is the old name of strategy; leave it out",
    ]


@pytest.mark.parametrize(
    "keys",
    [{"strategy": "initial-path"}, {"strategy": "shortcut"}, {"strategy": "list"}, {"mix": []},
     {"stop": ["converged"], "observable": "rate"}],
)  # fmt: skip
def test_settings_that_lack_something_are_refused(keys):
    with pytest.raises(ValueError):
        GrowSettings(**keys)
