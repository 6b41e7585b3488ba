"""Pools of processes: results, initialisation, and that a lost worker cannot hold up the rest."""

import os
import signal
import sys
import time
from concurrent.futures.process import BrokenProcessPool

import pytest
from driving import PATIENCE

from llcommon.parallel import available_cores, executor

_number = [0]


def set_number(number: int) -> None:
    _number[0] = number


def plus(number: int) -> int:
    return _number[0] + number


def sleep_for_ever() -> None:
    time.sleep(1000.0 * PATIENCE)


def kill_this_process() -> None:
    time.sleep(0.5)  # for the other worker to be in its own task
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_process_is_initialised_before_its_first_call(jobs):
    pool = executor(jobs, set_number, (40,))
    try:
        assert [pool.submit(plus, number).result(PATIENCE) for number in range(4)] == [40, 41, 42, 43]
    finally:
        pool.shutdown()


@pytest.mark.skipif(sys.platform != "linux", reason="needs signals of POSIX")
def test_a_killed_worker_takes_the_busy_ones_with_it():
    # A worker that waits for the lock of a killed one is as deaf as one that sleeps.
    pool = executor(2, set_number, (0,))
    lasting = pool.submit(sleep_for_ever)
    deadly = pool.submit(kill_this_process)
    start = time.monotonic()
    for future in (lasting, deadly):
        with pytest.raises(BrokenProcessPool):
            future.result(PATIENCE)
    pool.shutdown(wait=True, cancel_futures=True)
    assert time.monotonic() - start < PATIENCE


def test_at_least_one_core_is_available():
    assert 1 <= available_cores() <= os.cpu_count()
