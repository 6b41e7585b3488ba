"""Compiled kernels of the multilayer perceptron: loss and gradient, Hessian-vector product, Hessian.

Data and activations are features-major, shape (features + 1, rows), with a last row of ones,
so that the bias sits inside the matrix product. Layer l has the weight matrix W_l of shape
(inputs + 1, outputs), flattened row by row; the coordinates are these matrices one after the
other. All products go to BLAS into preallocated views of the workspace.

Packing (made by `mlp.MLP`):
    integers = rows, layers, activation, loss, regularise_biases, chunk, widths[layers + 1], labels[rows]
    reals    = lambda, inputs with ones ((widths[0] + 1) x rows), targets (widths[-1] x rows; mse only)

The Hessian is written block by block for a pair of layers l <= m. With z_l the inputs of layer l's
units, a_l = f(z_l), and delta_l = dL/dz_l, per row of data
    d2L / dW_l[i,u] dW_m[j,v] = a_{l-1,i} a_{m-1,j} d2L/dz_{l,u} dz_{m,v}
                               + a_{l-1,i} delta_{m,v} d a_{m-1,j} / d z_{l,u}        (l < m)
so that the sum over rows is one matrix product between the pair products a_i a_j and the pair
derivatives; symmetric pairs are formed once. The Hessian-vector product is Pearlmutter's R-operator
(Neural Computation 6, 147, 1994).
"""

import math

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from llcommon.seam import OPTIONS, SUMMING, hessian_vector_kernel, loss_kernel

TANH = 0
LOGISTIC = 1
CROSS_ENTROPY = 0
MSE = 1
HEADER = 6


@intrinsic
def _float_of_bits(context, bits):
    return types.float64(types.int64), lambda c, b, s, a: b.bitcast(a[0], c.get_value_type(types.float64))


@intrinsic
def _bits_of_float(context, value):
    return types.int64(types.float64), lambda c, b, s, a: b.bitcast(a[0], c.get_value_type(types.int64))


# Adding 1.5 * 2**52 rounds to an integer in the low bits of the mantissa: a branch-free
# round() and conversion that vectorises. "reassoc" would fold it away, hence contract only.
_ROUNDER = 6755399441055744.0
_ROUNDER_BITS = np.int64(np.float64(_ROUNDER).view(np.int64))
_EXACT = {"fastmath": {"contract"}, **OPTIONS}


