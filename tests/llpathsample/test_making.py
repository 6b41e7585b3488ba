"""Landscapes made by programs that are started: what is finished stays, what was stopped goes on, what failed is told.

But for one test the programs run in this process, or are stand-ins that end as they are told.
"""

import fcntl
import os
import signal
from pathlib import Path

import pytest
from making_standin import Here

from llcommon.errors import ConfigError, Interrupted, NothingFound, OutputError, Stopped
from llcommon.store import read_landscape
from llpathsample import making
from llpathsample.engines.running import Outcome
from llpathsample.making import (
    FINISHED,
    NOTHING,
    UNFINISHED,
    ProgramFailed,
    Wanted,
    make_landscape,
    make_landscapes,
    states_of,
)

TOML = """\
[loss]
model = "kmeans"
clusters = 1

[data]
file = "points.csv"
scaling = "none"

[search]
steps = 4
chains = 1
"""
POINTS = "x,y\n0,0\n0,1\n1,0\n4,4\n4,5\n5,4\n9,0\n9,1\n"


@pytest.fixture
def settings(tmp_path) -> Path:
    (tmp_path / "points.csv").write_text(POINTS)
    path = tmp_path / "points.toml"
    path.write_text(TOML)
    return path


@pytest.fixture
def here(monkeypatch) -> type[Here]:
    monkeypatch.setattr(making, "Children", Here)
    monkeypatch.setattr(Here, "commands", [])
    monkeypatch.setattr(Here, "instead", {})
    return Here


def test_real_programs_make_what_a_second_call_finds(settings, tmp_path):
    folder, said = tmp_path / "deep" / "work", []
    path = make_landscape(settings, folder, "one", seed=3, jobs=1, report=lambda name, text: said.append((name, text)))
    assert path == folder / "one.h5"
    assert read_landscape(path).settings.search.seed == 3
    assert ("one", "growing from 1 minima") in said
    assert "$ llgmin run" in (folder / "one.log").read_text()
    seconds = float((folder / "one.seconds").read_text())
    assert seconds > 0.0
    before = path.read_bytes()
    assert make_landscape(settings, folder, "one", seed=3, jobs=1) == path
    assert path.read_bytes() == before
    assert float((folder / "one.seconds").read_text()) == seconds


def test_what_is_finished_is_not_run_again(settings, tmp_path, here):
    wanted = [Wanted(settings, f"seed{seed}", seed=seed) for seed in (1, 2)]
    assert states_of(wanted, tmp_path / "work") == [NOTHING, NOTHING]
    make_landscapes(wanted[:1], tmp_path / "work", jobs=1)
    assert states_of(wanted, tmp_path / "work") == [FINISHED, NOTHING]
    here.commands.clear()
    made = make_landscapes(wanted, tmp_path / "work", jobs=2)
    assert [command[1] for command in here.commands] == ["run", "grow"]
    assert "--seed" in here.commands[0] and here.commands[0][here.commands[0].index("--seed") + 1] == "2"
    assert [each.path.name for each in made] == ["seed1.h5", "seed2.h5"]
    assert [each.seconds for each in made] == [3.0, 3.0]


def test_minima_that_are_there_are_only_grown(settings, tmp_path, here):
    wanted = Wanted(settings, "a", ("search.steps=5",))
    make_landscapes([wanted], tmp_path, jobs=1)
    (tmp_path / "a.h5").unlink()
    assert states_of([wanted], tmp_path) == [UNFINISHED]
    here.commands.clear()
    make_landscapes([wanted], tmp_path, jobs=1)
    assert [command[1] for command in here.commands] == ["grow"]


def test_files_of_other_settings_or_data_are_refused_and_kept(settings, tmp_path, here):
    make_landscape(settings, tmp_path / "work", "a", jobs=1)
    before = (tmp_path / "work" / "a.h5").read_bytes()
    with pytest.raises(OutputError, match=r"search\.steps is 4 there and 7 here"):
        make_landscape(settings, tmp_path / "work", "a", ("search.steps=7",), jobs=1)
    (tmp_path / "points.csv").write_text(POINTS + "7,7\n")
    with pytest.raises(OutputError, match="other data"):
        make_landscape(settings, tmp_path / "work", "a", jobs=1)
    assert (tmp_path / "work" / "a.h5").read_bytes() == before


def test_settings_that_are_wrong_are_told_before_anything_is_run(settings, tmp_path, here):
    wanted = [Wanted(settings, "good"), Wanted(settings, "many", ("loss.clusters=9",))]
    with pytest.raises(ConfigError, match="clusters is 9"):
        make_landscapes(wanted, tmp_path / "work", jobs=1)
    assert here.commands == []
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    "code, error", [(2, ConfigError), (75, Stopped), (130, Interrupted), (1, ProgramFailed), (-9, ProgramFailed)]
)
def test_exit_codes_are_handed_on_with_the_last_sentence(settings, tmp_path, here, code, error):
    here.instead["run"] = Outcome(code, "a note\nllgmin: error: the sky has fallen\n")
    with pytest.raises(error) as caught:
        make_landscape(settings, tmp_path, "a", jobs=1)
    if code > 1:
        assert str(caught.value) == "a: the sky has fallen"
        assert caught.value.exit_code == code
    else:
        assert "a.log" in str(caught.value)
        assert "the sky has fallen" in (tmp_path / "a.log").read_text()


def test_no_minimum_is_told_of_the_one_and_does_not_stop_the_others(settings, tmp_path, here):
    here.instead["run"] = Outcome(NothingFound.exit_code, "llgmin: error: no quench ended in a verified minimum\n")
    made = make_landscapes([Wanted(settings, "a"), Wanted(settings, "b")], tmp_path, jobs=1)
    assert [(each.path, each.problem) for each in made] == [(None, "no quench ended in a verified minimum")] * 2
    with pytest.raises(NothingFound, match="no quench"):
        make_landscape(settings, tmp_path, "a", jobs=1)


def test_a_stop_ends_what_runs_and_begins_nothing(settings, tmp_path, here):
    with pytest.raises(Stopped):
        make_landscapes([Wanted(settings, name) for name in "abc"], tmp_path, jobs=1, stopped=lambda: True)
    assert not list(tmp_path.glob("c.*h5"))


def test_a_failure_is_raised_and_not_the_stops_that_it_caused(settings, tmp_path, here):
    here.instead["grow"] = Outcome(3, "llpathsample: error: damaged\n")
    with pytest.raises(making.InputError, match="a: damaged"):
        make_landscapes([Wanted(settings, name) for name in "abcd"], tmp_path, jobs=1)


def test_two_at_work_in_one_folder_are_refused(settings, tmp_path, here):
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="another command"):
            make_landscape(settings, tmp_path, "a", jobs=1)
    finally:
        os.close(descriptor)
    assert make_landscape(settings, tmp_path, "a", jobs=1).exists()


def test_a_program_that_is_told_to_stop_before_it_listens_was_stopped(settings, tmp_path, here):
    class Deaf(Here):
        def run(self, command, limit, held):
            self.stopping = True
            return Outcome(-signal.SIGTERM, "")

    making.Children = Deaf  # `here` puts it back
    with pytest.raises(Stopped):
        make_landscape(settings, tmp_path, "a", jobs=1)
