"""Markov chains over the posterior, by emcee: ensembles of walkers that know the minima, and whether they converged.

The gradient of the loss is compiled by Numba, so samplers that need it from JAX or PyMC (NumPyro, BlackJAX) cannot use
it; the posterior has walls, the box, on which its mass often lies, which Hamiltonian dynamics would have to be
reflected from; it has several modes, between which neither Hamiltonian nor slice sampling goes; and it has few
coordinates. An ensemble sampler (D. Foreman-Mackey, D. W. Hogg, D. Lang and J. Goodman, PASP 125, 306, 2013) needs
values only, follows any scale, and takes moves of one's own. Here they are

- differential evolution (C. J. F. ter Braak, Stat. Comput. 16, 239, 2006), with its jumps of a whole difference, which
  lead from one mode to another that has walkers, too;
- jumps to draws of the density of the minima (`harmonic`), independent of where a walker is, accepted by the rule of
  Metropolis and Hastings: they carry walkers from minimum to minimum in the right numbers.

The snooker move of emcee 3.1.6 is left out: its acceptance does not belong to its step (the exponent of ter Braak and
Vrugt, Stat. Comput. 18, 435, 2008, is d - 1 for a step along the line, which it halves), and the variance of a normal
distribution of three coordinates comes out a fifth too small.
"""

import importlib.util
from dataclasses import dataclass

import numpy as np

from llcommon.rng import generator
from llcommon.status import Status
from llpathsample.bayes.harmonic import Harmonic
from llpathsample.bayes.predictions import Scores, influence, predictions_at, scores
from llpathsample.bayes.problem import Problem

LARGEST_R_HAT = 1.01  # A. Vehtari et al., Bayesian Anal. 16, 667 (2021)
LEAST_TIMES = 50.0  # steps in units of the autocorrelation time, as emcee asks for
LEAST_EFFECTIVE = 400.0
EVOLUTION, WHOLE_DIFFERENCE, TO_MINIMA = 0.5, 0.1, 0.4  # shares of the moves
_CHUNK = 500  # steps between looks at the autocorrelation time
_BURN = 0.25  # share of the steps, the first ones, that are left out
_MARGIN = 1.2  # an ensemble goes on until it is longer than is asked for by so much
_BATCHES = 4  # of each ensemble, for the Monte Carlo error
_TRIES = 1000  # draws for a first point inside of the box


@dataclass(frozen=True)
class Lengths:
    """steps: the most that a walker makes; ensembles: independent ones, walkers: of each, None: by the number of
    coordinates. draws: points of all ensembles that predict."""

    steps: int = 10_000
    ensembles: int = 4
    walkers: int | None = None
    draws: int = 2000

    def walkers_for(self, dimension: int) -> int:
        """Of an ensemble."""
        return self.walkers or max(16, 4 * dimension)


@dataclass(frozen=True)
class Ensemble:
    """points: (steps, walkers, N). log_posterior: (steps, walkers). acceptance: share of moves that were accepted."""

    points: np.ndarray
    log_posterior: np.ndarray
    acceptance: float


@dataclass(frozen=True)
class Sampled:
    """What the ensembles say.

    autocorrelation: the largest integrated autocorrelation time, in steps, of a coordinate or of L. effective: draws of
    all ensembles over it. r_hat: the largest of a coordinate or of L, between halves of independent ensembles.
    steps: kept of each walker.
    scores: of the predictions.
    """

    status: Status
    autocorrelation: float
    effective: float
    r_hat: float
    steps: int
    acceptance: float
    scores: Scores


def available() -> bool:
    """Whether emcee is installed."""
    return importlib.util.find_spec("emcee") is not None


def run_ensemble(problem: Problem, density: Harmonic, lengths: Lengths, seed: int, number: int) -> Ensemble:
    """One ensemble, from draws of the density of the minima; `number` makes it independent of others.

    It ends when what it keeps is long enough beside its autocorrelation time, as emcee's manual has it, or at
    lengths.steps.
    """
    import emcee

    rng = generator(seed, "ensemble", number)
    walkers = lengths.walkers_for(problem.model.dimension)
    start = _starts(problem, density, walkers, rng)
    sampler = emcee.EnsembleSampler(
        walkers, problem.model.dimension, problem.log_posterior, moves=_moves(density), vectorize=True
    )
    # emcee takes the state of a RandomState, and never draws from NumPy's global one with these moves.
    state = emcee.State(start, random_state=np.random.RandomState(rng.integers(2**32, size=8)).get_state())
    while True:
        state = sampler.run_mcmc(state, min(_CHUNK, lengths.steps - sampler.iteration))
        burn = int(_BURN * sampler.iteration)
        found = Ensemble(
            sampler.get_chain(discard=burn),
            sampler.get_log_prob(discard=burn),
            float(sampler.acceptance_fraction.mean()),
        )
        longest = autocorrelation_times(_followed([found])).max()
        if sampler.iteration >= lengths.steps or len(found.points) >= _MARGIN * LEAST_TIMES * longest:
            return found