@njit(**_EXACT)
def _split_exponential(y):
    """(2**k, exp(r) - 1) with y = k ln 2 + r, |r| <= ln(2)/2; Taylor series to the rounding floor."""
    shifted = y * 1.4426950408889634 + _ROUNDER
    k = shifted - _ROUNDER
    r = (y - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    power = _float_of_bits((_bits_of_float(shifted) - _ROUNDER_BITS + 1023) << 52)
    return power, p * r * r + r


@njit(**_EXACT)
def _exp(y):
    y = 709.0 if y > 709.0 else y
    y = -708.0 if y < -708.0 else y
    power, rest = _split_exponential(y)
    return power * rest + power


@njit(**_EXACT)
def _tanh(y):
    # tanh y = (e^{2y} - 1) / (e^{2y} + 1) through exp - 1, exact to rounding near zero too.
    doubled = 2.0 * y
    doubled = 40.0 if doubled > 40.0 else doubled
    doubled = -40.0 if doubled < -40.0 else doubled
    power, rest = _split_exponential(doubled)
    excess = power * rest + (power - 1.0)
    return excess / (excess + 2.0)


@njit(**SUMMING)
def _activate(a, activation):
    if activation == TANH:
        for i in range(a.size):
            a[i] = _tanh(a[i])
    else:
        for i in range(a.size):
            a[i] = 0.5 + 0.5 * _tanh(0.5 * a[i])


@njit(**SUMMING)
def _times_slope(out, a, activation):
    """out *= f'(z), written in terms of a = f(z)."""
    if activation == TANH:
        for i in range(a.size):
            out[i] *= 1.0 - a[i] * a[i]
    else:
        for i in range(a.size):
            out[i] *= a[i] - a[i] * a[i]


@njit(**SUMMING)
def _slope_and_curvature(a, activation, slope, curvature):
    """f'(z) and f''(z) in terms of a = f(z)."""
    if activation == TANH:
        for i in range(a.size):
            slope[i] = 1.0 - a[i] * a[i]
            curvature[i] = -2.0 * a[i] * slope[i]
    else:
        for i in range(a.size):
            slope[i] = a[i] - a[i] * a[i]
            curvature[i] = slope[i] * (1.0 - 2.0 * a[i])


@njit(**OPTIONS)
def _forward(x, inputs, widths, layers, activation, rows, work):
    """Activations of all layers into work, each (width + 1, rows) with ones; the last without. Returns the end."""
    below = inputs
    offset = 0
    place = 0
    for layer in range(layers):
        a = widths[layer]
        b = widths[layer + 1]
        weights = x[offset : offset + (a + 1) * b].reshape(a + 1, b)
        z = work[place : place + b * rows].reshape(b, rows)
        np.dot(weights.T, below, z)
        offset += (a + 1) * b
        if layer < layers - 1:
            _activate(work[place : place + b * rows], activation)
            work[place + b * rows : place + (b + 1) * rows] = 1.0
            below = work[place : place + (b + 1) * rows].reshape(b + 1, rows)
            place += (b + 1) * rows
        else:
            place += b * rows
    return place


@njit(**SUMMING)
def _cross_entropy(z, labels, scale, top, total):
    """z (classes, rows) becomes scale * (softmax - onehot); returns scale * sum of -ln p."""
    classes, rows = z.shape
    value = 0.0
    for s in range(rows):
        top[s] = z[0, s]
        total[s] = 0.0
    for k in range(1, classes):
        for s in range(rows):
            top[s] = z[k, s] if z[k, s] > top[s] else top[s]
    for s in range(rows):
        value += top[s] - z[labels[s], s]
    for k in range(classes):
        for s in range(rows):
            z[k, s] = _exp(z[k, s] - top[s])
            total[s] += z[k, s]
    # Each total lies between 1 and the number of classes: the logarithm of a product of as many as cannot
    # overflow stands for the sum of their logarithms, which would take a quarter of the kernel's time.
    group = max(1, int(600.0 / math.log(classes + 1.0)))
    for first in range(0, rows, group):
        product = 1.0
        for s in range(first, min(first + group, rows)):
            product *= total[s]
        value += math.log(product)
    for s in range(rows):
        total[s] = scale / total[s]
    for k in range(classes):
        for s in range(rows):
            z[k, s] *= total[s]
    for s in range(rows):
        z[labels[s], s] -= scale
    return value * scale


@njit(**SUMMING)
def _squared_error(z, targets, scale):
    """z (outputs, rows) becomes 2 scale (z - t); returns scale * sum of (z - t)^2."""
    value = 0.0
    flat = z.reshape(z.size)
    for i in range(flat.size):
        residual = flat[i] - targets[i]
        value += residual * residual
        flat[i] = 2.0 * scale * residual
    return value * scale


@njit(**SUMMING)
def _regularise(x, gradient, strength, widths, layers, regularise_biases):
    """Adds lambda |w|^2 to the gradient and returns its value."""
    value = 0.0
    if regularise_biases:
        for i in range(x.size):
            value += x[i] * x[i]
            gradient[i] += 2.0 * strength * x[i]
        return strength * value
    offset = 0
    for layer in range(layers):
        count = widths[layer] * widths[layer + 1]
        for i in range(offset, offset + count):
            value += x[i] * x[i]
            gradient[i] += 2.0 * strength * x[i]
        offset += count + widths[layer + 1]
    return strength * value


@njit(**OPTIONS)
def _layer_places(widths, layers, rows, places, offsets):
    """Where layer l's output starts in the workspace and its weights in x."""
    place = 0
    offset = 0
    for layer in range(layers):
        places[layer] = place
        offsets[layer] = offset
        place += (widths[layer + 1] + 1) * rows
        offset += (widths[layer] + 1) * widths[layer + 1]


@loss_kernel
def mlp_kernel(x, gradient, reals, integers, work):
    """Loss and gradient; see the module's docstring for the packing."""
    rows = integers[0]
    layers = integers[1]
    activation = integers[2]
    loss = integers[3]
    widths = integers[HEADER : HEADER + layers + 1]
    labels = integers[HEADER + layers + 1 :]
    features = widths[0]
    inputs = reals[1 : 1 + (features + 1) * rows].reshape(features + 1, rows)
    end = _forward(x, inputs, widths, layers, activation, rows, work)
    outputs = widths[layers]
    start = end - outputs * rows
    error = work[start:end].reshape(outputs, rows)
    scale = 1.0 / rows
    if loss == CROSS_ENTROPY:
        top = work[end : end + rows]
        total = work[end + rows : end + 2 * rows]
        value = _cross_entropy(error, labels, scale, top, total)
    else:
        value = _squared_error(error, reals[1 + (features + 1) * rows :], scale)
    offset = x.size
    place = start
    spare = end
    for layer in range(layers - 1, -1, -1):
        a = widths[layer]
        b = widths[layer + 1]
        offset -= (a + 1) * b
        slope = gradient[offset : offset + (a + 1) * b].reshape(a + 1, b)
        if layer == 0:
            np.dot(inputs, error.T, slope)
        else:
            place -= (a + 1) * rows
            np.dot(work[place : place + (a + 1) * rows].reshape(a + 1, rows), error.T, slope)
            weights = x[offset : offset + a * b].reshape(a, b)
            below = work[spare : spare + a * rows]
            np.dot(weights, error, below.reshape(a, rows))
            _times_slope(below, work[place : place + a * rows], activation)
            error = below.reshape(a, rows)
            spare += a * rows
    return value + _regularise(x, gradient, reals[0], widths, layers, integers[4])


@njit(**SUMMING)
def _softmax_times(error, labels, scale, direction, loss):
    """direction (outputs, rows) becomes (d2L/dz2) direction, from error = scale (p - onehot)."""
    outputs, rows = error.shape
    if loss == MSE:
        for k in range(outputs):
            for s in range(rows):
                direction[k, s] *= 2.0 * scale
        return
    for s in range(rows):
        mean = 0.0
        for k in range(outputs):
            p = error[k, s] / scale + (1.0 if labels[s] == k else 0.0)
            mean += p * direction[k, s]
        for k in range(outputs):
            p = error[k, s] / scale + (1.0 if labels[s] == k else 0.0)
            direction[k, s] = scale * p * (direction[k, s] - mean)


@njit(**SUMMING)
def _r_activation(rz, a, activation):
    """R{z} becomes R{a} = f'(z) R{z}."""
    _times_slope(rz, a, activation)


@njit(**SUMMING)
def _r_backward(r_below, back, ra, a, activation):
    """f'' R{z} back + f' r_below, with R{z} = R{a} / f': ratios f''/f' are -2a (tanh) and 1-2a (logistic)."""
    if activation == TANH:
        for i in range(a.size):
            r_below[i] = -2.0 * a[i] * ra[i] * back[i] + (1.0 - a[i] * a[i]) * r_below[i]
    else:
        for i in range(a.size):
            r_below[i] = (1.0 - 2.0 * a[i]) * ra[i] * back[i] + (a[i] - a[i] * a[i]) * r_below[i]


@hessian_vector_kernel
def mlp_hessian_vector(x, v, out, reals, integers, work):
    """Exact Hessian-vector product by the R-operator."""
    rows = integers[0]
    layers = integers[1]
    activation = integers[2]
    loss = integers[3]
    widths = integers[HEADER : HEADER + layers + 1]
    labels = integers[HEADER + layers + 1 :]
    features = widths[0]
    inputs = reals[1 : 1 + (features + 1) * rows].reshape(features + 1, rows)
    scale = 1.0 / rows
    end = _forward(x, inputs, widths, layers, activation, rows, work)
    outputs = widths[layers]
    start = end - outputs * rows
    # R-forward: R{z_l} = V_l^T a_{l-1} + W_l^T R{a_{l-1}}, kept beside the activations.
    spare = end + 2 * rows
    r_start = spare
    r_place = spare
    product_start = r_start + end
    offset = 0
    place = 0
    for layer in range(layers):
        a = widths[layer]
        b = widths[layer + 1]
        direction = v[offset : offset + (a + 1) * b].reshape(a + 1, b)
        rz = work[r_place : r_place + b * rows].reshape(b, rows)
        if layer == 0:
            np.dot(direction.T, inputs, rz)
        else:
            below_size = (a + 1) * rows
            below = work[place - below_size : place].reshape(a + 1, rows)
            np.dot(direction.T, below, rz)
            weights = x[offset : offset + a * b].reshape(a, b)
            r_below = work[r_place - below_size : r_place - rows].reshape(a, rows)
            product = work[product_start : product_start + b * rows].reshape(b, rows)
            np.dot(weights.T, r_below, product)
            rz += product
        offset += (a + 1) * b
        if layer < layers - 1:
            _r_activation(work[r_place : r_place + b * rows], work[place : place + b * rows], activation)
            work[r_place + b * rows : r_place + (b + 1) * rows] = 0.0
            r_place += (b + 1) * rows
            place += (b + 1) * rows
    error = work[start:end].reshape(outputs, rows)
    if loss == CROSS_ENTROPY:
        _cross_entropy(error, labels, scale, work[end : end + rows], work[end + rows : end + 2 * rows])
    else:
        _squared_error(error, reals[1 + (features + 1) * rows :], scale)
    r_error = work[r_place : r_place + outputs * rows].reshape(outputs, rows)
    _softmax_times(error, labels, scale, r_error, loss)
    # R-backward.
    offset = x.size
    place = start
    spare = product_start
    for layer in range(layers - 1, -1, -1):
        a = widths[layer]
        b = widths[layer + 1]
        offset -= (a + 1) * b
        slope = out[offset : offset + (a + 1) * b].reshape(a + 1, b)
        if layer == 0:
            np.dot(inputs, r_error.T, slope)
            break
        place -= (a + 1) * rows
        r_place -= (a + 1) * rows
        below = work[place : place + (a + 1) * rows].reshape(a + 1, rows)
        r_below = work[r_place : r_place + (a + 1) * rows].reshape(a + 1, rows)
        np.dot(below, r_error.T, slope)
        second = work[spare : spare + (a + 1) * b].reshape(a + 1, b)
        np.dot(r_below, error.T, second)
        slope += second
        weights = x[offset : offset + a * b].reshape(a, b)
        direction = v[offset : offset + a * b].reshape(a, b)
        back = work[spare : spare + a * rows]
        r_back = work[spare + a * rows : spare + 2 * a * rows]
        product = work[spare + 2 * a * rows : spare + 3 * a * rows]
        np.dot(weights, error, back.reshape(a, rows))
        np.dot(weights, r_error, r_back.reshape(a, rows))
        np.dot(direction, error, product.reshape(a, rows))
        r_back += product
        hidden = work[place : place + a * rows]
        _r_backward(r_back, back, work[r_place : r_place + a * rows], hidden, activation)
        _times_slope(back, hidden, activation)
        error = back.reshape(a, rows)
        r_error = r_back.reshape(a, rows)
        spare += 2 * a * rows
    # The regulariser is quadratic: its product is its gradient at v.
    _regularise(v, out, reals[0], widths, layers, integers[4])


def vector_workspace(widths, rows):
    """Upper bound of the scratch (float64 count) of the loss and the Hessian-vector kernels."""
    forward = sum(width + 1 for width in widths[1:]) * rows
    backward = sum(3 * width for width in widths[1:]) * rows + max(widths) * rows
    largest_layer = max((a + 1) * b for a, b in zip(widths[:-1], widths[1:], strict=True))
    return 2 * forward + backward + 4 * rows + 3 * max(widths) * rows + largest_layer
