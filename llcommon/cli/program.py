"""A console program: a table of commands loaded when they are called, and one way for errors to end it."""

import errno
import importlib
import os
import select
import sys
import traceback
from collections.abc import Mapping

import click

from llcommon import __version__, trust
from llcommon.cli.output import console
from llcommon.errors import NO_MEMORY, ConfigError, Interrupted, LandscapeError, OutputError, Stopped

BUG = 1
WRONG_COMMAND_LINE = 2
_FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
_EPILOG = (
    "Exit codes: 0 done, 1 bug, 2 command line or settings wrong, 3 input file missing or damaged, "
    "4 nothing found, 75 stopped with a checkpoint, 130 interrupted."
)


class _ReaderGone(Exception):
    """Whoever read standard output closed it (`| head`); click would end with exit code 1."""


def program(name: str, help: str, table: Mapping[str, tuple[str, str]]) -> "Program":
    """A console program.

    table: name of each command to ("package.module:attribute", one line of help); the module is
    imported when its command is called, and the order is that of the help page.
    """
    return Program(name, help, table)


def _debug_option() -> click.Option:
    def switch(ctx, param, value):
        if value:
            console.debug = True

    return click.Option(
        ["--debug"], is_flag=True, expose_value=False, is_eager=True, callback=switch,
        help="Show the Python traceback of an error.",
    )


@click.pass_context
def _help_without_command(ctx: click.Context) -> None:
    """`llgmin` alone: the help, but not as if something had been done."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(WRONG_COMMAND_LINE)


def _show_version(ctx, param, value) -> None:
    if value:
        click.echo(f"{ctx.find_root().command.name} {__version__}")
        ctx.exit()


def _version_option() -> click.Option:
    return click.Option(
        ["--version"], is_flag=True, expose_value=False, is_eager=True, callback=_show_version,
        help="Show the version and exit.",
    )


class Program(click.Group):
    """See `program`."""

    def __init__(self, name: str, help: str, table: Mapping[str, tuple[str, str]]) -> None:
        super().__init__(
            name=name,
            help=help,
            epilog=_EPILOG,
            params=[_debug_option(), _version_option()],
            context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
            invoke_without_command=True,
            callback=_help_without_command,
        )
        self.table = dict(table)

    # --- commands -----------------------------------------------------------------------

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None if the table has none of this name."""
        if cmd_name not in self.table:
            return None
        module, attribute = self.table[cmd_name][0].split(":")
        command = getattr(importlib.import_module(module), attribute)
        if not any("--debug" in option.opts for option in command.params):
            command.params.append(_debug_option())
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]):
        """Name, command and remaining arguments; ConfigError for an unknown name."""
        if args[0] not in self.table:
            from llcommon.config import suggestion

            raise ConfigError(f"{args[0]} is not a command of {self.name}; {suggestion(args[0], self.table)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands with their lines of help, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, help) in self.table.items()])

    def invoke(self, ctx: click.Context):
        """Run the command; exceptions that click would treat its own way are renamed first."""
        try:
            super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise Interrupted("interrupted") from error
        except BrokenPipeError as error:
            if _reader_is_gone():
                raise _ReaderGone from error
            raise RuntimeError("a pipe to another process broke") from error
        except EOFError as error:
            raise RuntimeError("the end of a stream came too early") from error

    # --- errors -------------------------------------------------------------------------

    def main(self, args=None, prog_name=None, complete_var=None, standalone_mode=True, **extra):
        """Run the program and exit with the code of the family; errors end in one sentence each."""
        console.reset()
        trust.grant(False)
        prog_name = prog_name or self.name
        try:
            result = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
            sys.stdout.flush()
            code = result if isinstance(result, int) else 0
        except (_ReaderGone, BrokenPipeError):
            _discard_output()
            code = 0
        except Exception as error:
            code = self._report(error)
        if not standalone_mode:
            return code
        sys.exit(code)

    def _report(self, error: Exception) -> int:
        """Write what went wrong to standard error; the exit code."""
        known = _as_landscape_error(error)
        if known is None:
            console.line("".join(traceback.format_exception(error)).rstrip())
            console.line(f"{self.name}: error: this is a bug; please report it with the lines above")
            return BUG
        if console.debug:
            console.line("".join(traceback.format_exception(error)).rstrip())
        # A stop that was asked for is not an error.
        word = "" if isinstance(known, Stopped | Interrupted) else "error: "
        for line in str(known).splitlines():
            console.line(f"{self.name}: {word}{line}")
        if isinstance(error, OSError):
            _discard_output()
        return known.exit_code


def _reader_is_gone() -> bool:
    """Whether the other end of the pipe that is standard output was closed."""
    try:
        watch = select.poll()
        watch.register(sys.stdout.fileno(), 0)
        return bool(watch.poll(0))
    except (OSError, ValueError, AttributeError):
        return False


def _discard_output() -> None:
    """Send what is still buffered for standard output nowhere, or Python complains of it at exit."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError, AttributeError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _as_landscape_error(error: Exception) -> LandscapeError | None:
    """The error as one with a sentence and an exit code; None if it is a bug."""
    if isinstance(error, LandscapeError):
        return error
    if isinstance(error, click.Abort):
        return Interrupted("interrupted")
    if isinstance(error, click.ClickException):
        return ConfigError(_usage_sentence(error))
    if isinstance(error, MemoryError):
        return ConfigError(f"{NO_MEMORY}; use a smaller model or fewer --jobs")
    if isinstance(error, OSError) and error.errno in _FULL_DISK:
        where = error.filename or "the output"
        return OutputError(f"{where} cannot be written because the disk is full; free some space")
    return None


# --- usage errors ------------------------------------------------------------------------------


def _usage_sentence(error: click.ClickException) -> str:
    """What click has against the command line, in the family's words."""
    ctx = getattr(error, "ctx", None)
    command = ctx.command_path if ctx else None
    if isinstance(error, click.NoSuchOption):
        return _unknown_option(error.option_name, ctx)
    if isinstance(error, click.MissingParameter):
        what = error.param.make_metavar(ctx) if isinstance(error.param, click.Argument) else None
        what = what or (error.param.opts[-1] if error.param else "a parameter")
        sentence = f"{what} is missing"
    elif isinstance(error, click.BadParameter):
        sentence = f"{_parameter_name(error, ctx)}: {_lowered(error.message)}"
    else:
        sentence = _lowered(error.format_message()).replace("got unexpected extra", "unexpected")
    return f"{sentence}; see {command} --help" if command else sentence


def _lowered(message: str) -> str:
    """A message of click as the beginning of a sentence of ours."""
    message = message.rstrip(".")
    for theirs, ours in (("valid integer range", "whole number"), ("valid integer", "whole number")):
        message = message.replace(theirs, ours)
    return message[:1].lower() + message[1:]


def _parameter_name(error: click.BadParameter, ctx: click.Context | None) -> str:
    """The option or argument that a message is about."""
    if error.param is None:
        return str(error.param_hint or "the command line")
    if isinstance(error.param, click.Argument):
        return error.param.make_metavar(ctx)
    return max(error.param.opts, key=len)


def _unknown_option(name: str, ctx: click.Context | None) -> str:
    """A sentence with the nearest option that the command has."""
    if ctx is None:
        return f"{name} is not an option"
    from llcommon.config import nearest

    known = [option for param in ctx.command.get_params(ctx) for option in param.opts]
    near = nearest(name, [option for option in known if option.startswith("--")])
    hint = f"did you mean {near}?" if near else f"see {ctx.command_path} --help"
    return f"{name} is not an option of {ctx.command_path}; {hint}"
