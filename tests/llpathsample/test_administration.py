"""Smaller landscapes of large ones, and repaired ones: what is kept, under which ids, and that commands write that."""

import json
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llcommon.growsettings import GrowSettings
from llcommon.idrules import renumbered
from llcommon.interchange.admission import stored_set
from llcommon.losses import build
from llcommon.records import Minimum, TransitionState, Triple
from llcommon.repair import stationary_near
from llcommon.settings import Settings
from llcommon.status import Status
from llcommon.store import Landscape, Score, SearchState, read_landscape, write_landscape
from llcommon.store.file import landscape_contents
from llpathsample import administration
from llpathsample.administration import Limits
from llpathsample.summary import by_size, summary_of
from tests.driving import ROOT, call, grow_here, xor_minima

seeds = st.integers(0, 10**6)
few = settings(max_examples=40, deadline=None)


def network(seed: int) -> Landscape:
    """A random network with degenerate TS, several TS of one pair, pairs tried, a score and training points."""
    rng = np.random.default_rng(seed)
    landscape = Landscape(Settings("rastrigin", {}), build("rastrigin", {}))
    dimension = landscape.model.dimension
    free = np.zeros(dimension, dtype=np.int8)  # held by no bound
    minima = []
    for _ in range(rng.integers(1, 12)):
        minima.append(Minimum(float(rng.random()), rng.normal(size=dimension), 0.0, 1.0, 1.0, active=free))
        landscape.add_minimum(minima[-1])
    for _ in range(rng.integers(0, 20)):
        plus, minus = (minima[number] for number in rng.integers(0, len(minima), 2))
        state = TransitionState(1.0 + float(rng.random()), rng.normal(size=dimension), 0.0, 1.0, -1.0, 1.0, active=free)
        landscape.add_triple(Triple(plus, state, minus))
    for _ in range(6):
        landscape.mark_pair(*rng.integers(0, len(minima), 2).tolist(), bool(rng.random() < 0.5), Status.STEP_LIMIT)
    landscape.scores.set(Score("loss twice", "", "a copy"), 2.0 * landscape.minima.loss)
    for row in range(3):
        values = {"run": row, "epoch": 0.0, "loss": 1.0, "coordinates": rng.normal(size=dimension)}
        landscape.training.append(**values, minimum=int(rng.integers(-1, len(minima))))
    landscape.search = SearchState({"kind": "grow"})
    return landscape


def limits_of(seed: int) -> Limits:
    """Limits some of which are set."""
    rng = np.random.default_rng(seed)
    given_ = rng.random(4) < 0.5
    return Limits(
        above=float(rng.uniform(0.5, 2.0)) if given_[0] else None,
        connections=int(rng.integers(1, 4)) if given_[1] else None,
        barrier=float(rng.uniform(0.3, 1.5)) if given_[2] else None,
        unconnected=bool(given_[3]),
    )


def kept(landscape: Landscape, choice) -> Landscape:
    landscape.keep(choice.minima, choice.transition_states)
    return landscape


# --- keeping ----------------------------------------------------------------------------------


@given(seeds)
@few
def test_everything_that_names_a_kept_point_follows_it(seed):
    whole, part = network(seed), network(seed)
    rng = np.random.default_rng(seed)
    minima = rng.permutation(len(whole.minima))[: rng.integers(1, len(whole.minima) + 1)]
    inside = np.isin(whole.transition_states.minima, minima).all(axis=1)
    states = rng.permutation(np.flatnonzero(inside))
    part.keep(minima, states)
    for new, old in enumerate(minima):
        assert part.minima.coordinates[new].tobytes() == whole.minima.coordinates[old].tobytes()
        assert part.scores.values("loss twice", len(minima))[new] == 2.0 * whole.minima.loss[old]
        assert part.find_minimum(whole.minima.loss[old], whole.minima.coordinates[old]) == new
    for new, old in enumerate(states):
        ends = part.transition_states.minima[new]
        assert minima[ends].tolist() == whole.transition_states.minima[old].tolist()
        assert part.transition_states.loss[new] == whole.transition_states.loss[old]
    for a in range(len(minima)):
        for b in range(len(minima)):
            assert part.pair_attempts(a, b) == whole.pair_attempts(minima[a], minima[b])
    for row, old in enumerate(whole.training.minimum):
        new = part.training.minimum[row]
        assert new == (minima.tolist().index(old) if old in minima else -1)
    landscape_contents(part)  # which raises for what the format forbids


