"""The path of steepest descent through a transition state, followed on both sides to its minima."""

from dataclasses import dataclass

import numpy as np

from llcommon.errors import NothingFound
from llcommon.losses.base import LossModel
from llcommon.optimise.downhill import path_bend, push_off
from llcommon.optimise.steepest import descend
from llcommon.records import TransitionState
from llcommon.settings import CurvatureSettings
from llcommon.status import Status


@dataclass(frozen=True)
class Pathway:
    """A path from the plus side over the transition state (arc length 0) to the minus side.

    arc_length: (k,), negative on the plus side. losses: (k,). points: (k, N).
    """

    arc_length: np.ndarray
    losses: np.ndarray
    points: np.ndarray

    @property
    def length(self) -> float:
        """Integrated path length."""
        return float(self.arc_length[-1] - self.arc_length[0])

    @property
    def displacement(self) -> float:
        """Distance of the two ends."""
        return float(np.linalg.norm(self.points[-1] - self.points[0]))

    @property
    def participation(self) -> float:
        """How many coordinates take part, N~ = (sum d_i^2)^2 / sum d_i^4, d the end-to-end displacement.

        N if all move equally, 1 if one moves alone (Stillinger and Weber, Phys. Rev. A 28, 2408, 1983, for weights in
        place of atoms); 0 without any displacement.
        """
        squares = np.square(self.points[-1] - self.points[0])
        fourth = float(np.square(squares).sum())
        return float(squares.sum()) ** 2 / fourth if fourth > 0.0 else 0.0

    @property
    def moment_ratio(self) -> float:
        """gamma = N / N~ of the original suite's path summary: 1 if all coordinates move equally, N if one does."""
        participation = self.participation
        return self.points.shape[1] / participation if participation > 0.0 else 0.0

    @property
    def cooperativity(self) -> float:
        """Share of coordinates that take part, N~ / N."""
        return self.participation / self.points.shape[1]


def steepest_descent_path(
    model: LossModel,
    state: TransitionState,
    mode: np.ndarray,
    pushoff: float,
    step: float,
    tolerance: float,
    settings: CurvatureSettings | None = None,
) -> Pathway:
    """Both sides of a transition state; mode: its unstable unit vector (N,), the plus side along it.

    pushoff: displacement from the transition state; step: longest arc of one step; tolerance: rms gradient
    that ends a side; settings: [curvature]. Errors: NothingFound if a side ends nowhere.
    """
    sides = []
    bend = path_bend(model, state, mode)
    for direction in (mode, -mode):
        start = push_off(model, state, direction, pushoff, bend)
        if start is None:
            raise NothingFound("the loss does not fall beside the transition state; try a longer connect.pushoff")
        first = float(np.linalg.norm(start - state.coordinates))
        side = descend(model, start, step, tolerance, settings or CurvatureSettings(), first)
        if side.status is not Status.CONVERGED:
            raise NothingFound(f"the path did not reach a minimum ({side.status.label}); try another --step")
        sides.append(side)
    plus, minus = sides
    arcs = [-arc for arc in reversed(plus.arcs)] + [0.0] + minus.arcs
    losses = list(reversed(plus.losses)) + [state.loss] + minus.losses
    points = list(reversed(plus.points)) + [state.coordinates] + minus.points
    return Pathway(np.array(arcs), np.array(losses), np.array(points))
