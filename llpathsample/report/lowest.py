"""Sections: the tree, the lowest minima, scores of their predictions, training runs."""

import numpy as np

from llpathsample.plots import Panel, draw_trees
from llpathsample.properties import page_properties
from llpathsample.report.figures import draw_over_loss
from llpathsample.report.material import Material, Missing
from llpathsample.report.page import counted, figure, hidden, loss, note, number, paragraph, points, share, table
from llpathsample.runpaths import run_paths
from llpathsample.thermodynamics.observables import log_occupations
from llpathsample.tree import superbasin_tree
from llpathsample.treepage import tree_fragment

MOST_LEAVES = 3000  # of the interactive tree: some hundred kilobytes
MOST_DRAWN_WITH_RUNS = 300
MOST_RUNS = 30
MOST_ROWS = 20
TREE = "tree-drawn"


def tree(material: Material) -> list[str]:
    """The disconnectivity graph, interactive."""
    landscape = material.landscape
    states = landscape.transition_states
    if not len(states):
        raise Missing("There are no transition states, so no branches meet; llpathsample grow searches for some.")
    drawn = superbasin_tree(material.losses, states.loss, states.minima, lowest=MOST_LEAVES)
    blocks = [
        paragraph(
            "Point at a branch to see what is known of its minimum; drag to move, turn the wheel to zoom, and choose "
            "what colours the branches. The same as a figure: llpathsample tree."
        )
    ]
    temperature = material.temperature[0] if material.ids.size else None
    properties = page_properties(landscape, [], temperature)
    # Without what is the same for all, which tells nothing.
    properties = [found for found in properties if len(np.unique(found.values[found.known])) > 1]
    blocks.append(tree_fragment(drawn, properties, name=TREE))
    blocks.append(f"<noscript>{note('The tree needs scripts, which are off here.')}</noscript>\n")
    root = landscape.global_minimum()
    inside = int((material.labels == material.labels[root]).sum())
    if drawn.leaves.size < inside:
        blocks.append(note(f"Drawn are the {number(drawn.leaves.size)} lowest of {number(inside)} connected minima."))
    if inside < len(material.losses):
        outside = len(material.losses) - inside
        blocks.append(
            note(f"{counted(outside, 'minimum', 'minima')} without a path to the lowest one {_are(outside)} left out.")
        )
    return blocks


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def minima(material: Material) -> list[str]:
    """A table of the lowest."""
    landscape = material.landscape
    table_of = landscape.minima
    chosen = np.argsort(material.losses, kind="stable")[:MOST_ROWS]
    occupations = np.full(len(material.losses), np.nan)
    if material.ids.size:
        occupations[material.ids] = np.exp(log_occupations(material.network, material.temperature[0]))
    barriers = _barriers(material)
    lowest = float(material.losses.min())
    scores = [score.name for score in landscape.scores.described() if "accuracy" in score.name or "r2" in score.name]
    columns = {name: landscape.scores.values(name, len(material.losses)) for name in scores[:2]}
    rows = []
    for k in chosen.tolist():
        row = [
            str(k),
            loss(material.losses[k]),
            number(material.losses[k] - lowest, 3),
            number(table_of.lpphe[k], 6),
            number(int(table_of.visits[k])),
            share(occupations[k]),
            number(barriers[k], 3),
        ]
        rows.append([*row, *(number(values[k]) for values in columns.values())])
    header = [
        "minimum",
        "loss",
        "above the lowest",
        "LPPHE",
        "visits",
        f"occupation at T = {number(material.temperature[0], 3)}",
        "barrier to the lowest",
        *(name.replace("_", " ") for name in columns),
    ]
    blocks = [table(header, rows, f"The {len(rows)} lowest minima", words=0)]
    if len(rows) < len(material.losses):
        blocks.append(
            note(f"{number(len(material.losses) - len(rows))} higher minima are not in the table; llgmin list has all.")
        )
    return blocks


def _barriers(material: Material) -> np.ndarray:
    from llpathsample.network import minimax_barriers

    states = material.landscape.transition_states
    found = minimax_barriers(material.losses, states.loss, states.minima, material.landscape.global_minimum())
    heights = np.where(np.isfinite(found), found - material.losses, np.nan)
    heights[material.landscape.global_minimum()] = np.nan
    return heights


