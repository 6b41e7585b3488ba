"""`llgmin train`: trajectories and the minima below them, the same in any segments, at any -j and after stops."""

import json
from collections import Counter

import numpy as np
import pytest
from driving import xor_problem

from llcommon.errors import ConfigError, NothingFound
from llcommon.optimise.training import Trainer
from llcommon.problem import read_problem
from llcommon.rng import from_state
from llcommon.store import Landscape, read_landscape
from llgmin.cli import main
from llgmin.search import Search
from llgmin.starts import Starts
from llgmin.statistics import read_record, search_statistics
from llgmin.training import DONE, Training, merge_trajectory, shares, trained_runs
from llgmin.walker import Segment, TrajectoryPoint

SHORT = ("train.runs=4", "train.epochs=45", "train.batch=3")
DIVERGING = ("train.optimiser=sgd", "train.learning_rate=1e6", "train.momentum=0.0")


def program(*arguments) -> int:
    """llgmin in this process; its exit code."""
    return main([str(argument) for argument in arguments], standalone_mode=False)


def nothing(*_):
    """A report that nobody reads."""


@pytest.fixture
def problem(tmp_path):
    return xor_problem(tmp_path)


def search_of(problem, output, *overrides) -> Search:
    return Search(read_problem(problem, (*SHORT, *overrides)), output, Training)


def finished(problem, output, *overrides, jobs=1) -> Landscape:
    """The landscape of a search that nobody stops, its file written."""
    search = search_of(problem, output, *overrides)
    assert search.run(jobs, lambda: False, nothing)
    search.finish()
    return search.landscape


def method_of(problem, *overrides) -> Training:
    landscape = read_problem(problem, (*SHORT, *overrides))
    return Training(landscape.model, landscape.settings)


# --- one run --------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimiser", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("quench", ["end", "all"])
@pytest.mark.parametrize("parts", [(1, 44), (10, 10, 25), (7, 0, 20, 18)])
def test_a_run_is_the_same_in_any_segments(problem, optimiser, quench, parts):
    method = method_of(problem, f"train.optimiser={optimiser}", f"train.quench={quench}")
    whole = method.advance(method.first(1), 45)
    walker = method.first(1)
    points, quenches, counts = [], [], Counter()
    for steps in parts:
        segment = method.advance(walker, steps)
        walker = segment.walker
        points += segment.trajectory
        quenches += segment.quenches
        counts.update(segment.counts)
    assert walker == whole.walker  # ended: no arrays are left
    assert counts == whole.counts
    assert [point.epoch for point in points] == [point.epoch for point in whole.trajectory]
    for one, other in zip(points, whole.trajectory, strict=True):
        assert one.loss == other.loss and np.array_equal(one.coordinates, other.coordinates)
    assert [quenched.loss for quenched in quenches] == [quenched.loss for quenched in whole.quenches]


def test_the_trajectory_is_that_of_the_trainer(problem):
    method = method_of(problem)
    settings = method.settings
    segment = method.advance(method.first(2), 45)
    start = Starts(method.model, settings.starts, settings.search.seed, settings.train.runs).point(2)
    trainer = Trainer(method.model, settings.train, settings.quench)
    state = trainer.begin(start)
    rng = from_state(method.first(2).rng)
    points = [state["x"].copy()]
    for _ in range(45):
        trainer.epochs(state, rng, 1)
        points.append(state["x"].copy())
    assert [point.epoch for point in segment.trajectory] == [0.0, 10.0, 20.0, 30.0, 40.0, 45.0]
    for point in segment.trajectory:
        assert np.array_equal(point.coordinates, points[int(point.epoch)])
        assert point.loss == method.model.value(point.coordinates)
    assert [point.quench for point in segment.trajectory] == [None] * 5 + [0]
    assert segment.counts["epochs"] == 45 and segment.counts["quenches"] == 1


def test_a_run_that_ended_does_nothing_more(problem):
    method = method_of(problem, "train.optimiser=lbfgs", "train.epochs=5000")
    segment = method.advance(method.first(0), 4000)
    ended = segment.walker.values
    assert ended["status"] == DONE and ended["epochs"] < 4000
    assert segment.trajectory[-1].epoch == ended["epochs"]
    assert segment.trajectory[-1].loss == pytest.approx(segment.quenches[-1].loss, abs=1e-13)
    rest = method.advance(segment.walker, 1000)
    assert (rest.trajectory, rest.quenches, rest.counts) == ([], [], {})
    assert rest.walker.done == 5000 and rest.walker.values == ended


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_run_that_diverges_does_so_in_any_segments(problem, cut):
    method = method_of(problem, *DIVERGING)
    whole = method.advance(method.first(0), 45).walker
    assert method.advance(method.advance(method.first(0), cut).walker, 45 - cut).walker == whole


