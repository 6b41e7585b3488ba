"""The numerical seam: every loss is one compiled kernel, every algorithm takes a kernel.

    value = kernel(x, gradient_out, reals, integers, workspace)
    hessian(x, hessian_out, reals, integers, workspace)
    hessian_vector(x, v, out, reals, integers, workspace)
    rows_kernel(rows, reals, integers, reals_out, integers_out)

`reals` and `integers` are the packed data and shape of the model, `workspace` is scratch
that the model asked for, so nothing is allocated inside. The rows kernel packs some rows of the
data, so that the other kernels give the loss of those alone: arrays as long as the model's own
serve any number of rows up to its own. Optimisers are compiled once, with
explicit signatures that take kernels as first-class functions: they load from the disk
cache in milliseconds, where a dispatcher or a closure would recompile in every process.

Numba's disk cache does not notice an edited helper in another file, so the cache folder is
keyed by a hash of the sources of all packages of this house.
"""

import functools
import hashlib
import inspect
import os
import sys
import tempfile
from pathlib import Path

PACKAGES = ("llcommon", "llgmin", "lloptim", "llpathsample")


def _source_hash() -> str:
    """First 16 hex digits of the SHA-256 over names and contents of all modules that compile something.

    Those are the ones that import this seam; an edit elsewhere costs no recompilation.
    """
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            source = path.read_bytes()
            if b"seam" in source:
                digest.update(str(path.relative_to(root)).encode())
                digest.update(source)
    return digest.hexdigest()[:16]


def _cache_folder() -> Path:
    """A writable per-user folder for compiled code; a shared temporary one as the last resort."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    candidates = [Path(home), Path(tempfile.gettempdir()) / f"loss-landscapes-{os.getuid()}"]
    for candidate in candidates:
        folder = candidate / "loss-landscapes" / f"numba-{_source_hash()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return Path(tempfile.mkdtemp(prefix="loss-landscapes-"))


if "NUMBA_CACHE_DIR" not in os.environ:
    os.environ["NUMBA_CACHE_DIR"] = str(_cache_folder())
# One BLAS thread a process: parallel work is over searches, and two threads on one busy
# core were measured 10 to 300 times slower. A fixed count also keeps the bits the same.
for _variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[_variable] = "1"
if "numpy" in sys.modules:
    # The variables are read when a BLAS is loaded; one that is loaded already must be told.
    import threadpoolctl

    threadpoolctl.threadpool_limits(1)

import llvmlite.binding  # noqa: E402
from llvmlite import ir  # noqa: E402
from numba import config, njit, types  # noqa: E402  (the cache folder must be known first)
from numba.core import cgutils  # noqa: E402
from numba.extending import intrinsic  # noqa: E402

# A numba that was imported before would learn of the folder only at its first compilation, and put what was declared by
# then beside the sources: there it outlives edits of helpers, and other processes may not look for it.
config.reload_config()

F8 = types.float64
I8 = types.int64
VECTOR = types.float64[::1]
INTEGERS = types.int64[::1]
MATRIX = types.float64[:, ::1]

KERNEL_SIGNATURE = F8(VECTOR, VECTOR, VECTOR, INTEGERS, VECTOR)
HESSIAN_SIGNATURE = types.void(VECTOR, MATRIX, VECTOR, INTEGERS, VECTOR)
HESSIAN_VECTOR_SIGNATURE = types.void(VECTOR, VECTOR, VECTOR, VECTOR, INTEGERS, VECTOR)
ROWS_SIGNATURE = types.void(INTEGERS, VECTOR, INTEGERS, VECTOR, INTEGERS)

KERNEL = types.FunctionType(KERNEL_SIGNATURE)
HESSIAN = types.FunctionType(HESSIAN_SIGNATURE)
HESSIAN_VECTOR = types.FunctionType(HESSIAN_VECTOR_SIGNATURE)
ROWS = types.FunctionType(ROWS_SIGNATURE)
PACKED = (VECTOR, INTEGERS, VECTOR)  # reals, integers, workspace

# "numpy" error model: division yields inf/NaN instead of raising, which lets loops vectorise.
# forceinline: each compiled function that calls a helper carries a copy of it, compiled in its own surroundings, and
# the linker takes whichever copy was loaded first. Copies differ in the last bits where sums may be reordered, so a
# run that compiled would differ from one that loads the cache, were the helper not inlined for good.
OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "forceinline": True}
# Sums may be reordered at compile time (a fixed order at run time), NaN and inf keep their meaning.
SUMMING = {"fastmath": {"reassoc", "nsz", "contract"}, **OPTIONS}

loss_kernel = njit(KERNEL_SIGNATURE, **OPTIONS)
hessian_kernel = njit(HESSIAN_SIGNATURE, **OPTIONS)
hessian_vector_kernel = njit(HESSIAN_VECTOR_SIGNATURE, **OPTIONS)
rows_kernel = njit(ROWS_SIGNATURE, **OPTIONS)


class FirstClass(types.WrapperAddressProtocol):
    """A compiled kernel as models hold it: callable, and quick to hand to an algorithm.

    Of a dispatcher numba looks up type and address anew in every call of an algorithm, 30 microseconds each time.
    """

    def __init__(self, dispatcher) -> None:
        self._dispatcher = dispatcher
        compiled = dispatcher.overloads[dispatcher.signatures[0]]
        self._signature = compiled.signature
        self._address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name)

    def __wrapper_address__(self) -> int:
        return self._address

    def signature(self):
        return self._signature

    def __call__(self, *arguments):
        return self._dispatcher(*arguments)


@functools.cache
def first_class(dispatcher) -> FirstClass:
    """The FirstClass of a kernel that was compiled with one explicit signature."""
    return FirstClass(dispatcher)


def linked(dispatcher):
    """What other compiled functions call where one copy of large machine code is to serve them all.

    dispatcher: compiled with one explicit signature. Its code is found in every process under its name, as BLAS is: it
    is compiled once, where a helper is once more in each function that calls it, and no second copy can differ.
    """
    function = dispatcher.py_func
    symbol = f"{function.__module__}.{function.__qualname__}"
    kernel = first_class(dispatcher)
    llvmlite.binding.add_symbol(symbol, kernel.__wrapper_address__())
    signature = kernel.signature()

    def generate(context, builder, signature, arguments):
        result = context.get_value_type(signature.return_type)
        prototype = ir.FunctionType(result, [context.get_value_type(kind) for kind in signature.args])
        return builder.call(cgutils.get_or_insert_function(builder.module, prototype, symbol), arguments)

    def call(context, *arguments):
        return signature, generate

    parameters = [inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    call.__signature__ = inspect.Signature(parameters + list(inspect.signature(function).parameters.values()))
    return intrinsic(call)


def algorithm(result, *arguments):
    """Decorator: compile an algorithm with the explicit signature result(*arguments)."""
    return njit(result(*arguments), **OPTIONS)
