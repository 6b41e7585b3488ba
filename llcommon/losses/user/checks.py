"""What is looked at once before a search in a user's loss model, at a random start: one sentence for what is wrong.

The gradient is compared with differences of the loss along random directions. The step that agrees best counts: a
right gradient agrees at one of them, a wrong one at none.
"""

from collections.abc import Callable

import numpy as np

from llcommon.losses.user.failure import UserLossError
from llcommon.rng import generator

_DIRECTIONS = 3
_STEPS = 10.0 ** -np.array([4.0, 5.0, 3.0, 6.0, 2.0, 4.5, 5.5, 3.5, 6.5, 2.5, 7.0, 1.5, 1.0])  # the likeliest first
_AGREE = 1e-5  # of the size of the slopes: what differences reach with ease, and no wrong formula does
_ROUNDING = 50.0 * np.finfo(np.float64).eps
# A Hessian is compared up to this many coordinates.
_DENSE = 1000
_SAME_VALUE = 1e-8


def check(model, derivatives: bool) -> None:
    """Raise UserLossError for the first thing that is wrong. derivatives: whether to compare them with differences."""
    rng = generator(0, "check of a user's loss")
    points = [model.random_start(rng) for _ in range(2)]
    for x in points:
        _check_start(model, x)
        _check_values(model, x)
    _check_made_again(model, points[0])
    model.coordinate_names()
    if derivatives:
        for x in points:
            _check_gradient(model, x, rng)
        _check_second(model, points[0], rng)
        _check_zero_modes(model, points[0])
    if model.symmetric:
        _check_symmetry(model, *points, rng)


def _wrong(model, message: str) -> UserLossError:
    return UserLossError(f"{model.source.class_name}.{message}")


def _check_start(model, x: np.ndarray) -> None:
    if not np.isfinite(x).all():
        raise _wrong(model, "random_start returned a point that is not finite")
    bounds = model.bounds()
    if bounds is not None and not ((x >= bounds[0]) & (x <= bounds[1])).all():
        raise _wrong(model, "random_start returned a point outside its bounds")


def _check_values(model, x: np.ndarray) -> None:
    """Finite, and the same twice."""
    loss, gradient = model.value_and_gradient(x)
    if not np.isfinite(loss):
        raise _wrong(model, f"value_and_gradient returned the value {loss} at a random start; it must be finite there")
    if not np.isfinite(gradient).all():
        place = int(np.flatnonzero(~np.isfinite(gradient))[0])
        found = f"the gradient is {gradient[place]} in coordinate {place}"
        raise _wrong(model, f"value_and_gradient: {found} at a random start; it must be finite there")
    again, gradient_again = model.value_and_gradient(x)
    if again != loss or not np.array_equal(gradient, gradient_again):
        difference = f"{loss!r} and then {again!r}" if again != loss else "two gradients"
        raise _wrong(model, f"value_and_gradient gives {difference} at one point; it must not depend on chance")


def _check_made_again(model, x: np.ndarray) -> None:
    """Every process makes an object of its own: all must be the same loss."""
    again = type(model)(model.source, model.parameters, model.data)
    if again.value(x) != model.value(x):
        raise UserLossError(
            f"{model.source.class_name} is another loss each time it is made: at one point {model.value(x)!r} and then "
            f"{again.value(x)!r}; give its random numbers a fixed seed"
        )


def _directions(model, x: np.ndarray, rng: np.random.Generator):
    """Random directions, each a unit vector with the room that the bounds leave on both sides."""
    for _ in range(_DIRECTIONS):
        direction = rng.standard_normal(model.dimension)
        direction /= np.linalg.norm(direction)
        room = np.inf
        if model.bounds() is not None:
            lower, upper = model.bounds()
            direction = np.where((x > lower) & (x < upper), direction, 0.0)
            moving = direction != 0.0
            sides = np.minimum(x - lower, upper - x)[moving] / np.abs(direction[moving])
            room = float(sides.min(initial=np.inf))
        if direction.any():
            yield direction, room