def _followed(ensembles: list[Ensemble]) -> np.ndarray:
    """Coordinates and the logarithm of the posterior, (ensembles, steps, walkers, N + 1), the last steps of each."""
    steps = min(len(one.points) for one in ensembles)
    chains = [np.concatenate([one.points, one.log_posterior[..., None]], axis=-1)[-steps:] for one in ensembles]
    return np.stack(chains)


def _moves(density: Harmonic) -> list[tuple]:
    from emcee import moves

    def jump(points, rng):
        proposed = density.draw(len(points), rng)
        return proposed, density.log_density(points) - density.log_density(proposed)

    return [
        (moves.DEMove(), EVOLUTION),
        (moves.DEMove(gamma0=1.0), WHOLE_DIFFERENCE),
        (moves.MHMove(jump), TO_MINIMA),
    ]


def _starts(problem: Problem, density: Harmonic, walkers: int, rng: np.random.Generator) -> np.ndarray:
    """Draws where the posterior is not zero, (walkers, N)."""
    found = np.empty((0, problem.model.dimension))
    for _ in range(_TRIES):
        points = density.draw(walkers, rng)
        found = np.vstack([found, points[np.isfinite(problem.log_posterior(points))]])
        if len(found) >= walkers:
            return found[:walkers]
    raise RuntimeError("no draw around the minima lies where the loss is finite")


def sampled(problem: Problem, ensembles: list[Ensemble], lengths: Lengths) -> Sampled:
    """Diagnostics and scores of ensembles of one problem."""
    followed = _followed(ensembles)
    points = followed[..., :-1]
    times = autocorrelation_times(followed)
    count = points.shape[0] * points.shape[1] * points.shape[2]
    longest = float(times.max())
    largest = float(r_hat(followed).max())
    effective = count / longest
    converged = largest <= LARGEST_R_HAT and points.shape[1] >= LEAST_TIMES * longest and effective >= LEAST_EFFECTIVE
    return Sampled(
        # A comparison with NaN, of walkers that never moved, is false.
        status=Status.CONVERGED if converged else Status.UNRELIABLE,
        autocorrelation=longest,
        effective=effective,
        r_hat=largest,
        steps=points.shape[1],
        acceptance=float(np.mean([one.acceptance for one in ensembles])),
        scores=_scores(problem, points, lengths.draws),
    )


def _scores(problem: Problem, points: np.ndarray, draws: int) -> Scores:
    """Scores of evenly spaced steps of all walkers, with the error by batches of steps of each ensemble."""
    ensembles, steps, walkers, dimension = points.shape
    wanted = max(_BATCHES, round(draws / (ensembles * walkers)))
    rows = np.unique(np.linspace(0, steps - 1, min(wanted, steps)).round().astype(int))
    kept = points[:, rows].reshape(-1, dimension)
    found = predictions_at(problem, kept, np.zeros(len(kept)))
    pulls = influence(found, problem.targets).reshape(ensembles, len(rows), walkers).mean(axis=2)
    batches = [part.mean() for one in pulls for part in np.array_split(one, _BATCHES)]
    return scores(found, problem.targets, float(np.std(batches, ddof=1) / np.sqrt(len(batches))))


def autocorrelation_times(followed: np.ndarray) -> np.ndarray:
    """Integrated autocorrelation time in steps of each of q quantities (ensembles, steps, walkers, q): (q,).

    NaN if a walker never moved.
    """
    from emcee import autocorr

    chains = np.concatenate(list(followed), axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.array([float(autocorr.integrated_time(chains[:, :, q], tol=0)[0]) for q in range(chains.shape[2])])


def r_hat(followed: np.ndarray) -> np.ndarray:
    """Potential scale reduction of each of q quantities (ensembles, steps, walkers, q), (q,).

    The halves of all ensembles are the chains (A. Gelman et al., Bayesian Data Analysis, 3rd edition, 2013, equation
    11.4).
    """
    half = followed.shape[1] // 2
    chains = np.concatenate([followed[:, :half], followed[:, -half:]])
    chains = chains.reshape(len(chains), -1, chains.shape[-1])
    length = chains.shape[1]
    within = chains.var(axis=1, ddof=1).mean(axis=0)
    between = chains.mean(axis=1).var(axis=0, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.sqrt((length - 1.0) / length + between / within)
