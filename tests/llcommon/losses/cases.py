"""The models that the battery of loss tests runs on: every kind of parameter at least once."""

import functools
import itertools
from dataclasses import dataclass, field

import numpy as np

from llcommon.data import Data
from llcommon.losses import build
from llcommon.losses.base import LossModel
from tests.reference import gp as gp_twin
from tests.reference import kmeans as kmeans_twin
from tests.reference import lj as lj_twin
from tests.reference import mlp as mlp_twin
from tests.reference import mlq as mlq_twin
from tests.reference import surfaces as surface_twins

ROWS = 9


def table(features, labels=None, targets=None, shift=0.0, scale=1.0) -> Data:
    """Training data from arrays; classes are named by their number."""
    features = np.asarray(features, dtype=np.float64)
    width = features.shape[1]
    classes = () if labels is None else tuple(str(label) for label in range(max(labels) + 1))
    return Data(
        feature_names=tuple(f"x{i}" for i in range(width)),
        features=features,
        shift=np.full(width, shift),
        scale=np.full(width, scale),
        scaling="none" if (shift, scale) == (0.0, 1.0) else "standardise",
        target_name="" if labels is None and targets is None else "target",
        class_names=classes,
        labels=None if labels is None else np.asarray(labels, dtype=np.int64),
        targets=None if targets is None else np.asarray(targets, dtype=np.float64),
        source="table.csv",
        sha256="0" * 64,
    )


@functools.cache
def class_table() -> Data:
    """Nine rows of three features, three classes of unequal size."""
    features = np.random.default_rng(1).normal(0.5, 2.0, (ROWS, 3))
    return table(features, labels=[0, 1, 2, 1, 0, 1, 2, 1, 0], shift=0.5, scale=2.0)


@functools.cache
def numeric_table() -> Data:
    """The same rows with a number to predict."""
    rng = np.random.default_rng(2)
    return table(class_table().features, targets=rng.normal(0.0, 1.5, ROWS), shift=0.5, scale=2.0)


@functools.cache
def feature_table() -> Data:
    """The same rows and three of them again, with nothing to predict."""
    features = class_table().features
    return table(np.vstack([features, features[[4, 4, 1]]]), shift=0.5, scale=2.0)


@functools.cache
def binary_table() -> Data:
    """The same rows in two classes."""
    return table(class_table().features, labels=[0, 1, 1, 0, 1, 0, 0, 1, 0], shift=0.5, scale=2.0)


def xor_table() -> Data:
    """The four rows of exclusive or, unscaled."""
    return table([[0, 0], [0, 1], [1, 0], [1, 1]], labels=[0, 1, 1, 0])


@dataclass(frozen=True)
class Case:
    """A model of the battery: its name, its `[loss]` table, its data, and its naive twin."""

    name: str
    parameters: dict = field(default_factory=dict)
    data: Data | None = None

    def __str__(self) -> str:
        named = {key: value for key, value in self.parameters.items() if not key.endswith("_bounds")}
        values = [str(value).replace(" ", "") for value in named.values()]
        target = ["numeric"] if self.data is not None and self.data.targets is not None else []
        return "-".join([self.name, *values, *target])

    def build(self) -> LossModel:
        return build(self.name, self.parameters, self.data)

    def twin(self, model):
        """The loss as a plain function of x, real or complex."""
        if self.name == "mlp":
            return mlp_twin.loss_of_model(model)
        if self.name == "gp":
            return gp_twin.loss_of_model(model)
        if self.name == "mlq":
            return mlq_twin.loss_of_model(model)
        if self.name == "kmeans":
            return kmeans_twin.loss_of_model(model)
        if self.name == "lj":
            return lambda x: lj_twin.energy(x, model.radius)
        if self.name == "double-well":
            return lambda x: surface_twins.double_well(x, self.parameters["stiffness"])
        return getattr(surface_twins, self.name.replace("-", "_"))

    @property
    def turning(self) -> bool:
        """Whether the model has a continuous symmetry whose directions turn."""
        return self.name == "lj" or self.parameters.get("embedding", 1) > 1

    @property
    def hidden_layers(self) -> int:
        return len(self.parameters.get("hidden", []))


def _mlp_cases() -> list[Case]:
    """Every architecture with every activation and loss; each architecture once without the L2 term, once without the
    biases in it."""
    cases = []
    for hidden in ([], [3], [10], [3, 4], [2, 3, 2]):
        for activation, loss in itertools.product(("tanh", "logistic"), ("cross-entropy", "mse")):
            parameters = {"hidden": hidden, "activation": activation, "loss": loss, "lambda": 1e-3}
            cases.append(Case("mlp", parameters, class_table()))
            if loss == "mse":
                cases.append(Case("mlp", parameters, numeric_table()))
        free = {"hidden": hidden, "activation": "tanh", "loss": "cross-entropy", "lambda": 0.0}
        cases.append(Case("mlp", free, class_table()))
        partly = {"hidden": hidden, "activation": "logistic", "loss": "mse", "lambda": 1e-3}
        cases.append(Case("mlp", {**partly, "regularise_biases": False}, class_table()))
    return cases


