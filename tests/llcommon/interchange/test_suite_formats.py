"""Files of the original suite: read, written, read again, and what is wrong in them said with file and line."""

import math
import re
import shutil

import networks
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llcommon.errors import InputError
from llcommon.interchange import fortran, suite
from llcommon.interchange.lowest import read_lowest
from llcommon.interchange.models import suite_landscape
from llcommon.interchange.pathinfo import read_min_data_info, read_path_info
from llcommon.interchange.topsearch import read_topsearch
from llcommon.losses import build
from llcommon.losses._mlp_export import suite_keywords
from llcommon.losses._mlp_setup import MLPParameters
from tests.reference import mlq as mlq_twin

LINE = "1.0 2.5 1 1.0 1.0 1.0\n"
STATE = "1.5 2.0 1 1 2 1.0 1.0 1.0\n"


def words(text):
    return fortran.Line("file", 7, text.split())


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_written_so_that_the_same_bits_are_read(value):
    text = fortran.real(value)
    assert not re.search("[a-z]", text)
    again = words(text).real(0)
    assert (again, math.copysign(1.0, again)) == (value, math.copysign(1.0, value))


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.0D-6", 1e-6), ("-2.5d+03", -2500.0), ("0.33E-0001", 0.033), ("0.5-123", 0.5e-123), (".5", 0.5)],
)
def test_numbers_of_fortran(text, value):
    assert words(text).real(0) == value


@pytest.mark.parametrize("text", ["NaN", "Infinity", "****", "1_0", "1.0D", "1E999", "0x1p3", "1,5"])
def test_what_is_no_finite_number_is_named(text):
    with pytest.raises(InputError, match=r"file: line 7 holds .*, which is not a finite number"):
        words(text).real(0)


@pytest.mark.parametrize(("text", "half"), [("0.25", 5e-3), ("-12.0D-3", 5e-5), ("3", 0.5), ("1.50E+02", 0.5)])
def test_half_of_the_last_digit(text, half):
    assert words(text).half_digit(0) == pytest.approx(half, rel=1e-12)


# --- databases --------------------------------------------------------------------------------


def database(folder, minima=LINE * 2, states=STATE, **files):
    (folder / "min.data").write_text(minima)
    (folder / "ts.data").write_text(states)
    for name, content in files.items():
        path = folder / name.replace("_", ".")
        path.write_bytes(content) if isinstance(content, bytes) else path.write_text(content)
    return folder


def test_what_a_database_says(tmp_path):
    points = np.arange(6.0)
    found = suite.read_database(
        database(
            tmp_path,
            states=STATE + "2.5D0 2.0 3 2 2 1.0 1.0 1.0 -0.25\n",
            points_min=points.tobytes(),
            points_ts=(-points).tobytes(),
            min_A="1\n2\n",
            min_B=" 1 1\n",
            pairs_data="       1       2\n",
        ),
        3,
    )
    assert found.minima.coordinates.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found.states.coordinates.tolist() == [[0, -1, -2], [-3, -4, -5]]
    assert found.ends.tolist() == [[0, 1], [1, 1]]
    assert found.states.loss.tolist() == [1.5, 2.5]
    assert found.states.order.tolist() == [1, 3]
    assert np.isnan(found.negative[0]) and found.negative[1] == -0.25
    assert {name: rows.tolist() for name, rows in found.sets.items()} == {"A": [1], "B": [0]}
    assert found.pairs.tolist() == [[0, 1]]


BAD = [
    ({"minima": LINE + "1.0 2.5 1 1.0\n"}, "min.data: line 2 has 4 columns where 6 or 7 belong"),
    ({"minima": LINE + "\n\n1.0 NaN 1 1.0 1.0 1.0\n"}, 'min.data: line 4 holds "NaN", which is not a finite number'),
    ({"minima": "1.0 2.5 1.5 1.0 1.0 1.0\n"}, 'min.data: line 1 holds "1.5", which is not a whole number'),
    ({"minima": "1.0 2.5 0 1.0 1.0 1.0\n"}, "min.data: line 1 has the point-group order 0"),
    ({"minima": ""}, "min.data is empty"),
    ({"minima": "Minimum \u00e9\n"}, "min.data is not a text file"),
    ({"states": "1.5 2.0 1 1 3 1.0 1.0 1.0\n"}, "ts.data: line 1 names minimum 3 where there are 2, numbered from 1"),
    ({"states": "1.5 2.0 1 1 1.0 1.0 1.0\n"}, "ts.data: line 1 has 7 columns where 8 or 9 belong"),
    ({"points_min": b"\0" * 40}, "points.min holds 1.66667 points of 3 coordinates (40 bytes) where min.data lists 2"),
    ({"points_min": np.full(6, np.nan).tobytes()}, "points.min: point 1 is not finite"),
    ({"min_A": "2\n1\n"}, "min.A holds a count of 2 and 1 minima"),
    ({"min_A": "1\n0\n"}, "min.A: line 2 names minimum 0 where there are 2"),
    ({"pairs_data": "1 2 3\n"}, "pairs.data: line 1 has 3 columns where 2 belong"),
]


