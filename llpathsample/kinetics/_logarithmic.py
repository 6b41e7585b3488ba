"""Elimination as in `_linear`, of the same arrays, all of them logarithms: for what is too cold for plain doubles."""

import math

import numpy as np

from llcommon.losses._blas import multiply_left_transposed
from llcommon.seam import I8, INTEGERS, MATRIX, OPTIONS, SUMMING, VECTOR, algorithm, njit, types
from llpathsample.kinetics._exponentials import exponential, logarithm

_PANEL = 96  # rows that are eliminated before the others learn of them
_STRIP = 16  # rows of these, likewise
_BLOCK = 256  # rows of one product
_COLUMNS = 512
# Scaled numbers below e to the minus this become zero, so that no product of two is subnormal, which is slow; a sum of
# such products above _SURE lost nothing that counts.
_DEPTH = 333.0
_SURE = 1e-125
_LOG_SURE = math.log(_SURE)
_FEW = 1.0 / 16.0  # of a row, up to which entries too cold for the product are summed at once
_NOTHING = 45.0  # e to the minus this is lost in rounding


@njit(**OPTIONS)
def _larger(a, b):
    """The larger of two, neither of them NaN, in the form that loops vectorise."""
    return a if a > b else b


@njit(**OPTIONS)
def _smaller(a, b):
    return a if a < b else b


@njit(**OPTIONS)
def _power(x):
    """e^x, or nothing if that is lost beside 1."""
    value = exponential(x)
    return value if x > -_NOTHING else 0.0


@njit(**OPTIONS)
def _added(a, b):
    """ln(e^a + e^b)."""
    top = _larger(a, b)
    return top + logarithm(1.0 + _power(_smaller(a, b) - top))


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
            work[own_columns[q]] = _power(own[q] - highest[own_columns[q]])
        for c in range(column_starts[i], column_starts[i + 1]):
            x = column_rows[c]
            if x >= count:
                break
            place = column_places[c]
            factor = flow[place] - sums[x]
            for q in range(place + 1, starts[x + 1]):
                work[columns[q]] += _power(factor + flow[q] - highest[columns[q]])
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
            total += _power(flow[q] - top)
        sums[i] = top + math.log(total)
        if i < count:
            share = capacity[i] - sums[i]
            for q in range(starts[i], starts[i + 1]):
                capacity[columns[q]] = _added(capacity[columns[q]], share + flow[q])


@njit(**SUMMING)
def _powers(values, highest):
    """Sum of e^(values - highest)."""
    total = 0.0
    for j in range(len(values)):
        total += _power(values[j] - highest)
    return total


@njit(**OPTIONS)
def _log_sum(values):
    highest = -np.inf
    for j in range(len(values)):
        highest = _larger(highest, values[j])
    return highest + math.log(_powers(values, highest)) if highest > -np.inf else highest


@njit(**OPTIONS)
def _finish_row(r, first, matrix, sums, capacity, top, added):
    """Row r: add what the rows from `first` on give that lead to it, then what it leads to."""
    row = matrix[r, r + 1 :]
    size = len(row)
    if r > first:
        for k in range(size):
            top[k] = row[k]
        for x in range(first, r):
            _raise(top[:size], matrix[x, r] - sums[x], matrix[x, r + 1 :])
        for k in range(size):
            added[k] = _power(row[k] - top[k])
        for x in range(first, r):
            _add_powers(added[:size], matrix[x, r] - sums[x], matrix[x, r + 1 :], top[:size])
        for k in range(size):
            row[k] = top[k] + logarithm(added[k])
    sums[r] = _log_sum(row)
    share = capacity[r] - sums[r]
    others = capacity[r + 1 :]
    for k in range(size):
        others[k] = _added(others[k], share + row[k])


@njit(**OPTIONS)
def _raise(top, factor, row):
    for k in range(len(top)):
        top[k] = _larger(top[k], factor + row[k])


@njit(**OPTIONS)
def _add_powers(added, factor, row, top):
    for k in range(len(added)):
        added[k] += _power(factor + row[k] - top[k])


