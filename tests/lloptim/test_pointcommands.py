"""minimise, spectrum, band and the many searches of saddle from the command line: answers known, and manners."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import lloptim.cli
from llcommon import losses
from llcommon.data import read_csv
from llcommon.settings import DataSettings
from llcommon.store import Landscape, read_landscape, write_landscape
from lloptim.connect import connect
from lloptim.singleended import PushJob
from tests.lloptim.problems import network, quenched, settings_of, stationary_of, surface

SADDLES = [13.3119262704, 67.7191500875, 104.0151629176, 178.3372392019]
FIGURES = [("figure.svg", b"<?xml"), ("figure.pdf", b"%PDF"), ("figure.png", b"\x89PNG\r\n")]


def run(*arguments):
    return CliRunner().invoke(lloptim.cli.main, list(map(str, arguments)))


def table(text):
    """Rows of a TSV as dictionaries."""
    header, *rows = (line.split("\t") for line in text.splitlines())
    return [dict(zip(header, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """plane.h5: the minima of Himmelblau's function; all.h5: Mueller-Brown with its saddles; empty.h5: no point;
    net.h5: some minima of a small network on random data."""
    folder = tmp_path_factory.mktemp("stock")
    write_landscape(folder / "plane.h5", surface("himmelblau"))
    landscape = surface("mueller-brown")
    landscape.merge(connect(landscape.model, landscape.settings, landscape.minimum(0), landscape.minimum(1)).landscape)
    write_landscape(folder / "all.h5", landscape)
    rng = np.random.default_rng(5)
    rows = [f"{a:.3f},{b:.3f},{'no' if a * b > 0 else 'yes'}" for a, b in rng.standard_normal((20, 2))]
    (folder / "net.csv").write_text("\n".join(["left,right,answer", *rows]), encoding="utf-8")
    net = network(read_csv(folder / "net.csv", DataSettings(), False), [3], 1e-3)
    write_landscape(folder / "empty.h5", net)
    for _ in range(3):
        net.add_minimum(quenched(net.model, net.settings, net.model.random_start(rng)))
    assert len(net.minima) >= 2
    write_landscape(folder / "net.h5", net)
    return folder


@pytest.fixture
def folder(stock, tmp_path, monkeypatch):
    """A copy of the stock as the present folder."""
    for path in stock.glob("*.h5"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- minimise -------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["auto", "lbfgs", "newton", "conjugate-gradient", "fire"])
def test_minimise_finds_the_way_back(folder, method):
    """Displaced from a minimum by less than the size of its basin: the stored one, by whatever method."""
    options = ["--displacement", 0.1, "--set", f"quench.method={method}"]
    result = run("minimise", "plane.h5", "--minimum", 2, "--json", *options)
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["minimum"] == 2
    assert abs(report["loss"]) < 1e-15
    assert report["distance"] == pytest.approx(0.1, abs=1e-8)
    values = np.linalg.eigvalsh(read_landscape("plane.h5").model.hessian(np.array([-3.779310253, -3.283185991])))
    assert report["smallest_eigenvalue"] == pytest.approx(values[0], rel=1e-6)
    assert report["lpphe"] == pytest.approx(np.log(values).sum(), rel=1e-6)
    assert report["rms"] <= 1e-9 and report["lpphe_error"] == 0.0
    assert report["evaluations"] > 0


def test_minimise_from_a_point_writes_what_checks(folder):
    (folder / "point.txt").write_text("0.5 0.1")
    result = run("minimise", "all.h5", "--point", "point.txt", "-o", "one.h5")
    assert result.exit_code == 0
    rows = {row["property"]: row["value"] for row in table(result.stdout)}
    assert rows["minimum"] == "1"
    kept = read_landscape(folder / "one.h5")
    assert (len(kept.minima), kept.provenance[-1]["command"]) == (1, "minimise")
    assert kept.minima.loss[0] == pytest.approx(-108.1667241169, abs=1e-9)
    assert run("check", "one.h5").exit_code == 0


def test_minimise_names_a_minimum_that_is_not_stored(folder):
    model = read_landscape("net.h5").model
    (folder / "point.txt").write_text(" ".join(["0.01"] * (model.dimension - 1) + ["-0.01"]))
    report = json.loads(run("minimise", "empty.h5", "--point", "point.txt", "--json").stdout)
    assert report["minimum"] is None and report["loss"] > 0.0


def test_minimise_on_a_saddle_is_no_minimum(folder):
    result = run("minimise", "all.h5", "--ts", 0, "-o", "none.h5")
    assert result.exit_code == 4
    assert "transition state 0" in result.stderr and "wrong-index" in result.stderr
    assert result.stdout == "" and not (folder / "none.h5").exists()
    assert run("minimise", "all.h5", "--ts", 0, "--displacement", 0.01).exit_code == 0


def test_minimise_names_the_status_that_ended_it(folder):
    result = run("minimise", "plane.h5", "--minimum", 0, "--displacement", 0.1, "--set", "quench.radius=0.5")
    assert result.exit_code == 4
    assert "left-radius" in result.stderr and "minimum 0" in result.stderr
    assert result.stdout == ""


# --- spectrum -------------------------------------------------------------------------------------


def test_spectrum_of_a_minimum_is_that_of_numpy(folder):
    landscape = read_landscape("net.h5")
    x = landscape.minima.coordinates[0].copy()
    values, vectors = np.linalg.eigh(landscape.model.hessian(x))
    document = json.loads(run("spectrum", "net.h5", "--minimum", 0, "--modes", 3, "--json").stdout)
    rows = document["rows"]
    assert [row["index"] for row in rows] == list(range(len(values)))
    assert [row["eigenvalue"] for row in rows] == pytest.approx(values, abs=1e-12)
    assert all(row["certain"] for row in rows)
    assert (document["negative"], document["uncertain"], document["total"]) == (0, 0, len(values))
    apart = np.flatnonzero(np.diff(values, prepend=-np.inf, append=np.inf)[:-1] > 1e-6)
    alone = [k for k in apart if k + 1 == len(values) or values[k + 1] - values[k] > 1e-6]
    assert len(alone) > 5
    for k in alone:
        assert rows[k]["participation"] == pytest.approx(1.0 / (vectors[:, k] ** 4).sum(), rel=1e-4)
        assert 1.0 <= rows[k]["participation"] <= len(values)
    assert len(document["modes"]) == 3
    for mode in document["modes"]:
        shares = [weight["share"] for weight in mode["weights"]]
        assert shares == sorted(shares, reverse=True)
        assert shares == pytest.approx([weight["component"] ** 2 for weight in mode["weights"]])
    names = landscape.model.coordinate_names()
    for mode in document["modes"]:
        assert [weight["name"] for weight in mode["weights"]] == [names[w["coordinate"]] for w in mode["weights"]]
    assert sum(document["density"]["weights"]) == len(values)


def test_spectrum_of_a_transition_state_has_one_negative_value(folder):
    state = read_landscape("all.h5").transition_state(0)
    result = run("spectrum", "all.h5", "--ts", 0)
    rows = table(result.stdout)
    eigenvalues = [float(row["eigenvalue"]) for row in rows]
    assert eigenvalues == pytest.approx([state.negative_eigenvalue, state.next_eigenvalue], rel=1e-10)
    assert "1 negative" in result.stderr
    # In the plane the two modes are orthogonal, so they have the same participation and swap their shares.
    assert float(rows[0]["participation"]) == pytest.approx(float(rows[1]["participation"]), rel=1e-9)
    assert rows[0]["largest_shares"].startswith("x")


def test_spectrum_without_a_dense_hessian(folder):
    """The two lowest eigenvalues, and a density whose number and mean are those of the Hessian."""
    options = ["--set", "curvature.dense_limit=0", "--set", "curvature.residual=1e-6"]
    document = json.loads(run("spectrum", "net.h5", "--minimum", 0, "--json", *options).stdout)
    landscape = read_landscape("net.h5")
    hessian = landscape.model.hessian(landscape.minima.coordinates[0].copy())
    values = np.linalg.eigvalsh(hessian)
    found = [row["eigenvalue"] for row in document["rows"]]
    assert len(found) == 2
    assert found[0] == pytest.approx(values[0], rel=1e-4)
    density = document["density"]
    assert density["probes"] > 0
    assert np.sum(density["weights"]) == pytest.approx(len(values), rel=1e-9)
    assert np.dot(density["weights"], density["nodes"]) == pytest.approx(np.trace(hessian), rel=0.3)


@pytest.mark.parametrize(("name", "start"), FIGURES)
@pytest.mark.parametrize("point", [["net.h5", "--minimum", 0], ["all.h5", "--ts", 1]])
def test_spectrum_figure(folder, name, start, point):
    assert run("spectrum", *point, "-o", name).exit_code == 0
    content = (folder / name).read_bytes()
    assert content.startswith(start) and len(content) > 3000
    assert run("spectrum", *point, "-o", name).exit_code == 2
    assert run("spectrum", *point, "-o", name, "-f").exit_code == 0
    assert (folder / name).read_bytes() == content


def test_figure_of_a_large_models_spectrum(folder):
    assert run("spectrum", "net.h5", "--minimum", 1, "-o", "few.svg", "--set", "curvature.dense_limit=0").exit_code == 0
    assert (folder / "few.svg").stat().st_size > 3000


# --- band -----------------------------------------------------------------------------------------


def test_band_between_two_minima_goes_over_a_candidate(folder):
    result = run("band", "plane.h5", 0, 1, "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    rows = document["rows"]
    landscape = read_landscape("plane.h5")
    ends = landscape.minima.coordinates[:2]
    assert [row["image"] for row in rows] == list(range(document["images"] + 2))
    assert rows[0]["loss"] == pytest.approx(landscape.minima.loss[0], abs=1e-12)
    assert rows[-1]["arc_length"] == document["length"] >= document["distance"]
    assert document["distance"] == pytest.approx(np.linalg.norm(ends[0] - ends[1]))
    assert [row["image"] for row in rows if row["candidate"]] == document["candidates"]
    (top,) = document["candidates"]
    assert rows[top]["loss"] == max(row["loss"] for row in rows)
    # The saddle between the two lies at 13.31: the band passes near it.
    assert rows[top]["loss"] == pytest.approx(SADDLES[0], abs=2.0)
    assert (document["interpolation"], document["evaluations"] > 0) == ("straight", True)


def test_later_attempts_have_more_images_and_are_repeatable(folder):
    first, later, again, other = (
        json.loads(run("band", "plane.h5", 0, 2, "--json", *options).stdout)
        for options in ([], ["--attempt", 1], ["--attempt", 1], ["--attempt", 1, "-s", 9])
    )
    assert later["images"] > first["images"]
    assert later == again
    assert later["rows"] != other["rows"]


def test_band_obeys_its_settings(folder):
    unrelaxed = json.loads(run("band", "plane.h5", 0, 2, "--json", "--set", "connect.iterations=0").stdout)
    assert unrelaxed["status"] == "step-limit"
    assert unrelaxed["length"] == pytest.approx(unrelaxed["distance"])
    gaps = np.diff([row["arc_length"] for row in unrelaxed["rows"]])
    assert gaps == pytest.approx(np.full(len(gaps), gaps[0]))


@pytest.mark.parametrize(("name", "start"), FIGURES)
def test_band_figure(folder, name, start):
    assert run("band", "plane.h5", 0, 3, "-o", name).exit_code == 0
    content = (folder / name).read_bytes()
    assert content.startswith(start) and len(content) > 3000
    assert run("band", "plane.h5", 0, 3, "-o", name).exit_code == 2


# --- saddle: many searches ------------------------------------------------------------------------


def test_saddles_around_all_minima(folder):
    result = run("saddle", "plane.h5", "--all-minima", "--random", 8, "--soft", 2, "-j", 1)
    assert result.exit_code == 0
    rows = table(result.stdout)
    assert len(rows) == 4 * (8 + 4)
    found = read_landscape(folder / "plane.saddles.h5")
    assert sorted(found.transition_states.loss) == pytest.approx(SADDLES, abs=5e-10)
    assert [row["new"] for row in rows].count("true") == 4
    for row in rows:
        reached = row["status"] == "converged"
        assert reached == (row["ts"] != "") == (row["plus"] != "")
    assert found.counters["pushes"] == len(rows)
    assert "48 pushes of 4 minima" in result.stderr and "push no-candidate" in result.stderr
    assert run("check", "plane.saddles.h5").exit_code == 0
    # Known minima are told by the ids of the input, whatever their ids in the output.
    source = read_landscape("plane.h5")
    row = next(row for row in rows if row["ts"] == "0")
    ends = found.minima.coordinates[found.transition_states.minima[0]]
    ids = [source.find_minimum(0.0, x.copy()) for x in ends]
    assert sorted([int(row["plus"]), int(row["minus"])]) == sorted(ids)


def test_new_minima_have_no_id(folder):
    """A landscape with one minimum only: the other sides are found, and are not in it."""
    document = json.loads(run("saddle", "net.h5", "--minimum", 0, "--soft", 3, "--json", "-j", 1).stdout)
    assert document["file"] == "net.saddles.h5"
    count = len(read_landscape("net.h5").minima)
    found = [row for row in document["rows"] if row["ts"] is not None]
    assert found
    for row in found:
        assert all(end is None or 0 <= end < count for end in (row["plus"], row["minus"]))
        assert row["loss"] > max(row["plus_loss"], row["minus_loss"])


def test_same_bytes_with_one_and_two_processes(folder):
    outputs = []
    for jobs in (1, 2):
        arguments = ["--minimum", 2, "--minimum", 0, "--random", 2, "--soft", 2, "-j", jobs, "-o", f"{jobs}.h5"]
        outputs.append(run("saddle", "plane.h5", *arguments).stdout)
    assert outputs[0] == outputs[1] != ""
    first, second = (read_landscape(f"{jobs}.h5") for jobs in (1, 2))
    assert first.transition_states.coordinates.tobytes() == second.transition_states.coordinates.tobytes()
    assert first.counters == second.counters
    assert first.search.state == second.search.state


def test_seed_decides_the_random_pushes(folder):
    lengths = []
    for seed in (1, 1, 2):
        options = ["--minimum", 0, "--random", 4, "-j", 1, "-f", "-s", seed, "--json"]
        document = json.loads(run("saddle", "plane.h5", *options).stdout)
        lengths.append([(row["length"], row["minus_loss"]) for row in document["rows"]])
    assert lengths[0] == lengths[1] != lengths[2]


def test_a_stopped_job_of_pushes_goes_on(folder, monkeypatch):
    arguments = ["saddle", "plane.h5", "--all-minima", "--random", 3, "-j", 1]
    whole = run(*arguments, "-o", "whole.h5")
    stopping = PushJob.run
    monkeypatch.setattr(PushJob, "run", lambda self, jobs, stop, merged: stopping(
        self, jobs, lambda: stop() or len(self.rows) >= 5, merged))  # fmt: skip
    stopped = run(*arguments, "-o", "part.h5", "--time-limit", "1e-9")
    assert stopped.exit_code == 75
    assert "of 12 pushes are kept in part.h5" in stopped.stderr
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    again = run(*arguments, "-o", "part.h5")
    assert again.exit_code == 0
    assert again.stdout == whole.stdout
    assert (folder / "part.h5").read_bytes() == (folder / "whole.h5").read_bytes()
    assert run(*arguments, "-o", "part.h5").exit_code == 2
    assert run(*arguments, "-o", "part.h5", "--soft", 1).exit_code == 2
    assert run(*arguments, "-o", "part.h5", "--soft", 1, "-f").exit_code == 0


def test_pushes_that_find_nothing_end_with_4(folder):
    result = run("saddle", "plane.h5", "--minimum", 0, "--soft", 1, "-j", 1, "--set", "connect.saddle_steps=1")
    assert result.exit_code == 4
    assert "no push led to a transition state" in result.stderr
    assert {row["status"] for row in table(result.stdout)} <= {"step-limit", "no-candidate"}


def test_dry_run_of_pushes_writes_nothing(folder):
    before = sorted(folder.iterdir())
    result = run("saddle", "plane.h5", "--all-minima", "--random", 5, "-n")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "20 pushes of 4 minima" in result.stderr
    assert sorted(folder.iterdir()) == before


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("minimise plane.h5", 2, "--minimum ID, --ts ID or --point TXT"),
        ("minimise plane.h5 --minimum 0 --ts 0", 2, "one start"),
        ("minimise plane.h5 --minimum 9", 2, "plane.h5 has no minimum 9; it has 4"),
        ("minimise plane.h5 --ts 0", 2, "plane.h5 has no transition state 0"),
        ("minimise plane.h5 --point absent.txt", 3, "absent.txt"),
        ("minimise absent.h5 --minimum 0", 3, "absent.h5"),
        ("minimise plane.h5 --minimum 0 -o plane.h5 -f", 2, "the landscape to be read"),
        ("minimise plane.h5 --minimum 0 --set quench.method=bgfs", 2, "method"),
        ("spectrum plane.h5", 2, "one start"),
        ("spectrum plane.h5 --minimum 4", 2, "has no minimum 4"),
        ("spectrum plane.h5 --minimum 0 -o figure.gif", 2, "figure.gif"),
        ("spectrum plane.h5 --minimum 0 --modes -1", 2, "--modes"),
        ("band plane.h5 0", 2, "B"),
        ("band plane.h5 0 4", 2, "has no minimum 4"),
        ("band plane.h5 0 1 -o figure.jpg", 2, "figure.jpg"),
        ("band plane.h5 0 1 --set connect.interpolation=curved", 2, "interpolation"),
        ("band absent.h5 0 1", 3, "absent.h5"),
        ("saddle plane.h5 --all-minima", 2, "--random N or --soft M"),
        ("saddle plane.h5 --minimum 0 --minimum 1", 2, "--random N or --soft M"),
        ("saddle plane.h5 --random 2", 2, "--all-minima"),
        ("saddle plane.h5 --all-minima --minimum 0 --random 2", 2, "--all-minima"),
        ("saddle plane.h5 --all-minima --random 0", 2, "at least 1"),
        ("saddle plane.h5 --ts 0 --random 2", 2, "--ts"),
        ("saddle plane.h5 --minimum 0 --soft 2 --displacement 1", 2, "--displacement"),
        ("saddle plane.h5 --minimum 8 --soft 2", 2, "has no minimum 8"),
        ("saddle empty.h5 --all-minima --soft 2", 2, "holds no minima"),
        ("saddle plane.h5 --minimum 0 --soft 2 -o plane.h5", 2, "the landscape to be read"),
        ("saddle plane.h5 --minimum 0 --soft 2 -o all.h5", 2, "all.h5"),
    ],
)
def test_refused(folder, command, code, words):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    result = run(*command.split())
    assert result.exit_code == code
    assert words in result.stderr
    assert "Traceback" not in result.stderr and result.stdout == ""
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.fixture
def boxed(folder):
    """The camel in a box that holds two minima on its sides, in boxed.h5."""
    loss = {"lower": [-2.0, 0.1], "upper": [2.0, 1.2]}
    settings = settings_of("six-hump-camel", loss)
    landscape = Landscape(settings, losses.build("six-hump-camel", loss))
    for point in stationary_of("six-hump-camel", [-2.0, 0.1], [2.0, 1.2])[0]:
        landscape.add_minimum(quenched(landscape.model, settings, point.x))
    write_landscape(folder / "boxed.h5", landscape)
    return folder


def test_a_point_outside_the_box_is_refused(boxed):
    (boxed / "point.txt").write_text("1 9")
    for command in ("minimise", "spectrum", "saddle"):
        result = run(command, "boxed.h5", "--point", "point.txt")
        assert result.exit_code == 3
        assert "coordinate 1 must be between 0.1 and 1.2" in result.stderr


def test_held_coordinates_have_no_eigenvalue(boxed):
    landscape = read_landscape("boxed.h5")
    for minimum, active in enumerate(landscape.minima.active):
        free = np.flatnonzero(active == 0)
        result = run("spectrum", "boxed.h5", "--minimum", minimum, "--json")
        if not len(free):
            assert result.exit_code == 4 and "bounds hold every coordinate" in result.stderr
            continue
        document = json.loads(result.stdout)
        assert (document["total"], document["held"]) == (len(free), 2 - len(free))
        hessian = landscape.model.hessian(landscape.minima.coordinates[minimum].copy())
        values = np.linalg.eigvalsh(hessian[np.ix_(free, free)])
        assert [row["eigenvalue"] for row in document["rows"]] == pytest.approx(values, rel=1e-9)
        assert run("minimise", "boxed.h5", "--minimum", minimum).exit_code == 0
    assert any(active.any() for active in landscape.minima.active)
