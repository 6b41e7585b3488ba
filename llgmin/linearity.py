"""Whether the loss falls all the way on a straight line: monotonic linear interpolation.

Goodfellow, Vinyals and Saxe, ICLR 2015; Lucas, Bae, Zhang, Fort, Zemel and Grosse, ICML 2021, whose Delta is the height
here: the largest rise, the maximum of L(b) - L(a) over a < b on the line x(t) = (1 - t) start + t end, t from 0 to 1.

A grid alone decides nothing about what is between its points. Here losses and exact slopes g . (end - start) are taken
at both ends of every interval; their cubic interpolant must agree with loss and slope in the middle, or the interval is
halved. So the loss is known on the whole line to within a tolerance. Where the interpolant turns, or nearly does, the
place where the exact slope changes sign is bracketed and found by Brent's method, and the loss is taken there: heights
are those of points on the line, and a rise that is found is one. What may be missed is a rise below the tolerance, or
one narrower than the first intervals that leaves no trace at their ends and middles.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from llcommon.losses.base import LossModel
from llcommon.status import Status

INTERVALS = 32  # at first
_NARROWEST = 2.0**-26
_MOST_POINTS = 20_000
_ROUNDING = 1e-12  # rises below this share of the loss are those of its sums over rows


@dataclass(frozen=True)
class Bump:
    """A stretch of the line on which the loss rises. begin, end: its t; height: by how much."""

    begin: float
    end: float
    height: float


@dataclass(frozen=True)
class Line:
    """The loss on a line. t, losses: (k,), points that were taken, in order. bumps: in order. height: the largest rise,
    0 if there is none, from t = rise_from to rise_to (NaN without). status: CONVERGED; NOT_FINITE, the loss is not
    somewhere; STEP_LIMIT, the tolerance was not reached. evaluations: of loss and gradient."""

    t: np.ndarray
    losses: np.ndarray
    bumps: tuple[Bump, ...]
    height: float
    rise_from: float
    rise_to: float
    status: Status
    evaluations: int

    @property
    def monotonic(self) -> bool:
        """Whether the loss never rises."""
        return self.status is Status.CONVERGED and not self.bumps

    @property
    def inside(self) -> bool:
        """Whether the loss rises and falls again, and does not only rise towards the end."""
        return any(bump.end < 1.0 for bump in self.bumps)

    @property
    def relative_height(self) -> float:
        """The height in units of the difference of the ends; inf where there is none."""
        drop = abs(float(self.losses[0] - self.losses[-1]))
        return self.height / drop if drop > 0.0 else (math.inf if self.height > 0.0 else 0.0)


class _Samples:
    """Loss and slope by t, each taken once."""

    def __init__(self, along: Callable[[float], tuple[float, float]]) -> None:
        self.along = along
        self.known: dict[float, tuple[float, float]] = {}
        self.finite = True
        self.lowest, self.highest = math.inf, -math.inf

    def __call__(self, t: float) -> tuple[float, float]:
        if t not in self.known:
            loss, slope = self.known[t] = self.along(t)
            self.finite = self.finite and math.isfinite(loss) and math.isfinite(slope)
            self.lowest, self.highest = min(self.lowest, loss), max(self.highest, loss)
        return self.known[t]

    def slope(self, t: float) -> float:
        return self(t)[1]


def examine_line(model: LossModel, start: np.ndarray, end: np.ndarray, tolerance: float = 1e-6) -> Line:
    """The loss of a model on the line between two points, each (N,).

    tolerance: of the loss between points, in units of its range on the line.
    """
    direction = end - start

    def along(t: float) -> tuple[float, float]:
        loss, gradient = model.value_and_gradient(end if t == 1.0 else start + t * direction)
        return loss, float(gradient @ direction)

    return examine(along, tolerance)


def examine(along: Callable[[float], tuple[float, float]], tolerance: float = 1e-6) -> Line:
    """As `examine_line`, for a function that gives loss and slope at t."""
    samples = _Samples(along)
    for number in range(INTERVALS + 1):
        samples(number / INTERVALS)
    status = _resolve(samples, tolerance) if samples.finite else Status.NOT_FINITE
    if status is not Status.NOT_FINITE:
        _add_turns(samples)
        status = status if samples.finite else Status.NOT_FINITE
    t = np.array(sorted(samples.known))
    losses = np.array([samples.known[place][0] for place in t])
    if status is Status.NOT_FINITE:
        return Line(t, losses, (), math.nan, math.nan, math.nan, status, len(t))
    height, rise_from, rise_to = _largest_rise(t, losses)
    return Line(t, losses, _bumps(t, losses), height, rise_from, rise_to, status, len(t))


def _resolve(samples: _Samples, tolerance: float) -> Status:
    """Halve intervals until cubic interpolants are within the tolerance in their middles."""
    waiting = [(number / INTERVALS, (number + 1) / INTERVALS) for number in range(INTERVALS)]
    while waiting:
        begin, end = waiting.pop()
        middle = 0.5 * (begin + end)
        width = end - begin
        (first, rise), (last, fall), (loss, slope) = samples(begin), samples(end), samples(middle)
        if not samples.finite:
            return Status.NOT_FINITE
        off = abs(loss - 0.5 * (first + last) - 0.125 * width * (rise - fall))
        # An error of the slope counts as what it makes of the loss over the interval.
        turned = abs(slope - 1.5 * (last - first) / width + 0.25 * (rise + fall))
        allowed = max(tolerance * (samples.highest - samples.lowest), _ROUNDING * max(abs(first), abs(last)))
        if max(off, 0.25 * width * turned) > allowed and width > _NARROWEST:
            if len(samples.known) >= _MOST_POINTS:
                return Status.STEP_LIMIT
            waiting += [(begin, middle), (middle, end)]
    return Status.CONVERGED


def _add_turns(samples: _Samples) -> None:
    """Take the points where the loss turns."""
    places = sorted(samples.known)
    for begin, end in zip(places, places[1:], strict=False):
        nodes = [begin, *_steepest_inside(samples, begin, end), end]
        for left, right in zip(nodes, nodes[1:], strict=False):
            if samples.slope(left) * samples.slope(right) < 0.0:
                samples(float(brentq(samples.slope, left, right, xtol=1e-14, rtol=1e-14)))


def _steepest_inside(samples: _Samples, begin: float, end: float) -> list[float]:
    """Where the slope of the cubic interpolant is extreme, if it has the other sign there than at both ends."""
    width = end - begin
    (first, rise), (last, fall) = samples(begin), samples(end)
    if not rise * fall > 0.0:
        return []
    mean = (last - first) / width
    # The slope is rise + 2 (3 mean - 2 rise - fall) u + 3 (rise + fall - 2 mean) u^2 at begin + u width.
    linear, square = 2.0 * (3.0 * mean - 2.0 * rise - fall), 3.0 * (rise + fall - 2.0 * mean)
    if square == 0.0 or not 0.0 < -linear / (2.0 * square) < 1.0:
        return []
    u = -linear / (2.0 * square)
    slope = rise + linear * u + square * u * u
    return [begin + u * width] if slope * rise < 0.0 else []


def _largest_rise(t: np.ndarray, losses: np.ndarray) -> tuple[float, float, float]:
    """The largest L(b) - L(a) over a < b, and both t; 0 and NaN if the loss never rises beyond rounding."""
    below = np.minimum.accumulate(losses)
    top = int(np.argmax(losses - below))
    height = float(losses[top] - below[top])
    if height <= _ROUNDING * float(np.abs(losses).max()):
        return 0.0, math.nan, math.nan
    bottom = int(np.flatnonzero(losses[: top + 1] == below[top])[-1])
    return height, float(t[bottom]), float(t[top])


def _bumps(t: np.ndarray, losses: np.ndarray) -> tuple[Bump, ...]:
    """The stretches on which the loss rises by more than rounding; falls of no more than that do not part them."""
    noise = _ROUNDING * float(np.abs(losses).max())
    found = []
    bottom = top = 0
    for place in range(1, len(t)):
        if losses[place] > losses[top]:
            top = place
        if losses[place] < losses[top] - noise or place == len(t) - 1:
            height = float(losses[top] - losses[bottom])
            if height > noise:
                found.append(Bump(float(t[bottom]), float(t[top]), height))
            bottom = top = place
        elif losses[place] <= losses[bottom]:
            bottom = top = place
    return tuple(found)
