"""One basin-hopping run by topsearch, run inside its own throw-away environment: `python _hunt_driver.py FOLDER`.

Reads FOLDER/job.npz (the problem, the start) and FOLDER/settings.json, writes FOLDER/result.npz. topsearch's code is
left as it is, as in `_topsearch_driver.py`: its minimiser gets a longer memory and a higher cap on iterations, and the
run is left when a minimisation ends at the loss `stop` or below, which topsearch has no means for. Displacements are
made in place, on the minimum of the chain too: a rejected hop goes on from where it began to quench.
"""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np  # noqa: E402
from topsearch.data.coordinates import StandardCoordinates  # noqa: E402
from topsearch.data.kinetic_transition_network import KineticTransitionNetwork  # noqa: E402
from topsearch.global_optimisation.basin_hopping import BasinHopping  # noqa: E402
from topsearch.global_optimisation.perturbations import StandardPerturbation  # noqa: E402
from topsearch.minimisation import lbfgs  # noqa: E402
from topsearch.similarity.similarity import StandardSimilarity  # noqa: E402

from benchmarks._topsearch_driver import LossPotential  # noqa: E402
from benchmarks.problem import Problem  # noqa: E402
from benchmarks.scipy_numpy import NumpyLoss  # noqa: E402
from benchmarks.surfaces import Surface, SurfaceLoss  # noqa: E402


class Reached(Exception):
    """A minimisation has ended at the loss looked for."""


class Minimiser:
    """topsearch's minimiser with its own memory and cap; quenches counted, the lowest end kept."""

    def __init__(self, original, settings: dict):
        self.original = original
        self.settings = settings
        self.quenches = 0
        self.value = np.inf
        self.lowest = None

    def __call__(self, func_grad, initial_position, bounds, conv_crit=1e-6, args=None):
        """The minimum's coordinates, its value, SciPy's dictionary. Raises Reached."""
        result = self.original(
            func_grad,
            initial_position,
            bounds,
            conv_crit=conv_crit,
            args=args,
            n_steps=self.settings["iterations"],
            history_size=self.settings["memory"],
        )
        self.quenches += 1
        if result[1] < self.value:
            self.value = result[1]
            self.lowest = np.array(result[0])
        if result[1] <= self.settings["stop"]:
            raise Reached
        return result


def hunt(loss: NumpyLoss | SurfaceLoss, start: np.ndarray, settings: dict) -> dict[str, np.ndarray]:
    """Basin-hopping until the loss `stop` or for `steps` hops: lowest point, quenches, CPU seconds."""
    np.random.seed(settings["seed"])
    half_width = settings["half_width"]
    coordinates = StandardCoordinates(ndim=start.size, bounds=[(-half_width, half_width)] * start.size)
    coordinates.position = start.copy()
    search = BasinHopping(
        KineticTransitionNetwork(),
        LossPotential(loss),
        StandardSimilarity(distance_criterion=0.1, energy_criterion=1e-6),
        # Displacements are drawn from a range of this width.
        StandardPerturbation(max_displacement=2.0 * settings["step"]),
    )
    minimiser = Minimiser(lbfgs.minimise, settings)
    original, lbfgs.minimise = lbfgs.minimise, minimiser
    begin = time.process_time()
    try:
        search.run(coordinates, settings["steps"], settings["tolerance"], settings["temperature"])
    except Reached:
        pass
    finally:
        lbfgs.minimise = original
    seconds = time.process_time() - begin
    return {"seconds": seconds, "quenches": minimiser.quenches, "lowest": minimiser.lowest}


def main(folder: Path) -> None:
    """Read the job, do it, write the result."""
    settings = json.loads((folder / "settings.json").read_text())
    with np.load(folder / "job.npz") as job:
        # Numbers and names come back as arrays without a dimension.
        fields = {name: array if array.ndim else array.item() for name, array in job.items()}
    start = fields.pop("start")
    loss = SurfaceLoss(Surface(**fields)) if "name" in fields else NumpyLoss(Problem(**fields))
    np.savez(folder / "result.npz", **hunt(loss, start, settings))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