def test_keeping_everything_changes_nothing():
    landscape, again = network(3), network(3)
    again.keep(np.arange(len(again.minima)), np.arange(len(again.transition_states)))
    left, right = landscape_contents(landscape), landscape_contents(again)
    assert left.keys() == right.keys()
    assert all(np.array_equal(left[path], right[path]) for path in left)


@pytest.mark.parametrize(
    ("given_", "left", "notes"),
    [
        ({"set_a": "1, 3-5", "set_b": "0, 2", "reference": 5}, {"set_a": "0-1, 3", "set_b": "2", "reference": 3}, 0),
        ({"set_a": "lowest", "set_b": "below 0.5"}, {"set_a": "lowest", "set_b": "below 0.5"}, 0),
        ({"set_a": "0, 4", "reference": 0}, {"set_a": "lowest", "reference": None}, 2),
        ({"set_b": "4", "strategy": "shortcut", "observable": "rate", "stop": ["converged"]},
         {"set_b": "", "strategy": "to-global-minimum", "observable": "frustration"}, 3),
    ],
)  # fmt: skip
def test_ids_in_settings_follow_the_minima(given_, left, notes):
    places = np.array([-1, 0, 2, 1, -1, 3])
    grow, said = renumbered(GrowSettings(**given_), places)
    assert {key: getattr(grow, key) for key in left} == left and len(said) == notes
    landscape = network(3)
    landscape.settings = replace(landscape.settings, grow=GrowSettings(set_b="1"))
    assert landscape.keep(np.array([1, 0]), np.array([], dtype=int)) == []
    assert landscape.settings.grow.set_b == "0"
    assert landscape.keep(np.array([1]), np.array([], dtype=int)) == ["no minimum of [grow] set_b is left; it is unset"]


def test_sorted_minima_leave_settings_alone():
    """What a file of settings says is of the ids that there will be."""
    landscape = network(3)
    landscape.settings = replace(landscape.settings, grow=GrowSettings(set_b="1"))
    for table in (landscape.transition_states, landscape.pairs):
        table.take(np.empty(0, dtype=np.int64))
    landscape.sort_minima_by_loss()
    landscape.keep_lowest(1)
    assert landscape.settings.grow.set_b == "1"


def test_a_transition_state_is_not_kept_without_its_minima():
    landscape = network(3)
    before = landscape_contents(landscape)
    with pytest.raises(ValueError, match="its two minima"):
        landscape.keep(np.array([0]), np.arange(len(landscape.transition_states)))
    with pytest.raises(ValueError, match="twice"):
        landscape.keep(np.array([0, 0]), np.array([], dtype=int))
    after = landscape_contents(landscape)
    assert all(np.array_equal(before[path], after[path]) for path in before)


# --- choices ----------------------------------------------------------------------------------


@given(seeds, seeds)
@few
def test_pruning_again_changes_nothing(seed, other):
    landscape, limits = network(seed), limits_of(other)
    kept(landscape, administration.pruned(landscape, limits))
    again = administration.pruned(landscape, limits)
    assert len(again.minima) == len(landscape.minima)
    assert len(again.transition_states) == len(landscape.transition_states)


@given(seeds, st.integers(1, 4))
@few
def test_few_connections_are_those_of_one_removal_after_another(seed, fewest):
    landscape = network(seed)
    ends = landscape.transition_states.minima.tolist()
    left = set(range(len(landscape.minima)))
    while True:
        degrees = {a: sum((a in pair) and pair[0] != pair[1] and set(pair) <= left for pair in ends) for a in left}
        poor = [a for a in left if degrees[a] < fewest]
        if not poor:
            break
        left.remove(poor[0])
    choice = administration.pruned(landscape, Limits(connections=fewest))
    assert set(choice.minima.tolist()) == left
    assert choice.transition_states.tolist() == [k for k, pair in enumerate(ends) if set(pair) <= left]


