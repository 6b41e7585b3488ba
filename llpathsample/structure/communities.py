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

from typing import Literal

import numpy as np

from llcommon.errors import ConfigError
from llcommon.superposition import log_sums
from llpathsample.kinetics.chain import log_rates
from llpathsample.ktn import Network
from llpathsample.structure.graph import SimpleGraph, igraph_random
from llpathsample.thermodynamics.observables import log_weights

Method = Literal["leiden", "louvain"]
Weights = Literal["rate", "flux", "barrier", "none"]
METHODS = ("leiden", "louvain")
WEIGHTS = ("rate", "flux", "barrier", "none")


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
            found = drawn.community_leiden("modularity", weights=values, resolution=resolution, n_iterations=-1)
        else:
            found = drawn.community_multilevel(weights=values, resolution=resolution)
    return by_lowest(np.array(found.membership), losses)


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
