"""What a loss that is pieced together of smooth parts brings with it, in place of methods that follow derivatives.

Where such parts meet the loss has a crease, as the smallest of several quadratics has: no Hessian is defined there,
and the lowest pass between two minima lies on one. A model that knows its parts finds minima and passes exactly.
"""

from dataclasses import dataclass

import numpy as np

from llcommon.records import Minimum, TransitionState
from llcommon.status import Status


@dataclass(frozen=True)
class Descent:
    """Where a run downhill ended. coordinates: (N,); rms: root mean square gradient there; evaluations: of the loss."""

    status: Status
    loss: float
    coordinates: np.ndarray
    rms: float
    evaluations: int


class Pieces:
    """The exact methods of one model; every search that meets `LossModel.pieces` calls them.

    Points are arrays (N,), which are left alone. Nothing here depends on anything but the arguments.
    """

    def quench(self, x: np.ndarray, most: int) -> Descent:
        """From any point to a minimum. most: rounds before it is given up (STEP_LIMIT)."""
        raise NotImplementedError

    def minimum_at(self, x: np.ndarray, tolerance: float) -> tuple[Minimum | None, Status]:
        """The minimum at x, or None and why x is none: as `optimise.points.minimum_at`."""
        raise NotImplementedError

    def transition_state_at(
        self, x: np.ndarray, tolerance: float
    ) -> tuple[TransitionState | None, np.ndarray | None, Status]:
        """The pass at x with the unit vector (N,) across its crease, or why x is none: as
        `optimise.points.transition_state_at`. The curvature across a crease is minus infinity."""
        raise NotImplementedError

    def sides(self, x: np.ndarray, mode: np.ndarray, most: int) -> tuple[Descent, Descent]:
        """Down from the pass x on the side along `mode`, and on the other. most: as for `quench`."""
        raise NotImplementedError

    def climb(self, start: np.ndarray, direction: np.ndarray) -> tuple[Status, np.ndarray | None, int]:
        """A pass that the loss rises to from `start` along the unit vector `direction`, or None and why there is none;
        and the evaluations of the loss."""
        raise NotImplementedError

    def passes_around(self, x: np.ndarray) -> list[np.ndarray]:
        """Passes next to the minimum x, each once, in an order of their own."""
        raise NotImplementedError

    def passes_between(
        self, first: np.ndarray, second: np.ndarray, attempt: int, rng: np.random.Generator
    ) -> list[np.ndarray]:
        """Passes that a way from one aligned minimum to another leads over, each once. attempt: how often that was
        tried before; the first way is straight, others may be random."""
        raise NotImplementedError
