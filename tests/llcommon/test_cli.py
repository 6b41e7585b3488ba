"""The command layer: error funnel, options, output, progress, stop signals."""

import errno
import io
import json
import math
import os
import signal
import sys
import threading
import time

import click
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from llcommon import __version__, errors
from llcommon.cli import (
    Column,
    Progress,
    StopRequest,
    file_argument,
    jobs_option,
    json_option,
    log,
    output_option,
    program,
    quiet_option,
    seed_option,
    set_option,
    time_limit_option,
    verbose_option,
    write_json,
    write_properties,
    write_table,
)
from llcommon.cli.options import Duration
from llcommon.cli.output import NORMAL, console
from llcommon.cli.progress import duration
from llcommon.parallel import available_cores

HELP = """\
Usage: toy [OPTIONS] [COMMAND] [ARGS]...

  A toy.

Options:
  --debug     Show the Python traceback of an error.
  --version   Show the version and exit.
  -h, --help  Show this message and exit.

Commands:
  zeta   Last letter, first command.
  fail   Fails.
  alpha  First letter, last command.

  Exit codes: 0 done, 1 bug, 2 command line or settings wrong, 3 input file
  missing or damaged, 4 nothing found, 75 stopped with a checkpoint, 130
  interrupted.
"""

GOLDEN_HELP = {
    "llgmin": """\
  new      Write a commented TOML file for a loss model.
  run      Search for minima: basin-hopping and other methods.
  train    Train from many starts, and quench the ends to minima.
  quench   Minimise from given or random points, without a search.
  score    Score minima by their predictions on training and test data.
  predict  Predict for new rows of data with a minimum.
  export   Write a minimum as a predictor for scikit-learn, PyTorch or NumPy.
  stats    Say how a search went, and what it has probably not found.
  plot     Draw how a search went.
""",
    "lloptim": """\
  connect   Connect pairs of minima by transition states.
  minimise  Quench one point to a minimum.
  saddle    Find transition states from one point, or around minima.
  band      Relax one band between two minima and show it.
  spectrum  Hessian eigenvalues of one point, and their modes.
  path      Follow the path down both sides of a transition state.
""",
    "llpathsample": """\
  grow           Connect the minima of a landscape into one network.
  plan           Choose pairs to connect, for batch jobs.
  merge          Merge landscape files of one model.
  stats          Count minima, transition states and components.
  tree           Draw the disconnectivity graph.
  path           Find the lowest path between two minima.
  heat-capacity  Compute the heat capacity, its peaks and what makes them.
  occupations    Compute equilibrium occupations of minima.
  entropy        Compute Shannon's and the thermodynamic entropy.
  free-energy    Compute free energies of minima and groups.
  frustration    Compare the frustration of landscapes.
  network        Measure degrees, clustering, path lengths of the network.
  communities    Find communities; compare them with clusters.
  basins         List monotonic sequence basins and count funnels.
  basin-volume   Measure basins of attraction.
  rates          Compute rates and passage times between two sets.
  fastest-paths  Find the paths that contribute most to a rate.
  first-passage  Compute the distribution of first-passage times.
  regroup        Group minima by free energy, rate or loss.
  bayes          Compare point estimate, mixed minima and posterior of a gp.
  report         Write one page with all of a landscape.
  import         Import a network of another program, verified.
  export         Write a network for another program.
  distance       Measure the distance of two minima after alignment.
  prune          Leave out what is unconnected, high, or hardly connected.
  remove         Leave out some points.
  retain         Leave out all but some points.
  extract        Take a part out into a file of its own.
  recompute      Compute LPPHE, eigenvalues and symmetry orders anew.
""",
}

failure = [None]
received = {}


@click.command()
def fail():
    """Fails."""
    raise failure[0]


@click.command()
@file_argument()
@output_option(required=True)
@seed_option()
@set_option()
@jobs_option()
@time_limit_option()
@json_option()
@verbose_option()
@quiet_option()
def zeta(**values):
    """Takes everything."""
    received.clear()
    received.update(values)
    log("normal")
    log("verbose", 1)
    log("very verbose", 2)


toy = program(
    "toy",
    "A toy.",
    {
        "zeta": (f"{__name__}:zeta", "Last letter, first command."),
        "fail": (f"{__name__}:fail", "Fails."),
        "alpha": ("a_module_that_is_not_there:alpha", "First letter, last command."),
    },
)


@pytest.fixture(autouse=True)
def this_module_is_importable(monkeypatch):
    monkeypatch.setitem(sys.modules, __name__, sys.modules[zeta.callback.__module__])
    yield
    console.reset()


