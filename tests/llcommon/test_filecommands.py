"""`list`, `show` and `check`, which are the same commands in all three programs."""

import dataclasses
import json

import numpy as np
import pytest
from click.testing import CliRunner

import llgmin.cli
import lloptim.cli
import llpathsample.cli
from llcommon import losses, verification
from llcommon.optimise.downhill import Downhill
from llcommon.optimise.points import minimum_at, transition_state_at
from llcommon.optimise.quench import Quencher
from llcommon.records import Minimum, TransitionState, Triple
from llcommon.rng import generator
from llcommon.settings import parse_settings
from llcommon.status import Status
from llcommon.store import Landscape, SearchState, write_landscape

PROGRAMS = (llgmin.cli.main, lloptim.cli.main, llpathsample.cli.main)
RMS = 1e-9


def run(*arguments, program=llgmin.cli.main):
    return CliRunner().invoke(program, list(map(str, arguments)))


def empty(model):
    tables = {"loss": {"model": model}}
    settings = parse_settings(tables, "test", losses.parameters_of)
    return Landscape(settings, losses.build(model, settings.loss))


@pytest.fixture
def round_file(tmp_path, monkeypatch):
    """A landscape of invented round numbers, for outputs that must be the same to the byte."""
    monkeypatch.chdir(tmp_path)
    landscape = empty("double-well")
    size = landscape.model.dimension

    def minimum(loss, place, visits=1):
        return Minimum(loss, np.full(size, place), 1e-12, 2.5, 0.25, 1, visits, 1e-14)

    landscape.add_minimum(minimum(0.5, 1.0, 7))
    landscape.add_minimum(minimum(0.125, -1.0, 3))
    landscape.add_minimum(minimum(0.75, 3.0))
    landscape.add_minimum(minimum(4.0, 9.0))
    state = TransitionState(1.5, np.zeros(size), 1e-11, 1.25, -4.0, 0.5, 2, 1e-13)
    landscape.add_triple(Triple(minimum(0.5, 1.0, 0), state, minimum(0.125, -1.0, 0)))
    other = dataclasses.replace(state, loss=1.0, coordinates=np.full(size, 2.0), order=1)
    landscape.add_triple(Triple(minimum(0.125, -1.0, 0), other, minimum(0.75, 3.0, 0)))
    degenerate = dataclasses.replace(state, loss=2.0, coordinates=np.full(size, 5.0))
    landscape.add_triple(Triple(minimum(0.75, 3.0, 0), degenerate, minimum(0.75, 3.0, 0)))
    landscape.mark_pair(0, 1, True, Status.CONVERGED)
    landscape.mark_pair(3, 1, False, Status.NO_CANDIDATE, attempts=2)
    landscape.counters = {"quenches": 11}
    landscape.provenance = [{"program": "llgmin", "command": "run", "seed": 1}]
    states = [{"done": 20}, {"done": 10}]
    landscape.search = SearchState({"kind": "basin-hopping", "finished": False, "walkers": states})
    write_landscape("round.h5", landscape)
    return "round.h5"


# --- list -------------------------------------------------------------------------------------

MINIMA = """\
id	loss	lpphe	order	visits	rms	smallest_eigenvalue	degree	eigenvalue_tolerance	lpphe_error
0	0.5	2.5	1	7	1e-12	0.25	1	1e-14	0.0
1	0.125	2.5	1	3	1e-12	0.25	2	1e-14	0.0
2	0.75	2.5	1	1	1e-12	0.25	1	1e-14	0.0
3	4.0	2.5	1	1	1e-12	0.25	0	1e-14	0.0
"""

_HEADER = "id loss minimum_a minimum_b barrier_a barrier_b negative_eigenvalue next_eigenvalue"
TRANSITION_STATES = f"{_HEADER} lpphe order rms eigenvalue_tolerance lpphe_error".replace(" ", "\t") + """
0	1.5	0	1	1.0	1.375	-4.0	0.5	1.25	2	1e-11	1e-13	0.0
1	1.0	1	2	0.875	0.25	-4.0	0.5	1.25	1	1e-11	1e-13	0.0
2	2.0	2	2	1.25	1.25	-4.0	0.5	1.25	2	1e-11	1e-13	0.0
"""

PAIRS = """\
minimum_a	minimum_b	attempts	connected	status
0	1	1	true	converged
1	3	2	false	no-candidate
"""


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
@pytest.mark.parametrize(
    ("options", "golden"), [([], MINIMA), (["--ts"], TRANSITION_STATES), (["--pairs"], PAIRS)]
)
def test_list_golden(round_file, program, options, golden):
    result = run("list", round_file, *options, program=program)
    assert (result.exit_code, result.stdout, result.stderr) == (0, golden, "")


