"""Losses of a perceptron's outputs that are means over pairs of rows, compiled: value, slope, second derivatives.

    auc          L = (1/PN) sum over positive i, negative j of f(u),  u = beta (p_i - p_j), p the softmax probability of
                 the positive class, with f(u) by shape: sigmoid -1 / (1 + exp(-u)); tanh -tanh u;
                 squared-hinge max(0, 1 - u)^2; exponential exp(-u).
                 Herschtal and Raskutti, ICML 21 (2004), took the sigmoid for the step of the rank statistic of Mann
                 and Whitney; Gao and Zhou, IJCAI 24, 939 (2015), say which shapes are consistent with the AUC.
    contrastive  L = mean over pairs i < j of D^2 for two rows of one class, max(0, margin - D)^2 else,
                 D = |z_i - z_j| (Hadsell, Chopra and LeCun, CVPR 2006, 1735, without the factors 1/2). Where two
                 rows of different class meet, D = 0, the slope has no direction: it is taken as zero there.

Without any pair, as in a small batch of rows, L = 0. Outputs z (outputs, rows) become the slopes dL/dz in place; with
`second`, r = R{z} (outputs, rows) becomes R{dL/dz} at the same time. The time is proportional to the number of pairs.
"""

import math

from numba import njit

from llcommon.losses._blas import matrix, vector
from llcommon.losses._mlp_kernels import _exp, _tanh
from llcommon.seam import F8, I8, INTEGERS, MATRIX, OPTIONS, SUMMING, VECTOR, linked, types

SIGMOID = 0
TANH_SHAPE = 1
SQUARED_HINGE = 2
EXPONENTIAL = 3


@njit(**OPTIONS)
def pair_scratch(outputs):
    """Scratch of these losses, float64 for each row: a copy of z and of R{z}, and two numbers more."""
    return 2 * outputs + 2


# --- AUC ------------------------------------------------------------------------------------------


@njit(**SUMMING)
def _shape(u, shape):
    """f(u), f'(u), f''(u)."""
    if shape == SIGMOID:
        half = _tanh(0.5 * u)
        slope = 0.25 * (1.0 - half * half)
        return -0.5 - 0.5 * half, -slope, slope * half
    if shape == TANH_SHAPE:
        value = _tanh(u)
        slope = 1.0 - value * value
        return -value, -slope, 2.0 * value * slope
    if shape == SQUARED_HINGE:
        short = max(0.0, 1.0 - u)
        return short * short, -2.0 * short, 2.0 if short > 0.0 else 0.0
    power = _exp(-abs(u))
    value = power if u >= 0.0 else 1.0 / power
    return value, -value, value


@njit(**SUMMING)
def _softmax(z, top, total):
    """z becomes the probabilities, in place."""
    classes, rows = z.shape
    for s in range(rows):
        top[s] = z[0, s]
        total[s] = 0.0
    for k in range(1, classes):
        for s in range(rows):
            top[s] = z[k, s] if z[k, s] > top[s] else top[s]
    for k in range(classes):
        for s in range(rows):
            z[k, s] = _exp(z[k, s] - top[s])
            total[s] += z[k, s]
    for k in range(classes):
        for s in range(rows):
            z[k, s] /= total[s]


@njit(**OPTIONS)
def _gather(row, labels, positive, out):
    """Numbers of the positive rows of data first, then of the others; how many are positive."""
    front = 0
    for s in range(row.size):
        if labels[s] == positive:
            out[front] = row[s]
            front += 1
    place = front
    for s in range(row.size):
        if labels[s] != positive:
            out[place] = row[s]
            place += 1
    return front


@njit(**OPTIONS)
def _scatter(gathered, labels, positive, positives, out):
    """The inverse of _gather."""
    front = 0
    back = positives
    for s in range(out.size):
        if labels[s] == positive:
            out[s] = gathered[front]
            front += 1
        else:
            out[s] = gathered[back]
            back += 1


@njit(**SUMMING)
def _pair_slopes(p, positives, beta, shape, g):
    """g (rows) = dL/dp of the gathered p (rows), and L."""
    value = 0.0
    g[:] = 0.0
    for i in range(positives):
        sum_here = 0.0
        slope_here = 0.0
        for j in range(positives, p.size):
            f, slope, _ = _shape(beta * (p[i] - p[j]), shape)
            sum_here += f
            slope_here += slope
            g[j] -= slope
        value += sum_here
        g[i] = slope_here
    pairs = positives * (p.size - positives)
    share = 1.0 / pairs if pairs > 0 else 0.0
    g *= beta * share
    return value * share


@njit(**SUMMING)
def _pair_curvatures(p, r, positives, beta, shape, out):
    """out (rows) = R{dL/dp} of the gathered p and R{p} (rows)."""
    out[:] = 0.0
    for i in range(positives):
        here = 0.0
        for j in range(positives, p.size):
            _, _, curvature = _shape(beta * (p[i] - p[j]), shape)
            change = curvature * (r[i] - r[j])
            here += change
            out[j] -= change
        out[i] = here
    pairs = positives * (p.size - positives)
    out *= beta * beta / pairs if pairs > 0 else 0.0


