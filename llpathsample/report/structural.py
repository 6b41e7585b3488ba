"""Sections of structure: the network as a graph, communities, basins, widths of minima."""

import numpy as np

from llpathsample.ktn import Network
from llpathsample.report.figures import draw_over_loss
from llpathsample.report.material import SEED, Material
from llpathsample.report.page import counted, figure, loss, note, number, paragraph, points, share, table
from llpathsample.structure.basinfigure import draw_basins
from llpathsample.structure.communities import found_communities, log_edge_weights, stability, typical_barrier
from llpathsample.structure.figures import draw_degrees, draw_network
from llpathsample.structure.graph import SimpleGraph

MOST_LAID_OUT = 1000
_RUNS = 5
_LARGE = 100_000  # edges beyond which communities are found with one seed
_ROWS = 10
_NO_WAY = "none"


def network(material: Material) -> list[str]:
    """Degrees, hubs, and what else a graph has."""
    found = material.measures
    degrees = found.degrees
    said = [
        f"{counted(len(found.graph.pairs), 'pair of minima is', 'pairs of minima are')} joined by "
        f"{counted(int(found.connections.sum()) // 2, 'transition state')}; a minimum has {number(degrees.mean(), 3)} "
        f"neighbours on average, and {number(int(degrees.max()))} at most.",
        f"Degrees: {found.fit.verdict}."
        if found.fit is not None
        else "There are too few degrees to fit their distribution.",
    ]
    lengths = found.path_lengths
    if lengths is not None:
        about = "" if lengths.exact else f" (from a sample, \N{PLUS-MINUS SIGN} {number(lengths.error, 2)})"
        said.append(
            f"Between two minima of the largest component the shortest path has {number(lengths.average, 3)} "
            f"transition states on average{about}, and {number(lengths.diameter)} at most."
        )
    if np.isfinite(found.loss_correlation):
        said.append(
            f"Rank correlation of degree and loss: {number(found.loss_correlation, 3)} (negative: low minima have "
            "more neighbours)."
        )
    rows = [
        (name, number(measure.value, 3), number(measure.mean, 3), number(measure.z, 3))
        for name, measure in (
            ("clustering (mean share of neighbours that are neighbours of each other)", found.clustering),
            ("transitivity (share of paths of two edges that close to triangles)", found.transitivity),
            ("assortativity (correlation of the degrees of neighbours)", found.assortativity),
        )
    ]
    header = ("measure", "here", f"mean of {found.rewired} rewired graphs", "deviations from it")
    hubs = [(str(hub), number(int(degrees[hub])), loss(material.losses[hub])) for hub in found.hubs[:_ROWS]]
    chosen = np.sort(np.argsort(material.losses, kind="stable")[:MOST_LAID_OUT])
    blocks = [points(said), table(header, rows, "Beside graphs of the same degrees, otherwise at random")]
    blocks.append(table(("minimum", "neighbours", "loss"), hubs, "Hubs: the minima with the most neighbours", words=0))
    blocks.append(figure(draw_degrees(degrees, found.fit), "Share of minima with at least so many neighbours."))
    caption = (
        "The network: minima are dots, larger with more neighbours; lines join those that a transition state joins."
    )
    shown = (found.graph.induced(chosen), material.losses[chosen], chosen)
    blocks.append(figure(draw_network(*shown, seed=SEED), caption))
    if len(chosen) < len(material.losses):
        blocks.append(
            note(f"The network is drawn for the {number(len(chosen))} lowest of {number(len(material.losses))} minima.")
        )
    return blocks


def communities(material: Material) -> list[str]:
    """Groups of minima."""
    found = material.measures
    whole = Network.unchecked(material.landscape)
    weights = "rate" if not (material.minima_left_out or material.states_left_out) else "barrier"
    temperature = typical_barrier(whole)
    graph = SimpleGraph.of(len(material.losses), whole.ends)
    logarithms = log_edge_weights(whole, graph, weights, temperature)
    runs = _RUNS if len(graph.pairs) <= _LARGE else 1
    labels = [found_communities(graph, logarithms, material.losses, "leiden", SEED + run) for run in range(runs)]
    stable = stability(graph, logarithms, labels)
    own = labels[0]
    sizes = np.bincount(own)
    heading = counted(len(sizes), "community", "communities")
    said = [
        f"{heading} by the method of Leiden, weighted by {weights}s at T = {number(temperature)} (the median "
        f"barrier); {number(int((sizes == 1).sum()))} of them of one minimum.",
    ]
    if len(sizes) > 1:
        said.append(
            f"Modularity {number(float(stable.modularities[0]), 3)}: 0 is as at random, above about 0.3 is a clear "
            "division."
        )
    if runs > 1:
        said.append(
            f"{runs} runs with other random numbers agree by {number(stable.mean, 3)} on average (adjusted mutual "
            "information; 1 is the same, 0 chance)."
        )
    blocks = [points(said)]
    if weights == "barrier":
        blocks.append(note("Weights are those of barriers, as some points lack an LPPHE, which rates need."))
    order = np.argsort(-sizes, kind="stable")[:_ROWS].tolist()
    rows = []
    for label in order:
        members = np.flatnonzero(own == label)
        lowest = int(members[np.argmin(material.losses[members])])
        rows.append((str(label), number(int(sizes[label])), str(lowest), loss(material.losses[lowest])))
    header = ("community", "minima", "lowest minimum", "its loss")
    blocks.append(table(header, rows, f"The largest of {heading}", words=0))
    chosen = np.sort(np.argsort(material.losses, kind="stable")[:MOST_LAID_OUT])
    shown = (found.graph.induced(chosen), material.losses[chosen], chosen, own[chosen])
    blocks.append(
        figure(draw_network(*shown, "community", seed=SEED), "The network, coloured by the largest communities.")
    )
    if len(chosen) < len(material.losses):
        blocks.append(note(f"Drawn for the {number(len(chosen))} lowest of {number(len(material.losses))} minima."))
    return blocks


