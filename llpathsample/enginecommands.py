"""Options that say where the processes of a growth run."""

import click

from llcommon.cli import Duration


def engine_options(command):
    """-j aside, the options of engines: `dask`, `batch_time`."""
    options = [
        click.option(
            "--dask",
            metavar="ADDRESS",
            help="Run the lloptim processes in the workers of a Dask scheduler; `local`: in -j workers of its own.",
        ),
        click.option(
            "--batch-time",
            type=Duration(),
            metavar="TIME",
            help="End an lloptim process that takes longer; its unfinished pairs are tried again, at last one by one.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def executor_of(jobs: int, dask: str | None):
    """What the options ask for, with the interface of `concurrent.futures`."""
    if dask is not None:
        from llpathsample.engines.daskcluster import DaskExecutor

        return DaskExecutor(dask, jobs)
    from llpathsample.engines.local import LocalExecutor

    return LocalExecutor(jobs)
