"""What a comparison of ensembles is asked to do."""

from dataclasses import dataclass

from llcommon.store import Landscape
from llpathsample.ensembles import baselines


@dataclass(frozen=True)
class Options:
    """choose, combine: names. size: members of each ensemble. draws: of random members. temperature: of weights by loss
    and occupation, None for the default. trained: whether networks of scikit-learn are compared with."""

    choose: tuple[str, ...]
    combine: tuple[str, ...]
    size: int
    draws: int
    seed: int
    temperature: float | None = None
    trained: bool = True

    def identity(self) -> list:
        """What decides the scores, JSON-able."""
        return [
            list(self.choose), list(self.combine), self.size, self.draws, self.seed, self.temperature, self.trained
        ]

    def networks(self, landscape: Landscape) -> dict[str, list]:
        """Networks of scikit-learn, `size` of each kind; none if not wanted, or if it has none like the landscape's."""
        if not self.trained or baselines.unfitted(landscape, self.seed) is None:
            return {}
        return {kind: baselines.trained(landscape, kind, self.size, self.seed) for kind in baselines.KINDS}
