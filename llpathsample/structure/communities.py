"""Communities of a network: groups of minima that are joined more strongly inside than by chance.

They are found by maximising the modularity (M. E. J. Newman, Phys. Rev. E 70, 056131, 2004) of the simple graph

    Q = sum over communities c of ( w_c / w - resolution * (s_c / 2 w)^2 ),

w the sum of all edge weights, w_c of those inside c, s_c of the weighted degrees of its minima, by the method of
Leiden (V. A. Traag, L. Waltman and N. J. van Eck, Sci. Rep. 9, 5233, 2019) or of Louvain (V. D. Blondel et al., J.
Stat. Mech. P10008, 2008), as igraph has them. Edge weights, each summed over the TS between two minima a and b:

    rate     sqrt(k_ab k_ba), what stands beside the diagonal of the rate matrix made symmetric by the occupations
             (its eigenvalues are those of the rate matrix)
    flux     p_a k_ab = p_b k_ba, the flow at equilibrium; the modularity is then the stability of one step of the
             jump chain (R. Lambiotte, J.-C. Delvenne and M. Barahona, IEEE Trans. Netw. Sci. Eng. 1, 76, 2014)
    barrier  exp(-(L_t - (L_a + L_b) / 2) / T), the rate without its prefactors, which needs no LPPHE
    none     1 for each pair of minima, however many TS join it
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from llcommon.errors import ConfigError
from llcommon.superposition import log_sums
from llpathsample.kinetics.chain import log_rates
from llpathsample.ktn import Network
from llpathsample.network import components
from llpathsample.structure.graph import SimpleGraph, igraph_random
from llpathsample.thermodynamics.observables import log_weights

Method = Literal["leiden", "louvain"]
Weights = Literal["rate", "flux", "barrier", "none"]
METHODS = ("leiden", "louvain")
WEIGHTS = ("rate", "flux", "barrier", "none")
_ROUNDS = 10
_LEAST_GAIN = 1e-5


def typical_barrier(network: Network) -> float:
    """Median over the TS that are edges of L_t - (L_a + L_b) / 2: a temperature at which weights tell barriers apart.

    1 where there are no edges, or the median is not above zero.
    """
    edges = network.ends[:, 0] != network.ends[:, 1]
    if not edges.any():
        return 1.0
    median = float(np.median(_mean_barriers(network)[edges]))
    return median if median > 0.0 else 1.0


def log_edge_weights(network: Network, graph: SimpleGraph, weights: Weights, temperature: float | None) -> np.ndarray:
    """ln of the weight of each edge of the simple graph, but for a common factor, (e,).

    temperature: None for `typical_barrier`. ConfigError for unknown weights.
    """
    if weights not in WEIGHTS:
        raise ConfigError(f"weights {weights} must be one of {', '.join(WEIGHTS)}")
    if weights == "none":
        return np.zeros(len(graph.pairs))
    temperature = typical_barrier(network) if temperature is None else temperature
    if weights == "barrier":
        by_state = -_mean_barriers(network) / temperature
    else:
        forth, back = log_rates(network, temperature)
        by_state = 0.5 * (forth + back)
        if weights == "flux":
            by_state = forth + log_weights(network, temperature)[network.ends[:, 0]]
    edges = graph.place >= 0
    return log_sums(by_state[edges], graph.place[edges], len(graph.pairs))


def communities(
    network: Network,
    method: Method = "leiden",
    weights: Weights = "rate",
    temperature: float | None = None,
    seed: int = 1,
    resolution: float = 1.0,
) -> np.ndarray:
    """Community of each minimum, (n,), from 0 in the order of their lowest minima: 0 is that of the global minimum.

    temperature: in units of the loss; None for the median barrier. The same arguments give the same answer. ConfigError
    for unknown names.
    """
    graph = SimpleGraph.of(len(network.losses), network.ends)
    logarithms = log_edge_weights(network, graph, weights, temperature)
    return found_communities(graph, logarithms, network.losses, method, seed, resolution)


def found_communities(
    graph: SimpleGraph,
    log_weights: np.ndarray,
    losses: np.ndarray,
    method: Method,
    seed: int,
    resolution: float = 1.0,
) -> np.ndarray:
    """As `communities`, of a simple graph with ln of its edge weights, (e,)."""
    if method not in METHODS:
        raise ConfigError(f"method {method} must be one of {', '.join(METHODS)}")
    if not len(graph.pairs):
        return by_lowest(np.arange(graph.count), losses)
    drawn = graph.as_igraph()
    values = relative_weights(log_weights)
    with igraph_random(seed):
        if method == "leiden":
            membership = _by_leiden(drawn, values, resolution)
        else:
            membership = drawn.community_multilevel(weights=values, resolution=resolution).membership
    return by_lowest(np.array(membership), losses)


def _by_leiden(drawn, values: np.ndarray, resolution: float) -> list[int]:
    """Membership by rounds of Leiden, until one gains next to nothing."""
    membership, before = None, -np.inf
    for _ in range(_ROUNDS):
        membership = drawn.community_leiden(
            "modularity", weights=values, resolution=resolution, n_iterations=1, initial_membership=membership
        ).membership
        now = drawn.modularity(membership, weights=values, resolution=resolution)
        if not now > before + _LEAST_GAIN:
            break
        before = now
    return membership


def modularity(graph: SimpleGraph, log_weights: np.ndarray, labels: np.ndarray, resolution: float = 1.0) -> float:
    """Q of a partition, see the module; NaN without edges."""
    if not len(graph.pairs):
        return float("nan")
    values = relative_weights(log_weights)
    total = values.sum()
    number = np.unique(labels, return_inverse=True)[1]
    ends = number[graph.pairs]
    inside = values[ends[:, 0] == ends[:, 1]].sum()
    strengths = np.bincount(ends.ravel(), np.repeat(values, 2))
    return float(inside / total - resolution * ((strengths / (2.0 * total)) ** 2).sum())


def inner_components(graph: SimpleGraph, labels: np.ndarray) -> int:
    """How many communities fall apart: whose minima no path inside joins. Leiden makes none, Louvain may."""
    inside = graph.pairs[labels[graph.pairs[:, 0]] == labels[graph.pairs[:, 1]]]
    parts = components(graph.count, inside)
    pieces = np.unique(np.column_stack([labels, parts]), axis=0)
    return int((np.unique(pieces[:, 0], return_counts=True)[1] > 1).sum())


@dataclass(frozen=True)
class Stability:
    """Partitions of several seeds beside each other. modularities: (r,) of each run, the first as it was asked for;
    counts: (r,) of communities. mean, least: adjusted mutual information of all pairs of runs, NaN of a single one."""

    modularities: np.ndarray
    counts: np.ndarray
    mean: float
    least: float


def stability(
    graph: SimpleGraph, log_weights: np.ndarray, runs: list[np.ndarray], resolution: float = 1.0
) -> Stability:
    """How alike the labels of several runs are, over minima with neighbours (the others are always alone)."""
    joined = graph.degrees() > 0
    pairs = [agreement(a[joined], b[joined]) for k, a in enumerate(runs) for b in runs[:k]]
    return Stability(
        np.array([modularity(graph, log_weights, labels, resolution) for labels in runs]),
        np.array([len(np.unique(labels)) for labels in runs]),
        float(np.mean(pairs)) if pairs else float("nan"),
        float(np.min(pairs)) if pairs else float("nan"),
    )


def agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Adjusted mutual information of two partitions (n,): 1 if they are one, 0 on average if they are at random (N. X.
    Vinh, J. Epps and J. Bailey, J. Mach. Learn. Res. 11, 2837, 2010). NaN without members."""
    from sklearn.metrics import adjusted_mutual_info_score

    return float(adjusted_mutual_info_score(first, second)) if len(first) else float("nan")


def relative_weights(log_weights: np.ndarray) -> np.ndarray:
    """Weights in units of the largest, (e,); those below the smallest double are 0."""
    return np.exp(log_weights - log_weights.max(initial=-np.inf)) if len(log_weights) else log_weights


def by_lowest(labels: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """The labels numbered anew, from 0 in the order of the lowest minima of their groups; losses, (n,)."""
    order = np.argsort(losses, kind="stable")
    _, first, numbers = np.unique(labels[order], return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    renumbered = np.empty(len(labels), dtype=np.int64)
    renumbered[order] = rank[numbers]
    return renumbered


def _mean_barriers(network: Network) -> np.ndarray:
    """Height of each TS above the mean of its minima, (m,)."""
    return network.ts_losses - network.losses[network.ends].mean(axis=1)
