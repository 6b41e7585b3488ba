"""Kernels of the kmeans loss: value with gradient, Hessian, Hessian-vector product.

    J(mu) = sum_i w_i min_k |x_i - mu_k|^2

over the m distinct rows x_i of the data, w_i of them equal. A point that is equally far from several centres belongs
to the first of them; what the kernels give is then the derivative of that piece.

Packing: integers = m, features d, clusters K; reals = the points, (m, d), row after row, and their weights, (m,).
Coordinates: the centres, (K, d), row after row.

Distances are sums of squared differences over the features in their order, never expanded into products, so a
permutation of the centres does not change a bit of any of them.
"""

import numpy as np
from numba import njit

from llcommon.losses._blas import matrix, vector
from llcommon.seam import (
    INTEGERS,
    MATRIX,
    OPTIONS,
    algorithm,
    hessian_kernel,
    hessian_vector_kernel,
    loss_kernel,
    types,
)


def kmeans_workspace(features: int, clusters: int) -> int:
    """Numbers of scratch that the kernels need."""
    return clusters * (features + 2)


@njit(**OPTIONS)
def turn(centres, transposed):
    """Centres (K, d) into (d, K), in which all distances of a point are summed at once."""
    for k in range(centres.shape[0]):
        for j in range(centres.shape[1]):
            transposed[j, k] = centres[k, j]


@njit(**OPTIONS)
def squares_to(point, transposed, squares):
    """Squared distances of a point (d,) to all centres, (d, K), into `squares`, (K,)."""
    for k in range(squares.size):
        difference = point[0] - transposed[0, k]
        squares[k] = difference * difference
    for j in range(1, point.size):
        for k in range(squares.size):
            difference = point[j] - transposed[j, k]
            squares[k] += difference * difference


@njit(**OPTIONS)
def first_smallest(squares):
    """The place of the smallest of (K,) numbers, of equal ones the first."""
    best = 0
    for k in range(1, squares.size):
        if squares[k] < squares[best]:
            best = k
    return best


@algorithm(types.boolean, MATRIX, MATRIX, MATRIX, INTEGERS)
def nearest_centres(fixed, moving, squares, order):
    """For each of the centres `fixed` the first nearest one of `moving`, both (K, d); whether all of these differ.

    squares: (K, K), squared distances, order: (K,), the nearest, both overwritten.
    """
    transposed = np.empty((moving.shape[1], moving.shape[0]))
    taken = np.zeros(order.size, dtype=np.bool_)
    turn(moving, transposed)
    different = True
    for k in range(order.size):
        squares_to(fixed[k], transposed, squares[k])
        nearest = first_smallest(squares[k])
        different = different and not taken[nearest]
        taken[nearest] = True
        order[k] = nearest
    return different


@loss_kernel
def kmeans_kernel(x, gradient, reals, integers, work):
    """J and its gradient."""
    count, features, clusters = integers[0], integers[1], integers[2]
    points = matrix(reals, 0, count, features)
    weights = vector(reals, count * features, count)
    centres = matrix(x, 0, clusters, features)
    slopes = matrix(gradient, 0, clusters, features)
    transposed = matrix(work, 0, features, clusters)
    squares = vector(work, features * clusters, clusters)
    turn(centres, transposed)
    gradient[:] = 0.0
    total = 0.0
    for i in range(count):
        squares_to(points[i], transposed, squares)
        k = first_smallest(squares)
        total += weights[i] * squares[k]
        for j in range(features):
            slopes[k, j] += 2.0 * weights[i] * (centres[k, j] - points[i, j])
    return total


@njit(**OPTIONS)
def _count_members(x, reals, integers, work):
    """Summed weights of the points of each centre, (K,), a view of the workspace."""
    count, features, clusters = integers[0], integers[1], integers[2]
    points = matrix(reals, 0, count, features)
    weights = vector(reals, count * features, count)
    transposed = matrix(work, 0, features, clusters)
    squares = vector(work, features * clusters, clusters)
    members = vector(work, (features + 1) * clusters, clusters)
    turn(matrix(x, 0, clusters, features), transposed)
    members[:] = 0.0
    for i in range(count):
        squares_to(points[i], transposed, squares)
        members[first_smallest(squares)] += weights[i]
    return members


@hessian_kernel
def kmeans_hessian(x, hessian, reals, integers, work):
    """The Hessian of the piece at x: a diagonal, twice the number of rows of the centre of each coordinate."""
    features = integers[1]
    members = _count_members(x, reals, integers, work)
    hessian[:] = 0.0
    for place in range(x.size):
        hessian[place, place] = 2.0 * members[place // features]


@hessian_vector_kernel
def kmeans_hessian_vector(x, v, out, reals, integers, work):
    """The Hessian of the piece at x times v."""
    features = integers[1]
    members = _count_members(x, reals, integers, work)
    for place in range(x.size):
        out[place] = 2.0 * members[place // features] * v[place]