@pytest.mark.parametrize(("files", "message"), BAD)
def test_a_bad_database_is_refused(tmp_path, files, message):
    good = {"points_min": np.zeros(6).tobytes(), "points_ts": np.zeros(3).tobytes()}
    database(tmp_path, **{**good, **files})
    with pytest.raises(InputError, match=re.escape(message)):
        suite.read_database(tmp_path, 3)


def test_an_order_that_fortran_cannot_hold_goes_into_the_product():
    landscape = networks.net4()
    order = 2**40
    landscape.minima.replace("order", 1, order)
    landscape.minima.replace("log_order", 1, math.log(order))
    line = list(suite.min_data(landscape))[1].split()
    assert line[2] == "1"
    # Its weight is exp(-product / 2) / order.
    assert -0.5 * float(line[1]) == pytest.approx(-0.5 * 2.0 - math.log(order), rel=1e-14)


# --- points with their coordinates ----------------------------------------------------------------


def path_lines():
    return (networks.XOR / "path.info").read_text().splitlines()


def written(folder, lines, name="path.info"):
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def test_path_info_is_read_in_triples(tmp_path):
    found = read_path_info(written(tmp_path, path_lines() * 2), 12)
    assert (len(found.minima), len(found.states), found.ends.tolist()) == (4, 2, [[0, 1], [2, 3]])
    assert found.minima.lines.tolist() == [1, 21, 31, 51]
    assert found.states.loss.tolist() == [0.485451627878429] * 2
    assert found.states.lpphe[0] == pytest.approx(-68.586314702, abs=1e-6)
    assert found.negative.tolist() == [-0.1659793809] * 2
    assert found.notes == []


