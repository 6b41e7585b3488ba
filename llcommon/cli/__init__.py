"""The command layer of the three programs: commands, shared options, errors, output, stop signals.

Importing it costs only click and the standard library, so that `llgmin --help` is instant;
commands import the numerical library inside their functions.
"""

from llcommon.cli.options import (
    Duration,
    dry_run_option,
    file_argument,
    force_option,
    gradient_check_option,
    jobs_option,
    json_option,
    output_option,
    quiet_option,
    seed_option,
    set_option,
    time_limit_option,
    trust_option,
    verbose_option,
)
from llcommon.cli.output import Column, log, write_json, write_properties, write_table
from llcommon.cli.program import Program, program
from llcommon.cli.progress import Progress
from llcommon.cli.stop import StopRequest

__all__ = [
    "Column",
    "Duration",
    "Program",
    "Progress",
    "StopRequest",
    "dry_run_option",
    "file_argument",
    "force_option",
    "gradient_check_option",
    "jobs_option",
    "json_option",
    "log",
    "output_option",
    "program",
    "quiet_option",
    "seed_option",
    "set_option",
    "time_limit_option",
    "trust_option",
    "verbose_option",
    "write_json",
    "write_properties",
    "write_table",
]
