"""The negative modes of a Hessian, and shifted solves beside them, by way of a tridiagonal matrix.

T = Q^T H Q by Householder's reflections (Golub and Van Loan, Matrix Computations, ch. 8.3). Its negative eigenvalues
are found by bisection on the number of negative pivots, their vectors by inverse iteration; every solve with T takes
time in proportion to N. All eigenvectors of 83 coordinates cost 270 microseconds, T and three negative modes 110.

`bands`, (8, N), holds a tridiagonal matrix and the factors of a shifted one: its rows are named below.
"""

import math

from llcommon.optimise.vectors import add_scaled, copy_into, dot, norm, remove_components
from llcommon.seam import F8, I8, MATRIX, VECTOR, algorithm, types

ROWS = 8
_DIAGONAL, _BESIDE, _SCALES, _LOWER, _MIDDLE, _UPPER, _SECOND, _SWAPPED = range(ROWS)
_BISECTIONS = 60
_CLOSE = 1e-4  # relative width of an interval at which inverse iteration takes over
_ITERATIONS = 4
_RESIDUAL = 1e-11  # of an eigenpair, in units of the largest eigenvalue
MOST_NEGATIVE = 8  # modes; more of them take as long as all eigenvectors


@algorithm(types.void, MATRIX, MATRIX, VECTOR)
def tridiagonalise(matrix, bands, scratch):
    """T of the symmetric (N, N) `matrix` into `bands`; the reflections that lead there stay in the rows of `matrix`."""
    n = matrix.shape[0]
    diagonal = bands[_DIAGONAL]
    beside = bands[_BESIDE]
    scales = bands[_SCALES]
    beside[n - 1] = 0.0
    for k in range(n - 1):
        diagonal[k] = matrix[k, k]
        mirror = matrix[k, k + 1 :]
        length = norm(mirror)
        scales[k] = 0.0
        beside[k] = mirror[0]
        if k == n - 2 or not length > abs(mirror[0]):
            continue
        beside[k] = -length if mirror[0] > 0.0 else length
        mirror[0] -= beside[k]
        scale = 2.0 / dot(mirror, mirror)
        scales[k] = scale
        image = scratch[k + 1 :]
        for i in range(mirror.size):
            image[i] = scale * dot(matrix[k + 1 + i, k + 1 :], mirror)
        add_scaled(-0.5 * scale * dot(image, mirror), mirror, image)
        for i in range(mirror.size):
            row = matrix[k + 1 + i, k + 1 :]
            first = mirror[i]
            second = image[i]
            for j in range(row.size):
                row[j] -= first * image[j] + second * mirror[j]
    diagonal[n - 1] = matrix[n - 1, n - 1]


@algorithm(types.void, MATRIX, MATRIX, VECTOR)
def into_basis(mirrors, bands, v):
    """v becomes Q^T v, in place; mirrors: the matrix that `tridiagonalise` left."""
    for k in range(v.size - 2):
        part = v[k + 1 :]
        mirror = mirrors[k, k + 1 :]
        add_scaled(-bands[_SCALES, k] * dot(mirror, part), mirror, part)


@algorithm(types.void, MATRIX, MATRIX, VECTOR)
def out_of_basis(mirrors, bands, v):
    """v becomes Q v, in place."""
    for k in range(v.size - 3, -1, -1):
        part = v[k + 1 :]
        mirror = mirrors[k, k + 1 :]
        add_scaled(-bands[_SCALES, k] * dot(mirror, part), mirror, part)


@algorithm(F8, MATRIX)
def largest_possible(bands):
    """Gershgorin's bound of the size of the eigenvalues of T."""
    n = bands.shape[1]
    largest = 0.0
    before = 0.0
    for i in range(n):
        after = abs(bands[_BESIDE, i])
        largest = max(largest, before + abs(bands[_DIAGONAL, i]) + after)
        before = after
    return largest


