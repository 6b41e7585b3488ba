"""Matrix products and views for compiled kernels, without the checks that cost small networks most of their time.

`np.dot` inside compiled code spends 0.1 microseconds a call on checks, as long as BLAS needs for a layer of
a small network, takes no block of columns and cannot add to its result. The products here call the same
dgemm (that of SciPy) directly. Its address is looked up in every process under a symbol's name, so
that compiled code finds it when it comes from the disk cache.
"""

import llvmlite.binding
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic
from numba.np.arrayobj import make_array, populate_array

from llcommon.seam import OPTIONS

_SYMBOL = "llcommon_dgemm"
llvmlite.binding.add_symbol(_SYMBOL, get_cython_function_address("scipy.linalg.cython_blas", "dgemm"))

_DOUBLE = ir.DoubleType()
_LONG = ir.IntType(64)


def _view(context, builder, kind, arguments, result, shape):
    """An array of `shape` from element arguments[1] of the flat array arguments[0] on."""
    source = make_array(kind)(context, builder, arguments[0])
    array = make_array(result)(context, builder)
    itemsize = _LONG(8)
    strides = [itemsize] if len(shape) == 1 else [builder.mul(shape[1], itemsize), itemsize]
    data = builder.gep(source.data, [arguments[1]])
    populate_array(array, data=data, shape=shape, strides=strides, itemsize=itemsize, meminfo=None)
    return array._getvalue()


@intrinsic
def vector(context, flat, start, size):
    """flat[start : start + size]; does not keep `flat` alive."""
    result = types.Array(types.float64, 1, "C")

    def generate(context, builder, signature, arguments):
        return _view(context, builder, flat, arguments, result, [arguments[2]])

    return result(flat, types.int64, types.int64), generate


@intrinsic
def matrix(context, flat, start, rows, columns):
    """flat[start : start + rows * columns] as a (rows, columns) matrix; does not keep `flat` alive."""
    result = types.Array(types.float64, 2, "C")

    def generate(context, builder, signature, arguments):
        return _view(context, builder, flat, arguments, result, [arguments[2], arguments[3]])

    return result(flat, types.int64, types.int64, types.int64), generate


@intrinsic
def _dgemm(context, transposed_a, transposed_b, m, n, k, a, b, beta, c):
    """C (m, n) = op(A) op(B) + beta C for matrices whose rows are contiguous, at any distance from each other."""
    count = types.int64
    signature = types.void(count, count, count, count, count, a, b, types.float64, c)

    def generate(context, builder, signature, arguments):
        kind_a, kind_b, m, n, k, a, b, beta, c = arguments

        def address_of(value):
            # 64 bits hold a BLAS integer of either width and a character too: the low bytes come first.
            slot = cgutils.alloca_once(builder, value.type)
            builder.store(value, slot)
            return builder.bitcast(slot, ir.IntType(8).as_pointer())

        def data_and_stride(value, kind):
            array = make_array(kind)(context, builder, value)
            stride = cgutils.unpack_tuple(builder, array.strides)[0]
            pointer = builder.bitcast(array.data, ir.IntType(8).as_pointer())
            return pointer, address_of(builder.sdiv(stride, _LONG(8)))

        one = address_of(ir.Constant(_DOUBLE, 1.0))
        pointer_a, stride_a = data_and_stride(a, signature.args[5])
        pointer_b, stride_b = data_and_stride(b, signature.args[6])
        pointer_c, stride_c = data_and_stride(c, signature.args[8])
        # BLAS counts columns first: it is asked for the transpose, C^T = op(B)^T op(A)^T.
        values = [address_of(kind_b), address_of(kind_a), address_of(n), address_of(m), address_of(k), one]
        values += [pointer_b, stride_b, pointer_a, stride_a, address_of(beta), pointer_c, stride_c]
        prototype = ir.FunctionType(ir.VoidType(), [value.type for value in values])
        function = cgutils.get_or_insert_function(builder.module, prototype, _SYMBOL)
        builder.call(function, values)
        return context.get_dummy_value()

    return signature, generate


_PLAIN = ord("N")
_TRANSPOSED = ord("T")


@njit(**OPTIONS)
def multiply(a, b, beta, out):
    """out = a b + beta out; a (m, k), b (k, n), out (m, n). `out` may hold anything if beta is 0."""
    _dgemm(_PLAIN, _PLAIN, a.shape[0], b.shape[1], a.shape[1], a, b, beta, out)


@njit(**OPTIONS)
def multiply_left_transposed(a, b, beta, out):
    """out = a^T b + beta out; a (k, m), b (k, n), out (m, n)."""
    _dgemm(_TRANSPOSED, _PLAIN, a.shape[1], b.shape[1], a.shape[0], a, b, beta, out)


@njit(**OPTIONS)
def multiply_right_transposed(a, b, beta, out):
    """out = a b^T + beta out; a (m, k), b (n, k), out (m, n)."""
    _dgemm(_PLAIN, _TRANSPOSED, a.shape[0], b.shape[0], a.shape[1], a, b, beta, out)
