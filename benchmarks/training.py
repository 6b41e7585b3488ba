"""Training as `llgmin train` does it: CPU of an epoch of iris 4-10-3, and of a hundred runs with their quenches."""

import statistics
import time
from collections.abc import Callable

import numpy as np

from benchmarks import ours, table
from benchmarks import problem as problems
from benchmarks.options import Options
from benchmarks.progress import say
from llcommon.losses.base import LossModel
from llcommon.optimise.quench import Quencher
from llcommon.optimise.training import Trainer
from llcommon.rng import generator
from llcommon.settings import QuenchSettings, TrainSettings

_EPOCHS = 2000
_RUNS = 100
# Optimiser and rows of a batch (0: all).
CASES = (("sgd", 0), ("sgd", 16), ("sgd", 1), ("adam", 16), ("adam", 1))


def _trained(model: LossModel, optimiser: str, batch: int, number: int) -> np.ndarray:
    """The end of one run of _EPOCHS."""
    trainer = Trainer(model, TrainSettings(optimiser=optimiser, batch=batch), QuenchSettings())
    rng = generator(number, "training")
    state = trainer.begin(model.random_start(rng))
    trainer.epochs(state, rng, _EPOCHS)
    return state["x"]


def _epoch(model: LossModel, optimiser: str, batch: int) -> Callable[[int], float]:
    def measure(number: int) -> float:
        begin = time.process_time()
        _trained(model, optimiser, batch, number)
        return (time.process_time() - begin) / _EPOCHS

    return measure


def _runs(model: LossModel) -> float:
    """CPU seconds of a hundred runs by SGD with batches of 16 rows, and the quenches of their ends."""
    quencher = Quencher(model, QuenchSettings())
    begin = time.process_time()
    for number in range(_RUNS):
        quencher.quench(_trained(model, "sgd", 16, number))
    return time.process_time() - begin


def training(options: Options) -> table.Result:
    """Medians over rounds in which all kinds of batches take turns; the hundred runs once."""
    model = ours.model_of(problems.iris(1e-4))
    measures = {f"{name}, batch {batch or 'all rows'}": _epoch(model, name, batch) for name, batch in CASES}
    for measure in measures.values():
        measure(0)  # loads compiled code
    times = table.interleaved(measures, options.repeats)
    say("training: epochs")
    task = "training, iris 4-10-3"
    figures = [table.Figure(task, name, "an epoch", table.duration(statistics.median(times[name]))) for name in times]
    runs = f"{_RUNS} runs of {_EPOCHS} epochs, quenches included"
    figures.append(table.Figure(f"{task}, sgd, batch 16", table.OURS, runs, table.duration(_runs(model))))
    return table.Result([], figures)