@njit(**OPTIONS)
def _two_largest(i, first, last, begin, end, matrix, sums, largest, second):
    """The two largest terms, (end - begin,), that rows first to last add to the entries of row i in some columns."""
    for k in range(end - begin):
        largest[k] = -np.inf
        second[k] = -np.inf
    # Four rows at once: the two largest so far stay in registers.
    whole = first + (last - first) // 4 * 4
    for x in range(first, whole, 4):
        factor_0 = matrix[x, i] - sums[x]
        factor_1 = matrix[x + 1, i] - sums[x + 1]
        factor_2 = matrix[x + 2, i] - sums[x + 2]
        factor_3 = matrix[x + 3, i] - sums[x + 3]
        row_0 = matrix[x, begin:end]
        row_1 = matrix[x + 1, begin:end]
        row_2 = matrix[x + 2, begin:end]
        row_3 = matrix[x + 3, begin:end]
        for k in range(end - begin):
            top = largest[k]
            next_top = second[k]
            term = factor_0 + row_0[k]
            next_top = _larger(_smaller(term, top), next_top)
            top = _larger(term, top)
            term = factor_1 + row_1[k]
            next_top = _larger(_smaller(term, top), next_top)
            top = _larger(term, top)
            term = factor_2 + row_2[k]
            next_top = _larger(_smaller(term, top), next_top)
            top = _larger(term, top)
            term = factor_3 + row_3[k]
            second[k] = _larger(_smaller(term, top), next_top)
            largest[k] = _larger(term, top)
    for x in range(whole, last):
        factor = matrix[x, i] - sums[x]
        row = matrix[x, begin:end]
        for k in range(end - begin):
            term = factor + row[k]
            second[k] = _larger(_smaller(term, largest[k]), second[k])
            largest[k] = _larger(term, largest[k])


@njit(**OPTIONS)
def _largest_term(factors, terms, size):
    highest = -np.inf
    for x in range(size):
        highest = _larger(highest, factors[x] + terms[x])
    return highest


@njit(**OPTIONS)
def _term_by_term(factors, terms, size, known, largest):
    """ln of e^known and the sum of e^(factors + terms), (size,) each; largest: of these terms."""
    highest = _larger(known, largest)
    if highest == -np.inf:
        return highest
    total = math.exp(known - highest)
    for x in range(size):
        depth = factors[x] + terms[x] - highest
        if depth > -_NOTHING:
            total += math.exp(depth)
    return highest + math.log(total)


@njit(**OPTIONS)
def _settle(row, largest, second, log_size, left):
    """Give entries of a row that are `left` what is added to them where one number outweighs all else."""
    for k in range(len(row)):
        known = row[k]
        added = largest[k]
        higher = _larger(known, added)
        lower = _larger(_smaller(known, added), second[k])
        alone = lower + log_size < higher - _NOTHING
        row[k] = higher if alone and left[k] > 0.0 else known
        left[k] = 0.0 if alone or higher == -np.inf else left[k]


@njit(**OPTIONS)
def _add_product(row, scale, scales, values, left):
    """row = ln(e^row + values e^(scale + scales)) where the values are sure; left: 1 where they are not but may count.

    Returns how many are left."""
    count = 0
    for k in range(len(row)):
        known = row[k]
        bound = scale + scales[k]
        value = values[k]
        sure = value >= _SURE
        above = bound > known
        less = exponential(-abs(bound - known))
        total = value + less if above else 1.0 + value * less
        added = _larger(bound, known) + logarithm(total)
        row[k] = added if sure else known
        counts = (not sure) and bound > -np.inf and bound + _LOG_SURE >= known - _NOTHING
        left[k] = 1.0 if counts else 0.0
        count += counts
    return count


