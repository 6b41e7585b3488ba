"""A minimum as a file that other programs predict from, or start from.

npz      NumPy archive: the parameters by name, scaling, names of features and classes, loss
sklearn  pickle of a fitted scikit-learn estimator
torch    state dictionary of a PyTorch module, as `torch.save` writes it
suite    text, one coordinate a line, in the order of the original suite (its files `coords` and `lowest`)

Estimators and state dictionaries take raw feature rows: the scaling of the training data is part of them.
"""

import io
import pickle
from collections.abc import Callable

import numpy as np

from llcommon.errors import ConfigError
from llcommon.store import Landscape


def npz_content(landscape: Landscape, minimum: int) -> bytes:
    """A minimum as an NPZ archive, readable without pickles."""
    model = landscape.model
    x = landscape.minima.coordinates[minimum]
    arrays = {
        "model": np.array(model.name),
        "minimum": np.array(minimum),
        "loss": np.array(landscape.minima.loss[minimum]),
        "coordinates": x,
        **model.named_arrays(x),
    }
    data = landscape.data
    if data is not None:
        arrays["feature_names"] = np.array(data.feature_names)
        arrays["shift"] = data.shift
        arrays["scale"] = data.scale
        arrays["output_names"] = np.array(model.output_names())
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def scikit_learn_content(landscape: Landscape, minimum: int) -> bytes:
    """A minimum as a pickled scikit-learn estimator."""
    try:
        import sklearn  # noqa: F401 (is it there?)
    except ImportError as error:
        raise ConfigError("--format sklearn needs scikit-learn: pip install scikit-learn") from error
    estimator = landscape.model.scikit_learn(landscape.minima.coordinates[minimum])
    if estimator is None:
        raise _no_counterpart(landscape, "scikit-learn has no estimator that predicts as it does")
    return pickle.dumps(estimator)


def scikit_learn_ensemble(landscape: Landscape) -> bytes:
    """The ensemble of a predictor as a pickled VotingClassifier, or VotingRegressor, of all its members.

    ConfigError for combinations other than weighted means, which scikit-learn has not, and without an ensemble.
    """
    from sklearn.ensemble import VotingClassifier, VotingRegressor
    from sklearn.preprocessing import LabelEncoder

    ensemble = landscape.ensemble
    if ensemble is None:
        raise ConfigError("only a predictor of several minima is exported without an ID; give the ID of a minimum")
    if ensemble.combination not in ("mean", "loss", "occupation"):
        raise ConfigError(
            f"scikit-learn has no estimator that combines by {ensemble.combination} as this ensemble; export one of "
            "its members by ID, or an ensemble by mean, loss or occupation"
        )
    members = [landscape.model.scikit_learn(landscape.minima.coordinates[member]) for member in ensemble.members]
    if members[0] is None:
        raise _no_counterpart(landscape, "scikit-learn has no estimator that predicts as it does")
    named = [(f"minimum {member}", estimator) for member, estimator in zip(ensemble.members, members, strict=True)]
    weights = ensemble.weights.tolist()
    classes = landscape.data.class_names
    if classes:
        estimator = VotingClassifier(named, voting="soft", weights=weights)
        estimator.le_ = LabelEncoder()
        # Fitted, it would sort the names as texts; probabilities come in the order of the members' classes.
        estimator.le_.classes_ = estimator.classes_ = np.array(classes)
    else:
        estimator = VotingRegressor(named, weights=weights)
    estimator.estimators_ = members
    return pickle.dumps(estimator)


def torch_content(landscape: Landscape, minimum: int) -> bytes:
    """A minimum as a PyTorch state dictionary of float64 tensors."""
    state = landscape.model.torch_state(landscape.minima.coordinates[minimum])
    if state is None:
        raise _no_counterpart(landscape, "there is no PyTorch module that predicts as it does")
    try:
        import torch
    except ImportError as error:
        raise ConfigError("--format torch needs PyTorch: pip install torch") from error
    stream = io.BytesIO()
    torch.save({name: torch.from_numpy(np.array(array)) for name, array in state.items()}, stream)
    return stream.getvalue()


def suite_content(landscape: Landscape, minimum: int) -> bytes:
    """The coordinates of a minimum in the order of the original suite, to the last bit, one a line."""
    order = landscape.model.suite_order()
    if order is None:
        raise _no_counterpart(landscape, "the original suite has no such potential")
    x = landscape.minima.coordinates[minimum][order]
    return "".join(f"{value!r}\n" for value in x.tolist()).encode()


def _no_counterpart(landscape: Landscape, why: str) -> ConfigError:
    settings = ", ".join(f"{key} = {value}" for key, value in landscape.settings.loss.items())
    described = f"{landscape.model.name} ({settings})" if settings else landscape.model.name
    return ConfigError(f"the loss model {described} cannot be exported so: {why}; use --format npz")


FORMATS: dict[str, tuple[str, Callable[[Landscape, int], bytes]]] = {
    "npz": (".npz", npz_content),
    "sklearn": (".pkl", scikit_learn_content),
    "torch": (".pt", torch_content),
    "suite": (".coords", suite_content),
}