def test_what_diverges_is_counted_and_not_kept(problem):
    method = method_of(problem, *DIVERGING)
    segment = method.advance(method.first(0), 45)
    status = segment.walker.values["status"]
    assert status in ("left-radius", "not-finite")
    assert segment.counts[f"failed training {status}"] == 1
    assert segment.quenches == [] and [point.epoch for point in segment.trajectory] == [0.0]
    assert segment.walker.done == 45 and segment.walker.values["epochs"] < 45


def test_segments_are_bounded(problem):
    assert method_of(problem).segment == 2000
    assert method_of(problem, "train.quench=all", "train.record_every=3").segment == 60
    assert method_of(problem, "train.quench=all", "train.record_every=1").segment == 20


def test_a_target_ends_no_training(problem):
    method = method_of(problem, "search.target=100.0")
    assert not method.advance(method.first(0), 45).hit


def test_batches_need_rows(tmp_path):
    path = tmp_path / "surface.toml"
    path.write_text('[loss]\nmodel = "himmelblau"\n', encoding="utf-8")
    landscape = read_problem(path, ("train.batch=2",))
    with pytest.raises(ConfigError, match="himmelblau has no rows of data"):
        Training(landscape.model, landscape.settings)


# --- into a landscape -----------------------------------------------------------------------------


@pytest.mark.parametrize("quench", ["end", "all"])
def test_each_quenched_point_names_its_minimum(problem, tmp_path, quench):
    landscape = finished(problem, tmp_path / "trained.h5", f"train.quench={quench}")
    table = read_landscape(tmp_path / "trained.h5").training
    assert table.coordinates.tobytes() == landscape.training.coordinates.tobytes()
    method = method_of(problem)
    segment = Segment(method.first(0))
    for row in range(len(table)):
        if quench == "end" and table.epoch[row] < 45:
            assert table.minimum[row] == -1
            continue
        minimum, _ = method.quenches.whole(table.coordinates[row].copy(), segment)
        assert table.minimum[row] == landscape.find_minimum(minimum.loss, minimum.coordinates)
    assert (table.minimum >= 0).sum() == landscape.minima.visits.sum() == (24 if quench == "all" else 4)
    assert len(landscape.trace) == landscape.counters["quenches"]


def test_ids_follow_the_order_and_the_number_of_minima_kept(problem, tmp_path):
    everything = finished(problem, tmp_path / "all.h5", "train.runs=12")
    assert len(everything.minima) > 2
    two = finished(problem, tmp_path / "two.h5", "train.runs=12", "search.save=2")
    expected = np.where(everything.training.minimum < 2, everything.training.minimum, -1)
    assert two.training.minimum.tolist() == expected.tolist()


def test_merging_resolves_the_quenches_of_a_segment(problem):
    landscape = read_problem(problem)
    walker = method_of(problem).first(3)
    x = np.zeros(landscape.model.dimension)
    segment = Segment(walker, trajectory=[TrajectoryPoint(0.0, 2.0, x), TrajectoryPoint(10.0, 1.0, x + 1.0, 1)])
    merge_trajectory(landscape, segment, [7, -1])
    segment.trajectory = [TrajectoryPoint(20.0, 0.5, x, 0)]
    merge_trajectory(landscape, segment, [7])
    table = landscape.training
    assert table.minimum.tolist() == [-1, -1, 7]
    assert table.run.tolist() == [3, 3, 3] and table.epoch.tolist() == [0.0, 10.0, 20.0]
    assert table.coordinates[1].tolist() == (x + 1.0).tolist()


def stopped_after(calls: int):
    """A stop request that comes when it is looked at for the (calls + 1)-th time."""
    left = [calls]

    def stopped() -> bool:
        left[0] -= 1
        return left[0] < 0

    return stopped


@pytest.mark.parametrize("optimiser", ["sgd", "adam", "lbfgs"])
def test_stopped_at_every_turn_it_ends_with_the_same_bytes(problem, tmp_path, optimiser):
    overrides = (f"train.optimiser={optimiser}", "train.quench=all", "train.record_every=1")  # segments of 20 epochs
    output = tmp_path / "stopped.h5"
    search = search_of(problem, output, *overrides)
    restarts = 0
    while not search.run(1, stopped_after(1), nothing):
        search.commit()
        search = Search(read_landscape(output), output, Training)
        restarts += 1
    search.finish()
    assert restarts >= 2
    finished(problem, tmp_path / "whole.h5", *overrides)
    assert output.read_bytes() == (tmp_path / "whole.h5").read_bytes()


def test_two_processes_give_the_same_bytes(problem, tmp_path):
    overrides = ("train.quench=all", "train.record_every=1")
    finished(problem, tmp_path / "one.h5", *overrides)
    finished(problem, tmp_path / "two.h5", *overrides, jobs=2)
    assert (tmp_path / "two.h5").read_bytes() == (tmp_path / "one.h5").read_bytes()


