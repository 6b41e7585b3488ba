"""Compiled kernels of the perceptron for all activations and losses: loss and gradient, Hessian-vector product.

Packing and layout are those of `_mlp_kernels`, where the commonest combinations have kernels of their own.
"""

import numpy as np
from numba import njit

from llcommon.losses._blas import matrix, multiply, multiply_left_transposed, multiply_right_transposed, vector
from llcommon.losses._mlp_activations import activate_linked
from llcommon.losses._mlp_kernels import (
    CROSS_ENTROPY,
    HEADER,
    INPUTS,
    WHOLE,
    _cross_entropy,
    _regularise,
    _softmax_times,
    _squared_error,
)
from llcommon.losses._mlp_losses import AUC, BCE, CONTRASTIVE, binary_cross_entropy, binary_times_curvature
from llcommon.losses._mlp_pairs import auc_surrogate, contrastive, pair_scratch
from llcommon.seam import OPTIONS, SUMMING, hessian_vector_kernel, linked, loss_kernel


@njit(**WHOLE)
def _forward(x, inputs, widths, layers, activation, work, slopes, second, curvatures):
    """Activations of all layers into work, each (width + 1, rows) with ones; the last without.

    Slopes of the activations, and with `second` curvatures, go where `slopes` and `curvatures` begin, laid out alike.
    """
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
        if layer < layers - 1:
            size = b * rows
            curvature = vector(work, curvatures + place, size)
            slope = vector(work, slopes + place, size)
            activate_linked(vector(work, place, size), activation, slope, second, curvature)
            place += size
            vector(work, place, rows)[:] = 1.0
            place += rows


@njit(**SUMMING)
def _times(out, factor):
    for i in range(out.size):
        out[i] *= factor[i]


@njit(**OPTIONS)
def _sizes(widths, layers, rows):
    """Numbers that the activations of all layers take, and those of the hidden units without ones."""
    activations = widths[layers] * rows
    hidden = 0
    for layer in range(1, layers):
        activations += (widths[layer] + 1) * rows
        hidden += widths[layer] * rows
    return activations, hidden


@njit(**WHOLE)
def _slopes_of_outputs(z, r, second, reals, integers, work, scratch):
    """Turns the outputs z (outputs, rows) into dL/dz of the last layer; returns the loss without the L2 term.

    With `second`, r = R{z} becomes R{dL/dz}.
    """
    outputs, rows = z.shape
    layers = integers[1]
    loss = integers[3]
    positive = integers[7]
    widths = integers[HEADER : HEADER + layers + 1]
    labels = integers[HEADER + layers + 1 :][:rows]
    scale = 1.0 / rows
    if loss == AUC:
        value = auc_surrogate(z, r, second, labels, positive, reals[1], integers[6], work, scratch)
    elif loss == CONTRASTIVE:
        value = contrastive(z, r, second, labels, reals[1], work, scratch)
    elif loss == BCE:
        value = binary_cross_entropy(z, labels, positive, scale)
        if second:
            binary_times_curvature(z, scale, r)
    else:
        if loss == CROSS_ENTROPY:
            value = _cross_entropy(z, labels, scale, vector(work, scratch, rows), vector(work, scratch + rows, rows))
        else:
            value = _squared_error(z, matrix(reals, INPUTS + (widths[0] + 1) * rows, outputs, rows), scale)
        if second:
            _softmax_times(z, labels, scale, r, loss)
    return value


@loss_kernel
def _data_loss(x, gradient, reals, integers, work):
    """Loss and gradient without the L2 term; see the module's docstring for the packing."""
    rows = integers[0]
    layers = integers[1]
    widths = integers[HEADER : HEADER + layers + 1]
    inputs = matrix(reals, INPUTS, widths[0] + 1, rows)
    end, hidden = _sizes(widths, layers, rows)
    # The backward pass begins when the scratch of the loss is free again.
    slopes = end + max(hidden, pair_scratch(widths[layers]) * rows)
    _forward(x, inputs, widths, layers, integers[2], work, slopes, False, slopes)
    place = end - widths[layers] * rows
    error = matrix(work, place, widths[layers], rows)
    value = _slopes_of_outputs(error, error, False, reals, integers, work, end)
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
        _times(vector(work, spare, a * rows), vector(work, slopes + place, a * rows))
        error = below
        spare += a * rows
    multiply_right_transposed(inputs, error, 0.0, matrix(gradient, 0, widths[0] + 1, widths[1]))
    return value


