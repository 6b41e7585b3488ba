"""`check`: everything in a landscape file verified anew, and put right if asked; alike in all three programs."""

from pathlib import Path

import click

from llcommon.cli import (
    Column,
    Progress,
    file_argument,
    force_option,
    json_option,
    log,
    output_option,
    quiet_option,
    seed_option,
    trust_option,
    verbose_option,
    write_table,
)
from llcommon.errors import ConfigError, InputError, NothingFound

_MOST_SHOWN = 20


@click.command("check")
@file_argument()
@click.option("--sample", type=click.IntRange(0), metavar="N", help="Check only N random transition states.")
@click.option("--repair", is_flag=True, help="Write a landscape in which all points verify; needs -o.")
@output_option("With --repair: landscape file to write.")
@force_option()
@seed_option("Seed of the choice by --sample; default: 1.")
@trust_option()
@json_option()
@verbose_option()
@quiet_option()
def check(file: Path, sample: int | None, repair: bool, output, force: bool, seed: int | None, as_json: bool) -> None:
    """Verify everything in a landscape FILE anew, from its coordinates.

    Checksums; loss, gradient, Hessian index, LPPHE and symmetry order of every point; and that
    both sides of every transition state run down to its two minima. Exit code 3 if anything failed.

    With --repair, points that failed converge again and the sides of their transition states are followed again; what
    cannot be repaired is left out. The table written then tells what became of every point; FILE stays as it is.
    """
    from llcommon import verification
    from llcommon.store import read_landscape

    if repair:
        _check_output(file, output, force)
    elif output is not None:
        raise ConfigError("-o belongs to --repair")
    landscape = read_landscape(file)  # verifies the checksums, or raises
    log(f"{file}: the checksums agree", level=1)
    chosen = verification.chosen_transition_states(landscape, sample, 1 if seed is None else seed)
    result = _verified(landscape, chosen)
    if repair:
        _repair(landscape, result, file, output, as_json)
        return
    kinds = list(result.checked)
    columns = [
        Column("check", "", ["checksum", *kinds]),
        Column("checked", "", [1, *result.checked.values()]),
        Column("failed", "", [0, *(result.failed(kind) for kind in kinds)]),
    ]
    write_table(columns, as_json, {"failures": _as_rows(result.failures)})
    if result.failures:
        raise InputError(_failure_report(file, result.failures))


def _verified(landscape, transition_states: list[int]):
    """The landscape's verification, with a progress bar."""
    from llcommon import verification

    with Progress(len(landscape.minima) + len(transition_states), "checking") as progress:
        return verification.verify(landscape, transition_states, progress.update)


def _as_rows(failures: list) -> list[dict]:
    return [{"check": failure.kind, "id": failure.id, "problem": failure.problem} for failure in failures]


def _failure_report(file: Path, failures: list) -> str:
    """One line for each failure, up to a limit."""
    return _lines([f"{file}: {failure}" for failure in failures], f"{file}: and {{}} more problems; --json lists all")


def _lines(lines: list[str], more: str) -> str:
    """The first lines, and how many are left out."""
    hidden = len(lines) - _MOST_SHOWN
    return "\n".join(lines[:_MOST_SHOWN] + ([more.format(hidden)] if hidden > 0 else []))


# --- repair -----------------------------------------------------------------------------------


def _check_output(file: Path, output: Path | None, force: bool) -> None:
    """Raise ConfigError or OutputError, before any work, if there is no other file to write."""
    from llcommon.store import check_other

    if output is None:
        raise ConfigError("--repair never changes FILE: name the file to write by -o")
    check_other(output, file, force)


def _repair(landscape, result, file: Path, output: Path, as_json: bool) -> None:
    """Write the repaired landscape and what became of its points; InputError if it does not verify after all."""
    from llcommon import repair
    from llcommon.provenance import file_sha256
    from llcommon.store import write_landscape

    with Progress(len(landscape.minima) + len(landscape.transition_states), "repairing") as progress:
        repaired = repair.repaired(landscape, result, progress.update)
    new = repaired.landscape
    if len(landscape.minima) and not len(new.minima):
        reason = repaired.points[0].reason
        raise NothingFound(f"no minimum of {file} can be repaired, 0 because of {reason}; {output} was not written")
    for note in repaired.notes:
        log(f"note: {note}")
    new.provenance.append(_record(new, {"landscape": file_sha256(file)}))
    write_landscape(output, new)
    points = repaired.points
    columns = [
        Column("kind", "", [point.kind for point in points]),
        Column("old_id", "", [point.old_id for point in points]),
        Column("new_id", "", [point.new_id for point in points]),
        Column("outcome", "", [point.outcome for point in points]),
        Column("reason", "", [point.reason for point in points]),
    ]
    write_table(columns, as_json, {"output": str(output), "failures": _as_rows(result.failures)})
    dropped = [f"{p.kind} {p.old_id} is dropped: {p.reason}" for p in points if p.outcome == repair.DROPPED]
    if dropped:
        log(_lines(dropped, "and {} more, which the table names"))
    changed = sum(point.outcome not in (repair.KEPT, repair.DROPPED) for point in points)
    log(f"{len(points)} points: {changed} repaired, {len(dropped)} dropped, in {output}")
    after = _verified(new, list(range(len(new.transition_states))))
    if after.failures:
        raise InputError(_failure_report(output, after.failures))


def _record(landscape, inputs: dict[str, str]) -> dict:
    from llcommon.config import fingerprint
    from llcommon.provenance import record
    from llcommon.settings import settings_to_tables

    return record("llcommon", "check --repair", inputs, fingerprint(settings_to_tables(landscape.settings)), None)
