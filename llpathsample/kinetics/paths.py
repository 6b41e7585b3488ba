"""The paths from B to A that contribute most to the steady-state rate constant.

k_SS is the sum over all walks that leave a minimum b of B, do not come back to B, and end where they first come to A,
of p_b k(v_1 <- b) P(v_2 <- v_1) ... (Wales, J. Chem. Phys. 130, 204111, 2009). A path, which meets no minimum twice, is
one of these walks; the paths are ranked by it. Most walks are no paths, since what is between rattles to and fro before
it goes on. Every walk becomes one path when its loops are erased in the order in which they close (G. F. Lawler, Duke
Math. J. 47, 655, 1980), so the contributions of paths with all their returns add up to k_SS exactly. With W the
equilibrium flows and Pi_B the weight of B they are

    W(b, v_1) / Pi_B  prod_i W(v_i, v_i+1) / s_i,

where s_i is the sum of flows from v_i: of all, for the path alone; with returns, of those that are left after all
minima but v_1 ... v_i, A and B have been taken out of the network.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logsumexp

from llpathsample.kinetics.reduction import log_mesh, taken_out
from llpathsample.kinetics.returning import most_travelled
from llpathsample.kinetics.shortest import Graph, shortest_paths
from llpathsample.kinetics.steps import Steps, steps_of
from llpathsample.ktn import Network
from llpathsample.network import lowest_barrier_path

# Contributions with returns cost the cube of the number of minima on all paths, for each path: seconds at this many.
_MOST_WORK = 1e8
# Beginnings of paths that are followed for those of the largest contributions with returns.
MOST_SEARCHES = 3000


@dataclass(frozen=True)
class KineticPath:
    """minima: ids from B to A. states: the TS of every step that most goes over. highest: the highest of these;
    barrier: its loss. log_contribution: ln of what the path contributes to k_SS. log_with_returns: the same of all
    walks that become it when their loops are erased; NaN if it was not computed."""

    minima: list[int]
    states: list[int]
    highest: int
    barrier: float
    log_contribution: float
    log_with_returns: float

    def renumbered(self, ids: np.ndarray, state_ids: np.ndarray) -> "KineticPath":
        """The path with other ids: those of each minimum (n,) and of each TS (m,)."""
        minima, states = ids[self.minima].tolist(), state_ids[self.states].tolist()
        return replace(self, minima=minima, states=states, highest=int(state_ids[self.highest]))


@dataclass(frozen=True)
class FastestPaths:
    """log_rate: ln k_SS from B to A. paths: by falling contribution, alone or with returns. lowest: the path whose
    highest TS is lowest."""

    temperature: float
    log_rate: float
    paths: list[KineticPath]
    lowest: KineticPath

    def renumbered(self, ids: np.ndarray, state_ids: np.ndarray) -> "FastestPaths":
        """The paths with other ids: those of each minimum (n,) and of each TS (m,)."""
        paths = [path.renumbered(ids, state_ids) for path in self.paths]
        return replace(self, paths=paths, lowest=self.lowest.renumbered(ids, state_ids))


def fastest_paths(
    network: Network,
    temperature: float,
    products: np.ndarray,
    reactants: np.ndarray,
    most: int = 1,
    returning: bool = False,
) -> FastestPaths:
    """Up to `most` paths from B (reactants) to A (products), each joined to the other by TS: ids of minima.

    returning: by their contributions with returns in place of those of the paths alone. That takes a committor for each
    beginning of a path that is followed, and gives fewer paths, perhaps none, if MOST_SEARCHES of these do not suffice.
    """
    steps = steps_of(network, temperature)
    if returning:
        chosen = most_travelled(steps, products, reactants, most, MOST_SEARCHES)
    else:
        chosen = _largest(steps, products, reactants, most)
    paths = [_described(network, steps, list(nodes), reactants) for nodes in chosen]
    chain, states = lowest_path(network, products, reactants)
    lowest = replace(_described(network, steps, chain, reactants), states=states)
    highest = max(states, key=lambda state: (network.ts_losses[state], -state))
    lowest = replace(lowest, highest=highest, barrier=float(network.ts_losses[highest]))
    found = [*paths, lowest]
    between = sorted({minimum for path in found for minimum in path.minima[1:-1]})
    log_total = logsumexp(steps.log_weights[reactants])
    if len(found) * (len(between) + 2.0) ** 3 > _MOST_WORK:
        across = log_mesh(steps, np.empty(0, dtype=np.int64), [products, reactants])[0, 1]
    else:
        mesh = log_mesh(steps, np.array(between, dtype=np.int64), [products, reactants])
        found = [_with_returns(path, between, mesh, steps) for path in found]
        for _ in between:
            mesh, _ = taken_out(mesh, 0)
        across = mesh[0, 1]
    log_rate = float(across - log_total)
    return FastestPaths(temperature, log_rate, found[:-1], found[-1])


def largest_contribution(network: Network, temperature: float, products: np.ndarray, reactants: np.ndarray) -> float:
    """ln of what the best of all paths from B to A contributes to k_SS."""
    steps = steps_of(network, temperature)
    best = _largest(steps, products, reactants, 1)[0]
    return _described(network, steps, list(best), reactants).log_contribution


def lowest_path(network: Network, products: np.ndarray, reactants: np.ndarray) -> tuple[list[int], list[int]]:
    """Minima and TS of the path from B to A whose highest TS is lowest; of the ends of its first and last TS it begins
    and ends with those in B and A."""
    count = len(network.losses)
    merged = np.arange(count)
    a, b = int(products[0]), int(reactants[0])
    merged[products], merged[reactants] = a, b
    found = lowest_barrier_path(network.losses, network.ts_losses, merged[network.ends], b, a)
    minima = []
    for state, (start, end) in zip(found.ts, zip(found.minima, found.minima[1:], strict=False), strict=True):
        plus, minus = network.ends[state].tolist()
        forwards = merged[plus] == start and merged[minus] == end
        minima.append(plus if forwards else minus)
    last = network.ends[found.ts[-1]].tolist()
    minima.append(last[1] if minima[-1] == last[0] else last[0])
    return minima, list(found.ts)


def _largest(steps: Steps, products: np.ndarray, reactants: np.ndarray, most: int) -> list[tuple[int, ...]]:
    """Minima of the paths of the largest contributions."""
    count = len(steps.log_weights)
    origin, goal = count, count + 1
    tails, heads, flow = steps.directed()
    escape = steps.log_escape()
    ends, starts = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    ends[products], starts[reactants] = True, True
    kept = ~ends[tails] & ~starts[heads]
    leading = reactants[np.isfinite(escape[reactants])]
    # Only differences matter: the largest share that leaves B costs nothing.
    first = escape[leading].max() - escape[leading]
    graph = Graph.of(
        count + 2,
        np.concatenate([tails[kept], np.full(len(leading), origin), products]),
        np.concatenate([heads[kept], leading, np.full(len(products), goal)]),
        np.concatenate([escape[tails[kept]] - flow[kept], first, np.zeros(len(products))]),
    )
    return [nodes[1:-1] for nodes in shortest_paths(graph, origin, goal, most)]


def _described(network: Network, steps: Steps, minima: list[int], reactants: np.ndarray) -> KineticPath:
    count = len(network.losses)
    keys = steps.ends[:, 0] * count + steps.ends[:, 1]
    pairs = np.sort(np.column_stack([minima[:-1], minima[1:]]), axis=1)
    places = np.searchsorted(keys, pairs[:, 0] * count + pairs[:, 1])
    states = steps.dominant[places]
    highest = states[np.lexsort((states, -network.ts_losses[states]))[0]]
    flow, escape = steps.log_flow[places], steps.log_escape()[minima[1:-1]]
    value = flow.sum() - escape.sum() - logsumexp(steps.log_weights[reactants])
    return KineticPath(
        minima, states.tolist(), int(highest), float(network.ts_losses[highest]), float(value), float("nan")
    )


def _with_returns(path: KineticPath, between: list[int], mesh: np.ndarray, steps: Steps) -> KineticPath:
    """The path with the contribution of all walks that become it; mesh: of the minima between, A and B."""
    inner = path.minima[1:-1]
    left = list(between)
    sums = []
    others = [minimum for minimum in between if minimum not in set(inner)]
    for minimum in [*others, *inner[::-1]]:
        place = left.index(minimum)
        mesh, total = taken_out(mesh, place)
        del left[place]
        sums.append(total)
    returning = sum(sums[len(others) :])
    plain = float(steps.log_escape()[inner].sum())
    return replace(path, log_with_returns=path.log_contribution + plain - returning)
