"""Passes of the kmeans loss against brute force: every partition of small data, and a minimax search on a grid."""

import functools

import numpy as np
import pytest

from llcommon.losses import build
from llcommon.status import Status
from tests.llcommon.losses.cases import table
from tests.reference import kmeans as twin


def random_rows(seed, count=8, features=2):
    return np.random.default_rng(seed).standard_normal((count, features))


# Lattices and mirror images have assignments with several points tied at once; the last two have equal rows.
TABLES = {
    "random": random_rows(0),
    "line": random_rows(2, features=1),
    "space": random_rows(3, 7, features=3),
    "lattice": np.array([[i, j] for i in range(4) for j in range(2)], dtype=np.float64),
    "mirror": np.vstack([random_rows(4, 3), random_rows(4, 3) * [-1.0, 1.0]]),
    "equal steps": np.arange(7.0)[:, None],
    "equal rows": np.array([[0, 0], [0, 0], [0, 0], [1, 0.2], [2.5, 0], [2.5, 0], [3, 1], [5, 0]], dtype=np.float64),
    "half equal": np.repeat(random_rows(6, 5), [1, 2, 3, 1, 1], axis=0),
}


@functools.cache
def problem(name, clusters):
    model = build("kmeans", {"clusters": clusters}, table(TABLES[name]))
    return model, twin.all_minima(model.points, model.weights, clusters), twin.all_passes(
        model.points, model.weights, clusters
    )


every_problem = pytest.mark.parametrize("name", TABLES)
two_or_three = pytest.mark.parametrize("clusters", [2, 3])


def same_set(model, points, others, distance=1e-7):
    """Whether two lists of coordinates hold the same points up to the order of centres."""

    def known(x, among):
        return any(np.linalg.norm(model.align(x, y) - x) < distance for y in among)

    return all(known(x, others) for x in points) and all(known(y, points) for y in others)


def distinct(model, points):
    """Each of some points once."""
    return list({tuple(np.round(model.canonical(x), 7)): x for x in points}.values())


@every_problem
@two_or_three
def test_minima_are_those_of_all_partitions(name, clusters):
    model, minima, _ = problem(name, clusters)
    assert minima
    reached = []
    for labels in twin.partitions(len(model.points), clusters):
        start = twin.centroids(model.points, model.weights, labels, clusters).ravel()
        end = model.pieces.quench(start, 1000)
        assert end.status is Status.CONVERGED
        minimum, status = model.pieces.minimum_at(end.coordinates, 1e-9)
        assert status is Status.CONVERGED
        assert minimum.loss == pytest.approx(twin.loss(model.centres(end.coordinates), TABLES[name]), rel=1e-13)
        reached.append(end.coordinates)
    reached = distinct(model, reached)
    for loss, centres in minima:
        assert model.pieces.minimum_at(centres.ravel(), 1e-9)[0].loss == pytest.approx(loss, rel=1e-13)
    assert same_set(model, reached, [centres.ravel() for _, centres in minima])


@every_problem
@two_or_three
def test_passes_are_those_of_all_partitions(name, clusters):
    model, _, passes = problem(name, clusters)
    expected = [centres.ravel() for _, centres, *_ in passes]
    for (loss, *_), x in zip(passes, expected, strict=True):
        state, _, status = model.pieces.transition_state_at(x, 1e-9)
        assert status is Status.CONVERGED
        assert state.loss == pytest.approx(loss, rel=1e-13)
    partitions = twin.partitions(len(model.points), clusters)
    found = distinct(model, [x for labels in partitions for x in model.pieces.passes_from(labels)])
    assert same_set(model, found, distinct(model, expected))
    for x in found:
        assert model.pieces.transition_state_at(x, 1e-9)[2] is Status.CONVERGED


