"""Blocks of the perceptron's Hessian: sums over rows of data as matrix products, and their way into the matrix.

A block (l, m) of two layers is summed over rows as a product between pairs of inputs and pairs of units, where each
symmetric pair occurs once. Sums stay in that order, chunk after chunk, and are spread over the Hessian once.
Notation of `_mlp_hessian`; a, b: inputs (with the bias) and units of layer l; c, d: those of layer m.
"""

from numba import njit

from llcommon.losses._blas import matrix, multiply_right_transposed
from llcommon.seam import OPTIONS, SUMMING

_TILE = 16  # rows and columns of a square that is mirrored within the first-level cache


@njit(**SUMMING)
def _symmetric_products(below, out):
    """out[(i <= j), s] = below[i, s] below[j, s]."""
    count, rows = below.shape
    p = 0
    for i in range(count):
        for j in range(i, count):
            for s in range(rows):
                out[p, s] = below[i, s] * below[j, s]
            p += 1


@njit(**SUMMING)
def _products(left, right, out):
    """out[(i, j), s] = left[i, s] right[j, s]."""
    rows = left.shape[1]
    p = 0
    for i in range(left.shape[0]):
        for j in range(right.shape[0]):
            for s in range(rows):
                out[p, s] = left[i, s] * right[j, s]
            p += 1


@njit(**OPTIONS)
def add_diagonal(below, q, beta, total, work, scratch):
    """total[(i <= j), (u <= v)] = beta total + sum of a_i a_j Q_uv; below (a, rows), q (pairs of units, rows)."""
    products = matrix(work, scratch, total.shape[0], below.shape[1])
    _symmetric_products(below, products)
    multiply_right_transposed(products, q, beta, total)


@njit(**OPTIONS)
def add_mixed(below_l, below_m, curvature, beta, total, work, scratch):
    """total[(i, j), (u, v)] = beta total + sum of a_i a'_j d2L/dz_u dz'_v; curvature (b d, rows)."""
    products = matrix(work, scratch, total.shape[0], below_l.shape[1])
    _products(below_l, below_m, products)
    multiply_right_transposed(products, curvature, beta, total)


@njit(**OPTIONS)
def add_neighbour(below_l, slope, delta, beta, total, work, scratch):
    """total[i, (u, v)] = beta total + sum of a_i f'_u delta_v, m = l + 1: input j of layer m is unit u of l."""
    products = matrix(work, scratch, total.shape[1], below_l.shape[1])
    _products(slope, delta, products)
    multiply_right_transposed(below_l, products, beta, total)


@njit(**OPTIONS)
def add_distant(below_l, delta, transfer, beta, total, work, scratch):
    """total[(i, v), (u, j)] = beta total + sum of a_i delta_v da'_j/dz_u, m > l + 1; transfer (b (c - 1), rows)."""
    products = matrix(work, scratch, total.shape[0], below_l.shape[1])
    _products(below_l, delta, products)
    multiply_right_transposed(products, transfer, beta, total)


@njit(**OPTIONS)
def spread_diagonal(total, hessian, offset, inputs, units):
    """Writes total[(i <= j), (u <= v)] to all entries of one layer's block that equal it."""
    p = 0
    for i in range(inputs):
        for j in range(i, inputs):
            c = 0
            for u in range(units):
                iu = offset + i * units + u
                ju = offset + j * units + u
                for v in range(u, units):
                    value = total[p, c]
                    iv = offset + i * units + v
                    jv = offset + j * units + v
                    hessian[iu, jv] = value
                    hessian[iv, ju] = value
                    hessian[jv, iu] = value
                    hessian[ju, iv] = value
                    c += 1
            p += 1


@njit(**OPTIONS)
def spread_mixed(total, hessian, offset_l, units_l, offset_m, inputs_m, units_m):
    """Writes total[(i, j), (u, v)] to rows (l, i, u), columns (m, j, v)."""
    for p in range(total.shape[0]):
        row = offset_l + p // inputs_m * units_l
        column = offset_m + p % inputs_m * units_m
        for u in range(units_l):
            for v in range(units_m):
                hessian[row + u, column + v] = total[p, u * units_m + v]


@njit(**OPTIONS)
def spread_neighbour(total, hessian, offset_l, units_l, offset_m, units_m):
    """Adds total[i, (u, v)] to rows (l, i, u), columns (m, u, v)."""
    for i in range(total.shape[0]):
        for u in range(units_l):
            row = offset_l + i * units_l + u
            column = offset_m + u * units_m
            for v in range(units_m):
                hessian[row, column + v] += total[i, u * units_m + v]


@njit(**OPTIONS)
def spread_distant(total, hessian, offset_l, units_l, offset_m, inner, units_m):
    """Adds total[(i, v), (u, j)] to rows (l, i, u), columns (m, j, v)."""
    for p in range(total.shape[0]):
        row = offset_l + p // units_m * units_l
        column = offset_m + p % units_m
        for u in range(units_l):
            for j in range(inner):
                hessian[row + u, column + j * units_m] += total[p, u * inner + j]


@njit(**OPTIONS)
def mirror(hessian, first_row, rows, first_column, columns):
    """Copies a block above the diagonal to its place below, in squares that keep both in cache."""
    end_row = first_row + rows
    end_column = first_column + columns
    for row in range(first_row, end_row, _TILE):
        for column in range(first_column, end_column, _TILE):
            for j in range(column, min(column + _TILE, end_column)):
                for i in range(row, min(row + _TILE, end_row)):
                    hessian[j, i] = hessian[i, j]
