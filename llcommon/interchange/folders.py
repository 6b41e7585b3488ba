"""Folders of files that appear whole: written beside, then put in place at once."""

import contextlib
import ctypes
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from llcommon.errors import OutputError
from llcommon.store.replace import process_is_gone, temporary_stem

Content = bytes | str | Iterable[str]

# Of Linux' renameat2: names as seen from the working folder, and two of them change places.
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def check_folder(path: Path, force: bool, names: Iterable[str]) -> None:
    """Raise OutputError, before any work is done, if the folder `path` could not be written at the end.

    force: whether a folder that is there may be replaced, if it holds nothing but files of these names.
    """
    parent = path.absolute().parent
    if not parent.is_dir():
        raise OutputError(f"{path} cannot be written because its folder does not exist; create it first")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"{path} cannot be written because its folder is read-only; choose another folder")
    if not os.path.lexists(path):
        return
    if path.is_symlink() or not path.is_dir():
        raise OutputError(f"{path} exists and is no folder; this format is a folder of files, choose another name")
    foreign = sorted(set(os.listdir(path)) - set(names))
    if foreign:
        raise OutputError(f"{path} holds {foreign[0]}, which was not exported; choose another folder or move it away")
    if os.listdir(path) and not force:
        raise OutputError(f"{path} exists already; choose another name or add --force to replace it")


def replace_folder(path: Path, contents: Mapping[str, Content], names: Iterable[str]) -> None:
    """Make the folder `path` with files of these contents, in place of one that holds nothing but files of `names`.

    Everything is written and flushed beside it first; on a failure, or a kill at any moment, the old folder is as it
    was. (Where the system cannot exchange two folders, the old one is away for the moment of two renames.) What a
    killed process left beside is removed. Raises OutputError for what the system refuses.
    """
    check_folder(path, True, names)
    target = path.absolute()
    fresh = target.parent / f"{temporary_stem(target)}{os.getpid()}-{secrets.token_hex(8)}.tmp"
    try:
        fresh.mkdir()
        for name, content in contents.items():
            _write(fresh / name, content)
        if not target.exists():
            fresh.rename(target)
        elif not _exchanged(fresh, target):
            _replaced_in_turn(fresh, target)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(
            f"{path} cannot be written ({reason}) and stays as it was; free some space or choose another output"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(fresh)
    _remove_stale(target)


def _replaced_in_turn(fresh: Path, target: Path) -> None:
    """Put `fresh` in place of `target`, which becomes `fresh`, by one rename after the other."""
    old = fresh.with_suffix(".old.tmp")
    target.rename(old)
    try:
        fresh.rename(target)
    except OSError:
        old.rename(target)
        raise
    old.rename(fresh)


def _exchanged(first: Path, second: Path) -> bool:
    """Let two folders change their names at once; False if the system cannot."""
    try:
        rename = ctypes.CDLL(None).renameat2
    except (OSError, AttributeError, TypeError):
        return False
    return rename(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE) == 0


def _remove_stale(target: Path) -> None:
    """Delete folders that processes of this machine left on their way to this target when they were killed."""
    pattern = re.compile(re.escape(temporary_stem(target)) + r"(\d{1,9})-[0-9a-f]{16}\.tmp")
    for name in os.listdir(target.parent):
        match = pattern.fullmatch(name)
        if match and process_is_gone(int(match.group(1))):
            shutil.rmtree(target.parent / name, ignore_errors=True)


def write_stream(stream, content: Content) -> None:
    """Write bytes, a text, or the parts of one to a binary stream."""
    if isinstance(content, bytes):
        stream.write(content)
    elif isinstance(content, str):
        stream.write(content.encode())
    else:
        for part in content:
            stream.write(part.encode())


def _write(path: Path, content: Content) -> None:
    with open(path, "xb") as stream:
        write_stream(stream, content)
        stream.flush()
        os.fsync(stream.fileno())
