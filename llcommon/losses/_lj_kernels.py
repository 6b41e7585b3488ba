"""Compiled kernels of Lennard-Jones clusters: energy and gradient, Hessian, Hessian-vector product.

A pair at squared distance s counts u(s) = 4 (s^-6 - s^-3), and below s = CORE the parabola in s that continues u with
its first two derivatives: no energy of a bound cluster is ever touched by that, but overlapping atoms give no
infinities. An atom at distance d from the centre of mass, beyond the radius R of the container, counts
c (d^2 / R^2 - 1)^3, with two continuous derivatives; the centre moves with the atoms, so that nothing resists a
translation.

Packing: integers = atoms; reals = R^2, c; workspace: 9 numbers for each atom. Coordinates: x, y, z atom by atom.
"""

from numba import njit

from llcommon.seam import OPTIONS, hessian_kernel, hessian_vector_kernel, loss_kernel

CORE = 0.25


@njit(**OPTIONS)
def _exact_pair(s):
    """u, u' and u'' of a squared distance."""
    inverse = 1.0 / s
    attraction = inverse * inverse * inverse
    repulsion = attraction * attraction
    value = 4.0 * (repulsion - attraction)
    slope = 4.0 * inverse * (3.0 * attraction - 6.0 * repulsion)
    curvature = 4.0 * inverse * inverse * (42.0 * repulsion - 12.0 * attraction)
    return value, slope, curvature


@njit(**OPTIONS)
def _pair(s):
    """u, u' and u'' of a squared distance, with the softened core."""
    if s >= CORE:
        return _exact_pair(s)
    value, slope, curvature = _exact_pair(CORE)
    inside = s - CORE
    return value + inside * (slope + 0.5 * inside * curvature), slope + inside * curvature, curvature


@njit(**OPTIONS)
def _centre(x):
    """The centre of mass."""
    a = 0.0
    b = 0.0
    c = 0.0
    for i in range(0, x.size, 3):
        a += x[i]
        b += x[i + 1]
        c += x[i + 2]
    atoms = x.size // 3
    return a / atoms, b / atoms, c / atoms


@njit(**OPTIONS)
def _wall(x, reals, work):
    """Energy of the container; its gradient before the centre is taken into account into work[: N].

    Returns (energy, whether any atom is outside).
    """
    centre = _centre(x)
    square = reals[0]
    energy = 0.0
    outside = False
    for i in range(0, x.size, 3):
        a = x[i] - centre[0]
        b = x[i + 1] - centre[1]
        c = x[i + 2] - centre[2]
        excess = (a * a + b * b + c * c) / square - 1.0
        factor = 0.0
        if excess > 0.0:
            outside = True
            energy += reals[1] * excess * excess * excess
            factor = 6.0 * reals[1] * excess * excess / square
        work[i] = factor * a
        work[i + 1] = factor * b
        work[i + 2] = factor * c
    return energy, outside


@njit(**OPTIONS)
def _wall_curvature(x, reals, work):
    """The (3, 3) curvature of the container at each atom, as if the centre stood still, into `work`; False if all 0."""
    centre = _centre(x)
    square = reals[0]
    outside = False
    for i in range(0, x.size, 3):
        a = x[i] - centre[0]
        b = x[i + 1] - centre[1]
        c = x[i + 2] - centre[2]
        excess = (a * a + b * b + c * c) / square - 1.0
        block = work[3 * i : 3 * i + 9]
        block[:] = 0.0
        if excess > 0.0:
            outside = True
            slope = 6.0 * reals[1] * excess * excess / square
            bend = 24.0 * reals[1] * excess / (square * square)
            block[0] = slope + bend * a * a
            block[4] = slope + bend * b * b
            block[8] = slope + bend * c * c
            block[1] = bend * a * b
            block[2] = bend * a * c
            block[5] = bend * b * c
            block[3] = block[1]
            block[6] = block[2]
            block[7] = block[5]
    return outside


