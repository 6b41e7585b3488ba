"""The dense Hessian of the perceptrons of `_mlp_general`: column by column, by the R-operator.

The product with a unit vector is exact; the mean with the transpose makes the matrix symmetric to the last bit.
"""

from numba import njit

from llcommon.losses._blas import vector
from llcommon.losses._mlp_general import data_hessian_vector
from llcommon.losses._mlp_kernels import HEADER, _regularise
from llcommon.seam import OPTIONS, hessian_kernel


@njit(**OPTIONS)
def symmetrise(matrix):
    """Each pair of entries across the diagonal becomes their mean."""
    for i in range(matrix.shape[0]):
        for j in range(i):
            mean = 0.5 * (matrix[i, j] + matrix[j, i])
            matrix[i, j] = mean
            matrix[j, i] = mean


@hessian_kernel
def general_hessian(x, hessian, reals, integers, work):
    """Exact dense Hessian, in as many times the time of the product as there are coordinates, N.

    work: N numbers more than the product needs.
    """
    n = x.size
    layers = integers[1]
    widths = integers[HEADER : HEADER + layers + 1]
    unit = vector(work, 0, n)
    unit[:] = 0.0
    for column in range(n):
        unit[column] = 1.0
        data_hessian_vector(x, unit, hessian[column], reals, integers, work[n:])
        _regularise(unit, hessian[column], reals[0], widths, layers, integers[4])
        unit[column] = 0.0
    symmetrise(hessian)

