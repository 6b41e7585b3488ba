"""Independent tasks in several processes, their results taken in order, whatever finishes first."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

from llcommon.errors import ConfigError
from llcommon.parallel import executor

# Tasks for each process that may be begun before the first of them is done: with few of them all other processes would
# wait for one long task. 200 pairs of iris take 21.4 s with 2 and 19.6 s with 16 in two processes, 35 to 36 s in one.
_AHEAD = 16


def run_in_order(
    initialise: Callable,
    arguments: tuple,
    function: Callable,
    tasks: Sequence[Callable[[], tuple]],
    jobs: int,
    stopped: Callable[[], bool],
    take: Callable[[int, object], None],
) -> int:
    """function(*task()) for each task, `jobs` at a time, after initialise(*arguments) in each process.

    take(number, result) is called in the order of the tasks, numbered from 0. Once `stopped` no more are begun; what
    runs is finished and taken. Returns how many were. Raises ConfigError if a process is killed.
    """
    pool = executor(min(jobs, len(tasks)), initialise, arguments)
    running: dict[int, Future] = {}
    ahead = _AHEAD * jobs if jobs > 1 else 1
    done = 0
    submitted = 0
    try:
        while done < len(tasks):
            while submitted < len(tasks) and len(running) < ahead:
                if stopped():
                    _withdraw(running)
                    ahead = 0
                    break
                running[submitted] = pool.submit(function, *tasks[submitted]())
                submitted += 1
            if done not in running:
                break
            take(done, running.pop(done).result())
            done += 1
    except BrokenProcessPool as error:
        raise ConfigError(
            "a process of this job was killed, perhaps for want of memory; run the same command with fewer --jobs"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return done


def _withdraw(running: dict[int, Future]) -> None:
    """Take back the tasks that no process has begun: the last ones, as they are begun in order."""
    for number in sorted(running, reverse=True):
        if not running[number].cancel():
            return
        del running[number]
