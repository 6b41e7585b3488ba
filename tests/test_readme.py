"""What the README and docs/ show is run here, line by line, as a new user would in an empty folder."""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from driving import call, connect_here
from making_standin import Here
from networks import himmelblau
from planted import planted, with_runs

from llcommon.store import read_landscape, write_landscape

ROOT = Path(__file__).resolve().parent.parent
# Fewer steps of the same search: the point is that every line works, the results are tested elsewhere.
SHORTER = {
    "llgmin run iris.toml -o minima.h5": "llgmin run iris.toml -o minima.h5 --set search.steps=20",
    "search.method=genetic --set search.steps=20": "search.method=genetic --set search.steps=2",
    "search.method=parallel": "search.steps=20 --set search.method=parallel",
    "search.method=multi": "search.steps=20 --set search.method=multi",
    "llgmin run train.toml": "llgmin run train.toml --set search.steps=20",
    "llgmin run xor": "llgmin run --set search.steps=20 xor",
    "llpathsample grow minima.h5": "llpathsample grow minima.h5 --set grow.budget=8 --set grow.batch=8",
    "llpathsample grow xor": "llpathsample grow --set grow.budget=6 --set grow.batch=6 xor",
    "--set grow.attempts=8": "",
    "llpathsample report": "llpathsample report --sections searched,completeness,tree",
    "--random 5 --soft 2": "--random 1 --soft 1",
    "llpathsample grow train.h5": "llpathsample grow train.h5 --set grow.budget=6 --set grow.batch=6",
    "--table short": "--table short --choose lowest --combine mean,stacking --repeats 2 --without-networks",
    "llpathsample robustness": "llpathsample robustness --samples 2 --lowest 4 --resamples 100",
    "llpathsample interpret": "llpathsample interpret --least 2 --lowest 5 --permutations 99",
    "llpathsample slice": "llpathsample slice --points 9 --lowest 4",
    "lambda=1e-4:1e-2:3": "lambda=1e-3,1e-2 --set search.steps=5 --minima 3 --pairs 1",
    "train.runs=20": "train.runs=2",
}
# The analyses of docs/ are run on four minima that stand for a landscape of a hundred.
SMALLER = {
    r"--temperatures? \S+": "--temperature 50",
    r"--threshold \S+": "--threshold 1",
    r"--scan 12": "--scan 3",
    r'"56, 58-60"': "1-2",
    r"--set-b 60": "--set-b 3",
    r"--group 1-5": "--group 1-3",
    r"--simulate 4000": "--simulate 20",
    r"--direct 100 --starts 20": "--direct 20 --starts 2 --populations 2 --points 4",
    r"--runs adam.h5 --runs sgd.h5": "",
    r"test_accuracy": "lpphe",
    r"--colour occupation": "--colour occupation --temperature 50",
    r"report landscape": "report --sections glance landscape",
}
PROGRAMS = ("llgmin", "lloptim", "llpathsample")
SHELL = set("|&;<>$*`")


def shown_commands(document: str) -> list[str]:
    """Lines after `$ ` in the console blocks of a document."""
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), flags=re.S)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def run(command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, **variables}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )


def prepared(folder: Path) -> Path:
    """An empty folder with the example files that the README speaks of."""
    for name in ("iris/iris.csv", "xor/xor.csv", "xor/xor.toml", "xor/xor2.toml"):
        shutil.copy(ROOT / "examples" / name, folder)
    return folder


def run_here(command: str, folder: Path) -> int:
    """A line in this process if it is one of the programs and at most a file for what it writes; its exit code."""
    line, _, file = command.partition(" > ")
    words = shlex.split(line)
    if words[0] not in PROGRAMS or SHELL & set(line + file):
        return run(command, folder).returncode
    with open(folder / (file.strip() or ".written"), "w", encoding="utf-8") as written:
        with contextlib.redirect_stdout(written):
            return call(*words)