@algorithm(I8, MATRIX, F8)
def number_below(bands, value):
    """How many eigenvalues of T are less than `value` (Sturm's sequence)."""
    smallest = 1e-300
    pivot = 1.0
    coupling = 0.0
    count = 0
    for i in range(bands.shape[1]):
        pivot = bands[_DIAGONAL, i] - value - coupling * coupling / pivot
        if abs(pivot) < smallest:
            pivot = -smallest
        if pivot < 0.0:
            count += 1
        coupling = bands[_BESIDE, i]
    return count


@algorithm(types.void, MATRIX, F8)
def factorise_shifted(bands, shift):
    """LU factors of T + shift with partial pivoting, in `bands`."""
    n = bands.shape[1]
    lower = bands[_LOWER]
    middle = bands[_MIDDLE]
    upper = bands[_UPPER]
    second = bands[_SECOND]
    swapped = bands[_SWAPPED]
    tiny = 1e-16 * largest_possible(bands) + 1e-300
    for i in range(n):
        middle[i] = bands[_DIAGONAL, i] + shift
        lower[i] = bands[_BESIDE, i]
        upper[i] = bands[_BESIDE, i]
        second[i] = 0.0
        swapped[i] = 0.0
    for i in range(n - 1):
        if abs(middle[i]) >= abs(lower[i]):
            if abs(middle[i]) < tiny:
                middle[i] = tiny
            lower[i] /= middle[i]
            middle[i + 1] -= lower[i] * upper[i]
        else:
            swapped[i] = 1.0
            ratio = middle[i] / lower[i]
            middle[i] = lower[i]
            lower[i] = ratio
            above = upper[i]
            upper[i] = middle[i + 1]
            middle[i + 1] = above - ratio * upper[i]
            second[i] = upper[i + 1]
            upper[i + 1] *= -ratio
    if abs(middle[n - 1]) < tiny:
        middle[n - 1] = tiny


@algorithm(types.void, MATRIX, VECTOR)
def solve_shifted(bands, b):
    """Solves (T + shift) p = b in place, shift of the last `factorise_shifted`."""
    n = b.size
    for i in range(n - 1):
        if bands[_SWAPPED, i] > 0.0:
            kept = b[i]
            b[i] = b[i + 1]
            b[i + 1] = kept - bands[_LOWER, i] * b[i]
        else:
            b[i + 1] -= bands[_LOWER, i] * b[i]
    ahead = 0.0
    further = 0.0
    for i in range(n - 1, -1, -1):
        b[i] = (b[i] - bands[_UPPER, i] * ahead - bands[_SECOND, i] * further) / bands[_MIDDLE, i]
        further = ahead
        ahead = b[i]


@algorithm(F8, MATRIX, I8, F8)
def near_eigenvalue(bands, number, bound):
    """A value within _CLOSE of eigenvalue `number` of T, counted from 0, which is known to be negative.

    bound: on the size of the eigenvalues.
    """
    low = -bound
    high = 0.0
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        if high - low <= -_CLOSE * middle:
            break
        # Geometric where the interval spans orders of magnitude.
        if high < 0.0 and low < 8.0 * high:
            middle = -math.sqrt(low * high)
        elif high == 0.0:
            middle = 0.03 * low
        if number_below(bands, middle) > number:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high)


@algorithm(F8, MATRIX, VECTOR, I8)
def row_times(bands, v, i):
    """(T v)_i."""
    product = bands[_DIAGONAL, i] * v[i]
    if i > 0:
        product += bands[_BESIDE, i - 1] * v[i - 1]
    if i < v.size - 1:
        product += bands[_BESIDE, i] * v[i + 1]
    return product


@algorithm(types.Tuple((F8, F8)), MATRIX, VECTOR)
def quotient(bands, v):
    """(Rayleigh's quotient of the unit vector v with T, norm of the residual)."""
    value = 0.0
    for i in range(v.size):
        value += v[i] * row_times(bands, v, i)
    square = 0.0
    for i in range(v.size):
        square += (row_times(bands, v, i) - value * v[i]) ** 2
    return value, math.sqrt(square)


