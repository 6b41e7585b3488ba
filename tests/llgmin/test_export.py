"""`llgmin predict` and `llgmin export`: what leaves a landscape file predicts as its minimum does."""

import csv
import json
import pickle
import shutil

import numpy as np
import pytest
from driving import IRIS_CSV, XOR_CSV, call, xor_minima

from llcommon.store import read_landscape

TOML = """\
[loss]
model = "mlp"
hidden = {hidden}
activation = "{activation}"
lambda = 1e-3
{more}

[data]
file = "{file}"

[search]
steps = 3
chains = 1
"""


def searched(folder, source, name="minima.h5", hidden="[3]", activation="tanh", more=""):
    """A landscape file with the minima of a few steps."""
    shutil.copy(source, folder)
    settings = folder / "problem.toml"
    settings.write_text(TOML.format(hidden=hidden, activation=activation, more=more, file=source.name))
    assert call("llgmin", "run", settings, "-o", folder / name, "-j", 1, "-q") == 0
    return folder / name


def features_of(path):
    with open(path, newline="", encoding="utf-8") as stream:
        _, *rows = csv.reader(stream)
    return np.array([row[:-1] for row in rows], dtype=float)


@pytest.fixture(scope="module")
def iris(tmp_path_factory):
    return searched(tmp_path_factory.mktemp("iris"), IRIS_CSV)


@pytest.fixture(scope="module")
def xor(tmp_path_factory):
    return xor_minima(tmp_path_factory.mktemp("xor"))


def exported(file, kind, minimum=0):
    path = file.with_suffix(f".{kind}")
    assert call("llgmin", "export", file, minimum, "--format", kind, "-o", path, "-f", "-q") == 0
    return path


def estimator_of(file):
    return pickle.loads(exported(file, "sklearn").read_bytes())


def predictions(file, minimum=0):
    landscape = read_landscape(file)
    return landscape.model.predict(landscape.minima.coordinates[minimum], landscape.data.features)


# --- scikit-learn -----------------------------------------------------------------------------


def test_scikit_learn_predicts_three_classes_from_raw_rows(iris):
    estimator = estimator_of(iris)
    features = features_of(IRIS_CSV)
    assert estimator.predict_proba(features) == pytest.approx(predictions(iris), abs=1e-12)
    landscape = read_landscape(iris)
    names = np.array(landscape.data.class_names)[predictions(iris).argmax(axis=1)]
    assert estimator.predict(features).tolist() == names.tolist()
    assert estimator.score(features, np.array(landscape.data.class_names)[landscape.data.labels]) > 0.9


def test_two_classes_become_one_logistic_unit(xor):
    estimator = estimator_of(xor)
    assert estimator.coefs_[-1].shape[1] == 1
    assert estimator.predict_proba(features_of(XOR_CSV)) == pytest.approx(predictions(xor), abs=1e-12)


@pytest.mark.parametrize("hidden", ["[]", "[3, 2]"])
def test_any_number_of_layers_and_another_activation(tmp_path, hidden):
    file = searched(tmp_path, IRIS_CSV, hidden=hidden, activation="logistic")
    assert estimator_of(file).predict_proba(features_of(IRIS_CSV)) == pytest.approx(predictions(file), abs=1e-12)


def test_numbers_become_a_regressor(tmp_path):
    table = tmp_path / "numbers.csv"
    x = np.linspace(-1.0, 3.0, 12)
    table.write_text("x,y\n" + "".join(f"{a},{np.sin(a)}\n" for a in x))
    (tmp_path / "run").mkdir()
    file = searched(tmp_path / "run", table, more='loss = "mse"')
    assert estimator_of(file).predict(x[:, None]) == pytest.approx(predictions(file)[:, 0], abs=1e-12)


def test_the_l2_term_of_the_estimator_is_that_of_the_model(iris):
    # scikit-learn: alpha / (2 n) sum of squared weights; the model: lambda times that sum.
    assert estimator_of(iris).alpha / (2 * 150) == pytest.approx(1e-3)


