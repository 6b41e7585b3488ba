"""topsearch on the same problem: a connection attempt in its own environment, judged here.

An attempt is topsearch's own (`NetworkSampling.connection_attempt`): one nudged elastic band, then hybrid
eigenvector-following and both descents from each of its maxima. Seconds are CPU of the attempt alone, without the
interpreter's start and imports. The points come back as they are and `verification` judges them.
"""

import json
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import processes
from benchmarks.attempt import Attempt, Triple
from benchmarks.problem import Problem
from benchmarks.suite import PeerFailed

DRIVER = Path(__file__).resolve().parent / "_topsearch_driver.py"

# The best found by hand in some 60 trials on 14 to 24 pairs of minima of iris 4-10-3 at lambda 1e-4 (the pairs that
# `run.py` draws among them). As shipped the minimiser has a memory of 5 and a cap of 200 iterations; longer memories
# save most, a low cap in the orthogonal subspace some. Eigenvector tolerance: 1e-5 costs three times as much, 3e-4
# loses a third of the transition states. Soft springs and a coarse band are best; the band's minimiser mostly gives
# up by itself before any cap (its force is not the gradient of its energy). ts_conv_crit bounds the largest component
# of the gradient: 2e-6 gave a root mean square below 1e-6 in these trials. 2 % of the box's width (2 half_width)
# bounds a minimisation; the box itself was chosen well beyond the minima.
TUNED = {
    "seed": 0,
    "half_width": 20.0,
    "band": {"force_constant": 0.02, "image_density": 3.0, "max_images": 20, "neb_conv_crit": 1e-3},
    "single_ended": {
        "ts_conv_crit": 2e-6,
        "ts_steps": 500,
        "pushoff": 0.1,
        "steepest_descent_conv_crit": 1e-6,
        "max_uphill_step_size": 0.05,
        "positive_eigenvalue_step": 0.1,
        "eigenvalue_conv_crit": 1e-4,
    },
    "minimiser": {
        "band_iterations": 1000,
        "band_memory": 10,
        "eigenvector_iterations": 1000,
        "eigenvector_memory": 30,
        "subspace_iterations": 30,
        "subspace_memory": 30,
        "descent_iterations": 5000,
        "descent_memory": 50,
    },
}


def _write_job(problem: Problem, start: np.ndarray, finish: np.ndarray, settings: dict, folder: Path) -> None:
    """What the driver reads."""
    np.savez(
        folder / "job.npz",
        features=problem.features,
        classes=problem.classes,
        hidden=problem.hidden,
        outputs=problem.outputs,
        regularisation=problem.regularisation,
        start=start,
        finish=finish,
    )
    (folder / "settings.json").write_text(json.dumps(settings))


def _run(python: Path, folder: Path, cpu_limit: int) -> dict[str, np.ndarray]:
    """The driver's arrays."""
    run = processes.run([str(python), str(DRIVER), str(folder)], folder, cpu_limit)
    if run.exit_code != 0:
        lines = run.output.strip().splitlines() or ["no message"]
        raise PeerFailed(f"topsearch ended with exit code {run.exit_code}: {lines[-1]}")
    with np.load(folder / "result.npz") as written:
        return dict(written)


def connect(
    python: Path,
    problem: Problem,
    start: np.ndarray,
    finish: np.ndarray,
    settings: dict | None = None,
    cpu_limit: int = 600,
) -> Attempt:
    """One attempt on two minima (house order, already aligned), by default with the settings TUNED.

    python: the interpreter of `environment.prepare_topsearch`. Raises PeerFailed if the process fails.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_job(problem, start, finish, settings or TUNED, folder)
        result = _run(python, folder, cpu_limit)
    points = zip(result["plus"], result["transition_states"], result["minus"], strict=True)
    downhill = int(result["evaluations_descent"])
    return Attempt(
        seconds=float(result["seconds"]),
        triples=[Triple(*point) for point in points],
        gradients=int(result["evaluations"]) - downhill,
        hessians=0,
        downhill=downhill,
    )
