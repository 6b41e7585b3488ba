"""The command `recompute` of llpathsample: what is stored of points besides where they are, computed anew."""

from pathlib import Path

import click

from llcommon.cli import (
    Progress,
    file_argument,
    force_option,
    json_option,
    log,
    output_option,
    quiet_option,
    set_option,
    trust_option,
    verbose_option,
    write_properties,
)
from llcommon.cli.overrides import overridden_settings

_MOST_SHOWN = 20


@click.command()
@file_argument()
@output_option("Landscape file to write.", required=True)
@force_option()
@click.option("--missing", is_flag=True, help="Only points without an LPPHE.")
@click.option(
    "--rms", type=click.FloatRange(0.0, min_open=True), metavar="RMS",
    help="Accept points with a root mean square gradient up to this; default: as searches do.",
)
@set_option("Change a setting of [curvature], such as curvature.probes=100; may be given several times.")
@trust_option()
@json_option()
@verbose_option()
@quiet_option()
def recompute(file: Path, output: Path, force, missing, rms, overrides, as_json) -> None:
    """Compute LPPHE, eigenvalues and symmetry orders of the landscape FILE anew, and write them to a new file.

    Losses, coordinates and ids stay. A point that is not stationary, or of the wrong index, is left as it was and
    named; `check --repair` deals with those.
    """
    from llcommon.errors import NothingFound
    from llcommon.provenance import file_sha256
    from llcommon.repair import recompute as recomputed
    from llcommon.store import check_other, read_landscape, write_landscape
    from llpathsample.commands import record_of

    check_other(output, file, force)
    landscape = read_landscape(file)
    landscape.settings = _curvature_settings(landscape, overrides, file.name)
    minima = _rows(landscape.minima, missing)
    states = _rows(landscape.transition_states, missing)
    total = len(minima) + len(states)
    with Progress(total, "computing") as progress:
        failures = recomputed(landscape, minima, states, rms, progress.update)
    if total and len(failures) == total:
        first = failures[0]
        raise NothingFound(
            f"no point could be computed anew, {first.kind} {first.id} because of {first.status.label}; "
            f"see `check {file}`, {output} was not written"
        )
    landscape.provenance.append(record_of("recompute", landscape, {"landscape": file_sha256(file)}))
    write_landscape(output, landscape)
    for failure in failures[:_MOST_SHOWN]:
        log(f"warning: {failure.kind} {failure.id} is left as it was: {failure.status.label}")
    if len(failures) > _MOST_SHOWN:
        log(f"warning: {len(failures) - _MOST_SHOWN} more are left as they were; --json lists all")
    report = {"output": str(output), "minima": len(minima), "transition_states": len(states), "failed": len(failures)}
    if as_json:
        rows = [{"kind": failure.kind, "id": failure.id, "status": failure.status.label} for failure in failures]
        report["failures"] = rows
    write_properties(report, as_json)


def _curvature_settings(landscape, overrides: tuple[str, ...], name: str):
    """The settings with overrides of [curvature]; ConfigError for any other."""
    from llcommon.errors import ConfigError

    for override in overrides:
        if not override.strip().startswith("curvature."):
            raise ConfigError(f"--set {override}: recompute takes settings of [curvature] only")
    return overridden_settings(landscape, overrides, None, name)


def _rows(table, missing: bool) -> list[int]:
    """Ids of the points to compute."""
    import numpy as np

    return np.flatnonzero(np.isnan(table.lpphe)).tolist() if missing else list(range(len(table)))
