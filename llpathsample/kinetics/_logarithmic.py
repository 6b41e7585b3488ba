"""Elimination as in `_linear`, of the same arrays, all of them logarithms: for what is too cold for plain doubles."""

import math

import numpy as np

from llcommon.losses._blas import multiply_left_transposed
from llcommon.seam import I8, INTEGERS, MATRIX, OPTIONS, VECTOR, algorithm, njit, types

_PANEL = 48
_BLOCK = 256
# A product of scaled numbers above this lost nothing that counts where some of its terms vanished.
_SURE = 1e-290
_LOG_SURE = math.log(_SURE)
_NOTHING = 40.0  # e to the minus this is lost in rounding
_LARGE = 700.0
_LOG_SIZE = math.log(_PANEL)


@njit(**OPTIONS)
def _added(a, b):
    """ln(e^a + e^b)."""
    if b > a:
        a, b = b, a
    if a == -np.inf:
        return a
    return a + math.log1p(math.exp(b - a))


@algorithm(
    types.void, I8, INTEGERS, INTEGERS, INTEGERS, INTEGERS, INTEGERS, INTEGERS, INTEGERS, VECTOR, VECTOR, VECTOR,
    VECTOR, MATRIX,
)  # fmt: skip
def eliminate_sparse(
    count, starts, columns, column_starts, column_rows, column_places, own_starts, own_columns, own, flow, sums,
    capacity, matrix,
):  # fmt: skip
    """As of `_linear`."""
    n = len(starts) - 1
    highest = np.full(n, -np.inf)
    work = np.zeros(n)
    for i in range(n):
        for q in range(own_starts[i], own_starts[i + 1]):
            highest[own_columns[q]] = own[q]
        for c in range(column_starts[i], column_starts[i + 1]):
            x = column_rows[c]
            if x >= count:
                break
            place = column_places[c]
            factor = flow[place] - sums[x]
            for q in range(place + 1, starts[x + 1]):
                highest[columns[q]] = max(highest[columns[q]], factor + flow[q])
        for q in range(own_starts[i], own_starts[i + 1]):
            work[own_columns[q]] = math.exp(own[q] - highest[own_columns[q]])
        for c in range(column_starts[i], column_starts[i + 1]):
            x = column_rows[c]
            if x >= count:
                break
            place = column_places[c]
            factor = flow[place] - sums[x]
            for q in range(place + 1, starts[x + 1]):
                work[columns[q]] += math.exp(factor + flow[q] - highest[columns[q]])
        if i >= count and len(matrix) > 0:
            for j in range(i + 1, n):
                if work[j] > 0.0:
                    matrix[i - count, j - count] = math.log(work[j]) + highest[j]
                else:
                    matrix[i - count, j - count] = -np.inf
                work[j] = 0.0
                highest[j] = -np.inf
            continue
        top = -np.inf
        for q in range(starts[i], starts[i + 1]):
            j = columns[q]
            flow[q] = math.log(work[j]) + highest[j]
            work[j] = 0.0
            highest[j] = -np.inf
            top = max(top, flow[q])
        total = 0.0
        for q in range(starts[i], starts[i + 1]):
            total += math.exp(flow[q] - top)
        sums[i] = top + math.log(total)
        if i < count:
            share = capacity[i] - sums[i]
            for q in range(starts[i], starts[i + 1]):
                capacity[columns[q]] = _added(capacity[columns[q]], share + flow[q])


@algorithm(types.void, I8, I8, I8, MATRIX, VECTOR, VECTOR)
def _finish_row(r, first, last, matrix, sums, capacity):
    """Row r of a panel that begins at row `first`: add what the panel's rows before it give, then what it leads to."""
    m = len(matrix)
    if r > first:
        top = np.empty(m)
        added = np.zeros(m)
        for j in range(r + 1, m):
            top[j] = matrix[r, j]
        for x in range(first, r):
            factor = matrix[x, r] - sums[x]
            for j in range(r + 1, m):
                top[j] = max(top[j], factor + matrix[x, j])
        for j in range(r + 1, m):
            if top[j] > -np.inf:
                added[j] = math.exp(matrix[r, j] - top[j])
        for x in range(first, r):
            factor = matrix[x, r] - sums[x]
            if factor == -np.inf:
                continue
            for j in range(r + 1, m):
                term = factor + matrix[x, j] - top[j]
                if term > -_NOTHING:
                    added[j] += math.exp(term)
        for j in range(r + 1, m):
            if top[j] > -np.inf:
                matrix[r, j] = top[j] + math.log(added[j])
    highest = -np.inf
    for j in range(r + 1, m):
        highest = max(highest, matrix[r, j])
    total = 0.0
    for j in range(r + 1, m):
        total += math.exp(matrix[r, j] - highest)
    sums[r] = highest + math.log(total)
    share = capacity[r] - sums[r]
    for j in range(r + 1, m):
        if matrix[r, j] > -np.inf:
            capacity[j] = _added(capacity[j], share + matrix[r, j])


