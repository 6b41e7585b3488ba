"""Named arrays and texts to HDF5 bytes and back; the only place that calls h5py.

Same contents, same bytes: no time stamps, fixed creation order. All metadata carries HDF5's own
checksums (file structures of HDF5 1.8) and every dataset a SHA-256, so damage is noticed.
"""

import hashlib
import json
import os
from collections.abc import Collection
from pathlib import Path

import h5py
import numpy as np

from llcommon import __version__
from llcommon.config import canonical_json
from llcommon.errors import InputError
from llcommon.store.columns import with_room
from llcommon.store.schema import DIGESTS, FORMAT, VERSION, Contents, upgrade
from llcommon.store.sparse import SparseFile

BLOCK_BYTES = 1 << 22  # that are read and hashed at a time where not all is kept
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# What h5py and the decoding of texts raise on damaged files, whichever part is damaged.
DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, OverflowError, MemoryError)


def _text_sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def digest(value: np.ndarray | str) -> str:
    """SHA-256 over type, shape and bytes of an array or text, 64 hex digits."""
    if isinstance(value, str):
        return _text_sha256("text\n" + value)
    total = _begun_digest(value)
    total.update(_bytes_of(value))
    return total.hexdigest()


def _begun_digest(value: "np.ndarray | h5py.Dataset"):
    """The digest of an array before its bytes."""
    return hashlib.sha256(f"{value.dtype.str} {value.shape}\n".encode())


def _bytes_of(value: np.ndarray) -> np.ndarray:
    """The bytes of an array in C order, without a copy where it has that order."""
    return np.ascontiguousarray(value).reshape(-1).view(np.uint8)


# --- writing --------------------------------------------------------------------------


def _untimed(kind: h5py.h5p.PropClassID) -> h5py.h5p.PropOCID:
    """Creation properties without time stamps."""
    properties = h5py.h5p.create(kind)
    properties.set_obj_track_times(False)
    return properties


def _open_in(memory: SparseFile) -> h5py.File:
    """An empty HDF5 file in memory, its metadata in the checksummed structures of HDF5 1.8."""
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fileobj_driver(h5py.h5fd.fileobj_driver, memory)
    access.set_libver_bounds(h5py.h5f.LIBVER_V18, h5py.h5f.LIBVER_V110)
    creation = _untimed(h5py.h5p.FILE_CREATE)
    # HDF5 refuses a name that it takes for open, in another thread for instance.
    name = f"landscape-{id(memory)}".encode()
    return h5py.File(h5py.h5f.create(name, h5py.h5f.ACC_TRUNC, fcpl=creation, fapl=access))


def _group(image: h5py.File, path: str) -> None:
    """Create a group and the groups above it, where missing."""
    if not path or path in image:
        return
    _group(image, path.rpartition("/")[0])
    h5py.h5g.create(image.id, path.encode(), gcpl=_untimed(h5py.h5p.GROUP_CREATE))


def _fixed_text(text: str) -> np.ndarray:
    """A text of fixed length: variable-length ones lie in a heap without checksum.

    A damaged heap makes HDF5 read for ever.
    """
    encoded = text.encode()
    return np.array(encoded, dtype=h5py.string_dtype("utf-8", max(1, len(encoded))))


def _place(image: h5py.File, path: str, value: np.ndarray) -> int | None:
    """Create one dataset, without its values; where these begin in the file, None if there are none."""
    _group(image, path.rpartition("/")[0])
    creation = _untimed(h5py.h5p.DATASET_CREATE)
    creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    creation.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    kind = h5py.h5t.py_create(value.dtype, logical=True)
    space = h5py.h5s.create_simple(value.shape) if value.shape else h5py.h5s.create(h5py.h5s.SCALAR)
    return h5py.h5d.create(image.id, path.encode(), kind, space, dcpl=creation).get_offset()


def _lay_out(memory: SparseFile, values: dict[str, np.ndarray], content_sha256: str) -> dict[int, np.ndarray]:
    """Write all of an HDF5 file but the values of its datasets; these by the places where they belong."""
    places = {}
    with _open_in(memory) as image:
        image.attrs["format"] = _fixed_text(FORMAT)
        image.attrs["version"] = np.int64(VERSION)
        image.attrs["program_version"] = _fixed_text(__version__)
        image.attrs["content_sha256"] = _fixed_text(content_sha256)
        for path, value in values.items():
            place = _place(image, path, value)
            if place is not None:
                places[place] = value
    return places


def write(path: Path, contents: Contents) -> None:
    """Write an HDF5 file that holds `contents` (dataset path to array or text); deterministic.

    HDF5 itself lays out an empty file in memory, a few kilobytes; the values go to the disk as they lie, without a
    copy. So whatever the system refuses is an OSError of a plain file, which leaves nothing open. The caller flushes.
    """
    digests = canonical_json({name: digest(value) for name, value in contents.items()})
    values = {name: contents[name] for name in sorted(contents)} | {DIGESTS: digests}
    arrays = {name: _fixed_text(value) if isinstance(value, str) else value for name, value in values.items()}
    memory = SparseFile()
    try:
        places = _lay_out(memory, arrays, _text_sha256(digests))
    except SystemError as error:
        # What is raised in a call from HDF5, such as an interrupt by the user, comes out as the cause of others.
        cause = error
        while isinstance(cause, SystemError) and cause.__cause__ is not None:
            cause = cause.__cause__
        raise cause from None
    with open(path, "wb") as stream:
        stream.truncate(memory.size)
        for place, piece in memory.pieces:
            stream.seek(place)
            stream.write(piece)
        for place, value in places.items():
            stream.seek(place)
            stream.write(_bytes_of(value))


# --- reading --------------------------------------------------------------------------


