"""Whether Python source that a landscape file holds may be run: not unless the command line says --trust.

A landscape file of a user's own loss model carries that model's source. A file from a stranger must not run code
because it was opened, so the leave is given for one command, by the person who types it.
"""

_granted = False


def grant(given: bool = True) -> None:
    """Give this process leave to run stored source, or take it back."""
    global _granted
    _granted = given


def granted() -> bool:
    """Whether this process may run stored source."""
    return _granted
