"""Measures and scores of minima as named columns: what tables list and correlations compare."""

import numpy as np

from llcommon.store import Landscape
from llpathsample.robustness.examine import Plan, Robustness
from llpathsample.robustness.inputs import quantity

SCORES = {"accuracy": True, "auc": True, "log_loss": False, "r2": True, "mse": False, "mae": False}
"""Scores that measures are compared with, and whether the highest is best."""


def measures(landscape: Landscape, found: list[Robustness], plan: Plan) -> dict[str, np.ndarray]:
    """What may go with how well a minimum predicts, (n,) each, for the minima examined."""
    ids = np.array([one.minimum for one in found], dtype=np.int64)
    bends = [one.curvature for one in found]
    columns = {
        "loss": landscape.minima.loss[ids],
        "norm": [bend.norm for bend in bends],
        "lpphe": landscape.minima.lpphe[ids],
        "trace": [bend.trace.value for bend in bends],
        "largest_eigenvalue": [bend.largest for bend in bends],
        "effective_dimension": [bend.effective_dimension.value for bend in bends],
        "condition_number": [bend.condition_number for bend in bends],
        "soft_modes": [bend.soft_modes.value for bend in bends],
        "relative_trace": [bend.relative_trace.value for bend in bends],
        "relative_curvature": [bend.relative_curvature for bend in bends],
    }
    for place, radius in enumerate(plan.radii):
        columns[f"expected_{radius:g}"] = _changes(found, place, "expected")
        columns[f"worst_{radius:g}"] = _changes(found, place, "worst")
    return {name: np.array(values, dtype=np.float64) for name, values in columns.items()}


def details(found: list[Robustness], plan: Plan) -> dict[str, np.ndarray]:
    """What the table of minima has besides, (n,) each: errors, and what the Hessian says of the changes. The names
    begin with those of what they belong to."""
    columns = {}
    if any(one.curvature.probes for one in found):
        for name in ("trace", "effective_dimension", "soft_modes", "relative_trace"):
            columns[f"{name}_error"] = [getattr(one.curvature, name).error for one in found]
    for place, radius in enumerate(plan.radii):
        columns[f"expected_{radius:g}_error"] = _changes(found, place, "error")
        columns[f"expected_{radius:g}_quadratic"] = _changes(found, place, "expected_quadratic")
        columns[f"worst_{radius:g}_quadratic"] = _changes(found, place, "worst_quadratic")
    for place, name in enumerate(noise_names(plan)):
        columns[f"{name}_error"] = [one.noisy[place][1] for one in found]
    return {name: np.array(values, dtype=np.float64) for name, values in columns.items()}


def noise_names(plan: Plan) -> list[str]:
    """Names of the scores under noise on the inputs."""
    if plan.inputs is None:
        return []
    return [f"{quantity(plan.inputs.rows)}_noise_{sigma:g}" for sigma in plan.inputs.sigmas]


def noise_scores(found: list[Robustness], plan: Plan) -> dict[str, np.ndarray]:
    """Scores under noise on the inputs, (n,) each."""
    return {name: np.array([one.noisy[place][0] for one in found]) for place, name in enumerate(noise_names(plan))}


def highest_is_best(score: str) -> bool:
    """Whether a score, by its name, is best where it is highest."""
    return SCORES[score.split("_noise_")[0]]


def _changes(found: list[Robustness], place: int, name: str) -> list[float]:
    return [getattr(one.changes[place], name) if one.changes else float("nan") for one in found]