@given(seeds, seeds)
@few
def test_what_is_pruned_keeps_the_limits(seed, other):
    landscape, limits = network(seed), limits_of(other)
    lowest = float(landscape.minima.loss.min())
    part = kept(landscape, administration.pruned(landscape, limits))
    states = part.transition_states
    if limits.above is not None:
        assert (part.minima.loss <= limits.above).all() and (states.loss <= limits.above).all()
    if limits.barrier is not None:
        assert (states.loss - part.minima.loss[states.minima].max(axis=1) <= limits.barrier).all()
    if limits.connections is not None:
        assert (administration.connections(part) >= limits.connections).all()
    if limits.unconnected and len(part.minima):
        whole = administration.component(part, part.global_minimum())
        assert len(whole.minima) == len(part.minima)
        if limits.connections is None and limits.above is None:
            assert part.minima.loss.min() == lowest


@given(seeds)
@few
def test_to_remove_is_to_retain_the_others(seed):
    landscape = network(seed)
    rng = np.random.default_rng(seed)
    for ts, number in ((False, len(landscape.minima)), (True, len(landscape.transition_states))):
        ids = np.flatnonzero(rng.random(number) < 0.5)
        rest = np.setdiff1d(np.arange(number), ids)
        removed, retained = administration.without(landscape, ids, ts), administration.only(landscape, rest, ts)
        assert removed.minima.tolist() == retained.minima.tolist()
        assert removed.transition_states.tolist() == retained.transition_states.tolist()


@given(seeds)
@few
def test_a_part_merged_with_the_whole_adds_nothing(seed):
    whole, part = network(seed), network(seed)
    rng = np.random.default_rng(seed)
    kind = rng.integers(3)
    if kind == 0:
        choice = administration.component(part, int(rng.integers(len(part.minima))))
    elif kind == 1:
        choice = administration.lowest(part, int(rng.integers(1, 6)))
    else:
        choice = administration.triples(part, np.flatnonzero(rng.random(len(part.transition_states)) < 0.5))
    part.keep(choice.minima, choice.transition_states)
    report = whole.merge(part)
    assert report.new_minima == report.new_transition_states == 0
    assert report.minimum_ids.tolist() == choice.minima.tolist()
    assert report.ts_ids.tolist() == choice.transition_states.tolist()


@given(seeds)
@few
def test_components_merged_give_the_whole_back(seed):
    whole, joined = network(seed), network(seed)
    joined.keep(np.array([], dtype=int), np.array([], dtype=int))
    left = set(range(len(whole.minima)))
    while left:
        part = network(seed)
        choice = administration.component(part, min(left))
        left -= set(choice.minima.tolist())
        joined.merge(kept(part, choice))
    assert len(joined.minima) == len(whole.minima)
    assert sorted(joined.transition_states.loss) == sorted(whole.transition_states.loss)
    assert sorted(joined.minima.visits) == sorted(whole.minima.visits)


# --- commands ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    folder = tmp_path_factory.mktemp("administration")
    minima = xor_minima(folder)
    assert grow_here(minima, "-o", folder / "grown.h5", "-q") == 0
    return folder / "grown.h5"


