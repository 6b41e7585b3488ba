"""Every measured number in README.md, docs/, examples/ and benchmarks/README.md names the command that makes it.

A paragraph, list or table with times, memory, shares or decimals carries its source, in one of these ways:

- in sight: a command between backticks that begins with `make bench`, `make -C`, `benchmarks/run.py` or `time` and the
  program that runs the commands of a page (docs/tools/run_pages.py), or (in the section "A run" of
  benchmarks/README.md) a task at the beginning of the paragraph;
- out of sight, at its end or right behind it: <!-- from: COMMAND -->, several with `; ` between: a benchmark, an
  example (make examples EXAMPLES=gp), a command of a program, a test (pytest FILE::NAME), or, for what is no
  measurement, such as a limit or a share of 95 %, the source FILE where it is written;
- for results of a method, not for times and memory: a command shown in a block of the same section, above or below.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "benchmarks" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
]
PROGRAMS = ("llgmin", "lloptim", "llpathsample")
RUN = "benchmarks/run.py"
RUN_PAGES = "docs/tools/run_pages.py"
IN_SIGHT = (f"{RUN} ", f"python {RUN} ", f"time python {RUN_PAGES} ", "make bench ", "make -C ")

NUMBER = r"(?<![\w.^-])\d+(?:\.\d+)?"
COSTS = re.compile(
    rf"{NUMBER} ?(?:[num]?s|microseconds?|milliseconds?|seconds?|minutes?|hours?|kB|MB|GB|bytes)\b"
    r"|\bminutes?\b|\btimes (?:as|the|longer|more|less|slower|faster|cheaper|nearer)\b",
)
RESULTS = re.compile(rf"{NUMBER} ?(?:%|per cent)|(?<![\w.^-])\d+\.\d+(?![\w.])|\+-")
# Numbers that are no measurements: in code, links, sources, names of versions; the width of an interval.
NONE = re.compile(
    r"<!--.*?-->|`[^`]*`|\]\([^)]*\)|\bdoi \S+|\bequation [\d.]+|\b(?:Python|[Rr]elease|version) [\d.]+|CC BY [\d.]+"
    r"|\b9[059] % (?:bootstrap|confidence|interval)",
    re.S,
)
MARKER = re.compile(r"<!-- from: (.*?) -->", re.S)
SHOWN = re.compile(r"^(?:\$ )?(?:make|python|llgmin|lloptim|llpathsample)\b", re.M)


@dataclass
class Section:
    """What stands below one heading: its blocks of text, and whether a command is shown there."""

    heading: str
    blocks: list[str] = field(default_factory=list)
    shows_commands: bool = False


def sections_of(text: str) -> Iterator[Section]:
    section = Section("")
    for piece in re.split(r"^(#{1,4} [^\n]*|```.*?^```.*?)$", text, flags=re.M | re.S):
        if piece.startswith("#"):
            yield section
            section = Section(piece.lstrip("# "))
        elif piece.startswith("```"):
            section.shows_commands |= bool(SHOWN.search(piece))
        else:
            for block in re.split(r"\n\s*\n", piece):
                if re.match(r"(?: {4}|\t)", block.strip("\n")):
                    section.shows_commands |= any(SHOWN.match(line.strip()) for line in block.splitlines())
                elif re.match(r"\s*<!--", block) and section.blocks:
                    section.blocks[-1] += block
                elif block.strip():
                    section.blocks.append(block)
    yield section


def sources(block: str, section: Section) -> list[str]:
    """The commands, tests and files that a block names as where its numbers are from."""
    named = [part.strip() for text in MARKER.findall(block) for part in " ".join(text.split()).split("; ")]
    spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", block)]
    if section.heading == "A run":
        spans += [f"{RUN} {span}" for span in spans[:1] if block.lstrip().startswith("`")]
    return named + [span for span in spans if span.startswith(IN_SIGHT)]


def without_source(text: str) -> list[str]:
    """The blocks of a page with measured numbers that name no source. A table has that of the text before it, too."""
    missing = []
    for section in sections_of(text):
        before = ""
        for block in section.blocks:
            bare = NONE.sub(" ", block)
            whole = before + block if block.lstrip().startswith("|") else block
            costs, results = COSTS.search(bare), RESULTS.search(bare)
            if (costs or results) and not sources(whole, section):
                if costs or not section.shows_commands:
                    missing.append(f"{(costs or results)[0]!r} in: {block.strip()[:100]}")
            before = block
    return missing


@cache
def tasks_parser():
    return import_module("benchmarks.run")._parser()


def check_benchmark(words: list[str]) -> None:
    tasks = tasks_parser().parse_args(words).tasks
    assert set(tasks) <= set(import_module("benchmarks.run").TASKS), f"no such task: {tasks}"


def check_make(words: list[str]) -> None:
    """make, or make -C FOLDER, with a target, names of examples or tasks of benchmarks.

    A target may be the name of a line `target = command`, as in examples/applications.
    """
    folder = ROOT
    if words[0] == "-C":
        folder, words = ROOT / words[1], words[2:]
    values = dict(word.split("=", 1) for word in words if "=" in word)
    makefile = (folder / "Makefile").read_text(encoding="utf-8")
    for target in (word for word in words if "=" not in word):
        assert re.search(rf"^{re.escape(target)} *[:=]", makefile, flags=re.M), f"no such target of make: {target}"
    for name in values.get("EXAMPLES", "").split():
        assert (ROOT / "examples" / name / "Makefile").is_file(), f"no such example: {name}"
    check_benchmark(shlex.split(values.get("BENCH", "")))


def check_program(program: str, words: list[str]) -> None:
    """The command and all options that begin with -- are there."""
    group = import_module(f"{program}.cli").main
    command = group.get_command(None, words[0])
    assert command is not None, f"{program} has no command {words[0]}"
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    for word in words[1:]:
        assert not word.startswith("--") or word.partition("=")[0] in options, f"{program} {words[0]} has no {word}"


def check_path(text: str) -> None:
    """FILE or FILE::test."""
    path, _, test = text.partition("::")
    assert (ROOT / path).is_file(), f"no such file: {path}"
    text = (ROOT / path).read_text(encoding="utf-8")
    assert not test or f"def {test}(" in text, f"{path} has no {test}"


def check_command(command: str) -> None:
    words = shlex.split(command)
    if words[:1] == ["time"]:
        words = words[1:]
    if words[:1] == ["python"]:
        words = words[1:]
    program, arguments = words[0], words[1:]
    if program == RUN:
        check_benchmark(arguments)
    elif program == RUN_PAGES:
        for page in arguments:
            check_path(f"docs/tutorials/{page}.md")
    elif program == "make":
        check_make(arguments)
    elif program == "pytest":
        check_path(arguments[-1])
    elif program in PROGRAMS:
        check_program(program, arguments)
    else:
        check_path(program)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_measured_numbers_name_their_source(page):
    missing = without_source(page.read_text(encoding="utf-8"))
    assert not missing, "\n".join(missing)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_sources_of_numbers_exist(page):
    for section in sections_of(page.read_text(encoding="utf-8")):
        for block in section.blocks:
            for command in sources(block, section):
                check_command(command)


BARE = "# Page\n\nA quench takes 3 ms."


@pytest.mark.parametrize(
    "page",
    [
        BARE,
        f"{BARE}\n\n```console\n$ llgmin run iris.toml\n```\n",
        "The share is 12 %.",
        "It is 0.25 here.",
        "| a | b |\n|---|---|\n| x | 120 MB |",
        "# One\n\n`make bench BENCH=gp`\n\n# Two\n\nFour times slower.",
        "It took 5 minutes.\n\nThe next paragraph.\n<!-- from: make demo -->",
    ],
)
def test_a_number_without_source_is_found(page):
    assert len(without_source(page)) == 1


@pytest.mark.parametrize(
    "page",
    [
        f"{BARE}\n<!-- from: make bench BENCH=quench -->",
        f"{BARE}\n\n<!-- from: make bench BENCH=quench -->",
        "A quench takes 3 ms (`make bench\nBENCH=quench`).",
        "By `benchmarks/run.py quench`, ms:\n\n| a | b |\n|---|---|\n| x | 3.1 ms |",
        "The share is 12 %.\n\n```console\n$ llgmin stats minima.h5\n```\n",
        "    llgmin stats minima.h5\n\nThe share is 12 %.",
        "With `0.5`, Python 3.11, release 0.1.2, equation 5.8, a 95 % interval and lambda 1e-4.",
    ],
)
def test_a_number_with_a_source_passes(page):
    assert without_source(page) == []


@pytest.mark.parametrize(
    "command",
    [
        "make benches",
        "make examples EXAMPLES=none",
        "make bench BENCH=none",
        "benchmarks/run.py none",
        "make -C examples/gp none",
        "docs/tools/run_pages.py none",
        "llgmin none",
        "llpathsample tree landscape.h5 --none",
        "pytest tests/test_none.py",
        "pytest tests/test_numbers.py::test_none",
        "llcommon/none.py",
    ],
)
def test_a_source_that_is_none_is_found(command):
    with pytest.raises((AssertionError, SystemExit)):
        check_command(command)