@njit(**OPTIONS)
def _exact(first, last, i, j, matrix, sums, known):
    """An entry with what a panel adds to it, term by term."""
    top = known
    for x in range(first, last):
        top = max(top, matrix[x, i] + matrix[x, j] - sums[x])
    if top == -np.inf:
        return top
    total = math.exp(known - top)
    for x in range(first, last):
        total += math.exp(matrix[x, i] + matrix[x, j] - sums[x] - top)
    return top + math.log(total)


@algorithm(types.void, I8, MATRIX, VECTOR, VECTOR)
def eliminate_dense(count, matrix, sums, capacity):
    """As of `_linear`.

    What a panel adds to the rows after it is a matrix product all the same: of its columns divided by their largest
    entries. Where that product is so small that a vanished term could count, the entry is summed term by term.
    """
    m = len(matrix)
    left = np.empty((_PANEL, m))
    right = np.empty((_PANEL, m))
    left_scale = np.empty(m)
    right_scale = np.empty(m)
    product = np.empty((_BLOCK, m))
    for first in range(0, count, _PANEL):
        last = min(first + _PANEL, count)
        for r in range(first, last):
            _finish_row(r, first, last, matrix, sums, capacity)
        for j in range(last, m):
            left_scale[j] = -np.inf
            right_scale[j] = -np.inf
        for x in range(first, last):
            for j in range(last, m):
                left_scale[j] = max(left_scale[j], matrix[x, j])
                right_scale[j] = max(right_scale[j], matrix[x, j] - sums[x])
        for x in range(first, last):
            for j in range(last, m):
                if left_scale[j] > -np.inf:
                    left[x - first, j - last] = math.exp(matrix[x, j] - left_scale[j])
                    right[x - first, j - last] = math.exp(matrix[x, j] - sums[x] - right_scale[j])
                else:
                    left[x - first, j - last] = 0.0
                    right[x - first, j - last] = 0.0
        size = last - first
        for top in range(last, m, _BLOCK):
            bottom = min(top + _BLOCK, m)
            multiply_left_transposed(
                left[:size, top - last : bottom - last], right[:size, top - last : m - last], 0.0,
                product[: bottom - top, top - last : m - last],
            )  # fmt: skip
            for i in range(top, bottom):
                for j in range(i + 1, m):
                    known = matrix[i, j]
                    bound = left_scale[i] + right_scale[j]
                    if bound == -np.inf or bound + _LOG_SIZE < known - _NOTHING:
                        continue
                    value = product[i - top, j - last]
                    if value < _SURE:
                        if bound + _LOG_SURE < known - _NOTHING:
                            continue
                        matrix[i, j] = _exact(first, last, i, j, matrix, sums, known)
                    elif bound - known > _LARGE:
                        matrix[i, j] = bound + math.log(value + math.exp(known - bound))
                    else:
                        matrix[i, j] = known + math.log1p(value * math.exp(bound - known))


@algorithm(types.void, I8, I8, INTEGERS, INTEGERS, VECTOR, VECTOR, MATRIX, VECTOR)
def substitute_back(count, inner, starts, columns, flow, sums, matrix, values):
    """As of `_linear`."""
    n = len(starts) - 1
    for r in range(inner - 1, count - 1, -1):
        top = values[r]
        for j in range(r + 1, n):
            top = max(top, matrix[r - count, j - count] - sums[r] + values[j])
        if top > -np.inf:
            total = math.exp(values[r] - top)
            for j in range(r + 1, n):
                total += math.exp(matrix[r - count, j - count] - sums[r] + values[j] - top)
            values[r] = top + math.log(total)
    for r in range(min(count, inner) - 1, -1, -1):
        top = values[r]
        for q in range(starts[r], starts[r + 1]):
            top = max(top, flow[q] - sums[r] + values[columns[q]])
        if top > -np.inf:
            total = math.exp(values[r] - top)
            for q in range(starts[r], starts[r + 1]):
                total += math.exp(flow[q] - sums[r] + values[columns[q]] - top)
            values[r] = top + math.log(total)
