"""The group /ensemble of a landscape file: what is written is read, and what makes no sense is refused."""

import numpy as np
import pytest
from ensembles import landscape_of, written

from llcommon.combining import Ensemble, Gate
from llcommon.errors import InputError
from llcommon.store import container, read_landscape, write_landscape
from llcommon.store.file import landscape_contents
from llcommon.store.schema import find_problem


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A landscape without an ensemble."""
    return landscape_of(written(tmp_path_factory.mktemp("plain")), states=False)[0]


@pytest.fixture
def landscape(plain):
    """The same with one that has everything."""
    rng = np.random.default_rng(0)
    gate = Gate(rng.normal(size=(6, 4)), rng.normal(size=(6, 3)), 5)
    members = np.array([4, 0, 2])
    plain.ensemble = Ensemble(
        "specialise", members, np.array([0.5, 0.25, 0.25]), rng.normal(size=(3, 10)), gate, {"choice": "random"}
    )
    yield plain
    plain.ensemble = None


def test_what_is_written_is_read(landscape, tmp_path):
    write_landscape(tmp_path / "a.h5", landscape)
    read = read_landscape(tmp_path / "a.h5").ensemble
    known = landscape.ensemble
    assert (read.combination, read.about, read.gate.neighbours) == (known.combination, known.about, 5)
    for name in ("members", "weights", "stacking"):
        assert np.array_equal(getattr(read, name), getattr(known, name))
    assert np.array_equal(read.gate.inputs, known.gate.inputs)
    assert np.array_equal(read.gate.competence, known.gate.competence)
    assert read_landscape(tmp_path / "a.h5", points=False).ensemble.combination == "specialise"


def test_a_file_of_version_4_has_none(plain, tmp_path):
    import h5py

    write_landscape(tmp_path / "a.h5", plain)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file.attrs["version"] = np.int64(4)
    assert read_landscape(tmp_path / "a.h5").ensemble is None


BROKEN = [
    ({"ensemble/members": np.array([0, 1, 99])}, "names a minimum that does not exist, or one twice"),
    ({"ensemble/members": np.array([0, 1, 1])}, "names a minimum that does not exist, or one twice"),
    ({"ensemble/members": np.array([0, 1])}, "/ensemble/weights has the length 3"),
    ({"ensemble/weights": None}, "/ensemble/weights is missing"),
    ({"ensemble/gate_inputs": None}, "/ensemble/gate_inputs is missing"),
    ({"ensemble/gate_competence": np.zeros((6, 2))}, "/ensemble/gate_competence has the length 2"),
    ({"ensemble/about": None, "ensemble/members": None, "ensemble/weights": None}, "/ensemble/about is missing"),
]


@pytest.mark.parametrize(("changes", "part"), BROKEN)
def test_what_does_not_fit_is_found(landscape, changes, part):
    contents = landscape_contents(landscape)
    assert find_problem(contents) is None
    for path, value in changes.items():
        del contents[path]
        if value is not None:
            contents[path] = value
    assert part in find_problem(contents)


@pytest.mark.parametrize(
    "about",
    [
        '{"combination": "oracle", "neighbours": 5, "about": {}}',
        '{"combination": "mean", "about": {}}',
        '{"combination": "specialise", "neighbours": 7, "about": {}}',
        "[]",
    ],
)
def test_an_ensemble_that_is_not_known_is_refused(landscape, tmp_path, about):
    contents = landscape_contents(landscape)
    container.write(tmp_path / "a.h5", {**contents, "ensemble/about": about})
    with pytest.raises(InputError, match="is not a valid landscape file"):
        read_landscape(tmp_path / "a.h5")


def test_a_combination_needs_what_it_was_fitted_with(landscape, tmp_path):
    contents = {path: value for path, value in landscape_contents(landscape).items() if "gate" not in path}
    container.write(tmp_path / "a.h5", contents)
    with pytest.raises(InputError, match="/ensemble is not whole"):
        read_landscape(tmp_path / "a.h5")


def test_a_matrix_of_another_shape_is_refused(landscape, tmp_path):
    contents = {**landscape_contents(landscape), "ensemble/stacking": np.zeros((3, 9))}
    container.write(tmp_path / "a.h5", contents)
    with pytest.raises(InputError, match="has the shape"):
        read_landscape(tmp_path / "a.h5")


def test_a_merge_keeps_the_ensemble(landscape, tmp_path):
    write_landscape(tmp_path / "a.h5", landscape)
    read = read_landscape(tmp_path / "a.h5")
    other = read_landscape(tmp_path / "a.h5")
    other.ensemble = None
    read.merge(other)
    assert np.array_equal(read.ensemble.members, landscape.ensemble.members)
