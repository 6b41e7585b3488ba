"""Makes NAME.train.csv and NAME.test.csv of cancer, wine and digits from the data that scikit-learn ships.

The split is a rule, not a draw: within each class, in the order of the source, rows go to the training part (R), to the
test part (T) or to neither (-), by a pattern that repeats. So both parts hold the classes in the same shares, and
nobody has picked a split.
"""

import csv

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

PATTERNS = {"cancer": "RRT", "wine": "RTT", "digits": "RT--"}


def parts(labels: np.ndarray, pattern: str) -> np.ndarray:
    """The letter of `pattern` for each row: its rank within its class, modulo the length of the pattern."""
    letters = np.empty(len(labels), dtype="U1")
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        letters[rows] = [pattern[rank % len(pattern)] for rank in range(len(rows))]
    return letters


def write(name: str, columns: list[str], features: np.ndarray, classes: np.ndarray) -> None:
    letters = parts(classes, PATTERNS[name])
    for part, letter in (("train", "R"), ("test", "T")):
        with open(f"{name}.{part}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            for row in np.flatnonzero(letters == letter):
                writer.writerow([f"{value:.10g}" for value in features[row]] + [classes[row]])


def table(name: str, data, target: str) -> None:
    columns = [str(column).replace("/", "_").replace(" ", "_") for column in data.feature_names]
    write(name, [*columns, target], data.data, data.target_names[data.target])


def images(data) -> None:
    """Of the 8 x 8 pixels the means of 2 x 2: 16 features, rXcY row X, column Y."""
    means = data.images.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)
    columns = [f"r{row}c{column}" for row in range(4) for column in range(4)]
    write("digits", [*columns, "digit"], means, np.array([f"d{digit}" for digit in data.target]))


if __name__ == "__main__":
    table("cancer", load_breast_cancer(), "diagnosis")
    table("wine", load_wine(), "cultivar")
    images(load_digits())
