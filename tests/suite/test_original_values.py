"""Numbers that GMIN and OPTIM (Cambridge, Fortran) print for their MLPVB3 networks.

The suite's order of the weights: input k to hidden j with j outer; hidden j to output i with i
outer; hidden biases; output biases. A row of its MLPdata is the class and then the features.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llcommon.data import Data, read_csv
from llcommon.losses import build
from llcommon.losses._mlp_export import suite_order
from llcommon.losses.mlp import MLP
from llcommon.settings import DataSettings

FOLDER = Path(__file__).parent / "data"
WIDTHS = (2, 2, 2)


def from_suite(x, widths) -> np.ndarray:
    """Our coordinates of a one-layer network in the suite's order."""
    inputs, hidden, outputs = widths
    ends = np.cumsum([hidden * inputs, outputs * hidden, hidden])
    into, out, hidden_biases, output_biases = np.split(np.asarray(x), ends)
    first = np.vstack([into.reshape(hidden, inputs).T, hidden_biases])
    second = np.vstack([out.reshape(outputs, hidden).T, output_biases])
    return np.concatenate([first.ravel(), second.ravel()])


def to_suite(x, widths) -> np.ndarray:
    """The inverse of from_suite."""
    inputs, hidden, outputs = widths
    first, second = np.split(np.asarray(x), [(inputs + 1) * hidden])
    first = first.reshape(inputs + 1, hidden)
    second = second.reshape(hidden + 1, outputs)
    return np.concatenate([first[:-1].T.ravel(), second[:-1].T.ravel(), first[-1], second[-1]])


def read_rows(path, scaling, folder) -> Data:
    """An MLPdata file through our reader of CSV files."""
    lines = [",".join(["class", "a", "b"])]
    lines += [",".join(line.split()) for line in path.read_text().splitlines()]
    table = folder / "table.csv"
    table.write_text("\n".join(lines) + "\n")
    return read_csv(table, DataSettings(target="class", scaling=scaling), numeric_target=False)


def network(folder, scaling, tmp_path) -> MLP:
    data = read_rows(FOLDER / folder / "MLPdata", scaling, tmp_path)
    return build("mlp", {"hidden": [2], "lambda": 1e-4}, data)


@pytest.fixture
def xor(tmp_path):
    return network("xor", "none", tmp_path)


@pytest.fixture
def auc(tmp_path):
    return network("auc", "mean-abs", tmp_path)


@dataclass(frozen=True)
class Printed:
    """A stationary point as printed: texts keep the number of digits."""

    energy: str
    eigenvalues: list[str]
    x: np.ndarray


def path_points() -> list[Printed]:
    """The minimum, TS and minimum of path.info: energy, symmetry line, 12 eigenvalues, 12 coordinates."""
    lines = (FOLDER / "xor" / "path.info").read_text().splitlines()
    points = []
    for start in range(0, len(lines), 10):
        block = lines[start : start + 10]
        eigenvalues = " ".join(block[2:6]).split()
        coordinates = " ".join(block[6:10]).split()
        points.append(Printed(block[0].strip(), eigenvalues, np.array(coordinates, dtype=float)))
    return points


def half_a_digit(text: str) -> float:
    """Half a unit in the last printed digit."""
    mantissa, _, exponent = text.upper().partition("E")
    decimals = len(mantissa.partition(".")[2])
    return 0.5 * 10.0 ** (int(exponent or 0) - decimals)


def agrees(value: float, text: str) -> bool:
    """Whether value, rounded to the printed digits, is what is printed."""
    return abs(value - float(text)) <= half_a_digit(text) * (1.0 + 1e-6) + 2e-16 * abs(value)


def test_agreement_is_to_every_printed_digit():
    assert agrees(0.12344, "0.1234") and agrees(-1.2345e-5, "-0.12345E-04")
    assert not agrees(0.12346, "0.1234") and not agrees(-1.2346e-5, "-0.12345E-04")


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))
def test_conversion_of_coordinates_goes_both_ways(inputs, hidden, outputs):
    widths = (inputs, hidden, outputs)
    x = np.arange(float((inputs + 1) * hidden + (hidden + 1) * outputs))
    assert np.array_equal(to_suite(from_suite(x, widths), widths), x)
    assert np.array_equal(from_suite(to_suite(x, widths), widths), x)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))
