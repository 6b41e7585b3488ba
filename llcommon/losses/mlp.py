"""Multilayer perceptrons with an L2 term.

    z_1 = W_1^T x + b_1,  z_{l+1} = W_{l+1}^T f(z_l) + b_{l+1},  l = 1 .. h       (h hidden layers, also none)
    cross-entropy:  L = -(1/n) sum_d ln softmax(z)_{d, class(d)}                    + lambda |w|^2
    mse:            L =  (1/n) sum_d |z_d - t_d|^2                                  + lambda |w|^2
    bce:            L =  (1/n) sum_d ln(1 + exp(-z_d)) if d is positive, else ln(1 + exp(z_d))  + lambda |w|^2
    auc:            L =  (1/PN) sum over positive i, negative j of f(beta (p_i - p_j))  + lambda |w|^2
    contrastive:    L =  mean over pairs of D^2 or max(0, margin - D)^2             + lambda |w|^2   (`_mlp_pairs`)

and with a sharpness radius the mean of the data is taken at the end of a step uphill (`_mlp_sharp`);
f is one of `_mlp_activations`. |w|^2 runs over all weights and biases (no factor 1/2, as in the MLPVB3
potential of GMIN), or without the biases. With a class target and mse, t is one-hot. In auc, p is the softmax
probability of the positive class, and its shape sigmoid is the AUCMLPVB3 potential of GMIN.

Dimension N = sum over layers of (inputs + 1) * outputs. Coordinates: see `_mlp_kernels`.
Symmetry: permutations of the units of each hidden layer, and signs for tanh and sine; also those of inputs and
outputs of `_mlp_relabelling`, which measured data hardly has.
Adding a constant to all outgoing weights of a last hidden unit, or to all output biases, leaves a
softmax unchanged: those directions have curvature 2 lambda, and are zero modes where no L2 term acts. The biases of an
embedding are zero modes where no L2 term acts on them.
"""

import numpy as np

from llcommon.losses import _mlp_export as export
from llcommon.losses import _mlp_rotations as rotations
from llcommon.losses import _mlp_symmetry as symmetry
from llcommon.losses._invariants import of_perceptron
from llcommon.losses._mlp_hessian import hessian_workspace, mlp_hessian
from llcommon.losses._mlp_kernels import mlp_hessian_vector, mlp_kernel, mlp_rows, vector_workspace
from llcommon.losses._mlp_plain import VALUES, classes_meet, layers_of, sign_changes_near
from llcommon.losses._mlp_relabelling import relabellings
from llcommon.losses._mlp_setup import (
    ODD_ACTIVATIONS,
    SIMPLE_ACTIVATIONS,
    SIMPLE_LOSSES,
    MLPParameters,
    output_count,
    pack,
    positive_class,
)
from llcommon.losses.base import LossModel
from llcommon.seam import first_class


