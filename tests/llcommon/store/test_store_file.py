"""The landscape file: round trip, equal bytes, and every way a file can be wrong."""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from store_standin import (
    StandIn,
    StandInParameters,
    filled_landscape,
    make_data,
    make_landscape,
    make_settings,
    minimum,
)

from llcommon import losses
from llcommon.data import read_csv
from llcommon.errors import InputError
from llcommon.settings import parse_settings
from llcommon.store import (
    Landscape,
    SearchState,
    container,
    read_landscape,
    schema,
    verify_hashes,
    write_landscape,
)
from llcommon.store.file import landscape_contents
from llcommon.store.schema import MINIMA, TRANSITION_STATES, VERSION

FOLDER = Path(__file__).parent


def with_everything():
    landscape = filled_landscape()
    arrays = {"walkers": np.arange(6.0).reshape(2, 3), "seen": np.array([1, -2], dtype=np.int64)}
    landscape.search = SearchState({"step": 7, "rng": 2**100, "note": "μ"}, arrays)
    return landscape


@pytest.fixture
def valid(tmp_path):
    path = tmp_path / "valid.h5"
    write_landscape(path, with_everything())
    return path


def assert_same_contents(left, right):
    assert left.keys() == right.keys()
    for path, value in left.items():
        assert container.digest(value) == container.digest(right[path]), path


def one_sentence(error, path):
    text = str(error.value)
    assert str(path) in text and "\n" not in text and len(text) < 500
    return text


# --- round trip -----------------------------------------------------------------------


def test_round_trip(valid):
    written = with_everything()
    back = read_landscape(valid)
    assert_same_contents(landscape_contents(written), landscape_contents(back))
    assert back.minima.coordinates.tobytes() == written.minima.coordinates.tobytes()
    assert back.settings == written.settings and back.model.parameters == written.model.parameters
    assert back.search.state == written.search.state
    assert back.search.arrays["walkers"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert back.data.feature_names == ("length", "größe") and back.data.targets is None
    assert back.data.content_sha256() == make_data().content_sha256()
    a, b = back.pairs.ids[0].tolist()
    assert back.pair_attempts(b, a) == written.pair_attempts(a, b) > 0
    assert back.find_minimum(back.minima.loss[2], back.minima.coordinates[2]) == 2
    added = back.add_minimum(minimum(-5.0, [1, 2, 3]))
    assert added.is_new and added.id == len(written.minima)


def test_empty_landscape_round_trip(tmp_path):
    path = tmp_path / "empty.h5"
    write_landscape(path, make_landscape())
    back = read_landscape(path)
    assert len(back.minima) == len(back.transition_states) == len(back.pairs) == 0
    assert back.data is None and back.search is None
    assert back.add_minimum(minimum(0.0, [0, 0, 0])).id == 0


def test_special_values_survive(tmp_path):
    landscape = make_landscape()
    landscape.add_minimum(minimum(-0.0, [5e-324, -0.0, 1e308], lpphe=np.nan, smallest_eigenvalue=np.inf))
    path = tmp_path / "special.h5"
    write_landscape(path, landscape)
    back = read_landscape(path)
    for name in ("loss", "coordinates", "lpphe", "smallest_eigenvalue"):
        assert getattr(back.minima, name).tobytes() == getattr(landscape.minima, name).tobytes()


def test_without_points(valid):
    whole, tables = read_landscape(valid), read_landscape(valid, points=False)
    assert tables.minima.loss.tolist() == whole.minima.loss.tolist()
    assert tables.transition_states.minima.tolist() == whole.transition_states.minima.tolist()
    with pytest.raises(AttributeError, match="points=False"):
        _ = tables.minima.coordinates
    with pytest.raises(ValueError, match="without points"):
        write_landscape(valid, tables)
    with pytest.raises((AttributeError, ValueError)):
        tables.add_minimum(minimum(1e9, [0, 0, 0]))


def test_real_model_round_trip(tmp_path):
    tables = {"loss": {"model": "mlp", "hidden": [2]}}
    settings = parse_settings(tables, "test", losses.parameters_of, losses.known_models())
    data = make_data()
    landscape = Landscape(settings, losses.build("mlp", settings.loss, data), data)
    x = np.linspace(-1.0, 1.0, landscape.model.dimension)
    landscape.add_minimum(minimum(landscape.model.value(x), x))
    write_landscape(tmp_path / "mlp.h5", landscape)
    back = read_landscape(tmp_path / "mlp.h5")
    image = back.model.random_image(x, np.random.default_rng(1))
    assert back.model.value(back.minimum(0).coordinates) == back.minima.loss[0]
    assert back.find_minimum(back.model.value(image), image) == 0


# --- equal bytes ------------------------------------------------------------------------


CHILD = """
import sys, store_standin, test_store_file
from llcommon.store import write_landscape
store_standin.install()
write_landscape(sys.argv[1], test_store_file.with_everything())
"""


def child_environment():
    root = FOLDER.parents[2]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(FOLDER), str(root)]), "PYTHONHASHSEED": "7"}


