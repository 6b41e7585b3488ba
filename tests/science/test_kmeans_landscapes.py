"""K-means on iris and wine: best known sums of squares, and the landscape of iris in three clusters."""

import hashlib

import numpy as np
import pytest
from sklearn.datasets import load_iris, load_wine

from llcommon import losses
from llcommon.data import read_csv
from llcommon.settings import DataSettings, parse_settings
from llcommon.status import Status
from llcommon.store import Landscape, read_landscape
from llgmin.search import Search
from tests.science.runs import EXAMPLES, program

FOLDER = EXAMPLES / "kmeans"
CHECKSUMS = {
    "iris": "9cc1c345c71bcc9b486b74cbf6063fa66f4bb5e0f603a4b3c3471ec2e5e8e355",
    "wine": "d82b138f1d0fcd9d2e30e49aec338dd746502ff02fecdcf18806bfcb75f642cf",
}
TARGETS = {"iris": "species", "wine": "cultivar"}
# Best sums of squares: validation.md of the specification.
BEST = {
    "iris": [
        152.3479518, 78.85144143, 57.22847321, 46.44618205, 39.03998725, 34.29822967, 29.98894395, 27.78609242,
        25.83405482,
    ],
    "wine": [4543749.615, 2370689.687, 1331903.062, 916379.1872, 647326.0020],
}
IRIS_3 = [
    78.8514414, 78.8556658, 142.7535200, 142.7540625, 143.0034868, 143.02049, 145.4526918, 145.5251866, 145.7649379,
    146.6440531,
]


def problem(name, clusters, **search):
    settings = parse_settings(
        {"loss": {"model": "kmeans", "clusters": clusters}, "search": search}, "test", losses.parameters_of
    )
    data = read_csv(FOLDER / f"{name}.csv", DataSettings(target=TARGETS[name], scaling="none"), None)
    return settings, losses.build("kmeans", settings.loss, data)


@pytest.mark.parametrize(("name", "load"), [("iris", load_iris), ("wine", load_wine)])
def test_the_tables_are_those_of_scikit_learn(name, load):
    content = (FOLDER / f"{name}.csv").read_bytes()
    assert hashlib.sha256(content).hexdigest() == CHECKSUMS[name]
    assert np.array_equal(problem(name, 2)[1].data.features, load().data)


def test_the_default_search_finds_the_best_sums_of_squares(tmp_path):
    for name, clusters in (("iris", 3), ("iris", 10), ("wine", 6)):
        best = BEST[name][clusters - 2]
        settings, model = problem(name, clusters, target=best * (1.0 + 1e-9))
        search = Search(Landscape(settings, model, model.data), tmp_path / f"{name}{clusters}.h5")
        assert search.run(1, lambda: False, lambda done, text: None)
        assert search.landscape.minima.loss.min() == pytest.approx(best, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "clusters", "best"),
    [(name, 2 + place, best) for name, values in BEST.items() for place, best in enumerate(values)],
)
def test_llgmin_run_finds_the_best_sum_of_squares(tmp_path, name, clusters, best):
    (tmp_path / "p.toml").write_text(
        f'[loss]\nmodel = "kmeans"\nclusters = {clusters}\n[data]\nfile = "{FOLDER / name}.csv"\n'
        f'target = "{TARGETS[name]}"\nscaling = "none"\n',
        encoding="utf-8",
    )
    program("llgmin", "run", "p.toml", cwd=tmp_path)
    assert read_landscape(tmp_path / "p.h5").minima.loss.min() == pytest.approx(best, rel=1e-9)


def enumerated(model, starts):
    """Everything next to the minima below some starts, and to those found thereby: {loss: x}, {loss: side losses}."""
    pieces = model.pieces
    minima = {}

    def add(end):
        assert end.status is Status.CONVERGED
        return minima.setdefault(round(end.loss, 7), end.coordinates) is end.coordinates, round(end.loss, 7)

    for start in starts:
        add(pieces.quench(start, 1000))
    passes = {}
    done = set()
    while set(minima) - done:
        loss = min(set(minima) - done)
        done.add(loss)
        for point in pieces.passes_around(minima[loss]):
            state, mode, status = pieces.transition_state_at(point, 1e-9)
            assert status is Status.CONVERGED
            passes[round(state.loss, 7)] = {add(side)[1] for side in pieces.sides(point, mode, 1000)}
    return minima, passes


