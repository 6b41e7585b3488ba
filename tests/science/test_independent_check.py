"""Every transition state of an iris landscape checked by NumPy and SciPy alone.

Nothing of llcommon but the reader of the file is used: the loss is written out below, its gradient and Hessian
are formulas of their own that the naive twin of the tests confirms, eigenvalues come from LAPACK, and both sides
run downhill along the gradient flow by SciPy's integrator.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import linear_sum_assignment

from tests.reference import derivatives
from tests.reference import mlp as twin
from tests.science.runs import Problem, grown

STRENGTH = 1e-4
UNITS = 10
FEWEST = 500
PAIRS = 420
UNDECIDED = 0.02  # share of the transition states
PUSH = 0.02
ALIKE = 1e-6  # largest difference of weights of units that are equal, or opposite; of a dead unit's, from 0


@dataclass(frozen=True)
class Network:
    """Iris by one hidden layer of tanh, softmax cross-entropy and lambda |w|^2, in NumPy."""

    inputs: np.ndarray
    labels: np.ndarray
    classes: int

    @property
    def widths(self):
        return [self.inputs.shape[1], UNITS, self.classes]

    def loss(self, x):
        return self.loss_and_gradient(x)[0]

    def loss_and_gradient(self, x):
        (first, first_bias), (second, second_bias) = twin.matrices_of(x, self.widths)
        hidden = np.tanh(self.inputs @ first + first_bias)
        z = hidden @ second + second_bias
        z = z - z.max(axis=1, keepdims=True)
        rows = np.arange(len(z))
        log_sum = np.log(np.exp(z).sum(axis=1))
        loss = np.mean(log_sum - z[rows, self.labels]) + STRENGTH * (x @ x)
        error = np.exp(z - log_sum[:, None])
        error[rows, self.labels] -= 1.0
        error /= len(z)
        back = (error @ second.T) * (1.0 - hidden**2)
        parts = [self.inputs.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0)]
        return loss, np.concatenate([part.ravel() for part in parts]) + 2.0 * STRENGTH * x

    def gradient(self, x):
        return self.loss_and_gradient(x)[1]

    def hessian(self, x):
        hessian = derivatives.differences_of_gradient(self.gradient, x)
        return 0.5 * (hessian + hessian.T)

    def distance(self, a, b):
        """From a to the nearest image of b under exchanges of hidden units and of their signs."""
        units = [np.vstack([first, bias, second.T]).T for (first, bias), (second, _) in map(self._layers, (a, b))]
        output_bias = [self._layers(x)[1][1] for x in (a, b)]
        here, there = units
        plus = ((here[:, None, :] - there[None, :, :]) ** 2).sum(axis=2)
        minus = ((here[:, None, :] + there[None, :, :]) ** 2).sum(axis=2)
        cost = np.minimum(plus, minus)
        rows, columns = linear_sum_assignment(cost)
        return np.sqrt(cost[rows, columns].sum() + ((output_bias[0] - output_bias[1]) ** 2).sum())

    def _layers(self, x):
        return twin.matrices_of(x, self.widths)

    def below(self, x):
        """The minimum under x: along the gradient flow to the end, then by Newton steps for the last digits.

        Where hidden units are equal, or dead, the flow keeps them so, and may end on a saddle within that subspace:
        then on from beside it. Of several negative eigenvalues there, which are equal by symmetry, none is the way on:
        then the loss of that saddle, and no point, is what is certain. Returns (minimum or None, highest saddle).
        """
        end = self._flow(x)
        values, vectors = np.linalg.eigh(self.hessian(end))
        saddle = np.inf
        while values[0] < 0.0:
            saddle = self.loss(end)
            if values[1] < 0.0:
                return None, saddle
            end = self._flow(end + PUSH * vectors[:, 0])
            values, vectors = np.linalg.eigh(self.hessian(end))
        polished = end
        for _ in range(3):
            polished = polished - np.linalg.solve(self.hessian(polished), self.gradient(polished))
        assert np.linalg.norm(polished - end) < 0.05
        return polished, saddle

    def _sets_of(self, x):
        """Dead hidden units of x; and sets of equal or opposite ones, as arrays of units and of their signs."""
        (first, bias), (second, _) = self._layers(x)
        units = np.vstack([first, bias, second.T]).T
        dead = [unit for unit in range(UNITS) if np.abs(units[unit]).max() < ALIKE]
        sets = []
        left = [unit for unit in range(UNITS) if unit not in dead]
        while left:
            signs = {
                unit: sign
                for unit in left
                for sign in (-1.0, 1.0)
                if np.abs(units[unit] - sign * units[left[0]]).max() < ALIKE
            }
            sets.append((np.array(list(signs)), np.array(list(signs.values()))))
            left = [unit for unit in left if unit not in signs]
        return dead, [members for members in sets if len(members[0]) > 1]

    def _kept(self, gradient, dead, sets):
        """The gradient in the subspace of such units; what it has beside is rounding."""
        gradient = gradient.copy()
        (first, bias), (second, _) = self._layers(gradient)
        for part in (first.T, bias[:, None], second):
            part[dead] = 0.0
            for units, signs in sets:
                part[units] = signs[:, None] * np.mean(signs[:, None] * part[units], axis=0)
        return gradient

    def _flow(self, x):
        """End of dx/dt = -gradient from x, by an implicit integrator: soft and stiff directions differ by 1e5.

        Rounding would leave a ridge that a symmetry makes, where the exact path stays.
        """
        dead, sets = self._sets_of(x)

        def slope(y):
            return self._kept(self.gradient(y), dead, sets)

        def died_out(_, y):
            # Beside a flat transition state the gradient is small too: 1e-8 and less.
            return np.linalg.norm(slope(y)) - 1e-10

        died_out.terminal = True
        flow = solve_ivp(
            lambda _, y: -slope(y),
            (0.0, 1e8),
            x,
            method="LSODA",
            rtol=1e-7,
            atol=1e-10,
            events=died_out,
        )
        assert flow.status == 1
        return flow.y[:, -1]


def landscape_of(folder):
    problem = Problem(data="iris", scaling="standardise", hidden=(UNITS,), strength=STRENGTH, steps=300)
    return grown(problem, folder, "--set", 'grow.pairs="all"', "--set", f"grow.budget={PAIRS}")


def network_of(landscape):
    """The data as the file holds them, standardised anew."""
    raw = landscape.data.features
    inputs = (raw - raw.mean(axis=0)) / raw.std(axis=0)
    network = Network(inputs, landscape.data.labels, len(landscape.data.class_names))
    x = np.random.default_rng(0).normal(size=83)
    naive = twin.loss(x, network.widths, inputs, network.labels, None, "tanh", "cross-entropy", STRENGTH, True)
    assert network.loss(x) == pytest.approx(naive, abs=1e-12)
    by_differences = derivatives.differences_of_value(network.loss, x)
    assert network.gradient(x) == pytest.approx(by_differences, abs=1e-9)
    return network


def assert_stationary(network, x, loss, lpphe, index):
    """Loss, gradient, number of negative eigenvalues, log product of the positive ones. Returns (l_0, v_0)."""
    assert network.loss(x) == pytest.approx(loss, abs=1e-12)
    gradient = network.gradient(x)
    assert np.sqrt(gradient @ gradient / x.size) < 1e-9
    values, vectors = np.linalg.eigh(network.hessian(x))
    assert (values < 0.0).sum() == index
    assert np.log(values[index:]).sum() == pytest.approx(lpphe, abs=1e-3)
    return values[0], vectors[:, 0]


@pytest.mark.slow
def test_every_transition_state_independently(tmp_path):
    landscape = landscape_of(tmp_path)
    network = network_of(landscape)
    minima, states = landscape.minima, landscape.transition_states
    assert len(states) >= FEWEST
    for x, loss, lpphe in zip(minima.coordinates, minima.loss, minima.lpphe, strict=True):
        assert_stationary(network, x, loss, lpphe, 0)
    disagreeing = []
    undecided = 0
    for row, ids in enumerate(states.minima.tolist()):
        sides = reached_from(network, landscape, row)
        left = list(ids)
        for minimum, _ in sides:
            if minimum in left:
                left.remove(minimum)
        highest = min((saddle for minimum, saddle in sides if minimum is None), default=-np.inf)
        undecided += sum(minimum is None for minimum, _ in sides)
        lower = all(minima.loss[minimum] < highest for minimum in left)
        if len(left) > sum(minimum is None for minimum, _ in sides) or not (lower or not left):
            disagreeing.append((row, ids, sides))
    assert not disagreeing
    assert undecided <= UNDECIDED * len(states)


def reached_from(network, landscape, row):
    """For each side of a transition state (id of the minimum, None where the way on is not decided; highest saddle)."""
    minima, states = landscape.minima, landscape.transition_states
    x = states.coordinates[row]
    lowest, mode = assert_stationary(network, x, states.loss[row], states.lpphe[row], 1)
    assert lowest == pytest.approx(states.negative_eigenvalue[row], rel=1e-5, abs=1e-9)
    sides = []
    for sign in (1.0, -1.0):
        end, saddle = network.below(x + PUSH * sign * mode)
        if end is None:
            assert states.order[row] > 1
            sides.append((None, saddle))
            continue
        assert network.loss(end) < states.loss[row]
        near = [i for i, loss in enumerate(minima.loss) if abs(loss - network.loss(end)) < 1e-8]
        found = [i for i in near if network.distance(minima.coordinates[i], end) < 1e-3]
        sides.append((found[0] if found else -1, saddle))
    return sides
