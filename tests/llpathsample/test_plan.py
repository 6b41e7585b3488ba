"""Growing without an engine: plan, connect in parts, merge."""

import shutil

import pytest
from driving import StopAfter, call, files, xor_minima

import lloptim.commands
from llcommon.status import Status
from llcommon.store import SearchState, read_landscape, write_landscape
from llpathsample.merging import Known, merge_file
from llpathsample.parts import Part, problems_of, ranges
from tests.llpathsample.growing_standin import landscape_of, random_landscape


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """minima.h5 of a network that learns XOR, pairs.tsv, part-1.h5, part-2.h5 of 2."""
    path = tmp_path_factory.mktemp("plan")
    xor_minima(path)
    (path / "pairs.tsv").write_text("0 1\n0 2\n1 2\n1 0 1\n")
    for number in (1, 2):
        assert connect(path, number) == 0
    return path


def connect(folder, number: int) -> int:
    part = ["--part", f"{number}/2", "-o", folder / f"part-{number}.h5"]
    return call("lloptim", "connect", folder / "minima.h5", "--pairs", folder / "pairs.tsv", *part, "-j", 1, "-q")


def merge(folder, output, *options) -> int:
    return call("llpathsample", "merge", folder / "minima.h5", *options, "-o", output)


def tried(landscape) -> dict[tuple[int, int], int]:
    """Attempts by pair."""
    pairs = landscape.pairs
    return {tuple(ids): number for ids, number in zip(pairs.ids.tolist(), pairs.attempts.tolist(), strict=True)}


def test_a_plan_is_what_a_growth_begins_with(folder, tmp_path, capsys):
    assert call("llpathsample", "plan", folder / "minima.h5", "-o", tmp_path / "p.tsv", "--pairs-per-part", 1) == 0
    rows = (tmp_path / "p.tsv").read_text().splitlines()
    assert rows[0] == "minimum_a\tminimum_b\tattempt" and len(rows) == 3
    others = {row.split("\t")[0] for row in rows[1:]}
    lowest = str(read_landscape(folder / "minima.h5").global_minimum())
    assert {row.split("\t")[1:] == [lowest, "0"] for row in rows[1:]} == {True} and lowest not in others
    assert "parts\t2" in capsys.readouterr().out
    assert call("llpathsample", "plan", folder / "minima.h5", "-o", tmp_path / "p.tsv", "--most", 1, "-f") == 0
    assert len((tmp_path / "p.tsv").read_text().splitlines()) == 2


def test_a_plan_holds_the_whole_chain(tmp_path):
    grow = {"strategy": "initial-path", "set_a": "0", "set_b": "4", "metric": "power", "power": 2}
    landscape = landscape_of(range(5), [[k, k * k] for k in range(5)], **grow)
    write_landscape(tmp_path / "chain.h5", landscape)
    assert call("llpathsample", "plan", tmp_path / "chain.h5", "-o", tmp_path / "p.tsv") == 0
    steps = [tuple(map(int, row.split("\t")[:2])) for row in (tmp_path / "p.tsv").read_text().splitlines()[1:]]
    assert sum(b - a for a, b in steps) == 4 and len(steps) > 1


def test_rounds_end_when_the_network_is_grown(folder, tmp_path):
    """Every round tries other pairs, or the same ones once more; then there is nothing left."""
    current = folder / "minima.h5"
    tried = 0
    for number in range(9):
        plan = tmp_path / f"{number}.tsv"
        code = call("llpathsample", "plan", current, "-o", plan, "-q")
        if code:
            break
        pairs = len(plan.read_text().splitlines()) - 1
        found = tmp_path / f"found-{number}.h5"
        part = ["--pairs", plan, "--part", "1/1", "-o", found]
        assert call("lloptim", "connect", current, *part, "-j", 1, "-q") in (0, 4)
        assert call("llpathsample", "merge", current, found, "-o", tmp_path / f"{number}.h5", "-q") == 0
        current = tmp_path / f"{number}.h5"
        tried += pairs
    assert code == 4
    grown = read_landscape(current)
    assert len(grown.transition_states) and grown.pairs.attempts.sum() >= tried


def test_missing_parts_are_named(folder, tmp_path, capsys):
    assert merge(folder, tmp_path / "x.h5", folder / "part-2.h5") == 3
    assert "error: of 2 parts 1 is missing" in capsys.readouterr().err
    assert merge(folder, tmp_path / "x.h5", folder / "part-1.h5", folder / "part-3.h5") == 3
    assert "part-3.h5 does not exist; check the names" in capsys.readouterr().err
    assert files(tmp_path) == {}
    options = [folder / "part-1.h5", folder / "part-3.h5", "--allow-missing"]
    assert merge(folder, tmp_path / "x.h5", *options) == 0
    said = capsys.readouterr().err
    assert "note: 1 of 2 files are not there" in said and "note: of 2 parts 2 is missing" in said


