"""Permutations of the inputs and outputs of a perceptron that leave its loss as it is: by its data, or by its form.

The weights follow the data (`_data_symmetry`) where a permutation of features and classes maps the rows onto each
other. What that does to the outputs is for the loss to say: cross-entropy and mse have an output for each class; the
one output of bce changes sign with its two classes; the outputs of auc for classes that are not positive may change
places whatever the data are; an embedding does not ask which class is which, and one of a single output may be
negated.
"""

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from llcommon.losses._data_symmetry import data_permutations


@dataclass(frozen=True)
class Relabelling:
    """New input i is old input inputs[i], new output k is sign times old output outputs[k]."""

    inputs: np.ndarray
    outputs: np.ndarray
    sign: float = 1.0

    def applied(self, matrices: list[np.ndarray]) -> list[np.ndarray]:
        """Copies of the weight matrices (inputs + 1, outputs) of all layers under it."""
        images = [matrix.copy() for matrix in matrices]
        images[0][:-1] = images[0][:-1][self.inputs]
        images[-1] = self.sign * images[-1][:, self.outputs]
        return images


def relabellings(loss: str, inputs: np.ndarray, data, positive: int, outputs: int) -> list[Relabelling]:
    """All of them, the identity first. inputs: (n, d), as the network sees them; outputs: how many it has."""
    unchanged = np.arange(outputs)
    if data.labels is None:
        return [Relabelling(found.features, unchanged) for found in data_permutations(inputs, data.targets, 0)]
    classes = len(data.class_names)
    if loss == "auc" and classes > 2:
        found = data_permutations(inputs, (data.labels == positive).astype(np.float64), 0)
        return [Relabelling(one.features, order) for one in found for order in _others_moved(classes, positive)]
    found = data_permutations(inputs, data.labels, classes)
    if loss == "bce":
        return [Relabelling(one.features, unchanged, 1.0 if one.classes[0] == 0 else -1.0) for one in found]
    if loss == "contrastive":
        orders = sorted({tuple(one.features.tolist()) for one in found})
        # More outputs than one have rotations and reflections, see `_mlp_rotations`.
        signs = (1.0, -1.0) if outputs == 1 else (1.0,)
        return [Relabelling(np.array(order), unchanged, sign) for order in orders for sign in signs]
    return [Relabelling(one.features, one.classes) for one in found]


def _others_moved(classes: int, positive: int):
    """All orders of the outputs that leave the positive one in its place, the identity first."""
    others = [label for label in range(classes) if label != positive]
    for order in permutations(others):
        outputs = np.arange(classes)
        outputs[others] = order
        yield outputs