def test_order_of_the_library_is_that_of_the_suite(inputs, hidden, outputs):
    widths = (inputs, hidden, outputs)
    x = np.arange(float((inputs + 1) * hidden + (hidden + 1) * outputs))
    assert np.array_equal(x[suite_order(widths)], to_suite(x, widths))


def test_minimum_of_xor(xor):
    lines = (FOLDER / "xor" / "min.data.info").read_text().splitlines()
    energy, log_product = lines[0].split()[:2]
    x = from_suite([float(line) for line in lines[1:]], WIDTHS)
    value, gradient = xor.value_and_gradient(x)
    assert agrees(value, energy)
    assert np.sqrt(np.mean(gradient**2)) <= 1e-9  # what the suite was told to converge to
    assert agrees(np.log(np.linalg.eigvalsh(xor.hessian(x))).sum(), log_product)


@pytest.mark.parametrize("point", path_points(), ids=["plus", "ts", "minus"])
def test_path_of_xor(xor, point):
    x = from_suite(point.x, WIDTHS)
    value, gradient = xor.value_and_gradient(x)
    assert agrees(value, point.energy)
    assert np.sqrt(np.mean(gradient**2)) <= 1e-9  # what the suite was told to converge to
    eigenvalues = np.linalg.eigvalsh(xor.hessian(x))[::-1]  # printed in descending order
    assert len(eigenvalues) == len(point.eigenvalues) == 12
    for eigenvalue, text in zip(eigenvalues, point.eigenvalues, strict=True):
        assert agrees(eigenvalue, text)


def test_log_product_of_the_transition_state(xor):
    x = from_suite(path_points()[1].x, WIDTHS)
    eigenvalues = np.linalg.eigvalsh(xor.hessian(x))
    assert np.count_nonzero(eigenvalues < 0.0) == 1
    assert agrees(np.log(eigenvalues[1:]).sum(), "-68.586314702")


def test_both_sides_of_the_path_are_images_of_one_minimum(xor):
    plus, _, minus = (from_suite(point.x, WIDTHS) for point in path_points())
    assert np.linalg.norm(plus - minus) > 1.0
    assert np.linalg.norm(xor.align(plus, minus) - plus) < 1e-4


def auc_printed() -> tuple[str, str]:
    """(energy, AUC) of the first `energy, AUC=` line."""
    lines = (FOLDER / "auc" / "expected.txt").read_text().splitlines()
    energy, area = next(line for line in lines if line.startswith("energy")).split("=")[1].split()
    return energy, area


def auc_points() -> np.ndarray:
    """The two points in extractedmin, (2, 12)."""
    return np.loadtxt(FOLDER / "auc" / "extractedmin").reshape(2, 12)


def test_loss_with_features_scaled_by_their_mean_size(auc):
    energy = auc_printed()[0]
    for x in auc_points():
        assert agrees(auc.value(from_suite(x, WIDTHS)), energy)


def test_area_under_the_curve_of_the_predictions(auc):
    # The suite's 101 thresholds give 0.19866; the exact rank statistic is 0.18750.
    probability = auc.predict(from_suite(auc_points()[0], WIDTHS), auc.data.features)[:, 1]
    positive = probability[auc.data.labels == 1]
    negative = probability[auc.data.labels == 0]
    assert (positive[:, None] > negative).mean() == 0.1875
    assert _trapezium(positive, negative) == pytest.approx(float(auc_printed()[1]), abs=5e-11)


def _trapezium(positive, negative) -> float:
    """Area under the curve through 101 thresholds, as the suite computes it."""
    thresholds = np.linspace(0.0, 1.0, 101)
    true_rate = np.array([(positive > threshold).mean() for threshold in thresholds])
    false_rate = np.array([(negative > threshold).mean() for threshold in thresholds])
    return float(np.trapezoid(true_rate[::-1], false_rate[::-1]))
