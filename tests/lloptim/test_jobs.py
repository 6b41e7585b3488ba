"""Many pairs in one job: what a pairs file may say, parts of a job, stopping and going on."""

import os
import shutil
import signal
import sys

import numpy as np
import pytest
from driving import StopAfter, call, started, xor_minima
from hypothesis import given
from hypothesis import strategies as st

import lloptim.commands
from llcommon.errors import ConfigError, InputError
from llcommon.store import read_landscape, write_landscape
from lloptim.jobs import Pair, part_of, read_pairs

PAIRS = [(0, 1, 0), (0, 2, 0), (1, 1, 0), (2, 1, 1), (0, 1, 1), (0, 1, 0)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """minima.h5, pairs.tsv, and what a job that is left alone makes of them: whole.h5."""
    path = tmp_path_factory.mktemp("jobs")
    xor_minima(path)
    lines = ["\t".join(map(str, row)) for row in PAIRS]
    (path / "pairs.tsv").write_text("\n".join(["minimum_a\tminimum_b\tattempt", *lines]), encoding="utf-8")
    assert connect(path, path / "whole.h5") == 0
    return path


def connect(folder, output, *options, jobs: int = 1) -> int:
    pairs = ["--pairs", folder / "pairs.tsv"]
    return call("lloptim", "connect", folder / "minima.h5", *pairs, "-o", output, "-j", jobs, *options)


# --- pairs files ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "minimum_a\tminimum_b\n0\t1\n3\t2\n",
        "0 1\n3 2\n",
        "# two pairs\n\nminimum_a minimum_b\r\n  0   1\r\n\n3\t2",
        "\ufeffminimum_a\tminimum_b\n0\t1\n3\t2\n",
    ],
)
def test_pairs_are_read_in_many_dresses(tmp_path, text):
    path = tmp_path / "pairs.tsv"
    path.write_text(text, encoding="utf-8", newline="")
    assert read_pairs(path) == [Pair(0, 1), Pair(3, 2)]


