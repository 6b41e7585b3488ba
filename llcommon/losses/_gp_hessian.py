"""Second derivatives of the Gaussian process: dense Hessian and Hessian-vector product, both exact.

In the notation of `_gp_kernels`, with K_ab the second derivatives of K by the logarithms of its parameters,

    L_ab    = sum_ij W_ij (K_ab)_ij / 2 + (B_a z).(B_b z) - sum_ij (B_a)_ij (B_b)_ij / 2
    (H v)_a = sum_ij (W_ij (K_av)_ij + V_ij (K_a)_ij) / 2,       V = alpha beta^T + beta alpha^T - K^-1 K_v K^-1

with B_a = C^-1 K_a C^-T, z = C^-1 y, K_v = sum_a v_a K_a, K_av = sum_b v_b K_ab, beta = K^-1 K_v alpha: V is the
derivative of W along v. A Hessian of N coordinates costs N transformations of n^3 operations, a product 4 n^3.
"""

import math

from numba import njit

from llcommon.losses._blas import matrix, multiply, vector
from llcommon.losses._gp_kernels import (
    contract,
    covariance_of,
    most_parameters,
    row_factor,
    scale_of,
    subtract_outer,
    sum_of_products,
)
from llcommon.losses._gp_pairs import (
    COMPONENTS,
    FEATURES,
    PRODUCT,
    ROWS,
    first_derivatives,
    places_of,
    scales_of,
    second_derivatives,
    size_of,
)
from llcommon.losses._lapack import factorise, invert, solve, solve_half, transform
from llcommon.seam import OPTIONS, SUMMING, hessian_kernel, hessian_vector_kernel


def _triangle(parameters: int) -> int:
    return parameters * (parameters + 1) // 2


def vector_workspace(rows: int, features: int, components: int, parameters: int) -> int:
    """Numbers that `gp_hessian_vector` needs; parameters: most of a component, its signal variance apart."""
    of_pairs = components * (parameters + 5) + _triangle(parameters) + 2 * parameters + 12
    return (3 + components) * rows * rows + of_pairs * rows + components * (features + 1 + parameters + 1) + 1


def hessian_workspace(rows: int, features: int, components: int, parameters: int, dimension: int) -> int:
    """Numbers that `gp_hessian` needs."""
    of_pairs = components * (parameters + 4) + _triangle(parameters) + parameters + 6 + dimension
    return (2 + components + dimension) * rows * rows + of_pairs * rows + components * (features + 1)


@njit(**OPTIONS)
def _owns_signal(integers, component):
    """Whether a component has a signal variance of its own, or speaks for both factors of a product."""
    return component == 0 or integers[PRODUCT] == 0


@njit(**OPTIONS)
def _all_scales(x, integers, inverses, shapes):
    """1 / l_k^2 and shape of all components: inverses (components, d), shapes (components,)."""
    for component in range(integers[COMPONENTS]):
        shapes[component] = scales_of(x, integers, component, inverses[component])


@njit(**SUMMING)
def _symmetrise(a):
    """Copies the lower triangle to the upper one."""
    for i in range(a.shape[0]):
        for j in range(i):
            a[j, i] = a[i, j]


@njit(**OPTIONS)
def _fill(out, value):
    for a in range(out.shape[0]):
        for b in range(out.shape[1]):
            out[a, b] = value


# --- Hessian --------------------------------------------------------------------------------------


@njit(**SUMMING)
def _lower_times(a, v, out):
    """out = a v for a symmetric matrix, given by its lower triangle."""
    for i in range(v.size):
        row = a[i]
        here = v[i]
        total = row[i] * here
        for j in range(i):
            total += row[j] * v[j]
            out[j] += row[j] * here
        out[i] = total


@njit(**SUMMING)
def _lower_inner(a, b):
    """sum_ij a_ij b_ij / 2 of symmetric matrices, given by their lower triangles."""
    total = 0.0
    for i in range(a.shape[0]):
        total += 0.5 * a[i, i] * b[i, i]
        total += sum_of_products(a[i], b[i], i)
    return total


