"""The dense Hessian of the multilayer perceptron, as sums of pair products over blocks of rows.

Notation of `_mlp_kernels`; per row of data and for layers l <= m:
    Q_l = d2L/dz_l dz_l = f' W Q_{l+1} W^T f' + diag(f'' W delta_{l+1}),   Q_L = d2L/dz_L dz_L
    T_{l->m} = dz_m / dz_l,       d2L/dz_l dz_m = T_{l->m} Q_m             (l < m)
"""

import numpy as np
from numba import njit

from llcommon.losses._mlp_kernels import (
    CROSS_ENTROPY,
    HEADER,
    _cross_entropy,
    _forward,
    _slope_and_curvature,
    _squared_error,
)
from llcommon.seam import OPTIONS, SUMMING, hessian_kernel


@njit(**SUMMING)
def _output_curvature(error, labels, scale, loss, q):
    """q[k, k2, s] = d2L / dz_k dz_k2 of one row, from error = scale (p - onehot)."""
    outputs, rows = error.shape
    q[:] = 0.0
    for k in range(outputs):
        for s in range(rows):
            if loss == CROSS_ENTROPY:
                p = error[k, s] / scale + (1.0 if labels[s] == k else 0.0)
                q[k, k, s] = scale * p
            else:
                q[k, k, s] = 2.0 * scale
    if loss != CROSS_ENTROPY:
        return
    for k in range(outputs):
        for k2 in range(outputs):
            for s in range(rows):
                p = error[k, s] / scale + (1.0 if labels[s] == k else 0.0)
                p2 = error[k2, s] / scale + (1.0 if labels[s] == k2 else 0.0)
                q[k, k2, s] -= scale * p * p2


@njit(**SUMMING)
def _symmetric_products(a, out):
    """out[(i <= j), s] = a[i, s] a[j, s]."""
    count, rows = a.shape
    p = 0
    for i in range(count):
        for j in range(i, count):
            for s in range(rows):
                out[p, s] = a[i, s] * a[j, s]
            p += 1


@njit(**SUMMING)
def _products(a, b, out):
    """out[(i, j), s] = a[i, s] b[j, s]."""
    rows = a.shape[1]
    p = 0
    for i in range(a.shape[0]):
        for j in range(b.shape[0]):
            for s in range(rows):
                out[p, s] = a[i, s] * b[j, s]
            p += 1


@njit(**OPTIONS)
def _upper_rows(q, out):
    """out[(u <= v), s] = q[u, v, s]."""
    count = q.shape[0]
    p = 0
    for u in range(count):
        for v in range(u, count):
            out[p] = q[u, v]
            p += 1


@njit(**OPTIONS)
def _scatter_diagonal(block, hessian, offset, inputs, units):
    """Adds block[(i <= j), (u <= v)] to all entries of one layer's block that equal it."""
    p = 0
    for i in range(inputs):
        for j in range(i, inputs):
            c = 0
            for u in range(units):
                for v in range(u, units):
                    value = block[p, c]
                    iu = offset + i * units + u
                    jv = offset + j * units + v
                    hessian[iu, jv] += value
                    if i != j or u != v:
                        hessian[jv, iu] += value
                    if i != j and u != v:
                        iv = offset + i * units + v
                        ju = offset + j * units + u
                        hessian[iv, ju] += value
                        hessian[ju, iv] += value
                    c += 1
            p += 1


@njit(**OPTIONS)
def _scatter_pairs(block, hessian, offset_l, inputs_l, units_l, offset_m, inputs_m, units_m):
    """Adds block[(i, j), (u, v)] to rows (l, i, u), columns (m, j, v)."""
    for i in range(inputs_l):
        for j in range(inputs_m):
            row = block[i * inputs_m + j]
            for u in range(units_l):
                target = hessian[offset_l + i * units_l + u]
                start = offset_m + j * units_m
                for v in range(units_m):
                    target[start + v] += row[u * units_m + v]


