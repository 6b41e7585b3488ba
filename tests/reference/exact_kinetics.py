"""Rates, passage times and committors as solutions of linear systems in ball arithmetic (python-flint): the judge where
double precision returns noise."""

import math

import flint
import numpy as np


def exact(network, temperature, a, b, bits):
    """ln of all quantities between sets A and B of a connected network, as floats, correctly rounded or nearly so.

    Keys: time_to_a, time_to_b, committor_a, committor_b, (n,) each; of each direction (forth: A <- B) steady_state,
    non_steady_state, inverse_time, first_passage.
    """
    before, flint.ctx.prec = flint.ctx.prec, bits
    try:
        return _exact(network, temperature, list(map(int, a)), list(map(int, b)))
    finally:
        flint.ctx.prec = before


def _ball(value):
    return flint.arb(float(value))


def _exact(network, temperature, a, b):
    count = len(network.losses)
    t = _ball(temperature)

    def weight(loss, lpphe, log_order):
        return (-_ball(loss) / t - _ball(lpphe) / 2 - _ball(log_order)).exp()

    pi = [weight(*row) for row in zip(network.losses, network.lpphe, network.log_orders, strict=True)]
    w = [[flint.arb(0)] * count for _ in range(count)]
    states = zip(network.ts_losses, network.ts_lpphe, network.ts_log_orders, network.ends.tolist(), strict=True)
    for *own, (i, j) in states:
        if i != j:
            conductance = weight(*own) / (2 * flint.arb.pi())
            w[i][j] += conductance
            w[j][i] += conductance

    def solved(absorbing, given, source):
        """f with sum_j W_xj (f_x - f_j) = source_x outside the absorbing nodes and f given there."""
        inside = [x for x in range(count) if x not in absorbing]
        if not inside:
            return list(given)
        matrix = flint.arb_mat(len(inside), len(inside))
        right = flint.arb_mat(len(inside), 1)
        for row, x in enumerate(inside):
            for column, y in enumerate(inside):
                matrix[row, column] = sum(w[x], flint.arb(0)) if x == y else -w[x][y]
            right[row, 0] = source[x] + sum((w[x][y] * given[y] for y in absorbing), flint.arb(0))
        values = matrix.solve(right)
        found = list(given)
        for row, x in enumerate(inside):
            found[x] = values[row, 0]
        return found

    zero, one = flint.arb(0), flint.arb(1)
    nothing = [zero] * count
    times = {"a": solved(a, nothing, pi), "b": solved(b, nothing, pi)}
    until = solved(a + b, nothing, pi)
    committors = {
        "a": solved(a + b, [one if x in a else zero for x in range(count)], nothing),
        "b": solved(a + b, [one if x in b else zero for x in range(count)], nothing),
    }
    result = {f"time_to_{name}": _logarithms(values) for name, values in times.items()}
    result |= {f"committor_{name}": _logarithms(values) for name, values in committors.items()}
    for name, source, target in (("forth", b, "a"), ("back", a, "b")):
        total = sum((pi[x] for x in source), zero)
        steady, relaxing, mean, inverse = zero, zero, zero, zero
        for x in source:
            flow = sum((w[x][y] * committors[target][y] for y in range(count)), zero)
            capacity = pi[x] + sum((w[x][y] * until[y] for y in range(count)), zero)
            steady += flow / total
            relaxing += pi[x] / total * flow / capacity
            mean += pi[x] / total * times[target][x]
            inverse += pi[x] / total / times[target][x]
        kinds = ("steady_state", "non_steady_state", "inverse_time", "first_passage")
        result[name] = dict(zip(kinds, _logarithms([steady, relaxing, 1 / mean, inverse]), strict=True))
    return result


def _logarithms(values):
    found = []
    for value in values:
        if value == 0:
            found.append(-math.inf)
            continue
        logarithm = value.log()
        assert logarithm.is_finite() and float(logarithm.rad()) < 1e-15 * max(1.0, abs(float(logarithm.mid())))
        found.append(float(logarithm.mid()))
    return np.array(found)