@every_problem
@two_or_three
def test_closed_form_of_the_share_and_of_the_loss(name, clusters):
    """With centroids that count the point in its own cluster: models.md of the specification."""
    model, _, passes = problem(name, clusters)
    for loss, centres, tied, own, other, share, totals in passes:
        weight = model.weights[tied]
        n_k = totals[own] + share * weight
        n_l = totals[other] - share * weight
        point = model.points[tied]
        c_k = (totals[own] * centres[own] + share * weight * point) / n_k
        c_l = (totals[other] * centres[other] - share * weight * point) / n_l
        d_k = np.linalg.norm(point - c_k)
        d_l = np.linalg.norm(point - c_l)
        assert share * weight == pytest.approx(n_k * n_l * (d_l - d_k) / (n_k * d_k + n_l * d_l), abs=1e-9)
        before = loss - n_k * n_l / (n_k + n_l) * (d_l - d_k) ** 2
        labels = np.argmin(((model.points[:, None] - centres) ** 2).sum(axis=2), axis=1)
        labels[tied] = own
        exact = sum(
            model.weights[labels == k] @ ((model.points[labels == k] - mean) ** 2).sum(axis=1)
            for k, mean in enumerate(twin.centroids(model.points, model.weights, labels, clusters))
        )
        assert before == pytest.approx(exact, rel=1e-9)


@every_problem
@two_or_three
def test_slopes_of_the_two_pieces_are_opposite(name, clusters):
    model, _, passes = problem(name, clusters)
    for _, centres, *_ in passes:
        x = centres.ravel()
        _, mode, _ = model.pieces.transition_state_at(x, 1e-9)
        ahead = model.value_and_gradient(x + 1e-7 * mode)[1]
        behind = model.value_and_gradient(x - 1e-7 * mode)[1]
        assert ahead @ mode < 0.0 < behind @ mode
        cosine = ahead @ behind / (np.linalg.norm(ahead) * np.linalg.norm(behind))
        assert cosine == pytest.approx(-1.0, abs=1e-5)


def tied_loss(model, x, mode, tied, own, other):
    """J where the line through x along `mode` meets the tie surface."""

    def difference(length):
        centres = model.centres(x + length * mode)
        point = model.points[tied]
        return ((point - centres[own]) ** 2).sum() - ((point - centres[other]) ** 2).sum()

    low, high = -0.1, 0.1
    if difference(low) > difference(high):
        low, high = high, low
    assert difference(low) < 0.0 < difference(high)
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if difference(middle) < 0.0 else (low, middle)
    return model.value(x + low * mode)


@two_or_three
@pytest.mark.parametrize("name", ["random", "line", "space", "half equal"])
def test_curvatures_are_those_along_the_tie_surface(name, clusters):
    model, _, passes = problem(name, clusters)
    checked = 0
    for loss, centres, tied, own, other, _, totals in passes[::7]:
        x = centres.ravel()
        state, mode, _ = model.pieces.transition_state_at(x, 1e-9)
        hessian = np.diag(np.repeat(2.0 * totals, model.features))
        across = np.eye(model.dimension) - np.outer(mode, mode)
        values, vectors = np.linalg.eigh(across @ hessian @ across)
        kept = np.abs(vectors.T @ mode) < 0.5
        assert state.lpphe == pytest.approx(np.log(values[kept]).sum(), abs=1e-9)
        assert state.next_eigenvalue == pytest.approx(values[kept].min(), rel=1e-9)
        assert state.negative_eigenvalue == -np.inf
        step = 1e-4
        for value, vector in zip(values[kept], vectors.T[kept], strict=True):
            sides = [tied_loss(model, x + sign * step * vector, mode, tied, own, other) for sign in (1.0, -1.0)]
            assert (sum(sides) - 2.0 * loss) / step**2 == pytest.approx(value, rel=1e-3)
            checked += 1
    assert checked


