"""Naive twins of the measures: by their definitions, row by row and pair by pair."""

import math


def log_loss(probabilities, labels):
    return -sum(math.log(row[label]) for row, label in zip(probabilities, labels, strict=True)) / len(labels)


def auc(scores, positive):
    """Every pair of a positive and a negative row."""
    wins = []
    for score, is_positive in zip(scores, positive, strict=True):
        for other, other_is_positive in zip(scores, positive, strict=True):
            if is_positive and not other_is_positive:
                wins.append(1.0 if score > other else 0.5 if score == other else 0.0)
    return sum(wins) / len(wins) if wins else math.nan


def one_against_rest_auc(scores, labels):
    areas = []
    for label in range(len(scores[0])):
        area = auc([row[label] for row in scores], [other == label for other in labels])
        if not math.isnan(area):
            areas.append(area)
    return sum(areas) / len(areas) if areas else math.nan


def brier_score(probabilities, labels):
    total = 0.0
    for row, label in zip(probabilities, labels, strict=True):
        if len(row) == 2:
            total += (row[1] - label) ** 2
            continue
        total += sum((p - (place == label)) ** 2 for place, p in enumerate(row))
    return total / len(labels)


def calibration_error(confidence, correct, bins):
    error = 0.0
    for number in range(bins):
        inside = []
        for p, right in zip(confidence, correct, strict=True):
            above = p > number / bins or (number == 0 and p == 0.0)
            if above and p <= (number + 1) / bins:
                inside.append((p, right))
        if inside:
            mean_confidence = sum(p for p, _ in inside) / len(inside)
            share_correct = sum(right for _, right in inside) / len(inside)
            error += len(inside) / len(confidence) * abs(share_correct - mean_confidence)
    return error


def rank(values, value):
    """1 + number below + half the number of others alike."""
    return 1 + sum(other < value for other in values) + 0.5 * (sum(other == value for other in values) - 1)
