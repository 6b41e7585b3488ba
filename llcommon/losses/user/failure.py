"""How a failure in a user's code ends a search: one sentence, through compiled code and from worker processes.

Compiled code can raise exceptions of a fixed class only, without arguments that are made at run time. So what went
wrong is kept here when Python is left, and taken up when compiled code raises.
"""

import traceback

from llcommon.errors import InputError

_kept: list[tuple[str, BaseException | None]] = [("a user's loss model failed", None)]


class UserLossError(InputError):
    """A user's loss model cannot be loaded, raised an exception, or returned what no loss model may."""

    def __init__(self, message: str | None = None) -> None:
        """message: None for what was kept last in this process."""
        cause = None
        if message is None:
            message, cause = _kept[0]  # stays there: numba makes an exception more than once
        super().__init__(message)
        if cause is not None:
            self.__cause__ = cause


def keep(error: BaseException) -> None:
    """Keep an exception until compiled code has raised `UserLossError()`."""
    _kept[:] = [(str(error), error.__cause__ or error)]


def sentence(what: str, error: BaseException, filename: str) -> str:
    """`what` raised, with the exception in one line and, if it has one, its line in the user's file."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == filename]
    place = f"line {lines[-1]} of {filename}: " if lines else ""
    return f"{place}{what} raised {described(error)}"


def described(error: BaseException) -> str:
    """Name and message of an exception, in one line."""
    message = " ".join(str(error).split())
    name = type(error).__name__
    return f"{name}: {message}" if message else name
