"""The original suite's files through the benchmarks' readers, and its numbers against a NumPy loss."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from benchmarks import environment, path_info, problem, suite, verification
from benchmarks.attempt import Attempt, Triple
from benchmarks.problem import Problem
from benchmarks.scipy_numpy import NumpyLoss, quench

FOLDER = Path(__file__).parent / "xor"


@pytest.fixture(scope="module")
def xor() -> Problem:
    rows = np.loadtxt(FOLDER / "MLPdata")
    return Problem(rows[:, 1:], rows[:, 0].astype(np.int64), hidden=2, outputs=2, regularisation=1e-4)


@pytest.fixture(scope="module")
def triples() -> list[path_info.Triple]:
    return path_info.read((FOLDER / "path.info").read_text(), 12)


def test_the_data_file_holds_the_rows_of_the_benchmarks_xor(xor):
    def rows(of: Problem) -> list[list[float]]:
        return sorted(np.column_stack([of.classes, of.features]).tolist())

    assert rows(xor) == rows(problem.xor())


def test_lowest_has_the_loss_that_the_numpy_loss_gives_at_its_coordinates(xor):
    losses, points = suite.read_lowest((FOLDER / "lowest").read_text(), 12)
    assert losses == [0.01347583009]
    value, gradient = NumpyLoss(xor)(xor.to_house(points[0]))
    assert value == pytest.approx(losses[0], abs=6e-12)
    assert np.sqrt(gradient @ gradient / 12) < 1e-6


def test_path_info_holds_one_triple_with_the_known_numbers(triples):
    (triple,) = triples
    transition_state = triple.transition_state
    assert [triple.plus.index, transition_state.index, triple.minus.index] == [0, 1, 0]
    assert transition_state.loss == 0.485451627878429
    assert transition_state.eigenvalues[-1] == -0.1659793809
    assert np.sum(np.log(transition_state.eigenvalues[:-1])) == pytest.approx(-68.586314702, abs=1e-6)
    assert np.sum(np.log(triple.plus.eigenvalues)) == pytest.approx(-78.994731602, abs=1e-5)


def test_stationary_points_of_path_info_are_stationary_for_the_numpy_loss(xor, triples):
    for point in (triples[0].plus, triples[0].transition_state, triples[0].minus):
        value, gradient = NumpyLoss(xor)(xor.to_house(point.x))
        assert value == pytest.approx(point.loss, abs=2e-15)
        assert np.sqrt(gradient @ gradient / 12) < 2e-9


def test_an_incomplete_tail_of_path_info_is_dropped(triples):
    text = (FOLDER / "path.info").read_text()
    lines = text.splitlines()
    cut = text + "\n".join(lines[:17])
    assert len(path_info.read(cut, 12)) == 1
    assert path_info.read("\n".join(lines[:20]), 12) == []


def house_triple(xor, triple):
    points = (triple.plus, triple.transition_state, triple.minus)
    return Triple(*(xor.to_house(point.x) for point in points))


def judged(xor, triples, start, finish):
    return verification.judge(xor, Attempt(0.0, triples, None, None, None), start, finish)


def test_only_index_one_counts_and_one_point_counts_once(xor, triples):
    found = house_triple(xor, triples[0])
    wrong_index = Triple(found.plus, found.plus, found.minus)
    elsewhere = Triple(found.plus, found.transition_state + 1e-3, found.minus)
    result = judged(xor, [found, wrong_index, elsewhere, found], found.plus, found.minus)
    assert len(result.transition_states) == 2
    assert len(result.distinct) == 1
    assert result.distinct[0].polished_loss == pytest.approx(triples[0].transition_state.loss, abs=1e-10)


def test_joined_by_the_path_but_not_to_elsewhere(xor, triples):
    """Modulo symmetry: the two ends of the stored path are images of one minimum, so one of them is made another."""
    found = house_triple(xor, triples[0])
    collapsed = np.zeros(12)
    path = Triple(found.minus, found.transition_state, collapsed)
    assert judged(xor, [path], found.plus, collapsed).joined
    assert judged(xor, [path], collapsed, found.plus).joined
    assert not judged(xor, [path], found.plus, collapsed + 1.0).joined
    assert not judged(xor, [], found.plus, collapsed).joined


def test_orders_convert_both_ways(xor):
    x = np.random.default_rng(0).normal(size=12)
    assert np.array_equal(xor.to_house(xor.to_suite(x)), x)
    first, second = xor.layers(np.arange(12.0))
    # Hidden unit 0 from inputs 0 and 1, then unit 1; outputs likewise; hidden biases; output biases.
    expected = [first[0, 0], first[1, 0], first[0, 1], first[1, 1]]
    expected += [second[0, 0], second[1, 0], second[0, 1], second[1, 1]]
    expected += [*first[2], *second[2]]
    assert xor.to_suite(np.arange(12.0)).tolist() == expected


def test_alignment_is_the_best_of_all_permutations_and_signs():
    iris = problem.iris(hidden=3)
    rng = np.random.default_rng(1)
    loss = NumpyLoss(iris)
    for _ in range(5):
        reference, x = rng.normal(size=(2, iris.dimension))
        aligned = iris.align(reference, x)
        assert loss(aligned)[0] == pytest.approx(loss(x)[0], rel=1e-12)
        first, second = iris.layers(x)
        distances = []
        for order in itertools.permutations(range(3)):
            for signs in itertools.product([-1.0, 1.0], repeat=3):
                outgoing = (second[:-1].T * signs)[:, order].T
                image = np.concatenate(
                    [(first * signs)[:, order].ravel(), outgoing.ravel(), second[-1]]
                )
                distances.append(np.linalg.norm(image - reference))
        assert np.linalg.norm(aligned - reference) == pytest.approx(min(distances), rel=1e-12)


def test_gradient_of_the_numpy_loss_agrees_with_differences():
    iris = problem.iris()
    loss = NumpyLoss(iris)
    x = np.random.default_rng(2).normal(size=iris.dimension)
    _, gradient = loss(x)
    step = 1e-5
    steps = step * np.eye(iris.dimension)
    differences = [(loss(x + row)[0] - loss(x - row)[0]) / (2.0 * step) for row in steps]
    assert gradient == pytest.approx(np.array(differences), abs=1e-8)


def test_a_scipy_quench_ends_by_the_root_mean_square_and_not_far_below(xor):
    start = np.random.default_rng(3).uniform(-1.0, 1.0, 12)
    result = quench(xor, start)
    assert 1e-9 < result.rms <= 1e-6
    assert result.loss < NumpyLoss(xor)(start)[0]


@pytest.mark.slow
@pytest.mark.skipif(not environment.installed(), reason="needs .bench-venv: run `make bench` once")
def test_the_original_programs_solve_the_same_problem():
    programs = environment.prepare()
    iris = problem.iris()
    found = suite.gmin_basin_hopping(programs, iris, 300, updates=100, seed=3, final_tolerance=1e-9)
    assert found.lowest == pytest.approx(0.02254296086, abs=2e-11)
    loss = NumpyLoss(iris)
    for printed, minimum in zip(found.losses, found.minima, strict=True):
        assert loss(minimum)[0] == pytest.approx(printed, abs=6e-12)
    first, second = found.distinct()[:2]
    finish = iris.align(first, second)
    attempt = suite.optim_newconnect(programs, iris, first, finish)
    assert attempt.gradients > 0
    result = verification.judge(iris, attempt, first, finish)
    assert result.joined
    assert len(result.transition_states) == len(attempt.triples)
