"""Options that say where the processes of a growth run."""

from pathlib import Path

import click

from llcommon.cli import Duration
from llcommon.errors import ConfigError

_OPTIONS = [
    click.option(
        "--dask",
        metavar="ADDRESS",
        help="Run the lloptim processes in the workers of a Dask scheduler; `local`: in -j workers of its own.",
    ),
    click.option("--slurm", is_flag=True, help="Run the lloptim processes as Slurm jobs, one a batch."),
    click.option("--slurm-partition", metavar="NAME", help="Partition of the jobs."),
    click.option("--slurm-time", metavar="TIME", help="Wall time of a job, as sbatch --time takes it."),
    click.option("--slurm-account", metavar="NAME", help="Account that the jobs are charged to."),
    click.option(
        "--slurm-option",
        "slurm_options",
        multiple=True,
        metavar="OPTION",
        help="Any other option of sbatch, such as --slurm-option=--mem=2G; may be given several times.",
    ),
    click.option(
        "--batch-time",
        type=Duration(),
        metavar="TIME",
        help="End an lloptim process that takes longer; its unfinished pairs are tried again, at last one by one.",
    ),
]


def engine_options(command):
    """The options of engines but -j: `batch_time`, and what `executor_of` takes."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def executor_of(
    folder: Path, jobs: int, dask, slurm: bool, slurm_partition, slurm_time, slurm_account, slurm_options
):
    """What the options ask for, with the interface of `concurrent.futures`. folder: of the batches."""
    given = [slurm_partition, slurm_time, slurm_account, *slurm_options]
    if any(given) and not slurm:
        raise ConfigError("the options --slurm-... need --slurm")
    if dask is not None and slurm:
        raise ConfigError("--dask and --slurm exclude each other")
    if dask is not None:
        from llpathsample.engines.daskcluster import DaskExecutor

        return DaskExecutor(dask, jobs)
    if slurm:
        from llpathsample.engines.slurm import SlurmExecutor, SlurmOptions

        return SlurmExecutor(folder, SlurmOptions(slurm_partition, slurm_time, slurm_account, slurm_options))
    from llpathsample.engines.local import LocalExecutor

    return LocalExecutor(jobs)
