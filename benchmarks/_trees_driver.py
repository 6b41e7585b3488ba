"""One tree and its image, run in the environment of a program: `python _trees_driver.py NAME FOLDER`.

Reads FOLDER/network.npz (losses, ts_losses, ends, each pair of minima once), writes tree.png of 300 dots per inch with
40 levels, and prints JSON: CPU seconds from the network in memory to the image, without imports.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

LEVELS = 40


def ours(losses, ts_losses, ends):
    """Superbasins, barriers to the global minimum, and the image."""
    from llpathsample import densetree  # noqa: F401  (matplotlib, as the others import it before)
    from llpathsample.plots import draw_tree
    from llpathsample.tree import superbasin_tree

    draw_tree(superbasin_tree(losses[:2], losses[:1] + 1.0, np.array([[0, 1]])), "warm.png")
    marks = [time.process_time()]
    tree = superbasin_tree(losses, ts_losses, ends, levels=LEVELS)
    marks.append(time.process_time())
    draw_tree(tree, "tree.png")
    marks.append(time.process_time())
    return {"analysis": marks[1] - marks[0], "all": marks[2] - marks[0], "leaves": int(tree.leaves.size)}


def topsearch(losses, ts_losses, ends):
    """Its plot_disconnectivity_graph; LaTeX, which it asks for, is not."""
    import matplotlib
    from topsearch.data.kinetic_transition_network import KineticTransitionNetwork
    from topsearch.plotting.disconnectivity import plot_disconnectivity_graph

    matplotlib.rcParams.update({"text.usetex": False, "font.family": "DejaVu Sans"})
    network = KineticTransitionNetwork()
    point = np.zeros(2)
    for loss in losses.tolist():
        network.add_minimum(point, loss)
    for loss, (a, b) in zip(ts_losses.tolist(), ends.tolist(), strict=True):
        network.add_ts(point, loss, a, b)
    begin = time.process_time()
    plot_disconnectivity_graph(network, LEVELS, "")
    return {"all": time.process_time() - begin, "leaves": len(losses)}


class Point:
    """What pele's graph asks of a minimum, or with both minima of a transition state."""

    def __init__(self, energy: float, minimum1=None, minimum2=None) -> None:
        self.energy = energy
        self.minimum1 = minimum1
        self.minimum2 = minimum2


def pele(losses, ts_losses, ends):
    """Its DisconnectivityGraph as it comes, but for the number of levels."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    import networkx
    from pele.utils.disconnectivity_graph import DisconnectivityGraph

    sys.setrecursionlimit(100_000)
    minima = [Point(loss) for loss in losses.tolist()]
    graph = networkx.Graph()
    graph.add_nodes_from(minima)
    for loss, (a, b) in zip(ts_losses.tolist(), ends.tolist(), strict=True):
        graph.add_edge(minima[a], minima[b], ts=Point(loss, minima[a], minima[b]))
    begin = time.process_time()
    drawing = DisconnectivityGraph(graph, nlevels=LEVELS)
    drawing.calculate()
    drawing.plot()
    plt.savefig("tree.png", dpi=300)
    return {"all": time.process_time() - begin, "leaves": len(drawing.get_minima_layout()[1])}


if __name__ == "__main__":
    with np.load(Path(sys.argv[2]) / "network.npz") as stored:
        network = stored["losses"], stored["ts_losses"], stored["ends"]
    print(json.dumps({"ours": ours, "topsearch": topsearch, "pele": pele}[sys.argv[1]](*network)))
