"""What the algorithms hand to each other and to the landscape file."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Minimum:
    """A verified local minimum.

    loss: value of the loss. coordinates: (N,) float64. rms: |gradient| / sqrt(N).
    lpphe: sum of ln of the positive Hessian eigenvalues, declared zero modes left out.
    smallest_eigenvalue: of the Hessian, declared zero modes left out.
    order: order o of the stabiliser under the model's symmetry group, at most 2^63 - 1; log_order: its logarithm,
    without that limit.
    visits: how often searches ended here.
    eigenvalue_tolerance: size below which an eigenvalue here has no certain sign.
    lpphe_error, lpphe_probes: standard error of an estimated lpphe and number of its random probes; 0 if exact.
    active: (N,) int8, for a model with bounds: -1 for a coordinate held by its lower bound, 1 by its upper, 0 for a
    free one; rms, lpphe and eigenvalues are then those of the free coordinates. None without bounds.
    """

    loss: float
    coordinates: np.ndarray
    rms: float
    lpphe: float
    smallest_eigenvalue: float
    order: int = 1
    visits: int = 1
    eigenvalue_tolerance: float = 0.0
    lpphe_error: float = 0.0
    lpphe_probes: int = 0
    active: np.ndarray | None = None
    log_order: float = 0.0


@dataclass(frozen=True)
class TransitionState:
    """A verified index-one saddle; the minima it joins are named by the network that stores it.

    loss, coordinates, rms, order, log_order, eigenvalue_tolerance, lpphe_error, lpphe_probes, active: as for a Minimum.
    lpphe: sum of ln of the positive Hessian eigenvalues (the negative one and declared zero modes left out).
    negative_eigenvalue: the one negative eigenvalue.
    next_eigenvalue: the smallest positive one, declared zero modes left out.
    """

    loss: float
    coordinates: np.ndarray
    rms: float
    lpphe: float
    negative_eigenvalue: float
    next_eigenvalue: float
    order: int = 1
    eigenvalue_tolerance: float = 0.0
    lpphe_error: float = 0.0
    lpphe_probes: int = 0
    active: np.ndarray | None = None
    log_order: float = 0.0


@dataclass(frozen=True)
class Triple:
    """minimum - transition state - minimum: what a path search yields.

    plus and minus are the minima reached downhill along +v and -v.
    """

    plus: Minimum
    transition_state: TransitionState
    minus: Minimum
