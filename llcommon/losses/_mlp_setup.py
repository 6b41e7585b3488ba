"""What a perceptron is made from: its `[loss]` keys, their checks against the data, and the packing of both."""

from dataclasses import dataclass

import numpy as np

from llcommon.config import setting, suggestion
from llcommon.errors import ConfigError
from llcommon.losses._mlp_activations import GELU, RELU, SILU, SINE, SOFTPLUS
from llcommon.losses._mlp_hessian import hessian_chunk
from llcommon.losses._mlp_kernels import CROSS_ENTROPY, LOGISTIC, MSE, TANH
from llcommon.losses._mlp_losses import AUC, BCE, CONTRASTIVE
from llcommon.losses._mlp_pairs import EXPONENTIAL, SIGMOID, SQUARED_HINGE, TANH_SHAPE

ACTIVATIONS = {
    "tanh": TANH, "logistic": LOGISTIC, "softplus": SOFTPLUS, "sine": SINE, "gelu": GELU, "silu": SILU, "relu": RELU,
}  # fmt: skip
ODD_ACTIVATIONS = ("tanh", "sine")
LOSSES = {"cross-entropy": CROSS_ENTROPY, "mse": MSE, "bce": BCE, "auc": AUC, "contrastive": CONTRASTIVE}
# Those of the kernels of `_mlp_kernels`.
SIMPLE_ACTIVATIONS = ("tanh", "logistic")
SIMPLE_LOSSES = ("cross-entropy", "mse")
SHAPES = {"sigmoid": SIGMOID, "tanh": TANH_SHAPE, "squared-hinge": SQUARED_HINGE, "exponential": EXPONENTIAL}
# exp(beta) must not overflow.
_STEEPEST_EXPONENTIAL = 700.0
# Outputs of the AUC's other classes may change places, and all such permutations are tried.
_MOST_AUC_CLASSES = 5


@dataclass(frozen=True)
class MLPParameters:
    """The `[loss]` table of an mlp."""

    hidden: list[int] = setting([10], help="units of each hidden layer; [] for none", minimum=1)
    activation: str = setting(
        "tanh", help="activation of hidden units; relu has kinks, points on which are not stored",
        choices=tuple(ACTIVATIONS),
    )
    loss: str = setting(
        "cross-entropy", help="what is fitted. cross-entropy, mse; bce: two classes, one logistic output; auc: a "
        "surrogate of minus the area under the ROC curve; contrastive: an embedding, near for one class, far for two",
        choices=tuple(LOSSES),
    )
    lambda_: float = setting(
        1e-4, key="lambda", help="strength of the L2 term lambda |w|^2 (no factor 1/2)", minimum=0.0
    )
    regularise_biases: bool = setting(True, help="whether the L2 term includes the biases")
    positive: str | None = setting(
        None, help="class that auc ranks above the others and that bce gives probability p; unset: the last"
    )
    shape: str = setting(
        "sigmoid", help="of auc, f(u) for u = beta (p+ - p-). sigmoid: -1/(1 + exp(-u)); tanh: -tanh(u); "
        "squared-hinge: max(0, 1 - u)^2; exponential: exp(-u)", choices=tuple(SHAPES),
    )
    beta: float = setting(1.0, help="of auc, its steepness", above=0.0)
    margin: float = setting(
        1.0, help="of contrastive, distance below which two classes repel each other", above=0.0
    )
    embedding: int = setting(1, help="of contrastive, number of outputs", minimum=1)

    sharpness_radius: float = setting(
        0.0, help="rho of sharpness-aware minimisation: the loss of the data is taken at w + rho g / |g|, g its "
        "gradient at w; 0: off", minimum=0.0, unit="coordinate distance",
    )
    sharpness_floor: float = setting(
        1e-3, help="|g| below which g / |g| goes smoothly to zero; belongs to sharpness_radius", above=0.0
    )

    def __post_init__(self):
        problem = _alien_key(self) or _steepness_problem(self)
        if problem:
            raise ValueError(problem)


