"""What makes large files cheap: a layout in memory, values written as they lie, tables that grow where they lie."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_standin import filled_landscape, make_data, minimum

from llcommon import losses
from llcommon.errors import InputError
from llcommon.settings import parse_settings
from llcommon.store import Landscape, columns, container, read_landscape, write_landscape
from llcommon.store.columns import Columns, PairRows, with_room
from llcommon.store.file import landscape_contents
from llcommon.store.schema import Field
from llcommon.store.sparse import SparseFile

ROOT = Path(__file__).resolve().parents[3]


@given(st.lists(st.tuples(st.integers(0, 60), st.binary(max_size=20)), max_size=12), st.integers(0, 100))
@settings(max_examples=60, deadline=None)
def test_a_sparse_file_is_like_a_real_one(writes, first):
    sparse, real = SparseFile(), bytearray()
    for place, data in writes:
        real.extend(bytes(max(0, place + len(data) - len(real)) if data else 0))
        real[place : place + len(data)] = data
        sparse.seek(place)
        if data:
            assert sparse.write(data) == len(data)
    sparse.seek(0, 2)
    assert sparse.tell() == sparse.size == len(real)
    sparse.seek(first)
    buffer = bytearray(b"x" * 30)
    assert sparse.readinto(buffer) == 30 and sparse.tell() == first + 30
    assert buffer == (bytes(real) + bytes(200))[first : first + 30]


def test_the_layout_takes_no_room_for_values(tmp_path):
    """However large the tables: what HDF5 makes in memory is its own structures."""
    memory = SparseFile()
    values = {"a/large": np.broadcast_to(0.5, (10**6, 1000)), "empty": np.empty((0, 3)), "one": np.array(7)}
    places = container._lay_out(memory, values, "")
    assert sum(len(piece) for _, piece in memory.pieces) < 20_000
    assert memory.size > 8 * 10**9
    assert sorted(value.shape for value in places.values()) == [(), (10**6, 1000)]


@pytest.mark.parametrize("call", range(0, 12, 2))
def test_an_interrupt_while_hdf5_writes_stays_one(tmp_path, monkeypatch, call):
    original, calls = SparseFile.write, iter(range(1000))

    def interrupted(self, data):
        if next(calls) == call:
            raise KeyboardInterrupt
        return original(self, data)

    write_landscape(tmp_path / "a.h5", filled_landscape())
    before = (tmp_path / "a.h5").read_bytes()
    monkeypatch.setattr(SparseFile, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_landscape(tmp_path / "a.h5", filled_landscape(triples=3))
    monkeypatch.undo()
    assert (tmp_path / "a.h5").read_bytes() == before
    write_landscape(tmp_path / "a.h5", filled_landscape())
    assert (tmp_path / "a.h5").read_bytes() == before


def test_hdf5_reads_what_was_written(tmp_path):
    landscape = filled_landscape()
    write_landscape(tmp_path / "a.h5", landscape)
    with h5py.File(tmp_path / "a.h5") as image:
        for path, value in landscape_contents(landscape).items():
            stored = image[path][()]
            assert stored.decode() == value if isinstance(value, str) else np.array_equal(stored, value), path


def test_one_row_is_read_and_verified(tmp_path, monkeypatch):
    path = tmp_path / "a.h5"
    landscape = filled_landscape()
    write_landscape(path, landscape)
    monkeypatch.setattr(container, "BLOCK_BYTES", 100)  # a few rows
    name = "transition_states/coordinates"
    for row, x in enumerate(landscape.transition_states.coordinates):
        assert container.unpack_row(path, name, row).tobytes() == x.tobytes()
    with h5py.File(path) as image:
        place = image[name].id.get_offset()
    with open(path, "r+b") as stream:  # in another row than the one that is asked for
        stream.seek(place + landscape.transition_states.coordinates.nbytes - 1)
        stream.write(b"\x41")
    with pytest.raises(InputError, match="do not agree with their checksum"):
        container.unpack_row(path, name, 0)


@pytest.mark.parametrize("large", [1 << 25, 0])
def test_a_table_grows_where_it_was_read(monkeypatch, large):
    monkeypatch.setattr(columns, "_LARGE_BYTES", large)
    column = Field("minima/loss", "<f8", ("n",))
    first = with_room((5,), "<f8")
    first[:] = np.arange(5.0)
    table = Columns([column], {}, {"minima/loss": first})
    room = len(first.base)
    for number in range(5, 200):
        assert table.append(loss=float(number)) == number
        if number < room:
            assert np.shares_memory(table.loss, first)
    assert table.loss.tolist() == list(range(200))


def test_a_slice_of_a_longer_array_is_no_room_in_a_read_only_one():
    whole = np.arange(6.0)
    whole.flags.writeable = False
    table = Columns([Field("minima/loss", "<f8", ("n",))], {}, {"minima/loss": whole[:2]})
    table.append(loss=9.0)
    assert whole.tolist() == list(range(6)) and table.loss.tolist() == [0.0, 1.0, 9.0]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), unique=True), st.integers(0, 20))
@settings(max_examples=60, deadline=None)
def test_rows_of_pairs_are_those_of_a_dictionary(pairs, bulk):
    rows = PairRows(np.array(pairs[:bulk], dtype=np.int64).reshape(-1, 2))
    for row, pair in enumerate(pairs[bulk:], len(pairs[:bulk])):
        rows.set(*pair, row)
    expected = {pair: row for row, pair in enumerate(pairs)}
    for a in range(10):
        for b in range(10):
            assert rows.get(a, b) == expected.get((a, b))


TABLES_ONLY = """
import sys
from llcommon.store import read_landscape
landscape = read_landscape(sys.argv[1], points=False)
print(landscape.declared.name, landscape.declared.dimension, landscape.declared.bounded, len(landscape.minima))
assert "numba" not in sys.modules and "scipy.optimize" not in sys.modules
print(landscape.declared.notes(), landscape.model.log_group_order())
"""


def test_tables_are_read_without_the_model_which_is_there_when_asked_for(tmp_path):
    settings_ = parse_settings({"loss": {"model": "mlp", "hidden": [2]}}, "test", losses.parameters_of)
    data = make_data()
    landscape = Landscape(settings_, losses.build("mlp", settings_.loss, data), data)
    x = np.linspace(-1.0, 1.0, landscape.model.dimension)
    landscape.add_minimum(minimum(landscape.model.value(x), x))
    write_landscape(tmp_path / "mlp.h5", landscape)
    command = [sys.executable, "-c", TABLES_ONLY, str(tmp_path / "mlp.h5")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    model = landscape.model
    assert done.stdout.splitlines() == [
        f"mlp {model.dimension} {model.bounded} 1",
        f"{model.notes()} {model.log_group_order()}",
    ], done.stderr


def test_what_is_read_can_be_added_to_and_written(tmp_path):
    path = tmp_path / "a.h5"
    write_landscape(path, filled_landscape())
    landscape = read_landscape(path)
    before = len(landscape.minima)
    for number in range(40):
        landscape.add_minimum(minimum(1e6 + number, [number, 0, 0]))
    write_landscape(path, landscape)
    back = read_landscape(path)
    assert len(back.minima) == before + 40
    assert back.minima.loss.tobytes() == landscape.minima.loss.tobytes()
