"""What minima predict for rows of data, as the columns of a table."""

from dataclasses import dataclass

import numpy as np

from llcommon.combining import ensemble_outputs
from llcommon.errors import ConfigError
from llcommon.mixing import mixture
from llcommon.scoring import lowest_minima, predicts
from llcommon.store import Landscape


@dataclass(frozen=True)
class Predicted:
    """columns: names and values (n,). described: how they were made, for a document. sentence: the same in words."""

    columns: list[tuple[str, np.ndarray]]
    described: dict
    sentence: str


def check_predicts(landscape: Landscape, name: str) -> None:
    """Raise ConfigError if nothing in the landscape `name` can predict."""
    if not len(landscape.minima):
        raise ConfigError(f"{name} holds no minima to predict with; find some with llgmin run")
    if not predicts(landscape):
        raise ConfigError(f"the loss model {landscape.model.name} of {name} predicts nothing")


def of_minimum(landscape: Landscape, minimum: int, features: np.ndarray) -> Predicted:
    """The predictions of one minimum for raw feature rows (n, d)."""
    model = landscape.model
    x = landscape.minima.coordinates[minimum]
    outputs = np.asarray(model.predict(x, features))
    _check_finite(outputs, f"minimum {minimum}")
    columns = _columns(landscape, outputs)
    variance = model.predictive_variance(x, features)
    if variance is not None:
        columns += _named(landscape, "variance", variance)
    loss = float(landscape.minima.loss[minimum])
    return Predicted(columns, {"minimum": minimum, "loss": loss}, f"predicted by minimum {minimum}, loss {loss:.12g}")


def of_ensemble(landscape: Landscape, features: np.ndarray) -> Predicted:
    """The predictions of the ensemble of a landscape that has one, for raw feature rows (n, d)."""
    ensemble = landscape.ensemble
    outputs = ensemble_outputs(ensemble, landscape.model, landscape.minima.coordinates, features)
    _check_finite(outputs, "the ensemble")
    if landscape.data.class_names:
        outputs = np.exp(outputs)
    count = len(ensemble.members)
    described = {"combination": ensemble.combination, "members": ensemble.members, "weights": ensemble.weights}
    sentence = f"predicted by {count} minima together, combined by {ensemble.combination}; --minimum names one alone"
    return Predicted(_columns(landscape, outputs), described, sentence)


def _check_finite(outputs: np.ndarray, who: str) -> None:
    """Raise ConfigError for rows so far from the training data that their outputs overflow."""
    bad = np.flatnonzero(~np.isfinite(outputs.reshape(len(outputs), -1)).all(axis=1))
    if bad.size:
        raise ConfigError(f"the prediction of {who} for row {bad[0]} is not finite; correct or remove that row")


def _columns(landscape: Landscape, outputs: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """A column for each output, for classes with the most probable one before them."""
    x = landscape.minima.coordinates[0]
    if landscape.model.log_probabilities(x, landscape.data.features[:1]) is None:
        return _named(landscape, "", outputs)
    classes = np.array(landscape.model.output_names())
    return [("class", classes[outputs.argmax(axis=1)]), *_named(landscape, "p", outputs)]


def _named(landscape: Landscape, quantity: str, values: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """The columns of values (n, outputs), named `quantity(output)`, or like the output if there is no quantity."""
    names = landscape.model.output_names()
    columns = values.reshape(len(values), -1).T
    return [(f"{quantity}({name})" if quantity else name, column) for name, column in zip(names, columns, strict=True)]


def of_mixture(landscape: Landscape, temperature: float, lowest: int | None, features: np.ndarray) -> Predicted:
    """The predictions of all minima, or the `lowest`, mixed by their harmonic weights, see `llcommon.mixing`."""
    losses = landscape.minima.loss
    ids = lowest_minima(losses, lowest)
    first = np.asarray(landscape.model.predict(landscape.minima.coordinates[0], features[:1]))
    if np.issubdtype(first.dtype, np.integer):
        raise ConfigError(f"predictions of {landscape.model.name} are numbers of groups, which cannot be mixed")
    mixed = mixture(landscape.model, [landscape.minimum(minimum) for minimum in ids], features, temperature)
    _check_finite(mixed.mean, "the mixture")
    columns = _columns(landscape, mixed.mean)
    if mixed.variance is not None:
        columns += _named(landscape, "variance", mixed.variance)
    columns += _named(landscape, "variance between minima", mixed.between)
    described = {
        "temperature": temperature,
        "minima": ids,
        "weights": mixed.weights,
    }
    largest = int(mixed.weights.argmax())
    sentence = (
        f"mixed {len(ids)} minima at temperature {temperature:g}; the largest weight, {mixed.weights[largest]:.3g}, "
        f"has minimum {ids[largest]}"
    )
    return Predicted(columns, described, sentence)
