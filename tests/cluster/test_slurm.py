"""Growth and job arrays in a real Slurm, whose jobs, nodes and controller come to harm."""

import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from driving import ROOT, files, run, started, xor_minima
from fatal import FATAL, fatal_minima, fatal_pair
from slurm_sandbox import HOW, missing, slurm

from llcommon.status import Status
from llcommon.store import read_landscape

pytestmark = [pytest.mark.cluster, pytest.mark.skipif(bool(missing()), reason=HOW)]
GROW = ("llpathsample", "grow", "minima.h5", "--set", "grow.attempts=1", "--set", "grow.batch=1", "-o")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    # Sockets have short names only.
    with slurm(Path(tmp_path_factory.mktemp("s")) / "slurm") as running:
        yield running


@pytest.fixture(autouse=True)
def configured(cluster, monkeypatch):
    for name in ("PATH", "SLURM_CONF"):
        monkeypatch.setenv(name, cluster.environment[name])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """minima.h5 and whole.h5, grown by local processes."""
    path = tmp_path_factory.mktemp("slurm")
    xor_minima(path)
    run(*GROW, "whole.h5", cwd=path)
    return path


@pytest.fixture
def problem(folder, tmp_path):
    """minima.h5 in a folder of its own; at the end a growth there must have come to whole.h5."""
    shutil.copy(folder / "minima.h5", tmp_path)
    yield tmp_path
    assert (tmp_path / "grown.h5").read_bytes() == (folder / "whole.h5").read_bytes()
    assert sorted(files(tmp_path)) == ["grown.h5", "minima.h5"]


def test_jobs_are_cancelled(cluster, problem):
    """Those that run and those that wait: they are run again, and nothing is different."""
    with started(*GROW, "grown.h5", "--slurm", "--slurm-partition", "all", "--slurm-time", 10, cwd=problem) as growth:
        cluster.wait_for(cluster.jobs)
        cluster.run("scancel", *(number for number, _ in cluster.jobs("all")))
        assert growth.wait() == 0, growth.said
    assert "is run again: Slurm job" in growth.said and "ended as CANCELLED" in growth.said


# Slow although it is quick: a job that begins while its node is being killed may escape, and then nothing is lost.
@pytest.mark.slow
def test_a_node_is_lost(cluster, problem):
    with started(*GROW, "grown.h5", "--slurm", cwd=problem) as growth:
        cluster.wait_for(cluster.jobs)
        node = cluster.jobs()[0][1]
        cluster.lose_node(node)
        assert growth.wait() == 0, growth.said
    assert "is run again: Slurm job" in growth.said
    cluster.start_node(node)


def test_the_jobs_of_a_killed_growth_are_found_again(cluster, problem):
    before = len(cluster.jobs("all"))
    with ExitStack() as growths:
        for _ in range(2):
            # Its jobs are not to be ended with it.
            growth = growths.enter_context(started(*GROW, "grown.h5", "--slurm", cwd=problem))
            cluster.wait_for(lambda: len(cluster.jobs("all")) > before)
            assert growth.signal(signal.SIGKILL) == -signal.SIGKILL
        run(*GROW, "grown.h5", "--slurm", cwd=problem)
    batches = cluster.run("squeue", "-h", "-t", "all", "-o", "%i %j %k").splitlines()
    batches = [line.split(" ", 1)[1] for line in sorted(batches, key=lambda line: int(line.split()[0]))[before:]]
    assert len(batches) == len(set(batches)) > 1


def test_a_stopped_growth_says_what_becomes_of_its_jobs(cluster, problem):
    with started(*GROW, "grown.h5", "--slurm", cwd=problem) as growth:
        cluster.wait_for(cluster.jobs)
        assert growth.signal(signal.SIGTERM) == 75
    assert "for when this command is run again; scancel --name=ll-" in growth.said
    run(*GROW, "grown.h5", "--slurm", cwd=problem)


@pytest.mark.slow
def test_jobs_come_to_their_wall_time(cluster, tmp_path, monkeypatch):
    """A pair that hangs is ended by Slurm, and again alone; it is marked, and the others are connected."""
    minima = fatal_minima(tmp_path)
    monkeypatch.setenv(FATAL, "hang")
    options = ("--slurm", "--slurm-time", "0:01", "--trust", "--set", "grow.batch=1", "--set", "grow.budget=4")
    with started("llpathsample", "grow", minima, "-o", tmp_path / "grown.h5", *options, cwd=tmp_path) as growth:
        assert growth.process.wait(600) == 0, growth.said
    said = growth.said
    grown = read_landscape(tmp_path / "grown.h5")
    fatal = list(fatal_pair(grown))
    assert "came to its wall time" in said
    assert grown.pairs.status[grown.pairs.ids.tolist().index(fatal)] == Status.TIME_LIMIT
    assert len(grown.transition_states) >= 2


def test_wrong_options_are_refused_in_a_sentence(cluster, folder, tmp_path, monkeypatch):
    shutil.copy(folder / "minima.h5", tmp_path)
    said = run(*GROW, "x.h5", "--slurm", "--slurm-partition", "nowhere", cwd=tmp_path, expect=2).stderr
    assert "error: sbatch refuses the job of a batch: sbatch: error: Batch job submission failed: Invalid part" in said
    monkeypatch.setenv("PATH", str(tmp_path))
    said = run(*GROW, "x.h5", "--slurm", cwd=tmp_path, expect=2).stderr
    assert "error: sbatch and squeue are not found" in said


def test_the_example_of_a_job_array(cluster, tmp_path, monkeypatch):
    """examples/cluster: plan, an array of jobs, merge, until nothing is left; then the same again does no work."""
    shutil.copytree(ROOT / "examples" / "cluster", tmp_path / "cluster", ignore=shutil.ignore_patterns("out"))
    shutil.copy(ROOT / "examples" / "model.mk", tmp_path)
    make = ["make", f"BIN={Path(sys.executable).parent}", "slurm"]
    monkeypatch.setenv("SIZE", "4")  # fewer, larger parts: each starts a Python
    done = subprocess.run(make, cwd=tmp_path / "cluster", capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    landscape = read_landscape(tmp_path / "cluster" / "out" / "xor.h5")
    assert len(landscape.transition_states) >= 3
    before = len(cluster.jobs("all"))
    subprocess.run(make, cwd=tmp_path / "cluster", check=True, capture_output=True, timeout=300)
    assert len(cluster.jobs("all")) == before
