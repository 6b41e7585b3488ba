"""What ensembles, single minima and networks of scikit-learn predict for test rows, measured alike.

Everything here is arrays: what minima predict for the rows is computed once (`Material`), and a split into validation
and test rows takes parts of it. Nothing that is fitted sees a test row.
"""

from dataclasses import dataclass

import numpy as np

from llcommon.combining import FITTED, Ensemble, combined, log_pool, member_outputs
from llcommon.data import Rows
from llcommon.errors import InputError
from llcommon.scoring import measures_together, row_measures
from llcommon.store import Landscape
from llpathsample.ensembles import baselines
from llpathsample.ensembles.choosing import Choice
from llpathsample.ensembles.fitting import competence_of, fitted, loss_weights, occupation_weights
from llpathsample.splits import taken

Key = tuple[str, str]

SINGLE = ("single", "lowest")
BY_VALIDATION = ("single", "best by validation")
MEMBERS = "single members"
TRAINED = "scikit-learn"
BAGGING = (TRAINED, "bagging")
MOST_CANDIDATES = 1000  # minima that the best by validation is chosen from, the lowest ones


@dataclass(frozen=True, eq=False)
class Plan:
    """What is compared. ensembles: not yet fitted, by choice and combination, one for each draw. lowest: id of the
    minimum of lowest loss. candidates: ids, by rising loss, that the best by validation is chosen from. classes: number
    of them, 0 for numbers. ranked: as of `probability_measures`. networks: how many scikit-learn trains of a kind."""

    ensembles: dict[Key, list[Ensemble]]
    lowest: int
    candidates: np.ndarray
    classes: int
    ranked: int | None
    networks: int = 0

    def minima(self) -> list[int]:
        """Ids of all whose predictions are needed, ascending."""
        members = [ensemble.members for draws in self.ensembles.values() for ensemble in draws]
        return np.unique(np.concatenate([*members, self.candidates, [self.lowest]])).tolist()

    def choices(self) -> list[str]:
        """The rules that chose members."""
        return list(dict.fromkeys(choice for choice, _ in self.ensembles))


@dataclass(frozen=True, eq=False)
class Material:
    """What is predicted for rows. inputs: (n, d), scaled. outputs: (p, n, K) of minima, places: row there of each id.
    trained: (n, K) of networks of scikit-learn together, by kind."""

    rows: Rows
    inputs: np.ndarray
    outputs: np.ndarray
    places: dict[int, int]
    trained: dict[str, np.ndarray]

    def of(self, ids: np.ndarray) -> np.ndarray:
        """Outputs of these minima, (e, n, K)."""
        return self.outputs[[self.places[minimum] for minimum in np.asarray(ids).tolist()]]

    def part(self, numbers: np.ndarray) -> "Material":
        """Some of the rows."""
        together = {kind: outputs[numbers] for kind, outputs in self.trained.items()}
        return Material(
            taken(self.rows, numbers), self.inputs[numbers], self.outputs[:, numbers], self.places, together
        )


@dataclass(frozen=True, eq=False)
class Measured:
    """values: (measures,), mean over the draws of random members. spread: their standard deviation, NaN of one. rows:
    (n,) by name, of measures that are means over rows."""

    values: np.ndarray
    spread: np.ndarray
    rows: dict[str, np.ndarray]


def planned(
    landscape: Landscape, choices: list[Choice], combinations: list[str], temperature: float, networks: int = 0
) -> tuple[Plan, list[str]]:
    """What to compare, and sentences about what cannot be."""
    losses = landscape.minima.loss
    notes = []
    ensembles: dict[Key, list[Ensemble]] = {}
    for choice in choices:
        for combination in combinations:
            weights = [_weights(landscape, members, combination, temperature) for members in choice.draws]
            if any(each is None for each in weights):
                notes.append(f"not all members by {choice.name} have an LPPHE, so there are no occupation weights")
                continue
            about = {"choice": choice.name}
            if combination in ("loss", "occupation"):
                about["temperature"] = temperature
            ensembles[choice.name, combination] = [
                Ensemble(combination, members, each, about=about)
                for members, each in zip(choice.draws, weights, strict=True)
            ]
    candidates = np.argsort(losses, kind="stable")[:MOST_CANDIDATES]
    if len(losses) > MOST_CANDIDATES:
        notes.append(f"the best by validation is one of the {MOST_CANDIDATES} lowest of {len(losses)} minima")
    classes = len(landscape.data.class_names)
    plan = Plan(ensembles, landscape.global_minimum(), candidates, classes, landscape.model.ranked_class, networks)
    return plan, notes


