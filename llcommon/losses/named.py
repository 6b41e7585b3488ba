"""One of the toolchain's own models as a landscape file names it: nothing of it is loaded before it is needed."""

from functools import cached_property

from llcommon.config import FreeTable
from llcommon.losses.base import LossModel


class NamedModel:
    """Answers what the file alone can tell; all else is asked of the model, which is built then.

    Whoever reads tables only needs no compiled kernels, whose loading takes longer than all the rest. Attributes: name,
    parameters, data, dimension, bounded, source (None).
    """

    source = None

    def __init__(self, name: str, parameters: FreeTable, data: object, dimension: int, bounded: bool) -> None:
        self.name = name
        self.parameters = parameters
        self.data = data
        self.dimension = dimension
        self.bounded = bounded

    @cached_property
    def _model(self) -> LossModel:
        from llcommon.losses import build

        return build(self.name, self.parameters.values, self.data)

    def ready(self) -> LossModel:
        """The model. Errors: as of `llcommon.losses.build`."""
        return self._model

    def __getattr__(self, name: str):
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._model, name)