def run(*arguments):
    return CliRunner().invoke(toy, list(arguments))


def fail_with(error, *arguments):
    failure[0] = error
    return run(*arguments, "fail")


# --- help and version -----------------------------------------------------------------------


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_lists_commands_in_order_without_importing_them(option):
    result = run(option)
    assert (result.exit_code, result.stdout, result.stderr) == (0, HELP, "")


def test_no_command_shows_the_help_and_is_wrong():
    result = run()
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", HELP)


def test_version():
    assert run("--version").stdout == f"toy {__version__}\n"


@pytest.mark.parametrize("name", GOLDEN_HELP)
def test_program_help_golden(run_program, name):
    result = run_program(name, "--help")
    assert result.returncode == 0
    assert result.stdout.startswith(f"Usage: {name} [OPTIONS] COMMAND".replace(" COMMAND", " [COMMAND]"))
    assert f"Commands:\n{GOLDEN_HELP[name]}" in result.stdout


@pytest.mark.parametrize("name", GOLDEN_HELP)
def test_program_help_imports_neither_numpy_nor_numba(name):
    code = (
        f"import sys; from {name}.cli import main; main(['--help'], standalone_mode=False); "
        "print([m for m in ('numpy', 'numba', 'h5py', 'scipy') if m in sys.modules])"
    )
    import subprocess

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


# --- errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (errors.ConfigError("a is wrong"), 2, "toy: error: a is wrong\n"),
        (errors.ConfigError("a is wrong\nb is wrong"), 2, "toy: error: a is wrong\ntoy: error: b is wrong\n"),
        (errors.OutputError("o"), 2, "toy: error: o\n"),
        (errors.InputError("i"), 3, "toy: error: i\n"),
        (errors.NothingFound("n"), 4, "toy: error: n\n"),
        (errors.Stopped("stopped by SIGTERM"), 75, "toy: stopped by SIGTERM\n"),
        (errors.Interrupted("stopped by Ctrl-C"), 130, "toy: stopped by Ctrl-C\n"),
        (KeyboardInterrupt(), 130, "toy: interrupted\n"),
    ],
)
def test_exit_code_and_sentence(error, code, text):
    result = fail_with(error)
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", text)


def test_memory_and_full_disk_are_one_sentence():
    result = fail_with(MemoryError())
    assert result.exit_code == 2
    assert "memory" in result.stderr and result.stderr.count("\n") == 1
    result = fail_with(OSError(errno.ENOSPC, "No space left on device", "x.h5"))
    assert result.exit_code == 2
    assert result.stderr == "toy: error: x.h5 cannot be written because the disk is full; free some space\n"


@pytest.mark.parametrize(
    "error",
    [
        ValueError("odd"),
        PermissionError(errno.EACCES, "odd"),
        EOFError("odd"),
        BrokenPipeError(errno.EPIPE, "odd"),
    ],
)
def test_anything_else_is_a_bug_with_a_traceback(error):
    result = fail_with(error)
    assert result.exit_code == 1
    assert "Traceback" in result.stderr and "odd" in result.stderr
    assert result.stderr.endswith("toy: error: this is a bug; please report it with the lines above\n")


def test_debug_before_and_behind_the_command_shows_the_traceback():
    for arguments in (["--debug", "fail"], ["fail", "--debug"]):
        failure[0] = errors.InputError("i")
        result = run(*arguments)
        assert result.exit_code == 3
        assert "Traceback" in result.stderr
        assert result.stderr.endswith("toy: error: i\n")
    assert "Traceback" not in fail_with(errors.InputError("i")).stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["zetta"], "zetta is not a command of toy; did you mean zeta?"),
        (["xyz"], "xyz is not a command of toy; known: zeta, fail, alpha"),
        (["--versoin"], "--versoin is not an option of toy; did you mean --version?"),
        (["zeta", "f", "--ouput", "x"], "--ouput is not an option of toy zeta; did you mean --output?"),
        (["zeta", "f", "-x"], "-x is not an option of toy zeta; see toy zeta --help"),
        (["zeta", "-o", "x"], "FILE is missing; see toy zeta --help"),
        (["zeta", "f"], "--output is missing; see toy zeta --help"),
        (["zeta", "f", "g", "-o", "x"], "unexpected argument (g); see toy zeta --help"),
        (["zeta", "f", "-o", "x", "-s", "a"], "--seed: 'a' is not a whole number; see toy zeta --help"),
        (["zeta", "f", "-o", "x", "-j", "0"], "--jobs: 0 is not in the range x>=1; see toy zeta --help"),
        (
            ["zeta", "f", "-o", "x", "--time-limit", "soon"],
            "--time-limit: soon is not a time such as 600, 10m, 2h or 1:30:00; see toy zeta --help",
        ),
    ],
)
def test_usage_errors_are_one_sentence(arguments, sentence):
    result = run(*arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"toy: error: {sentence}\n")