def test_iris_in_three_clusters_is_complete_next_to_its_minima():
    _, model = problem("iris", 3)
    rng = np.random.default_rng(0)
    minima, passes = enumerated(model, [model.random_start(rng) for _ in range(100)])
    assert sorted(minima) == pytest.approx(IRIS_3, abs=1e-5)
    lowest = min(passes)
    assert lowest == pytest.approx(78.8698011, abs=1e-7)
    best = sorted(minima)[:2]
    assert passes[lowest] == set(best)
    assert lowest - best[0] == pytest.approx(0.018360, abs=1e-6)
    assert lowest - best[1] == pytest.approx(0.014135, abs=1e-6)
    # The row that is tied there, counted from 0.
    point = next(p for p in model.pieces.passes_around(minima[best[0]]) if round(model.value(p), 7) == lowest)
    squares = ((model.data.features[:, None] - model.centres(point)) ** 2).sum(axis=2)
    squares.sort(axis=1)
    assert np.flatnonzero(squares[:, 1] - squares[:, 0] < 1e-9).tolist() == [50]
    # One network.
    reached = {best[0]}
    while True:
        more = set().union(*(ends for ends in passes.values() if ends & reached)) | reached
        if more == reached:
            break
        reached = more
    assert reached == set(minima)
    again, same = enumerated(model, [*minima.values(), *(model.random_start(rng) for _ in range(300))])
    assert (set(again), same) == (set(minima), passes)


def test_iris_in_two_clusters_has_one_minimum_and_no_pass():
    _, model = problem("iris", 2)
    rng = np.random.default_rng(0)
    minima, passes = enumerated(model, [model.random_start(rng) for _ in range(100)])
    assert (len(minima), passes) == (1, {})


@pytest.mark.slow
def test_a_minimum_that_no_random_start_runs_into():
    """Ways over random places find it: 300 000 random starts did not."""
    _, model = problem("iris", 3)
    rng = np.random.default_rng(1)
    minima, passes = enumerated(model, [model.random_start(rng) for _ in range(100)])
    ends = {}
    for _ in range(300):
        place = model.random_start(rng) + rng.random() * model.suggested_step * rng.standard_normal(12)
        for point in model.pieces.passes_around(place):
            _, mode, _ = model.pieces.transition_state_at(point, 1e-9)
            if round(model.value(point), 7) not in passes:
                for side in model.pieces.sides(point, mode, 1000):
                    ends[round(side.loss, 7)] = side.coordinates
    hidden = [ends[loss] for loss in ends if loss not in minima]
    assert [model.value(x) for x in hidden] == pytest.approx([144.68165455], abs=1e-7)
    assert model.pieces.minimum_at(hidden[0], 1e-9)[1] is Status.CONVERGED


@pytest.mark.slow
def test_the_three_programs_from_the_command_line(tmp_path):
    toml = (FOLDER / "iris3.toml").read_text(encoding="utf-8")
    (tmp_path / "iris.csv").write_bytes((FOLDER / "iris.csv").read_bytes())
    (tmp_path / "iris3.toml").write_text(toml, encoding="utf-8")
    steps = "--set", "search.steps=20"
    program("llgmin", "run", "iris3.toml", "-o", "minima.h5", *steps, cwd=tmp_path)
    program("lloptim", "saddle", "minima.h5", "--all-minima", "--enumerate", "-o", "passes.h5", cwd=tmp_path)
    assert len(read_landscape(tmp_path / "passes.h5").transition_states) > 5
    grow = "grow", "minima.h5", "-o", "grown.h5", "--strategy", "to-global-minimum"
    program("llpathsample", *grow, cwd=tmp_path)
    grown = read_landscape(tmp_path / "grown.h5")
    assert grown.transition_states.loss.min() == pytest.approx(78.8698011, abs=1e-7)
    assert grown.data.target_name == ""
    program("lloptim", "check", "grown.h5", cwd=tmp_path)
