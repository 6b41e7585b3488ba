"""Ensembles without a landscape: networks that scikit-learn trains, as many as an ensemble has members.

bagging      BaggingClassifier or BaggingRegressor, each network on a bootstrap sample of the training rows (L. Breiman,
             Machine Learning 24, 123, 1996)
independent  each on all training rows, from another start (B. Lakshminarayanan, A. Pritzel and C. Blundell, Advances in
             Neural Information Processing Systems 30, 2017, without its adversarial examples)

The networks have the hidden units and the activation of the landscape's model, and alpha = 2 n lambda: the penalty of
scikit-learn is alpha |w|^2 / (2 n) over the weights without biases, where the model has lambda |w|^2, with biases
unless told otherwise. Of numbers alpha = n lambda, as the squared error is halved there. Two classes have one logistic
output. Trained by L-BFGS on the scaled features. Both kinds are combined by the mean of their probabilities.
"""

import warnings

import numpy as np
from scipy.special import expit

from llcommon.errors import ConfigError
from llcommon.store import Landscape

KINDS = ("bagging", "independent")
STEPS = 1000  # of L-BFGS, at most
_HIDDEN = {"tanh": np.tanh, "logistic": expit, "relu": lambda z: np.maximum(z, 0.0), "identity": lambda z: z}


def unfitted(landscape: Landscape, seed: int):
    """A network of scikit-learn like the landscape's; None if there is none."""
    from sklearn.base import clone

    known = landscape.model.scikit_learn(landscape.minima.coordinates[landscape.global_minimum()])
    if known is None or "hidden_layer_sizes" not in known.get_params() or not known.hidden_layer_sizes:
        return None
    return clone(known).set_params(solver="lbfgs", max_iter=STEPS, max_fun=100 * STEPS, random_state=seed)


def trained(landscape: Landscape, kind: str, size: int, seed: int) -> list:
    """`size` fitted networks, with the numbers of the classes that each has met. ConfigError if there are none such."""
    from sklearn.base import clone
    from sklearn.ensemble import BaggingClassifier, BaggingRegressor
    from sklearn.exceptions import ConvergenceWarning

    network = unfitted(landscape, seed)
    if network is None:
        raise ConfigError(f"scikit-learn has no network like the loss model {landscape.model.name} of the landscape")
    data = landscape.data
    inputs = data.inputs()
    targets = data.labels if data.class_names else data.targets
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if kind == "bagging":
            bagged = BaggingClassifier if data.class_names else BaggingRegressor
            found = bagged(network, n_estimators=size, random_state=seed).fit(inputs, targets)
            # Labels count the classes of all training rows, where none is missing: so do those in a sample.
            return list(found.estimators_)
        return [clone(network).set_params(random_state=seed + k).fit(inputs, targets) for k in range(size)]


def outputs_of(networks: list, inputs: np.ndarray, classes: int) -> np.ndarray:
    """ln p of classes, (e, n, K), exact where p rounds to zero, -inf of classes that a network has not met; of numbers
    (e, n, 1). inputs: (n, d), scaled features; classes: K, 0 for numbers."""
    if not classes:
        return np.array([_last(network, inputs) for network in networks])
    found = np.full((len(networks), len(inputs), classes), -np.inf)
    for place, network in enumerate(networks):
        values = _last(network, inputs)
        if values.shape[1] == 1:  # the log odds of the second of two classes
            values = np.hstack([np.zeros_like(values), values])
        values = values - values.max(axis=1, keepdims=True)
        met = np.asarray(network.classes_, dtype=np.int64)
        found[place][:, met] = values - np.log(np.exp(values).sum(axis=1, keepdims=True))
    return found


def _last(network, inputs: np.ndarray) -> np.ndarray:
    """What comes into the outputs of a fitted network, (n, outputs)."""
    values = inputs
    for layer, (weights, biases) in enumerate(zip(network.coefs_, network.intercepts_, strict=True)):
        values = values @ weights + biases
        if layer < len(network.coefs_) - 1:
            values = _HIDDEN[network.activation](values)
    return values