@algorithm(types.void, I8, I8, I8, I8, MATRIX, VECTOR, MATRIX, MATRIX, MATRIX)
def _update(first, last, begin, end, matrix, sums, scaled, product, across):
    """Add what rows first to last give to rows begin to end, right of the diagonal.

    That is a matrix product all the same: of W_xj / s_x^(1/2) by columns divided by their largest, which is the closest
    bound of the terms there is on the diagonal. Where it is so small that a
    vanished term could count, the entry is summed by its largest terms. scaled, product, across: scratch.
    """
    m = len(matrix)
    size = last - first
    log_size = math.log(size)
    scale = np.full(m, -np.inf)
    largest = np.empty(_COLUMNS)
    second = np.empty(_COLUMNS)
    factors = np.empty(_PANEL)
    left_over = np.empty(_COLUMNS)
    for x in range(first, last):
        for j in range(begin, m):
            scale[j] = _larger(scale[j], matrix[x, j] - 0.5 * sums[x])
    for x in range(first, last):
        for j in range(begin, m):
            depth = matrix[x, j] - 0.5 * sums[x] - scale[j]
            scaled[x - first, j - begin] = exponential(depth) if depth > -_DEPTH else 0.0
        for j in range(begin, m):
            across[j, x - first] = matrix[x, j]
    for top in range(begin, end, _BLOCK):
        bottom = min(top + _BLOCK, end)
        multiply_left_transposed(
            scaled[:size, top - begin : bottom - begin], scaled[:size, top - begin : m - begin], 0.0,
            product[: bottom - top, top - begin : m - begin],
        )  # fmt: skip
        # A few columns for all rows, so that the cache keeps what is read again and again.
        for edge in range(top, m, _COLUMNS):
            border = min(edge + _COLUMNS, m)
            for i in range(top, bottom):
                j = max(i + 1, edge)
                values = product[i - top, j - begin : border - begin]
                count = _add_product(matrix[i, j:border], scale[i], scale[j:border], values, left_over)
                if not count:
                    continue
                for x in range(first, last):
                    factors[x - first] = matrix[x, i] - sums[x]
                few = count <= _FEW * (border - j)
                if not few:
                    _two_largest(i, first, last, j, border, matrix, sums, largest, second)
                    _settle(matrix[i, j:border], largest, second, log_size, left_over)
                for k in range(j, border):
                    if left_over[k - j] > 0.0:
                        term = _largest_term(factors, across[k], size) if few else largest[k - j]
                        matrix[i, k] = _term_by_term(factors, across[k], size, matrix[i, k], term)


@algorithm(types.void, I8, MATRIX, VECTOR, VECTOR)
def eliminate_dense(count, matrix, sums, capacity):
    """As of `_linear`."""
    m = len(matrix)
    scaled = np.empty((_PANEL, m))
    product = np.empty((_BLOCK, m))
    across = np.empty((m, _PANEL))
    top = np.empty(m)
    added = np.empty(m)
    for first in range(0, count, _PANEL):
        last = min(first + _PANEL, count)
        for begin in range(first, last, _STRIP):
            end = min(begin + _STRIP, last)
            for r in range(begin, end):
                _finish_row(r, begin, matrix, sums, capacity, top, added)
            if end < last:
                _update(begin, end, end, last, matrix, sums, scaled, product, across)
        if last < m:
            _update(first, last, last, m, matrix, sums, scaled, product, across)


@algorithm(types.void, I8, I8, INTEGERS, INTEGERS, VECTOR, VECTOR, MATRIX, VECTOR)
def substitute_back(count, inner, starts, columns, flow, sums, matrix, values):
    """As of `_linear`."""
    n = len(starts) - 1
    terms = np.empty(n)
    for r in range(inner - 1, count - 1, -1):
        row = matrix[r - count, r - count + 1 :]
        others = values[r + 1 :]
        terms[0] = values[r]
        for j in range(len(row)):
            terms[j + 1] = row[j] - sums[r] + others[j]
        values[r] = _log_sum(terms[: len(row) + 1])
    for r in range(min(count, inner) - 1, -1, -1):
        top = values[r]
        for q in range(starts[r], starts[r + 1]):
            top = _larger(top, flow[q] - sums[r] + values[columns[q]])
        if top > -np.inf:
            total = _power(values[r] - top)
            for q in range(starts[r], starts[r + 1]):
                total += _power(flow[q] - sums[r] + values[columns[q]] - top)
            values[r] = top + math.log(total)
