"""The dense Hessian of the multilayer perceptron, as sums of pair products over blocks of rows.

Notation of `_mlp_kernels`, layers counted from 0; per row of data and for layers l <= m
    d2L / dW_l[i,u] dW_m[j,v] = a_i a'_j M_{l,m}[u,v]  +  a_i delta_{m,v} da'_j / dz_{l,u}       (second term: l < m)
with the inputs a of layer l and a' of layer m, delta_m = dL/dz_m, and, from the top down,
    M_{l,m} = d2L/dz_l dz_m = f'_l W_{l+1} M_{l+1,m}        (l < m)
    Q_l = M_{l,l} = M_{l,l+1} W_{l+1}^T f'_l + diag(f''_l W_{l+1} delta_{l+1}),     Q_top = d2L/dz_top dz_top
    F_{l,k} = da_k / dz_l = f'_l W_{l+1} F_{l+1,k},   F_{k,k} = f'_k,   k = m - 1: the derivative of a'.
"""

import numpy as np
from numba import njit

from llcommon.losses import _mlp_blocks as blocks
from llcommon.losses._blas import matrix, multiply, vector
from llcommon.losses._mlp_kernels import (
    CROSS_ENTROPY,
    HEADER,
    INPUTS,
    _cross_entropy,
    _forward,
    _slope_and_curvature,
    _squared_error,
)
from llcommon.seam import F8, I8, INTEGERS, MATRIX, OPTIONS, SUMMING, VECTOR, hessian_kernel, linked, types


@njit(**SUMMING)
def _output_curvature(error, labels, scale, loss, q):
    """q[(k <= k2), s] = d2L / dz_k dz_k2 of one row, from error = scale (p - onehot)."""
    outputs, rows = error.shape
    pair = 0
    for k in range(outputs):
        for k2 in range(k, outputs):
            same = 1.0 if k == k2 else 0.0
            if loss == CROSS_ENTROPY:
                for s in range(rows):
                    p = error[k, s] / scale + (1.0 if labels[s] == k else 0.0)
                    p2 = error[k2, s] / scale + (1.0 if labels[s] == k2 else 0.0)
                    q[pair, s] = scale * p * (same - p2)
            else:
                for s in range(rows):
                    q[pair, s] = 2.0 * scale * same
            pair += 1


@njit(**OPTIONS)
def copy_columns(source, first, out):
    """out = source[:, first : first + columns], (lines, columns), without the checks of an assignment of slices.

    Those take seconds to compile, each time.
    """
    for line in range(out.shape[0]):
        for s in range(out.shape[1]):
            out[line, s] = source[line, first + s]


@njit(**OPTIONS)
def _unpack(packed, full):
    """full[u, v, s] = full[v, u, s] = packed[(u <= v), s]."""
    units = full.shape[0]
    pair = 0
    for u in range(units):
        for v in range(u, units):
            for s in range(packed.shape[1]):
                full[u, v, s] = packed[pair, s]
                full[v, u, s] = packed[pair, s]
            pair += 1


@njit(**SUMMING)
def _times_slope_of_first(curvature, slope):
    """curvature[u, v, s] *= slope[u, s]."""
    first, second, rows = curvature.shape
    for u in range(first):
        for v in range(second):
            for s in range(rows):
                curvature[u, v, s] *= slope[u, s]


@njit(**SUMMING)
def _own_curvature(weights, mixed, slope, bend, q):
    """q[(u <= v), s] = Q_l from mixed = M_{l,l+1} (units, units above, rows) and bend = f'' W delta."""
    units = weights.shape[0]
    rows = slope.shape[1]
    pair = 0
    for u in range(units):
        multiply(weights[u:], mixed[u], 0.0, q[pair : pair + units - u])
        for s in range(rows):
            q[pair, s] = q[pair, s] * slope[u, s] + bend[u, s]
        for v in range(u + 1, units):
            for s in range(rows):
                q[pair + v - u, s] *= slope[v, s]
        pair += units - u


@njit(**SUMMING)
def _first_transfer(weights, slope, slope_above, out):
    """out[u, j, s] = F_{l,l+1} = f'_u W_uj f'_j."""
    units, above, rows = out.shape
    for u in range(units):
        for j in range(above):
            for s in range(rows):
                out[u, j, s] = slope[u, s] * weights[u, j] * slope_above[j, s]


