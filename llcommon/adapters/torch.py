"""A PyTorch module with a loss function and fixed data as a loss model of the module's parameters.

    import torch
    from llcommon.adapters.torch import TorchLoss

    class MyNet(TorchLoss):
        def __init__(self, data, hidden=4, l2=1e-4):
            columns, classes = len(data.feature_names), len(data.class_names)
            layers = [torch.nn.Linear(columns, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, classes)]
            super().__init__(torch.nn.Sequential(*layers), torch.nn.functional.cross_entropy, data, l2=l2)

Everything is in double precision, in one thread, in evaluation mode (no dropout). Coordinates are the parameters that
require a gradient, in the order of `named_parameters`, flattened. Gradient: autograd; Hessian-vector product: double
backward; Hessian: its columns.
"""

from collections.abc import Callable

import numpy as np

try:
    import torch
except ImportError as error:
    raise ImportError("PyTorch is not installed: pip install 'loss-landscape-toolchain[torch]'") from error

torch.set_num_threads(1)  # sums in one order, and one core for each worker process


class TorchLoss:
    """L(x) = loss(module(inputs), targets) + l2 |x|^2; see the module's docstring.

    A subclass may override any method, and add others of a user's loss model, such as `images`.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
        data,
        *,
        targets=None,
        l2: float = 0.0,
    ) -> None:
        """module: becomes double, its parameters are left as they are. loss: of outputs and targets, a scalar tensor.

        data: the table of the `[data]` section, whose scaled features (n, d) are the inputs and whose labels (n,) int64
        or numeric targets (n, 1) the targets; or a pair (inputs, targets) of arrays or tensors. targets: in place of
        those of the table.
        """
        self.module = module.double().eval()
        self.loss = loss
        self.table = data if hasattr(data, "inputs") else None
        self.l2 = float(l2)
        if self.table is None:
            inputs, targets = data
        else:
            inputs = data.inputs()
            targets = _targets_of(data) if targets is None else targets
        self.inputs = _tensor(inputs)
        self.targets = _tensor(targets)
        named = [(name, value) for name, value in self.module.named_parameters() if value.requires_grad]
        self._names = [name for name, _ in named]
        self._shapes = [value.shape for _, value in named]
        self._sizes = [value.numel() for _, value in named]
        self.dimension = sum(self._sizes)
        self._batched = True

    # --- what a loss model needs ----------------------------------------------------------

    def value_and_gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """L(x) and its gradient, (N,)."""
        point = self._point(x)
        value = self._value(point)
        (gradient,) = torch.autograd.grad(value, point)
        return value.item(), gradient.numpy()

    def hessian_vector(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The Hessian at x times v, (N,)."""
        point = self._point(x)
        gradient = self._differentiable_gradient(point)
        if not gradient.requires_grad:  # the loss is linear
            return np.zeros(self.dimension)
        return torch.autograd.grad(gradient, point, _tensor(v))[0].numpy()

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """The Hessian at x, (N, N), from its products with the unit vectors."""
        point = self._point(x)
        gradient = self._differentiable_gradient(point)
        if not gradient.requires_grad:
            return np.zeros((self.dimension, self.dimension))
        units = torch.eye(self.dimension, dtype=torch.float64)
        if self._batched:
            try:
                return torch.autograd.grad(gradient, point, units, retain_graph=True, is_grads_batched=True)[0].numpy()
            except RuntimeError:
                self._batched = False  # an operation of the module knows no batches of vectors: one by one
        rows = [torch.autograd.grad(gradient, point, unit, retain_graph=True)[0] for unit in units]
        return torch.stack(rows).numpy()

    def random_start(self, rng: np.random.Generator) -> np.ndarray:
        """The module initialised anew as PyTorch does it; parameters that have no such way: independent normal."""
        start = rng.standard_normal(self.dimension)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**62)))
            for prefix, part in self.module.named_modules():
                if hasattr(part, "reset_parameters"):
                    part.reset_parameters()
                    self._copy_own(prefix, part, start)
        return start

    def coordinate_names(self) -> list[str]:
        """Name of the parameter and place in it, such as 0.weight[1,2]."""
        names = []
        for name, shape in zip(self._names, self._shapes, strict=True):
            names += [f"{name}[{','.join(map(str, place))}]" for place in np.ndindex(*shape)]
        return names

    # --- predictions ------------------------------------------------------------------------

    def outputs(self, x: np.ndarray, features: np.ndarray) -> torch.Tensor:
        """What the module makes of raw feature rows (n, d) of the table."""
        with torch.no_grad():
            return self._call(torch.tensor(x), _tensor(self.table.transform(features)))

    def predict(self, x: np.ndarray, features: np.ndarray) -> np.ndarray | None:
        """Class probabilities, (n, classes), for a table with classes; otherwise outputs; None without a table."""
        if self.table is None:
            return None
        logarithms = self.log_probabilities(x, features)
        return self.outputs(x, features).numpy() if logarithms is None else np.exp(logarithms)

    def log_probabilities(self, x: np.ndarray, features: np.ndarray) -> np.ndarray | None:
        """Log-softmax of the outputs, (n, classes), for a table with classes; a single output is the log odds."""
        if self.table is None or self.table.labels is None:
            return None
        outputs = self.outputs(x, features)
        if outputs.ndim == 1 or outputs.shape[1] == 1:
            odds = outputs.reshape(-1, 1)
            return torch.nn.functional.logsigmoid(torch.cat([-odds, odds], dim=1)).numpy()
        return torch.log_softmax(outputs, dim=1).numpy()

    def named_arrays(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Parameters by name, in their shapes."""
        pieces = np.split(np.array(x, dtype=np.float64), np.cumsum(self._sizes)[:-1])
        return {name: part.reshape(shape) for name, part, shape in zip(self._names, pieces, self._shapes, strict=True)}

    def torch_state(self, x: np.ndarray) -> dict[str, np.ndarray] | None:
        """State of the module at x, for `load_state_dict`; None if its inputs are scaled features of a table."""
        scaled = self.table is not None and (self.table.shift.any() or (self.table.scale != 1.0).any())
        if self.table is None or scaled:
            return None
        state = {name: value.detach().numpy() for name, value in self.module.state_dict().items()}
        return state | self.named_arrays(x)

    # --- inside -----------------------------------------------------------------------------

    def _point(self, x: np.ndarray) -> torch.Tensor:
        return torch.tensor(x, dtype=torch.float64, requires_grad=True)

    def _call(self, point: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        """The module with its parameters from a flat tensor."""
        pieces = zip(self._names, point.split(self._sizes), self._shapes, strict=True)
        return torch.func.functional_call(self.module, {name: part.view(shape) for name, part, shape in pieces}, inputs)

    def _value(self, point: torch.Tensor) -> torch.Tensor:
        outputs = self._call(point, self.inputs)
        if self.targets.is_floating_point() and outputs.shape != self.targets.shape:
            # Most losses would make a matrix of differences of two columns, and its mean.
            shapes = f"{tuple(outputs.shape)} and {tuple(self.targets.shape)}"
            raise ValueError(f"outputs and targets must have the same shape, not {shapes}")
        value = self.loss(outputs, self.targets)
        return value + self.l2 * (point @ point) if self.l2 else value

    def _differentiable_gradient(self, point: torch.Tensor) -> torch.Tensor:
        return torch.autograd.grad(self._value(point), point, create_graph=True)[0]

    def _copy_own(self, prefix: str, part: torch.nn.Module, start: np.ndarray) -> None:
        """Put the parameters that a module holds itself in their places."""
        offsets = dict(zip(self._names, np.cumsum([0, *self._sizes[:-1]]), strict=True))
        for name, value in part.named_parameters(recurse=False):
            full = f"{prefix}.{name}" if prefix else name
            if full in offsets:
                start[offsets[full] : offsets[full] + value.numel()] = value.detach().numpy().ravel()


def _targets_of(table) -> np.ndarray:
    return table.labels if table.labels is not None else table.targets[:, None]


def _tensor(values) -> torch.Tensor:
    """A tensor of its own; floating-point numbers in double precision, whole ones in 64 bits."""
    tensor = values.detach().clone() if isinstance(values, torch.Tensor) else torch.tensor(np.array(values))
    return tensor.double() if tensor.is_floating_point() else tensor.long()
