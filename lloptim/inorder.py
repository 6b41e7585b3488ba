"""Independent tasks in several processes, their results taken in order, whatever finishes first."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

from llcommon.errors import ConfigError
from llcommon.parallel import executor


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
    done = 0
    submitted = 0
    try:
        while done < len(tasks):
            # Two for each process: one is worked on, the next lies ready.
            while submitted < len(tasks) and len(running) < 2 * jobs and not stopped():
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
