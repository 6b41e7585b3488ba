"""The dense Hessian of the perceptrons of `_mlp_general`: sums of pair products, and what couples rows of data.

    d2L/dx dx' = sum over rows of the terms of `_mlp_hessian`, with the slopes dL/dz and the curvature of each row
                 itself, + J^T F J

J holds the derivatives by x of what the loss couples, a row for each number: the outputs of `contrastive`, the
probability of the positive class of `auc`. F holds the second derivatives of the loss by these numbers, of which the
rows of a few rows of data are made at a time.
"""

import numpy as np
from numba import njit

from llcommon.losses._blas import matrix, multiply, multiply_left_transposed, vector
from llcommon.losses._mlp_general import _forward, _sizes, _slopes_of_outputs, _times
from llcommon.losses._mlp_hessian import (
    _activations_start,
    _areas,
    _regularise_diagonal,
    _spread,
    _weights_start,
    copy_columns,
    sum_blocks,
)
from llcommon.losses._mlp_kernels import HEADER, INPUTS, WHOLE
from llcommon.losses._mlp_losses import AUC, LAST_SEPARABLE, output_curvature
from llcommon.losses._mlp_pairs import auc_coupling, auc_curvature, contrastive_coupling, pair_scratch
from llcommon.seam import OPTIONS, hessian_kernel

_ROWS_AT_A_TIME = 64  # of data, whose rows of F are made together


@njit(**OPTIONS)
def symmetrise(square):
    """Each pair of entries across the diagonal becomes their mean."""
    for i in range(square.shape[0]):
        for j in range(i):
            mean = 0.5 * (square[i, j] + square[j, i])
            square[i, j] = mean
            square[j, i] = mean


@njit(**OPTIONS)
def _places(widths, layers, rows, chunk, dimension, loss):
    """Starts in the workspace: slopes dL/dz and curvatures of all rows, slopes of what is coupled, J, rows of F, their
    product with J, a forward pass of all rows; and the end."""
    outputs = widths[layers]
    coupled = 0
    if loss > LAST_SEPARABLE:
        coupled = 1 if loss == AUC else outputs
    together = min(rows, _ROWS_AT_A_TIME)
    slopes = _areas(widths, layers, chunk)[-1]
    curvatures = slopes + outputs * rows
    directions = curvatures + outputs * (outputs + 1) // 2 * rows
    jacobian = directions + (outputs * rows if coupled else 0)
    second = jacobian + coupled * rows * dimension
    product = second + coupled * together * coupled * rows
    whole = product + coupled * together * dimension
    activations, _ = _sizes(widths, layers, rows)
    end = whole + 2 * activations + pair_scratch(outputs) * rows
    return slopes, curvatures, directions, jacobian, second, product, whole, end