# --- the report and the command -------------------------------------------------------------------


def test_the_report_is_that_of_the_last_points(problem, tmp_path):
    search = search_of(problem, tmp_path / "trained.h5", "train.runs=9")
    search.run(1, lambda: False, nothing)
    search.finish()
    runs = trained_runs(search.landscape, search.walkers)
    table, minima = search.landscape.training, search.landscape.minima
    assert [run.run for run in runs] == list(range(9))
    for run in runs:
        (row,) = np.flatnonzero((table.run == run.run) & (table.epoch == 45.0))
        assert (run.loss, run.minimum) == (table.loss[row], table.minimum[row])
        assert run.minimum_loss == minima.loss[run.minimum] < run.loss
        assert (run.epochs, run.status) == (45, DONE)
    found = shares(runs)
    assert sum(count for _, _, count in found) == 9
    assert [minimum for minimum, _, _ in found] == sorted(set(table.minimum[table.minimum >= 0].tolist()))
    assert minima.visits[[minimum for minimum, _, _ in found]].tolist() == [count for _, _, count in found]


def options_of(*overrides) -> list[str]:
    return [part for override in (*SHORT, *overrides) for part in ("--set", override)]


def test_the_command(problem, tmp_path, capsys):
    output = tmp_path / "trained.h5"
    command = ("train", problem, "-o", output, "-j", 1, *options_of())
    assert program(*command, "-n") == 0
    assert not output.exists()
    described = "mlp, 12 coordinates, 4 rows of xor.csv; training, 4 runs of 45 epochs, seed 1"
    assert described in capsys.readouterr().err
    assert program(*command, "--time-limit", 1e-9) == 75
    assert f"0 of 180 epochs are kept in {output}" in capsys.readouterr().err
    assert program(*command, "--json") == 0
    report, said = capsys.readouterr()
    rows = json.loads(report)["rows"]
    assert [row["run"] for row in rows] == [0, 1, 2, 3]
    lowest = min(row["minimum"] for row in rows)
    number = sum(row["minimum"] == lowest for row in rows)
    assert f"minimum {lowest}, loss {rows[0]['minimum_loss']:.10g}" in said
    assert f": {number} of 4 runs" in said
    assert f"24 points of the runs and {len(read_landscape(output).minima)} minima in {output}" in said
    assert read_landscape(output).provenance[0]["command"] == "train"
    assert program(*command) == 2
    assert "its search is complete" in capsys.readouterr().err


def test_statistics_of_training(problem, tmp_path, capsys):
    for quench, doubted in (("end", False), ("all", True)):
        output = tmp_path / f"{quench}.h5"
        assert program("train", problem, "-o", output, "-j", 1, *options_of(f"train.quench={quench}")) == 0
        capsys.readouterr()
        assert program("stats", output, "--json") == 0
        report, said = capsys.readouterr()
        report = json.loads(report)
        assert report["method"] == "training" and "acceptance" not in report
        assert report["quenches"] == report["verified"] == (24 if doubted else 4)
        assert ("visits of a training search are not independent draws" in said) == doubted


def test_runs_that_diverge_are_no_failed_quenches(problem, tmp_path):
    landscape = finished(problem, tmp_path / "trained.h5")
    landscape.counters["failed training not-finite"] = 3
    assert search_statistics(read_record(landscape, "trained.h5"))["failed_by_reason"] == {}


def test_a_search_of_another_kind_is_not_gone_on_with(problem, capsys):
    assert program("run", problem, "-j", 1, "--time-limit", 1e-9) == 75
    capsys.readouterr()
    assert program("train", problem, "-j", 1) == 2
    assert "holds an unfinished search of another problem or with other settings" in capsys.readouterr().err


def test_where_all_runs_diverge_the_table_says_so(problem, capsys):
    assert program("train", problem, "-j", 1, *options_of(*DIVERGING)) == NothingFound.exit_code
    report, said = capsys.readouterr()
    header, *rows = report.splitlines()
    assert header.split("\t") == ["run", "epochs", "loss", "minimum", "minimum_loss", "status"]
    assert len(rows) == 4
    assert {row.split("\t")[-1] for row in rows} <= {"left-radius", "not-finite"}
    assert "no minimum: 4 of 4 runs" in said
    assert "no quench ended in a verified minimum (training " in said
    assert not problem.with_suffix(".h5").exists()


def test_batches_without_rows_are_refused_in_one_sentence(tmp_path, capsys):
    path = tmp_path / "surface.toml"
    path.write_text('[loss]\nmodel = "himmelblau"\n[train]\nbatch = 4\n', encoding="utf-8")
    assert program("train", path, "-j", 1) == 2
    said = capsys.readouterr().err
    assert said == "llgmin: error: [train] batch must be 0, since the loss model himmelblau has no rows of data\n"
    assert program("train", path, "-j", 1, "--set", "train.batch=0") == 0