data_loss = linked(_data_loss)


@loss_kernel
def general_kernel(x, gradient, reals, integers, work):
    """Loss and gradient."""
    layers = integers[1]
    widths = integers[HEADER : HEADER + layers + 1]
    value = data_loss(x, gradient, reals, integers, work)
    return value + _regularise(x, gradient, reals[0], widths, layers, integers[4])


@njit(**WHOLE)
def _r_forward(x, v, inputs, widths, layers, work, r_start, slopes, r_arguments):
    """R{z_l} = V_l^T a_{l-1} + W_l^T R{a_{l-1}}, laid out as the activations, from r_start on; R of the ones is 0.

    R{z} of the hidden layers is kept from r_arguments on.
    """
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
            size = b * rows
            vector(work, r_arguments + place, size)[:] = vector(work, r_start + place, size)
            _times(vector(work, r_start + place, size), vector(work, slopes + place, size))
            place += size
            vector(work, r_start + place, rows)[:] = 0.0
            place += rows


@njit(**SUMMING)
def _r_backward(r_below, back, r_argument, slope, curvature):
    """r_below becomes f'' R{z} back + f' r_below, then back becomes f' back."""
    for i in range(slope.size):
        r_below[i] = curvature[i] * r_argument[i] * back[i] + slope[i] * r_below[i]
        back[i] *= slope[i]


@hessian_vector_kernel
def _data_hessian_vector(x, v, out, reals, integers, work):
    """Exact Hessian-vector product by the R-operator, without the L2 term."""
    rows = integers[0]
    layers = integers[1]
    widths = integers[HEADER : HEADER + layers + 1]
    inputs = matrix(reals, INPUTS, widths[0] + 1, rows)
    outputs = widths[layers]
    end, hidden = _sizes(widths, layers, rows)
    r_start = end + pair_scratch(outputs) * rows
    spare = r_start + end
    slopes = spare + 2 * hidden
    curvatures = slopes + end
    r_arguments = curvatures + end
    _forward(x, inputs, widths, layers, integers[2], work, slopes, True, curvatures)
    _r_forward(x, v, inputs, widths, layers, work, r_start, slopes, r_arguments)
    place = end - outputs * rows
    error = matrix(work, place, outputs, rows)
    r_error = matrix(work, r_start + place, outputs, rows)
    _slopes_of_outputs(error, r_error, True, reals, integers, work, end)
    offset = x.size
    for layer in range(layers - 1, 0, -1):
        a = widths[layer]
        b = widths[layer + 1]
        offset -= (a + 1) * b
        place -= (a + 1) * rows
        slope = matrix(out, offset, a + 1, b)
        multiply_right_transposed(matrix(work, place, a + 1, rows), r_error, 0.0, slope)
        multiply_right_transposed(matrix(work, r_start + place, a, rows), error, 1.0, matrix(out, offset, a, b))
        weights = matrix(x, offset, a, b)
        back = matrix(work, spare, a, rows)
        r_back = matrix(work, spare + a * rows, a, rows)
        multiply(weights, error, 0.0, back)
        multiply(weights, r_error, 0.0, r_back)
        multiply(matrix(v, offset, a, b), error, 1.0, r_back)
        size = a * rows
        _r_backward(
            vector(work, spare + size, size),
            vector(work, spare, size),
            vector(work, r_arguments + place, size),
            vector(work, slopes + place, size),
            vector(work, curvatures + place, size),
        )
        error = back
        r_error = r_back
        spare += 2 * a * rows
    multiply_right_transposed(inputs, r_error, 0.0, matrix(out, 0, widths[0] + 1, widths[1]))


data_hessian_vector = linked(_data_hessian_vector)


@hessian_vector_kernel
def general_hessian_vector(x, v, out, reals, integers, work):
    """Exact Hessian-vector product."""
    layers = integers[1]
    widths = integers[HEADER : HEADER + layers + 1]
    data_hessian_vector(x, v, out, reals, integers, work)
    # The regulariser is quadratic: its product is its gradient at v.
    _regularise(v, out, reals[0], widths, layers, integers[4])


def general_workspace(widths, rows):
    """The scratch (float64 count) of the Hessian-vector kernel, which is enough for the loss."""
    activations, hidden = _sizes(np.array(widths, dtype=np.int64), len(widths) - 1, rows)
    return 5 * activations + pair_scratch(widths[-1]) * rows + 2 * hidden