def gp_landscape(folder, kernel, ard, scaling, noise=0.1):
    """Two features and the product of their sines, and the minima of a few steps."""
    rng = np.random.default_rng(2)
    rows = rng.uniform(-2.0, 2.0, (15, 2)) * [1.0, 10.0]
    targets = 3.0 + np.sin(rows[:, 0]) * np.sin(0.1 * rows[:, 1]) + noise * rng.standard_normal(15)
    lines = [f"{a},{b},{t}" for (a, b), t in zip(rows.tolist(), targets.tolist(), strict=True)]
    (folder / "rows.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
    text = f'[loss]\nmodel = "gp"\nkernel = "{kernel}"\nard = {str(ard).lower()}\n'
    text += f'[data]\nfile = "rows.csv"\nscaling = "{scaling}"\n[search]\nsteps = 20\nchains = 1\n'
    (folder / "gp.toml").write_text(text)
    assert call("llgmin", "run", folder / "gp.toml", "-j", 1, "-q") == 0
    return folder / "gp.h5"


@pytest.mark.parametrize(
    ("kernel", "ard", "scaling"),
    [
        ("squared-exponential", True, "standardise"),
        ("matern52 * rational-quadratic", False, "none"),
        ("matern32 + squared-exponential", True, "mean-abs"),
    ],
)
def test_a_gaussian_process_has_the_same_mean_and_variance(tmp_path, kernel, ard, scaling):
    file = gp_landscape(tmp_path, kernel, ard, scaling)
    landscape = read_landscape(file)
    x = landscape.minima.coordinates[0]
    rows = landscape.data.features + [0.1, 1.0]
    mean, deviation = estimator_of(file).predict(rows, return_std=True)
    assert mean == pytest.approx(landscape.model.predict(x, rows)[:, 0], abs=1e-8)
    assert deviation**2 == pytest.approx(landscape.model.predictive_variance(x, rows)[:, 0], abs=1e-8)


def kmeans_landscape(folder, capsys):
    shutil.copy(IRIS_CSV, folder)
    text = '[loss]\nmodel = "kmeans"\n[data]\nfile = "iris.csv"\ntarget = "species"\n[search]\nsteps = 5\nchains = 1\n'
    (folder / "clusters.toml").write_text(text)
    assert call("llgmin", "run", folder / "clusters.toml", "-j", 1, "-q") == 0
    capsys.readouterr()
    return folder / "clusters.h5"


def test_centres_become_a_kmeans_that_shares_out_rows_alike(tmp_path, capsys):
    file = kmeans_landscape(tmp_path, capsys)
    estimator = estimator_of(file)
    assert call("llgmin", "predict", file, IRIS_CSV, "--minimum", 0, "-q") == 0
    assert [int(row["cluster"]) for row in rows_of(capsys)] == estimator.predict(features_of(IRIS_CSV)).tolist()
    assert estimator[-1].inertia_ == pytest.approx(read_landscape(file).minima.loss[0])
    assert call("llgmin", "predict", file, IRIS_CSV, "--mix", 1, "-q") == 2
    assert "numbers of groups" in capsys.readouterr().err


def test_what_scikit_learn_lacks_is_refused(tmp_path, capsys):
    file = gp_landscape(tmp_path, "rational-quadratic", True, "none")
    assert call("llgmin", "export", file, 0, "--format", "sklearn", "-q") == 2
    assert "scikit-learn has no estimator" in capsys.readouterr().err


# --- other formats ----------------------------------------------------------------------------


def test_npz_is_all_that_a_numpy_program_needs(iris):
    archive = np.load(exported(iris, "npz"), allow_pickle=False)
    below = (features_of(IRIS_CSV) - archive["shift"]) / archive["scale"]
    below = np.tanh(below @ archive["weights_1"] + archive["biases_1"])
    outputs = np.exp(below @ archive["weights_2"] + archive["biases_2"])
    assert outputs / outputs.sum(axis=1, keepdims=True) == pytest.approx(predictions(iris), abs=1e-12)
    assert archive["output_names"].tolist() == ["setosa", "versicolor", "virginica"]
    assert float(archive["loss"]) == read_landscape(iris).minima.loss[0]


def test_the_state_dictionary_is_that_of_linear_layers(iris):
    """Without PyTorch: what its Sequential(Linear, Tanh, Linear) would compute."""
    landscape = read_landscape(iris)
    state = landscape.model.torch_state(landscape.minima.coordinates[0])
    hidden = np.tanh(features_of(IRIS_CSV) @ state["0.weight"].T + state["0.bias"])
    outputs = np.exp(hidden @ state["2.weight"].T + state["2.bias"])
    assert outputs / outputs.sum(axis=1, keepdims=True) == pytest.approx(predictions(iris), abs=1e-12)


@pytest.mark.slow
def test_pytorch_loads_the_state_dictionary(iris):
    torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")
    path = exported(iris, "torch")
    widths = read_landscape(iris).model.widths
    network = torch.nn.Sequential(
        torch.nn.Linear(widths[0], widths[1]), torch.nn.Tanh(), torch.nn.Linear(widths[1], widths[2])
    ).double()
    network.load_state_dict(torch.load(path, weights_only=True))
    outputs = network(torch.from_numpy(features_of(IRIS_CSV))).softmax(dim=1).detach().numpy()
    assert outputs == pytest.approx(predictions(iris), abs=1e-12)


def test_coordinates_come_back_from_the_order_of_the_suite(xor, tmp_path):
    path = exported(xor, "suite")
    result = tmp_path / "again.h5"
    assert call("llgmin", "quench", xor, "--points", path, "--order", "suite", "-o", result, "-q") == 0
    minima = read_landscape(result).minima
    assert minima.coordinates[0] == pytest.approx(read_landscape(xor).minima.coordinates[0], abs=1e-12)


def test_the_default_name_says_which_minimum(xor, tmp_path):
    shutil.copy(xor, tmp_path / "two.h5")
    assert call("llgmin", "export", tmp_path / "two.h5", 1, "-q") == 0
    assert (tmp_path / "two-1.npz").is_file()
    assert call("llgmin", "export", tmp_path / "two.h5", 1, "-q") == 2


# --- predict ----------------------------------------------------------------------------------


def rows_of(capsys):
    header, *lines = capsys.readouterr().out.splitlines()
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]