@loss_kernel
def lj_kernel(x, gradient, reals, integers, work):
    """Energy and gradient."""
    n = x.size
    gradient[:] = 0.0
    energy = 0.0
    for i in range(0, n, 3):
        for j in range(i + 3, n, 3):
            a = x[i] - x[j]
            b = x[i + 1] - x[j + 1]
            c = x[i + 2] - x[j + 2]
            value, slope, _ = _pair(a * a + b * b + c * c)
            energy += value
            slope *= 2.0
            gradient[i] += slope * a
            gradient[i + 1] += slope * b
            gradient[i + 2] += slope * c
            gradient[j] -= slope * a
            gradient[j + 1] -= slope * b
            gradient[j + 2] -= slope * c
    wall, outside = _wall(x, reals, work)
    if outside:
        mean = _centre(work[:n])
        for i in range(0, n, 3):
            for k in range(3):
                gradient[i + k] += work[i + k] - mean[k]
    return energy + wall


@hessian_kernel
def lj_hessian(x, hessian, reals, integers, work):
    """Dense Hessian."""
    n = x.size
    hessian[:] = 0.0
    for i in range(0, n, 3):
        for j in range(i + 3, n, 3):
            d = (x[i] - x[j], x[i + 1] - x[j + 1], x[i + 2] - x[j + 2])
            _, slope, curvature = _pair(d[0] * d[0] + d[1] * d[1] + d[2] * d[2])
            for k in range(3):
                for m in range(3):
                    entry = 4.0 * curvature * (d[k] * d[m])
                    if k == m:
                        entry += 2.0 * slope
                    hessian[i + k, i + m] += entry
                    hessian[j + k, j + m] += entry
                    hessian[i + k, j + m] = -entry
                    hessian[j + k, i + m] = -entry
    if not _wall_curvature(x, reals, work):
        return
    atoms = n // 3
    for k in range(3):
        for m in range(3):
            place = 3 * k + m
            mean = 0.0
            for i in range(0, n, 3):
                mean += work[3 * i + place]
            mean /= atoms
            for i in range(0, n, 3):
                hessian[i + k, i + m] += work[3 * i + place]
                for j in range(0, n, 3):
                    hessian[i + k, j + m] += (mean - (work[3 * i + place] + work[3 * j + place])) / atoms


@hessian_vector_kernel
def lj_hessian_vector(x, v, out, reals, integers, work):
    """Hessian-vector product."""
    n = x.size
    out[:] = 0.0
    for i in range(0, n, 3):
        for j in range(i + 3, n, 3):
            a = x[i] - x[j]
            b = x[i + 1] - x[j + 1]
            c = x[i + 2] - x[j + 2]
            va = v[i] - v[j]
            vb = v[i + 1] - v[j + 1]
            vc = v[i + 2] - v[j + 2]
            _, slope, curvature = _pair(a * a + b * b + c * c)
            slope *= 2.0
            along = 4.0 * curvature * (a * va + b * vb + c * vc)
            va = slope * va + along * a
            vb = slope * vb + along * b
            vc = slope * vc + along * c
            out[i] += va
            out[i + 1] += vb
            out[i + 2] += vc
            out[j] -= va
            out[j + 1] -= vb
            out[j + 2] -= vc
    if not _wall_curvature(x, reals, work):
        return
    drift = _centre(v)
    for i in range(0, n, 3):
        block = work[3 * i : 3 * i + 9]
        va = v[i] - drift[0]
        vb = v[i + 1] - drift[1]
        vc = v[i + 2] - drift[2]
        # The product takes the place of the first three of the nine numbers that it needs.
        pa = block[0] * va + block[1] * vb + block[2] * vc
        pb = block[3] * va + block[4] * vb + block[5] * vc
        pc = block[6] * va + block[7] * vb + block[8] * vc
        block[0] = pa
        block[1] = pb
        block[2] = pc
    for k in range(3):
        mean = 0.0
        for i in range(0, n, 3):
            mean += work[3 * i + k]
        mean /= n // 3
        for i in range(0, n, 3):
            out[i + k] += work[3 * i + k] - mean