@algorithm(types.boolean, MATRIX, I8, VECTOR, MATRIX)
def negative_modes(bands, number, values, rows):
    """The `number` negative eigenvalues of T, ascending, and their orthonormal vectors, (number, N).

    Returns False if one of them has not converged.
    """
    n = bands.shape[1]
    bound = largest_possible(bands)
    for k in range(number):
        row = rows[k]
        for i in range(n):
            row[i] = math.cos(float(i * (k + 1)))
        value = near_eigenvalue(bands, k, bound)
        residual = math.inf
        for iteration in range(_ITERATIONS):
            if iteration != 1:
                factorise_shifted(bands, -value)
            remove_components(rows[:k], row)
            row /= norm(row)
            solve_shifted(bands, row)
            remove_components(rows[:k], row)
            length = norm(row)
            if not (math.isfinite(length) and length > 0.0):
                return False
            row /= length
            if iteration == 0:
                continue
            value, residual = quotient(bands, row)
            if residual <= 1e-2 * _RESIDUAL * bound:
                break
        if not (residual <= _RESIDUAL * bound and value < 0.0):
            return False
        values[k] = value
        if k > 0 and value < values[k - 1] - _RESIDUAL * bound:
            return False
    return True


@algorithm(F8, MATRIX, VECTOR, MATRIX, VECTOR, VECTOR, I8, F8, VECTOR, VECTOR, VECTOR)
def partial_step(bands, values, rows, slopes, rest, climbed, trust, step, others, scratch):
    """`saddle.image_step` where only the negative modes are known one by one; returns the shift.

    values, slopes, step: (k,), of the negative modes; rows: their vectors, (k, N), in the basis of T; rest, others:
    slope and step, (N,), in that basis, without these modes. scratch: (N,).
    """
    floor = max(1e-13 * largest_possible(bands), 1e-300)
    shift = 0.0
    for _ in range(60):
        factorise_shifted(bands, shift)
        copy_into(rest, others)
        solve_shifted(bands, others)
        remove_components(rows, others)
        copy_into(others, scratch)
        solve_shifted(bands, scratch)
        square = dot(others, others)
        bend = dot(others, scratch)
        for i in range(values.size):
            curvature = max(abs(values[i]), floor) + shift
            part = slopes[i] / curvature
            square += part * part
            bend += part * part / curvature
        length = math.sqrt(square)
        if length <= trust * 1.001:
            break
        shift += (length / trust - 1.0) * square / bend
    for i in range(values.size):
        step[i] = -slopes[i] / (max(abs(values[i]), floor) + shift)
    step[climbed] = -step[climbed]
    others *= -1.0
    return shift


@algorithm(F8, MATRIX, VECTOR, MATRIX, F8, VECTOR)
def partial_correction(bands, values, rows, shift, residual):
    """`saddle.correction_length` where only the negative modes are known; residual: (N,) in the basis of T, changed."""
    total = 0.0
    for i in range(values.size):
        along = dot(rows[i], residual)
        part = along / (abs(values[i]) + shift)
        total += part * part
        add_scaled(-along, rows[i], residual)
    factorise_shifted(bands, shift)
    solve_shifted(bands, residual)
    remove_components(rows, residual)
    return math.sqrt(total + dot(residual, residual))


@algorithm(I8, MATRIX, MATRIX, MATRIX, VECTOR, MATRIX, MATRIX, VECTOR)
def partial_spectrum(matrix, mirrors, bands, values, rows, vectors, scratch):
    """The negative eigenvalues of the symmetric (N, N) `matrix`, ascending, with their vectors; how many there are.

    rows, vectors: the vectors in the basis of T and in that of the matrix, one a row. mirrors, (N, N), and bands are as
    `tridiagonalise` leaves them. 0 if there are none, more than MOST_NEGATIVE, or one has not converged.
    """
    mirrors[:] = matrix
    tridiagonalise(mirrors, bands, scratch)
    number = number_below(bands, 0.0)
    if number > MOST_NEGATIVE or not negative_modes(bands, number, values, rows):
        return 0
    for k in range(number):
        vectors[k] = rows[k]
        out_of_basis(mirrors, bands, vectors[k])
    return number
