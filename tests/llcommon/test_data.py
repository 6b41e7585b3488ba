"""Training data: what is read, how it is scaled, and one sentence for each fault of a file."""

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llcommon.data import read_csv, read_rows
from llcommon.errors import ConfigError, InputError
from llcommon.settings import DataSettings

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
GOOD = "a,b,kind\n1,10,x\n2,30,y\n3,20,x\n"


@pytest.fixture
def read(tmp_path):
    """Write text (or bytes) to a file and read it with DataSettings(**options)."""

    def reader(content, numeric_target=False, name="t.csv", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_csv(path, DataSettings(**options), numeric_target)

    return reader


def fault(read, content, error=InputError, **options) -> str:
    """The one sentence that reading ends with, without the folder of the file."""
    with pytest.raises(error) as raised:
        read(content, **options)
    message = str(raised.value)
    assert "\n" not in message
    start = message.find("/")
    return message if start < 0 else message[:start] + message[message.index("t.csv") :]


# --- what is read -------------------------------------------------------------------------------


def test_columns_classes_and_provenance(read):
    data = read(GOOD)
    assert data.feature_names == ("a", "b")
    assert data.features.tolist() == [[1.0, 10.0], [2.0, 30.0], [3.0, 20.0]]
    assert data.target_name == "kind"
    assert data.class_names == ("x", "y")
    assert data.labels.tolist() == [0, 1, 0] and data.labels.dtype == np.int64
    assert data.targets is None
    assert data.source == "t.csv"
    assert data.sha256 == hashlib.sha256(GOOD.encode()).hexdigest()


def test_numeric_target_and_chosen_columns(read):
    data = read(GOOD, numeric_target=True, target="a", features=["b"], scaling="none")
    assert data.feature_names == ("b",)
    assert data.targets.tolist() == [1.0, 2.0, 3.0]
    assert data.labels is None and data.class_names == ()


def test_features_keep_the_order_of_the_settings(read):
    data = read(GOOD, features=["b", "a"])
    assert data.feature_names == ("b", "a")
    assert data.features[0].tolist() == [10.0, 1.0]


def test_integer_classes_are_in_numerical_order(read):
    data = read("a,k\n1,10\n2,9\n3,-1\n")
    assert data.class_names == ("-1", "9", "10")
    assert data.labels.tolist() == [2, 1, 0]


def test_other_classes_are_in_alphabetical_order(read):
    assert read("a,k\n1,10\n2,9\n3,b\n").class_names == ("10", "9", "b")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (GOOD.replace(",", "\t"), "t.csv"),
        (GOOD.replace(",", "\t"), "t.tsv"),
        (GOOD.replace(",", ";"), "t.csv"),
        (GOOD.replace("\n", "\r\n"), "t.csv"),
        ("\ufeff" + GOOD, "t.csv"),
        (GOOD.replace(",", ", ") + "\n\n", "t.csv"),
        ("\n" + GOOD.replace("a,b", '"a", "b"'), "t.csv"),
    ],
)
def test_dialects_hold_the_same_content(read, content, name):
    assert read(content, name=name).content_sha256() == read(GOOD).content_sha256()


def test_suffix_decides_that_commas_are_text(read):
    data = read("a,1,2,3\tkind\n1\tx\n2\ty\n", name="t.tsv")
    assert data.feature_names == ("a,1,2,3",)


def test_unused_columns_need_not_be_numbers(read):
    assert read("id,a,k\nfoo,1,x\n,2,y\n", features=["a"]).features.tolist() == [[1.0], [2.0]]


@given(st.lists(st.floats(-1e100, 1e100), min_size=2, max_size=8))
def test_numbers_round_trip(tmp_path_factory, numbers):
    path = tmp_path_factory.mktemp("data") / "t.csv"
    path.write_text("a,y\n" + "".join(f"{number!r},{-number!r}\n" for number in numbers))
    data = read_csv(path, DataSettings(scaling="none"), numeric_target=True)
    assert data.features.tobytes() == np.array(numbers).tobytes()
    assert data.targets.tobytes() == (-np.array(numbers)).tobytes()


# --- scaling ------------------------------------------------------------------------------------