def _weights(landscape: Landscape, members: np.ndarray, combination: str, temperature: float) -> np.ndarray | None:
    if combination == "loss":
        return loss_weights(landscape.minima.loss[members], temperature)
    if combination == "occupation":
        return occupation_weights(landscape, members, temperature)
    return np.full(len(members), 1.0 / len(members))


def material(landscape: Landscape, plan: Plan, rows: Rows, networks: dict[str, list]) -> Material:
    """What minima and networks predict for rows. InputError if an output is not finite."""
    ids = plan.minima()
    points = [landscape.minima.coordinates[minimum].copy() for minimum in ids]
    try:
        outputs = member_outputs(landscape.model, points, rows.features)
    except ValueError as error:
        raise InputError(
            f"the prediction of minimum {ids[error.args[0]]} for a row of {rows.source} is not finite; correct or "
            "remove that row"
        ) from error
    inputs = landscape.data.transform(rows.features)
    trained = {
        kind: _together(baselines.outputs_of(each, inputs, plan.classes), plan) for kind, each in networks.items()
    }
    return Material(rows, inputs, outputs, {minimum: place for place, minimum in enumerate(ids)}, trained)


def _together(outputs: np.ndarray, plan: Plan) -> np.ndarray:
    """ln of the mean p, or the mean number, (n, K); outputs: (e, n, K)."""
    return log_pool(np.full(len(outputs), 1.0 / len(outputs)), outputs) if plan.classes else outputs.mean(axis=0)


# --- one split ------------------------------------------------------------------------------------


def fitted_on(ensemble: Ensemble, validation: Material | None) -> Ensemble:
    """The ensemble with all that its combination needs."""
    if ensemble.combination not in FITTED:
        return ensemble
    return fitted(ensemble, validation.of(ensemble.members), validation.rows, validation.inputs)


def predictions(plan: Plan, test: Material, validation: Material | None) -> dict[Key, list[np.ndarray]]:
    """What each of the compared predicts for the test rows, (n, K), one for each draw or each single member."""
    found = {SINGLE: [test.of([plan.lowest])[0]]}
    if validation is not None:
        found[BY_VALIDATION] = [test.of([best_by_validation(plan, validation)])[0]]
    seen = set()
    for (choice, combination), draws in plan.ensembles.items():
        if choice not in seen:
            seen.add(choice)
            found[choice, MEMBERS] = [outputs for each in draws for outputs in test.of(each.members)]
        ready = [fitted_on(ensemble, validation) for ensemble in draws]
        found[choice, combination] = [
            combined(each, test.of(each.members), test.inputs, bool(plan.classes)) for each in ready
        ]
    found |= {(TRAINED, kind): [outputs] for kind, outputs in test.trained.items()}
    return found


def best_by_validation(plan: Plan, validation: Material) -> int:
    """Id of the candidate with the best mean ln p, or squared error, on validation rows; of those alike the lowest."""
    competence = competence_of(validation.of(plan.candidates), validation.rows).mean(axis=0)
    return int(plan.candidates[int(competence.argmax())])


def measured(outputs: list[np.ndarray], rows: Rows, ranked: int | None) -> Measured:
    """All measures of what was predicted for rows, once or several times."""
    values = np.array([measures_together(each, rows, ranked) for each in outputs])
    by_row = [row_measures(each, rows) for each in outputs]
    spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.full(values.shape[1], np.nan)
    means = {name: np.mean([each[name] for each in by_row], axis=0) for name in by_row[0]}
    return Measured(values.mean(axis=0), spread, means)


def evaluated(plan: Plan, test: Material, validation: Material | None) -> dict[Key, Measured]:
    """The measures of everything that is compared."""
    found = predictions(plan, test, validation)
    return {key: measured(outputs, test.rows, plan.ranked) for key, outputs in found.items()}


def sizes(plan: Plan, keys: list[Key]) -> dict[Key, int | None]:
    """How many members each has; None of a single minimum."""
    found: dict[Key, int | None] = dict.fromkeys(keys)
    of_choice = {choice: len(draws[0].members) for (choice, _), draws in plan.ensembles.items()}
    for key in found:
        found[key] = plan.networks if key[0] == TRAINED else of_choice.get(key[0])
    return found
