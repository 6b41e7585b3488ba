"""Compiled kernels of the multilayer perceptron: loss and gradient, Hessian-vector product.

Data and activations are features-major, shape (features + 1, rows), with a last row of ones,
so that the bias sits inside the matrix product. Layer l has the weight matrix W_l of shape
(inputs + 1, outputs), flattened row by row; the coordinates are these matrices one after the
other. All products go to BLAS into preallocated views of the workspace.

Packing (made by `mlp.MLP`):
    integers = rows, layers, activation, loss, regularise_biases, chunk, shape, positive, widths[layers + 1],
               labels[rows]
    reals    = lambda, scale, radius, floor, inputs with ones ((widths[0] + 1) x rows), targets (widths[-1] x rows; mse
               only)
of which the kernels here, for tanh and logistic with cross-entropy and mse, do not read shape, positive, scale, radius
and floor. Those of all other combinations, `_mlp_general`, are compiled apart: one kernel with the branches of all
takes 6.4 microseconds an evaluation of iris 4-10-3, where this one takes 3.6.

The Hessian-vector product is Pearlmutter's R-operator (Neural Computation 6, 147, 1994); the dense Hessian
is in `_mlp_hessian`.
"""

import math

from numba import njit, types
from numba.extending import intrinsic

from llcommon.losses._blas import matrix, multiply, multiply_left_transposed, multiply_right_transposed, vector
from llcommon.seam import OPTIONS, SUMMING, hessian_vector_kernel, loss_kernel, rows_kernel

TANH = 0
LOGISTIC = 1
CROSS_ENTROPY = 0
MSE = 1
HEADER = 8
INPUTS = 4  # where the inputs begin in `reals`


@intrinsic
def _float_of_bits(context, bits):
    return types.float64(types.int64), lambda c, b, s, a: b.bitcast(a[0], c.get_value_type(types.float64))


@intrinsic
def _bits_of_float(context, value):
    return types.int64(types.float64), lambda c, b, s, a: b.bitcast(a[0], c.get_value_type(types.int64))


# Adding 1.5 * 2**52 rounds to an integer in the low bits of the mantissa: a branch-free round() and conversion that
# vectorises; with the exponent's bias added, those bits shifted are the number 2**k. "reassoc" would fold the rounding
# away, hence contract only.
_ROUNDER = 6755399441055744.0 + 1023.0
_EXACT = {"fastmath": {"contract"}, **OPTIONS}


@njit(**_EXACT)
def _split_half(h):
    """(2**k, A, B) with exp(2 h) = 2**k (A + B) / (A - B), that is B / A = tanh(h - k ln(2) / 2).

    A and B are polynomials of r^2, B times r, |r| <= ln(2) / 4: Pade's form with coefficients that interpolate
    tanh(r) / r at zero and at four Chebyshev points, which leaves a relative error of 6e-18.
    """
    shifted = h * 2.8853900817779268 + _ROUNDER
    r = h - (shifted - _ROUNDER) * 0.34657359027997264
    square = r * r
    even = 1.0 + square * (0.44443270530948376 + square * 0.015868320784935448)
    odd = r + r * (square * (0.11109937197615617 + square * 0.0010574190132376614))
    return _float_of_bits(_bits_of_float(shifted) << 52), even, odd


@njit(**_EXACT)
def _exp(y):
    """exp(y) for y <= 0."""
    y = -708.0 if y < -708.0 else y
    power, even, odd = _split_half(0.5 * y)
    return power * ((even + odd) / (even - odd))


@njit(**_EXACT)
def _tanh(y):
    # (e^{2y} - 1) / (e^{2y} + 1) with 2**k - 1 taken before it is multiplied: exact to rounding near zero too.
    y = 20.0 if y > 20.0 else y
    y = -20.0 if y < -20.0 else y
    power, even, odd = _split_half(y)
    less = power - 1.0
    more = power + 1.0
    return (less * even + more * odd) / (more * even + less * odd)


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
def _forward(x, inputs, widths, layers, activation, work):
    """Activations of all layers into work, each (width + 1, rows) with ones; the last without. Returns the end."""
    rows = inputs.shape[1]
    offset = 0
    place = 0
    for layer in range(layers):
        a = widths[layer]
        b = widths[layer + 1]
        weights = matrix(x, offset, a + 1, b)
        z = matrix(work, place, b, rows)
        if layer == 0:
            multiply_left_transposed(weights, inputs, 0.0, z)
        else:
            below = matrix(work, place - (a + 1) * rows, a + 1, rows)
            multiply_left_transposed(weights, below, 0.0, z)
        offset += (a + 1) * b
        place += b * rows
        if layer < layers - 1:
            _activate(vector(work, place - b * rows, b * rows), activation)
            vector(work, place, rows)[:] = 1.0
            place += rows
    return place


