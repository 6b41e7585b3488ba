"""Importance sampling of the posterior from the density of its minima: evidence and predictions, with their errors.

With points x_s of the density q and r_s = exp(-L(x_s) / T) / q(x_s), the evidence is the mean of r, unbiased, and the
weights of the points are r_s / sum r (A. B. Owen, Monte Carlo Theory, Methods and Examples, 2013, chapter 9).
"""

from dataclasses import dataclass

import numpy as np

from llcommon.rng import generator
from llcommon.status import Status
from llcommon.superposition import log_sum
from llpathsample.bayes.harmonic import Harmonic
from llpathsample.bayes.predictions import Scores, influence, predictions_at, scores
from llpathsample.bayes.problem import Problem

LEAST_EFFECTIVE = 200.0  # effective draws below which an estimate, and its error, may lack a part of the posterior
_LEFT_OUT = 1e-6  # weight of the points of least weight, all together, that predict nothing


@dataclass(frozen=True)
class Importance:
    """log_evidence: ln of the integral of exp(-L / T) over the box, log_error its standard error. effective: draws of
    equal weight that would tell as much. scores: of the predictions."""

    status: Status
    draws: int
    effective: float
    log_evidence: float
    log_error: float
    scores: Scores


def importance(problem: Problem, density: Harmonic, draws: int, seed: int) -> Importance:
    """Evidence and scores by `draws` points."""
    points = density.draw(draws, generator(seed, "importance"))
    posterior = problem.log_posterior(points)
    inside = np.flatnonzero(np.isfinite(posterior))
    ratios = np.full(draws, -np.inf)
    ratios[inside] = posterior[inside] - density.log_density(points[inside])
    total = log_sum(ratios)
    weights = np.exp(ratios - total)
    effective = 1.0 / float((weights**2).sum())
    # Of the mean of r: its relative variance is (draws sum w^2 - 1) / draws.
    log_error = float(np.sqrt(max((weights**2).sum() - 1.0 / draws, 0.0)))
    order = np.argsort(weights, kind="stable")
    kept = np.sort(order[np.searchsorted(np.cumsum(weights[order]), _LEFT_OUT) :])
    found = predictions_at(problem, points[kept], ratios[kept])
    pulls = np.exp(found.log_weights) * (influence(found, problem.targets) - 1.0)
    return Importance(
        status=Status.CONVERGED if effective >= LEAST_EFFECTIVE else Status.UNRELIABLE,
        draws=draws,
        effective=effective,
        log_evidence=float(total - np.log(draws)),
        log_error=log_error,
        scores=scores(found, problem.targets, float(np.sqrt((pulls**2).sum()))),
    )
