"""Naive twins of kinetics: rates one by one, first-passage quantities by dense linear systems, the heat capacity."""

import math

import numpy as np


def rate(landscape, minimum, state, temperature):
    """k of the step out of a minimum through a transition state (k_B = 1, unit masses)."""
    minima, states = landscape.minima, landscape.transition_states
    orders = float(minima.order[minimum]) / float(states.order[state])
    vibrations = math.exp(0.5 * (minima.lpphe[minimum] - states.lpphe[state]))
    barrier = states.loss[state] - minima.loss[minimum]
    return orders / (2.0 * math.pi) * vibrations * math.exp(-barrier / temperature)


def rate_matrix(landscape, temperature):
    """K[b, a] of the step a -> b, columns summing to zero."""
    count = len(landscape.minima)
    matrix = np.zeros((count, count))
    for state, (plus, minus) in enumerate(landscape.transition_states.minima.tolist()):
        if plus == minus:
            continue
        for a, b in ((plus, minus), (minus, plus)):
            matrix[b, a] += rate(landscape, a, state, temperature)
            matrix[a, a] -= rate(landscape, a, state, temperature)
    return matrix


def occupations(landscape, temperature):
    minima = landscape.minima
    weights = np.exp(-(minima.loss - minima.loss.min()) / temperature - 0.5 * (minima.lpphe - minima.lpphe.min()))
    weights = weights / minima.order
    return weights / weights.sum()


def rates_between(landscape, product, reactant, temperature):
    """(k_SS, k_NSS, k) of product <- reactant, ids of minima each; all minima connected."""
    matrix = rate_matrix(landscape, temperature)
    count = len(matrix)
    waiting = -1.0 / np.diag(matrix)
    branching = matrix * waiting
    np.fill_diagonal(branching, 0.0)
    product, reactant = list(product), list(reactant)
    others = [i for i in range(count) if i not in product and i not in reactant]
    # Probability to be in the product before the reactants, and time until either, from the others.
    committor = np.zeros(count)
    committor[product] = 1.0
    until = np.zeros(count)
    if others:
        inner = np.eye(len(others)) - branching[np.ix_(others, others)].T
        committor[others] = np.linalg.solve(inner, branching[np.ix_(product, others)].sum(axis=0))
        until[others] = np.linalg.solve(inner, waiting[others])
    outside = [i for i in range(count) if i not in product]
    passage = np.zeros(count)
    passage[outside] = np.linalg.solve(np.eye(len(outside)) - branching[np.ix_(outside, outside)].T, waiting[outside])
    weights = occupations(landscape, temperature)[reactant]
    weights /= weights.sum()
    reached = branching[:, reactant].T @ committor
    times = waiting[reactant] + branching[:, reactant].T @ until
    steady = float((weights * reached / waiting[reactant]).sum())
    return steady, float((weights * reached / times).sum()), float((weights / passage[reactant]).sum())


def heat_capacity(landscape, temperature, degrees_of_freedom):
    """kappa + variance of the loss / T^2, in the harmonic superposition approximation."""
    weights = occupations(landscape, temperature)
    mean = (weights * landscape.minima.loss).sum()
    return degrees_of_freedom + (weights * (landscape.minima.loss - mean) ** 2).sum() / temperature**2
