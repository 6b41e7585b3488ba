"""The landscape file and its content in memory; the only package that knows HDF5."""

from llcommon.store.file import read_coordinates, read_landscape, verify_hashes, write_landscape
from llcommon.store.landscape import (
    AddedMinimum,
    AddedTriple,
    Landscape,
    MergeReport,
    SearchState,
    model_fingerprint,
)
from llcommon.store.replace import check_other, check_writable, replace_file
from llcommon.store.scores import SET_PREFIX, Score, Scores

__all__ = [
    "SET_PREFIX",
    "AddedMinimum",
    "AddedTriple",
    "Landscape",
    "MergeReport",
    "Score",
    "Scores",
    "SearchState",
    "check_other",
    "check_writable",
    "model_fingerprint",
    "read_coordinates",
    "read_landscape",
    "replace_file",
    "verify_hashes",
    "write_landscape",
]
