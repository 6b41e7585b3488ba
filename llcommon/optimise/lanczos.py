"""Lowest eigenpairs of a Hessian too large to form, by thick-restart Lanczos on its products with vectors.

Full orthogonalisation; a restart keeps the lowest Ritz vectors (Wu and Simon, SIAM J. Matrix Anal. Appl. 22, 602,
2000). The start vector is random and fixed, so that the same point gives the same bits.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from llcommon.losses.base import LossModel
from llcommon.optimise.vectors import add_scaled, dot, norm, remove_components
from llcommon.rng import generator
from llcommon.seam import F8, HESSIAN_VECTOR, I8, MATRIX, PACKED, VECTOR, algorithm, types

# Bytes that the basis may take, and its length within that.
_BASIS_BYTES = 128e6
_SHORTEST_BASIS = 60
_LONGEST_BASIS = 600
_KEPT_SHARE = 0.25  # of the basis at a restart
_FIRST_CHECK = 24
_CHECK_GROWTH = 1.2
_CANCELLED = 1e-3  # share of a vector left after the projections that calls for another round of them


@dataclass(frozen=True)
class LowestPairs:
    """Ritz pairs. values: (k,) ascending; vectors: (k, N), orthonormal rows; residuals: |H v - value v|, (k,).

    scale: size of the Hessian as its products showed it; products: Hessian-vector products used; converged: whether
    the residuals are as small as asked for; correction: the Newton step -H^-1 g within the basis, (N,), or None.
    """

    values: np.ndarray
    vectors: np.ndarray
    residuals: np.ndarray
    scale: float
    products: int
    converged: bool
    correction: np.ndarray | None


@algorithm(
    types.Tuple((I8, F8)), HESSIAN_VECTOR, *PACKED, MATRIX, VECTOR, MATRIX, MATRIX, I8, I8, F8
)
def extend_basis(product, reals, integers, workspace, frozen, x, basis, projected, first, last, scale):
    """Lanczos steps first..last-1 for the Hessian at x: row k of `basis`, (m + 1, N), gives row k + 1.

    projected, (m + 1, m + 1): the symmetric matrix of the Hessian in the basis, filled as it goes; what couples row
    `first` to the rows before it is there already. frozen: orthonormal rows that all is kept off. scale: size of the
    Hessian known so far. Returns (last, scale), or (k + 1, scale) after a step k that ended in an invariant subspace:
    row k + 1 is then zero. The scale is NaN if a product is not finite.
    """
    for k in range(first, last):
        following = basis[k + 1]
        product(x, basis[k], following, reals, integers, workspace)
        remove_components(frozen, following)
        length = norm(following)
        if not math.isfinite(length):
            return last, math.nan
        scale = max(scale, length)
        projected[k, k] = dot(following, basis[k])
        for j in range(k + 1):
            if projected[j, k] != 0.0:
                add_scaled(-projected[j, k], basis[j], following)
        # What is left along the other rows is rounding: one sweep is enough.
        for j in range(k + 1):
            add_scaled(-dot(following, basis[j]), basis[j], following)
        size = norm(following)
        if size < _CANCELLED * length:
            # What is left of a vector that cancels is partly rounding, along frozen directions and old rows too.
            remove_components(frozen, following)
            remove_components(basis[: k + 1], following)
            size = norm(following)
        if not size > 1e-13 * scale:
            following[:] = 0.0
            return k + 1, scale
        for i in range(following.size):
            following[i] /= size
        remove_components(frozen, following)
        projected[k, k + 1] = size
        projected[k + 1, k] = size
    return last, scale


def random_unit(rng: np.random.Generator, frozen: np.ndarray, others: np.ndarray) -> np.ndarray:
    """A random unit vector, (N,), orthogonal to the orthonormal rows of `frozen` and of `others`."""
    vector = rng.standard_normal(frozen.shape[1])
    for _ in range(2):
        remove_components(frozen, vector)
        remove_components(others, vector)
        vector /= np.linalg.norm(vector)
    return vector


def basis_length(dimension: int) -> int:
    """Rows of a basis of vectors of this dimension that fit into the memory allowed."""
    return int(max(_SHORTEST_BASIS, min(_LONGEST_BASIS, _BASIS_BYTES / (8.0 * dimension))))


class _Subspace:
    """A Lanczos basis that grows and restarts."""

    def __init__(self, model: LossModel, x: np.ndarray, frozen: np.ndarray, seed: int) -> None:
        self.model = model
        self.x = np.ascontiguousarray(x, dtype=np.float64)
        self.frozen = frozen
        self.kept = model.dimension - len(frozen)
        self.most = min(basis_length(model.dimension), self.kept)
        self.rng = generator(seed, "lanczos")
        self.basis = np.zeros((self.most + 1, model.dimension))
        self.projected = np.zeros((self.most + 1, self.most + 1))
        self.basis[0] = random_unit(self.rng, frozen, self.basis[:0])
        self.size = 0
        self.scale = 0.0
        self.products = 0

    def grow(self, size: int) -> None:
        """Extend to `size` rows, at most `most`; past invariant subspaces with new random vectors."""
        size = min(size, self.most)
        while self.size < size:
            if not self.basis[self.size].any():
                self.basis[self.size] = random_unit(self.rng, self.frozen, self.basis[: self.size])
            before = self.size
            self.size, self.scale = extend_basis(
                self.model.hessian_vector_kernel,
                *self.model.packed,
                self.frozen,
                self.x,
                self.basis,
                self.projected,
                before,
                size,
                self.scale,
            )
            self.products += self.size - before

    def ritz(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The lowest Ritz values (k,), their coefficients (size, k) and residuals (k,)."""
        matrix = self.projected[: self.size, : self.size]
        number = min(number, self.size)
        values, weights = eigh(matrix, subset_by_index=[0, number - 1])
        coupling = self.projected[self.size - 1, self.size]
        return values, weights, np.abs(coupling * weights[-1])

    def restart(self) -> None:
        """Keep the lowest Ritz vectors and the vector that follows the basis."""
        number = max(2, int(_KEPT_SHARE * self.size))
        values, weights, _ = self.ritz(number)
        coupling = self.projected[self.size - 1, self.size]
        following = self.basis[self.size].copy()
        self.basis[:number] = weights.T @ self.basis[: self.size]
        self.basis[number:] = 0.0
        self.basis[number] = following
        self.projected[:] = 0.0
        self.projected[np.arange(number), np.arange(number)] = values
        self.projected[:number, number] = coupling * weights[-1]
        self.projected[number, :number] = coupling * weights[-1]
        self.size = number

    def newton_step(self, gradient: np.ndarray, smallest: float) -> np.ndarray:
        """-H^-1 gradient within the basis, (N,); no curvature counts as smaller than `smallest`.

        Ritz values between the lowest eigenvalues and zero are not those of any eigenvector.
        """
        values, weights = eigh(self.projected[: self.size, : self.size])
        values = np.where(np.abs(values) < smallest, smallest, values)
        along = weights.T @ (self.basis[: self.size] @ gradient)
        return -((weights @ (along / values)) @ self.basis[: self.size])


