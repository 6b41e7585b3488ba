"""Naive twins of thermodynamics: sums over minima one by one, and barriers by trying thresholds."""

import math


def occupations(losses, lpphe, orders, temperature):
    lowest, softest = min(losses), min(lpphe)
    weights = [
        math.exp(-(loss - lowest) / temperature - 0.5 * (stiff - softest)) / order
        for loss, stiff, order in zip(losses, lpphe, orders, strict=True)
    ]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def mean(shares, values):
    return math.fsum(share * value for share, value in zip(shares, values, strict=True))


def capacity(losses, shares, temperature):
    """Var(L) / T^2."""
    centre = mean(shares, losses)
    return mean(shares, [((loss - centre) / temperature) ** 2 for loss in losses])


def entropy(shares):
    return -math.fsum(share * math.log(share) for share in shares if share > 0.0)


def barrier(losses, states, start, end):
    """Lowest threshold at which two minima are in one superbasin; states: (loss, a, b). inf if there is none."""
    if start == end:
        return losses[start]
    for threshold in sorted(loss for loss, _, _ in states):
        reached = {start}
        while True:
            more = {x for loss, a, b in states if loss <= threshold and {a, b} & reached for x in (a, b)} - reached
            if not more:
                break
            reached |= more
        if end in reached:
            return threshold
    return math.inf


def frustration(losses, states, shares, from_global=False):
    """f and f~."""
    g = losses.index(min(losses))
    f = 0.0
    for a, loss in enumerate(losses):
        height = barrier(losses, states, a, g)
        if loss > losses[g] and height < math.inf:
            f += shares[a] * (height - (losses[g] if from_global else loss)) / (loss - losses[g])
    return f, f / math.fsum(share for a, share in enumerate(shares) if a != g)