@njit(**OPTIONS)
def _weights_start(widths, layer):
    """Where the weights of a layer begin in x."""
    start = 0
    for below in range(layer):
        start += (widths[below] + 1) * widths[below + 1]
    return start


@njit(**OPTIONS)
def _activations_start(widths, layer, rows):
    """Where `_forward` puts the activations of layer `layer` (counted from 0) within its share of the workspace."""
    start = 0
    for below in range(layer):
        start += (widths[below + 1] + 1) * rows
    return start


@njit(**OPTIONS)
def _sum_shapes(widths, lower, upper):
    """(rows, columns) of the sums of block (lower, upper): of its first and of its second term."""
    a = widths[lower] + 1
    b = widths[lower + 1]
    c = widths[upper] + 1
    d = widths[upper + 1]
    if lower == upper:
        return a * (a + 1) // 2, b * (b + 1) // 2, 0, 0
    if upper == lower + 1:
        return a * c, b * d, a, b * d
    return a * c, b * d, a * d, b * (c - 1)


@njit(**OPTIONS)
def _sums_start(widths, layers, lower, upper):
    """Where the sums of block (lower, upper) begin in the workspace; behind the last: (layers, layers)."""
    start = 0
    for first in range(layers):
        for second in range(first, layers):
            if first == lower and second == upper:
                return start
            rows, columns, more_rows, more_columns = _sum_shapes(widths, first, second)
            start += rows * columns + more_rows * more_columns
    return start


@njit(**OPTIONS)
def _sums(work, widths, layers, lower, upper):
    """The sums of both terms of block (lower, upper), matrices."""
    start = _sums_start(widths, layers, lower, upper)
    rows, columns, more_rows, more_columns = _sum_shapes(widths, lower, upper)
    first = matrix(work, start, rows, columns)
    return first, matrix(work, start + rows * columns, more_rows, more_columns)