def test_standardise_uses_mean_and_population_variance(read):
    data = read(GOOD)
    assert data.shift.tolist() == [2.0, 20.0]
    np.testing.assert_allclose(data.scale, [np.sqrt(2 / 3), np.sqrt(200 / 3)], rtol=1e-15)
    np.testing.assert_allclose(data.inputs().mean(axis=0), 0, atol=1e-15)
    np.testing.assert_allclose(data.inputs().var(axis=0), 1, rtol=1e-14)


def test_mean_abs_divides_only(read):
    data = read("a,k\n-1,x\n3,y\n", scaling="mean-abs")
    assert data.shift.tolist() == [0.0] and data.scale.tolist() == [2.0]
    assert data.inputs().tolist() == [[-0.5], [1.5]]


def test_no_scaling_leaves_the_bits(read):
    data = read(GOOD, scaling="none")
    assert data.inputs().tobytes() == data.features.tobytes()


def test_transform_scales_new_rows_as_the_training_rows(read):
    data = read(GOOD)
    assert data.transform([[2.0, 20.0]]).tolist() == [[0.0, 0.0]]
    assert data.transform(data.features[:2]).tobytes() == data.inputs()[:2].tobytes()
    with pytest.raises(ValueError, match="shape"):
        data.transform(np.zeros((3, 1)))


def test_constant_columns_are_dropped_on_request(read):
    text = "a,c,k\n1,0.1,x\n2,0.1,y\n3,0.1,x\n"
    data = read(text, drop_constant=True)
    assert data.feature_names == ("a",)
    assert data.features.shape == (3, 1) and data.shift.shape == data.scale.shape == (1,)
    assert data.features.flags.c_contiguous
    assert read(text, scaling="none").feature_names == ("a", "c")
    np.testing.assert_allclose(read(text, scaling="mean-abs").inputs()[:, 1], 1, rtol=1e-15)


# --- fingerprints ---------------------------------------------------------------------------------


def test_content_hash_depends_on_content_only(read):
    reference = read(GOOD).content_sha256()
    assert read(GOOD.replace("1,10", "1.0,1e1"), name="other.csv").content_sha256() == reference
    assert pickle.loads(pickle.dumps(read(GOOD))).content_sha256() == reference


@pytest.mark.parametrize(
    "changed",
    [
        {"content": GOOD.replace("3,20", "3,21")},
        {"content": GOOD.replace("a,b", "a,c")},
        {"content": GOOD.replace("y", "z")},
        {"content": GOOD.replace("2,30,y", "2,30,x").replace("1,10,x", "1,10,y")},
        {"content": GOOD, "scaling": "none"},
        {"content": GOOD, "features": ["b", "a"]},
    ],
)
def test_content_hash_sees_every_change(read, changed):
    assert read(**changed).content_sha256() != read(GOOD).content_sha256()


# --- faults of a file -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "t.csv is empty; a header and rows of data are needed"),
        (" \n\n", "t.csv is empty; a header and rows of data are needed"),
        ('""\n', "t.csv is empty; a header and rows of data are needed"),
        (b"a,k\n1,\xff\n", "t.csv is not UTF-8 text (line 2); save the table as CSV in UTF-8"),
        (b"a,k\n1,\0\n", "t.csv is not a text file (line 2); save the table as CSV in UTF-8"),
        ("1,2\n3,4\n", "t.csv has no header; write the names of the columns in its first line"),
        ("a,a,k\n", "t.csv: the column name a occurs twice in the header; rename one of the columns"),
        ("a,,k\n", "t.csv: column 2 has no name; name it in the header"),
        ("a,k\n1,x\n\n2\n", "t.csv: line 4 has 1 cells where the header has 2; correct that line"),
        ("a,k\n1,x,3\n", "t.csv: line 2 has 3 cells where the header has 2; correct that line"),
        ('a,k\n1,x\n"2,y\n', "t.csv: line 3 cannot be read as a table"),
        ("a,k\n", "t.csv has 0 rows of data under its header; at least 2 are needed"),
        ("a,k\n1,x\n", "t.csv has 1 rows of data under its header; at least 2 are needed"),
        ("k\nx\ny\n", "t.csv has only the column k; a feature and a target column are needed"),
        ("a,k\n1,x\n,y\n", "t.csv: line 3, column a has no value; fill it in or remove the line"),
        ("a,k\n1,x\nNA,y\n", "t.csv: line 3, column a has no value; fill it in or remove the line"),
        ("a,k\n1,x\n2,\n", "t.csv: line 3, column k has no class; fill it in or remove the line"),
        ('a,k\n"1\n2",x\n2,y\n', 't.csv: line 2, column a holds "1\\n2", which is not a number; correct it'),
        ("a,k\n1,x\n1_0,y\n", 't.csv: line 3, column a holds "1_0", which is not a number; correct it'),
        ("a,k\n1,x\nnan,y\n", 't.csv: line 3, column a holds "nan", which is not a finite number'),
        ("a,k\n-inf,x\n1,y\n", 't.csv: line 2, column a holds "-inf", which is not a finite number'),
        ("a,k\n1e999,x\n1,y\n", 't.csv: line 2, column a holds "1e999", which is not a finite number'),
        ("a,k\n1,x\n2,x\n", 't.csv: column k holds only the class "x"; at least 2 are needed'),
        ("a,k\n1e300,x\n-1e300,y\n", "t.csv: column a has values too large to be scaled by standardise"),
    ],
)
def test_each_fault_is_one_sentence(read, content, sentence):
    assert fault(read, content).startswith(sentence)