def ids(result):
    return [int(line.split("\t")[0]) for line in result.stdout.splitlines()[1:]]


def test_order_and_number(round_file):
    assert ids(run("list", round_file, "--sort", "loss")) == [1, 0, 2, 3]
    assert ids(run("list", round_file, "--lowest", 3)) == [0, 1, 2]
    assert ids(run("list", round_file, "--lowest", 2, "--sort", "loss")) == [1, 0]
    assert ids(run("list", round_file, "--lowest", 99)) == [0, 1, 2, 3]
    assert ids(run("list", round_file, "--ts", "--sort", "loss", "--lowest", 2)) == [1, 0]


def test_list_as_json(round_file):
    document = json.loads(run("list", round_file, "--ts", "--json").stdout)
    assert document["schema_version"] == 1
    assert [row["minimum_b"] for row in document["rows"]] == [1, 2, 2]


def test_pairs_have_no_loss(round_file):
    result = run("list", round_file, "--pairs", "--lowest", 3)
    assert result.exit_code == 2
    assert "pairs have no loss" in result.stderr


def test_empty_landscape(tmp_path):
    write_landscape(tmp_path / "empty.h5", empty("himmelblau"))
    for options in ([], ["--ts"], ["--pairs"]):
        result = run("list", tmp_path / "empty.h5", *options)
        assert result.exit_code == 0
        assert len(result.stdout.splitlines()) == 1
    result = run("show", tmp_path / "empty.h5")
    assert "minima\t0\n" in result.stdout
    assert run("check", tmp_path / "empty.h5").exit_code == 0


@pytest.mark.parametrize("command", ["list", "show", "check"])
def test_bad_files(tmp_path, command):
    (tmp_path / "text.h5").write_text("no landscape")
    for path in (tmp_path / "text.h5", tmp_path / "missing.h5", tmp_path):
        result = run(command, path)
        assert (result.exit_code, result.stdout) == (3, "")
        assert result.stderr.startswith("llgmin: error: ") and result.stderr.count("\n") == 1


# --- show -------------------------------------------------------------------------------------


def test_show_file(round_file):
    result = run("show", round_file)
    rows = dict(line.split("\t") for line in result.stdout.splitlines())
    expected = {
        "model.name": "double-well",
        "minima": "4",
        "transition_states": "3",
        "pairs_tried": "2",
        "components": "2",
        "in_component_of_global_minimum": "3",
        "global_minimum": "1",
        "lowest_loss": "0.125",
        "highest_loss": "4.0",
        "search.finished": "false",
        "search.steps_done[1]": "10",
        "counters.quenches": "11",
        "provenance[0].command": "run",
        "same_point.loss_tolerance": "1e-08",
        "rms.minima": "1e-09",
    }
    assert rows.items() >= expected.items()


def test_show_data_of_a_file(xor_folder):
    settings = {"loss": {"model": "mlp", "hidden": [1]}, "data": {"file": "xor.csv"}}
    from llcommon.data import read_csv

    parsed = parse_settings(settings, "test", losses.parameters_of)
    data = read_csv(xor_folder / "xor.csv", parsed.data, numeric_target=False)
    landscape = Landscape(parsed, losses.build("mlp", parsed.loss, data), data)
    write_landscape(xor_folder / "xor.h5", landscape)
    document = json.loads(run("show", xor_folder / "xor.h5", "--json").stdout)
    assert document["data"]["source"] == "xor.csv"
    assert document["data"]["rows"] == 4
    assert document["data"]["classes"] == ["0", "1"]
    assert document["model"]["dimension"] == 7
    assert document["model"]["parameters"]["hidden"] == [1]


def test_show_minimum(round_file):
    document = json.loads(run("show", round_file, 1, "--json").stdout)
    assert (document["kind"], document["id"], document["loss"]) == ("minimum", 1, 0.125)
    assert document["transition_states"] == [0, 1]
    assert document["coordinates"] == [-1.0] * len(document["coordinates"])
    assert "coordinates[0]\t-1.0\n" in run("show", round_file, 1).stdout