@njit(**WHOLE)
def _fill_outputs(x, reals, integers, work, places):
    """Slopes and curvatures of all rows by the outputs; the outputs stay, for auc the probabilities."""
    slopes, curvatures, directions, _, _, _, whole, _ = places
    rows = integers[0]
    layers = integers[1]
    loss = integers[3]
    widths = integers[HEADER : HEADER + layers + 1]
    labels = integers[HEADER + layers + 1 :]
    outputs = widths[layers]
    activations, _ = _sizes(widths, layers, rows)
    inputs = matrix(reals, INPUTS, widths[0] + 1, rows)
    scratch = whole + 2 * activations
    _forward(x, inputs, widths, layers, integers[2], work[whole:], activations, False, activations)
    z = matrix(work, whole + activations - outputs * rows, outputs, rows)
    error = matrix(work, slopes, outputs, rows)
    copy_columns(z, 0, error)
    q = matrix(work, curvatures, outputs * (outputs + 1) // 2, rows)
    if loss == AUC:
        direction = matrix(work, directions, outputs, rows)
        auc_curvature(z, error, q, direction, labels, integers[7], reals[1], integers[6], work, scratch)
    else:
        _slopes_of_outputs(error, error, False, reals, integers, work, scratch)
        q[:] = 0.0
        if loss <= LAST_SEPARABLE:
            output_curvature(error, labels, 1.0 / rows, loss, q)


@njit(**OPTIONS)
def _descend(x, widths, layers, work, rows, areas, bend):
    """Turns the slopes at the outputs, in their place, into those at the arguments of all layers, from the top down.

    bend: whether f'' becomes f'' W delta.
    """
    _, slopes, bends, deltas = areas[:4]
    for layer in range(layers - 2, -1, -1):
        units = widths[layer + 1]
        above = widths[layer + 2]
        place = _activations_start(widths, layer, rows)
        delta_above = matrix(work, deltas + _activations_start(widths, layer + 1, rows), above, rows)
        delta = vector(work, deltas + place, units * rows)
        weights = matrix(x, _weights_start(widths, layer + 1), units, above)
        multiply(weights, delta_above, 0.0, matrix(work, deltas + place, units, rows))
        if bend:
            _times(vector(work, bends + place, units * rows), delta)
        _times(delta, vector(work, slopes + place, units * rows))


@njit(**WHOLE)
def _fill_jacobian(widths, layers, below, rows, work, areas, jacobian, coupled, number):
    """Rows `number` of each row of a chunk: a_i delta_u for the weight from i to u of each layer."""
    activations = areas[0]
    deltas = areas[3]
    offset = 0
    for layer in range(layers):
        units = widths[layer + 1]
        inputs = widths[layer] + 1
        a = below
        if layer > 0:
            a = matrix(work, activations + _activations_start(widths, layer - 1, rows), inputs, rows)
        delta = matrix(work, deltas + _activations_start(widths, layer, rows), units, rows)
        for s in range(rows):
            row = s * coupled + number
            for i in range(inputs):
                for u in range(units):
                    jacobian[row, offset + i * units + u] = a[i, s] * delta[u, s]
        offset += inputs * units


@njit(**WHOLE)
def _add_chunk(x, first, rows, reals, integers, work, places, beta):
    """Adds the rows of data from `first` on to the sums of all blocks, and fills their rows of J."""
    all_rows = integers[0]
    layers = integers[1]
    loss = integers[3]
    widths = integers[HEADER : HEADER + layers + 1]
    outputs = widths[layers]
    pairs = outputs * (outputs + 1) // 2
    areas = _areas(widths, layers, rows)
    activations, slopes, bends, deltas, inputs, packed, _, _, _, _ = areas
    below = matrix(reals, INPUTS, widths[0] + 1, all_rows)
    if rows < all_rows:
        part = matrix(work, inputs, widths[0] + 1, rows)
        copy_columns(below, first, part)
        below = part
    _forward(x, below, widths, layers, integers[2], work[activations:], slopes - activations, True, bends - activations)
    top = matrix(work, deltas + _activations_start(widths, layers - 1, rows), outputs, rows)
    copy_columns(matrix(work, places[0], outputs, all_rows), first, top)
    copy_columns(matrix(work, places[1], pairs, all_rows), first, matrix(work, packed, pairs, rows))
    _descend(x, widths, layers, work, rows, areas, True)
    sum_blocks(x, widths, layers, work, below, rows, beta)
    coupled = 0
    if loss > LAST_SEPARABLE:
        coupled = 1 if loss == AUC else outputs
    for number in range(coupled):
        if loss == AUC:
            copy_columns(matrix(work, places[2], outputs, all_rows), first, top)
        else:
            top[:] = 0.0
            top[number] = 1.0
        _descend(x, widths, layers, work, rows, areas, False)
        jacobian = matrix(work, places[3] + first * coupled * x.size, rows * coupled, x.size)
        _fill_jacobian(widths, layers, below, rows, work, areas, jacobian, coupled, number)


@njit(**WHOLE)
def _add_coupling(hessian, reals, integers, work, places):
    """Adds J^T F J."""
    rows = integers[0]
    layers = integers[1]
    loss = integers[3]
    widths = integers[HEADER : HEADER + layers + 1]
    labels = integers[HEADER + layers + 1 :]
    outputs = widths[layers]
    n = hessian.shape[0]
    coupled = 1 if loss == AUC else outputs
    activations, _ = _sizes(widths, layers, rows)
    z = matrix(work, places[6] + activations - outputs * rows, outputs, rows)
    jacobian = matrix(work, places[3], rows * coupled, n)
    for first in range(0, rows, _ROWS_AT_A_TIME):
        count = min(_ROWS_AT_A_TIME, rows - first)
        second = matrix(work, places[4], count * coupled, rows * coupled)
        if loss == AUC:
            auc_coupling(z[integers[7]], labels, integers[7], reals[1], integers[6], first, second)
        else:
            contrastive_coupling(z, labels, reals[1], first, second)
        product = matrix(work, places[5], count * coupled, n)
        multiply(second, jacobian, 0.0, product)
        part = matrix(work, places[3] + first * coupled * n, count * coupled, n)
        multiply_left_transposed(part, product, 1.0, hessian)
    symmetrise(hessian)


@hessian_kernel
def general_hessian(x, hessian, reals, integers, work):
    """Exact dense Hessian."""
    rows = integers[0]
    layers = integers[1]
    chunk = integers[5]
    widths = integers[HEADER : HEADER + layers + 1]
    places = _places(widths, layers, rows, chunk, x.size, integers[3])
    _fill_outputs(x, reals, integers, work, places)
    for first in range(0, rows, chunk):
        beta = 0.0 if first == 0 else 1.0
        _add_chunk(x, first, min(chunk, rows - first), reals, integers, work, places, beta)
    _spread(hessian, widths, layers, work)
    if integers[3] > LAST_SEPARABLE:
        _add_coupling(hessian, reals, integers, work, places)
    _regularise_diagonal(hessian, reals[0], widths, layers, integers[4])


def general_hessian_workspace(integers, dimension):
    """The scratch (float64 count) of the kernel above; integers: as packed."""
    layers = int(integers[1])
    widths = np.array(integers[HEADER : HEADER + layers + 1])
    return int(_places(widths, layers, int(integers[0]), int(integers[5]), dimension, int(integers[3]))[-1])
