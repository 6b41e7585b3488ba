"""A multilayer perceptron in the terms of scikit-learn, PyTorch and the MLPVB3 potential of GMIN.

The scaling of the data is folded into the first layer, so that what is exported takes raw feature rows:
W (x - shift) / scale + b  =  (W / scale) x + (b - W shift / scale).
"""

import numpy as np

# Activations of the models by their names in scikit-learn; it has no others.
_SCIKIT_ACTIVATIONS = {"tanh": "tanh", "logistic": "logistic", "relu": "relu"}


def raw_matrices(matrices: list[np.ndarray], shift: np.ndarray, scale: np.ndarray) -> list[np.ndarray]:
    """Weight matrices (inputs + 1, outputs), last row the biases, for raw features: the first one changes."""
    first = matrices[0].copy()
    first[:-1] /= scale[:, None]
    first[-1] -= shift @ first[:-1]
    return [first, *(matrix.copy() for matrix in matrices[1:])]


def named_arrays(matrices: list[np.ndarray]) -> dict[str, np.ndarray]:
    """weights_l (inputs, outputs) and biases_l (outputs,) of layers l = 1, 2, ..., for scaled features."""
    arrays = {}
    for layer, matrix in enumerate(matrices, start=1):
        arrays[f"weights_{layer}"] = matrix[:-1].copy()
        arrays[f"biases_{layer}"] = matrix[-1].copy()
    return arrays


def torch_state(matrices: list[np.ndarray]) -> dict[str, np.ndarray]:
    """State of `Sequential(Linear, activation, Linear, ...)`: the k-th linear layer, from 0, is module 2 k."""
    state = {}
    for layer, matrix in enumerate(matrices):
        state[f"{2 * layer}.weight"] = np.ascontiguousarray(matrix[:-1].T)
        state[f"{2 * layer}.bias"] = matrix[-1].copy()
    return state


def scikit_classifier(
    matrices: list[np.ndarray], activation: str, classes: tuple[str, ...], lambda_: float, rows: int
):
    """A fitted `MLPClassifier` whose `predict_proba` is the softmax of the network; None without that activation.

    matrices: for raw features, with an output for each class, or one that is the log odds of the second class. Of two
    outputs scikit-learn keeps the difference, because it gives two classes a single logistic unit.
    """
    if activation not in _SCIKIT_ACTIVATIONS:
        return None
    from sklearn.neural_network import MLPClassifier
    from sklearn.preprocessing import LabelBinarizer

    estimator = MLPClassifier(**_settings(matrices, activation, 2.0 * lambda_ * rows))
    names = np.array(classes)
    if len(names) == 2 and matrices[-1].shape[1] == 2:
        last = matrices[-1]
        matrices = [*matrices[:-1], last[:, 1:] - last[:, :1]]
    estimator.classes_ = names
    estimator._label_binarizer = LabelBinarizer().fit(names)
    _fill(estimator, matrices, "logistic" if len(names) == 2 else "softmax")
    return estimator


def scikit_regressor(matrices: list[np.ndarray], activation: str, lambda_: float, rows: int):
    """A fitted `MLPRegressor` whose `predict` gives the outputs of the network; None without that activation."""
    if activation not in _SCIKIT_ACTIVATIONS:
        return None
    from sklearn.neural_network import MLPRegressor

    # Its squared error is halved.
    estimator = MLPRegressor(**_settings(matrices, activation, lambda_ * rows))
    _fill(estimator, matrices, "identity")
    return estimator


def _settings(matrices: list[np.ndarray], activation: str, alpha: float) -> dict:
    """alpha: scikit-learn's L2 term is alpha / (2 n) times the sum of squared weights, without biases."""
    return {
        "hidden_layer_sizes": tuple(matrix.shape[1] for matrix in matrices[:-1]),
        "activation": _SCIKIT_ACTIVATIONS[activation],
        "alpha": alpha,
    }


def _fill(estimator, matrices: list[np.ndarray], out_activation: str) -> None:
    """What `fit` would have set and predictions need."""
    estimator.coefs_ = [np.ascontiguousarray(matrix[:-1]) for matrix in matrices]
    estimator.intercepts_ = [matrix[-1].copy() for matrix in matrices]
    estimator.n_features_in_ = matrices[0].shape[0] - 1
    estimator.n_layers_ = len(matrices) + 1
    estimator.n_outputs_ = matrices[-1].shape[1]
    estimator.out_activation_ = out_activation
    estimator.n_iter_ = 0
    estimator.t_ = 0


def suite_order(widths: tuple[int, ...]) -> np.ndarray | None:
    """Places (N,) so that x[places] has the order of GMIN's MLPVB3; None if that has no such network.

    MLPVB3 has one hidden layer: weights from input k to hidden unit j, j outer; from hidden unit j to output i, i
    outer; hidden biases; output biases.
    """
    if len(widths) != 3:
        return None
    inputs, hidden, outputs = widths
    places = np.arange((inputs + 1) * hidden + (hidden + 1) * outputs)
    first, second = np.split(places, [(inputs + 1) * hidden])
    first = first.reshape(inputs + 1, hidden)
    second = second.reshape(hidden + 1, outputs)
    return np.concatenate([first[:-1].T.ravel(), second[:-1].T.ravel(), first[-1], second[-1]])


def suite_keywords(parameters, widths: tuple[int, ...], rows: int, ranked: int | None) -> tuple[str, ...] | None:
    """Keyword lines of the MLPVB3 and AUCMLPVB3 potentials of GMIN and OPTIM; None for another network than they know.

    parameters: of the model; ranked: number of the class that an AUC ranks above the others, 1 in the suite. Their
    features begin with column 1 of MLPdata. The programs refuse an exponent with a small letter.
    """
    if len(widths) != 3 or parameters.activation != "tanh" or parameters.sharpness_radius > 0.0:
        return None
    inputs, hidden, outputs = widths
    sizes = f"{inputs} 1 {hidden} {outputs} {rows} {parameters.lambda_!r}".upper()
    biases = () if parameters.regularise_biases else ("NOREGBIAS",)
    if parameters.loss == "cross-entropy":
        return (*biases, f"MLPVB3 {sizes}")
    if parameters.loss == "auc" and parameters.shape == "sigmoid" and ranked == 1:
        return (*biases, f"AUCMLPBETA {parameters.beta!r}".upper(), f"AUCMLPVB3 {sizes}")
    return None