def _shell(run_program, tmp_path, tail):
    """Runs a program that writes 200,000 lines into `tail`; the process of the shell."""
    import subprocess

    (tmp_path / "lines.py").write_text(
        "import click\nfrom llcommon.cli import Column, program, write_table\n"
        "@click.command()\n"
        "def lines():\n"
        "    write_table([Column('n', '', range(200000))], False)\n"
        "main = program('toy', 'A toy.', {'lines': ('__main__:lines', 'Lines.')})\n"
        "main()\n"
    )
    command = f"set -o pipefail; {sys.executable} lines.py lines {tail}"
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    environment = {**os.environ, "PYTHONPATH": root}
    return subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )


def test_closed_pipe_is_quiet(run_program, tmp_path):
    result = _shell(run_program, tmp_path, "| head -2")
    assert (result.returncode, result.stdout, result.stderr) == (0, "n\n0\n", "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_full_standard_output_is_one_sentence(run_program, tmp_path):
    result = _shell(run_program, tmp_path, "> /dev/full")
    assert result.returncode == 2
    assert result.stderr == ("toy: error: the output cannot be written because the disk is full; free some space\n")


# --- options ----------------------------------------------------------------------------------


def test_options_arrive_under_their_names(tmp_path):
    arguments = "f.toml -o x.h5 --seed 7 --set a.b=1 --set c.d=2 -j 3 --time-limit 10m --json".split()
    assert run("zeta", *arguments).exit_code == 0
    assert str(received["file"]) == "f.toml" and str(received["output"]) == "x.h5"
    assert received["seed"] == 7
    assert received["overrides"] == ("a.b=1", "c.d=2")
    assert received["jobs"] == 3
    assert received["time_limit"] == 600.0
    assert received["as_json"] is True


def test_defaults_of_options():
    run("zeta", "f", "-o", "x")
    assert received["jobs"] == available_cores()
    assert received["time_limit"] is None and received["seed"] is None and received["overrides"] == ()
    assert received["as_json"] is False


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], ["normal"]),
        (["-v"], ["normal", "verbose"]),
        (["-vv"], ["normal", "verbose", "very verbose"]),
        (["-q"], []),
    ],
)
def test_verbosity(options, said):
    result = run("zeta", "f", "-o", "x", *options)
    assert result.stderr.splitlines() == said
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("1.5", 1.5),
        ("90s", 90.0),
        ("10m", 600.0),
        ("2h", 7200.0),
        ("1H30M", 5400.0),
        ("1d", 86400.0),
        ("0.5h", 1800.0),
        ("1:30", 90.0),
        ("1:30:00", 5400.0),
    ],
)
def test_times(text, seconds):
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "1x", "1:2:3:4", "m", "10 m", "1::2", "0:00"])
def test_what_is_no_time(text):
    with pytest.raises(click.BadParameter):
        Duration().convert(text, None, None)


@given(st.integers(1, 10**7))
def test_clock_and_duration_are_inverse(seconds):
    assert Duration().convert(duration(seconds), None, None) == seconds


# --- output -----------------------------------------------------------------------------------


def test_table_as_tsv(capsys):
    columns = [
        Column("id", "", np.arange(3)),
        Column("time", "s", np.array([0.1, math.nan, 1e-300])),
        Column("done", "", np.array([True, False, True])),
        Column("name", "", ["a\tb", None, "c\nd"]),
    ]
    write_table(columns, as_json=False, extra={"left": "out"})
    assert capsys.readouterr().out == (
        "id\ttime [s]\tdone\tname\n0\t0.1\ttrue\ta\\tb\n1\tnan\tfalse\t\n2\t1e-300\ttrue\tc\\nd\n"
    )


def test_table_without_rows_has_a_header(capsys):
    write_table([Column("id", "", []), Column("loss", "", np.empty(0))], as_json=False)
    assert capsys.readouterr().out == "id\tloss\n"


def test_columns_of_unequal_length_are_a_bug():
    with pytest.raises(ValueError):
        write_table([Column("a", "", [1]), Column("b", "", [1, 2])], as_json=False)


def test_table_as_json(capsys):
    columns = [Column("id", "", np.arange(2)), Column("time", "s", [math.inf, np.float64(2.5)])]
    write_table(columns, as_json=True, extra={"file": "x", "count": np.int64(3)})
    assert json.loads(capsys.readouterr().out) == {
        "schema_version": 1,
        "file": "x",
        "count": 3,
        "units": {"time": "s"},
        "rows": [{"id": 0, "time": None}, {"id": 1, "time": 2.5}],
    }