@njit(**OPTIONS)
def _scatter_neighbour(block, hessian, offset_l, inputs_l, units_l, offset_m, units_m):
    """Adds block[i, (u, v)] to rows (l, i, u), columns (m, u, v): the input j of layer m is unit u of l."""
    for i in range(inputs_l):
        for u in range(units_l):
            target = hessian[offset_l + i * units_l + u]
            start = offset_m + u * units_m
            for v in range(units_m):
                target[start + v] += block[i, u * units_m + v]


@njit(**OPTIONS)
def _scatter_distant(block, hessian, offset_l, inputs_l, units_l, offset_m, inputs_m, units_m):
    """Adds block[(i, v), (u, j)] to rows (l, i, u), columns (m, j, v)."""
    for i in range(inputs_l):
        for v in range(units_m):
            row = block[i * units_m + v]
            for u in range(units_l):
                target = hessian[offset_l + i * units_l + u]
                for j in range(inputs_m):
                    target[offset_m + j * units_m + v] += row[u * inputs_m + j]


@njit(**SUMMING)
def _chain_curvature(weights, q_above, slope, curvature, back, scratch, q):
    """Q_l from Q_{l+1}: weights (units, units above), q_above (above, above, rows), q (units, units, rows)."""
    units, above = weights.shape
    rows = slope.shape[1]
    half = scratch[: units * above * rows].reshape(units, above * rows)
    np.dot(weights, q_above.reshape(above, above * rows), half)
    for u in range(units):
        np.dot(weights, half[u].reshape(above, rows), q[u])
        for v in range(units):
            for s in range(rows):
                q[u, v, s] *= slope[u, s] * slope[v, s]
        for s in range(rows):
            q[u, u, s] += curvature[u, s] * back[u, s]


@njit(**SUMMING)
def _mixed_curvature(t, q, out):
    """out[(u, v), s] = sum_j t[u, j, s] q[j, v, s]."""
    units_l, units_m, rows = t.shape
    for u in range(units_l):
        for v in range(units_m):
            target = out[u * units_m + v]
            target[:] = 0.0
            for j in range(units_m):
                for s in range(rows):
                    target[s] += t[u, j, s] * q[j, v, s]


@njit(**SUMMING)
def _times_rows(t, slope):
    """t[u, j, s] *= slope[j, s]."""
    for u in range(t.shape[0]):
        for j in range(t.shape[1]):
            for s in range(t.shape[2]):
                t[u, j, s] *= slope[j, s]


@njit(**OPTIONS)
def _finish(hessian, strength, widths, layers, regularise_biases):
    """Adds 2 lambda on the diagonal and mirrors the upper blocks."""
    count = hessian.shape[0]
    offset = 0
    for layer in range(layers):
        weights = widths[layer] * widths[layer + 1]
        for i in range(offset, offset + weights):
            hessian[i, i] += 2.0 * strength
        offset += weights
        if regularise_biases:
            for i in range(offset, offset + widths[layer + 1]):
                hessian[i, i] += 2.0 * strength
        offset += widths[layer + 1]
    for i in range(count):
        for j in range(i + 1, count):
            hessian[j, i] = hessian[i, j]


@njit(**OPTIONS)
def _take(work, position, size):
    """The next `size` numbers of the workspace and the position behind them."""
    return work[position : position + size], position + size


@njit(**OPTIONS)
def _diagonal_block(hessian, below, q, offset, work, position):
    """Adds the block (l, l): below (inputs, rows) are the activations under the layer, q its curvature."""
    inputs, rows = below.shape
    units = q.shape[0]
    pairs = inputs * (inputs + 1) // 2
    unit_pairs = units * (units + 1) // 2
    flat, position = _take(work, position, pairs * rows)
    products = flat.reshape(pairs, rows)
    flat, position = _take(work, position, unit_pairs * rows)
    curvatures = flat.reshape(unit_pairs, rows)
    flat, position = _take(work, position, pairs * unit_pairs)
    block = flat.reshape(pairs, unit_pairs)
    _symmetric_products(below, products)
    _upper_rows(q, curvatures)
    np.dot(products, curvatures.T, block)
    _scatter_diagonal(block, hessian, offset, inputs, units)


