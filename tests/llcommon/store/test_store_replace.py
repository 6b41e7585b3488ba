"""Replacing a file whole: killed writers, full disks, and targets that cannot be written."""

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from store_standin import filled_landscape, make_landscape, minimum

from llcommon.errors import InputError, OutputError
from llcommon.provenance import file_sha256, record
from llcommon.store import check_writable, read_landscape, replace, replace_file, write_landscape

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[2]


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(FOLDER), str(ROOT)])}


def writes(text):
    return lambda path: path.write_text(text)


def sentence(error, path):
    text = str(error.value)
    assert str(path) in text and "\n" not in text
    assert error.value.exit_code == 2
    return text


# --- crashes ------------------------------------------------------------------------------

REWRITER = """
import sys
import store_standin
from llcommon.store import write_landscape
store_standin.install()
landscape = store_standin.make_landscape(size=200)
for k in range(200):
    landscape.add_minimum(store_standin.minimum(float(k), [k] * 200))
commit = 0
while True:
    commit += 1
    landscape.counters["commit"] = commit
    landscape.add_minimum(store_standin.minimum(1000.0 + commit, [commit] * 200))
    write_landscape(sys.argv[1], landscape)
    print(commit, flush=True)
"""


def test_killed_writer_leaves_a_complete_commit(tmp_path):
    path = tmp_path / "landscape.h5"
    rng = np.random.default_rng(0)
    for _ in range(20):
        command = [sys.executable, "-c", REWRITER, str(path)]
        child = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)
        child.stdout.readline()  # the first commit is there
        time.sleep(float(rng.uniform(0.0, 0.05)))
        child.send_signal(signal.SIGKILL)
        reported = [1, *(int(line) for line in child.stdout.read().split("\n")[:-1])]
        child.wait()
        child.stdout.close()
        back = read_landscape(path)
        commit = back.counters["commit"]
        assert commit in (reported[-1], reported[-1] + 1)
        assert len(back.minima) == 200 + commit
        assert back.minima.coordinates[-1].tolist() == [commit] * 200
    write_landscape(path, make_landscape())
    assert os.listdir(tmp_path) == ["landscape.h5"]  # what the killed ones left is gone


def dead_process():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_only_dead_temporaries_of_this_target_are_removed(tmp_path):
    path = tmp_path / "a.h5"
    stem = replace.temporary_stem(path)
    ending = "0123456789abcdef.tmp"
    gone = f"{stem}{dead_process()}-{ending}"
    kept = [
        f"{stem}{os.getppid()}-{ending}",
        f"{stem}{dead_process()}-notes.tmp",
        gone.replace(".a.h5.", ".b.h5."),
        f".a.h5.00000000-{dead_process()}-{ending}",
        "a.h5.tmp",
    ]
    for name in [gone, *kept]:
        (tmp_path / name).write_text("x")
    replace_file(path, writes("new"))
    assert sorted(os.listdir(tmp_path)) == sorted(["a.h5", *kept])


# --- full disk ------------------------------------------------------------------------------