def test_predict_takes_columns_by_name_and_needs_no_target(iris, tmp_path, capsys):
    lines = IRIS_CSV.read_text().splitlines()
    turned = [",".join(["9", *reversed(line.split(",")[:-1])]) for line in lines[1:]]
    header = ",".join(["number", *reversed(lines[0].split(",")[:-1])])
    (tmp_path / "new.csv").write_text("\n".join([header, *turned]) + "\n")
    assert call("llgmin", "predict", iris, tmp_path / "new.csv", "--minimum", 1, "-q") == 0
    rows = rows_of(capsys)
    expected = predictions(iris, 1)
    assert [float(row["p(virginica)"]) for row in rows] == expected[:, 2].tolist()
    assert rows[0]["class"] == "setosa" and len(rows) == 150


def test_the_lowest_minimum_predicts_by_default(iris, capsys):
    assert call("llgmin", "predict", iris, IRIS_CSV, "--json", "-q") == 0
    document = json.loads(capsys.readouterr().out)
    losses = read_landscape(iris).minima.loss
    assert document["loss"] == losses.min() == losses[document["minimum"]]
    assert document["rows"][149]["class"] == "virginica"


def test_a_mixture_obeys_the_laws_of_total_mean_and_variance(tmp_path, capsys):
    file = gp_landscape(tmp_path, "squared-exponential", True, "standardise", noise=0.3)
    table = tmp_path / "rows.csv"
    capsys.readouterr()
    assert call("llgmin", "predict", file, table, "--mix", 1, "--json", "-q") == 0
    document = json.loads(capsys.readouterr().out)
    landscape = read_landscape(file)
    weights = np.array(document["weights"])
    assert len(weights) == len(landscape.minima) > 1 and weights.sum() == pytest.approx(1.0)
    points = landscape.minima.coordinates
    rows = landscape.data.features
    means = np.array([landscape.model.predict(x, rows)[:, 0] for x in points])
    variances = np.array([landscape.model.predictive_variance(x, rows)[:, 0] for x in points])
    mean = weights @ means
    second_moment = weights @ (variances + means**2)
    assert [row["y"] for row in document["rows"]] == pytest.approx(mean.tolist(), abs=1e-10)
    expected = (second_moment - mean**2).tolist()
    assert [row["variance(y)"] for row in document["rows"]] == pytest.approx(expected, abs=1e-10)