# --- scores -------------------------------------------------------------------------------------


def scores(material: Material) -> list[str]:
    """How well minima predict."""
    landscape = material.landscape
    described = [score for score in landscape.scores.described() if not score.name.startswith("set_")]
    if not described:
        raise Missing("The file holds no scores; llgmin score measures how well each minimum predicts.")
    count = len(material.losses)
    root = landscape.global_minimum()
    rows, measured = [], []
    for score in described:
        values = landscape.scores.values(score.name, count)
        known = values[np.isfinite(values)]
        if not known.size:
            continue
        label = score.name.replace("_", " ") + (f" [{score.unit}]" if score.unit else "")
        numbers = (values[root], known.min(), np.median(known), known.max(), known.size)
        rows.append((label, *map(number, numbers)))
        measured.append((label, score.about))
    header = ("score", "lowest minimum", "least", "median", "largest", "minima")
    blocks = [
        table(header, rows, "Scores over all minima that have them"),
        hidden("How they were measured", [table(("score", "meaning"), measured, words=2)]),
    ]
    unscored = count - int(np.isfinite(landscape.scores.values(described[0].name, count)).sum())
    if unscored:
        blocks.append(
            note(f"{counted(unscored, 'minimum has', 'minima have')} no scores; llgmin score was run before.")
        )
    shown = next((score for score in described if score.name.startswith("test_")), described[0])
    values = landscape.scores.values(shown.name, count)
    known = np.isfinite(values)
    if known.sum() > 1:
        caption = f"{shown.name.replace('_', ' ').capitalize()} of minima by their loss; the lowest minimum is orange."
        blocks.append(
            figure(draw_over_loss(material.losses[known], values[known], shown.name.replace("_", " ")), caption)
        )
    return blocks


# --- training -----------------------------------------------------------------------------------


def training(material: Material) -> list[str]:
    """What training runs found."""
    landscape = material.landscape
    if not len(landscape.training):
        raise Missing("The file holds no training runs; llgmin train makes some.")
    runs = run_paths(landscape, landscape, material.file)
    ends = np.array([run.losses[-1] for run in runs])
    below = np.array([int(run.minima[-1]) for run in runs])
    found = below[below >= 0]
    values, counts = np.unique(found, return_counts=True)
    root = landscape.global_minimum()
    excess = ends[below >= 0] - material.losses[found]
    said = [
        f"{counted(len(runs), 'run')} with {runs[0].label}.",
        f"They ended above {counted(len(values), 'different minimum', 'different minima')}; "
        f"{number(int((found == root).sum()))} above the lowest one.",
    ]
    if excess.size:
        said.append(f"In the median a run ended {number(float(np.median(excess)))} above the minimum below it.")
    lost = int((below < 0).sum())
    if lost:
        said.append(f"{number(lost)} ended above no minimum of this file.")
    blocks = [points(said)]
    order = np.lexsort((values, -counts))[:10]
    rows = [(str(values[k]), loss(material.losses[values[k]]), number(int(counts[k]))) for k in order.tolist()]
    if rows:
        blocks.append(table(("minimum", "loss", "runs"), rows, "Minima that training ended above most often", words=0))
    if len(landscape.transition_states):
        blocks += _drawn_runs(material, runs, values)
    return blocks


def _drawn_runs(material: Material, runs, found: np.ndarray) -> list[str]:
    states = material.landscape.transition_states
    lowest = np.argsort(material.losses, kind="stable")[:MOST_DRAWN_WITH_RUNS]
    drawn = superbasin_tree(
        material.losses, states.loss, states.minima, only=np.union1d(lowest, found)[: 2 * MOST_DRAWN_WITH_RUNS]
    )
    shown = runs[:MOST_RUNS]
    caption = "Training runs over the tree, each from where it comes below the top down to the minimum under its end."
    if len(shown) < len(runs):
        caption += f" The first {MOST_RUNS} of {len(runs)} runs."
    return [figure(draw_trees([Panel(drawn, runs=shown)]), caption)]