def run_all(folder: Path, shorter: dict[str, str], run) -> None:
    commands = shown_commands("README.md")
    assert len(commands) > 15
    for command in commands:
        for long, short in shorter.items():
            command = command.replace(long, short)
        assert run(command, folder) == 0, command


def test_every_command_of_the_readme_works(tmp_path, monkeypatch, one_core):
    """In this process: each Python would load the compiled kernels anew. As it stands below, and in the examples."""
    folder = prepared(tmp_path)
    monkeypatch.chdir(folder)
    monkeypatch.setattr("llpathsample.engines.running.lloptim", connect_here)
    monkeypatch.setattr("llpathsample.making.Children", Here)
    run_all(folder, SHORTER, run_here)
    assert (folder / "tree.svg").stat().st_size > 1000
    assert (folder / "path.svg").exists() and (folder / "profile.svg").exists()


@pytest.mark.parametrize("page", ["thermodynamics", "kinetics", "structure", "trees", "report"])
def test_every_command_of_an_analysis_works(page, tmp_path, monkeypatch, one_core):
    monkeypatch.chdir(tmp_path)
    for name in ("landscape.h5", "other.h5"):
        write_landscape(tmp_path / name, himmelblau())
    (tmp_path / "communities.tsv").write_text("id\tcommunity\n0\t0\n1\t0\n2\t1\n3\t1\n")
    commands = shown_commands(f"docs/{page}.md")
    assert commands
    for command in commands:
        for long, short in SMALLER.items():
            command = re.sub(long, short, command)
        assert run_here(command, tmp_path) == 0, command


def test_the_first_commands_about_interpretation_work(tmp_path, monkeypatch, one_core):
    monkeypatch.chdir(tmp_path)
    landscape = with_runs(planted())
    for name in ("landscape.h5", "adam.h5", "sgd.h5"):
        write_landscape(tmp_path / name, landscape)
    (tmp_path / "test.csv").write_text("first,second,third,y\n0,1,2,no\n1,0,-1,yes\n", encoding="utf-8")
    commands = [command for command in shown_commands("docs/interpretation.md") if " landscape.h5 " in command]
    assert len(commands) == 6
    for command in commands:
        less = "--points 5" if " slice " in command else "--permutations 99"
        assert run_here(command.replace("landscape.h5", f"landscape.h5 {less}"), tmp_path) == 0, command


@pytest.mark.slow
def test_the_readme_as_it_stands(tmp_path):
    folder = prepared(tmp_path)
    run_all(folder, {}, lambda command, folder: run(command, folder).returncode)
    stats = run("llpathsample stats landscape.h5 --json", folder)
    assert '"lowest_loss": 0.02254296086' in stats.stdout


def test_job_arrays_are_merged(tmp_path):
    folder = prepared(tmp_path)
    shutil.copy(ROOT / "examples/iris/iris.toml", folder)
    search, merge = shown_commands("docs/global-search.md")
    for task in ("1", "2"):
        done = run(f"{search} --set search.steps=20", folder, SLURM_ARRAY_TASK_ID=task)
        assert done.returncode == 0, done.stderr
    done = run(merge, folder)
    assert done.returncode == 0, done.stderr
    parts = [read_landscape(folder / f"minima-{task}.h5") for task in (1, 2)]
    merged = read_landscape(folder / "minima.h5")
    assert merged.minima.visits.sum() == sum(part.minima.visits.sum() for part in parts)
    assert max(len(part.minima) for part in parts) < len(merged.minima) <= sum(len(part.minima) for part in parts)
    assert not len(merged.trace) and len(parts[0].trace)


def test_the_format_note_is_where_it_says():
    (command,) = shown_commands("docs/landscape-file.md")
    done = run(command.replace("python", sys.executable, 1), ROOT)
    assert done.returncode == 0
    assert "/transition_states" in done.stdout


def test_makefile_has_the_two_commands_of_the_readme():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    for command in re.findall(r"^    make ([a-z-]+)$", (ROOT / "README.md").read_text(), flags=re.M):
        assert command in targets
    assert "make test" in (ROOT / ".ci" / "run").read_text()