@njit(**SUMMING)
def _through_softmax(z, r):
    """r = R{z} becomes R{p} = p (r - sum p r), z being p."""
    classes, rows = z.shape
    for s in range(rows):
        mean = 0.0
        for k in range(classes):
            mean += z[k, s] * r[k, s]
        for k in range(classes):
            r[k, s] = z[k, s] * (r[k, s] - mean)


@njit(**SUMMING)
def _back_from_positive(z, positive, g):
    """z, which is p, becomes dL/dz_k = g p_positive (same - p_k)."""
    classes, rows = z.shape
    for s in range(rows):
        g[s] *= z[positive, s]
    for k in range(classes):
        same = 1.0 if k == positive else 0.0
        for s in range(rows):
            z[k, s] = g[s] * (same - z[k, s])


@njit(**SUMMING)
def _r_back_from_positive(z, r, positive, g, rg):
    """r, which is R{p}, becomes R{dL/dz}; z is p."""
    classes, rows = z.shape
    for s in range(rows):
        rg[s] = rg[s] * z[positive, s] + g[s] * r[positive, s]
    for k in range(classes):
        same = 1.0 if k == positive else 0.0
        for s in range(rows):
            r[k, s] = rg[s] * (same - z[k, s]) - g[s] * z[positive, s] * r[k, s]


@njit(F8(MATRIX, MATRIX, types.boolean, INTEGERS, I8, F8, I8, VECTOR, I8), **OPTIONS)
def _auc_surrogate(z, r, second, labels, positive, beta, shape, work, start):
    """The surrogate of the AUC; see the module's docstring. work from `start` on: 4 rows of scratch."""
    rows = z.shape[1]
    p = vector(work, start, rows)
    g = vector(work, start + rows, rows)
    moved = vector(work, start + 2 * rows, rows)
    bent = vector(work, start + 3 * rows, rows)
    _softmax(z, p, g)
    positives = _gather(z[positive], labels, positive, p)
    if second:
        _through_softmax(z, r)
        _gather(r[positive], labels, positive, moved)
        _pair_curvatures(p, moved, positives, beta, shape, bent)
        _scatter(bent, labels, positive, positives, moved)
    value = _pair_slopes(p, positives, beta, shape, g)
    _scatter(g, labels, positive, positives, p)
    if second:
        _r_back_from_positive(z, r, positive, p, moved)
    _back_from_positive(z, positive, p)
    return value


auc_surrogate = linked(_auc_surrogate)


@njit(types.void(MATRIX, MATRIX, MATRIX, MATRIX, INTEGERS, I8, F8, I8, VECTOR, I8), **SUMMING)
def _auc_curvature(z, error, q, direction, labels, positive, beta, shape, work, start):
    """What the Hessian needs of each row: z becomes p, error dL/dz, direction dp+/dz, all (classes, rows), and
    q[(k <= k2), s] the curvature of p+ times dL/dp+. work from `start` on: 4 rows of scratch."""
    classes, rows = z.shape
    p = vector(work, start, rows)
    g = vector(work, start + rows, rows)
    slope = vector(work, start + 2 * rows, rows)
    _softmax(z, p, g)
    positives = _gather(z[positive], labels, positive, p)
    _pair_slopes(p, positives, beta, shape, g)
    _scatter(g, labels, positive, positives, slope)
    pair = 0
    for k in range(classes):
        same = 1.0 if k == positive else 0.0
        for s in range(rows):
            direction[k, s] = z[positive, s] * (same - z[k, s])
            error[k, s] = slope[s] * direction[k, s]
        for k2 in range(k, classes):
            same2 = 1.0 if k2 == positive else 0.0
            equal = 1.0 if k == k2 else 0.0
            for s in range(rows):
                bend = (same - z[k, s]) * (same2 - z[k2, s]) - z[k, s] * (equal - z[k2, s])
                q[pair, s] = slope[s] * z[positive, s] * bend
            pair += 1


auc_curvature = linked(_auc_curvature)


@njit(types.void(VECTOR, INTEGERS, I8, F8, I8, I8, MATRIX), **SUMMING)
def _auc_coupling(p, labels, positive, beta, shape, first, out):
    """out[s - first, t] = d2L / dp_s dp_t for the probabilities p (rows,) of the positive class."""
    count, rows = out.shape
    positives = 0
    for s in range(rows):
        positives += 1 if labels[s] == positive else 0
    pairs = positives * (rows - positives)
    share = beta * beta / pairs if pairs > 0 else 0.0
    for line in range(count):
        s = first + line
        above = labels[s] == positive
        sign = 1.0 if above else -1.0
        total = 0.0
        for t in range(rows):
            _, _, curvature = _shape(sign * beta * (p[s] - p[t]), shape)
            bend = share * curvature if above != (labels[t] == positive) else 0.0
            out[line, t] = -bend
            total += bend
        out[line, s] += total


