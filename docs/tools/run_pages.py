"""Runs what a page of the documentation shows, and compares what is printed with what the page says is printed.

    python docs/tools/run_pages.py [--write] [PAGE ...]        # no PAGE: all of docs/tutorials

The ```console blocks of a page are run in their order, by one shell in one empty folder, as a reader would: a line
`$ command`, and under it what the command prints, standard error too. A line `...` stands for any lines. Comments say
what the reader has beforehand:

    <!-- copy: examples/iris/iris.csv -->       a file of the repository, put into the folder
    <!-- file: my_net.py -->                    the block of code that follows is this file
    <!-- needs: torch -->                       not run where this is missing: a Python module, `suite` (the original
                                                programs) or `topsearch` (as the folder topsearch-env), which
                                                benchmarks/environment.py brings, or `slurm` (tests/cluster)

A picture `../figures/PAGE/NAME` is the file NAME that the commands have made. With --write the page is given what was
printed, where it differs by more than times, and docs/figures the pictures.
"""

import argparse
import contextlib
import difflib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FIGURES = ROOT / "docs" / "figures"
TUTORIALS = ROOT / "docs" / "tutorials"
ANY = "..."
MARK = re.compile(r"\n@@@@ exit code (\d+)\n")

# Two machines may run other code for the same matrix product, so sums differ in their last bits. A point in a landscape
# is stationary to the rounding floor, so its loss and curvatures differ by as little (with the kernels of OpenBLAS for
# other processors, OPENBLAS_CORETYPE, in the fifteenth digit); different points differ by far more than this.
REAL = 1e-6
FLOOR = 1e-12  # gradient norms and the like are less: rounding and nothing else
# Such a bit makes a random walk of a thousand steps another one: 60 minima in place of 61 were found, 81 in place of 86
# after growth. Small counts (and ids) must be the same: pages show those that are, and `...` for the others.
COUNT = 0.25
SMALL = 20

NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
TIMES = re.compile(r"\d+(?:\.\d+)?(?= (?:s|ms|min|seconds|minutes)\b)|\d+m[\d.]+s|(?<=seconds_of_this_run\t)[\d.]+")
DIRECTIVE = re.compile(r"<!-- (copy|file|needs): (.+?) -->")
PICTURE = re.compile(r"\]\(\.\./figures/([\w-]+)/([\w.-]+)\)")


@dataclass
class Command:
    """A line of a console block and the lines under it; `start`, `end`: where these lie in the page."""

    line: str
    shown: list[str]
    start: int
    end: int


@dataclass
class Page:
    """What a page asks for and shows. files: content of the blocks of code that are files of the reader's folder."""

    path: Path
    lines: list[str]
    copies: list[str] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    pictures: list[str] = field(default_factory=list)


def read_page(path: Path) -> Page:
    """A page of Markdown."""
    lines = path.read_text(encoding="utf-8").split("\n")
    page = Page(path, lines)
    name = language = None
    begin = 0
    for number, line in enumerate(lines):
        if line.startswith("```"):
            if language is None:
                language, begin = line[3:] or "text", number + 1
                continue
            if language == "console":
                page.commands += _commands(lines, begin, number)
            elif name is not None:
                page.files[name] = "\n".join(lines[begin:number]) + "\n"
                name = None
            language = None
        elif language is None:
            for kind, value in DIRECTIVE.findall(line):
                if kind == "file":
                    name = value
                else:
                    (page.copies if kind == "copy" else page.needs).extend(value.split())
            page.pictures += [picture for folder, picture in PICTURE.findall(line) if folder == path.stem]
    return page


def _commands(lines: list[str], begin: int, end: int) -> Iterator[Command]:
    starts = [number for number in range(begin, end) if lines[number].startswith("$ ")]
    for start, following in zip(starts, [*starts[1:], end], strict=True):
        command = [lines[start][2:]]
        while command[-1].endswith("\\"):
            start += 1
            command.append(lines[start].removeprefix("> "))
        yield Command("\n".join(command), lines[start + 1 : following], start + 1, following)


# --- comparison -----------------------------------------------------------------------------


