"""Replacing a file whole: at any instant a reader or a crash sees the old file or the new one.

The new content goes to a hidden temporary file in the same folder, is flushed to the disk
and then renamed over the target, which POSIX makes atomic.
"""

import contextlib
import errno
import hashlib
import os
import re
import secrets
import socket
import stat
from collections.abc import Callable
from pathlib import Path

from llcommon.errors import OutputError

# Some network file systems cannot flush a folder; the rename itself is still atomic there.
FOLDER_FLUSH_UNSUPPORTED = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}


def _reason(error: OSError) -> str:
    """The system's own words in lower case."""
    return (error.strerror or str(error) or type(error).__name__).lower()


def _resolved(path: str | Path) -> Path:
    """The file behind a symbolic link: the link itself must survive the replacement."""
    return Path(os.path.realpath(path))


def _refuse_other_than_file(path: Path, shown: str | Path) -> None:
    """Raise OutputError if something is there that is not an ordinary file."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise OutputError(f"{shown} cannot be written ({_reason(error)}); choose another output") from error
    if stat.S_ISDIR(mode):
        raise OutputError(f"{shown} is a folder; give the name of a file as the output")
    if not stat.S_ISREG(mode):
        raise OutputError(f"{shown} is not an ordinary file; give another name as the output")


def check_writable(path: str | Path, force: bool) -> None:
    """Raise OutputError, before any work is done, if `path` could not be written at the end.

    force: whether an existing file may be replaced.
    """
    target = _resolved(path)
    folder = target.parent
    _refuse_other_than_file(target, path)
    if not folder.is_dir():
        raise OutputError(f"{path} cannot be written because its folder does not exist; create it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{path} cannot be written because its folder is read-only; choose another folder")
    if target.exists() and not force:
        raise OutputError(f"{path} exists already; choose another name or add --force to replace it")


def check_other(path: str | Path, source: str | Path, force: bool) -> None:
    """As `check_writable`, and OutputError if `path` is the file `source`, which is read and stays as it is."""
    target, read = _resolved(path), _resolved(source)
    if target.exists() and read.exists() and target.samefile(read):
        raise OutputError(f"{path} is the file that is read, which stays as it is; give another output by -o")
    check_writable(path, force)


def temporary_stem(target: Path) -> str:
    """What all temporaries of this target made on this machine begin with."""
    machine = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]
    return f".{target.name}.{machine}-"


def process_is_gone(number: int) -> bool:
    """Whether no process of this number runs on this machine."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _remove_stale(target: Path) -> None:
    """Delete temporaries of this target whose process was killed; those of others stay."""
    pattern = re.compile(re.escape(temporary_stem(target)) + r"(\d{1,9})-[0-9a-f]{16}\.tmp")
    for name in os.listdir(target.parent):
        match = pattern.fullmatch(name)
        if match and process_is_gone(int(match.group(1))):
            with contextlib.suppress(OSError):
                os.unlink(target.parent / name)


def _flush(path: Path) -> None:
    """Force the bytes of a file to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_folder(folder: Path) -> None:
    """Force the names in a folder to the disk, where the file system can."""
    try:
        _flush(folder)
    except OSError as error:
        if error.errno not in FOLDER_FLUSH_UNSUPPORTED:
            raise


def replace_file(path: str | Path, write: Callable[[Path], None]) -> None:
    """Replace (or create) the file `path` by what `write(temporary path)` writes.

    On any failure the temporary is removed and the old file is as it was. Raises OutputError
    for what the system refuses (no space, read-only folder, `path` is a folder); other
    exceptions of `write` pass through. The new file keeps the permissions of the old one.
    """
    target = _resolved(path)
    _refuse_other_than_file(target, path)
    temporary = target.parent / f"{temporary_stem(target)}{os.getpid()}-{secrets.token_hex(8)}.tmp"
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        write(temporary)
        if target.exists():
            os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
        _flush(temporary)
        os.replace(temporary, target)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({_reason(error)}) and stays as it was; "
            "free some space or choose another output"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
    try:
        _flush_folder(target.parent)
        _remove_stale(target)
    except OSError as error:
        raise OutputError(
            f"{path} was written but may not survive a power cut ({_reason(error)}); check the disk"
        ) from error