def test_attempts_may_be_given(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("minimum_a\tminimum_b\tattempt\n0\t1\t2\n4\t5\t0\n", encoding="utf-8")
    assert read_pairs(path) == [Pair(0, 1, 2), Pair(4, 5, 0)]


GARBAGE = [
    ("", "holds no pair of minima"),
    ("minimum_a\tminimum_b\n", "holds no pair of minima"),
    ("hello\n", 'line 1: "hello" is not a column of pairs'),
    ("minimum_a\tminimum_b\tattempts\n0\t1\t1\n", "did you mean attempt?"),
    ("attempt\tminimum_a\tminimum_b\n1\t0\t2\n", "in this order"),
    ("minimum_a\n0\t1\n", "in this order"),
    ("0 1\nminimum_a\tminimum_b\n", "line 2: two ids of minima are needed"),
    ("0\n", 'line 1: two ids of minima are needed, not "0"'),
    ("0 1 2 3\n", "line 1: two ids"),
    ("0 1\n\n0 -1\n", "line 3: two ids"),
    ("0 1.0\n", "line 1: two ids"),
    ("0 \N{SUPERSCRIPT TWO}\n", "line 1: two ids"),
    ("0 " + "1" * 5000 + "\n", "line 1: two ids"),
]


@pytest.mark.parametrize(("text", "problem"), GARBAGE)
def test_garbage_in_pairs_files_is_named(tmp_path, text, problem):
    path = tmp_path / "pairs.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_pairs(path)
    message = str(caught.value)
    assert message.startswith(str(path)) and problem in message and "\n" not in message


@given(st.integers(0, 40), st.integers(1, 12))
def test_parts_are_the_whole_and_equally_long(number, total):
    pairs = [Pair(k, k + 1) for k in range(number)]
    parts = [part_of(pairs, f"{k}/{total}") for k in range(1, total + 1)]
    assert sorted(pair.a for part in parts for pair in part) == list(range(number))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert part_of(pairs, None) == pairs


IMPOSSIBLE = ["0/3", "4/3", "1/0", "x/y", "1", "1/2/3", "-1/3", "1/3.0", "\N{SUPERSCRIPT TWO}/3", ""]


@pytest.mark.parametrize("part", IMPOSSIBLE)
def test_impossible_parts_are_refused(part):
    with pytest.raises(ConfigError, match="--part"):
        part_of([Pair(0, 1)], part)


# --- stopping and going on ------------------------------------------------------------------------


@pytest.mark.parametrize("calls", [0, 1, 3, 5])
def test_stopped_between_any_pairs_it_ends_with_the_same_bytes(folder, tmp_path, monkeypatch, capsys, calls):
    output = tmp_path / "torn.h5"
    assert connect(folder, tmp_path / "whole.h5") == 0
    table = capsys.readouterr().out
    with monkeypatch.context() as patches:
        patches.setattr(lloptim.commands, "StopRequest", StopAfter(calls))
        assert connect(folder, output) == 75
    assert capsys.readouterr().out == ""
    assert len(read_landscape(output).search.state["outcomes"]) == calls
    assert connect(folder, output) == 0
    assert output.read_bytes() == (folder / "whole.h5").read_bytes()
    assert capsys.readouterr().out == table  # the pairs of the stopped run are in it too


def test_signals_leave_a_checkpoint(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("minima.h5", "pairs.tsv"):
        shutil.copy(folder / name, tmp_path)
    with open(tmp_path / "pairs.tsv", "a", encoding="utf-8") as pairs:
        pairs.writelines(f"\n0\t1\t{attempt}" for attempt in range(2, 70))
    command = ("lloptim", "connect", "minima.h5", "--pairs", "pairs.tsv", "-o")
    assert call(*command, "whole.h5", "-j", 1) == 0
    # SIGUSR1 is as SIGTERM, by tests/llcommon/test_cli.py.
    for jobs, number, code in [(1, signal.SIGTERM, 75), (2, signal.SIGINT, 130)]:
        with started(*command, "torn.h5", "-j", jobs, cwd=tmp_path) as job:
            assert job.wait_for_writes(2, tmp_path / "torn.h5"), job.said
            assert job.signal(number) == code, job.said
        assert "pairs are kept in torn.h5; run the same command again to go on" in job.said
    assert call(*command, "torn.h5", "-j", 1) == 0
    assert (tmp_path / "torn.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_killed_worker_ends_the_job_in_one_sentence(folder, tmp_path):
    lines = "".join(f"0\t1\t{attempt}\n" for attempt in range(400))
    (tmp_path / "pairs.tsv").write_text(lines, encoding="utf-8")
    command = ("lloptim", "connect", folder / "minima.h5", "--pairs", "pairs.tsv", "-o", "torn.h5", "-j", 2)
    with started(*command, cwd=tmp_path) as job:
        job.wait_for_writes(2, tmp_path / "torn.h5")
        os.kill(job.workers()[0], signal.SIGKILL)  # one that the program of this test has started
        assert job.wait() == 2, job.said
    assert job.said.splitlines()[-1].startswith("lloptim: error: a process of this job was killed")
    assert "Traceback" not in job.said
    assert 0 < len(read_landscape(tmp_path / "torn.h5").search.state["outcomes"]) < 400


# --- what may go on -------------------------------------------------------------------------------


def test_a_complete_job_is_refused_and_a_complete_part_left(folder, tmp_path, capsys):
    output = tmp_path / "found.h5"
    assert connect(folder, output, "--part", "1/3") == 0
    first = capsys.readouterr().out
    before = output.stat()
    assert connect(folder, output, "--part", "1/3") == 0
    assert capsys.readouterr().out == first
    assert (output.stat().st_ino, output.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    for part in ([], ["--part", "2/3"], ["--part", "1/3", "-s", 2]):
        assert connect(folder, output, *part) == 2
        assert "is not the result of this job; use -f to replace it" in capsys.readouterr().err
    shutil.copy(folder / "whole.h5", output)
    assert connect(folder, output) == 2
    assert "its job is complete; use -f to replace it" in capsys.readouterr().err
    assert connect(folder, output, "-f") == 0
    assert output.read_bytes() == (folder / "whole.h5").read_bytes()


def test_the_same_ids_of_other_minima_are_another_job(folder, tmp_path, monkeypatch, capsys):
    for name in ("minima.h5", "pairs.tsv"):
        shutil.copy(folder / name, tmp_path)
    output = tmp_path / "found.h5"
    with monkeypatch.context() as patches:
        patches.setattr(lloptim.commands, "StopRequest", StopAfter(2))
        assert connect(tmp_path, output) == 75
    landscape = read_landscape(tmp_path / "minima.h5")
    landscape._keep_minima(np.array([1, 0, 2]))
    write_landscape(tmp_path / "minima.h5", landscape)
    assert connect(tmp_path, output) == 2
    assert "is not the result of this job" in capsys.readouterr().err


def test_a_part_without_pairs_is_no_failure(folder, tmp_path):
    output = tmp_path / "empty.h5"
    assert connect(folder, output, "--part", f"{len(PAIRS) + 1}/{len(PAIRS) + 1}") == 0
    assert len(read_landscape(output).minima) == 0


def test_the_landscape_that_is_read_is_never_the_output(folder, capsys):
    before = (folder / "minima.h5").read_bytes()
    assert connect(folder, folder / "minima.h5", "-f") == 2
    assert "is the landscape to be read; give another name by -o" in capsys.readouterr().err
    assert (folder / "minima.h5").read_bytes() == before
