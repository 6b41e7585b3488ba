"""Processes of this machine: the engine that needs no set-up."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from llpathsample.engines.running import Children, use_children


class LocalExecutor:
    """The `concurrent.futures` interface: `jobs` threads, each of which waits for the process that it has started."""

    def __init__(self, jobs: int) -> None:
        self.children = Children()
        self._threads = ThreadPoolExecutor(jobs, initializer=use_children, initargs=(self.children,))

    def submit(self, function: Callable, *arguments) -> Future:
        """A future function(*arguments)."""
        return self._threads.submit(function, *arguments)

    def shutdown(self, wait: bool = True, cancel_futures: bool = False) -> None:
        """With `cancel_futures` also the processes that are running are stopped."""
        if cancel_futures:
            self.children.stop()
        self._threads.shutdown(wait=wait, cancel_futures=cancel_futures)