def test_show_transition_state(round_file):
    document = json.loads(run("show", round_file, 1, "--ts", "--json").stdout)
    assert (document["kind"], document["loss"]) == ("transition state", 1.0)
    assert (document["minimum_a"], document["minimum_b"], document["barrier_b"]) == (1, 2, 0.25)
    assert document["coordinates"][0] == 2.0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            [4],
            "minimum 4 does not exist: round.h5 holds 4 minima, numbered from 0; "
            "see `list` for those there are",
        ),
        (
            [3, "--ts"],
            "transition state 3 does not exist: round.h5 holds 3 transition states, numbered from 0; "
            "see `list --ts` for those there are",
        ),
        (["--ts"], "--ts needs the ID of a transition state; see `list --ts` for those there are"),
        (["x"], "[ID]: 'x' is not a whole number; see llgmin show --help"),
    ],
)
def test_ids_that_are_not_there(round_file, arguments, sentence):
    result = run("show", round_file, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"llgmin: error: {sentence}\n"


# --- check ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def camel_triples():
    """All minima and saddles of the six-hump camel, joined as they are downhill."""
    landscape = empty("six-hump-camel")
    model = landscape.model
    quencher = Quencher(model, landscape.settings.quench)
    downhill = Downhill(model, landscape.settings)
    for x, _, index in model.known_points():
        if index == 0:
            landscape.add_minimum(minimum_at(model, quencher.quench(x).coordinates, RMS)[0])
    triples = []
    for x, _, index in model.known_points():
        if index == 1:
            state, mode, _ = transition_state_at(model, x, RMS)
            plus, minus = downhill.both_sides(state, mode)
            triples.append(Triple(plus.minimum, state, minus.minimum))
    return landscape, triples


@pytest.fixture
def camel(camel_triples, tmp_path):
    """The file of the camel, and a way to spoil one value of it."""
    source, triples = camel_triples
    path = tmp_path / "camel.h5"

    def write(spoil=lambda landscape: None):
        landscape = empty("six-hump-camel")
        for minimum_id in range(len(source.minima)):
            landscape.add_minimum(source.minimum(minimum_id))
        for triple in triples:
            landscape.add_triple(triple)
        spoil(landscape)
        write_landscape(path, landscape)
        return path

    return write


def checked(result):
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert rows[0] == ["check", "checked", "failed"]
    return {kind: (int(number), int(failed)) for kind, number, failed in rows[1:]}


def test_check_of_a_sound_file(camel):
    result = run("check", camel())
    assert (result.exit_code, result.stderr) == (0, "")
    assert checked(result) == {
        "checksum": (1, 0),
        "minimum": (6, 0),
        "transition state": (7, 0),
        "connection": (7, 0),
    }


def _replaced(table, name, row, value):
    return lambda landscape: getattr(landscape, table).replace(name, row, value)


def _shifted(table, row, amount):
    def spoil(landscape):
        x = getattr(landscape, table).coordinates[row].copy()
        x[0] += amount
        getattr(landscape, table).replace("coordinates", row, x)

    return spoil


SPOILT = [
    ("minima", _replaced("minima", "loss", 2, 0.3), "minimum 2: its loss is"),
    ("minima", _replaced("minima", "lpphe", 2, 1.0), "minimum 2: its LPPHE is"),
    ("minima", _replaced("minima", "order", 2, 2), "minimum 2: its symmetry order is 1 and not 2 as stored"),
    ("minima", _replaced("minima", "smallest_eigenvalue", 2, 1.0), "minimum 2: its smallest eigenvalue is"),
    ("minima", _shifted("minima", 2, 1e-6), "minimum 2: its root mean square gradient is"),
    ("ts", _replaced("transition_states", "loss", 3, 9.0), "transition state 3: its loss is"),
    ("ts", _replaced("transition_states", "negative_eigenvalue", 3, -1.0), "its negative eigenvalue is"),
    ("ts", _replaced("transition_states", "next_eigenvalue", 3, 1e-3), "its next eigenvalue is"),
    ("ts", _replaced("transition_states", "lpphe", 3, np.nan), "transition state 3: its LPPHE is"),
    ("ts", _shifted("transition_states", 3, 1e-6), "transition state 3: its root mean square gradient is"),
]


@pytest.mark.parametrize(("table", "spoil", "problem"), SPOILT, ids=[problem for _, _, problem in SPOILT])
def test_check_finds_every_spoilt_value(camel, table, spoil, problem):
    path = camel(spoil)
    result = run("check", path)
    assert result.exit_code == 3
    assert problem in result.stderr
    assert all(line.startswith(f"llgmin: error: {path}: ") for line in result.stderr.splitlines())
    failed = {kind for kind, (_, number) in checked(result).items() if number}
    assert ("minimum" if table == "minima" else "transition state") in failed


def test_check_finds_a_saddle_among_the_minima_and_a_minimum_among_the_saddles(camel):
    def spoil(landscape):
        landscape.minima.replace("coordinates", 0, landscape.transition_states.coordinates[0].copy())
        landscape.transition_states.replace("coordinates", 1, landscape.minima.coordinates[5].copy())

    result = run("check", camel(spoil))
    assert "minimum 0: its Hessian has 1 negative eigenvalues where 0 belongs" in result.stderr
    assert "transition state 1: its Hessian has 0 negative eigenvalues where 1 belongs" in result.stderr


def test_check_finds_wrong_connections(camel):
    def spoil(landscape):
        ends = landscape.transition_states.minima[2]
        others = [number for number in range(6) if number not in ends]
        landscape.transition_states.replace("minima", 2, (int(ends[0]), others[0]))

    result = run("check", camel(spoil))
    assert result.exit_code == 3
    assert checked(result)["connection"] == (7, 1)
    assert "transition state 2: it joins minima" in result.stderr


def test_orientation_of_a_transition_state_is_not_an_error(camel):
    def turn(landscape):
        for row in range(7):
            ends = landscape.transition_states.minima[row][::-1].tolist()
            landscape.transition_states.replace("minima", row, ends)

    assert run("check", camel(turn)).exit_code == 0


def test_check_finds_a_missing_minimum(camel):
    def spoil(landscape):
        landscape.minima.replace("coordinates", 0, np.array([7.0, 7.0]))

    result = run("check", camel(spoil))
    assert "does not reach a stored minimum (it is not stored)" in result.stderr


def test_check_finds_duplicates(camel):
    def spoil(landscape):
        for name in landscape.minima.names:
            landscape.minima.replace(name, 4, getattr(landscape.minima, name)[1].copy())

    assert "minimum 4: it is the same point as minimum 1" in run("check", camel(spoil)).stderr


def test_check_as_json_lists_failures(camel):
    result = run("check", camel(_replaced("minima", "order", 2, 2)), "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 3
    assert document["failures"] == [
        {"check": "minimum", "id": 2, "problem": "its symmetry order is 1 and not 2 as stored"}
    ]


def test_sample(camel):
    path = camel()
    assert checked(run("check", path, "--sample", 3))["transition state"] == (3, 0)
    assert checked(run("check", path, "--sample", 99))["transition state"] == (7, 0)
    assert checked(run("check", path, "--sample", 0))["connection"] == (0, 0)


def test_sample_depends_on_the_seed_alone(camel_triples):
    triples = camel_triples[1]
    full = empty("six-hump-camel")
    for triple in triples:
        full.add_triple(triple)
    chosen = {seed: verification.chosen_transition_states(full, 3, seed) for seed in range(20)}
    assert all(ids == sorted(set(ids)) and len(ids) == 3 for ids in chosen.values())
    assert chosen[4] == verification.chosen_transition_states(full, 3, 4)
    assert len({tuple(ids) for ids in chosen.values()}) > 5
    assert verification.chosen_transition_states(full, None, 1) == list(range(7))


def test_many_failures_are_cut_short(camel):
    def spoil(landscape):
        for name in ("order", "lpphe", "smallest_eigenvalue", "loss"):
            for row in range(6):
                landscape.minima.replace(name, row, int(landscape.minima.order[row]) + 40 + row)

    result = run("check", camel(spoil), "--sample", 0)
    lines = result.stderr.splitlines()
    assert len(lines) == 21
    assert lines[-1].endswith("and 4 more problems; --json lists all")


def test_check_of_a_network(xor_folder):
    """Minima of an mlp under its symmetry: random images of stored points are still sound."""
    from llcommon.data import read_csv

    tables = {"loss": {"model": "mlp", "hidden": [2], "lambda": 0.01}}
    settings = parse_settings(tables, "test", losses.parameters_of)
    data = read_csv(xor_folder / "xor.csv", settings.data, numeric_target=False)
    model = losses.build("mlp", settings.loss, data)
    landscape = Landscape(settings, model, data)
    quencher = Quencher(model, settings.quench)
    rng = generator(1, "test")
    for _ in range(5):
        found = minimum_at(model, quencher.quench(model.random_start(rng)).coordinates, RMS)[0]
        if found is not None:
            landscape.add_minimum(found)
    assert len(landscape.minima) > 0
    for row in range(len(landscape.minima)):
        image = model.random_image(landscape.minima.coordinates[row].copy(), rng)
        landscape.minima.replace("coordinates", row, image)
    write_landscape(xor_folder / "xor.h5", landscape)
    result = run("check", xor_folder / "xor.h5")
    assert (result.exit_code, result.stderr) == (0, "")
