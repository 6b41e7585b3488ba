"""Dask as an engine: batches run in the workers of a scheduler, wherever these are.

The files of a batch travel with its task, and what its process wrote comes back, so no file system need be shared;
where the batch folder is seen nevertheless, the work is done there and outlives worker, scheduler and growth. Trying
again is our business: Dask moves a task whose worker is lost, a few times, and then hands the loss over.
"""

import contextlib
import dataclasses
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future

from llcommon import __version__
from llcommon.errors import ConfigError, InputError, Stopped
from llpathsample.engines.running import INPUT, PAIRS, UNFINISHED, Lost, Outcome, Task, file_of, stop_children

LOCAL = "local"
_CONNECT_SECONDS = 10
_CLOSE_SECONDS = 10
_FETCH_SECONDS = 60  # for an outcome that is there


def _on_worker(function: Callable, task: Task, version: str) -> Outcome:
    """What a worker calls: the function, with the worker as its place."""
    from distributed import get_worker

    place = get_worker().address
    if version != __version__:
        raise ConfigError(f"the Dask worker {place} has version {__version__} of the toolchain, not {version}")
    return dataclasses.replace(function(task), place=place)


class DaskExecutor:
    """The `concurrent.futures` interface to the scheduler at an address, or to `jobs` workers of our own (LOCAL)."""

    def __init__(self, address: str, jobs: int) -> None:
        try:
            import distributed
        except ImportError as error:
            raise ConfigError("--dask needs the package distributed; pip install distributed") from error
        # What becomes of workers and scheduler is told in one sentence where it matters.
        for name in [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "distributed"]:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self._cluster = None
        self.address = address
        self._futures: set = set()
        self._guard = threading.Lock()
        if address == LOCAL:
            self._cluster = distributed.LocalCluster(
                n_workers=jobs, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, silence_logs=50
            )
        try:
            target = self._cluster or address
            self._client = distributed.Client(target, timeout=_CONNECT_SECONDS, set_as_default=False)
        except BaseException as error:
            if self._cluster is not None:
                self._cluster.close(timeout=_CLOSE_SECONDS)
            if not isinstance(error, OSError | ValueError | TypeError):
                raise
            raise InputError(
                f"no Dask scheduler answers at {address}; start one with `dask scheduler`, or use --dask {LOCAL}"
            ) from error

    def submit(self, function: Callable, task: Task) -> Future:
        """A future function(task), of a worker. It raises Lost, or Stopped if the scheduler itself is lost."""
        contents = {}
        for kind in (INPUT, PAIRS, UNFINISHED):
            # What a process left behind writes may be complete and renamed between two looks.
            with contextlib.suppress(FileNotFoundError):
                contents[kind] = file_of(task.folder, task.name, kind).read_bytes()
        sent = dataclasses.replace(task, contents=contents)
        future: Future = Future()
        future.set_running_or_notify_cancel()
        try:
            remote = self._client.submit(
                _on_worker, function, sent, __version__, pure=False, retries=0, **self._elsewhere(task.avoid)
            )
        except Exception as error:
            raise self._scheduler_lost() from error
        with self._guard:
            self._futures.add(remote)
        remote.add_done_callback(lambda done: self._take_up(done, future))
        return future

    def _take_up(self, remote, future: Future) -> None:
        """Have an outcome fetched, which may take a while: Dask has one thread for all such calls."""
        try:
            threading.Thread(target=self._hand_over, args=(remote, future), daemon=True).start()
        except RuntimeError as error:
            future.set_exception(Lost(str(error)))

    def _elsewhere(self, avoid: str) -> dict:
        """Where a task should rather run: with the workers other than one, if there are others."""
        others = [address for address in self._client.nthreads() if address != avoid] if avoid else []
        return {"workers": others, "allow_other_workers": True} if others else {}

    def _scheduler_lost(self) -> Stopped:
        return Stopped(f"stopped by the loss of the Dask scheduler at {self.address}")

    def _hand_over(self, remote, future: Future) -> None:
        """Give the outcome of Dask's future to ours, which must be settled whatever happens."""
        with self._guard:
            self._futures.discard(remote)
        try:
            outcome = self._outcome_of(remote)
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(outcome)

    def _outcome_of(self, remote) -> Outcome:
        """What came of a task. Raises what it raised; Lost, or Stopped if the scheduler itself is lost."""
        try:
            if remote.status == "finished":
                return remote.result(timeout=_FETCH_SECONDS)
            error = remote.exception(timeout=_FETCH_SECONDS) if remote.status == "error" else None
        except BaseException as failure:
            if remote.status == "cancelled":
                raise self._scheduler_lost() from failure
            reason = str(failure) or type(failure).__name__
            raise Lost(f"what came of a task of Dask cannot be fetched ({reason})") from failure
        if error is not None:
            raise self._as_ours(error)
        raise Lost("a Dask worker was lost with its result") if remote.status == "lost" else self._scheduler_lost()

    def _as_ours(self, error: BaseException) -> BaseException:
        """What Dask says of a task, in our words."""
        from distributed.scheduler import KilledWorker

        if isinstance(error, KilledWorker):
            place = getattr(error.last_worker, "address", "")
            return Lost(f"the Dask worker {place} was lost, as were others before", place)
        if isinstance(error, ImportError):
            return ConfigError(f"the workers of the Dask scheduler at {self.address} lack the toolchain ({error})")
        return error

    def shutdown(self, wait: bool = True, cancel_futures: bool = False) -> None:
        """Leave the cluster; one of our own ends. What workers elsewhere are at goes on to its end."""
        try:
            if self._client.status == "running":
                if cancel_futures:
                    with self._guard:
                        futures = list(self._futures)
                    self._client.cancel(futures)
                if self._cluster is not None:
                    self._client.run(stop_children)
        except Exception:  # noqa: S110, BLE001 (the scheduler may be lost at any moment, and there is nothing to save)
            pass
        try:
            self._client.close(timeout=2)
        finally:
            if self._cluster is not None:
                self._cluster.close(timeout=_CLOSE_SECONDS)
