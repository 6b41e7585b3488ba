"""What minima predict for rows of data, as the columns of a table."""

from dataclasses import dataclass, field

import numpy as np

from llcommon.errors import ConfigError
from llcommon.store import Landscape


@dataclass(frozen=True)
class Predicted:
    """columns: names and values (n,). described: how they were made, for a document. sentence: the same in words."""

    columns: list[tuple[str, np.ndarray]]
    described: dict = field(default_factory=dict)
    sentence: str = ""


def check_predicts(landscape: Landscape, name: str) -> None:
    """Raise ConfigError if nothing in the landscape `name` can predict."""
    if not len(landscape.minima):
        raise ConfigError(f"{name} holds no minima to predict with; find some with llgmin run")
    features = None if landscape.data is None else landscape.data.features[:1]
    if features is None or landscape.model.predict(landscape.minima.coordinates[0], features) is None:
        raise ConfigError(f"the loss model {landscape.model.name} of {name} predicts nothing")


def of_minimum(landscape: Landscape, minimum: int, features: np.ndarray) -> Predicted:
    """The predictions of one minimum for raw feature rows (n, d)."""
    model = landscape.model
    x = landscape.minima.coordinates[minimum]
    outputs = np.asarray(model.predict(x, features))
    _check_finite(outputs, f"minimum {minimum}")
    columns = _columns(landscape, outputs, model.log_probabilities(x, features) is not None)
    loss = float(landscape.minima.loss[minimum])
    return Predicted(columns, {"minimum": minimum, "loss": loss}, f"predicted by minimum {minimum}, loss {loss:.12g}")


def _check_finite(outputs: np.ndarray, who: str) -> None:
    """Raise ConfigError for rows so far from the training data that their outputs overflow."""
    bad = np.flatnonzero(~np.isfinite(outputs.reshape(len(outputs), -1)).all(axis=1))
    if bad.size:
        raise ConfigError(f"the prediction of {who} for row {bad[0]} is not finite; correct or remove that row")


def _columns(landscape: Landscape, outputs: np.ndarray, probabilities: bool) -> list[tuple[str, np.ndarray]]:
    """A column for each output, for classes with the most probable one before them."""
    outputs = outputs.reshape(len(outputs), -1)
    names = landscape.model.output_names()
    if not probabilities:
        return list(zip(names, outputs.T, strict=True))
    classes = np.array(names)
    columns = [("class", classes[outputs.argmax(axis=1)])]
    return columns + [(f"p({name})", column) for name, column in zip(names, outputs.T, strict=True)]
