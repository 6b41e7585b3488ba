"""One connection attempt by topsearch, run inside its own throw-away environment: `python _topsearch_driver.py FOLDER`.

Reads FOLDER/job.npz (the problem, both minima) and FOLDER/settings.json, writes FOLDER/result.npz. The loss is
the NumPy one of `scipy_numpy.py`. topsearch's code is left as it is: only the arguments of its minimiser
(a wrapper of SciPy's L-BFGS-B) that its callers leave at 200 iterations and a memory of 5 are given here.
"""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np  # noqa: E402
from topsearch.data.coordinates import StandardCoordinates  # noqa: E402
from topsearch.data.kinetic_transition_network import KineticTransitionNetwork  # noqa: E402
from topsearch.minimisation import lbfgs  # noqa: E402
from topsearch.potentials.potential import Potential  # noqa: E402
from topsearch.sampling.exploration import NetworkSampling  # noqa: E402
from topsearch.similarity.similarity import StandardSimilarity  # noqa: E402
from topsearch.transition_states.hybrid_eigenvector_following import HybridEigenvectorFollowing  # noqa: E402
from topsearch.transition_states.nudged_elastic_band import NudgedElasticBand  # noqa: E402

from benchmarks.problem import Problem  # noqa: E402
from benchmarks.scipy_numpy import NumpyLoss  # noqa: E402

# What topsearch minimises, by the name of the function that it hands to its minimiser.
PHASES = {
    "band_function_gradient": "band",
    "rayleigh_ritz_function_gradient": "eigenvector",
    "subspace_function_gradient": "subspace",
    "function_gradient": "descent",
}


class LossPotential(Potential):
    """The NumPy loss as a topsearch potential."""

    def __init__(self, loss: NumpyLoss):
        super().__init__()
        self.loss = loss

    def function(self, position: np.ndarray) -> float:
        """L(x)."""
        return self.loss(position)[0]

    def gradient(self, position: np.ndarray) -> np.ndarray:
        """The gradient of L, shape (N,)."""
        return self.loss(position)[1]

    def function_gradient(self, position: np.ndarray) -> tuple[float, np.ndarray]:
        """L(x) and its gradient from one evaluation."""
        return self.loss(position)


class Minimiser:
    """topsearch's minimiser with a cap on iterations and a memory for each of PHASES.

    evaluations: those made so far, by phase.
    """

    def __init__(self, original, loss: NumpyLoss, settings: dict):
        self.original = original
        self.loss = loss
        self.settings = settings
        self.evaluations = dict.fromkeys(PHASES.values(), 0)

    def __call__(self, func_grad, initial_position, bounds, conv_crit=1e-6, args=None):
        """The minimum's coordinates, its value, SciPy's dictionary."""
        phase = PHASES[func_grad.__name__]
        before = self.loss.evaluations
        result = self.original(
            func_grad,
            initial_position,
            bounds,
            conv_crit=conv_crit,
            args=args,
            n_steps=self.settings[f"{phase}_iterations"],
            history_size=self.settings[f"{phase}_memory"],
        )
        self.evaluations[phase] += self.loss.evaluations - before
        return result


def sampler(loss: NumpyLoss, minima: list[np.ndarray], settings: dict) -> NetworkSampling:
    """topsearch's network of the two minima and its searches with these settings."""
    potential = LossPotential(loss)
    half_width = settings["half_width"]
    coordinates = StandardCoordinates(ndim=minima[0].size, bounds=[(-half_width, half_width)] * minima[0].size)
    network = KineticTransitionNetwork()
    for minimum in minima:
        network.add_minimum(minimum, potential.function(minimum))
    similarity = StandardSimilarity(distance_criterion=0.1, energy_criterion=1e-6)
    band = NudgedElasticBand(potential, **settings["band"])
    single_ended = HybridEigenvectorFollowing(potential, **settings["single_ended"])
    return NetworkSampling(network, coordinates, None, single_ended, band, similarity)


def attempt(problem: Problem, minima: list[np.ndarray], settings: dict) -> dict[str, np.ndarray]:
    """topsearch's attempt at this pair: points found, CPU seconds, evaluations."""
    np.random.seed(settings["seed"])  # the eigenvector's start
    loss = NumpyLoss(problem)
    search = sampler(loss, minima, settings)
    minimiser = Minimiser(lbfgs.minimise, loss, settings["minimiser"])
    original, lbfgs.minimise = lbfgs.minimise, minimiser
    loss.evaluations = 0
    begin = time.process_time()
    try:
        found = search.connection_attempt([0, 1])
    finally:
        lbfgs.minimise = original
    seconds = time.process_time() - begin

    shape = (len(found), problem.dimension)
    result = {
        name: np.array([point[column] for point in found]).reshape(shape)
        for name, column in (("transition_states", 0), ("plus", 2), ("minus", 4))
    }
    result |= {
        name: np.array([point[column] for point in found], dtype=float)
        for name, column in (("losses", 1), ("plus_losses", 3), ("minus_losses", 5))
    }
    counts = {f"evaluations_{phase}": number for phase, number in minimiser.evaluations.items()}
    return result | counts | {"seconds": seconds, "evaluations": loss.evaluations}


def main(folder: Path) -> None:
    """Read the job, do it, write the result."""
    settings = json.loads((folder / "settings.json").read_text())
    with np.load(folder / "job.npz") as job:
        sizes = {"hidden": int(job["hidden"]), "outputs": int(job["outputs"])}
        problem = Problem(job["features"], job["classes"], regularisation=float(job["regularisation"]), **sizes)
        minima = [job["start"], job["finish"]]
    np.savez(folder / "result.npz", **attempt(problem, minima, settings))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