@every_problem
@two_or_three
def test_both_sides_run_down_to_minima(name, clusters):
    model, minima, passes = problem(name, clusters)
    expected = [centres.ravel() for _, centres in minima]
    for loss, centres, *_ in passes:
        x = centres.ravel()
        _, mode, _ = model.pieces.transition_state_at(x, 1e-9)
        plus, minus = model.pieces.sides(x, mode, 1000)
        for side, direction in ((plus, mode), (minus, -mode)):
            if side.status is Status.FLAT:
                continue  # a centre lost its last point on the way
            assert side.status is Status.CONVERGED
            assert side.loss < loss
            assert any(np.linalg.norm(model.align(side.coordinates, y) - side.coordinates) < 1e-7 for y in expected)
            beside = model.pieces.quench(x + 1e-9 * direction, 1000)
            assert beside.loss == pytest.approx(side.loss, rel=1e-12)


def test_several_points_tied_at_once_are_no_pass():
    """Two mirror images, tied together: both by half in either cluster is at rest, but J falls on both tie surfaces."""
    rows = np.array([[-3.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0], [2.0, 0.0], [3.0, 0.0]])
    model = build("kmeans", {"clusters": 2}, table(rows))
    x = np.array([-5.0 / 3.0, 0.0, 5.0 / 3.0, 0.0])
    assert model.pieces.transition_state_at(x, 1e-9)[2] is Status.WRONG_INDEX
    assert model.pieces.minimum_at(x, 1e-9)[0] is None
    assert model.pieces.quench(x, 100).loss < model.value(x) - 0.1
    lower = [model.value(point) for point in model.pieces.passes_around(x)]
    assert lower
    assert max(lower) < model.value(x)


def barrier_on_grid(model, minima, points):
    """The least highest J on ways between the two lowest minima over a grid of two coordinates; (first, second)."""
    values = np.array([[model.value(np.array([a, b])) for b in points] for a in points])
    places = [tuple(np.abs(points - c).argmin() for c in x) for x in minima]
    parent = {}

    def root(place):
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    for flat in np.argsort(values, axis=None):
        place = divmod(int(flat), len(points))
        parent[place] = place
        for a, b in ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, 1), (-1, 1), (1, -1)):
            beside = place[0] + a, place[1] + b
            if beside in parent:
                parent[root(beside)] = root(place)
        if all(p in parent for p in places) and root(places[0]) == root(places[1]):
            return values[place]
    raise AssertionError("the grid does not join the minima")


@pytest.mark.parametrize("seed", range(6))
def test_the_lowest_barrier_is_that_of_a_minimax_search(seed):
    """One feature, two centres: a grid over both centres cannot miss a way."""
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.uniform(0.0, 10.0, 7))[:, None]
    if seed >= 4:
        rows = rng.integers(0, 7, 8).astype(np.float64)[:, None]
    model = build("kmeans", {"clusters": 2}, table(rows))
    minima = twin.all_minima(model.points, model.weights, 2)
    minima.sort(key=lambda minimum: minimum[0])
    if len(minima) < 2:
        return
    first, second = (np.sort(centres.ravel()) for _, centres in minima[:2])
    edges = []
    for loss, centres, *_ in twin.all_passes(model.points, model.weights, 2):
        x = centres.ravel()
        sides = model.pieces.sides(x, model.pieces.transition_state_at(x, 1e-9)[1], 1000)
        edges.append((loss, *(round(side.loss, 9) for side in sides)))
    groups = {round(loss, 9): {round(loss, 9)} for loss, _ in minima}
    barrier = None
    for loss, a, b in sorted(edges):
        merged = groups[a] | groups[b]
        for member in merged:
            groups[member] = merged
        if {round(minima[0][0], 9), round(minima[1][0], 9)} <= merged:
            barrier = loss
            break
    grid = np.linspace(rows.min() - 0.5, rows.max() + 0.5, 300)
    searched = barrier_on_grid(model, (first, second), grid)
    assert barrier is not None
    # The grid misses the very point of a pass, or steps over its crease.
    assert searched == pytest.approx(barrier, abs=0.02 * barrier)