@njit(**OPTIONS)
def _areas(widths, layers, rows):
    """Starts in the workspace, for one chunk of rows, and the end: see the names where it is unpacked."""
    per_layer = _activations_start(widths, layers, rows)
    activations = _sums_start(widths, layers, layers, layers)
    slopes = activations + per_layer
    bends = slopes + per_layer
    deltas = bends + per_layer
    inputs = deltas + per_layer
    packed = inputs + (widths[0] + 1) * rows
    widest = 0
    pairs = 0
    products = 2
    for layer in range(layers):
        a = widths[layer] + 1
        widest = max(widest, widths[layer + 1])
        pairs = max(pairs, widths[layer + 1] * (widths[layer + 1] + 1) // 2)
        products = max(products, a * (a + 1) // 2)
        for upper in range(layer + 1, layers):
            d = widths[upper + 1]
            products = max(products, a * (widths[upper] + 1), a * d, widths[layer + 1] * d)
    mixed = packed + pairs * rows
    transfer = mixed + 2 * widest * widest * rows
    scratch = transfer + 2 * widest * widest * rows
    return activations, slopes, bends, deltas, inputs, packed, mixed, transfer, scratch, scratch + products * rows


@njit(**OPTIONS)
def _descend(x, widths, layers, activation, work, rows, areas):
    """Fills f', f'' W delta and delta of all hidden layers, from the top down."""
    activations, slopes, bends, deltas = areas[:4]
    for layer in range(layers - 2, -1, -1):
        units = widths[layer + 1]
        above = widths[layer + 2]
        place = _activations_start(widths, layer, rows)
        delta_above = matrix(work, deltas + _activations_start(widths, layer + 1, rows), above, rows)
        delta = vector(work, deltas + place, units * rows)
        slope = vector(work, slopes + place, units * rows)
        bend = vector(work, bends + place, units * rows)
        weights = matrix(x, _weights_start(widths, layer + 1), units, above)
        multiply(weights, delta_above, 0.0, matrix(work, deltas + place, units, rows))
        _slope_and_curvature(vector(work, activations + place, units * rows), activation, slope, bend)
        bend *= delta
        delta *= slope


@njit(**OPTIONS)
def _add_blocks_under(x, widths, layers, upper, work, below, rows, areas, beta):
    """Adds one chunk of rows to the sums of all blocks (l < upper, upper); leaves Q of layer upper - 1 in its place."""
    activations, slopes, bends, deltas, _, packed, mixed, transfer, scratch, _ = areas
    d = widths[upper + 1]
    inner = widths[upper]
    half = (scratch - transfer) // 2
    below_m = matrix(work, activations + _activations_start(widths, upper - 1, rows), inner + 1, rows)
    delta = matrix(work, deltas + _activations_start(widths, upper, rows), d, rows)
    # Two places for M and two for F, which change their parts from layer to layer.
    source = mixed
    target = mixed + half
    f_source = transfer
    f_target = transfer + half
    _unpack(matrix(work, packed, d * (d + 1) // 2, rows), matrix(work, source, d, d * rows).reshape(d, d, rows))
    for lower in range(upper - 1, -1, -1):
        units = widths[lower + 1]
        above = widths[lower + 2]
        place = _activations_start(widths, lower, rows)
        below_l = below
        if lower > 0:
            below_l = matrix(work, activations + _activations_start(widths, lower - 1, rows), widths[lower] + 1, rows)
        slope = matrix(work, slopes + place, units, rows)
        weights = matrix(x, _weights_start(widths, lower + 1), units, above)
        curvature = matrix(work, target, units, d * rows)
        multiply(weights, matrix(work, source, above, d * rows), 0.0, curvature)
        cube = curvature.reshape(units, d, rows)
        _times_slope_of_first(cube, slope)
        first, second = _sums(work, widths, layers, lower, upper)
        blocks.add_mixed(below_l, below_m, matrix(work, target, units * d, rows), beta, first, work, scratch)
        if lower == upper - 1:
            q = matrix(work, packed, units * (units + 1) // 2, rows)
            _own_curvature(weights, cube, slope, matrix(work, bends + place, units, rows), q)
            blocks.add_neighbour(below_l, slope, delta, beta, second, work, scratch)
        else:
            f = matrix(work, f_target, units, inner * rows)
            if lower == upper - 2:
                slope_above = matrix(work, slopes + _activations_start(widths, lower + 1, rows), inner, rows)
                _first_transfer(weights, slope, slope_above, f.reshape(units, inner, rows))
            else:
                multiply(weights, matrix(work, f_source, above, inner * rows), 0.0, f)
                _times_slope_of_first(f.reshape(units, inner, rows), slope)
            blocks.add_distant(below_l, delta, matrix(work, f_target, units * inner, rows), beta, second, work, scratch)
            f_source, f_target = f_target, f_source
        source, target = target, source


@njit(types.void(VECTOR, INTEGERS, I8, VECTOR, MATRIX, I8, F8), **OPTIONS)
def _sum_all_blocks(x, widths, layers, work, below, rows, beta):
    """Adds one chunk of rows, of which all areas are filled, to the sums of all blocks."""
    areas = _areas(widths, layers, rows)
    activations, _, _, _, _, packed, _, _, scratch, _ = areas
    for layer in range(layers - 1, -1, -1):
        units = widths[layer + 1]
        below_layer = below
        if layer > 0:
            place = _activations_start(widths, layer - 1, rows)
            below_layer = matrix(work, activations + place, widths[layer] + 1, rows)
        q = matrix(work, packed, units * (units + 1) // 2, rows)
        total, _ = _sums(work, widths, layers, layer, layer)
        blocks.add_diagonal(below_layer, q, beta, total, work, scratch)
        if layer > 0:
            _add_blocks_under(x, widths, layers, layer, work, below, rows, areas, beta)


sum_blocks = linked(_sum_all_blocks)


@njit(**OPTIONS)
def _add_chunk(x, first, rows, reals, integers, work, beta):
    """Adds the rows of data from `first` on to the sums of all blocks."""
    all_rows = integers[0]
    layers = integers[1]
    loss = integers[3]
    widths = integers[HEADER : HEADER + layers + 1]
    outputs = widths[layers]
    scale = 1.0 / all_rows
    areas = _areas(widths, layers, rows)
    activations, _, _, deltas, inputs, packed, _, _, scratch, _ = areas
    below = matrix(reals, INPUTS, widths[0] + 1, all_rows)
    if rows < all_rows:
        part = matrix(work, inputs, widths[0] + 1, rows)
        copy_columns(below, first, part)
        below = part
    end = _forward(x, below, widths, layers, integers[2], work[activations:])
    top = _activations_start(widths, layers - 1, rows)
    error = matrix(work, deltas + top, outputs, rows)
    copy_columns(matrix(work, activations + end - outputs * rows, outputs, rows), 0, error)
    labels = integers[HEADER + layers + 1 :]
    if loss == CROSS_ENTROPY:
        labels = labels[first : first + rows]
        _cross_entropy(error, labels, scale, vector(work, scratch, rows), vector(work, scratch + rows, rows))
    else:
        targets = matrix(reals, INPUTS + (widths[0] + 1) * all_rows, outputs, all_rows)
        _squared_error(error, targets[:, first : first + rows], scale)
    _output_curvature(error, labels, scale, loss, matrix(work, packed, outputs * (outputs + 1) // 2, rows))
    _descend(x, widths, layers, integers[2], work, rows, areas)
    sum_blocks(x, widths, layers, work, below, rows, beta)


@njit(**OPTIONS)
def _spread(hessian, widths, layers, work):
    """Writes the sums of all blocks to the Hessian."""
    for lower in range(layers):
        offset_l = _weights_start(widths, lower)
        inputs_l = widths[lower] + 1
        units_l = widths[lower + 1]
        total, _ = _sums(work, widths, layers, lower, lower)
        blocks.spread_diagonal(total, hessian, offset_l, inputs_l, units_l)
        for upper in range(lower + 1, layers):
            offset_m = _weights_start(widths, upper)
            inner = widths[upper]
            units_m = widths[upper + 1]
            first, second = _sums(work, widths, layers, lower, upper)
            blocks.spread_mixed(first, hessian, offset_l, units_l, offset_m, inner + 1, units_m)
            if upper == lower + 1:
                blocks.spread_neighbour(second, hessian, offset_l, units_l, offset_m, units_m)
            else:
                blocks.spread_distant(second, hessian, offset_l, units_l, offset_m, inner, units_m)
            blocks.mirror(hessian, offset_l, inputs_l * units_l, offset_m, (inner + 1) * units_m)


@njit(**OPTIONS)
def _regularise_diagonal(hessian, strength, widths, layers, regularise_biases):
    """Adds the curvature 2 lambda of the L2 term."""
    offset = 0
    for layer in range(layers):
        weights = widths[layer] * widths[layer + 1]
        counted = weights + (widths[layer + 1] if regularise_biases else 0)
        for i in range(offset, offset + counted):
            hessian[i, i] += 2.0 * strength
        offset += weights + widths[layer + 1]


@hessian_kernel
def mlp_hessian(x, hessian, reals, integers, work):
    """Exact dense Hessian; rows of data are taken in chunks that bound the memory of the pair products."""
    rows = integers[0]
    layers = integers[1]
    chunk = integers[5]
    widths = integers[HEADER : HEADER + layers + 1]
    for first in range(0, rows, chunk):
        beta = 0.0 if first == 0 else 1.0
        _add_chunk(x, first, min(chunk, rows - first), reals, integers, work, beta)
    _spread(hessian, widths, layers, work)
    _regularise_diagonal(hessian, reals[0], widths, layers, integers[4])


def hessian_chunk(widths, rows):
    """Rows at a time: all of them when small, else as many as keep the pair products near 16 MB."""
    per_row = max(
        (a + 1) * (a + 2) // 2 + b * (b + 1) // 2 + (a + 1) * (a + b + 2)
        for a, b in zip(widths[:-1], widths[1:], strict=True)
    )
    return int(min(rows, max(64, 2_000_000 // per_row)))


def hessian_workspace(widths, rows):
    """The scratch (float64 count) that the Hessian kernel uses: the sums of all blocks and what one chunk needs."""
    return int(_areas(np.array(widths, dtype=np.int64), len(widths) - 1, hessian_chunk(widths, rows))[-1])