def test_a_cold_mixture_is_the_lowest_minimum(iris, capsys):
    assert call("llgmin", "predict", iris, IRIS_CSV, "--mix", 1e-9, "-q") == 0
    mixed = rows_of(capsys)
    assert call("llgmin", "predict", iris, IRIS_CSV, "-q") == 0
    alone = rows_of(capsys)
    assert [float(row["p(setosa)"]) for row in mixed] == pytest.approx([float(row["p(setosa)"]) for row in alone])


BAD = [
    (("predict", "iris.h5", "iris.csv", "--minimum", 99), 2, "minimum 99 does not exist"),
    (("predict", "iris.h5", "short.csv"), 3, "lacks the column"),
    (("predict", "iris.h5", "huge.csv"), 3, "too large to be scaled"),
    (("predict", "iris.h5", "iris.csv", "--minimum", 0, "--mix", 1), 2, "cannot be combined"),
    (("predict", "iris.h5", "iris.csv", "--mix", 0), 2, "temperature"),
    (("predict", "iris.h5", "iris.csv", "--lowest", 2), 2, "is for --mix"),
    (("predict", "surface.h5", "iris.csv"), 2, "predicts nothing"),
    (("export", "iris.h5", 77), 2, "minimum 77 does not exist"),
    (("export", "surface.h5", 0, "--format", "sklearn"), 2, "cannot be exported so"),
    (("export", "surface.h5", 0, "--format", "suite"), 2, "the original suite has no such"),
    (("quench", "surface.h5", "--points", "iris.csv", "--order", "suite"), 2, "the original suite has no such"),
    (("quench", "iris.h5", "--points", "short.csv", "--order", "suite"), 3, "finite coordinates are needed"),
]


@pytest.fixture(scope="module")
def bad_folder(iris, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    shutil.copy(iris, folder / "iris.h5")
    shutil.copy(IRIS_CSV, folder)
    lines = IRIS_CSV.read_text().splitlines()
    (folder / "short.csv").write_text("\n".join(line.partition(",")[2] for line in lines) + "\n")
    (folder / "huge.csv").write_text("\n".join([lines[0], lines[1].replace("5.1", "1.7e308", 1)]) + "\n")
    (folder / "surface.toml").write_text('[loss]\nmodel = "himmelblau"\n[search]\nsteps = 3\nchains = 1\n')
    assert call("llgmin", "run", folder / "surface.toml", "-j", 1, "-q") == 0
    return folder


@pytest.mark.parametrize(("arguments", "code", "said"), BAD, ids=[" ".join(map(str, row[0])) for row in BAD])
def test_bad_input_is_one_sentence(bad_folder, monkeypatch, capsys, arguments, code, said):
    monkeypatch.chdir(bad_folder)
    before = sorted(bad_folder.iterdir())
    assert call("llgmin", *arguments, "-q") == code
    error = capsys.readouterr().err
    assert said in error and len(error.strip().splitlines()) == 1
    assert sorted(bad_folder.iterdir()) == before


def test_an_unknown_format_is_refused(run_program, bad_folder):
    result = run_program("llgmin", "export", "iris.h5", 0, "--format", "onnx", cwd=bad_folder)
    assert result.returncode == 2 and "npz" in result.stderr
