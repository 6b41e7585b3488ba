"""Errors that a user can cause or must be told of, each with its exit code.

The message of a LandscapeError is the whole report: one sentence that says what is
wrong, where (file and key, row and column) and what to do. Anything else that
escapes is a bug and ends with a traceback and exit code 1.

Exit codes of the family:
0 done; 1 bug; 2 command line or configuration wrong; 3 input file missing, damaged or
of another model; 4 ran but found or converged nothing; 75 stopped at a time limit or
SIGTERM with a checkpoint (run the same command again); 130 interrupted.
"""

# How the sentence begins that ends a command for want of memory.
NO_MEMORY = "the memory of this machine does not suffice"


class LandscapeError(Exception):
    """Base of all errors that end a command with one sentence."""

    exit_code = 2


class ConfigError(LandscapeError):
    """The command line or the TOML file is wrong; may list several problems, one per line."""

    exit_code = 2


class OutputError(LandscapeError):
    """The output cannot be written (exists already, read-only folder, full disk)."""

    exit_code = 2


class InputError(LandscapeError):
    """An input file is missing, damaged, foreign, of another model or of another version."""

    exit_code = 3


class NothingFound(LandscapeError):
    """The command ran as asked and found or converged nothing."""

    exit_code = 4


class Stopped(LandscapeError):
    """Stopped early with a checkpoint: the same command goes on from there."""

    exit_code = 75


class Interrupted(LandscapeError):
    """Ctrl-C."""

    exit_code = 130
