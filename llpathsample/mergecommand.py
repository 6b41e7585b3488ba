"""The command `merge` of llpathsample."""

from pathlib import Path

import click

from llcommon.cli import (
    Column,
    force_option,
    json_option,
    log,
    output_option,
    quiet_option,
    trust_option,
    verbose_option,
    write_table,
)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@output_option("Landscape file to write.", required=True)
@force_option()
@click.option(
    "--allow-missing", is_flag=True, help="Merge what there is of job arrays, though parts are missing or incomplete."
)
@trust_option()
@json_option()
@verbose_option()
@quiet_option()
def merge(files, output: Path, force, allow_missing, as_json) -> None:
    """Merge landscape FILES of one model and one data set; points found in several are kept once.

    Ids are those of the first file, followed by what is new in the others, in their order. Of the parts of a job array
    (lloptim connect --part K/N) all must be there and complete. A file that is in the first one already is passed over.
    """
    from llcommon.provenance import file_sha256
    from llcommon.store import check_writable, read_landscape, write_landscape
    from llpathsample.commands import record_of
    from llpathsample.merging import Known, merge_file, part_record

    check_writable(output, force)
    files = [files[0], *_present(files[1:], allow_missing)]
    _check_parts(files, allow_missing)
    landscape = read_landscape(files[0])
    known = Known.of(landscape)
    before = len(landscape.provenance)
    inputs = {"landscape 0": file_sha256(files[0])}
    known.contents.add(inputs["landscape 0"])
    parts = [part_record(landscape)]
    landscape.forget_search()
    if parts[0] is not None:
        known.add(parts[0])
    names, reports = [], []
    for file in files[1:]:
        content = file_sha256(file)
        if content in known.contents:
            log(f"note: {file} was merged before and is passed over")
            continue
        known.contents.add(content)
        inputs[f"landscape {len(inputs)}"] = content
        found = read_landscape(file)
        parts.append(part_record(found))
        report, twice = merge_file(landscape, found, str(file), known)
        if twice:
            log(f"note: {file} was merged before with {twice} pairs done, of other ids: their attempts count twice")
        names.append(str(file))
        reports.append(report)
    made = {**record_of("merge", landscape, inputs), "records_before": before}
    present = [part for part in parts if part is not None]
    landscape.provenance.append({**made, "parts": present} if present else made)
    write_landscape(output, landscape)
    write_table(
        [
            Column("file", "", names),
            Column("new_minima", "", [report.new_minima for report in reports]),
            Column("known_minima", "", [report.known_minima for report in reports]),
            Column("new_transition_states", "", [report.new_transition_states for report in reports]),
            Column("known_transition_states", "", [report.known_transition_states for report in reports]),
        ],
        as_json,
        {"output": str(output), "minima": len(landscape.minima)},
    )
    log(f"{len(landscape.minima)} minima, {len(landscape.transition_states)} transition states in {output}")


def _present(files, allow_missing: bool) -> list[Path]:
    """The files that are there; InputError if some are not and that is not allowed."""
    from llcommon.errors import InputError

    missing = [str(file) for file in files if _is_missing(file)]
    if missing and not allow_missing:
        others = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        does = "does" if len(missing) == 1 else "do"
        names = ", ".join(missing[:5])
        raise InputError(f"{names}{others} {does} not exist; check the names, or merge the others by --allow-missing")
    if missing:
        log(f"note: {len(missing)} of {len(files)} files are not there: {', '.join(missing)}")
    return [file for file in files if not _is_missing(file)]


def _is_missing(file: Path) -> bool:
    """Whether there is no such file; one that cannot be read is another matter."""
    try:
        file.stat()
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False
    return False


def _check_parts(files, allow_missing: bool) -> None:
    """InputError, or with leave a note, for job arrays that lack parts or have incomplete ones."""
    from llcommon.errors import InputError
    from llcommon.store import read_landscape
    from llpathsample.parts import part_in, problems_of

    parts = []
    for file in files:
        search = read_landscape(file, points=False).search
        part = None if search is None else part_in(file, search.state)
        if part is not None:
            parts.append(part)
    problems = problems_of(parts)
    if problems and not allow_missing:
        raise InputError("\n".join([*problems, "nothing was merged; --allow-missing merges what there is"]))
    for problem in problems:
        log(f"note: {problem}")