@njit(**SUMMING)
def _cross_entropy(z, labels, scale, top, total):
    """z (classes, rows) becomes scale * (softmax - onehot); returns scale * sum of -ln p."""
    classes, rows = z.shape
    for s in range(rows):
        top[s] = z[0, s]
        total[s] = 0.0
    for k in range(1, classes):
        for s in range(rows):
            top[s] = z[k, s] if z[k, s] > top[s] else top[s]
    # A comparison with every label, where one look-up would do, goes through the vector unit.
    right = 0.0
    for k in range(classes):
        for s in range(rows):
            below_top = z[k, s] - top[s]
            right += below_top if labels[s] == k else 0.0
            z[k, s] = _exp(below_top)
            total[s] += z[k, s]
    value = -right
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
            z[k, s] = z[k, s] * total[s] - (scale if labels[s] == k else 0.0)
    return value * scale


@njit(**SUMMING)
def _squared_error(z, targets, scale):
    """z (outputs, rows) becomes 2 scale (z - t); returns scale * sum of (z - t)^2."""
    value = 0.0
    outputs, rows = z.shape
    for k in range(outputs):
        for s in range(rows):
            residual = z[k, s] - targets[k, s]
            value += residual * residual
            z[k, s] = 2.0 * scale * residual
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


@njit(**OPTIONS)
def _loss_of_outputs(error, reals, integers, work, end):
    """Turns the outputs (outputs, rows) into dL/dz of the last layer; returns the loss without the L2 term."""
    outputs, rows = error.shape
    layers = integers[1]
    features = integers[HEADER]
    scale = 1.0 / rows
    if integers[3] == CROSS_ENTROPY:
        labels = integers[HEADER + layers + 1 :]
        return _cross_entropy(error, labels, scale, vector(work, end, rows), vector(work, end + rows, rows))
    return _squared_error(error, matrix(reals, INPUTS + (features + 1) * rows, outputs, rows), scale)


@loss_kernel
def mlp_kernel(x, gradient, reals, integers, work):
    """Loss and gradient; see the module's docstring for the packing."""
    rows = integers[0]
    layers = integers[1]
    activation = integers[2]
    widths = integers[HEADER : HEADER + layers + 1]
    inputs = matrix(reals, INPUTS, widths[0] + 1, rows)
    end = _forward(x, inputs, widths, layers, activation, work)
    place = end - widths[layers] * rows
    error = matrix(work, place, widths[layers], rows)
    value = _loss_of_outputs(error, reals, integers, work, end)
    offset = x.size
    spare = end
    for layer in range(layers - 1, 0, -1):
        a = widths[layer]
        b = widths[layer + 1]
        offset -= (a + 1) * b
        place -= (a + 1) * rows
        slope = matrix(gradient, offset, a + 1, b)
        multiply_right_transposed(matrix(work, place, a + 1, rows), error, 0.0, slope)
        below = matrix(work, spare, a, rows)
        multiply(matrix(x, offset, a, b), error, 0.0, below)
        _times_slope(vector(work, spare, a * rows), vector(work, place, a * rows), activation)
        error = below
        spare += a * rows
    multiply_right_transposed(inputs, error, 0.0, matrix(gradient, 0, widths[0] + 1, widths[1]))
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
def _r_backward(r_below, back, ra, a, activation):
    """f'' R{z} back + f' r_below, with R{z} = R{a} / f': ratios f''/f' are -2a (tanh) and 1-2a (logistic)."""
    if activation == TANH:
        for i in range(a.size):
            r_below[i] = -2.0 * a[i] * ra[i] * back[i] + (1.0 - a[i] * a[i]) * r_below[i]
    else:
        for i in range(a.size):
            r_below[i] = (1.0 - 2.0 * a[i]) * ra[i] * back[i] + (a[i] - a[i] * a[i]) * r_below[i]