def same_line(shown: str, printed: str, exact: bool = False) -> bool:
    """Whether a line says the same; times never count, numbers as the tolerances above say unless `exact`."""
    shown, printed = (re.sub(r" +", " ", TIMES.sub("#", line)).rstrip() for line in (shown, printed))
    if exact or shown == printed:
        return shown == printed
    if NUMBER.split(shown) != NUMBER.split(printed):
        return False
    return all(map(_close, NUMBER.findall(shown), NUMBER.findall(printed)))


def _close(first: str, second: str) -> bool:
    a, b = float(first), float(second)
    apart, size = abs(a - b), max(abs(a), abs(b))
    if first.lstrip("+-").isdigit() and second.lstrip("+-").isdigit():
        return apart == 0 or (size >= SMALL and apart <= COUNT * size)
    # A number that was printed with few digits cannot agree to more.
    return apart <= max(REAL * size, FLOOR, 1.01 * _last_digit(first), 1.01 * _last_digit(second))


def _last_digit(number: str) -> float:
    """What one in the last digit of a number is worth."""
    mantissa, _, exponent = number.partition("e")
    return 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


def _segments(shown: list[str]) -> list[list[str]]:
    """The lines between the lines `...`; with none, one segment."""
    segments = [[]]
    for line in shown:
        if line == ANY:
            segments.append([])
        else:
            segments[-1].append(line)
    return segments


def agrees(shown: list[str], printed: list[str], exact: bool = False) -> bool:
    """Whether a page shows what was printed."""
    first, *others = _segments(shown)

    def fits(segment: list[str], place: int) -> bool:
        own = printed[place : place + len(segment)]
        return len(own) == len(segment) and all(same_line(a, b, exact) for a, b in zip(segment, own, strict=True))

    if not others:
        return len(first) == len(printed) and fits(first, 0)
    if not fits(first, 0):
        return False
    place = len(first)
    for segment in others[:-1]:
        place = next((here for here in range(place, len(printed) + 1) if fits(segment, here)), None)
        if place is None:
            return False
        place += len(segment)
    return len(printed) - len(others[-1]) >= place and fits(others[-1], len(printed) - len(others[-1]))


def renewed(shown: list[str], printed: list[str]) -> list[str]:
    """The printed lines with as much left out as the page leaves out."""
    first, *others = _segments(shown)
    if not others:
        return printed
    lines, place = printed[: len(first)], len(first)
    for segment in others[:-1]:
        places = range(place, max(place + 1, len(printed) - len(segment) + 1))
        place = max(places, key=lambda here, segment=segment: _likeness(segment, printed[here : here + len(segment)]))
        lines += [ANY, *printed[place : place + len(segment)]]
        place += len(segment)
    last = max(place, len(printed) - len(others[-1]))
    return [*lines, ANY, *printed[last:]]


def _likeness(first: list[str], second: list[str]) -> float:
    return difflib.SequenceMatcher(None, "\n".join(first), "\n".join(second)).ratio()


# --- running --------------------------------------------------------------------------------


class Missing(Exception):
    """What a page needs is not here; the message is a sentence."""


class Broken(Exception):
    """A command of a page fails, or does not make a picture that the page has."""


@contextlib.contextmanager
def surroundings(page: Page, folder: Path) -> Iterator[dict[str, str]]:
    """The environment that the commands of a page are run in, in a folder. Errors: Missing."""
    paths = [str(Path(sys.executable).parent)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "LC_ALL": "C.UTF-8", "TERM": "dumb"}
    with contextlib.ExitStack() as stack:
        for need in page.needs:
            if need == "suite":
                paths.append(_suite())
            elif need == "topsearch":
                (folder / "topsearch-env").symlink_to(_topsearch())
            elif need == "slurm":
                environment.update(stack.enter_context(_slurm()))
            elif importlib.util.find_spec(need) is None:
                raise Missing(f"{need} is not installed")
        environment["PATH"] = os.pathsep.join([*paths, environment["PATH"]])
        yield environment


def _suite() -> str:
    sys.path.insert(0, str(ROOT))
    from benchmarks import environment

    if not environment.installed():
        raise Missing("the original programs are not installed: python -m benchmarks.environment brings them")
    return str(environment.prepare().gmin.parent)