@given(values=st.lists(st.floats(allow_nan=False), min_size=1))
def test_floats_come_back_bit_for_bit(values):
    stream = io.StringIO()
    from contextlib import redirect_stdout

    with redirect_stdout(stream):
        write_table([Column("x", "", np.array(values))], as_json=False)
    back = [float(line) for line in stream.getvalue().splitlines()[1:]]
    assert np.array(back).tobytes() == np.array(values).tobytes()


def test_properties(capsys):
    properties = {"a": {"b": 1, "c": [1.5, "x"]}, "d": np.array([2.0])}
    write_properties(properties, as_json=False)
    assert capsys.readouterr().out == "property\tvalue\na.b\t1\na.c[0]\t1.5\na.c[1]\tx\nd[0]\t2.0\n"
    write_properties(properties, as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert document == {"schema_version": 1, "a": {"b": 1, "c": [1.5, "x"]}, "d": [2.0]}


def test_json_has_its_version_first(capsys):
    write_json({"x": 1})
    assert list(json.loads(capsys.readouterr().out)) == ["schema_version", "x"]


# --- progress ---------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_bar_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with Progress(4, "working") as progress:
        progress.update(2, "too early to be drawn")
        log("a line")
        progress.update(4, "two found")
    drawn = terminal.getvalue()
    assert "too early" not in drawn
    assert "working [........................] 0/4 0:00" in drawn
    assert "\r\x1b[Ka line\nworking" in drawn
    assert "working [########################] 4/4 0:00  two found" in drawn
    assert drawn.endswith("\r\x1b[K")
    terminal.truncate(0)
    log("after")
    assert terminal.getvalue().endswith("after\n")


def test_bar_fits_the_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    with Progress(4, "working") as progress:
        progress.update(4, "x" * 200)
    assert all(len(text) < 40 for text in terminal.getvalue().split("\r\x1b[K"))


@pytest.mark.parametrize("reason", ["no terminal", "quiet", "dumb"])
def test_no_bar(monkeypatch, reason):
    stream = io.StringIO() if reason == "no terminal" else Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "dumb" if reason == "dumb" else "xterm")
    console.verbosity = -1 if reason == "quiet" else NORMAL
    with Progress(None, "working") as progress:
        progress.update(1)
    assert stream.getvalue() == ""


def test_line_now_and_then_in_a_verbose_batch_job(monkeypatch):
    stream = io.StringIO()
    clock = [100.0]
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr("llcommon.cli.progress.time.monotonic", lambda: clock[0])
    console.verbosity = 1
    with Progress(10, "working") as progress:
        for done in range(1, 11):
            clock[0] += 7.0
            progress.update(done, "found")
    assert stream.getvalue() == "working 5/10 0:35  found\nworking 10/10 1:10  found\n"


def test_log_survives_a_reader_that_went_away(monkeypatch):
    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    log("nobody listens")


# --- stop signals -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "reason", "error"),
    [
        (signal.SIGTERM, "SIGTERM", errors.Stopped),
        (signal.SIGUSR1, "SIGUSR1", errors.Stopped),
        (signal.SIGINT, "Ctrl-C", errors.Interrupted),
    ],
)
def test_signals_ask_to_stop(number, reason, error):
    before = signal.getsignal(number)
    with StopRequest() as stop:
        assert not stop.requested and not stop() and stop.reason == ""
        os.kill(os.getpid(), number)
        assert stop.requested and stop()
    assert stop.reason == reason
    raised = stop.error("12 steps are kept")
    assert type(raised) is error
    assert str(raised) == f"stopped by {reason}; 12 steps are kept; run the same command again to go on"
    assert signal.getsignal(number) is before


def test_second_interrupt_is_immediate():
    with pytest.raises(KeyboardInterrupt), StopRequest():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)


def test_time_limit(monkeypatch):
    clock = [5.0]
    monkeypatch.setattr("llcommon.cli.stop.time.monotonic", lambda: clock[0])
    with StopRequest(10.0) as stop:
        clock[0] = 14.9
        assert not stop.requested
        clock[0] = 15.0
        assert stop.requested
    assert stop.reason == "the time limit"
    assert type(stop.error("x")) is errors.Stopped


def test_stop_request_outside_the_main_thread_knows_the_time_limit_only():
    outcome = []

    def work():
        with StopRequest(1e-9) as stop:
            time.sleep(0.001)
            outcome.append(stop.requested)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert outcome == [True]
