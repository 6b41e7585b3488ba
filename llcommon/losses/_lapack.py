"""Symmetric positive definite matrices by LAPACK, for compiled kernels: factorise, solve, invert, transform.

As in `_blas`, SciPy's routines are called directly, found in every process under a symbol's name. All matrices are
square, C-contiguous, and given by their lower triangle with the diagonal: what lies above it is neither read nor
written. LAPACK, which counts columns first, sees the transpose, and is told of an upper triangle.
"""

import llvmlite.binding
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic
from numba.np.arrayobj import make_array

from llcommon.seam import OPTIONS

_ROUTINES = ("dpotrf", "dpotrs", "dpotri", "dsygst", "dtrtrs")
for _name in _ROUTINES:
    llvmlite.binding.add_symbol(f"llcommon_{_name}", get_cython_function_address("scipy.linalg.cython_lapack", _name))

_BYTE = ir.IntType(8)
_LONG = ir.IntType(64)


def _generator(name: str):
    """Code that calls a routine with pointers to its arguments and to `info`, which it returns."""

    def generate(context, builder, signature, arguments):
        pointers = []
        for value, kind in zip(arguments, signature.args, strict=True):
            if isinstance(kind, types.Array):
                pointers.append(builder.bitcast(make_array(kind)(context, builder, value).data, _BYTE.as_pointer()))
                continue
            # 64 bits hold a LAPACK integer of either width and a character too: the low bytes come first.
            slot = cgutils.alloca_once(builder, value.type)
            builder.store(value, slot)
            pointers.append(builder.bitcast(slot, _BYTE.as_pointer()))
        info = cgutils.alloca_once_value(builder, _LONG(0))
        pointers.append(builder.bitcast(info, _BYTE.as_pointer()))
        prototype = ir.FunctionType(ir.VoidType(), [pointer.type for pointer in pointers])
        function = cgutils.get_or_insert_function(builder.module, prototype, f"llcommon_{name}")
        builder.call(function, pointers)
        return builder.load(info)

    return generate


_COUNT = types.int64


@intrinsic
def _dpotrf(context, triangle, n, a, stride):
    return _COUNT(_COUNT, _COUNT, a, _COUNT), _generator("dpotrf")


@intrinsic
def _dpotrs(context, triangle, n, columns, a, stride, b, stride_b):
    return _COUNT(_COUNT, _COUNT, _COUNT, a, _COUNT, b, _COUNT), _generator("dpotrs")


@intrinsic
def _dpotri(context, triangle, n, a, stride):
    return _COUNT(_COUNT, _COUNT, a, _COUNT), _generator("dpotri")


@intrinsic
def _dsygst(context, kind, triangle, n, a, stride, b, stride_b):
    return _COUNT(_COUNT, _COUNT, _COUNT, a, _COUNT, b, _COUNT), _generator("dsygst")


@intrinsic
def _dtrtrs(context, triangle, transposed, unit, n, columns, a, stride, b, stride_b):
    return _COUNT(_COUNT, _COUNT, _COUNT, _COUNT, _COUNT, a, _COUNT, b, _COUNT), _generator("dtrtrs")


_UPPER = ord("U")
_TRANSPOSED = ord("T")
_NOT_UNIT = ord("N")


@njit(**OPTIONS)
def factorise(a):
    """a becomes its Cholesky factor L, a = L L^T, (n, n); False, and of no use, if it is not positive definite."""
    n = a.shape[0]
    return _dpotrf(_UPPER, n, a, n) == 0


@njit(**OPTIONS)
def solve(factor, b):
    """b, (n,), becomes (L L^T)^-1 b."""
    n = b.size
    _dpotrs(_UPPER, n, 1, factor, n, b, n)


@njit(**OPTIONS)
def solve_half(factor, b):
    """b, (n,), becomes L^-1 b."""
    n = b.size
    _dtrtrs(_UPPER, _TRANSPOSED, _NOT_UNIT, n, 1, factor, n, b, n)


@njit(**OPTIONS)
def invert(factor):
    """L becomes (L L^T)^-1."""
    n = factor.shape[0]
    _dpotri(_UPPER, n, factor, n)


@njit(**OPTIONS)
def transform(factor, a):
    """a becomes L^-1 a L^-T, both (n, n)."""
    n = factor.shape[0]
    _dsygst(1, _UPPER, n, a, n, factor, n)
