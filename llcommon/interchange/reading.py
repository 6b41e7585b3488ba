"""The formats that an import reads, by name; what a file or folder is can be told by its name."""

from collections.abc import Callable
from pathlib import Path

from llcommon.errors import ConfigError, InputError
from llcommon.interchange import suite
from llcommon.interchange.lowest import read_lowest
from llcommon.interchange.pathinfo import read_min_data_info, read_path_info
from llcommon.interchange.printed import Database
from llcommon.interchange.topsearch import read_topsearch

READERS: dict[str, Callable[[Path, int], Database]] = {
    "suite": suite.read_database,
    "path.info": read_path_info,
    "min.data.info": read_min_data_info,
    "lowest": read_lowest,
    "topsearch": read_topsearch,
}


def format_of(source: Path) -> str:
    """The format of a file or folder, by its names; ConfigError if they leave it open."""
    if not source.exists():
        raise InputError(f"{source} does not exist; check the name")
    if source.is_dir():
        if (source / "min.coords").is_file():
            return "topsearch"
        if (source / suite.MIN_DATA).is_file():
            return "suite"
        raise InputError(f"{source} holds no {suite.MIN_DATA}; give a folder that does, or a file such as path.info")
    for name in ("path.info", "min.data.info", "lowest"):
        if source.name.startswith(name):
            return name
    raise ConfigError(f"the name of {source} does not tell its format; give --format, one of {', '.join(READERS)}")
