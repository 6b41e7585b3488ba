"""How Slurm's jobs are watched: what controller, nodes and folder may do, with stand-ins for the commands of Slurm."""

import pickle
import subprocess
import time

import pytest

from llcommon.errors import ConfigError, Stopped
from llpathsample.engines import slurm
from llpathsample.engines.running import OUTCOME, RESULT, Lost, Outcome, Task, file_of

ANSWER = 20.0  # seconds that a future may take on a busy machine


class Controller:
    """In place of sbatch, squeue and sinfo. state: of all jobs, None if there are none. down: answers to come that say
    that it is not there."""

    def __init__(self) -> None:
        self.state: str | None = "RUNNING"
        self.down = 0
        self.refusal = ""
        self.submitted: list[str] = []

    def run(self, command: list[str]) -> subprocess.CompletedProcess:
        if self.down:
            self.down -= 1
            return subprocess.CompletedProcess(command, 1, "", "error: Unable to contact slurm controller")
        if command[0] == "sbatch":
            if self.refusal:
                return subprocess.CompletedProcess(command, 1, "", self.refusal)
            names = [word.removeprefix("--comment=") for word in command if word.startswith("--comment=")]
            self.submitted += names
            return subprocess.CompletedProcess(command, 0, f"{len(self.submitted)}\n", "")
        jobs = enumerate(self.submitted, start=1) if self.state else ()
        rows = "".join(f"{number}|{name}|{self.state}|node1\n" for number, name in jobs)
        return subprocess.CompletedProcess(command, 0, rows, "")


@pytest.fixture
def controller(monkeypatch):
    found = Controller()
    monkeypatch.setattr(slurm.shutil, "which", lambda name: name)
    monkeypatch.setattr(slurm.SlurmExecutor, "_run", lambda self, command: found.run(command))
    for name, seconds in [("_LOOK_SECONDS", 0.01), ("_ASK_SECONDS", 0.03), ("_UNSEEN_SECONDS", 0.3)]:
        monkeypatch.setattr(slurm, name, seconds)
    return found


@pytest.fixture
def executor(controller, tmp_path):
    found = slurm.SlurmExecutor(tmp_path, slurm.SlurmOptions())
    yield found
    found.shutdown()


def task(folder, name: str = "a") -> Task:
    return Task(name, str(folder), ("connect",))


def wait_for(condition) -> None:
    limit = time.monotonic() + ANSWER
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.005)


def test_an_outcome_is_taken_and_removed(controller, executor, tmp_path):
    future = executor.submit(print, task(tmp_path))
    wait_for(lambda: controller.submitted)
    file_of(tmp_path, "a", OUTCOME).write_bytes(pickle.dumps(Outcome(4, "nothing")))
    assert future.result(ANSWER).code == 4
    assert not file_of(tmp_path, "a", OUTCOME).exists()


def test_a_damaged_outcome_is_a_loss(executor, tmp_path):
    """Also one that a killed growth had left; the next try makes a new one."""
    file_of(tmp_path, "a", OUTCOME).touch()
    with pytest.raises(Lost, match="is damaged .Ran out of input"):
        executor.submit(print, task(tmp_path)).result(ANSWER)
    assert not file_of(tmp_path, "a", OUTCOME).exists()


def test_trouble_of_the_folder_is_endured_for_a_while(controller, executor, tmp_path, monkeypatch):
    future = executor.submit(print, task(tmp_path))
    wait_for(lambda: controller.submitted)
    trouble = [OSError(116, "Stale file handle")] * 3
    look = slurm.SlurmExecutor._outcome_of

    def stale(self, job):
        if trouble:
            raise trouble.pop()
        return look(self, job)

    monkeypatch.setattr(slurm.SlurmExecutor, "_outcome_of", stale)
    file_of(tmp_path, "a", OUTCOME).write_bytes(pickle.dumps(Outcome(0, "")))
    assert future.result(ANSWER).code == 0 and not trouble


