"""Epochs of training: equal to the textbook's updates, every row once, and what ends a run."""

import numpy as np
import pytest

from llcommon import losses
from llcommon.errors import ConfigError
from llcommon.optimise import training
from llcommon.optimise.lbfgs import lbfgs
from llcommon.optimise.training import GOING_ON, MEMORY, Trainer
from llcommon.rng import generator
from llcommon.seam import rows_kernel
from llcommon.searchsettings import TrainSettings
from llcommon.settings import QuenchSettings
from llcommon.status import Status
from tests.llcommon.losses.cases import Case, class_table, numeric_table
from tests.llcommon.optimise.models import Awkward, small_mlp
from tests.reference import training as twin

OPTIMISERS = ("sgd", "adam", "lbfgs")
CASES = [
    Case("mlp", {"hidden": [3], "lambda": 1e-2}, class_table()),
    Case("mlp", {"hidden": [2, 2], "activation": "logistic", "loss": "mse", "regularise_biases": False}, class_table()),
    Case("mlp", {"hidden": [], "loss": "mse"}, numeric_table()),
]
EPOCHS = 4


def trainer_of(model, optimiser="sgd", **values) -> Trainer:
    return Trainer(model, TrainSettings(optimiser=optimiser, **values), QuenchSettings())


def epoch(trainer, state, rng=None) -> int:
    """One epoch; GOING_ON or why the run ends."""
    outcome, done = trainer.epochs(state, rng or generator(1), 1)
    assert done == 1
    return outcome


def run(trainer, start, epochs=EPOCHS, rng=None):
    """Points (epochs, N) behind each epoch."""
    state = trainer.begin(start)
    rng = rng or generator(5, "batches")
    points = []
    for _ in range(epochs):
        assert epoch(trainer, state, rng) == GOING_ON
        points.append(state["x"].copy())
    return np.array(points)


def start_of(model):
    return model.random_start(np.random.default_rng(11))


