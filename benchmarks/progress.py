"""Lines that say how far a run is, on standard error: standard output is the tables."""

import sys


def say(message: str) -> None:
    """One line."""
    print(message, file=sys.stderr, flush=True)