@njit(**OPTIONS)
def _mixed_block(hessian, below_l, below_m, t, q, offset_l, offset_m, work, position):
    """Adds a_{l-1} a_{m-1} (T Q)_{uv} to the block (l, m)."""
    inputs_l, rows = below_l.shape
    inputs_m = below_m.shape[0]
    units_l = t.shape[0]
    units_m = q.shape[0]
    flat, position = _take(work, position, inputs_l * inputs_m * rows)
    products = flat.reshape(inputs_l * inputs_m, rows)
    flat, position = _take(work, position, units_l * units_m * rows)
    curvatures = flat.reshape(units_l * units_m, rows)
    flat, position = _take(work, position, inputs_l * inputs_m * units_l * units_m)
    block = flat.reshape(inputs_l * inputs_m, units_l * units_m)
    _products(below_l, below_m, products)
    _mixed_curvature(t, q, curvatures)
    np.dot(products, curvatures.T, block)
    _scatter_pairs(block, hessian, offset_l, inputs_l, units_l, offset_m, inputs_m, units_m)


@njit(**OPTIONS)
def _neighbour_term(hessian, below_l, slope, delta, offset_l, offset_m, work, position):
    """Adds a_{l-1,i} f'_u delta_{l+1,v} where the input of layer l+1 is unit u of layer l."""
    inputs_l, rows = below_l.shape
    units_l = slope.shape[0]
    units_m = delta.shape[0]
    flat, position = _take(work, position, units_l * units_m * rows)
    products = flat.reshape(units_l * units_m, rows)
    flat, position = _take(work, position, inputs_l * units_l * units_m)
    block = flat.reshape(inputs_l, units_l * units_m)
    _products(slope, delta, products)
    np.dot(below_l, products.T, block)
    _scatter_neighbour(block, hessian, offset_l, inputs_l, units_l, offset_m, units_m)


@njit(**OPTIONS)
def _distant_term(hessian, below_l, delta, f, offset_l, offset_m, work, position):
    """Adds a_{l-1,i} delta_{m,v} da_{m-1,j}/dz_{l,u}; f[u, j, s] is that derivative, m > l + 1."""
    inputs_l, rows = below_l.shape
    units_m = delta.shape[0]
    units_l = f.shape[0]
    inner = f.shape[1]
    flat, position = _take(work, position, inputs_l * units_m * rows)
    products = flat.reshape(inputs_l * units_m, rows)
    flat, position = _take(work, position, inputs_l * units_m * units_l * inner)
    block = flat.reshape(inputs_l * units_m, units_l * inner)
    _products(below_l, delta, products)
    np.dot(products, f.reshape(units_l * inner, rows).T, block)
    _scatter_distant(block, hessian, offset_l, inputs_l, units_l, offset_m, inner, units_m)


@njit(**OPTIONS)
def _layer_view(work, starts, layer, count, rows):
    """A (count, rows) view of what is kept for one layer."""
    return work[starts[layer] : starts[layer] + count * rows].reshape(count, rows)


