"""Text files with ids of minima, several a line or one."""

import re
from pathlib import Path

from llcommon.config import read_bytes, shown
from llcommon.errors import InputError

_ID = re.compile("[0-9]{1,18}")


def read_ids(path: Path, least: int = 1) -> list[list[int]]:
    """The ids of every line, `least` of them at least; # begins a comment, a line of words at the top is a header.

    Errors: InputError naming the line; also for a file without any.
    """
    try:
        lines = read_bytes(path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text; save the ids as text in UTF-8") from error
    rows: list[list[int]] = []
    for number, line in enumerate(lines, start=1):
        words = line.partition("#")[0].split()
        if not words or (not rows and words[0][0].isalpha()):
            continue
        if len(words) < least or not all(_ID.fullmatch(word) for word in words):
            wanted = "ids of minima, numbered from 0," if least == 1 else "two ids of minima, numbered from 0,"
            raise InputError(f"{path} line {number}: {wanted} are needed, not {shown(line.strip())}")
        rows.append([int(word) for word in words])
    if not rows:
        raise InputError(f"{path} holds no ids of minima")
    return rows


def leading_ids(path: Path) -> list[int]:
    """The whole numbers that begin the lines, as in a table that `list` has written; a header is passed over.

    Errors: InputError if the file cannot be read or a line begins with something else.
    """
    found = []
    for number, line in enumerate(read_bytes(path).decode(errors="replace").splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words or (number == 1 and not words[0].isdecimal()):
            continue
        if not words[0].isdecimal():
            raise InputError(f"{path}: line {number} begins with {words[0]}, where the id of a point belongs")
        found.append(int(words[0]))
    return found