auc_coupling = linked(_auc_coupling)


# --- contrastive ----------------------------------------------------------------------------------


@njit(**SUMMING)
def _distances(z, s, square):
    """square[t] = |z_s - z_t|^2 for t > s."""
    outputs, rows = z.shape
    square[s + 1 :] = 0.0
    for k in range(outputs):
        for t in range(s + 1, rows):
            difference = z[k, s] - z[k, t]
            square[t] += difference * difference


@njit(**SUMMING)
def _pull(square, labels, s, margin):
    """Sum of the terms of pairs (s, t > s); square[t] becomes the derivative of each by D^2."""
    value = 0.0
    for t in range(s + 1, labels.size):
        distance = math.sqrt(square[t])
        short = max(0.0, margin - distance)
        same = labels[s] == labels[t]
        value += square[t] if same else short * short
        push = -short / distance if distance > 0.0 else 0.0
        square[t] = 1.0 if same else push
    return value


@njit(**SUMMING)
def _pull_of_pull(square, labels, s, margin, out):
    """out[t] = second derivative of the term of each pair (s, t > s) by D^2."""
    for t in range(s + 1, labels.size):
        distance = math.sqrt(square[t])
        near = labels[s] != labels[t] and 0.0 < distance < margin
        out[t] = 0.5 * margin / (distance * square[t]) if near else 0.0


@njit(F8(MATRIX, MATRIX, types.boolean, INTEGERS, F8, VECTOR, I8), **SUMMING)
def _contrastive(z, r, second, labels, margin, work, start):
    """The contrastive loss; see the module's docstring. work from `start` on: 2 outputs + 2 rows of scratch."""
    outputs, rows = z.shape
    square = vector(work, start, rows)
    bend = vector(work, start + rows, rows)
    slope = matrix(work, start + 2 * rows, outputs, rows)
    bent = matrix(work, start + (2 + outputs) * rows, outputs, rows)
    slope[:] = 0.0
    if second:
        bent[:] = 0.0
    value = 0.0
    for s in range(rows - 1):
        _distances(z, s, square)
        if second:
            _pull_of_pull(square, labels, s, margin, bend)
            for t in range(s + 1, rows):
                along = 0.0
                for k in range(outputs):
                    along += (z[k, s] - z[k, t]) * (r[k, s] - r[k, t])
                bend[t] *= 4.0 * along
        value += _pull(square, labels, s, margin)
        for k in range(outputs):
            here = 0.0
            for t in range(s + 1, rows):
                force = 2.0 * square[t] * (z[k, s] - z[k, t])
                here += force
                slope[k, t] -= force
            slope[k, s] += here
        if second:
            for k in range(outputs):
                here = 0.0
                for t in range(s + 1, rows):
                    force = 2.0 * square[t] * (r[k, s] - r[k, t]) + bend[t] * (z[k, s] - z[k, t])
                    here += force
                    bent[k, t] -= force
                bent[k, s] += here
    pairs = rows * (rows - 1) // 2
    share = 1.0 / pairs if pairs > 0 else 0.0
    for k in range(outputs):
        for s in range(rows):
            z[k, s] = share * slope[k, s]
            if second:
                r[k, s] = share * bent[k, s]
    return value * share


contrastive = linked(_contrastive)


@njit(types.void(MATRIX, INTEGERS, F8, I8, MATRIX), **SUMMING)
def _contrastive_coupling(z, labels, margin, first, out):
    """out[(s - first, k), (t, k2)] = d2L / dz_ks dz_k2t for the outputs z (outputs, rows)."""
    outputs, rows = z.shape
    out[:] = 0.0
    share = 1.0 / (rows * (rows - 1) // 2) if rows > 1 else 0.0
    for line in range(out.shape[0] // outputs):
        s = first + line
        for t in range(rows):
            square = 0.0
            for k in range(outputs):
                square += (z[k, s] - z[k, t]) ** 2
            distance = math.sqrt(square)
            same = labels[s] == labels[t]
            pull = 1.0 if same else 0.0
            bend = 0.0
            if not same and 0.0 < distance < margin:
                pull = (distance - margin) / distance
                bend = 0.5 * margin / (distance * square)
            for k in range(outputs):
                for k2 in range(outputs):
                    apart = (z[k, s] - z[k, t]) * (z[k2, s] - z[k2, t])
                    force = share * (2.0 * pull * (1.0 if k == k2 else 0.0) + 4.0 * bend * apart)
                    out[line * outputs + k, t * outputs + k2] -= force
                    out[line * outputs + k, s * outputs + k2] += force


contrastive_coupling = linked(_contrastive_coupling)