@njit(**OPTIONS)
def _blocks_of_layer(
    x, hessian, lower, widths, layers, rows, places, slopes, deltas, curvatures, offsets, work, position
):
    """Adds all blocks (lower, m >= lower) for one chunk of rows; layers counted from 0."""
    a = widths[lower]
    b = widths[lower + 1]
    below_l = _layer_view(work, places, lower, a + 1, rows)
    q = work[curvatures[lower] : curvatures[lower] + b * b * rows].reshape(b, b, rows)
    _diagonal_block(hessian, below_l, q, offsets[lower], work, position)
    if lower == layers - 1:
        return
    largest = 0
    for layer in range(lower + 1, layers):
        largest = max(largest, widths[layer + 1])
    flat, position = _take(work, position, b * largest * rows)
    flat_next, position = _take(work, position, b * largest * rows)
    slope = _layer_view(work, slopes, lower, b, rows)
    f = flat_next[:0].reshape(0, 0, rows)
    for upper in range(lower + 1, layers):
        inner = widths[upper]
        units = widths[upper + 1]
        weights = x[offsets[upper] : offsets[upper] + inner * units].reshape(inner, units)
        t = flat[: b * units * rows].reshape(b, units, rows)
        if upper == lower + 1:
            for u in range(b):
                for j in range(units):
                    for s in range(rows):
                        t[u, j, s] = slope[u, s] * weights[u, j]
        else:
            for u in range(b):
                np.dot(weights.T, f[u], t[u])
        below_m = _layer_view(work, places, upper, inner + 1, rows)
        q = work[curvatures[upper] : curvatures[upper] + units * units * rows].reshape(units, units, rows)
        delta = _layer_view(work, deltas, upper, units, rows)
        _mixed_block(hessian, below_l, below_m, t, q, offsets[lower], offsets[upper], work, position)
        if upper == lower + 1:
            _neighbour_term(hessian, below_l, slope, delta, offsets[lower], offsets[upper], work, position)
        else:
            _distant_term(hessian, below_l, delta, f, offsets[lower], offsets[upper], work, position)
        if upper < layers - 1:
            _times_rows(t, _layer_view(work, slopes, upper, units, rows))
            f = flat_next[: b * units * rows].reshape(b, units, rows)
            f[:] = t


@njit(**OPTIONS)
def _backward_of_chunk(
    x, widths, layers, activation, rows, places, slopes, deltas, curvatures, offsets, work, position
):
    """Fills slopes, deltas and Q of all hidden layers, from the top down."""
    for layer in range(layers - 2, -1, -1):
        units = widths[layer + 1]
        above = widths[layer + 2]
        offset = offsets[layer + 1]
        weights = x[offset : offset + units * above].reshape(units, above)
        flat, after = _take(work, position, units * rows)
        curvature = flat
        flat, after = _take(work, after, units * rows)
        back = flat.reshape(units, rows)
        hidden = work[places[layer + 1] : places[layer + 1] + units * rows]
        slope = _layer_view(work, slopes, layer, units, rows)
        delta = _layer_view(work, deltas, layer, units, rows)
        _slope_and_curvature(hidden, activation, slope.reshape(units * rows), curvature)
        np.dot(weights, _layer_view(work, deltas, layer + 1, above, rows), back)
        delta[:] = slope * back
        start = curvatures[layer + 1]
        q_above = work[start : start + above * above * rows].reshape(above, above, rows)
        start = curvatures[layer]
        q = work[start : start + units * units * rows].reshape(units, units, rows)
        _chain_curvature(weights, q_above, slope, curvature.reshape(units, rows), back, work[after:], q)