def test_incomplete_parts_are_named(folder, tmp_path, monkeypatch, capsys):
    for name in ("minima.h5", "pairs.tsv", "part-2.h5"):
        shutil.copy(folder / name, tmp_path)
    with monkeypatch.context() as patches:
        patches.setattr(lloptim.commands, "StopRequest", StopAfter(1))
        assert connect(tmp_path, 1) == 75
    capsys.readouterr()
    parts = [tmp_path / "part-1.h5", tmp_path / "part-2.h5"]
    assert merge(tmp_path, tmp_path / "x.h5", *parts) == 3
    assert "part 1 of 2, has 1 of its" in capsys.readouterr().err
    assert merge(tmp_path, tmp_path / "half.h5", *parts, "--allow-missing") == 0
    assert connect(tmp_path, 1) == 0
    assert merge(tmp_path, tmp_path / "x.h5", *parts) == 0
    assert merge(folder, tmp_path / "whole.h5", folder / "part-1.h5", folder / "part-2.h5") == 0
    merged, whole = (read_landscape(tmp_path / name) for name in ("x.h5", "whole.h5"))
    assert merged.minima.coordinates.tolist() == whole.minima.coordinates.tolist()
    # The completed part after the incomplete one: nothing counts twice.
    assert call("llpathsample", "merge", tmp_path / "half.h5", *parts, "-o", tmp_path / "later.h5") == 0
    later = read_landscape(tmp_path / "later.h5")
    assert tried(later) == tried(whole) and later.counters == whole.counters
    assert sorted(later.minima.loss) == sorted(whole.minima.loss)


def test_a_part_is_merged_once(folder, tmp_path, capsys):
    parts = [folder / "part-1.h5", folder / "part-2.h5"]
    assert merge(folder, tmp_path / "once.h5", *parts) == 0
    capsys.readouterr()
    assert call("llpathsample", "merge", tmp_path / "once.h5", *parts, "-o", tmp_path / "twice.h5") == 0
    assert "part-1.h5 was merged before" in capsys.readouterr().err
    once, twice = (read_landscape(tmp_path / name) for name in ("once.h5", "twice.h5"))
    assert twice.pairs.attempts.tolist() == once.pairs.attempts.tolist()
    assert twice.minima.visits.tolist() == once.minima.visits.tolist()
    assert call("llpathsample", "merge", *[tmp_path / "once.h5"] * 3, *parts, *parts, "-o", tmp_path / "3.h5") == 0
    thrice = read_landscape(tmp_path / "3.h5")
    assert tried(thrice) == tried(once) and thrice.minima.visits.tolist() == once.minima.visits.tolist()


def test_a_part_is_merged_again_when_its_points_were_taken_out(folder, tmp_path):
    parts = [folder / "part-1.h5", folder / "part-2.h5"]
    assert merge(folder, tmp_path / "once.h5", *parts) == 0
    whole = read_landscape(tmp_path / "once.h5")
    assert call("llpathsample", "extract", tmp_path / "once.h5", "--lowest", 3, "-o", tmp_path / "few.h5") == 0
    assert len(read_landscape(tmp_path / "few.h5").minima) == 3
    assert call("llpathsample", "merge", tmp_path / "few.h5", *parts, "-o", tmp_path / "again.h5") == 0
    assert len(read_landscape(tmp_path / "again.h5").transition_states) == len(whole.transition_states)


def test_what_was_taken_out_of_another_file_voids_nothing():
    landscape = landscape_of([], [])
    for command, *rest in [("merge", 0, "a", "b"), ("merge", 0, "c"), ("prune",), ("merge", 0, "d"), ("merge", 1, "e")]:
        record = {"command": command}
        if rest:
            record |= {"records_before": rest[0], "inputs": dict(enumerate(rest[1:]))}
        landscape.provenance.append(record)
    # c, pruned, and what d was merged into came along with e.
    assert Known.of(landscape).contents == {"a", "b", "d", "e"}
    landscape.provenance.append({"command": "remove"})
    assert Known.of(landscape).contents == set()


def test_every_pair_of_a_job_is_marked():
    """Also one whose two minima became one in the file of the job; only where ids are those that it was given."""
    source, job = random_landscape(1, 5, 0), landscape_of([], [])
    outcomes = [[0, int(Status.STEP_LIMIT), 0, 0]] * 2
    state = {"kind": "connect", "pairs": [[0, 1, 0], [2, 3, 0], [1, 4, 0]], "outcomes": outcomes}
    job.search = SearchState({**state, "source": [5, source.losses_sha256(5)]})
    merge_file(source, job, "the job", Known())
    assert tried(source) == {(0, 1): 1, (2, 3): 1}
    merge_file(source, job, "the job", Known())
    assert tried(source) == {(0, 1): 1, (2, 3): 1}
    other = random_landscape(2, 5, 0)
    merge_file(other, job, "the job", Known())
    assert tried(other) == {}


def test_problems_of_several_arrays(tmp_path):
    parts = [Part(tmp_path, "a", number, 9, 1, 1) for number in (2, 3, 4, 8)]
    parts += [Part(tmp_path, "b", 1, 2, 0, 5), Part(tmp_path, "b", 2, 2, 5, 5)]
    problems = problems_of(parts)
    assert problems[0] == "of 9 parts 1,5-7,9 are missing"
    assert "part 1 of 2, has 0 of its 5 pairs" in problems[1] and len(problems) == 2
    assert ranges([3]) == "3"
