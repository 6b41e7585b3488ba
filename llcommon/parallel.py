"""Processes for independent work: how many, how they start, and that they end with their parent."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.context import SpawnContext, SpawnProcess

_PR_SET_PDEATHSIG = 1


def available_cores() -> int:
    """Number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def die_with_parent(parent: int) -> None:
    """On Linux, have the kernel end this process when its parent, of that process id, ends, even by kill -9.

    Without it a killed driver leaves workers behind that wait for ever on their queue.
    """
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have gone before the kernel was asked: then this process belongs to another already.
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _start_worker(parent: int, initialise: Callable, arguments: tuple) -> None:
    # Stop signals are the driver's business: it lets the workers finish what they hold.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    die_with_parent(parent)
    initialise(*arguments)


def _nothing() -> None:
    """What a worker is started with."""


class _Worker(SpawnProcess):
    """A worker that ends when the pool tells it to, although it ignores SIGTERM.

    A pool that has lost a worker terminates the others and waits for them. They may wait for a lock that the lost one
    held: only a kill ends them.
    """

    def terminate(self) -> None:
        self.kill()


class _WorkerContext(SpawnContext):
    Process = _Worker


class SerialExecutor:
    """The `concurrent.futures` interface in this process: a submitted call runs at once."""

    def __init__(self, initialise: Callable, arguments: tuple) -> None:
        initialise(*arguments)

    def submit(self, function: Callable, *arguments) -> Future:
        """A finished future with the result or the exception of function(*arguments)."""
        future: Future = Future()
        try:
            future.set_result(function(*arguments))
        except BaseException as error:
            future.set_exception(error)
        return future

    def shutdown(self, wait: bool = True, cancel_futures: bool = False) -> None:
        """Nothing is left running."""


def executor(jobs: int, initialise: Callable, arguments: tuple):
    """Something with `submit` and `shutdown` that runs calls in `jobs` processes (1: in this one).

    initialise(*arguments) runs once in every process first.
    """
    if jobs <= 1:
        return SerialExecutor(initialise, arguments)
    pool = ProcessPoolExecutor(
        max_workers=jobs,
        mp_context=_WorkerContext(),
        initializer=_start_worker,
        initargs=(os.getpid(), initialise, arguments),
    )
    # A pool starts its workers as calls come, and learns of the death of the newest only after one call more: with all
    # of them started now, and that call made, none can die unnoticed.
    for _ in range(jobs + 1):
        pool.submit(_nothing)
    return pool