@hessian_kernel
def mlp_hessian(x, hessian, reals, integers, work):
    """Exact dense Hessian; rows of data are taken in chunks that keep the pair products in cache."""
    rows = integers[0]
    layers = integers[1]
    activation = integers[2]
    loss = integers[3]
    chunk = integers[5]
    widths = integers[HEADER : HEADER + layers + 1]
    labels = integers[HEADER + layers + 1 :]
    features = widths[0]
    outputs = widths[layers]
    inputs = reals[1 : 1 + (features + 1) * rows].reshape(features + 1, rows)
    targets_start = 1 + (features + 1) * rows
    scale = 1.0 / rows
    places = np.empty(layers + 1, np.int64)
    slopes = np.empty(layers, np.int64)
    deltas = np.empty(layers, np.int64)
    curvatures = np.empty(layers, np.int64)
    offsets = np.empty(layers, np.int64)
    hessian[:] = 0.0
    for first in range(0, rows, chunk):
        size = min(chunk, rows - first)
        position = (features + 1) * size
        places[0] = 0
        offset = 0
        for layer in range(layers):
            offsets[layer] = offset
            offset += (widths[layer] + 1) * widths[layer + 1]
            places[layer + 1] = position
            position += (widths[layer + 1] + 1) * size
        position += size
        for layer in range(layers):
            units = widths[layer + 1]
            slopes[layer] = position
            deltas[layer] = position + units * size
            curvatures[layer] = position + 2 * units * size
            position += (2 + units) * units * size
        chunk_inputs = work[: (features + 1) * size].reshape(features + 1, size)
        chunk_inputs[:] = inputs[:, first : first + size]
        _forward(x, chunk_inputs, widths, layers, activation, size, work[places[1] :])
        error = work[deltas[layers - 1] : deltas[layers - 1] + outputs * size].reshape(outputs, size)
        error[:] = _layer_view(work, places, layers, outputs, size)
        chunk_labels = labels[first : first + size] if loss == CROSS_ENTROPY else labels
        if loss == CROSS_ENTROPY:
            spare = work[position : position + 2 * size]
            _cross_entropy(error, chunk_labels, scale, spare[:size], spare[size:])
        else:
            flat = work[position : position + outputs * size]
            targets = reals[targets_start : targets_start + outputs * rows].reshape(outputs, rows)
            flat.reshape(outputs, size)[:] = targets[:, first : first + size]
            _squared_error(error, flat, scale)
        top = work[curvatures[layers - 1] : curvatures[layers - 1] + outputs * outputs * size]
        _output_curvature(error, chunk_labels, scale, loss, top.reshape(outputs, outputs, size))
        _backward_of_chunk(
            x, widths, layers, activation, size, places, slopes, deltas, curvatures, offsets, work, position
        )
        for lower in range(layers):
            _blocks_of_layer(
                x, hessian, lower, widths, layers, size, places, slopes, deltas, curvatures, offsets, work, position
            )
    _finish(hessian, reals[0], widths, layers, integers[4])


def hessian_chunk(widths, rows):
    """Rows at a time: all of them when small, else as many as keep the pair products near 16 MB."""
    per_row = max(
        (a + 1) * (a + 2) // 2 + b * (b + 1) // 2 + (a + 1) * (a + b + 2)
        for a, b in zip(widths[:-1], widths[1:], strict=True)
    )
    return int(min(rows, max(64, 2_000_000 // per_row)))


def hessian_workspace(widths, rows):
    """Upper bound of the scratch (float64 count) that the Hessian kernel uses for one chunk."""
    chunk = hessian_chunk(widths, rows)
    kept = (widths[0] + 1) * chunk
    kept += sum((width + 1) + (2 + width) * width for width in widths[1:]) * chunk + chunk
    backward = max(2 * b * chunk + b * max(widths) * chunk for b in widths[1:])
    blocks = 0
    layers = len(widths) - 1
    for lower in range(layers):
        a = widths[lower] + 1
        b = widths[lower + 1]
        pairs = a * (a + 1) // 2
        unit_pairs = b * (b + 1) // 2
        blocks = max(blocks, (pairs + unit_pairs) * chunk + pairs * unit_pairs)
        chains = 2 * b * max(widths[lower + 1 :]) * chunk
        for upper in range(lower + 1, layers):
            c = widths[upper] + 1
            d = widths[upper + 1]
            mixed = (a * c + b * d) * chunk + a * c * b * d
            distant = a * d * chunk + a * d * b * c
            blocks = max(blocks, chains + mixed, chains + distant, chains + b * d * chunk + a * b * d)
    return kept + max(backward, blocks, 2 * chunk, widths[-1] * chunk) + 2 * chunk