@njit(**OPTIONS)
def _r_forward(x, v, inputs, widths, layers, activation, work, r_start):
    """R{z_l} = V_l^T a_{l-1} + W_l^T R{a_{l-1}}, laid out as the activations, from r_start on; R of the ones is 0."""
    rows = inputs.shape[1]
    offset = 0
    place = 0
    for layer in range(layers):
        a = widths[layer]
        b = widths[layer + 1]
        direction = matrix(v, offset, a + 1, b)
        rz = matrix(work, r_start + place, b, rows)
        if layer == 0:
            multiply_left_transposed(direction, inputs, 0.0, rz)
        else:
            below = place - (a + 1) * rows
            multiply_left_transposed(direction, matrix(work, below, a + 1, rows), 0.0, rz)
            multiply_left_transposed(matrix(x, offset, a, b), matrix(work, r_start + below, a, rows), 1.0, rz)
        offset += (a + 1) * b
        if layer < layers - 1:
            _times_slope(vector(work, r_start + place, b * rows), vector(work, place, b * rows), activation)
            place += b * rows
            vector(work, r_start + place, rows)[:] = 0.0
            place += rows


@hessian_vector_kernel
def mlp_hessian_vector(x, v, out, reals, integers, work):
    """Exact Hessian-vector product by the R-operator."""
    rows = integers[0]
    layers = integers[1]
    activation = integers[2]
    widths = integers[HEADER : HEADER + layers + 1]
    inputs = matrix(reals, INPUTS, widths[0] + 1, rows)
    outputs = widths[layers]
    end = _forward(x, inputs, widths, layers, activation, work)
    r_start = end + 2 * rows
    _r_forward(x, v, inputs, widths, layers, activation, work, r_start)
    place = end - outputs * rows
    error = matrix(work, place, outputs, rows)
    _loss_of_outputs(error, reals, integers, work, end)
    r_error = matrix(work, r_start + place, outputs, rows)
    _softmax_times(error, integers[HEADER + layers + 1 :], 1.0 / rows, r_error, integers[3])
    offset = x.size
    spare = r_start + end
    for layer in range(layers - 1, 0, -1):
        a = widths[layer]
        b = widths[layer + 1]
        offset -= (a + 1) * b
        place -= (a + 1) * rows
        r_place = r_start + place
        slope = matrix(out, offset, a + 1, b)
        multiply_right_transposed(matrix(work, place, a + 1, rows), r_error, 0.0, slope)
        multiply_right_transposed(matrix(work, r_place, a, rows), error, 1.0, matrix(out, offset, a, b))
        weights = matrix(x, offset, a, b)
        back = matrix(work, spare, a, rows)
        r_back = matrix(work, spare + a * rows, a, rows)
        multiply(weights, error, 0.0, back)
        multiply(weights, r_error, 0.0, r_back)
        multiply(matrix(v, offset, a, b), error, 1.0, r_back)
        size = a * rows
        hidden = vector(work, place, size)
        r_hidden = vector(work, r_place, size)
        _r_backward(vector(work, spare + size, size), vector(work, spare, size), r_hidden, hidden, activation)
        _times_slope(vector(work, spare, size), hidden, activation)
        error = back
        r_error = r_back
        spare += 2 * a * rows
    multiply_right_transposed(inputs, r_error, 0.0, matrix(out, 0, widths[0] + 1, widths[1]))
    # The regulariser is quadratic: its product is its gradient at v.
    _regularise(v, out, reals[0], widths, layers, integers[4])


@njit(**OPTIONS)
def _take_columns(source, start, columns, lines, chosen, out, place):
    """Chosen columns of the (lines, columns) matrix that begins at source[start], as a matrix from out[place] on."""
    for line in range(lines):
        for s in range(chosen.size):
            out[place] = source[start + line * columns + chosen[s]]
            place += 1


@rows_kernel
def mlp_rows(chosen, reals, integers, reals_out, integers_out):
    """Packs the chosen rows of the data, in their order; what the arrays have room for beyond is left alone."""
    rows = integers[0]
    count = chosen.size
    layers = integers[1]
    header = HEADER + layers + 1
    inputs = (integers[HEADER] + 1) * rows
    inputs_out = (integers[HEADER] + 1) * count
    integers_out[:header] = integers[:header]
    integers_out[0] = count
    reals_out[:INPUTS] = reals[:INPUTS]
    _take_columns(reals, INPUTS, rows, integers[HEADER] + 1, chosen, reals_out, INPUTS)
    if integers[3] != MSE:
        for s in range(count):
            integers_out[header + s] = integers[header + chosen[s]]
    else:
        outputs = integers[header - 1]
        _take_columns(reals, INPUTS + inputs, rows, outputs, chosen, reals_out, INPUTS + inputs_out)


def vector_workspace(widths, rows):
    """Upper bound of the scratch (float64 count) of the loss and the Hessian-vector kernels."""
    forward = sum(width + 1 for width in widths[1:]) * rows
    backward = 2 * sum(widths[1:-1]) * rows
    return 2 * forward + backward + 2 * rows
