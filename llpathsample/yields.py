"""What the batches of each strategy have yielded, at what cost.

Costs are counted, not measured, so that what is chosen by them is the same on any machine: loss and gradient or a
Hessian-vector product 1, a Hessian 10, a way of a loss of pieces 100, the start of a process 20 000, as much as the
searches of a few pairs of a small network. CPU seconds are measured beside it, and decide nothing.
"""

from dataclasses import asdict, dataclass, field

_HESSIAN = 10
_WAY = 100
_START = 20_000
_JOINED = 5  # what a component that is joined to another counts, in new points
_KEPT = 0.8  # of the weight of what lies back, for each further batch


def cost_of(counters: dict[str, int]) -> int:
    """The counted cost of a batch."""
    cost = _START + _WAY * counters.get("ways", 0)
    for name, number in counters.items():
        if name.endswith(" evaluations"):
            cost += number
        elif name.endswith(" hessians"):
            cost += _HESSIAN * number
    return cost


@dataclass
class Yield:
    """Of one strategy: batches, pairs; new minima and TS, components joined to another; cost.

    recent_gain, recent_cost: weighted sums of the latest batches. last: number of the batch that was chosen last, -1
    before the first. cpu: seconds of the processes of this run.
    """

    batches: int = 0
    pairs: int = 0
    minima: int = 0
    states: int = 0
    joined: int = 0
    cost: int = 0
    recent_gain: float = 0.0
    recent_cost: float = 0.0
    last: int = -1
    cpu: float = field(default=0.0, compare=False)

    @property
    def rate(self) -> float:
        """What the latest batches yielded for their cost; infinite before any is known."""
        return self.recent_gain / self.recent_cost if self.recent_cost else float("inf")

    def report(self) -> dict:
        """What a user is told of it, by name."""
        return {
            "batches": self.batches,
            "pairs": self.pairs,
            "new_minima": self.minima,
            "new_transition_states": self.states,
            "components_joined": self.joined,
            "counted_cost": self.cost,
            "cpu_seconds_of_this_run": round(self.cpu, 3),
        }

    def add(self, pairs: int, minima: int, states: int, joined: int, cost: int, cpu: float) -> None:
        """Note what a batch yielded."""
        self.batches += 1
        self.pairs += pairs
        self.minima += minima
        self.states += states
        self.joined += joined
        self.cost += cost
        self.cpu += cpu
        self.recent_gain = _KEPT * self.recent_gain + minima + states + _JOINED * joined
        self.recent_cost = _KEPT * self.recent_cost + cost


class Yields:
    """Of all strategies that chose a batch, by name."""

    def __init__(self) -> None:
        self.by_name: dict[str, Yield] = {}

    def of(self, name: str) -> Yield:
        """Of one strategy."""
        return self.by_name.setdefault(name, Yield())

    def state(self) -> dict:
        """JSON-able, for `restore`; without measured times."""
        return {name: {**asdict(found), "cpu": 0.0} for name, found in sorted(self.by_name.items())}

    def restore(self, state: dict) -> None:
        """Go on as from a checkpoint."""
        self.by_name = {name: Yield(**values) for name, values in state.items()}