class MLP(LossModel):
    """A multilayer perceptron on a table of data; see the module's docstring."""

    name = "mlp"
    Parameters = MLPParameters
    suggested_step = 2.0
    suggested_temperature = 1e-3

    def __init__(self, parameters: MLPParameters, data) -> None:
        self.parameters = parameters
        self.data = data
        inputs = data.inputs()
        outputs = output_count(parameters, data)
        self.positive = positive_class(parameters, data)
        self.widths = (inputs.shape[1], *parameters.hidden, outputs)
        self.odd = parameters.activation in ODD_ACTIVATIONS
        self.smooth = parameters.activation != "relu"
        self.ranked_class = self.positive if parameters.loss == "auc" else None
        self.softmax = parameters.loss in ("cross-entropy", "auc")
        pairs = zip(self.widths[:-1], self.widths[1:], strict=True)
        self.dimension = sum((a + 1) * b for a, b in pairs)
        self.reals, self.integers = pack(parameters, data, self.widths, self.positive)
        self.relabellings = relabellings(parameters.loss, inputs, data, self.positive, outputs)
        self._modes = self._gauge()
        # More than one output of an embedding: its rotations and reflections are a symmetry.
        self.rotates = parameters.loss == "contrastive" and outputs > 1
        self.rows = len(inputs)
        self.rows_kernel = first_class(mlp_rows)
        self._choose_kernels()
        self.workspace = np.empty(self._vector_size)

    def _choose_kernels(self) -> None:
        """Kernels and the sizes of their workspaces; uncommon ones are imported, and compiled, when needed."""
        sharp = self.parameters.sharpness_radius > 0.0
        simple = self.parameters.activation in SIMPLE_ACTIVATIONS and self.parameters.loss in SIMPLE_LOSSES
        if simple and not sharp:
            self.kernel = first_class(mlp_kernel)
            self.hessian_kernel = first_class(mlp_hessian)
            self.hessian_vector_kernel = first_class(mlp_hessian_vector)
            self._vector_size = vector_workspace(self.widths, self.rows)
            self._hessian_size = hessian_workspace(self.widths, self.rows)
            return
        if sharp:
            from llcommon.losses import _mlp_sharp as kind

            self.hessian_noise = kind.HESSIAN_NOISE
            self.kernel = first_class(kind.sharp_kernel)
            self.hessian_kernel = first_class(kind.sharp_hessian)
            self.hessian_vector_kernel = first_class(kind.sharp_hessian_vector)
            self._vector_size = kind.sharp_workspace(self.widths, self.rows, self.dimension)
            self._hessian_size = self.dimension + self._vector_size
            return
        from llcommon.losses import _mlp_general as general
        from llcommon.losses import _mlp_general_hessian as dense

        self.kernel = first_class(general.general_kernel)
        self.hessian_kernel = first_class(dense.general_hessian)
        self.hessian_vector_kernel = first_class(general.general_hessian_vector)
        self._vector_size = general.general_workspace(self.widths, self.rows)
        self._hessian_size = dense.general_hessian_workspace(self.integers, self.dimension)

    def hessian_packed(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The packed arguments with the larger workspace of the dense Hessian, made at first need."""
        size = max(self._vector_size, self._hessian_size)
        if self.workspace.size < size:
            self.workspace = np.empty(size)
        return self.packed

    def matrices(self, x: np.ndarray) -> list[np.ndarray]:
        """The weight matrices (inputs + 1, outputs) of x, last row the biases; views."""
        return symmetry.split(np.asarray(x, dtype=np.float64), self.widths)

    def _gauge(self) -> np.ndarray:
        """Directions of a softmax, or shifts of an embedding, that no L2 term lifts, shape (number, N)."""
        free_weights = self.parameters.lambda_ == 0.0
        free_biases = free_weights or not self.parameters.regularise_biases
        outputs = self.widths[-1]
        modes = []
        if self.softmax:
            rows = range(self.widths[-2] + 1)
            modes = [(row, slice(None)) for row in rows if free_weights or (free_biases and row == rows[-1])]
        elif self.parameters.loss == "contrastive" and free_biases:
            modes = [(-1, output) for output in range(outputs)]
        directions = np.zeros((len(modes), self.dimension))
        for direction, place in zip(directions, modes, strict=True):
            self.matrices(direction)[-1][place] = 1.0 / np.sqrt(outputs) if self.softmax else 1.0
        return directions

    def zero_modes(self, x: np.ndarray) -> np.ndarray:
        """Directions of a softmax, or shifts of an embedding, that no L2 term lifts, the same everywhere; and rotations
        of an embedding, which turn with x. Shape (number, N)."""
        if not self.rotates:
            return self._modes.copy()
        turning = rotations.directions(self.matrices(x)[-1], len(self._modes) > 0)
        modes = np.zeros((len(turning), self.dimension))
        for mode, direction in zip(modes, turning, strict=True):
            self.matrices(mode)[-1][:] = direction
        return np.vstack([self._modes, modes])

    def on_kink(self, x: np.ndarray, tolerance: float) -> bool:
        """Of relu: where the argument of a unit changes sign for a row of the data; of contrastive: where two rows of
        different class and features meet."""
        parameters = self.parameters
        if self.smooth and parameters.loss != "contrastive":
            return False
        inputs = self.data.inputs()
        layers = layers_of(self.matrices(x), inputs, parameters.activation)
        if not self.smooth and sign_changes_near(layers, tolerance):
            return True
        return parameters.loss == "contrastive" and classes_meet(layers, inputs, self.data.labels, tolerance)

    def cautions(self) -> list[str]:
        found = []
        if self.parameters.lambda_ == 0.0:
            found.append("lambda = 0 lets minima run off to infinity; quenches that leave [quench] radius fail")
        if not self.smooth:
            found.append("relu has kinks; what lies on one is not stored, as minimum or as transition state")
        return found

    def notes(self) -> list[str]:
        if self.parameters.sharpness_radius == 0.0:
            return []
        return ["second derivatives of a sharpness-aware loss are differences of its gradient, to nine digits"]

    def penalty_curvature(self) -> np.ndarray:
        curvature = np.full(self.dimension, 2.0 * self.parameters.lambda_)
        if not self.parameters.regularise_biases:
            for matrix in self.matrices(curvature):
                matrix[-1] = 0.0
        return curvature

    def rotating_blocks(self) -> list[np.ndarray]:
        """For every hidden unit the weights into it with its bias, and the weights out of the last hidden units."""
        places = self._places()
        blocks = [column for matrix in places[:-1] for column in matrix.T]
        if len(places) > 1:
            blocks += list(places[-1][:-1])
        return blocks

    def _places(self) -> list[np.ndarray]:
        """The weight matrices (inputs + 1, outputs) with the index of each coordinate in its place."""
        return [matrix.astype(np.int64) for matrix in self.matrices(np.arange(self.dimension))]

    def layers(self) -> list[np.ndarray]:
        """The weights into each layer with its biases."""
        return [places.ravel() for places in self._places()]

    def units(self) -> list[np.ndarray]:
        """For every hidden unit all weights into and out of it with its bias; without hidden units every output's."""
        places = self._places()
        if len(places) == 1:
            return list(places[0].T)
        pairs = zip(places[:-1], places[1:], strict=True)
        return [
            np.concatenate([below[:, unit], above[unit]])
            for below, above in pairs
            for unit in range(below.shape[1])
        ]

    def fans(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return [(places[:-1], places[-1]) for places in self._places()]

    def coordinate_names(self) -> list[str]:
        """layer/from/to of each weight: layers from 1, features and classes by name, units from 0, `bias` for one."""
        hidden = [[f"unit{number}" for number in range(units)] for units in self.widths[1:-1]]
        places = [list(self.data.feature_names), *hidden, self._output_names()]
        names = []
        for layer, (below, above) in enumerate(zip(places[:-1], places[1:], strict=True), start=1):
            names += [f"{layer}/{source}/{target}" for source in [*below, "bias"] for target in above]
        return names

    def _output_names(self) -> list[str]:
        if self.parameters.loss == "contrastive":
            return [f"embedding{number}" for number in range(self.widths[-1])]
        return [self.data.class_names[self.positive]] if self.parameters.loss == "bce" else self.output_names()

    def random_start(self, rng: np.random.Generator) -> np.ndarray:
        """Independent normal weights of unit variance."""
        return rng.standard_normal(self.dimension)

    def special_starts(self, rng: np.random.Generator) -> list[np.ndarray]:
        """A network of tiny weights: below it lies the collapsed minimum, if there is one, in a small basin."""
        return [1e-2 * rng.standard_normal(self.dimension)]

    def log_group_order(self) -> float:
        """Of the finite part: rotations of an embedding are left out, its reflections count as two."""
        finite = len(self.relabellings) * (2 if self.rotates else 1)
        return symmetry.log_group_order(self.widths, self.odd) + float(np.log(finite))

    def align(self, reference: np.ndarray, x: np.ndarray) -> np.ndarray:
        """As of the base class; along zero modes, of which the loss knows nothing, x goes to where reference is."""
        images = [relabelling.applied(self.matrices(x)) for relabelling in self.relabellings]
        aligned = [self._aligned(reference, image) for image in images]
        return aligned[_nearest(reference, aligned)]

    def carried(self, reference: np.ndarray, x: np.ndarray, points: np.ndarray) -> np.ndarray | None:
        """As of the base class; None for an embedding, which turns."""
        if self.rotates:
            return None
        images = [relabelling.applied(self.matrices(x)) for relabelling in self.relabellings]
        operations = [self._operations(reference, image) for image in images]
        moved = [symmetry.join(symmetry.apply(*pair)) for pair in zip(images, operations, strict=True)]
        shifts = [self._modes.T @ (self._modes @ (reference - image)) for image in moved]
        best = _nearest(reference, [image + shift for image, shift in zip(moved, shifts, strict=True)])
        relabelled = (self.relabellings[best].applied(self.matrices(point)) for point in points)
        found = [symmetry.join(symmetry.apply(matrices, operations[best])) + shifts[best] for matrices in relabelled]
        return np.array(found).reshape(-1, self.dimension)

    def _aligned(self, reference: np.ndarray, matrices: list[np.ndarray]) -> np.ndarray:
        """The nearest image under operations of hidden units and shifts along zero modes."""
        modes = self._modes
        if self.rotates:
            return symmetry.join(rotations.align(self.matrices(reference), matrices, self.odd, len(modes) > 0))
        image = symmetry.join(symmetry.apply(matrices, self._operations(reference, matrices)))
        return image + modes.T @ (modes @ (reference - image)) if len(modes) else image

    def _operations(self, reference: np.ndarray, matrices: list[np.ndarray]) -> list[symmetry.SignedPermutation]:
        """The operations of hidden units that bring the matrices nearest to the reference."""
        modes = self._modes
        if not len(modes):
            return symmetry.best_operations(self.matrices(reference), matrices, self.odd)
        # The space of the zero modes is its own image: units are matched by what is across it.
        x = symmetry.join(matrices)
        target = self.matrices(reference - modes.T @ (modes @ reference))
        return symmetry.best_operations(target, self.matrices(x - modes.T @ (modes @ x)), self.odd)

    def canonical(self, x: np.ndarray) -> np.ndarray:
        matrices = self.matrices(x)
        images = [symmetry.canonical(image.applied(matrices), self.odd) for image in self.relabellings]
        if self.rotates:
            images = [[*image[:-1], rotations.canonical(image[-1], len(self._modes) > 0)] for image in images]
        return min((symmetry.join(image) for image in images), key=lambda image: image.tolist())

    def embedding(self, x: np.ndarray) -> np.ndarray:
        """As of layers of units that may change places and sign; the least and the greatest over all relabellings of
        inputs and outputs. Zero modes are left out, and of the outputs of an embedding, which turn, the lengths are
        taken."""
        x = np.asarray(x, dtype=np.float64)
        matrices = self.matrices(x - self._modes.T @ (self._modes @ x))
        images = [relabelling.applied(matrices) for relabelling in self.relabellings]
        invariants = [of_perceptron(image, self.odd) for image in images]
        if self.rotates:
            lengths = [np.linalg.norm(image[-1], axis=1) for image in images]
            bare = [[*image[:-1], np.zeros((len(image[-1]), 1))] for image in images]
            invariants = [
                np.concatenate([of_perceptron(rest, self.odd), np.sort(size[:-1]), size[-1:]])
                for rest, size in zip(bare, lengths, strict=True)
            ]
        if len(invariants) == 1:
            return invariants[0]
        # Each is 1-Lipschitz, and the set of all is the same for all images.
        return np.concatenate([np.min(invariants, axis=0), np.max(invariants, axis=0)]) * np.sqrt(0.5)

    def random_image(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        operations = []
        for units in self.parameters.hidden:
            signs = rng.choice([-1.0, 1.0], size=units) if self.odd else np.ones(units)
            operations.append(symmetry.SignedPermutation(rng.permutation(units), signs))
        relabelling = self.relabellings[rng.integers(len(self.relabellings))]
        images = symmetry.apply(relabelling.applied(self.matrices(x)), operations)
        if self.rotates:
            images[-1] = images[-1] @ rotations.random_rotation(self.widths[-1], rng)
        return symmetry.join(images)

    def asymmetric_directions(self, x: np.ndarray, tolerance: float) -> np.ndarray:
        """Those of dead units and of sets of equal units; symmetries that move inputs and outputs are left out."""
        places = self._places()
        directions = [np.empty((0, self.dimension))]
        for below, above in zip(places[:-1], places[1:], strict=True):
            units = np.concatenate([below, above[:-1].T]).T
            for contrast in symmetry.contrasts(x[units], self.odd, tolerance):
                rows = np.zeros((units.shape[1], self.dimension))
                for unit, share in enumerate(contrast):
                    rows[np.arange(len(rows)), units[unit]] = share
                directions.append(rows)
        stacked = np.concatenate(directions)
        if len(places) <= 2 or not len(stacked):
            return stacked
        # Weights between two hidden layers belong to a unit of either.
        _, sizes, rows = np.linalg.svd(stacked, full_matrices=False)
        return rows[sizes > 0.5]

    def stabiliser_order(self, x: np.ndarray, tolerance: float) -> int:
        order = symmetry.stabiliser_order(self.matrices(x), self.odd, tolerance)
        # Operations that move inputs and outputs too, up to one of the hidden units: so many cosets as there are
        # relabelled images of x that the hidden units can undo.
        cosets = 1
        matrices = self.matrices(x)
        for relabelling in self.relabellings[1:]:
            undone = self._aligned(x, relabelling.applied(matrices))
            cosets += bool(np.abs(undone - x).max() <= tolerance)
        if self.rotates and rotations.reflected(matrices[-1], len(self._modes) > 0):
            order *= 2
        return order * cosets

    def _last_outputs(self, x: np.ndarray, features: np.ndarray) -> np.ndarray:
        """z of the last layer for raw feature rows, shape (n, outputs)."""
        inputs = self.data.transform(features)
        return layers_of(self.matrices(x), inputs, self.parameters.activation)[-1][1]

    def predict(self, x: np.ndarray, features: np.ndarray) -> np.ndarray | None:
        """Class probabilities, shape (n, classes), or outputs (mse) for raw feature rows; None for contrastive, which
        predicts no class."""
        if self.parameters.loss == "contrastive":
            return None
        logarithms = self.log_probabilities(x, features)
        return self._last_outputs(x, features) if logarithms is None else np.exp(logarithms)

    def log_probabilities(self, x: np.ndarray, features: np.ndarray) -> np.ndarray | None:
        """Log-softmax of the outputs, shape (n, classes), that of z and 0 for bce; None for mse and contrastive."""
        return self._logarithms(self._last_outputs(x, features), 1)

    def substituted(self, x: np.ndarray, features: np.ndarray, column: int, values: np.ndarray) -> np.ndarray | None:
        """As of the base class, from the arguments of the first layer, to which a column only adds."""
        if self.parameters.loss == "contrastive":
            return None
        matrices = self.matrices(x)
        inputs = self.data.transform(features)
        arguments = inputs @ matrices[0][:-1] + matrices[0][-1]
        scaled = (values - self.data.shift[column]) / self.data.scale[column]
        change = scaled[:, None] - inputs[:, column]
        moved = (arguments + change[:, :, None] * matrices[0][column]).reshape(-1, matrices[0].shape[1])
        if len(matrices) > 1:
            activation = self.parameters.activation
            moved = layers_of(matrices[1:], VALUES[activation](moved), activation)[-1][1]
        # Few outputs of many rows: sums along the longer axis are several times as fast.
        columns = np.ascontiguousarray(moved.T)
        logarithms = self._logarithms(columns, 0)
        columns = columns if logarithms is None else logarithms
        return np.moveaxis(columns.reshape(-1, len(values), len(features)), 0, -1)

    def _logarithms(self, outputs: np.ndarray, axis: int) -> np.ndarray | None:
        """ln p of the outputs of the last layer, classes along an axis of two; None where they are none."""
        if self.parameters.loss == "bce":
            outputs = np.insert(outputs, 1 - self.positive, 0.0, axis=axis)
        elif not self.softmax:
            return None
        below_largest = outputs - outputs.max(axis=axis, keepdims=True)
        return below_largest - np.log(np.exp(below_largest).sum(axis=axis, keepdims=True))

    def named_arrays(self, x: np.ndarray) -> dict[str, np.ndarray]:
        return export.named_arrays(self.matrices(x))

    def _raw_matrices(self, x: np.ndarray) -> list[np.ndarray]:
        """The weight matrices of x for raw features."""
        return export.raw_matrices(self.matrices(x), self.data.shift, self.data.scale)

    def scikit_learn(self, x: np.ndarray):
        """MLPClassifier, or for mse MLPRegressor; None for activations that scikit-learn lacks and for embeddings."""
        matrices = self._raw_matrices(x)
        settings = self.parameters
        if settings.loss == "mse":
            return export.scikit_regressor(matrices, settings.activation, settings.lambda_, self.rows)
        if settings.loss == "contrastive":
            return None
        if settings.loss == "bce" and self.positive == 0:
            matrices[-1] *= -1.0  # an output is the log odds of the second class there
        classes = self.data.class_names
        return export.scikit_classifier(matrices, settings.activation, classes, settings.lambda_, self.rows)

    def torch_state(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Of `Sequential(Linear, activation, Linear, ...)`, whose outputs are z of the last layer."""
        return export.torch_state(self._raw_matrices(x))

    def suite_order(self) -> np.ndarray | None:
        """That of MLPVB3; None unless there is one hidden layer."""
        return export.suite_order(self.widths)

    def suite_keywords(self) -> tuple[str, ...] | None:
        """MLPVB3 or AUCMLPVB3; None for what they cannot be."""
        return export.suite_keywords(self.parameters, self.widths, self.rows, self.ranked_class)


def _nearest(reference: np.ndarray, images: list[np.ndarray]) -> int:
    """The number of the image nearest to reference, the first of equal ones."""
    return int(np.argmin([np.linalg.norm(image - reference) for image in images]))