def no_space(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("call", ["fsync", "replace", "open"])
def test_full_disk_keeps_the_old_file(tmp_path, monkeypatch, call):
    path = tmp_path / "a.h5"
    write_landscape(path, filled_landscape())
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(replace.os, call, no_space)
        with pytest.raises(OutputError) as error:
            write_landscape(path, make_landscape())
    assert "no space left" in sentence(error, path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.h5"]


def test_full_disk_while_writing(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def half(temporary):
        temporary.write_text("half")
        no_space()

    with pytest.raises(OutputError):
        replace_file(path, half)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


LIMITED = """
import resource, signal, sys
import store_standin
from llcommon.errors import OutputError
from llcommon.store import write_landscape
store_standin.install()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    write_landscape(sys.argv[1], store_standin.filled_landscape())
except OutputError as error:
    sys.stdout.write(str(error))
    sys.exit(error.exit_code)
"""


def test_file_size_limit(tmp_path):
    path = tmp_path / "a.h5"
    write_landscape(path, make_landscape())
    before = path.read_bytes()
    command = [sys.executable, "-c", LIMITED, str(path)]
    child = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert child.returncode == 2, child.stderr
    assert "file too large" in child.stdout and "\n" not in child.stdout and not child.stderr
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["a.h5"]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_other_failures_pass_through_and_leave_nothing(tmp_path, failure):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write(temporary):
        temporary.write_text("half")
        raise failure

    with pytest.raises(failure):
        replace_file(path, write)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


# --- targets -------------------------------------------------------------------------------


def test_new_file_and_permissions_and_links(tmp_path):
    path, link = tmp_path / "a.txt", tmp_path / "link"
    replace_file(path, writes("one"))
    path.chmod(0o640)
    link.symlink_to("a.txt")
    replace_file(link, writes("two"))
    assert link.is_symlink() and path.read_text() == "two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_writing_through_relative_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_writable("a.txt", force=False)
    replace_file("a.txt", writes("x"))
    assert (tmp_path / "a.txt").read_text() == "x"


def test_refused_targets(tmp_path):
    folder, pipe, file = tmp_path / "folder", tmp_path / "pipe", tmp_path / "file"
    folder.mkdir()
    os.mkfifo(pipe)
    file.write_text("x")
    for path in (folder, pipe, Path(os.devnull), file / "below"):
        with pytest.raises(OutputError) as error:
            replace_file(path, writes("x"))
        sentence(error, path)
        with pytest.raises(OutputError) as error:
            check_writable(path, force=True)
        sentence(error, path)
    missing = tmp_path / "none" / "a.h5"
    with pytest.raises(OutputError):
        replace_file(missing, writes("x"))
    with pytest.raises(OutputError, match="does not exist"):
        check_writable(missing, force=True)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_check_writable_and_force(tmp_path):
    path = tmp_path / "a.h5"
    check_writable(path, force=False)
    path.write_text("x")
    check_writable(path, force=True)
    with pytest.raises(OutputError, match="--force"):
        check_writable(path, force=False)
    assert os.listdir(tmp_path) == ["a.h5"]


def test_read_only_folder(tmp_path, monkeypatch):
    # The superuser may write anywhere, so the answer of the system is simulated.
    monkeypatch.setattr(replace.os, "access", lambda *_: False)
    with pytest.raises(OutputError, match="read-only"):
        check_writable(tmp_path / "a.h5", force=True)


def test_folder_that_cannot_be_flushed(tmp_path, monkeypatch):
    original = os.fsync

    def only_files(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "no")
        original(descriptor)

    monkeypatch.setattr(replace.os, "fsync", only_files)
    replace_file(tmp_path / "a", writes("x"))
    assert (tmp_path / "a").read_text() == "x"


# --- provenance ----------------------------------------------------------------------------


def test_provenance_is_equal_for_equal_inputs(tmp_path, monkeypatch):
    arguments = ("llgmin", "run", {"data": "0" * 64}, "1" * 64, 7)
    first = record(*arguments)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert record(*arguments) == first
    assert first["seed"] == 7 and first["numpy"] == np.__version__
    assert str(Path.home()) not in str(first) and str(tmp_path) not in str(first)


def test_file_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")  # known answer of FIPS 180-2
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_sha256(tmp_path / "a") == expected
    for missing in (tmp_path / "b", tmp_path):
        with pytest.raises(InputError):
            file_sha256(missing)


def test_minimum_survives_many_rewrites(tmp_path):
    path = tmp_path / "a.h5"
    landscape = make_landscape()
    for k in range(5):
        landscape.add_minimum(minimum(float(k), [k, 0, 0]))
        write_landscape(path, landscape)
        landscape = read_landscape(path)
    assert landscape.minima.loss.tolist() == [0, 1, 2, 3, 4]
