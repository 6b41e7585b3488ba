"""Where a landscape file came from: records that are equal whenever the inputs were equal.

A record names the programs and inputs that fix the numbers, and nothing that changes from
run to run (no dates, no paths, no job counts): the same inputs and seed give the same bytes.
"""

import hashlib
import platform
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

from llcommon import __version__
from llcommon.errors import InputError

READ_BYTES = 1 << 20


def file_sha256(path: str | Path) -> str:
    """SHA-256 of the bytes of a file, 64 hex digits. Raises InputError if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as stream:
            while block := stream.read(READ_BYTES):
                digest.update(block)
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise InputError(f"{path} cannot be read ({reason}); check the name and its permissions") from error
    return digest.hexdigest()


def record(
    program: str,
    command: str,
    inputs: Mapping[str, str],
    settings_fingerprint: str,
    seed: int | None,
    notes: Iterable[str] = (),
) -> dict:
    """One provenance record, ready for JSON.

    program, command: for example "llgmin" and "run". inputs: role of each input ("data",
    "landscape") to its SHA-256. settings_fingerprint: SHA-256 of the canonical settings.
    seed: of the run, None where nothing is random. notes: what the loss model says of itself; left out if empty.
    """
    notes = list(notes)
    return {
        "program": program,
        "program_version": __version__,
        "command": command,
        "inputs": dict(inputs),
        "settings": settings_fingerprint,
        "seed": seed,
        **({"notes": notes} if notes else {}),
        "python": platform.python_version(),
        "numpy": metadata.version("numpy"),
        "numba": metadata.version("numba"),
        "machine": platform.machine(),
    }
