"""What can be compared of what was asked for: an error if the user named it, else a note."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from llcommon.data import Rows
from llcommon.errors import ConfigError, InputError
from llcommon.scoring import measures_of
from llcommon.store import Landscape
from llpathsample.ensembles.choosing import NEED_STATES, Choice, chosen
from llpathsample.ensembles.settings import Options


@dataclass(frozen=True)
class Asked:
    """What the user named, which must be had then."""

    choose: bool
    combine: bool
    size: bool


def check_probabilities(landscape: Landscape, name: str) -> None:
    """ConfigError if a model for classes gives no probabilities of them, or numbers of groups."""
    model, data = landscape.model, landscape.data
    if data.class_names and model.log_probabilities(np.zeros(model.dimension), data.features[:1]) is None:
        raise ConfigError(
            f"the outputs of the loss model {model.name} of {name} are no probabilities of classes, which ensembles "
            'combine; train by loss = "cross-entropy" or "bce"'
        )


def check_measure(by: str | None, landscape: Landscape) -> None:
    """ConfigError if differences are to be told by a measure that predictions of this model have not."""
    known = [measure.name for measure in measures_of(landscape, landscape.data.rows())]
    if by is not None and by not in known:
        raise ConfigError(f"--by {by} is no measure of this target; take one of {', '.join(known)}")


def check_rows(landscape: Landscape, rows: Rows, valid: Rows | None, test: Path, validation: Path | None) -> None:
    """InputError for test rows that cannot be split or were trained on, and validation rows that are no others."""
    if rows.sha256 == landscape.data.sha256:
        raise InputError(f"{test} is the training data; give rows that no search has seen")
    least, why = (4, "to be split") if valid is None else (2, "for an error")
    if len(rows.features) < least:
        count = f"{len(rows.features)} row{'' if len(rows.features) == 1 else 's'}"
        raise InputError(f"{test} has {count}, too few {why}; {least} at least are needed")
    if valid is not None:
        for other, name in ((rows.sha256, "the test rows"), (landscape.data.sha256, "the training data")):
            if valid.sha256 == other:
                raise InputError(f"{validation} holds {name}; what is fitted on validation rows must not see those")


def possible_combinations(
    landscape: Landscape, rows: Rows, split: bool, options: Options, asked: Asked
) -> tuple[list[str], list[str]]:
    """The combinations that can be had of these validation rows (or rows to be split), and notes about the others."""
    combine, notes = list(options.combine), []
    if not landscape.data.class_names and "vote" in combine:
        combine.remove("vote")
        if not combine:
            raise ConfigError("vote is for classes, and the target is a number; combine by mean or others")
        if asked.combine:
            notes.append("vote is for classes, and left out")
    if rows.labels is not None and "stacking" in combine:
        names = landscape.data.class_names
        needed = 2 if split else 1
        short = np.flatnonzero(np.bincount(rows.labels, minlength=len(names)) < needed)
        if short.size:
            few = "fewer than two rows" if split else "no row"
            sentence = f"{rows.source} has {few} of {', '.join(names[label] for label in short)}"
            if asked.combine:
                raise InputError(f"{sentence}, so stacking cannot be fitted; add rows, or leave it out of --combine")
            notes.append(f"{sentence}, so there is no stacking")
            combine.remove("stacking")
    return combine, notes


def possible_choices(
    landscape: Landscape, file: Path, options: Options, asked: Asked, notes: list[str]
) -> list[Choice]:
    """The members by every rule that names some; what is left out or smaller is noted, or an error if asked for."""
    count = len(landscape.minima)
    size = options.size
    if size > count:
        if asked.size:
            raise ConfigError(f"--size {size}: {file} holds {count} minima; give at most as many")
        notes.append(f"{file} holds {count} minima, so ensembles have as many members")
        size = count
    found = []
    for rule in options.choose:
        problem = ""
        if rule in NEED_STATES and not len(landscape.transition_states):
            problem = f"{file} holds no transition states, so there are no {rule}; grow it with llpathsample grow"
        else:
            choice = chosen(landscape, rule, size, options.draws, options.seed)
            if not choice.size:
                problem = f"{file} names no minima by {rule}: no LPPHE, or no peak of the heat capacity"
        if problem:
            if asked.choose:
                raise InputError(problem)
            notes.append(problem)
            continue
        if choice.size < size:
            notes.append(f"{rule} names {choice.size} members only, fewer than {size}")
        found.append(choice)
    return found
