"""Folders of files that appear whole: written beside, then renamed."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from llcommon.errors import OutputError

Content = bytes | str | Iterable[str]


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

    Everything is written and flushed beside it first; on a failure the old folder is as it was. Raises OutputError for
    what the system refuses.
    """
    check_folder(path, True, names)
    target = path.absolute()
    mark = f"{os.getpid()}-{secrets.token_hex(8)}.tmp"
    fresh = target.parent / f".{target.name}.{mark}"
    old = target.parent / f".{target.name}.old-{mark}"
    try:
        fresh.mkdir()
        for name, content in contents.items():
            _write(fresh / name, content)
        if target.exists():
            target.rename(old)
        try:
            fresh.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(
            f"{path} cannot be written ({reason}) and stays as it was; free some space or choose another output"
        ) from error
    finally:
        for folder in (fresh, old):
            with contextlib.suppress(OSError):
                shutil.rmtree(folder)


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