def test_equal_landscapes_give_equal_bytes(tmp_path, valid):
    first = valid.read_bytes()
    time.sleep(1.1)  # time stamps in HDF5 have a resolution of a second
    write_landscape(tmp_path / "again.h5", with_everything())
    assert (tmp_path / "again.h5").read_bytes() == first
    write_landscape(tmp_path / "again.h5", read_landscape(valid))
    assert (tmp_path / "again.h5").read_bytes() == first
    other = tmp_path / "other.h5"
    subprocess.run([sys.executable, "-c", CHILD, str(other)], env=child_environment(), check=True)
    assert other.read_bytes() == first


# --- data outside the file ----------------------------------------------------------------


def landscape_with_outside_data(folder):
    (folder / "data.csv").write_text("a,b,kind\n1,2,x\n3,5,y\n4,4,x\n")
    settings = make_settings(data={"file": "data.csv", "embed_limit_mb": 0.0})
    data = read_csv(folder / "data.csv", settings.data, numeric_target=False)
    landscape = Landscape(settings, StandIn(StandInParameters(), data), data)
    landscape.add_minimum(minimum(0.0, [1, 2, 3]))
    return landscape


def test_outside_data_may_be_given(tmp_path):
    landscape = landscape_with_outside_data(tmp_path)
    write_landscape(tmp_path / "big.h5", landscape)
    write_landscape(tmp_path / "whole.h5", landscape, embed=True)
    data = landscape.data
    other = read_landscape(tmp_path / "whole.h5").data
    (tmp_path / "data.csv").unlink()
    assert other.content_sha256() == data.content_sha256()
    assert read_landscape(tmp_path / "whole.h5").settings.data.embed_limit_mb == 0.0
    assert read_landscape(tmp_path / "big.h5", data=data).data is data
    (tmp_path / "data.csv").write_text("a,b,kind\n1,2,x\n3,5,y\n4,9,x\n")
    wrong = read_csv(tmp_path / "data.csv", landscape.settings.data, numeric_target=False)
    with pytest.raises(InputError, match="other data"):
        read_landscape(tmp_path / "big.h5", data=wrong)


def test_outside_data_are_read_again_and_checked(tmp_path):
    landscape = landscape_with_outside_data(tmp_path)
    path = tmp_path / "big.h5"
    write_landscape(path, landscape)
    with h5py.File(path) as image:
        assert "features" not in image["data"]
    assert read_landscape(path).data.content_sha256() == landscape.data.content_sha256()
    text = (tmp_path / "data.csv").read_text()
    (tmp_path / "data.csv").write_text(text.replace("5", "6"))
    with pytest.raises(InputError) as error:
        read_landscape(path)
    assert "other data" in one_sentence(error, path)
    (tmp_path / "data.csv").unlink()
    with pytest.raises(InputError) as error:
        read_landscape(path)
    assert "data.csv" in one_sentence(error, path)


# --- wrong files ---------------------------------------------------------------------------


def rewrite(path, change):
    """Rewrite a valid file with changed contents and right checksums."""
    contents = container.unpack(path)
    change(contents)
    container.write(path, contents)


def set_to(name, make):
    def change(contents):
        contents[name] = make(contents[name])

    return change


def with_bad_value(value):
    def make(array):
        array = array.copy()
        array[-1] = value
        return array

    return make


def other_json(key, value):
    return lambda text: json.dumps({**json.loads(text), key: value})


