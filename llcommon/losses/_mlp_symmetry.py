"""Symmetry of a multilayer perceptron: units of a hidden layer may be permuted and, for an odd activation, negated.

Weights are a list of matrices W_l of shape (inputs + 1, outputs), the last row the biases. A
symmetry operation is one signed permutation per hidden layer: new unit j is signs[j] times old
unit permutation[j], in its column of W_l (bias included) and its row of W_{l+1}.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment


@dataclass(frozen=True)
class SignedPermutation:
    """New unit j = signs[j] * old unit permutation[j]; both of shape (units,)."""

    permutation: np.ndarray
    signs: np.ndarray

    @staticmethod
    def identity(units: int) -> "SignedPermutation":
        return SignedPermutation(np.arange(units), np.ones(units))


def split(x: np.ndarray, widths: tuple[int, ...]) -> list[np.ndarray]:
    """The weight matrices (inputs + 1, outputs) of coordinates x, as views."""
    matrices = []
    offset = 0
    for a, b in zip(widths[:-1], widths[1:], strict=True):
        matrices.append(x[offset : offset + (a + 1) * b].reshape(a + 1, b))
        offset += (a + 1) * b
    return matrices


def join(matrices: list[np.ndarray]) -> np.ndarray:
    """The coordinates of weight matrices, shape (N,)."""
    return np.concatenate([matrix.ravel() for matrix in matrices])


def apply(matrices: list[np.ndarray], operations: list[SignedPermutation]) -> list[np.ndarray]:
    """The weight matrices under one signed permutation per hidden layer."""
    images = [matrix.copy() for matrix in matrices]
    for layer, operation in enumerate(operations):
        images[layer] = images[layer][:, operation.permutation] * operation.signs
        above = images[layer + 1]
        above[:-1] = above[operation.permutation] * operation.signs[:, None]
    return images


def _best_match(similarity: np.ndarray, odd: bool) -> SignedPermutation:
    """The assignment of units (columns) to reference units (rows) of largest total similarity."""
    gain = np.abs(similarity) if odd else similarity
    rows, columns = linear_sum_assignment(gain, maximize=True)
    signs = np.ones(len(rows))
    if odd:
        signs[similarity[rows, columns] < 0.0] = -1.0
    return SignedPermutation(columns, signs)


def _sweep(reference, matrices, operations, odd) -> list[SignedPermutation]:
    """Improves one layer at a time, the others held, until nothing changes; the distance only falls."""
    operations = list(operations)
    for _ in range(50):
        changed = False
        for layer in range(len(operations)):
            held = list(operations)
            held[layer] = SignedPermutation.identity(len(operations[layer].signs))
            images = apply(matrices, held)
            similarity = reference[layer].T @ images[layer]
            similarity += reference[layer + 1][:-1] @ images[layer + 1][:-1].T
            best = _best_match(similarity, odd)
            units = np.arange(len(best.signs))
            old = operations[layer]
            gain = (similarity[units, best.permutation] * best.signs).sum()
            gain -= (similarity[units, old.permutation] * old.signs).sum()
            if gain > 1e-12 * (1.0 + np.abs(similarity).sum()):
                operations[layer] = best
                changed = True
        if not changed:
            break
    return operations


def _forward_guess(reference, matrices, odd) -> list[SignedPermutation]:
    """Matches layers from the inputs up by their incoming weights alone."""
    operations: list[SignedPermutation] = []
    hidden = len(matrices) - 1
    for layer in range(hidden):
        rest = [SignedPermutation.identity(matrices[k].shape[1]) for k in range(layer, hidden)]
        images = apply(matrices, operations + rest)
        operations.append(_best_match(reference[layer].T @ images[layer], odd))
    return operations


def _backward_guess(reference, matrices, odd) -> list[SignedPermutation]:
    """Matches layers from the outputs down by their outgoing weights alone."""
    hidden = len(matrices) - 1
    operations = [SignedPermutation.identity(matrices[k].shape[1]) for k in range(hidden)]
    for layer in range(hidden - 1, -1, -1):
        images = apply(matrices, operations)
        similarity = reference[layer + 1][:-1] @ images[layer + 1][:-1].T
        operations[layer] = _best_match(similarity, odd)
    return operations


def best_operations(
    reference: list[np.ndarray], matrices: list[np.ndarray], odd: bool
) -> list[SignedPermutation]:
    """What takes `matrices` to their image nearest to `reference`, for each hidden layer.

    One hidden layer: the exact optimum, by optimal assignment of units with the better sign.
    More: alternating assignment from three starts (no operation, matched from the inputs up, from
    the outputs down), the best of which is a local optimum.
    """
    hidden = len(matrices) - 1
    if hidden == 0:
        return []
    if hidden == 1:
        similarity = reference[0].T @ matrices[0] + reference[1][:-1] @ matrices[1][:-1].T
        return [_best_match(similarity, odd)]
    starts = [
        [SignedPermutation.identity(matrices[k].shape[1]) for k in range(hidden)],
        _forward_guess(reference, matrices, odd),
        _backward_guess(reference, matrices, odd),
    ]
    best = None
    best_distance = math.inf
    for start in starts:
        operations = _sweep(reference, matrices, start, odd)
        pairs = zip(reference, apply(matrices, operations), strict=True)
        distance = sum(float(np.square(a - b).sum()) for a, b in pairs)
        if distance < best_distance:
            best = operations
            best_distance = distance
    return best


def align(reference: list[np.ndarray], matrices: list[np.ndarray], odd: bool) -> list[np.ndarray]:
    """The image of `matrices` that best_operations finds."""
    return apply(matrices, best_operations(reference, matrices, odd))


def canonical(matrices: list[np.ndarray], odd: bool) -> list[np.ndarray]:
    """One representative of all images: signs by the largest incoming weight, units in lexical order.

    The incoming weights of a layer are settled once the layers below are, so one pass upward
    suffices and a second pass changes nothing. Outgoing weights break ties of the order.
    """
    images = [matrix.copy() for matrix in matrices]
    for layer in range(len(images) - 1):
        incoming = images[layer]
        units = incoming.shape[1]
        signs = np.ones(units)
        if odd:
            largest = np.abs(incoming).argmax(axis=0)
            signs[incoming[largest, np.arange(units)] < 0.0] = -1.0
        keys = np.vstack([incoming * signs, images[layer + 1][:-1].T * signs])
        order = np.lexsort(keys[::-1])
        operations = [SignedPermutation.identity(matrix.shape[1]) for matrix in images[:-1]]
        operations[layer] = SignedPermutation(order, signs[order])
        images = apply(images, operations)
    return images


def _twin_sign(a: np.ndarray, b: np.ndarray, odd: bool, tolerance: float) -> int:
    """+1 or -1 if a equals plus or minus b within the tolerance, else 0."""
    if np.abs(a - b).max() <= tolerance:
        return 1
    if odd and np.abs(a + b).max() <= tolerance:
        return -1
    return 0


def contrasts(units: np.ndarray, odd: bool, tolerance: float) -> list[np.ndarray]:
    """Combinations, (units,), of the units of a layer that its symmetries change; `units`: their weights, rows.

    For a dead unit itself; for m units that are equal, or opposite, m - 1 orthonormal differences.
    """
    found = []
    sets: list[list[tuple[int, int]]] = []
    for unit, vector in enumerate(units):
        if odd and np.abs(vector).max() <= tolerance:
            found.append(np.eye(len(units))[unit])
            continue
        for members in sets:
            sign = _twin_sign(vector, units[members[0][0]], odd, tolerance)
            if sign:
                members.append((unit, sign))
                break
        else:
            sets.append([(unit, 1)])
    for members in sets:
        for count in range(1, len(members)):
            # Helmert's: the next one against the mean of those before.
            contrast = np.zeros(len(units))
            for unit, sign in members[:count]:
                contrast[unit] = sign / math.sqrt(count * (count + 1))
            unit, sign = members[count]
            contrast[unit] = -sign * count / math.sqrt(count * (count + 1))
            found.append(contrast)
    return found


def _merge_twins(matrices, layer, odd, tolerance):
    """(order factor, units to keep, their multiplicities) of a layer: dead units and equal units."""
    unit_vectors = np.vstack([matrices[layer], matrices[layer + 1][:-1].T]).T
    factor = 1
    kept: list[int] = []
    multiplicity: list[int] = []
    dead = 0
    for unit, vector in enumerate(unit_vectors):
        if odd and np.abs(vector).max() <= tolerance:
            dead += 1
            continue
        for position, other in enumerate(kept):
            if _twin_sign(vector, unit_vectors[other], odd, tolerance) != 0:
                multiplicity[position] += 1
                break
        else:
            kept.append(unit)
            multiplicity.append(1)
    for count in multiplicity:
        factor *= math.factorial(count)
    factor *= math.factorial(dead) * 2**dead
    return factor, kept, multiplicity


def _count_lifts(matrices, multiplicities, odd, tolerance, layer, below) -> int:
    """Number of ways to continue an automorphism of the layers under `layer` to the top."""
    matrix = matrices[layer]
    image = matrix.copy()
    image[:-1] = image[below.permutation] * below.signs[:, None]
    units = matrix.shape[1]
    if layer == len(matrices) - 1:
        return int(np.abs(image - matrix).max() <= tolerance)
    allowed = []
    for j in range(units):
        options = []
        for k in range(units):
            if multiplicities[layer][j] != multiplicities[layer][k]:
                continue
            for sign in (1.0, -1.0) if odd else (1.0,):
                if np.abs(sign * image[:, k] - matrix[:, j]).max() <= tolerance:
                    options.append((k, sign))
        allowed.append(options)
    total = 0
    for permutation, signs in _choices(allowed):
        operation = SignedPermutation(np.array(permutation, dtype=np.int64), np.array(signs))
        total += _count_lifts(matrices, multiplicities, odd, tolerance, layer + 1, operation)
    return total


def _choices(allowed):
    """All ways to choose one (unit, sign) for every place without using a unit twice."""
    stack = [((), ())]
    while stack:
        permutation, signs = stack.pop()
        place = len(permutation)
        if place == len(allowed):
            yield permutation, signs
            continue
        for unit, sign in allowed[place]:
            if unit not in permutation:
                stack.append((permutation + (unit,), signs + (sign,)))


def stabiliser_order(matrices: list[np.ndarray], odd: bool, tolerance: float) -> int:
    """Number of symmetry operations that leave the weights unchanged within `tolerance` per weight.

    Dead units (all weights zero; odd activations) give d! 2^d, sets of m equal units m!. What remains
    after each such set is merged into one unit can only move by an operation that involves several
    layers at once; those are counted by building operations up from the inputs.
    """
    order = 1
    reduced = [matrix.copy() for matrix in matrices]
    multiplicities = []
    for layer in range(len(matrices) - 1):
        factor, kept, multiplicity = _merge_twins(reduced, layer, odd, tolerance)
        order *= factor
        multiplicities.append(multiplicity)
        reduced[layer] = reduced[layer][:, kept]
        reduced[layer + 1] = np.vstack([reduced[layer + 1][:-1][kept], reduced[layer + 1][-1:]])
    if len(matrices) > 2:
        inputs = SignedPermutation.identity(matrices[0].shape[0] - 1)
        order *= _count_lifts(reduced, multiplicities, odd, tolerance, 0, inputs)
    return order


def log_group_order(widths: tuple[int, ...], odd: bool) -> float:
    """ln of the product over hidden layers of h! (times 2^h for an odd activation)."""
    total = 0.0
    for units in widths[1:-1]:
        total += math.lgamma(units + 1)
        if odd:
            total += units * math.log(2.0)
    return total