def basins(material: Material) -> list[str]:
    """Monotonic sequence basins, and funnels among them."""
    found = material.basins
    losses = material.losses
    ratio = np.where(np.isfinite(found.ratio), found.ratio, 0.0)
    rows = []
    for k in np.lexsort((found.bottom, -ratio, -found.size))[:_ROWS].tolist():
        own = losses[found.bottom[k]]
        barrier = number(found.escape[k] - own, 3) if np.isfinite(found.escape[k]) else _NO_WAY
        steps = number(found.ratio[k], 3) if np.isfinite(found.ratio[k]) else number(None)
        rows.append((str(found.bottom[k]), loss(own), number(int(found.size[k])), barrier, steps))
    root = int(np.argmin(losses))
    with_root = int(found.size[found.bottom == found.labels[root]][0])
    said = [
        f"{counted(len(found.bottom), 'bottom')}: from there no transition state leads directly lower. The lowest "
        f"minimum collects {number(with_root)} of {number(len(losses))} minima ({share(with_root / len(losses))}).",
    ]
    if np.isfinite(found.step):
        said.append(
            f"The typical barrier of a step is {number(found.step, 3)}. A bottom with a barrier of many such steps on "
            "its way to a lower minimum is the bottom of a funnel of its own; one of about a single step may only "
            "lack a transition state that was not found."
        )
    blocks = [points(said)]
    header = ("bottom", "loss", "minima that lead there", "barrier to a lower one", "in typical steps")
    blocks.append(table(header, rows, "The largest basins", words=0))
    if len(found.bottom) > 1:
        caption = (
            "Each bottom by its loss and the loss at which it meets a lower minimum; the farther above the line, the "
            "deeper its funnel. Dots grow with the basin."
        )
        blocks.append(figure(draw_basins(found, losses), caption))
    return blocks


def volumes(material: Material) -> list[str]:
    """Widths of minima."""
    network, ids = material.network, material.ids
    visits = np.asarray(material.landscape.minima.visits)[ids]
    log_volume = -0.5 * network.lpphe - network.log_orders
    log_volume = log_volume - log_volume.max()
    widest = np.argsort(-log_volume, kind="stable")[:_ROWS]
    powers = log_volume / np.log(10.0)
    rows = [
        (
            str(ids[k]),
            loss(network.losses[k]),
            number(network.lpphe[k], 6),
            number(float(powers[k]), 3),
            number(int(visits[k])),
        )
        for k in widest.tolist()
    ]
    header = (
        "minimum",
        "loss",
        "LPPHE",
        "log\N{SUBSCRIPT ONE}\N{SUBSCRIPT ZERO} of its width beside the widest",
        "visits",
    )
    said = [
        f"LPPHE from {number(float(network.lpphe.min()), 6)} to {number(float(network.lpphe.max()), 6)}; between the "
        f"widest and the narrowest minimum lie {number(float(-powers.min()), 3)} powers of ten.",
    ]
    if material.landscape.settings.search.method != "multi-start":
        said.append("Visits measure the sizes of basins in a multi-start search only, and this was none.")
    blocks = [points(said), table(header, rows, "The widest minima, all their images together", words=0)]
    if len(ids) > 1:
        caption = "LPPHE of minima by their loss, the lowest orange: low points are wide minima."
        blocks.append(figure(draw_over_loss(network.losses, network.lpphe, "LPPHE"), caption))
    blocks.append(
        paragraph(
            "This is the harmonic estimate: that of a parabola as wide as the minimum at its bottom. llpathsample "
            "basin-volume samples the true volumes of chosen minima, with error bars."
        )
    )
    return blocks