def _best_agreement(
    slope: Callable[[float], np.ndarray], claimed: np.ndarray, room: float, size: float
) -> tuple[bool, np.ndarray]:
    """Whether differences agree with what is claimed at one of the steps, and the differences that agree best.

    slope(step): central differences; size: of what they are differences of, for its rounding.
    """
    best = np.full_like(claimed, np.nan)
    least = np.inf
    for step in _STEPS[_STEPS < room] if room > _STEPS.min() else [0.5 * room]:
        found = slope(step)
        error = float(np.abs(found - claimed).max())
        if np.isfinite(error) and error < least:
            least = error
            best = found
        scale = max(float(np.abs(claimed).max()), float(np.abs(found).max()))
        if error <= _AGREE * scale + _ROUNDING * size / step:
            return True, found
    return False, best


def _check_gradient(model, x: np.ndarray, rng: np.random.Generator) -> None:
    loss, gradient = model.value_and_gradient(x)
    for direction, room in _directions(model, x, rng):

        def slope(step: float, direction: np.ndarray = direction) -> np.ndarray:
            ahead = model.value(x + step * direction)
            behind = model.value(x - step * direction)
            return np.array([(ahead - behind) / (2.0 * step)])

        claimed = np.array([gradient @ direction])
        agrees, found = _best_agreement(slope, claimed, room, abs(loss))
        if not agrees:
            raise _wrong(
                model,
                "value_and_gradient disagrees with its own gradient: along a random direction the loss changes by "
                f"{found[0]:.6g} for each unit, by the gradient it should by {claimed[0]:.6g}; correct the gradient, "
                "or give --no-gradient-check",
            )


def _check_second(model, x: np.ndarray, rng: np.random.Generator) -> None:
    """A Hessian and its product with a vector, where the class offers them, against differences of gradients."""
    for name in ("hessian", "hessian_vector"):
        if not model.user.offers(name) or (name == "hessian" and model.dimension > _DENSE):
            continue
        size = float(np.abs(model.value_and_gradient(x)[1]).max())
        for direction, room in _directions(model, x, rng):

            def slope(step: float, direction: np.ndarray = direction) -> np.ndarray:
                ahead = model.value_and_gradient(x + step * direction)[1]
                behind = model.value_and_gradient(x - step * direction)[1]
                return (ahead - behind) / (2.0 * step)

            claimed = model.hessian(x) @ direction if name == "hessian" else model.hessian_vector(x, direction)
            if not np.isfinite(claimed).all():
                raise _wrong(model, f"{name} is not finite at a random start")
            if not _best_agreement(slope, claimed, room, size)[0]:
                raise _wrong(
                    model,
                    f"{name} disagrees with the gradient: along a random direction the gradient changes otherwise; "
                    "correct it, or give --no-gradient-check",
                )


def _check_zero_modes(model, x: np.ndarray) -> None:
    modes = model.zero_modes(x)
    gradient = model.value_and_gradient(x)[1]
    if len(modes) and np.abs(modes @ gradient).max() > _SAME_VALUE * (1.0 + np.abs(gradient).max()):
        raise _wrong(model, "zero_modes: the loss changes along one of them; they must leave it as it is everywhere")


def _check_symmetry(model, a: np.ndarray, b: np.ndarray, rng: np.random.Generator) -> None:
    """Images of a point have its value, alignment brings nearer, the canonical form is one of all images."""
    log_order = model.log_group_order()
    if not (np.isfinite(log_order) and log_order >= 0.0):
        raise _wrong(model, f"log_group_order is {log_order}; ln of the number of symmetry operations is needed")
    value = model.value(b)
    moved = {
        "align": model.align(a, b),
        "canonical": model.canonical(b),
        "random_image": model.random_image(b, rng),
    }
    owner = {name: "images" if model.user.offers("images") else name for name in moved}
    for name, image in moved.items():
        if not abs(model.value(image) - value) <= _SAME_VALUE * (1.0 + abs(value)):
            raise _wrong(model, f"{owner[name]}: the loss of an image is another than that of the point itself")
    if np.linalg.norm(moved["align"] - a) > np.linalg.norm(b - a) * (1.0 + _SAME_VALUE):
        raise _wrong(model, f"{owner['align']}: aligning takes a point away; it must give the nearest image")
    again = model.canonical(moved["random_image"])
    if np.abs(again - moved["canonical"]).max() > _SAME_VALUE * (1.0 + np.abs(again).max()):
        raise _wrong(model, f"{owner['canonical']}: two images of one point differ in their canonical form")
    if model.stabiliser_order(b, 1e-5) < 1:
        raise _wrong(model, "stabiliser_order must be at least 1")
