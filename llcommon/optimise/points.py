"""Verification of stationary points: gradient norm, index of the Hessian, and what is stored with them.

Nothing enters a landscape that has not passed here.
"""

from dataclasses import dataclass

import numpy as np

from llcommon.losses.base import LossModel
from llcommon.records import Minimum, TransitionState
from llcommon.status import Status

# Eigenvalues below this share of the largest are noise of a double-precision eigensolver.
_EIGENVALUE_NOISE = 1e-13
# Two unit vectors of weights are equal, or a unit dead, within this much per weight.
ORDER_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Spectrum:
    """Hessian eigenvalues, declared zero modes left out.

    values: ascending, (N - zero modes,). vectors: (N, N - zero modes), columns; None if not asked for.
    noise: size below which an eigenvalue has no certain sign.
    """

    values: np.ndarray
    vectors: np.ndarray | None
    noise: float

    @property
    def index(self) -> int:
        """Number of eigenvalues that are negative beyond the noise."""
        return int((self.values < -self.noise).sum())

    @property
    def flat(self) -> int:
        """Number of eigenvalues without a certain sign."""
        return int((np.abs(self.values) <= self.noise).sum())


def spectrum(model: LossModel, x: np.ndarray, vectors: bool = False) -> Spectrum:
    """Eigenvalues (and eigenvectors) of the dense Hessian at x, shape (N,), without the zero modes."""
    hessian = model.hessian(x)
    modes = model.zero_modes()
    strength = 1.0 + 2.0 * np.abs(hessian).sum(axis=1).max()
    # Lifted above all others by more than the largest eigenvalue, the zero modes come last.
    hessian += strength * (modes.T @ modes)
    kept = model.dimension - len(modes)
    if not np.isfinite(hessian).all():
        return Spectrum(np.full(kept, np.nan), None, np.inf)
    if vectors:
        values, columns = np.linalg.eigh(hessian)
        columns = np.ascontiguousarray(columns[:, :kept])
    else:
        values = np.linalg.eigvalsh(hessian)
        columns = None
    values = values[:kept]
    return Spectrum(values, columns, _EIGENVALUE_NOISE * float(np.abs(values).max(initial=0.0)))


def _root_mean_square(gradient: np.ndarray) -> float:
    return float(np.sqrt(gradient @ gradient / gradient.size))


def minimum_at(model: LossModel, x: np.ndarray, tolerance: float) -> tuple[Minimum | None, Status]:
    """The minimum at x, shape (N,), or None and why x is none.

    tolerance: largest root mean square gradient. STEP_LIMIT: the gradient is larger; NOT_FINITE;
    WRONG_INDEX: an eigenvalue beyond the declared zero modes is negative or not certainly positive.
    """
    loss, gradient = model.value_and_gradient(x)
    size = _root_mean_square(gradient)
    if not (np.isfinite(loss) and np.isfinite(size)):
        return None, Status.NOT_FINITE
    if size > tolerance:
        return None, Status.STEP_LIMIT
    found = spectrum(model, x)
    if not np.isfinite(found.values).all():
        return None, Status.NOT_FINITE
    if found.index or found.flat:
        return None, Status.WRONG_INDEX
    minimum = Minimum(
        loss=loss,
        coordinates=np.array(x, dtype=np.float64),
        rms=size,
        lpphe=float(np.log(found.values).sum()),
        smallest_eigenvalue=float(found.values[0]),
        order=model.stabiliser_order(x, ORDER_TOLERANCE),
    )
    return minimum, Status.CONVERGED


def transition_state_at(
    model: LossModel, x: np.ndarray, tolerance: float
) -> tuple[TransitionState | None, np.ndarray | None, Status]:
    """The transition state at x, shape (N,), with its unstable mode (N,), or None, None and why x is none.

    Exactly one eigenvalue beyond the declared zero modes is negative, all others certainly positive.
    The sign of the mode is fixed by its largest component, which is made positive.
    """
    loss, gradient = model.value_and_gradient(x)
    size = _root_mean_square(gradient)
    if not (np.isfinite(loss) and np.isfinite(size)):
        return None, None, Status.NOT_FINITE
    if size > tolerance:
        return None, None, Status.STEP_LIMIT
    found = spectrum(model, x, vectors=True)
    if found.index != 1 or found.flat or not np.isfinite(found.values).all():
        return None, None, Status.WRONG_INDEX
    mode = found.vectors[:, 0].copy()
    mode *= np.sign(mode[np.argmax(np.abs(mode))])
    state = TransitionState(
        loss=loss,
        coordinates=np.array(x, dtype=np.float64),
        rms=size,
        lpphe=float(np.log(found.values[1:]).sum()),
        negative_eigenvalue=float(found.values[0]),
        next_eigenvalue=float(found.values[1]) if len(found.values) > 1 else np.inf,
        order=model.stabiliser_order(x, ORDER_TOLERANCE),
    )
    return state, mode, Status.CONVERGED