def written(capsys, *arguments):
    """The JSON document of a command that ends well."""
    capsys.readouterr()
    assert call("llpathsample", *arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_commands_write_a_valid_landscape_and_its_ids(grown, tmp_path, capsys):
    before = grown.read_bytes()
    whole = read_landscape(grown)
    last = len(whole.minima) - 1
    commands = {
        "prune": ("--unconnected", "--above", whole.minima.loss.max()),
        "remove": (last,),
        "retain": (0, 1, 2),
        "extract": ("--lowest", 3),
    }
    for command, options in commands.items():
        path = tmp_path / f"{command}.h5"
        document = written(capsys, command, grown, *options, "-o", path)
        part = read_landscape(path)
        assert document["minima"] == len(part.minima) > 0
        tables = {"minimum": (whole.minima, part.minima)}
        tables["transition state"] = (whole.transition_states, part.transition_states)
        assert len(document["rows"]) == len(part.minima) + len(part.transition_states)
        for row in document["rows"]:
            old, new = tables[row["kind"]]
            assert old.coordinates[row["old_id"]].tobytes() == new.coordinates[row["new_id"]].tobytes()
        assert part.provenance[-1]["command"] == command and part.search is None
        assert call("llpathsample", "check", path, "-q") == 0
    assert grown.read_bytes() == before


def test_ids_come_from_a_file_as_a_listing_is(grown, tmp_path, capsys):
    assert call("llpathsample", "list", grown, "--lowest", 2) == 0
    (tmp_path / "ids.tsv").write_text(capsys.readouterr().out + "\n# the lowest two\n")
    document = written(capsys, "retain", grown, "--ids", tmp_path / "ids.tsv", "-o", tmp_path / "a.h5")
    assert document["minima"] == 2
    (tmp_path / "ids.tsv").write_text("0\nmany\n")
    assert call("llpathsample", "retain", grown, "--ids", tmp_path / "ids.tsv", "-o", tmp_path / "b.h5") == 3
    assert "line 2 begins with many" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("prune", "{grown}", "-o", "x.h5"), 2, "nothing is to go"),
        (("prune", "{grown}", "--above", "-9", "-o", "x.h5"), 4, "no minimum"),
        (("prune", "{grown}", "--above", "nan", "-o", "x.h5"), 2, "need numbers"),
        (("remove", "{grown}", "-o", "x.h5"), 2, "no point is named"),
        (("remove", "{grown}", "99", "-o", "x.h5"), 2, "minimum 99 does not exist"),
        (("retain", "{grown}", "99", "--ts", "-o", "x.h5"), 2, "transition state 99 does not exist"),
        (("extract", "{grown}", "1", "--lowest", "3", "-o", "x.h5"), 2, "give one of"),
        (("extract", "{grown}", "--component", "99", "-o", "x.h5"), 2, "minimum 99 does not exist"),
        (("extract", "{grown}", "--lowest", "1", "--ts", "-o", "x.h5"), 2, "--ts needs the ids"),
        (("extract", "{grown}", "--lowest", "1", "-o", "{grown}", "-f"), 2, "stays as it is"),
        (("remove", "{grown}", "0", "--ids", "none.txt", "-o", "x.h5"), 3, "none.txt"),
    ],
)
def test_wrong_arguments_are_one_sentence(grown, tmp_path, monkeypatch, capsys, arguments, code, sentence):
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert call("llpathsample", *(argument.format(grown=grown) for argument in arguments)) == code
    said = capsys.readouterr()
    assert sentence in said.err and said.err.count("\n") == 1 and not said.out
    assert not (tmp_path / "x.h5").exists()