def _refuse_other_than_hdf5(path: Path) -> None:
    """Raise InputError if `path` is not a readable file with the HDF5 signature."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the name of a landscape file")
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is not an ordinary file; give the name of a landscape file")
    try:
        with open(path, "rb") as stream:
            start = stream.read(len(HDF5_SIGNATURE))
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; check the name") from error
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise InputError(f"{path} cannot be read ({reason}); check its permissions") from error
    if not start:
        raise InputError(f"{path} is empty; give a landscape file")
    if start != HDF5_SIGNATURE:
        raise InputError(f"{path} is not an HDF5 file; give a landscape file")


def _damaged(path: Path, what: str) -> InputError:
    return InputError(f"{path} is damaged ({what}); restore it from a copy or make it again")


def _text_attribute(image: h5py.File, name: str) -> str | None:
    value = image.attrs.get(name)
    return value.decode() if isinstance(value, bytes) else None


def _known_version(image: h5py.File, path: Path) -> int:
    """The format version; InputError if this is not a landscape file of a version known here."""
    if _text_attribute(image, "format") != FORMAT:
        raise InputError(f"{path} is an HDF5 file but not a landscape file; give a file of this toolchain")
    version = image.attrs.get("version")
    if not isinstance(version, np.integer) or version < 1:
        raise _damaged(path, "the format version is missing or senseless")
    if version > VERSION:
        raise InputError(
            f"{path} has the format version {version} and this program reads up to {VERSION}; "
            "install a newer version of the toolchain"
        )
    return int(version)


def _datasets(image: h5py.File) -> dict[str, h5py.Dataset]:
    """All datasets by path; links to other files are not followed."""
    found: dict[str, h5py.Dataset] = {}

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item

    image.visititems(visit)
    return found


def _value(dataset: h5py.Dataset) -> np.ndarray | str:
    """The array, with room for more rows, or text of one dataset; ValueError for kinds that the format does not use."""
    if dataset.is_virtual or dataset.external:
        raise ValueError("data kept in another file")
    if dataset.dtype.kind == "S" and dataset.shape == ():
        return bytes(dataset[()]).decode()
    if dataset.dtype.kind not in "fiu":
        raise ValueError("unknown element type")
    value = with_room(dataset.shape, dataset.dtype) if dataset.shape else np.empty((), dtype=dataset.dtype)
    if value.size:
        dataset.read_direct(value)
    return value


def _row(dataset: h5py.Dataset, row: int, expected: str) -> np.ndarray | None:
    """One row of a dataset, which is read and hashed block by block; None if its digest is not the one expected."""
    total = _begun_digest(dataset)
    rows = max(1, BLOCK_BYTES // max(1, dataset.dtype.itemsize * int(np.prod(dataset.shape[1:]))))
    found = None
    for first in range(0, len(dataset), rows):
        block = dataset[first : first + rows]
        total.update(_bytes_of(block))
        if first <= row < first + rows:
            found = block[row - first].copy()
    return found if total.hexdigest() == expected else None


def _digests(datasets: dict[str, h5py.Dataset], image: h5py.File, path: Path) -> dict[str, str]:
    """The stored SHA-256 of every dataset, themselves checked."""
    if DIGESTS not in datasets:
        raise _damaged(path, f"/{DIGESTS} is missing")
    text = _value(datasets[DIGESTS])
    if not isinstance(text, str) or _text_sha256(text) != _text_attribute(image, "content_sha256"):
        raise _damaged(path, "its checksums do not agree")
    digests = json.loads(text)
    if not isinstance(digests, dict):
        raise _damaged(path, "its checksums are no table")
    return digests


def _unpack(path: Path, skip: Collection[str]) -> dict[str, np.ndarray | str]:
    with h5py.File(path, "r", locking=False) as image:
        version = _known_version(image, path)
        datasets = _datasets(image)
        digests = _digests(datasets, image, path)
        missing = sorted(set(digests) - set(datasets))
        if missing:
            raise _damaged(path, f"/{missing[0]} is missing")
        contents = {}
        for name, dataset in datasets.items():
            if name in skip or name not in digests:
                continue
            if dataset.chunks is None and dataset.nbytes > os.path.getsize(path):
                raise _damaged(path, f"/{name} is larger than the file")
            contents[name] = _value(dataset)
            if digest(contents[name]) != digests[name]:
                raise _damaged(path, f"the bytes of /{name} do not agree with their checksum")
    upgrade(contents, version)
    return contents


def unpack(path: Path, skip: Collection[str] = ()) -> dict[str, np.ndarray | str]:
    """The contents of the landscape file `path`, without the datasets named in `skip`.

    Datasets that the file's checksums do not list (added by other programs) are left out. Arrays are the caller's own,
    and have room behind them (`llcommon.store.columns`). Raises InputError for a file that is missing, foreign, of a
    newer version or damaged.
    """
    _refuse_other_than_hdf5(path)
    try:
        return _unpack(path, skip)
    except DAMAGE as error:
        raise _damaged(path, "HDF5 cannot read it to the end") from error


def unpack_row(path: Path, name: str, row: int) -> np.ndarray:
    """One row of the dataset `name` of a landscape file that has it; the memory of a few rows is enough.

    All of the dataset is read, and must agree with its checksum. Raises InputError as `unpack`.
    """
    try:
        with h5py.File(path, "r", locking=False) as image:
            datasets = _datasets(image)
            found = _row(datasets[name], row, _digests(datasets, image, path)[name])
    except DAMAGE as error:
        raise _damaged(path, "HDF5 cannot read it to the end") from error
    if found is None:
        raise _damaged(path, f"the bytes of /{name} do not agree with their checksum")
    return found
