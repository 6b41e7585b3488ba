"""The parts of a job array of `lloptim connect --part K/N`: which of them are there, and which are complete."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Part:
    """A result file of a job array. job: what all parts of the array share. done: how many of its pairs are."""

    file: Path
    job: str
    number: int
    total: int
    done: int
    pairs: int


def part_in(file: Path, state: dict) -> Part | None:
    """The part that a file with this state of its search is; None for other files."""
    if state.get("kind") != "connect" or "part" not in state:
        return None
    number, total = state["part"]
    return Part(file, state["of"], number, total, len(state["outcomes"]), state["count"])


def problems_of(parts: Iterable[Part]) -> list[str]:
    """A sentence about each array that lacks parts, and each part that is incomplete."""
    arrays: dict[tuple[str, int], dict[int, Part]] = {}
    for part in parts:
        arrays.setdefault((part.job, part.total), {})[part.number] = part
    problems = []
    for (_, total), present in arrays.items():
        missing = [number for number in range(1, total + 1) if number not in present]
        if missing:
            verb = "is" if len(missing) == 1 else "are"
            problems.append(f"of {total} parts {ranges(missing)} {verb} missing")
        for part in present.values():
            if part.done < part.pairs:
                what = f"part {part.number} of {total}, has {part.done} of its {part.pairs} pairs"
                problems.append(f"{part.file}, {what}; run its job again")
    return problems


def ranges(numbers: list[int]) -> str:
    """Ascending numbers as `sbatch --array` takes them: 1,3-5."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