def highest_pair(
    model: LossModel, x: np.ndarray, frozen: np.ndarray, tolerance: float = 1e-4, seed: int = 0
) -> tuple[float, np.ndarray, float]:
    """The highest eigenvalue of the Hessian at x, (N,), across the orthonormal rows of `frozen`, its vector, (N,), and
    the residual |H v - value v|, NaN if the Hessian is not finite.

    tolerance: largest residual relative to the eigenvalue; a basis that is full ends it before. An extreme eigenvalue
    is found long before a basis is.
    """
    space = _Subspace(model, x, frozen, seed)
    check = _FIRST_CHECK
    while True:
        space.grow(check)
        if not np.isfinite(space.scale):
            return np.nan, np.zeros(model.dimension), np.nan
        size = space.size
        values, weights = eigh(space.projected[:size, :size], subset_by_index=[size - 1, size - 1])
        residual = abs(space.projected[size - 1, size] * weights[-1, 0])
        if residual <= tolerance * abs(values[0]) or size == space.most:
            break
        check = max(check + 8, int(_CHECK_GROWTH * check))
    return float(values[0]), weights[:, 0] @ space.basis[:size], 0.0 if size == space.kept else float(residual)


def lowest_pairs(
    model: LossModel,
    x: np.ndarray,
    frozen: np.ndarray,
    number: int = 2,
    tolerance: float = 1e-3,
    most_products: int = 20000,
    seed: int = 0,
    gradient: np.ndarray | None = None,
) -> LowestPairs:
    """The `number` lowest eigenpairs of the Hessian at x, (N,), across the orthonormal rows of `frozen`.

    tolerance: largest residual relative to the size of the eigenvalue; below 1e-13 of the norm of the Hessian a
    residual is rounding. gradient: of the loss at x, (N,), if the Newton step is wanted.
    """
    space = _Subspace(model, x, frozen, seed)
    number = min(number, space.kept)
    check = _FIRST_CHECK
    while True:
        space.grow(check)
        if not np.isfinite(space.scale):
            nothing = np.full(number, np.nan)
            vectors = np.zeros((number, model.dimension))
            return LowestPairs(nothing, vectors, nothing, np.nan, space.products, False, None)
        values, weights, residuals = space.ritz(number)
        small = residuals <= np.maximum(tolerance * np.abs(values), 1e-13 * space.scale)
        whole = space.size == space.kept
        if whole or (len(values) == number and small.all()) or space.products >= most_products:
            break
        if space.size == space.most:
            space.restart()
            check = space.size
        check = max(check + 8, int(_CHECK_GROWTH * check))
    vectors = np.ascontiguousarray(weights.T @ space.basis[: space.size])
    if whole:
        residuals = np.zeros(number)
        small[:] = True
    correction = None
    if gradient is not None:
        smallest = max(float(np.abs(values).min()), np.finfo(np.float64).eps * space.scale)
        correction = space.newton_step(gradient, smallest)
    return LowestPairs(values, vectors, residuals, space.scale, space.products, bool(small.all()), correction)
