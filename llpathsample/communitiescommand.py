"""The command `communities` of llpathsample: groups of minima by the network, and how they differ from clusters."""

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
    trust_option,
    verbose_option,
    write_table,
)
from llpathsample.analysiscommands import check_figure, complete_network, save

_LARGE = 100_000  # edges beyond which fewer runs are made, unless they are asked for


@click.command()
@file_argument()
@output_option("Figure of the network coloured by community: svg, pdf or png.")
@force_option()
@click.option(
    "--method",
    type=click.Choice(["leiden", "louvain"]),
    default="leiden",
    show_default=True,
    help="How they are found.",
)
@click.option(
    "--weights",
    type=click.Choice(["rate", "flux", "barrier", "none"]),
    default="rate",
    show_default=True,
    help="What weighs the edges: docs/structure.md.",
)
@click.option(
    "--temperature",
    type=click.FloatRange(0.0, min_open=True),
    metavar="T",
    help="Temperature of the weights, in units of the loss; default: the median barrier.",
)
@click.option(
    "--resolution",
    type=click.FloatRange(0.0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="R",
    help="Above 1: more and smaller communities.",
)
@click.option("--runs", type=click.IntRange(1), metavar="N", help="Seeds to compare; default: 10, of large networks 3.")
@click.option(
    "--euclidean",
    type=click.Choice(["hierarchical", "k-medoids"]),
    help="Compare with as many clusters by aligned distance, found in this way.",
)
@click.option(
    "--lowest",
    type=click.IntRange(2),
    default=300,
    show_default=True,
    metavar="N",
    help="Compare clusters of the N lowest minima: all their distances are needed.",
)
@click.option("--summary", is_flag=True, help="Write a row for each community in place of each minimum.")
@click.option("--title", metavar="TEXT", help="Title of the figure.")
@seed_option("Seed of the first run; default: 1.")
@trust_option()
@json_option()
@verbose_option()
@quiet_option()
def communities(
    file: Path, output, force, method, weights, temperature, resolution, runs, euclidean, lowest, summary, title, seed,
    as_json,
) -> None:  # fmt: skip
    """Find communities of minima in the landscape FILE: groups that are joined more strongly inside than by chance.

    The table names the community of each minimum, 0 being that of the global minimum; `tree` can colour by it. Several
    runs of other seeds tell how much of it is chance.
    """
    import numpy as np

    from llcommon.errors import ConfigError
    from llcommon.store import read_landscape
    from llpathsample.commands import require_minima
    from llpathsample.structure.communities import (
        found_communities,
        log_edge_weights,
        stability,
        typical_barrier,
    )
    from llpathsample.structure.graph import SimpleGraph

    if temperature is not None and not np.isfinite(temperature):
        raise ConfigError("--temperature must be a finite number above zero")
    check_figure(output, force)
    landscape = read_landscape(file, points=euclidean is not None)
    require_minima(landscape, file)
    network, ids = _network(landscape, file, weights)
    graph = SimpleGraph.of(len(ids), network.ends)
    if temperature is None and weights != "none":
        temperature = typical_barrier(network)
        log(f"weights by {weights} at the temperature {temperature:.4g}, the median barrier")
    logarithms = log_edge_weights(network, graph, weights, temperature)
    seed = 1 if seed is None else seed
    runs = runs or (10 if len(graph.pairs) <= _LARGE else 3)
    labels = [
        found_communities(graph, logarithms, network.losses, method, seed + run, resolution) for run in range(runs)
    ]
    found = labels[0]
    report = {
        "method": method,
        "weights": weights,
        "temperature": temperature if weights != "none" else None,
        "resolution": resolution,
        "seed": seed,
        "minima_left_out": len(landscape.minima) - len(ids),
        **_quality(graph, logarithms, found, stability(graph, logarithms, labels, resolution)),
    }
    _tell(report, file, len(graph.pairs))
    if euclidean is not None:
        report["euclidean"] = _compared(landscape, network.losses, ids, found, euclidean, lowest, seed)
    columns = _summary(network, ids, graph, logarithms, found) if summary else _table(ids, found)
    if as_json and not summary:
        report["communities_found"] = _records(_summary(network, ids, graph, logarithms, found))
    write_table(columns, as_json, report)
    if output is not None:
        from llpathsample.structure.figures import LARGEST_LAYOUT, draw_network

        kept = np.sort(np.argsort(network.losses, kind="stable")[:LARGEST_LAYOUT])
        if len(kept) < len(ids):
            log(f"note: the {len(kept)} lowest of {len(ids)} minima are drawn")
        shown = (graph.induced(kept), network.losses[kept], ids[kept], found[kept])
        save(draw_network(*shown, "community", title, seed), output)


def _network(landscape, file: Path, weights: str):
    """The arrays that the weights need, and ids of the minima."""
    import numpy as np

    from llpathsample.ktn import Network

    if weights in ("rate", "flux"):
        complete = complete_network(landscape, file)
        return complete.network, complete.ids
    return Network.unchecked(landscape), np.arange(len(landscape.minima))


def _quality(graph, logarithms, found, stable) -> dict:
    import numpy as np

    from llpathsample.structure.communities import inner_components, relative_weights

    return {
        "communities": int(found.max()) + 1,
        "of_one_minimum": int((np.bincount(found) == 1).sum()),
        "not_connected_inside": inner_components(graph, found),
        "edges_of_no_weight": int((relative_weights(logarithms) == 0.0).sum()),
        "modularity": float(stable.modularities[0]),
        "runs": len(stable.counts),
        "modularity_of_runs": {"least": float(stable.modularities.min()), "largest": float(stable.modularities.max())},
        "communities_of_runs": {"least": int(stable.counts.min()), "most": int(stable.counts.max())},
        "mutual_information_of_runs": {"mean": stable.mean, "least": stable.least},
    }


def _tell(report: dict, file: Path, edges: int) -> None:
    count = report["communities"]
    log(f"{count} {'community' if count == 1 else 'communities'}, {report['of_one_minimum']} of one minimum")
    if not edges:
        log(f"note: no transition state of {file} joins two minima, so each is a community of its own")
        return
    log(f"modularity {report['modularity']:.4f}")
    if report["runs"] > 1:
        alike, spread = report["mutual_information_of_runs"], report["modularity_of_runs"]
        log(
            f"{report['runs']} seeds: adjusted mutual information {alike['mean']:.3f} on average, "
            f"{alike['least']:.3f} at least; modularity {spread['least']:.4f} to {spread['largest']:.4f}"
        )
    if report["not_connected_inside"]:
        log(f"note: {report['not_connected_inside']} communities fall apart inside; --method leiden makes none such")
    if report["edges_of_no_weight"]:
        log(
            f"note: {report['edges_of_no_weight']} of {edges} edges weigh nothing beside the strongest; "
            "a higher --temperature brings them in"
        )


def _compared(landscape, losses, ids, found, method: str, lowest: int, seed: int) -> dict:
    """Adjusted mutual information of the communities and of as many clusters, of the lowest minima."""
    import numpy as np

    from llcommon.errors import InputError
    from llpathsample.neighbours import Neighbours
    from llpathsample.structure.clusters import clusters, distance_matrix
    from llpathsample.structure.communities import agreement

    if not landscape.minima.coordinates.shape[1]:
        raise InputError("the landscape holds no coordinates, so there are no distances; leave out --euclidean")
    kept = np.sort(np.argsort(losses, kind="stable")[:lowest])
    count = len(np.unique(found[kept]))
    distances = distance_matrix(Neighbours(landscape), ids[kept])
    alike = agreement(clusters(distances, count, method, seed), found[kept])
    log(
        f"adjusted mutual information with {count} {method} clusters of the {len(kept)} lowest minima, "
        f"by aligned distance: {alike:.3f}"
    )
    return {"method": method, "minima": len(kept), "clusters": count, "mutual_information": alike}


def _table(ids, found) -> list[Column]:
    return [Column("id", "", ids), Column("community", "", found)]


def _summary(network, ids, graph, logarithms, found) -> list[Column]:
    """A row for each community: how many minima, which is lowest, and what share of its edge weights is inside."""
    import numpy as np

    from llpathsample.structure.communities import relative_weights

    count = int(found.max()) + 1
    order = np.argsort(network.losses, kind="stable")
    first = order[np.unique(found[order], return_index=True)[1]]
    values = relative_weights(logarithms)
    ends = found[graph.pairs].reshape(-1, 2)
    own = ends[:, 0] == ends[:, 1]
    total = np.bincount(ends.ravel(), np.repeat(values, 2), minlength=count)
    inside = 2.0 * np.bincount(ends[own, 0], values[own], minlength=count)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = inside / total
    return [
        Column("community", "", np.arange(count)),
        Column("minima", "", np.bincount(found)),
        Column("lowest", "", ids[first]),
        Column("lowest_loss", "", network.losses[first]),
        Column("edges_inside", "", np.bincount(ends[own, 0], minlength=count)),
        Column("weight_inside", "", share),
    ]


def _records(columns: list[Column]) -> list[dict]:
    rows = zip(*(column.values.tolist() for column in columns), strict=True)
    return [dict(zip([column.name for column in columns], row, strict=True)) for row in rows]