def _topsearch() -> Path:
    sys.path.insert(0, str(ROOT))
    from benchmarks import environment

    if environment.topsearch_installed() is None:
        raise Missing("topsearch is not installed: python -m benchmarks.environment brings it")
    return environment.TOPSEARCH_FOLDER


@contextlib.contextmanager
def _slurm() -> Iterator[dict[str, str]]:
    sys.path.insert(0, str(ROOT / "tests" / "cluster"))
    import slurm_sandbox

    if slurm_sandbox.missing():
        raise Missing(f"it {slurm_sandbox.HOW}")
    # Sockets have short names only.
    with tempfile.TemporaryDirectory(prefix="s") as folder, slurm_sandbox.slurm(Path(folder) / "slurm") as cluster:
        yield {name: cluster.environment[name] for name in ("PATH", "SLURM_CONF")}


def printed_by(commands: list[Command], folder: Path, environment: dict[str, str]) -> list[tuple[list[str], int]]:
    """The lines that each command prints and its exit code, up to the first that is not 0.

    What the commands leave running is ended.
    """
    script = ["trap 'kill $(jobs -p) 2> /dev/null' EXIT"]
    for command in commands:
        script.append(command.line)
        script.append("code=$?; printf '\\n@@@@ exit code %s\\n' $code; [ $code = 0 ] || exit")
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        subprocess.run(
            ["bash", "-c", "\n".join(script)], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, timeout=3600,
        )
        output.seek(0)
        parts = MARK.split(output.read().replace(str(folder), "/home/you"))
    outputs = [text.rstrip("\n").split("\n") if text.strip() else [] for text in parts[:-1:2]]
    return list(zip(outputs, map(int, parts[1::2]), strict=True))


def run_page(page: Page, folder: Path, environment: dict[str, str], write: bool) -> list[str]:
    """Run a page in a folder; what differs, a paragraph each. With `write` the page and its pictures are renewed.

    Errors: Broken.
    """
    for name in page.copies:
        shutil.copy(ROOT / name, folder)
    for name, content in page.files.items():
        (folder / name).write_text(content, encoding="utf-8")
    wrong, renewals = [], []
    for command, (lines, code) in zip(page.commands, printed_by(page.commands, folder, environment), strict=False):
        if code != 0:
            raise Broken("\n".join([f"{page.path.name}: {command.line}", *lines, f"exit code {code}"]))
        if not agrees(command.shown, lines, exact=write):
            renewals.append((command, renewed(command.shown, lines)))
            difference = difflib.unified_diff(command.shown, renewals[-1][1], "page", "printed", lineterm="", n=1)
            wrong.append(f"{page.path.name}: {command.line}\n" + "\n".join(difference))
    absent = [name for name in page.pictures if not (folder / name).is_file()]
    if absent:
        raise Broken(f"{page.path.name}: nothing makes the picture {absent[0]}")
    if write:
        _renew(page, renewals, folder)
    return wrong


def _renew(page: Page, renewals: list[tuple[Command, list[str]]], folder: Path) -> None:
    for step, lines in reversed(renewals):
        page.lines[step.start : step.end] = lines
    page.path.write_text("\n".join(page.lines), encoding="utf-8")
    for name in page.pictures:
        (FIGURES / page.path.stem).mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / name, FIGURES / page.path.stem / name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help="renew the pages and their pictures")
    parser.add_argument("pages", nargs="*", help="names in docs/tutorials, or paths; default: all tutorials")
    options = parser.parse_args()
    paths = [path if path.exists() else TUTORIALS / f"{path.stem}.md" for path in map(Path, options.pages)]
    failed = False
    for path in paths or sorted(TUTORIALS.glob("*.md")):
        page = read_page(path)
        try:
            with tempfile.TemporaryDirectory() as folder, surroundings(page, Path(folder)) as environment:
                wrong = run_page(page, Path(folder), environment, options.write)
        except Missing as missing:
            print(f"{path.name}: not run, {missing}")
            continue
        except Broken as broken:
            print(broken)
            failed = True
            continue
        print("\n\n".join(wrong) if wrong else f"{path.name}: as shown", flush=True)
        failed = failed or bool(wrong) and not options.write
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
