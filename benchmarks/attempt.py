"""What every program hands over of one pair of minima, before anybody has judged it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Triple:
    """A transition state and the two points downhill of it, each (N,) in house order."""

    plus: np.ndarray
    transition_state: np.ndarray
    minus: np.ndarray


@dataclass(frozen=True)
class Attempt:
    """One attempt to connect two minima.

    seconds: CPU; triples: all that the program calls pathways; gradients, hessians: evaluations of loss and gradient,
    and of the Hessian, without those downhill; downhill: evaluations on the way down. None: the program does not say.
    A program that does not part them has all in `gradients`, and None downhill.
    """

    seconds: float
    triples: list[Triple]
    gradients: int | None
    hessians: int | None
    downhill: int | None