@pytest.mark.parametrize("kept", [1, 2, 3, 9, 10, 11, 20, 29])
def test_an_incomplete_triple_at_the_end_is_dropped_and_counted(tmp_path, kept):
    lines = path_lines()
    found = read_path_info(written(tmp_path, lines + lines[:kept]), 12)
    assert len(found.states) == 1
    points = -(-kept // 10)
    assert f"{points} point{'s' if points > 1 else ''} of it left out" in found.notes[0]


def test_a_point_group_of_two_words_and_numbers_in_other_rows(tmp_path):
    lines = path_lines()
    lines[1] = "     1 O h"
    lines[2:6] = [" ".join(lines[2:6])]
    assert len(read_path_info(written(tmp_path, lines), 12).states) == 1


def test_path_info_of_another_model_is_refused(tmp_path):
    path = written(tmp_path, path_lines())
    with pytest.raises(InputError, match="line 6 brings 12 eigenvalues where the model has 11 coordinates"):
        read_path_info(path, 11)
    with pytest.raises(InputError, match=re.escape("path.info: line 7 brings")):
        read_path_info(path, 13)
    with pytest.raises(InputError, match="holds no complete triple"):
        read_path_info(written(tmp_path, path_lines()[:25]), 12)


def test_min_data_info(tmp_path):
    text = (networks.DATA / "xor" / "min.data.info").read_text()
    found = read_min_data_info(written(tmp_path, [text, text], "min.data.info"), 12)
    assert found.minima.loss.tolist() == [0.0134758301] * 2
    assert found.minima.coordinates.shape == (2, 12)
    with pytest.raises(InputError, match="line 1 begins a minimum of fewer than 12 coordinates"):
        read_min_data_info(written(tmp_path, text.splitlines()[:9], "cut"), 12)
    with pytest.raises(InputError, match="line 13 has 1 columns where the six of a minimum belong"):
        read_min_data_info(written(tmp_path, [text], "other"), 11)


def test_lowest(tmp_path):
    lines = (networks.XOR / "lowest").read_text().splitlines()
    found = read_lowest(written(tmp_path, lines * 2, "lowest"), 12)
    assert (found.minima.loss.tolist(), found.minima.lines.tolist()) == ([0.01347583009] * 2, [1, 15])
    with pytest.raises(InputError, match="line 1 says 12 coordinates where the model has 13"):
        read_lowest(networks.XOR / "lowest", 13)
    with pytest.raises(InputError, match="line 1 begins a minimum of fewer than 12"):
        read_lowest(written(tmp_path, lines[:-1], "cut"), 12)


# --- models -----------------------------------------------------------------------------------


def folder_of_keywords(folder, text, rows="0 0.0 0.0\n1 0.0 1.0D0\n1 1.0 0.0\n0 1.0 1.0\n"):
    (folder / "pathdata").write_text(text)
    (folder / "MLPdata").write_text(rows)
    return folder


def test_the_network_of_a_folder(tmp_path):
    shutil.copy(networks.XOR / "MLPdata", tmp_path)
    keywords = "! MLPVB3 9 9 9 9 9 9\nmlpnorm\nNOREGBIAS\nmlpvb3 2 1 3 2 4 1.0D-3\nSTOP\nMLP3 1 1 1\n"
    landscape = suite_landscape(folder_of_keywords(tmp_path, keywords))
    model = landscape.model
    assert model.widths == (2, 3, 2)
    assert (model.parameters.lambda_, model.parameters.regularise_biases) == (1e-3, False)
    assert landscape.data.inputs().tolist() == [[0, 0], [0, 2], [2, 0], [2, 2]]
    assert landscape.data.labels.tolist() == [0, 1, 1, 0]
    assert model.suite_keywords() == ("NOREGBIAS", "MLPVB3 2 1 3 2 4 0.001")


@pytest.mark.parametrize(
    ("keywords", "rows", "message"),
    [
        ("NATOMS 3\n", "", "no MLPVB3 line is in pathdata, odata or data"),
        ("MLPVB3NN 2 1 2 2 4 0.1 3\n", "", "is of the potential MLPVB3NN"),
        ("MLPVB3 2 1 2 2\n", "", "pathdata: line 1 has no six numbers behind MLPVB3"),
        ("MLPVB3 2 1 2 2 4 0.1\n", "0 1 2\n", "MLPdata has 1 rows where MLPVB3 says 4"),
        ("MLPVB3 2 2 2 2 1 0.1\n", "0 1 2\n", "MLPdata: line 1 has 2 features where 3 are needed"),
        ("MLPVB3 2 1 2 2 1 0.1\n", "2 1 2\n", "MLPdata: line 1 has the outcome 2, which is not one of 0 to 1"),
    ],
)
def test_a_folder_that_does_not_say_its_network(tmp_path, keywords, rows, message):
    from llcommon.errors import LandscapeError

    with pytest.raises(LandscapeError, match=re.escape(message)):
        suite_landscape(folder_of_keywords(tmp_path, keywords, rows))


def test_order_of_quadratic_multinomials_is_that_of_the_suite():
    from tests.llcommon.losses.cases import class_table

    model = build("mlq", {"lambda": 1e-3}, class_table())
    x = np.arange(float(model.dimension))
    theirs = x[model.suite_order()]
    assert mlq_twin.from_suite(theirs, features=3, classes=3).tolist() == x.tolist()
    assert model.suite_keywords() == ("MLQ 3 1 3 9 0.001",)


def test_keywords_only_of_what_the_suite_has():
    def keywords(widths=(3, 2, 3), ranked=None, **settings):
        settings = {"lambda_": 1e-7, "hidden": list(widths[1:-1]), **settings}
        return suite_keywords(MLPParameters(**settings), widths, 9, ranked)

    assert keywords() == ("MLPVB3 3 1 2 3 9 1E-07",)
    assert keywords(activation="softplus") is None
    assert keywords(widths=(3, 2, 2, 3)) is None
    assert keywords(sharpness_radius=0.1) is None
    auc = {"widths": (3, 2, 2), "loss": "auc", "beta": 50.0}
    assert keywords(**auc, positive="0", ranked=0) is None
    assert keywords(**auc, positive="1", ranked=1, shape="tanh") is None
    assert keywords(**auc, positive="1", ranked=1) == ("AUCMLPBETA 50.0", "AUCMLPVB3 3 1 2 2 9 1E-07")
    assert build("himmelblau", {}).suite_keywords() is None


# --- topsearch --------------------------------------------------------------------------------


def topsearch_folder(folder, **changed):
    files = {
        "min.data": "0  0.00000\n1  1.50000\n",
        "min.coords": "0.0 1.0\n2.0 3.0\n",
        "ts.data": "0 1  2.50000\n",
        "ts.coords": "1.0 2.0\n",
        "pairlist": "0 1\n",
    }
    for name, text in {**files, **changed}.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def test_topsearch_files_are_read(tmp_path):
    found = read_topsearch(topsearch_folder(tmp_path), 2)
    assert found.minima.half_digit.tolist() == pytest.approx([5e-6, 5e-6])
    assert (found.ends.tolist(), found.pairs.tolist(), found.suite_order) == ([[0, 1]], [[0, 1]], False)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"min_data": "0 0.0\n2 1.0\n"}, "min.data: line 2 is of minimum 2 where 1 belongs"),
        ({"min_data": LINE}, "min.data: line 1 has 6 columns where 2 belong"),
        ({"min_coords": "0.0 1.0\n"}, "min.coords holds 1 points where there should be 2"),
        ({"min_coords": "0.0 1.0\n2.0\n"}, "min.coords: line 2 has 1 coordinates where the model has 2"),
        ({"ts_data": "0 2 2.5\n"}, "ts.data: line 1 names minimum 2 where there are 2, numbered from 0"),
    ],
)
def test_bad_topsearch_files(tmp_path, changed, message):
    with pytest.raises(InputError, match=re.escape(message)):
        read_topsearch(topsearch_folder(tmp_path, **changed), 2)
