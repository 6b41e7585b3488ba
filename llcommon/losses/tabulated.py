"""A network that is known by its table only: losses and vibrations of its points, but neither a loss nor coordinates.

`llpathsample import` makes such landscapes from min.data and ts.data of other programs where there are no points. What
only looks at the network (list, show, stats, tree, path) works; what evaluates a loss says that there is none. Without
coordinates nothing tells whether two points of one loss are the same, so none are. Dimension 0.
"""

from dataclasses import dataclass

from llcommon.config import setting
from llcommon.errors import ConfigError
from llcommon.losses.base import LossModel


@dataclass(frozen=True)
class TabulatedParameters:
    """The `[loss]` table of a tabulated network."""

    degrees_of_freedom: int = setting(
        1, help="vibrational degrees of freedom of a minimum: the number of Hessian eigenvalues in its LPPHE", minimum=1
    )


class Tabulated(LossModel):
    """A loss that cannot be evaluated; see the module's docstring."""

    name = "tabulated"
    Parameters = TabulatedParameters
    takes_data = False
    symmetric = False

    def __init__(self, parameters: TabulatedParameters, data: None = None) -> None:
        self.parameters = parameters
        self.dimension = 0

    def ready(self) -> LossModel:
        """ConfigError: there is nothing to evaluate."""
        raise ConfigError(
            "this landscape was imported as a table, without coordinates and loss, so nothing can be evaluated or "
            "searched in it: use list, show, stats, tree and path, or import it again with its points and --model"
        )

    def degrees_of_freedom(self, x: object) -> int:
        """As the table's reader said, whatever x is."""
        return self.parameters.degrees_of_freedom

    def notes(self) -> list[str]:
        return ["imported as a table, without coordinates: nothing in it was verified"]

    def suite_keywords(self) -> tuple[str, ...]:
        """Any network of one coordinate more than there are degrees of freedom: for such PATHSAMPLE takes networks."""
        return (f"MLP3 {self.parameters.degrees_of_freedom} 1 1 1 0.0",)
