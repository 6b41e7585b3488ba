"""Spectral sums of a Hessian too large to form: stochastic Lanczos quadrature.

Ubaru, Chen and Saad, SIAM J. Matrix Anal. Appl. 38, 1075 (2017): for a random probe z with entries +1 and -1 the
expectation of z^T f(H) z is the trace of f(H), and a Lanczos run from z gives z^T f(H) z = |z|^2 sum_k w_k f(theta_k)
with the Ritz values theta_k and the squared first components w_k of their vectors. The probes are those of the seed,
the same for every point, so that what they have in common cancels in differences.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh_tridiagonal

from llcommon.losses.base import LossModel
from llcommon.optimise.lanczos import basis_length, extend_basis
from llcommon.optimise.vectors import remove_components
from llcommon.rng import generator

_FIRST_STEPS = 16
_STEP_GROWTH = 1.33
# A probe is followed until more steps change its sum of logarithms by less than this times sqrt(dimension): on
# digits 64-32-10 a sixtieth of the scatter between probes.
_TRUNCATION = 0.02
_SMALLEST_NODE = 1e-13  # relative to the largest: what is smaller or negative is rounding


@dataclass(frozen=True)
class Rule:
    """A Gauss rule for the density of states: ascending nodes and positive weights, both (steps,)."""

    nodes: np.ndarray
    weights: np.ndarray

    def log_sum(self, least: float = 0.0) -> float:
        """The sum of ln; nodes below `least` or below the rounding of the largest count as these."""
        floor = max(least, _SMALLEST_NODE * float(np.abs(self.nodes).max()), np.finfo(np.float64).tiny)
        return float(self.weights @ np.log(np.maximum(self.nodes, floor)))


@dataclass(frozen=True)
class Quadrature:
    """The density of states of a Hessian across some directions, by a rule from each random probe.

    The weights of each rule sum to the dimension of the space. shorter: the rules that fewer Lanczos steps gave.
    products: Hessian-vector products used.
    """

    rules: list[Rule]
    shorter: list[Rule]
    products: int

    @property
    def lowest(self) -> float:
        """The smallest node, infinite without any: an upper bound of the lowest eigenvalue."""
        return min((float(rule.nodes[0]) for rule in self.rules), default=np.inf)

    def log_sum(self, least: float = 0.0) -> tuple[float, float]:
        """The sum of ln over the spectrum and its standard error, from at least two probes; 0, 0 for an empty space.

        least: no eigenvalue is smaller. The error counts the scatter of the probes and what the last Lanczos steps
        still changed.
        """
        if not self.rules:
            return 0.0, 0.0
        sums = np.array([rule.log_sum(least) for rule in self.rules])
        before = np.array([rule.log_sum(least) for rule in self.shorter])
        scatter = float(np.std(sums, ddof=1)) / np.sqrt(len(sums))
        truncation = float(np.mean(sums - before))
        return float(np.mean(sums)), float(np.hypot(scatter, truncation))


class _ProbeRun:
    """Lanczos runs from one probe after another in one basis."""

    def __init__(self, model: LossModel, x: np.ndarray, left_out: np.ndarray, most_steps: int) -> None:
        self.model = model
        self.x = np.ascontiguousarray(x, dtype=np.float64)
        self.left_out = left_out
        self.total = model.dimension - len(left_out)
        self.most = min(most_steps, self.total, basis_length(model.dimension))
        self.basis = np.zeros((self.most + 1, model.dimension))
        self.projected = np.zeros((self.most + 1, self.most + 1))
        self.products = 0

    def _rule(self, steps: int) -> Rule:
        diagonal = np.diag(self.projected)[:steps]
        beside = np.diag(self.projected, 1)[: steps - 1]
        nodes, vectors = eigh_tridiagonal(diagonal, beside)
        return Rule(nodes, self.total * vectors[0] ** 2)

    def run(self, probe: np.ndarray) -> tuple[Rule, Rule]:
        """The rule of one probe, (N,), and the one of fewer steps; equal if the probe's Krylov space is exhausted."""
        remove_components(self.left_out, probe)
        self.basis[0] = probe / np.linalg.norm(probe)
        self.projected[:] = 0.0
        enough = _TRUNCATION * np.sqrt(self.total)
        before = None
        size = 0
        scale = 0.0
        wanted = min(_FIRST_STEPS, max(1, self.most // 2))
        while True:
            state = (self.left_out, self.x, self.basis, self.projected, size, wanted, scale)
            start = size
            size, scale = extend_basis(self.model.hessian_vector_kernel, *self.model.packed, *state)
            self.products += size - start
            rule = self._rule(size)
            # A zero row follows an invariant subspace: the rule is exact.
            if size == self.total or not self.basis[size].any():
                return rule, rule
            settled = before is not None and abs(rule.log_sum() - before.log_sum()) <= enough
            if settled or (size == self.most and before is not None):
                return rule, before
            before = rule
            wanted = min(max(size + 1, int(_STEP_GROWTH * size)), self.most)
            if wanted == size:
                return rule, rule


def lanczos_quadrature(
    model: LossModel, x: np.ndarray, left_out: np.ndarray, probes: int, most_steps: int, seed: int
) -> Quadrature:
    """The density of states of the Hessian at x, (N,), across the orthonormal rows of `left_out`.

    most_steps: Lanczos steps from one probe at most. Raises ValueError if the Hessian is not finite.
    """
    runs = _ProbeRun(model, x, left_out, most_steps)
    rng = generator(seed, "quadrature")
    rules = []
    shorter = []
    for _ in range(probes if runs.total else 0):
        probe = rng.integers(0, 2, model.dimension) * 2.0 - 1.0
        rule, fewer = runs.run(probe)
        rules.append(rule)
        shorter.append(fewer)
    return Quadrature(rules, shorter, runs.products)
