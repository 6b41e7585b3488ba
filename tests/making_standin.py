"""In place of the processes that make landscapes: programs that run in this one, or end as they are told."""

import contextlib
import io
from unittest.mock import patch

from driving import call, connect_here

from llcommon.cli.output import console
from llcommon.errors import Stopped
from llpathsample import making
from llpathsample.engines.running import Outcome


class Here:
    """Children whose programs run in this process. commands: what was run. instead: outcomes by program's command."""

    commands: list[list[str]] = []
    instead: dict[str, Outcome] = {}

    def __init__(self) -> None:
        self.stopping = False

    def run(self, command, limit, held) -> Outcome:
        program, *arguments = command[command.index(making._START) + 2 :]
        Here.commands.append([program, *arguments])
        if self.stopping:
            return Outcome(Stopped.exit_code, "stopped")
        if arguments[0] in Here.instead:
            return Here.instead[arguments[0]]
        verbosity = console.verbosity
        # Their output is not that of the command that starts them.
        with contextlib.redirect_stdout(io.StringIO()), patch("llpathsample.engines.running.lloptim", connect_here):
            code = call(program, *arguments)
        console.verbosity = verbosity
        return Outcome(code, "done here", cpu=1.5)

    def stop(self) -> None:
        self.stopping = True