def test_lasting_trouble_stops_the_growth(controller, executor, tmp_path, monkeypatch):
    def broken(self):
        raise BlockingIOError(11, "no process can be started")

    future = executor.submit(print, task(tmp_path))
    wait_for(lambda: controller.submitted)
    monkeypatch.setattr(slurm, "_PATIENCE", 0.1)
    monkeypatch.setattr(slurm.SlurmExecutor, "_ask", broken)
    with pytest.raises(Stopped, match="jobs cannot be watched .*no process can be started"):
        future.result(ANSWER)


def test_a_controller_that_is_down_at_first_is_waited_for(controller, executor, tmp_path):
    controller.down = 5
    future = executor.submit(print, task(tmp_path))
    wait_for(lambda: controller.submitted)
    file_of(tmp_path, "a", OUTCOME).write_bytes(pickle.dumps(Outcome(0, "")))
    assert future.result(ANSWER).code == 0


def test_a_controller_that_stays_down_stops_the_growth(controller, executor, tmp_path, monkeypatch):
    monkeypatch.setattr(slurm, "_PATIENCE", 0.1)
    controller.down = 10**6
    begin = time.monotonic()
    future = executor.submit(print, task(tmp_path))
    assert time.monotonic() - begin < 5.0  # whoever submits can be told to stop
    with pytest.raises(Stopped, match="the Slurm controller does not answer"):
        future.result(ANSWER)


def test_a_refused_job_ends_the_others_that_wait(controller, tmp_path):
    controller.refusal = "sbatch: error: invalid partition"
    executor = slurm.SlurmExecutor(tmp_path, slurm.SlurmOptions())
    futures = [executor.submit(print, task(tmp_path, name)) for name in "abc"]
    for future in futures:
        with pytest.raises(ConfigError, match="^sbatch refuses the job of a batch: sbatch: error: invalid partition"):
            future.result(ANSWER)
    executor.shutdown()
    assert executor.notes == []


@pytest.mark.parametrize("state", ["COMPLETED", None])
def test_what_a_network_file_system_hides_is_waited_for(controller, executor, tmp_path, monkeypatch, state):
    monkeypatch.setattr(slurm, "_UNSEEN_SECONDS", ANSWER)
    future = executor.submit(print, task(tmp_path))
    controller.state = state
    wait_for(lambda: controller.submitted)
    time.sleep(0.15)
    assert not future.done()
    file_of(tmp_path, "a", OUTCOME).write_bytes(pickle.dumps(Outcome(0, "")))
    assert future.result(ANSWER).code == 0


@pytest.mark.parametrize(
    ("state", "reason"), [("COMPLETED", "ended as"), (None, "is gone"), ("NODE_FAIL", "as NODE_FAIL")]
)
def test_a_job_without_an_outcome_is_lost(controller, executor, tmp_path, state, reason):
    controller.state = state
    with pytest.raises(Lost, match=f"^Slurm job 1 .*{reason}"):
        executor.submit(print, task(tmp_path)).result(ANSWER)


def test_a_job_without_an_outcome_may_have_a_result(controller, executor, tmp_path):
    controller.state = "NODE_FAIL"
    file_of(tmp_path, "a", RESULT).touch()
    future = executor.submit(print, task(tmp_path))
    assert future.result(ANSWER).code == 0


@pytest.mark.parametrize("state", ["SPECIAL_EXIT", "REVOKED", "WHATEVER"])
def test_a_state_that_leads_nowhere_is_a_loss(controller, executor, tmp_path, monkeypatch, state):
    controller.state = "PENDING"
    future = executor.submit(print, task(tmp_path))
    wait_for(lambda: controller.submitted)
    time.sleep(0.1)
    assert not future.done()
    monkeypatch.setattr(slurm, "_PATIENCE", 0.2)
    controller.state = state
    with pytest.raises(Lost, match=f"ended as {state}"):
        future.result(ANSWER)


def test_a_command_that_hangs_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(slurm.shutil, "which", lambda name: name)
    executor = slurm.SlurmExecutor(tmp_path, slurm.SlurmOptions())
    executor.shutdown()
    monkeypatch.setattr(slurm, "_ASK_SECONDS", 0.1)
    with pytest.raises(Lost, match="^sleep does not end"):
        executor._run(["sleep", "100"])
