"""How far clusterings, or predictions, of different minima agree, and at which temperature they cease to.

Two clusterings of n rows with n_ij rows in cluster i of the first and j of the second have the adjusted Rand index (L.
Hubert and P. Arabie, J. Classif. 2, 193, 1985)

    ARI = (S - E) / (M - E),   S = sum_ij C(n_ij, 2),   E = A B / C(n, 2),   M = (A + B) / 2

with A = sum_i C(n_i., 2) and B likewise: 1 if they are one, 0 on average at random.
"""

from dataclasses import dataclass

import numpy as np

# The highest temperature, in units of the lowest loss, that is looked at: there twice the loss weighs exp(-1) as much.
HIGHEST = 1.0
_COLDEST = 1e-5
_TEMPERATURES = 400


@dataclass(frozen=True)
class Mean:
    """A mean over pairs and its standard error; both NaN without a pair, the error NaN with a single one."""

    value: float
    error: float
    pairs: int


def rand_indices(labels: np.ndarray) -> np.ndarray:
    """Adjusted Rand indices (m, m) of clusterings (m, n), labels from 0."""
    number, rows = labels.shape
    kinds = int(labels.max(initial=0)) + 1
    members = (labels[:, None, :] == np.arange(kinds)[None, :, None]).astype(np.float64)
    flat = members.reshape(number * kinds, rows)
    own = _pairs(members.sum(axis=2)).sum(axis=1)
    together = np.empty((number, number))
    for one in range(number):
        shared = members[one] @ flat.T
        together[one] = _pairs(shared).reshape(kinds, number, kinds).sum(axis=(0, 2))
    total = _pairs(np.float64(rows))
    expected = np.outer(own, own) / total if total > 0.0 else np.zeros((number, number))
    largest = 0.5 * (own[:, None] + own[None, :])
    room = largest - expected
    # No room: both are one cluster, or both are as many clusters as rows, and so they are the same.
    return np.where(room > 0.0, (together - expected) / np.where(room > 0.0, room, 1.0), 1.0)


def _pairs(counts: np.ndarray) -> np.ndarray:
    return 0.5 * counts * (counts - 1.0)


def pairwise_mean(values: np.ndarray) -> Mean:
    """Mean of a symmetric matrix (m, m) over the pairs i < j.

    Pairs that share a member are not independent: the standard error is the jackknife's, that leaves out each member in
    turn (B. Efron and C. Stein, Ann. Stat. 9, 586, 1981).
    """
    number = len(values)
    pairs = number * (number - 1) // 2
    if not pairs:
        return Mean(float("nan"), float("nan"), 0)
    row_sums = values.sum(axis=1) - np.diag(values)
    total = 0.5 * row_sums.sum()
    if number < 3:
        return Mean(float(total / pairs), float("nan"), pairs)
    without = (total - row_sums) / (pairs - number + 1)
    error = np.sqrt((number - 1) / number * ((without - without.mean()) ** 2).sum())
    return Mean(float(total / pairs), float(error), pairs)


def weights_of(losses: np.ndarray, visits: np.ndarray, temperature: float) -> np.ndarray:
    """Shares (m,) in proportion to v exp(-(L - L_0) / T) of minima that v random starts led to; the lowest alone if T
    is 0.

    Visits stand for the volumes of basins: so the shares do not depend on how many minima a longer search has added,
    and harmonic widths, which are none where they exceed the basin, have no part.
    """
    excess = losses - losses.min()
    if temperature <= 0.0:
        weights = (excess == 0.0) * visits
    else:
        weights = visits * np.exp(-excess / temperature)
    return weights / weights.sum()


def expected_agreement(losses: np.ndarray, visits: np.ndarray, agreements: np.ndarray, temperature: float) -> float:
    """Mean agreement of two minima that are drawn, each by itself, by `weights_of`; (m,), (m,) and (m, m)."""
    weights = weights_of(losses, visits, temperature)
    return float(weights @ agreements @ weights)


def melting_temperature(losses: np.ndarray, visits: np.ndarray, agreements: np.ndarray, level: float) -> float:
    """The lowest temperature, in units of the lowest loss, at which the expected agreement is below `level`; inf if it
    is not below up to HIGHEST.

    0 if the lowest loss is 0: there is no unit then, and the lowest minimum is exact.
    """
    unit = float(losses.min())
    if not unit > 0.0:
        return 0.0
    grid = np.geomspace(_COLDEST, HIGHEST, _TEMPERATURES)
    below = [expected_agreement(losses, visits, agreements, scale * unit) < level for scale in grid.tolist()]
    first = int(np.argmax(below))
    if not below[first]:
        return float("inf")
    if first == 0:
        return 0.0
    low, high = grid[first - 1], grid[first]
    while high - low > 1e-6 * high:
        middle = 0.5 * (low + high)
        if expected_agreement(losses, visits, agreements, middle * unit) < level:
            high = middle
        else:
            low = middle
    return float(high)