@pytest.mark.parametrize("values", [(0.1, 0.1, 0.1), (5, 5, 5), (0, 0, 0), (1e-200, 2e-200, 3e-200)])
def test_constant_column_cannot_be_standardised(read, values):
    text = "a,c,k\n" + "".join(f"{i},{value},{i % 2}\n" for i, value in enumerate(values))
    message = fault(read, text)
    assert message.startswith("t.csv: column c is constant, so it cannot be scaled by standardise")
    assert "drop_constant = true" in message
    assert read(text, drop_constant=True).feature_names == ("a",)


def test_zero_column_cannot_be_divided_by_its_mean(read):
    text = "a,c,k\n1,0,x\n2,0,y\n"
    assert "column c is constant" in fault(read, text, scaling="mean-abs")


def test_nothing_left_after_dropping(read):
    message = fault(read, "a,k\n1,x\n1,y\n", drop_constant=True)
    assert "all feature columns are constant" in message


def test_numeric_target_must_hold_numbers(read):
    message = fault(read, GOOD, numeric_target=True)
    assert message.startswith('t.csv: line 2, column kind holds "x", which is not a number')


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"target": "knid"}, "[data] target knid is not a column of t.csv; did you mean kind?"),
        ({"features": ["a", "B"]}, "[data] features: B is not a column of t.csv; did you mean b?"),
        ({"features": ["a", "a"]}, "[data] features names a twice; name each column once"),
        ({"features": ["a", "kind"]}, "[data] features: kind is the target column; leave it out"),
        ({"features": []}, "[data] features is an empty list; name at least one column"),
    ],
)
def test_wrong_columns_are_configuration_errors(read, options, sentence):
    assert fault(read, GOOD, error=ConfigError, **options).startswith(sentence)


@pytest.mark.parametrize(("name", "words"), [("none.csv", "does not exist"), (".", "is a folder")])
def test_unreadable_files_are_input_errors(tmp_path, name, words):
    with pytest.raises(InputError, match=words):
        read_csv(tmp_path / name, DataSettings(), False)


# --- rows of another file ---------------------------------------------------------------------------

TRAINING = "a,b,kind\n1,10,x\n2,30,y\n3,20,x\n"


@pytest.fixture
def read_other(read, tmp_path):
    """Rows of a text, as a file beside training data."""

    def reader(content, training=TRAINING, **options):
        data = read(training, name="training.csv", **options)
        path = tmp_path / "t.csv"
        path.write_text(content, encoding="utf-8")
        return read_rows(path, data)

    return reader


def test_rows_are_found_by_name(read_other):
    content = "note,kind,b,a\nfirst,y,5,6\n,x,7,8\n"
    rows = read_other(content)
    assert rows.features.tolist() == [[6.0, 5.0], [8.0, 7.0]]
    assert rows.labels.tolist() == [1, 0] and rows.labels.dtype == np.int64
    assert rows.targets is None
    assert rows.source == "t.csv"
    assert rows.sha256 == hashlib.sha256(content.encode()).hexdigest()


