"""Result files of lloptim: made empty, guarded against replacing their input, gone on with after a stop."""

from pathlib import Path

from llcommon.config import fingerprint
from llcommon.errors import ConfigError, InputError, LandscapeError, OutputError
from llcommon.provenance import record
from llcommon.settings import Settings, settings_to_tables
from llcommon.store import Landscape, read_landscape


def empty_result(landscape: Landscape, settings: Settings, command: str) -> Landscape:
    """An empty landscape of the same model with the record of this run of `command`."""
    result = Landscape(settings, landscape.model, landscape.data)
    inputs = {"model": landscape.fingerprint}
    tables = fingerprint(settings_to_tables(settings))
    result.provenance.append(record("lloptim", command, inputs, tables, settings.connect.seed))
    return result


def refuse_input_as_output(file: Path, output: Path) -> None:
    """Raise ConfigError if the output would replace the landscape that is read, also with -f."""
    if output.exists() and output.samefile(file):
        raise ConfigError(f"the output {output} is the landscape to be read; give another name by -o")


def resumed(
    output: Path, source: Landscape, kind: str, job: str, count: int, force: bool, keep: bool = False
) -> Landscape | None:
    """The landscape in `output` if it is of this job of `count` tasks and the job can go on; None: start afresh.

    source: the landscape that the job reads. kind: the command whose job it is. A complete job is left as it is with
    `keep`, as parts of job arrays are; else it is refused without -f.
    """
    if not output.is_file():
        return None
    try:
        stored = read_landscape(output, data=source.data)
        state = {} if stored.search is None else stored.search.state
        if state.get("kind") != kind or state["job"] != job:
            raise OutputError(f"{output} exists and is not the result of this job; use -f to replace it")
        if len(state["outcomes"]) == count and not keep:
            raise OutputError(f"{output} exists and its job is complete; use -f to replace it")
    except LandscapeError as error:
        if force:
            return None
        if isinstance(error, InputError):
            raise OutputError(f"{output} exists and holds no job to go on with; use -f to replace it") from error
        raise
    return stored
