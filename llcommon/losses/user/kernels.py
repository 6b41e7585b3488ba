"""Kernels of the seam that call back into Python.

They are compiled once for all user models and cached: which model is meant, three addresses in `integers` say. A call
costs about 4 microseconds. The model holds these functions themselves and not a `FirstClass` of them: numba hands an
exception on to the caller of a first-class function only if it knows it as one of its own.
"""

import ctypes

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from llcommon.errors import Interrupted
from llcommon.losses.user.failure import UserLossError
from llcommon.seam import hessian_kernel, hessian_vector_kernel, loss_kernel

DONE = 0
FAILED = 1
INTERRUPTED = 2

# status = call(x, given, out): addresses of arrays, 0 for none.
CALL = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
_LONG = ir.IntType(64)


@intrinsic
def _call(context, function, x, given, out):
    """Call the C function at an address."""
    signature = types.int64(types.int64, types.int64, types.int64, types.int64)

    def generate(context, builder, signature, arguments):
        prototype = ir.FunctionType(_LONG, [_LONG, _LONG, _LONG])
        function = builder.inttoptr(arguments[0], prototype.as_pointer())
        return builder.call(function, arguments[1:])

    return signature, generate


@loss_kernel
def user_kernel(x, gradient, reals, integers, workspace):
    status = _call(integers[0], x.ctypes.data, gradient.ctypes.data, workspace.ctypes.data)
    if status == INTERRUPTED:
        raise Interrupted("interrupted")
    if status != DONE:
        raise UserLossError
    return workspace[0]


@hessian_kernel
def user_hessian(x, out, reals, integers, workspace):
    status = _call(integers[1], x.ctypes.data, 0, out.ctypes.data)
    if status == INTERRUPTED:
        raise Interrupted("interrupted")
    if status != DONE:
        raise UserLossError


@hessian_vector_kernel
def user_hessian_vector(x, v, out, reals, integers, workspace):
    status = _call(integers[2], x.ctypes.data, v.ctypes.data, out.ctypes.data)
    if status == INTERRUPTED:
        raise Interrupted("interrupted")
    if status != DONE:
        raise UserLossError


class _Compiled:
    """What numba asks a compiled function for whenever it is handed to an algorithm, looked up once."""

    def __init__(self, kernel) -> None:
        compiled = kernel.overloads[kernel.signatures[0]]
        self.fndesc = compiled.fndesc
        self.library = self
        names = (self.fndesc.llvm_cfunc_wrapper_name, self.fndesc.llvm_func_name)
        self._addresses = {name: compiled.library.get_pointer_to_function(name) for name in names}

    def get_pointer_to_function(self, name: str) -> int:
        """The address of a function by its name in the machine code."""
        return self._addresses[name]


class _LookedUp(type(user_kernel)):
    """A dispatcher whose type and addresses are known.

    Numba looks both up in every call of an algorithm, which takes 10 and 100 microseconds.
    """

    _numba_type_ = None  # in place of a property


def _looked_up(kernel):
    """The kernel, with its type and addresses known."""
    compiled = _Compiled(kernel)
    kernel.get_compile_result = lambda signature: compiled
    known = kernel._numba_type_
    kernel.__class__ = _LookedUp
    kernel._numba_type_ = known
    return kernel


user_kernel = _looked_up(user_kernel)
user_hessian = _looked_up(user_hessian)
user_hessian_vector = _looked_up(user_hessian_vector)