MLQ_CASES = [
    Case("mlq", {"lambda": strength, "regularise_biases": biases}, class_table())
    for strength in (0.0, 1e-3)
    for biases in (True, False)
]


def _further_mlp_cases() -> list[Case]:
    """Each further activation and loss with one and two hidden layers, and what else each has of its own."""
    cases = []
    for activation in ("softplus", "relu", "sine", "gelu", "silu"):
        for hidden in ([3], [3, 4]):
            parameters = {"hidden": hidden, "activation": activation, "lambda": 1e-3}
            cases.append(Case("mlp", parameters, class_table()))
        parameters = {"hidden": [2], "activation": activation, "loss": "mse", "lambda": 1e-3}
        cases.append(Case("mlp", parameters, numeric_table()))
    for hidden, strength in (([], 0.0), ([3], 1e-3), ([3, 4], 1e-3)):
        for loss in ("bce", "auc"):
            cases.append(Case("mlp", {"hidden": hidden, "loss": loss, "lambda": strength}, binary_table()))
        cases.append(Case("mlp", {"hidden": hidden, "loss": "contrastive", "lambda": strength}, class_table()))
    for shape in ("tanh", "squared-hinge", "exponential"):
        parameters = {"hidden": [3], "loss": "auc", "shape": shape, "beta": 1.7, "lambda": 1e-3}
        cases.append(Case("mlp", parameters, binary_table()))
    one_of_three = {"hidden": [3], "loss": "auc", "positive": "1", "beta": 3.0, "regularise_biases": False}
    cases.append(Case("mlp", one_of_three, class_table()))
    plane = {"hidden": [3], "loss": "contrastive", "embedding": 2, "margin": 1.5, "regularise_biases": False}
    cases.append(Case("mlp", plane, class_table()))
    cases.append(Case("mlp", {"hidden": [2], "activation": "silu", "loss": "bce", "positive": "0"}, binary_table()))
    return cases


FURTHER_MLP_CASES = _further_mlp_cases()
MLP_CASES = _mlp_cases() + FURTHER_MLP_CASES
# Losses that are means over rows, not over pairs of rows.
SEPARABLE_CASES = [case for case in MLP_CASES if case.parameters.get("loss") not in ("auc", "contrastive")]
SURFACE_CASES = [
    Case("mueller-brown"),
    Case("six-hump-camel"),
    Case("himmelblau"),
    Case("double-well", {"dimension": 1, "stiffness": 1.0}),
    Case("double-well", {"dimension": 2, "stiffness": 1.0}),
    Case("double-well", {"dimension": 5, "stiffness": 0.25}),
]
MANY_CASES = [
    *[Case(name, {"dimension": n}) for name in ("rastrigin", "schwefel", "styblinski-tang") for n in (1, 2, 7)],
    *[Case("ackley", {"dimension": n}) for n in (1, 2, 7)],
    *[Case("rosenbrock", {"dimension": n}) for n in (2, 3, 4, 9)],
    Case("rastrigin", {"dimension": 3, "lower": [-1.2], "upper": [2.0, 0.3, 9.0]}),
]
BOXED_CASES = [Case("himmelblau", {"lower": [-4.0, 0.0], "upper": [3.5]})]


def _gp_cases() -> list[Case]:
    """Every kernel alone and in a sum or product, with one length and one for each feature."""
    chosen = [
        ("squared-exponential", False, {}),
        ("squared-exponential", True, {"per_datum": True}),
        ("matern12", False, {"target_scaling": "centre"}),
        ("matern32", True, {}),
        ("matern52", False, {"target_scaling": "none"}),
        ("matern52", True, {"jitter": 1e-3}),
        ("rational-quadratic", False, {"jitter": 0.0}),
        ("rational-quadratic", True, {}),
        ("periodic", False, {}),
        ("periodic", True, {}),
        ("squared-exponential + periodic", False, {}),
        ("rational-quadratic + matern12", True, {}),
        ("matern32 * periodic", True, {"jitter": 1e-3, "per_datum": True}),
        ("matern52*rational-quadratic", False, {}),
        ("matern32 + matern32", True, {"jitter": 1e-3}),
        ("periodic * periodic", False, {}),
    ]
    # Well-conditioned covariances: the battery compares digits.
    bounds = {"signal_bounds": [0.3, 3.0], "noise_bounds": [0.1, 1.0], "length_bounds": [0.5, 5.0]}
    bounds |= {"period_bounds": [1.0, 5.0], "periodic_length_bounds": [0.5, 3.0], "alpha_bounds": [0.3, 3.0]}
    return [Case("gp", {"kernel": k, "ard": ard, **more, **bounds}, numeric_table()) for k, ard, more in chosen]


GP_CASES = _gp_cases()
LJ_CASES = [Case("lj", {"atoms": 4}), Case("lj", {"atoms": 7}), Case("lj", {"atoms": 6, "container": 1.5})]
KMEANS_CASES = [Case("kmeans", {"clusters": clusters}, feature_table()) for clusters in (1, 2, 4, ROWS)]
CASES = MLP_CASES + MLQ_CASES + GP_CASES + KMEANS_CASES + SURFACE_CASES + MANY_CASES + BOXED_CASES + LJ_CASES
