"""The search methods by name."""

from llcommon.losses.base import LossModel
from llcommon.settings import Settings
from llgmin.genetic import Genetic
from llgmin.hopping import BasinHopping
from llgmin.multistart import MultiStart
from llgmin.tempering import ParallelTempering
from llgmin.walker import Method

METHODS = {cls.kind: cls for cls in (BasinHopping, ParallelTempering, MultiStart, Genetic)}


def method_of(model: LossModel, settings: Settings) -> Method:
    """The method that [search] names, for a model; ConfigError for settings that it cannot take."""
    return METHODS[settings.search.method](model, settings)