CHANGES = {
    "missing": (lambda contents: contents.pop("minima/rms"), "minima/rms is missing"),
    "missing data": (lambda contents: contents.pop("data/scale"), "data/scale is missing"),
    "short": (set_to("minima/visits", lambda a: a[:-1]), "minima/visits has the length"),
    "flat": (set_to("minima/coordinates", np.ravel), "minima/coordinates has 1 dim"),
    "wide": (set_to("minima/coordinates", lambda a: a[:, :2].copy()), "coordinates has the length 2"),
    "type": (set_to("minima/order", lambda a: a.astype(float)), "minima/order has a wrong element"),
    "text": (set_to("pairs/status", lambda a: "x"), "pairs/status has a wrong element"),
    "no text": (set_to("settings", lambda a: np.zeros(3)), "settings is not a text"),
    "nan": (set_to("minima/loss", with_bad_value(np.nan)), "minima/loss is not finite in row"),
    "inf": (set_to("transition_states/coordinates", with_bad_value(np.inf)), "not finite"),
    "link": (set_to("transition_states/minima", with_bad_value(10**6)), "does not exist"),
    "negative link": (set_to("transition_states/minima", with_bad_value(-1)), "does not exist"),
    "pair link": (set_to("pairs/ids", with_bad_value([0, 10**6])), "does not exist"),
    "pair order": (set_to("pairs/ids", with_bad_value([2, 1])), "ascending"),
    "pair twice": (set_to("pairs/ids", lambda a: np.vstack([a[:-1], a[:1]])), "twice"),
    "search": (lambda contents: contents.pop("search/state"), "search/state is missing"),
    "not json": (set_to("settings", lambda a: "{"), ""),
    "list": (set_to("settings", lambda a: "[]"), ""),
    "no loss": (set_to("settings", lambda a: "{}"), "loss"),
    "unknown key": (set_to("settings", other_json("serch", {})), "serch"),
    "parameter": (set_to("model/parameters", other_json("size", "x")), "size"),
    "unknown model": (set_to("model/name", lambda a: "none-such"), "none-such"),
    "dimension": (set_to("model/parameters", other_json("size", 4)), "coordinates"),
    "strength": (set_to("model/parameters", other_json("strength", 2.5)), "fingerprint"),
    "data": (set_to("data/features", with_bad_value(9.0)), "checksum of its data"),
    "names": (set_to("data/names", lambda a: "{}"), ""),
    "provenance": (set_to("provenance", lambda a: "{}"), "provenance"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_wrong_contents(valid, name):
    change, expected = CHANGES[name]
    rewrite(valid, change)
    with pytest.raises(InputError) as error:
        read_landscape(valid)
    assert expected in one_sentence(error, valid)


def write_version(version):
    def change(path):
        with h5py.File(path, "a") as image:
            image.attrs["version"] = version

    return change


def delete(name):
    def change(path):
        with h5py.File(path, "a") as image:
            del image[name]

    return change


def test_a_file_of_version_1_is_read(valid, tmp_path):
    """What version 2 added is missing there, and stands for dense spectra."""
    contents = container.unpack(valid)
    added = [field.path for field in MINIMA + TRANSITION_STATES if field.since == 2 and field.path in contents]
    assert len(added) == 8
    old = tmp_path / "old.h5"
    container.write(old, {path: value for path, value in contents.items() if path not in added})
    with pytest.raises(InputError, match="is missing"):
        read_landscape(old)
    write_version(np.int64(1))(old)
    landscape = read_landscape(old)
    assert (landscape.minima.lpphe_probes == 0).all()
    assert landscape.minima.log_order == pytest.approx(np.log(contents["minima/order"]))
    assert np.array_equal(landscape.minima.lpphe, contents["minima/lpphe"])
    write_landscape(old, landscape)
    assert len(read_landscape(old).transition_states) == len(contents["transition_states/loss"])


def silent_change(path):
    with h5py.File(path, "a") as image:
        image["minima/coordinates"][1, 1] += 1e-9


def foreign(path):
    path.unlink()
    with h5py.File(path, "w") as image:
        image["x"] = np.arange(3)


FILES = {
    "missing": (lambda path: path.unlink(), "does not exist"),
    "folder": (lambda path: (path.unlink(), path.mkdir()), "is a folder"),
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "text": (lambda path: path.write_text("x,y\n1,2\n"), "not an HDF5 file"),
    "fifo": (lambda path: (path.unlink(), os.mkfifo(path)), "not an ordinary file"),
    "foreign": (foreign, "not a landscape file"),
    "newer": (write_version(np.int64(VERSION + 1)), f"version {VERSION + 1}"),
    "senseless version": (write_version("one"), "version"),
    "silent": (silent_change, "/minima/coordinates do not agree"),
    "no digests": (delete("digests"), "digests"),
    "no dataset": (delete("minima/lpphe"), "minima/lpphe"),
}


@pytest.mark.parametrize("name", FILES)
def test_wrong_files(valid, name):
    change, expected = FILES[name]
    change(valid)
    with pytest.raises(InputError) as error:
        read_landscape(valid)
    assert expected in one_sentence(error, valid)
    assert error.value.exit_code == 3


def test_added_foreign_datasets_and_links_are_ignored(valid, tmp_path):
    expected = landscape_contents(read_landscape(valid))
    with h5py.File(valid, "a") as image:
        image["my_notes"] = np.arange(3)
        image["elsewhere"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/x")
        image["dangling"] = h5py.SoftLink("/nowhere")
    assert_same_contents(landscape_contents(read_landscape(valid)), expected)


def test_file_locked_elsewhere_can_be_read(valid):
    with open(valid, "rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        with pytest.raises(OSError):
            h5py.File(valid, "r", locking=True)
        assert len(read_landscape(valid).minima) > 0


def check_damaged(path, image, original):
    """A damaged file is refused with one sentence or, if only unused bytes changed, read as it was."""
    path.write_bytes(image)
    try:
        back = read_landscape(path)
    except InputError as error:
        assert str(path) in str(error) and "\n" not in str(error)
        return 1
    assert_same_contents(landscape_contents(back), original)
    return 0


def test_truncated_files(valid):
    image = valid.read_bytes()
    original = landscape_contents(read_landscape(valid))
    lengths = {*range(0, 200, 7), *range(0, len(image), len(image) // 150), len(image) - 1}
    refused = sum(check_damaged(valid, image[:length], original) for length in sorted(lengths))
    assert refused == len(lengths)


def test_flipped_and_zeroed_bytes(valid):
    image = valid.read_bytes()
    original = landscape_contents(read_landscape(valid))
    rng = np.random.default_rng(0)
    refused = 0
    for trial in range(400):
        damaged = bytearray(image)
        place = int(rng.integers(len(image)))
        if trial % 2:
            damaged[place] ^= 1 << int(rng.integers(8))
        else:
            width = int(2 ** rng.integers(0, 11))
            damaged[place : place + width] = bytes(len(damaged[place : place + width]))
        refused += check_damaged(valid, bytes(damaged), original)
    assert refused > 100


# --- checks in memory -----------------------------------------------------------------------


def test_verify_hashes_notices_changed_data():
    landscape = filled_landscape()
    verify_hashes(landscape)
    landscape.data.features[0, 0] += 1.0
    with pytest.raises(InputError, match="data"):
        verify_hashes(landscape)


def test_nonsense_is_not_written(tmp_path):
    landscape = filled_landscape()
    landscape.search = SearchState({}, {"bad": np.array([1.0], dtype=np.float32)})
    with pytest.raises(ValueError, match="search/arrays/bad"):
        write_landscape(tmp_path / "x.h5", landscape)
    assert list(tmp_path.iterdir()) == []


def test_format_document_names_every_dataset():
    document = schema.__doc__
    for field in schema.FIELDS:
        assert f"/{field.path.split('/')[0]}" in document
        assert field.name in document


def test_digest_covers_type_shape_and_bytes():
    arrays = [np.zeros(4), np.zeros((2, 2)), np.zeros(4, dtype=np.int64), np.ones(4), np.array(0.0)]
    values = [*arrays, "", "0"]
    assert len({container.digest(value) for value in values}) == len(values)
    expected = hashlib.sha256(b"<f8 (2,)\n" + np.array([1.0, 2.0]).tobytes()).hexdigest()
    assert container.digest(np.array([1.0, 2.0])) == expected