_BELONGS_TO = {
    "positive": ("auc", "bce"), "shape": ("auc",), "beta": ("auc",), "margin": ("contrastive",),
    "embedding": ("contrastive",),
}  # fmt: skip


def _alien_key(parameters: MLPParameters) -> str | None:
    """A sentence about a key that the loss does not read, or None."""
    for name, losses in _BELONGS_TO.items():
        if parameters.loss not in losses and getattr(parameters, name) != getattr(MLPParameters, name):
            wanted = " or ".join(f'"{loss}"' for loss in losses)
            return f'{name} belongs to loss = {wanted}, not "{parameters.loss}"; leave it out'
    return None


def _steepness_problem(parameters: MLPParameters) -> str | None:
    if parameters.shape == "exponential" and parameters.beta > _STEEPEST_EXPONENTIAL:
        return f"beta must be at most {_STEEPEST_EXPONENTIAL:g} with shape exponential, not {parameters.beta:g}"
    return None


def output_count(parameters: MLPParameters, data) -> int:
    """Outputs that the loss needs for these data; ConfigError if it cannot fit them."""
    loss = parameters.loss
    if data.labels is None:
        if loss != "mse":
            raise ConfigError(
                f'the target is numeric, which loss = "{loss}" cannot fit: use loss = "mse" in [loss]'
            )
        return 1
    classes = len(data.class_names)
    if loss == "bce":
        if classes != 2:
            raise ConfigError(
                f'{data.target_name} has {classes} classes, and loss = "bce" is for 2: use loss = "cross-entropy" '
                "in [loss]"
            )
        return 1
    if loss == "auc" and classes > _MOST_AUC_CLASSES:
        raise ConfigError(
            f'{data.target_name} has {classes} classes, and loss = "auc" is for {_MOST_AUC_CLASSES} at most: merge '
            "those that are not positive in the data"
        )
    return parameters.embedding if loss == "contrastive" else classes


def positive_class(parameters: MLPParameters, data) -> int:
    """Number of the class that is positive, the last by default; ConfigError if there is none of its name."""
    if data.labels is None or parameters.positive is None:
        return max(len(data.class_names) - 1, 0)
    if parameters.positive not in data.class_names:
        hint = suggestion(parameters.positive, data.class_names)
        raise ConfigError(f"[loss] positive {parameters.positive} is not a class of {data.target_name}; {hint}")
    return data.class_names.index(parameters.positive)


def _one_hot_or_numbers(data, outputs: int) -> np.ndarray:
    if data.labels is not None:
        return np.eye(outputs)[data.labels]
    return data.targets[:, None]


def pack(parameters: MLPParameters, data, widths: tuple[int, ...], positive: int) -> tuple[np.ndarray, np.ndarray]:
    """(reals, integers) of the kernels, as `_mlp_kernels` describes."""
    inputs = data.inputs()
    rows = inputs.shape[0]
    header = [
        rows,
        len(widths) - 1,
        ACTIVATIONS[parameters.activation],
        LOSSES[parameters.loss],
        int(parameters.regularise_biases),
        hessian_chunk(widths, rows),
        SHAPES[parameters.shape],
        positive,
        *widths,
    ]
    labels = data.labels if data.labels is not None else np.zeros(0, dtype=np.int64)
    integers = np.concatenate([np.array(header, dtype=np.int64), labels.astype(np.int64)])
    scale = parameters.margin if parameters.loss == "contrastive" else parameters.beta
    settings = [parameters.lambda_, scale, parameters.sharpness_radius, parameters.sharpness_floor]
    blocks = [np.array(settings), inputs.T.ravel(), np.ones(rows)]
    if parameters.loss == "mse":
        blocks.append(_one_hot_or_numbers(data, widths[-1]).T.ravel())
    return np.concatenate(blocks), integers
