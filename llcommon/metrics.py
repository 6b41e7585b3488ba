"""How good predictions are: log loss, accuracy, AUC, Brier score, calibration; and for numbers mse, R^2, MAE.

n rows, K classes; labels are class indices. Every measure is computed from all rows, without thresholds or a grid
(the calibration error has bins by definition). NaN: not defined for these rows, which each says.

- G. W. Brier, Monthly Weather Review 78, 1 (1950): the Brier score
- I. J. Good, J. R. Stat. Soc. B 14, 107 (1952): the logarithmic score
- H. B. Mann and D. R. Whitney, Ann. Math. Stat. 18, 50 (1947); J. A. Hanley and B. J. McNeil, Radiology 143, 29
  (1982): the area under the ROC curve as a rank statistic
- T. Fawcett, Pattern Recognition Letters 27, 861 (2006): one class against the rest, averaged
- M. P. Naeini, G. F. Cooper and M. Hauskrecht, AAAI 29, 2901 (2015); C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger,
  ICML 70, 1321 (2017): the expected calibration error
- C. Spearman, Am. J. Psychol. 15, 72 (1904): the rank correlation
"""

import numpy as np

CALIBRATION_BINS = 15

# --- classes --------------------------------------------------------------------------------------


def log_loss(log_probabilities: np.ndarray, labels: np.ndarray) -> float:
    """-(1/n) sum_i ln p_i(class of row i), in nats (Good 1952).

    log_probabilities: (n, K), from a log-softmax, so that nothing need be clipped where p rounds to 0.
    """
    rows = np.arange(len(labels))
    return float(-np.mean(log_probabilities[rows, labels]))


def accuracy(predicted: np.ndarray, labels: np.ndarray) -> float:
    """Share of rows whose predicted class, int (n,), is the right one."""
    return float(np.mean(predicted == labels))


def log_odds(log_probabilities: np.ndarray) -> np.ndarray:
    """ln p / (1 - p) of every class, (n, K), K at least 2; also where p rounds to 1.

    1 - p is summed from the other classes: with the largest probability left out if that is the class itself.
    """
    rows = np.arange(len(log_probabilities))
    top = log_probabilities.argmax(axis=1)
    others = log_probabilities.copy()
    others[rows, top] = -np.inf
    second = others.max(axis=1)
    rest_of_top = second + np.log(np.exp(others - second[:, None]).sum(axis=1))
    # Where a class is not the top one, the top one is in the sum and the difference loses nothing.
    probabilities = np.exp(log_probabilities)
    probabilities[rows, top] = 0.0
    with np.errstate(divide="ignore"):
        rest = np.log1p(-probabilities)
    rest[rows, top] = rest_of_top
    return log_probabilities - rest


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve: P(score of a positive row > score of a negative one), ties counting one half.

    scores: (n,). positive: bool (n,). It is U / (P N) of Mann and Whitney (1947), with integer counts and one
    division; see Hanley and McNeil (1982). NaN if there are no positive rows, or no negative ones.
    """
    positives = scores[positive]
    negatives = np.sort(scores[~positive])
    if not positives.size or not negatives.size:
        return float("nan")
    below = np.searchsorted(negatives, positives, side="left").sum()
    not_above = np.searchsorted(negatives, positives, side="right").sum()
    return float((below + not_above) / (2 * positives.size * negatives.size))


def one_against_rest_auc(scores: np.ndarray, labels: np.ndarray) -> float:
    """Mean of the AUC of each class against all others, each class with the same weight (Fawcett 2006, macro average).

    scores: (n, K), those of a class in its column. Classes that no row is of are left out, see `classes_in`; NaN if all
    rows are of one class. For two classes with scores s and -s both AUC are that of s.
    """
    present = classes_in(labels)
    if len(present) < 2:
        return float("nan")
    return float(np.mean([auc(scores[:, label], labels == label) for label in present]))


def classes_in(labels: np.ndarray) -> list[int]:
    """The classes that occur, ascending."""
    return np.unique(labels).tolist()


def brier_score(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """(1/n) sum_i sum_k (p_ik - [row i is of class k])^2 (Brier 1950), between 0 and 2; probabilities: (n, K).

    For two classes, where both terms are equal, only one is taken: (1/n) sum_i (p_i - y_i)^2, between 0 and 1.
    """
    rows = np.arange(len(labels))
    differences = probabilities.copy()
    differences[rows, labels] -= 1.0
    if probabilities.shape[1] == 2:
        differences = differences[:, 1:]
    return float(np.mean(np.sum(differences**2, axis=1)))


def calibration_error(confidence: np.ndarray, correct: np.ndarray, bins: int = CALIBRATION_BINS) -> float:
    """Expected calibration error: sum_b (n_b / n) |share correct in bin b - mean confidence in bin b|.

    confidence: (n,), probability of the predicted class. correct: bool (n,). Bins of equal width on [0, 1], those with
    a probability at an edge in the bin below (Guo et al. 2017, equations 2 to 5). Between 0 and 1.
    """
    edges = np.arange(1, bins) / bins
    places = np.searchsorted(edges, confidence, side="left")
    surplus = np.bincount(places, weights=confidence - correct, minlength=bins)
    return float(np.abs(surplus).sum() / len(confidence))


# --- numbers --------------------------------------------------------------------------------------


def mean_squared_error(outputs: np.ndarray, targets: np.ndarray) -> float:
    """(1/n) sum_i |output_i - target_i|^2; both (n, outputs)."""
    return float(np.mean(np.sum((outputs - targets) ** 2, axis=1)))


def mean_absolute_error(outputs: np.ndarray, targets: np.ndarray) -> float:
    """Mean of |output - target| over all entries; both (n, outputs)."""
    return float(np.mean(np.abs(outputs - targets)))


def r_squared(outputs: np.ndarray, targets: np.ndarray) -> float:
    """Coefficient of determination, 1 - sum (output - target)^2 / sum (target - mean target)^2; both (n, 1).

    The mean is that of these rows. 1 at best, 0 for the mean as the prediction, below 0 for worse. NaN if all targets
    are equal.
    """
    if np.all(targets == targets[0]):
        return float("nan")
    spread = np.sum((targets - targets.mean(axis=0)) ** 2)
    return float(1.0 - np.sum((outputs - targets) ** 2) / spread)


# --- ranks ----------------------------------------------------------------------------------------


def average_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, (n,), equal values with the mean of their ranks."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - 0.5 * (counts - 1))[places]


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation: Pearson's of the average ranks, between -1 and 1.

    Entries where either is NaN are left out; NaN if fewer than 2 are left or all of one kind are equal.
    """
    known = ~(np.isnan(first) | np.isnan(second))
    if not known.any():
        return float("nan")
    a = average_ranks(first[known])
    b = average_ranks(second[known])
    a = a - a.mean()
    b = b - b.mean()
    size = np.sqrt(np.sum(a**2) * np.sum(b**2))
    if size == 0.0:
        return float("nan")
    return float(np.clip(np.sum(a * b) / size, -1.0, 1.0))