def test_one_row_of_one_class_is_enough(read_other):
    assert read_other("a,b,kind\n1,2,y\n").labels.tolist() == [1]


def test_numeric_targets_of_rows(read_other):
    rows = read_other("b,a\n5,6\n", numeric_target=True, target="a", features=["b"])
    assert rows.features.tolist() == [[5.0]] and rows.targets.tolist() == [6.0]
    assert rows.labels is None


def test_the_training_file_gives_the_training_rows(read, tmp_path):
    data = read(TRAINING)
    rows = read_rows(tmp_path / "t.csv", data)
    for name in ("features", "labels", "source", "sha256"):
        assert np.array_equal(getattr(rows, name), getattr(data.rows(), name))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "t.csv is empty; a header and rows of data are needed"),
        ("a,b,kind\n", "t.csv has no rows of data under its header; at least 1 is needed"),
        ("a,kind\n1,x\n", "t.csv lacks the column b, which the training data training.csv have; add what is missing"),
        ("c\n1\n", "t.csv lacks the columns a, b, kind, which the training data training.csv have"),
        ("a,b,kinds\n1,2,x\n", "t.csv lacks the column kind, which the training data training.csv have; did you mean"),
        ("a,b,kind\n1,2,x\n1,2,z\n", 't.csv: line 3, column kind holds the class "z", which the training data'),
        ("a,b,kind\n1,2,\n", "t.csv: line 2, column kind has no class; fill it in or remove the line"),
        ("a,b,kind\n1,?,x\n", "t.csv: line 2, column b has no value; fill it in or remove the line"),
        ("a,b,kind\n1,no,x\n", 't.csv: line 2, column b holds "no", which is not a number; correct it or remove'),
        ("a,b,kind\n1,inf,x\n", 't.csv: line 2, column b holds "inf", which is not a finite number'),
        ("a,b,kind\n1,2\n", "t.csv: line 2 has 2 cells where the header has 3; correct that line"),
    ],
)
def test_each_fault_of_rows_is_one_sentence(read_other, content, sentence):
    assert fault(read_other, content).startswith(sentence)


def test_an_unknown_class_is_answered_with_the_known_ones(read_other):
    assert "(known: x, y); correct it or remove the line" in fault(read_other, "a,b,kind\n1,2,other\n")


def test_rows_too_large_for_the_scaling(read_other):
    training = "a,k\n1e-200,x\n-1e-200,y\n2e-200,y\n"
    message = fault(read_other, "a,k\n1,x\n1e300,x\n", training=training, scaling="mean-abs")
    assert message.startswith("t.csv: line 3, column a is too large to be scaled as the training data")


# --- example files --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["iris", "wine"])
def test_example_files_equal_scikit_learn(name):
    datasets = pytest.importorskip("sklearn.datasets")
    bunch = getattr(datasets, f"load_{name}")()
    data = read_csv(EXAMPLES / name / f"{name}.csv", DataSettings(), False)
    np.testing.assert_array_equal(data.features, bunch.data)
    np.testing.assert_array_equal(data.labels, bunch.target)
    assert data.class_names == tuple(bunch.target_names)
    normalised = [feature.replace("/", "_") for feature in bunch.feature_names]
    if name == "iris":
        normalised = [feature.removesuffix(" (cm)").replace(" ", "_") for feature in normalised]
    assert data.feature_names == tuple(normalised)


def test_standardised_wine_equals_scikit_learn():
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    data = read_csv(EXAMPLES / "wine" / "wine.csv", DataSettings(), False)
    expected = preprocessing.StandardScaler().fit_transform(data.features)
    np.testing.assert_allclose(data.inputs(), expected, rtol=1e-12, atol=1e-12)


def test_xor_example():
    data = read_csv(EXAMPLES / "xor" / "xor.csv", DataSettings(scaling="none"), False)
    assert data.features.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert data.labels.tolist() == [0, 1, 1, 0]
    assert (data.feature_names, data.target_name) == (("x1", "x2"), "class")