@njit(**OPTIONS)
def _curve(x, reals, integers, work, weights, derivatives, rows, hessian):
    """K_a of all coordinates into `derivatives`, (N n, n), lower triangles; sum_ij W_ij (K_ab)_ij / 2 into the lower
    triangle of `hessian`. weights: W."""
    n, d, components = integers[ROWS], integers[FEATURES], integers[COMPONENTS]
    features = matrix(reals, 1, d, n)
    most = most_parameters(integers)
    slopes = matrix(rows, 0, components * (most + 3), n)
    start = components * (most + 3) * n
    factors = matrix(rows, start, components, n)
    start += components * n
    weighted = vector(rows, start, n)
    start += n
    second = matrix(rows, start, most * (most + 1) // 2, n)
    start += most * (most + 1) // 2 * n
    scratch = matrix(rows, start, most + 1, n)
    start += (most + 1) * n
    inverses = matrix(rows, start, components, d)
    shapes = vector(rows, start + components * d, components)
    _all_scales(x, integers, inverses, shapes)
    _fill(hessian, 0.0)
    _fill(derivatives, 0.0)
    for i in range(n):
        for component in range(components):
            place, _ = places_of(integers, component)
            f = matrix(work, (1 + component) * n * n, n, n)[i]
            own = slopes[component * (most + 3) : (component + 1) * (most + 3)]
            first_derivatives(integers, component, features, i, inverses[component], shapes[component], f, own)
            row_factor(integers, work, component, math.exp(x[place]), i, factors[component])
        for component in range(components):
            place, first = places_of(integers, component)
            f = matrix(work, (1 + component) * n * n, n, n)[i]
            own = slopes[component * (most + 3) : (component + 1) * (most + 3)]
            factor = factors[component]
            for j in range(i):
                weighted[j] = weights[i, j] * factor[j]
            second_derivatives(
                integers, component, features, i, inverses[component], shapes[component], f, own, scratch, second
            )
            if _owns_signal(integers, component):
                _times(factor, f, i, derivatives[place * n + i])
                hessian[place, place] += sum_of_products(weighted, f, i)
            number = 0
            for p in range(size_of(integers, component)):
                _times(factor, own[p], i, derivatives[(first + p) * n + i])
                hessian[first + p, place] += sum_of_products(weighted, own[p], i)
                for q in range(p + 1):
                    hessian[first + p, first + q] += sum_of_products(weighted, second[number], i)
                    number += 1
        if integers[PRODUCT] == 1:
            variance = math.exp(x[0])
            first, after = 1, 1 + size_of(integers, 0)
            for q in range(size_of(integers, 1)):
                other = slopes[most + 3 + q]
                for j in range(i):
                    weighted[j] = variance * weights[i, j] * other[j]
                for p in range(size_of(integers, 0)):
                    hessian[after + q, first + p] += sum_of_products(weighted, slopes[p], i)
    last = x.size - 1
    trace = 0.0
    for i in range(n):
        trace += weights[i, i]
        derivatives[last * n + i, i] = math.exp(x[last])
    for component in range(components):
        if _owns_signal(integers, component):
            place, _ = places_of(integers, component)
            variance = math.exp(x[place]) * (1.0 + reals[0])
            hessian[place, place] += 0.5 * variance * trace
            for i in range(n):
                derivatives[place * n + i, i] = variance
    hessian[last, last] += 0.5 * math.exp(x[last]) * trace


@njit(**SUMMING)
def _times(a, b, count, out):
    for j in range(count):
        out[j] = a[j] * b[j]


@hessian_kernel
def gp_hessian(x, hessian, reals, integers, work):
    """Dense Hessian."""
    n, d, components = integers[ROWS], integers[FEATURES], integers[COMPONENTS]
    dimension = x.size
    factor = matrix(work, 0, n, n)
    weights = matrix(work, (1 + components) * n * n, n, n)
    derivatives = matrix(work, (2 + components) * n * n, dimension * n, n)
    after = (2 + components + dimension) * n * n
    alpha = vector(work, after, n)
    z = vector(work, after + n, n)
    images = matrix(work, after + 2 * n, dimension, n)
    rows = vector(work, after + (2 + dimension) * n, work.size - after - (2 + dimension) * n)
    targets = vector(reals, 1 + d * n, n)
    covariance_of(x, reals, integers, work, factor, rows)
    if not factorise(factor):
        _fill(hessian, math.inf)
        return
    for i in range(n):
        for j in range(i + 1):
            weights[i, j] = factor[i, j]
    alpha[:] = targets
    solve(factor, alpha)
    z[:] = targets
    solve_half(factor, z)
    invert(weights)
    subtract_outer(weights, alpha)
    _curve(x, reals, integers, work, weights, derivatives, rows, hessian)
    for a in range(dimension):
        own = matrix(work, (2 + components + a) * n * n, n, n)
        transform(factor, own)
        _lower_times(own, z, images[a])
    scale = scale_of(integers)
    finite = True
    for a in range(dimension):
        own = matrix(work, (2 + components + a) * n * n, n, n)
        for b in range(a + 1):
            other = matrix(work, (2 + components + b) * n * n, n, n)
            total = hessian[a, b] + sum_of_products(images[a], images[b], n) - _lower_inner(own, other)
            hessian[a, b] = scale * total
            finite = finite and math.isfinite(total)
    _symmetrise(hessian)
    if not finite:
        _fill(hessian, math.inf)


# --- Hessian-vector product -----------------------------------------------------------------------


@njit(**SUMMING)
def _add_scaled(factor, a, count, out):
    for j in range(count):
        out[j] += factor * a[j]


@njit(**OPTIONS)
def _bend(x, v, reals, integers, work, inverse, alpha, along, rows, out):
    """K_v into the lower triangle of `along`, sum_ij W_ij (K_av)_ij / 2 into `out`. inverse: K^-1, lower triangle."""
    n, d, components = integers[ROWS], integers[FEATURES], integers[COMPONENTS]
    features = matrix(reals, 1, d, n)
    most = most_parameters(integers)
    slopes = matrix(rows, 0, components * (most + 3), n)
    start = components * (most + 3) * n
    factors = matrix(rows, start, components, n)
    start += components * n
    moves = matrix(rows, start, components, n)
    start += components * n
    weights = vector(rows, start, n)
    part = vector(rows, start + n, n)
    lever = vector(rows, start + 2 * n, n)
    start += 3 * n
    second = matrix(rows, start, most * (most + 1) // 2, n)
    start += most * (most + 1) // 2 * n
    scratch = matrix(rows, start, most + 1, n)
    start += (most + 1) * n
    inverses = matrix(rows, start, components, d)
    shapes = vector(rows, start + components * d, components)
    _all_scales(x, integers, inverses, shapes)
    product = integers[PRODUCT] == 1
    out[:] = 0.0
    trace = 0.0
    for i in range(n):
        trace += inverse[i, i] - alpha[i] * alpha[i]
        for j in range(i):
            weights[j] = inverse[i, j] - alpha[i] * alpha[j]
            along[i, j] = 0.0
        for component in range(components):
            place, first = places_of(integers, component)
            f = matrix(work, (1 + component) * n * n, n, n)[i]
            own = slopes[component * (most + 3) : (component + 1) * (most + 3)]
            first_derivatives(integers, component, features, i, inverses[component], shapes[component], f, own)
            row_factor(integers, work, component, math.exp(x[place]), i, factors[component])
            moves[component, :i] = 0.0
            for p in range(size_of(integers, component)):
                _add_scaled(v[first + p], own[p], i, moves[component])
        for component in range(components):
            place, first = places_of(integers, component)
            f = matrix(work, (1 + component) * n * n, n, n)[i]
            own = slopes[component * (most + 3) : (component + 1) * (most + 3)]
            factor = factors[component]
            _times(factor, moves[component], i, part)
            if _owns_signal(integers, component):
                for j in range(i):
                    part[j] += v[place] * factor[j] * f[j]
            _add_scaled(1.0, part, i, along[i])
            out[place] += sum_of_products(weights, part, i)
            # The derivative of the factor along v.
            for j in range(i):
                lever[j] = v[place] * factor[j] * weights[j]
            if product:
                variance = math.exp(x[0])
                for j in range(i):
                    lever[j] += variance * moves[1 - component, j] * weights[j]
            second_derivatives(
                integers, component, features, i, inverses[component], shapes[component], f, own, scratch, second
            )
            for j in range(i):
                part[j] = weights[j] * factor[j]
            number = 0
            for p in range(size_of(integers, component)):
                out[first + p] += sum_of_products(lever, own[p], i)
                for q in range(p + 1):
                    curved = sum_of_products(part, second[number], i)
                    number += 1
                    out[first + p] += v[first + q] * curved
                    if q < p:
                        out[first + q] += v[first + p] * curved
    last = x.size - 1
    noise = math.exp(x[last])
    diagonal = v[last] * noise
    out[last] += 0.5 * v[last] * noise * trace
    for component in range(components):
        if _owns_signal(integers, component):
            place, _ = places_of(integers, component)
            variance = math.exp(x[place]) * (1.0 + reals[0])
            diagonal += v[place] * variance
            out[place] += 0.5 * v[place] * variance * trace
    for i in range(n):
        along[i, i] = diagonal


@hessian_vector_kernel
def gp_hessian_vector(x, v, out, reals, integers, work):
    """Hessian-vector product."""
    n, d, components = integers[ROWS], integers[FEATURES], integers[COMPONENTS]
    inverse = matrix(work, 0, n, n)
    along = matrix(work, (1 + components) * n * n, n, n)
    product = matrix(work, (2 + components) * n * n, n, n)
    after = (3 + components) * n * n
    alpha = vector(work, after, n)
    beta = vector(work, after + n, n)
    curved = vector(work, after + 2 * n, x.size)
    rows = vector(work, after + 2 * n + x.size, work.size - after - 2 * n - x.size)
    covariance_of(x, reals, integers, work, inverse, rows)
    if not factorise(inverse):
        out[:] = math.inf
        return
    alpha[:] = vector(reals, 1 + d * n, n)
    solve(inverse, alpha)
    invert(inverse)
    _bend(x, v, reals, integers, work, inverse, alpha, along, rows, curved)
    _symmetrise(inverse)
    _symmetrise(along)
    multiply(along, inverse, 0.0, product)
    # (K_v K^-1)^T alpha = K^-1 K_v alpha.
    beta[:] = 0.0
    for i in range(n):
        _add_scaled(alpha[i], product[i], n, beta)
    multiply(inverse, product, 0.0, along)
    for i in range(n):
        for j in range(i + 1):
            along[i, j] = alpha[i] * beta[j] + beta[i] * alpha[j] - along[i, j]
    contract(x, reals, integers, work, along, rows, out)
    scale = scale_of(integers)
    finite = True
    for a in range(x.size):
        out[a] = scale * (out[a] + curved[a])
        finite = finite and math.isfinite(out[a])
    if not finite:
        out[:] = math.inf