def test_the_document_shows_commands_that_work(grown, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copy(grown, "landscape.h5")
    text = (ROOT / "docs" / "administration.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\$ (.*)$", text, flags=re.M)
    assert len(commands) == 10
    for command in commands:
        line, _, target = command.partition(" > ")
        capsys.readouterr()
        assert call(*shlex.split(line)) == 0, command
        if target:
            Path(target).write_text(capsys.readouterr().out)
    assert Path("ids.tsv").read_text().startswith("kind\told_id\tnew_id\n")
    assert len(read_landscape("with.h5").minima) == 3


# --- repair and recomputation ---------------------------------------------------------------------


def spoilt(grown, path, change):
    """A copy of a landscape file after change(landscape)."""
    landscape = read_landscape(grown)
    landscape.scores.set(Score("old_id", "", "id before"), np.arange(len(landscape.minima)))
    change(landscape)
    write_landscape(path, landscape)
    return landscape


def test_what_is_repaired_passes_the_check(grown, tmp_path, capsys):
    whole = read_landscape(grown)
    last = len(whole.minima) - 1

    def change(landscape):
        minima, states = landscape.minima, landscape.transition_states
        minima.replace("coordinates", 0, minima.coordinates[0] + 1e-5)
        minima.replace("lpphe", 1, np.nan)
        landscape.scores.set(Score("set_A", "", "1 for those of A"), [1.0, *[np.nan] * last])
        landscape.settings = replace(landscape.settings, grow=replace(landscape.settings.grow, set_b=f"1, {last}"))
        states.replace("coordinates", 0, states.coordinates[0] + 1e-4)
        states.replace("minima", 1, [last, last])
        states.replace("coordinates", 2, states.coordinates[2] + 5.0)

    spoilt(grown, tmp_path / "bad.h5", change)
    assert call("llpathsample", "check", tmp_path / "bad.h5", "-q") == 3
    document = written(capsys, "check", tmp_path / "bad.h5", "--repair", "-o", tmp_path / "good.h5")
    assert call("llpathsample", "check", tmp_path / "good.h5", "-q") == 0
    back = read_landscape(tmp_path / "good.h5")
    outcomes = {(row["kind"], row["old_id"]): row for row in document["rows"]}
    assert [outcomes["minimum", number]["outcome"] for number in (0, 1)] == ["converged again"] * 2
    assert outcomes["transition state", 0]["outcome"] == "converged again"
    assert outcomes["transition state", 1]["outcome"] == "sides followed again"
    for (kind, old), row in outcomes.items():
        left, right = (whole.minima, back.minima) if kind == "minimum" else (
            whole.transition_states, back.transition_states)
        if row["outcome"] == "dropped":
            assert row["new_id"] is None and row["reason"]
        elif row["outcome"] == "kept":
            assert left.coordinates[old].tobytes() == right.coordinates[row["new_id"]].tobytes()
            if kind == "minimum":
                assert back.scores.values("old_id", len(back.minima))[row["new_id"]] == old
    for number in (0, 1):
        assert np.linalg.norm(back.minima.coordinates[number] - whole.minima.coordinates[number]) < 1e-6
        assert np.isnan(back.scores.values("old_id", len(back.minima))[number])
        assert back.minima.visits[number] == whole.minima.visits[number]
    assert stored_set(back, "A").tolist() == [0]
    assert back.settings.grow.set_b == f"1, {outcomes['minimum', last]['new_id']}"
    assert back.transition_states.minima[1].tolist() == whole.transition_states.minima[1].tolist()
    for a, b in whole.pairs.ids.tolist():
        assert back.pair_attempts(a, b) == whole.pair_attempts(a, b)


def test_a_point_stored_twice_is_stored_once(grown, tmp_path, capsys):
    whole = read_landscape(grown)
    image = whole.model.random_image(whole.minima.coordinates[0].copy(), np.random.default_rng(1))

    def change(landscape):
        twin = landscape.minimum(0)
        values = {name: getattr(twin, name) for name in landscape.minima.names}
        landscape.minima.append(**{**values, "coordinates": image, "visits": 3})

    spoilt(grown, tmp_path / "bad.h5", change)
    document = written(capsys, "check", tmp_path / "bad.h5", "--repair", "-o", tmp_path / "good.h5")
    row = next(row for row in document["rows"] if row["old_id"] == len(whole.minima) and row["kind"] == "minimum")
    assert (row["new_id"], row["outcome"]) == (0, "same point")
    back = read_landscape(tmp_path / "good.h5")
    assert len(back.minima) == len(whole.minima) and back.minima.visits[0] == whole.minima.visits[0] + 3


@pytest.mark.filterwarnings("ignore:overflow")
def test_nothing_is_written_when_no_minimum_can_be_repaired(grown, tmp_path, capsys):
    def change(landscape):
        for table in (landscape.minima, landscape.transition_states):
            table.set("coordinates", np.full_like(table.coordinates, 1e200))

    spoilt(grown, tmp_path / "bad.h5", change)
    capsys.readouterr()
    assert call("llpathsample", "check", tmp_path / "bad.h5", "--repair", "-o", tmp_path / "good.h5") == 4
    said = capsys.readouterr()
    assert "no minimum of" in said.err and not said.out and not (tmp_path / "good.h5").exists()


def test_newton_steps_end_where_the_hessian_is_not_finite(monkeypatch):
    model = build("himmelblau", {})
    monkeypatch.setattr(model, "hessian", lambda x: np.full((2, 2), np.nan))
    x = np.array([1.0, 2.0])
    assert stationary_near(model, x, 1e-8).tolist() == x.tolist()


def test_recomputing_restores_what_was_stored(grown, tmp_path, capsys):
    def change(landscape):
        for table in (landscape.minima, landscape.transition_states):
            for name in ("lpphe", "rms", "eigenvalue_tolerance"):
                table.set(name, np.full(len(table), np.nan if name == "lpphe" else 0.0))

    spoilt(grown, tmp_path / "bare.h5", change)
    whole = read_landscape(grown)
    document = written(capsys, "recompute", tmp_path / "bare.h5", "--missing", "-o", tmp_path / "full.h5")
    assert (document["failed"], document["minima"]) == (0, len(whole.minima))
    back = read_landscape(tmp_path / "full.h5")
    for left, right in ((whole.minima, back.minima), (whole.transition_states, back.transition_states)):
        for name in left.names:
            assert getattr(left, name).tobytes() == getattr(right, name).tobytes(), name
    assert call("llpathsample", "check", tmp_path / "full.h5", "-q") == 0
    document = written(capsys, "recompute", tmp_path / "full.h5", "--missing", "-o", tmp_path / "again.h5")
    assert document["minima"] == document["transition_states"] == 0


def test_a_point_that_is_not_stationary_is_left_and_named(grown, tmp_path, capsys):
    def change(landscape):
        landscape.minima.replace("coordinates", 0, landscape.minima.coordinates[0] + 1e-4)

    bad = spoilt(grown, tmp_path / "bad.h5", change)
    document = written(capsys, "recompute", tmp_path / "bad.h5", "-o", tmp_path / "new.h5")
    assert document["failures"] == [{"kind": "minimum", "id": 0, "status": "step-limit"}]
    back = read_landscape(tmp_path / "new.h5")
    assert back.minima.coordinates.tobytes() == bad.minima.coordinates.tobytes()
    document = written(capsys, "recompute", tmp_path / "bad.h5", "--rms", 1e-3, "-o", tmp_path / "new.h5", "-f")
    assert document["failed"] == 0
    assert read_landscape(tmp_path / "new.h5").minima.rms[0] > 1e-9


# --- summary --------------------------------------------------------------------------------------


@given(seeds)
@few
def test_a_summary_counts_as_by_hand(seed):
    landscape = network(seed)
    found = summary_of(landscape)
    ends = landscape.transition_states.minima.tolist()
    edges = [pair for pair in ends if pair[0] != pair[1]]
    degrees = [sum(number in pair for pair in edges) for number in range(len(landscape.minima))]
    assert found["connected_pairs"] == len({tuple(sorted(pair)) for pair in edges})
    assert found["degenerate_transition_states"] == len(ends) - len(edges)
    assert found["largest_degree"] == max(degrees)
    assert found["isolated_minima"] == degrees.count(0)
    assert sum(found["minima_by_degree"].values()) == len(degrees)
    assert found["minima_by_degree"]["0"] == degrees.count(0)
    component = administration.component(landscape, landscape.global_minimum())
    assert found["minima_in_main_component"] == len(component.minima)
    rows = zip(landscape.pairs.connected, landscape.pairs.status, strict=True)
    failed = sum(not connected for connected, _ in rows)
    assert found["pairs_not_connected"] == ({"step-limit": failed} if failed else {})


def test_ranges_of_sizes_double():
    numbers = np.array([0, 1, 1, 2, 3, 4, 5, 9, 16])
    assert by_size(numbers) == {"0": 1, "1": 2, "2": 1, "3-4": 2, "5-8": 1, "9-16": 2}
    assert by_size(np.array([0])) == {"0": 1}