# --- beside the twin ------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("batch", [0, 1, 4, 9])
@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_epochs_are_those_of_the_textbook(case, batch, optimiser):
    model = case.build()
    start = start_of(model)
    points = run(trainer_of(model, optimiser, batch=batch, learning_rate=0.05, momentum=0.8), start)
    rng = generator(5, "batches")
    gradients = []
    for _ in range(EPOCHS):
        # The whole loss needs no order.
        order = rng.permutation(model.rows) if 0 < batch < model.rows else np.arange(model.rows)
        for rows in twin.batches_of(order, batch or model.rows):
            gradients.append(lambda x, rows=rows: twin.gradient_of_rows(model, x, rows))
    expected = getattr(twin, optimiser)(start, gradients, 0.05, 0.8)
    ends = expected[len(gradients) // EPOCHS - 1 :: len(gradients) // EPOCHS]
    assert points == pytest.approx(ends, abs=1e-10, rel=1e-10)


def test_without_momentum_it_is_gradient_descent():
    model = small_mlp()
    x = start_of(model)
    points = run(trainer_of(model, momentum=0.0), x)
    for point in points:
        x = x - 0.1 * model.value_and_gradient(x)[1]
        assert point == pytest.approx(x, abs=1e-14)


def test_lbfgs_iterations_are_those_of_the_quench():
    model = small_mlp(**{"lambda": 1e-2})
    start = start_of(model)
    points = run(trainer_of(model, "lbfgs"), start, epochs=30)
    for iterations in (1, 2, 7, 30):
        x = start.copy()
        gradient = np.empty(model.dimension)
        lbfgs(model.kernel, *model.packed, x, gradient, 1e-9, MEMORY, QuenchSettings().maximum_step, iterations, 1e4)
        assert points[iterations - 1] == pytest.approx(x, abs=1e-12)


@pytest.mark.parametrize(("optimiser", "rate"), [("sgd", 0.1), ("adam", 0.01), ("lbfgs", 1.0)])
def test_learning_rates_that_are_unset(optimiser, rate):
    model = small_mlp()
    unset = run(trainer_of(model, optimiser), start_of(model))
    assert np.array_equal(unset, run(trainer_of(model, optimiser, learning_rate=rate), start_of(model)))


# --- batches --------------------------------------------------------------------------------------


@rows_kernel
def counting_rows(chosen, reals, integers, reals_out, integers_out):
    """Notes in the data themselves how often each row was asked for, and in how many batches."""
    reals[0] += 1.0
    for row in chosen:
        reals[1 + row] += 1.0
    integers_out[:] = integers
    reals_out[:] = reals


@pytest.mark.parametrize(("batch", "batches"), [(1, 23), (5, 5), (22, 2)])
@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_an_epoch_takes_every_row_once(optimiser, batch, batches):
    model = Awkward(Awkward.SLOPE)
    model.rows = 23
    model.rows_kernel = counting_rows
    model.reals = np.zeros(1 + 23)
    run(trainer_of(model, optimiser, batch=batch), np.zeros(2), epochs=3)
    assert model.reals.tolist() == [3.0 * batches] + [3.0] * 23


def test_orders_are_drawn_anew():
    orders = trainer_of(small_mlp(), batch=7)._orders(generator(1), 30)
    assert len(np.unique(orders, axis=0)) == 30
    assert (np.sort(orders, axis=1) == np.arange(small_mlp().rows)).all()


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_a_batch_of_all_rows_is_the_whole_loss(optimiser):
    model = small_mlp()
    whole = run(trainer_of(model, optimiser), start_of(model))
    for batch in (model.rows, model.rows + 1):
        assert np.array_equal(run(trainer_of(model, optimiser, batch=batch), start_of(model)), whole)
    packed = trainer_of(model, optimiser, batch=model.rows - 1)
    packed.batch = model.rows  # one batch, in a random order
    assert run(packed, start_of(model)) == pytest.approx(whole, abs=1e-12)


def test_lbfgs_takes_all_rows():
    model = small_mlp()
    assert np.array_equal(
        run(trainer_of(model, "lbfgs", batch=3), start_of(model)), run(trainer_of(model, "lbfgs"), start_of(model))
    )


@pytest.mark.parametrize("most", [1, 3 * 40, 10**6])
@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_epochs_at_once_are_epochs_one_by_one(monkeypatch, optimiser, most):
    monkeypatch.setattr(training, "_MOST_ORDERS", most)
    model = small_mlp()
    trainer = trainer_of(model, optimiser, batch=8)
    rng, one_rng = generator(5, "batches"), generator(5, "batches")
    state = trainer.begin(start_of(model))
    assert trainer.epochs(state, rng, 11) == (GOING_ON, 11)
    one_by_one = run(trainer, start_of(model), epochs=11, rng=one_rng)
    assert np.array_equal(state["x"], one_by_one[-1])
    assert rng.bit_generator.state == one_rng.bit_generator.state


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_a_run_goes_on_from_its_state(optimiser):
    model = small_mlp()
    trainer = trainer_of(model, optimiser, batch=8)
    points = run(trainer, start_of(model), epochs=12)
    state = trainer.begin(start_of(model))
    rng = generator(5, "batches")
    for point in points:
        # A copy, and what another run left in between, change nothing.
        state = {name: array.copy() for name, array in state.items()}
        run(trainer, -start_of(model), epochs=1)
        epoch(trainer, state, rng)
        assert np.array_equal(state["x"], point)


# --- what ends a run ------------------------------------------------------------------------------


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_a_loss_that_is_not_finite_ends_the_run(optimiser):
    model = Awkward(Awkward.BARRIER)
    trainer = trainer_of(model, optimiser)
    state = trainer.begin(np.array([-1.0, np.nan]))
    assert epoch(trainer, state) == Status.NOT_FINITE


def test_a_learning_rate_too_large_diverges():
    model = Awkward(Awkward.QUARTIC)
    trainer = trainer_of(model, learning_rate=1.0)
    state = trainer.begin(np.array([3.0, 1.0]))
    outcomes = [epoch(trainer, state) for _ in range(6)]
    ended = next(outcome for outcome in outcomes if outcome != GOING_ON)
    assert ended in (Status.LEFT_RADIUS, Status.NOT_FINITE)
    assert outcomes[-1] == Status.NOT_FINITE


def test_a_run_that_ended_has_drawn_what_it_used():
    model = small_mlp()
    trainer = trainer_of(model, batch=8, learning_rate=1e6)
    rng, one_rng = generator(5, "batches"), generator(5, "batches")
    outcome, done = trainer.epochs(trainer.begin(start_of(model)), rng, 50)
    assert outcome in (Status.LEFT_RADIUS, Status.NOT_FINITE)
    state = trainer.begin(start_of(model))
    outcomes = [epoch(trainer, state, one_rng) for _ in range(done)]
    assert outcomes == [GOING_ON] * (done - 1) + [outcome]
    assert rng.bit_generator.state == one_rng.bit_generator.state


def test_lbfgs_ends_at_the_tolerance():
    model = small_mlp()
    trainer = trainer_of(model, "lbfgs")
    state = trainer.begin(start_of(model))
    outcomes = []
    while not outcomes or outcomes[-1] == GOING_ON:
        outcomes.append(epoch(trainer, state))
        assert len(outcomes) < 3000
    assert outcomes[-1] == Status.CONVERGED
    gradient = model.value_and_gradient(state["x"])[1]
    assert np.sqrt(gradient @ gradient / gradient.size) <= QuenchSettings().rms
    again = trainer.begin(state["x"])
    assert epoch(trainer, again) == Status.CONVERGED
    assert np.array_equal(again["x"], state["x"])


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_runs_stay_in_the_box(optimiser):
    model = losses.build("himmelblau", {"lower": [-4.0, 2.5], "upper": [2.0, 6.0]})
    points = run(trainer_of(model, optimiser, learning_rate=1e-2), np.array([1.0, 3.0]), epochs=300)
    lower, upper = model.bounds()
    assert (points >= lower).all() and (points <= upper).all()
    assert (points == lower).any() or (points == upper).any()


def test_what_is_impossible_is_said():
    surface = losses.build("himmelblau", {})
    with pytest.raises(ConfigError, match=r"\[train\] batch must be 0, since the loss model himmelblau has no rows"):
        trainer_of(surface, batch=1)
    trainer_of(surface, "lbfgs", batch=1)
    boxed = losses.build("himmelblau", {"lower": [0.0], "upper": [6.0]})
    with pytest.raises(ConfigError, match='"lbfgs" knows no bounds'):
        trainer_of(boxed, "lbfgs")


def test_the_rows_kernel_of_no_rows_does_nothing():
    reals, integers = np.empty(0), np.empty(0, dtype=np.int64)
    assert training.no_rows(integers, reals, integers, reals, integers) is None
