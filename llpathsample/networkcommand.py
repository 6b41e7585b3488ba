"""The command `network` of llpathsample: the network as a graph."""

from pathlib import Path

import click

from llcommon.cli import (
    Column,
    file_argument,
    force_option,
    json_option,
    log,
    output_option,
    quiet_option,
    seed_option,
    verbose_option,
    write_properties,
    write_table,
)
from llpathsample.analysiscommands import check_figure, save


@click.command()
@file_argument()
@output_option("Figure: svg, pdf or png.")
@force_option()
@click.option(
    "--figure",
    type=click.Choice(["layout", "degrees"]),
    default="layout",
    show_default=True,
    help="What -o draws: the network in the plane, or the distribution of its degrees.",
)
@click.option(
    "--colour",
    type=click.Choice(["loss", "community", "basin"]),
    default="loss",
    show_default=True,
    help="Of the minima in the layout; communities are those that the command of this name finds.",
)
@click.option(
    "--lowest", type=click.IntRange(2), metavar="N", help="Draw the N lowest minima only; default: at most 5000."
)
@click.option("--degrees", "by_minimum", is_flag=True, help="Write a row for each minimum in place of the summary.")
@click.option(
    "--hubs", type=click.IntRange(0), default=10, show_default=True, metavar="N", help="How many hubs to name."
)
@click.option(
    "--rewired",
    type=click.IntRange(0),
    metavar="N",
    help="Graphs of the same degrees to compare with; default: 20, fewer for large networks.",
)
@click.option(
    "--samples",
    type=click.IntRange(0),
    default=200,
    show_default=True,
    metavar="N",
    help="Synthetic samples for the p value of the power law.",
)
@click.option("--title", metavar="TEXT", help="Title of the figure.")
@seed_option("Seed of rewired graphs, samples and layout; default: 1.")
@json_option()
@verbose_option()
@quiet_option()
def network(
    file: Path, output, force, figure, colour, lowest, by_minimum, hubs, rewired, samples, title, seed, as_json
) -> None:
    """Measure the network of the landscape FILE as a graph: degrees, clustering, path lengths, correlations.

    Minima are its nodes; those joined by one transition state or more are neighbours. Measures are compared with graphs
    of the same degrees that are otherwise at random. docs/structure.md defines them.
    """
    from llcommon.store import read_landscape
    from llpathsample.commands import require_minima
    from llpathsample.structure.measures import network_measures

    check_figure(output, force)
    landscape = read_landscape(file, points=False)
    require_minima(landscape, file)
    seed = 1 if seed is None else seed
    losses = landscape.minima.loss
    found = network_measures(losses, landscape.transition_states.minima, seed, rewired, hubs, samples)
    if not len(found.graph.pairs):
        log(f"note: no transition state of {file} joins two minima; what needs one is left out")
    summary = summary_of(found, losses)
    if by_minimum:
        write_table(_rows(found, losses), as_json, {"network": summary})
    else:
        write_properties(summary, as_json)
    if found.fit is not None:
        log(f"degrees: {found.fit.verdict}")
    if output is not None:
        _draw(landscape, found, output, figure, colour, lowest, title, seed)


def summary_of(found, losses) -> dict:
    """Measures of a network as named values, for tables and documents."""
    import numpy as np

    sizes = np.bincount(found.components)
    degrees = found.degrees
    summary = {
        "minima": found.graph.count,
        "edges": len(found.graph.pairs),
        "transition_states_that_are_edges": int(found.connections.sum()) // 2,
        "components": len(sizes),
        "largest_component": int(sizes.max()),
        "minima_without_neighbours": int((degrees == 0).sum()),
        "mean_degree": float(degrees.mean()),
        "largest_degree": int(degrees.max()),
        "degree_loss_rank_correlation": found.loss_correlation,
        "hubs": [{"id": int(h), "degree": int(degrees[h]), "loss": float(losses[h])} for h in found.hubs],
        "seed": found.seed,
        "rewired_graphs": found.rewired,
    }
    for name in ("clustering", "transitivity", "assortativity"):
        summary[name] = _compared(getattr(found, name))
    lengths = found.path_lengths
    if lengths is not None:
        summary["path_length"] = {
            "average": lengths.average,
            "standard_error": lengths.error,
            "diameter": lengths.diameter,
            "exact": lengths.exact,
            "sources": lengths.sources,
        }
        if found.rewired_path_length is not None:
            beside = _compared(found.rewired_path_length)
            summary["path_length"] |= {name: beside[name] for name in beside if name != "value"}
            summary["small_world_coefficient"] = found.small_world
    if found.fit is not None:
        summary["power_law"] = _fit(found.fit)
    return summary


def _compared(measure) -> dict:
    return {
        "value": measure.value,
        "rewired_mean": measure.mean,
        "rewired_standard_deviation": measure.deviation,
        "z": measure.z,
    }


def _fit(fit) -> dict:
    return {
        "alpha": fit.alpha,
        "standard_error": fit.error,
        "xmin": fit.xmin,
        "minima_in_tail": fit.tail,
        "ks_distance": fit.distance,
        "p": fit.p,
        "samples": fit.samples,
        "verdict": fit.verdict,
        "alternatives": {
            other.name: {**other.parameters, "log_likelihood_ratio": other.log_ratio, "p": other.p}
            for other in fit.alternatives
        },
    }


def _rows(found, losses) -> list[Column]:
    import numpy as np

    return [
        Column("id", "", np.arange(found.graph.count)),
        Column("loss", "", losses),
        Column("degree", "", found.degrees),
        Column("transition_states", "", found.connections),
        Column("clustering", "", found.local_clustering),
        Column("component", "", found.components),
    ]


def _draw(landscape, found, output: Path, figure: str, colour: str, lowest, title, seed: int) -> None:
    import numpy as np

    from llpathsample.structure.figures import LARGEST_LAYOUT, draw_degrees, draw_network

    if figure == "degrees":
        save(draw_degrees(found.degrees, found.fit, title), output)
        return
    losses = landscape.minima.loss
    kept = np.sort(np.argsort(losses, kind="stable")[: lowest or LARGEST_LAYOUT])
    if len(kept) < len(losses):
        log(f"note: the {len(kept)} lowest of {len(losses)} minima are drawn")
    graph = found.graph.induced(kept)
    classes = None if colour == "loss" else _classes(landscape, colour, seed)[kept]
    save(draw_network(graph, losses[kept], kept, classes, colour, title, seed), output)


def _classes(landscape, colour: str, seed: int):
    import numpy as np

    from llpathsample.ktn import Network
    from llpathsample.structure.basins import sequence_basins
    from llpathsample.structure.communities import communities

    losses, states = landscape.minima.loss, landscape.transition_states
    if colour == "basin":
        return sequence_basins(losses, states.loss, states.minima)
    complete = bool(np.isfinite(landscape.minima.lpphe).all() and np.isfinite(states.lpphe).all())
    if not complete:
        log("note: communities are weighted by barriers, as some points lack an LPPHE")
    return communities(Network.unchecked(landscape), weights="rate" if complete else "barrier", seed=seed)
