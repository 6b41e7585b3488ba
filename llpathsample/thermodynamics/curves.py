"""Moments of the loss over temperatures, of any number of minima: what the curves of thermodynamics are made of.

With x_a = (L_a - L_0) / T, L_0 the lowest loss, and ln w_a = -x_a - LPPHE_a / 2 - ln o_a the occupations are
p_a = w_a / sum w. Minima are worked off in blocks that stay in the processor's cache, each about its own mean and
relative to its own largest weight, and then put together (T. F. Chan, G. H. Golub, R. J. LeVeque, Am. Stat. 37, 242,
1983): nothing cancels, and nothing overflows at any temperature. Memory: some arrays of a block besides the network.
"""

from dataclasses import dataclass

import numpy as np

from llpathsample.ktn import Network

_BLOCK = 16384  # minima; the arrays of a block are 128 KiB each
# x of a minimum that is not occupied, however large LPPHE are: its cube is still a number.
_FARTHEST = 1e100
# Losses of minima nearer to the lowest than this, of the largest of all points, are the same but for rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Curves:
    """Equilibrium over t temperatures; all arrays (t,).

    temperatures: in units of the loss. log_partition: ln sum_a w_a. excess: <L> - L_0, in units of the loss.
    capacity: Var(L) / T^2, the heat capacity without its constant. slope: d capacity / d ln T. entropy: Shannon's,
    -sum_a p_a ln p_a.
    """

    temperatures: np.ndarray
    log_partition: np.ndarray
    excess: np.ndarray
    capacity: np.ndarray
    slope: np.ndarray
    entropy: np.ndarray


@dataclass(frozen=True)
class _Parts:
    """Per temperature and block, (t, b): ln of the weight of a block, and means within it: of x, of its central square
    and cube, and of ln w."""

    log_weight: np.ndarray
    mean: np.ndarray
    square: np.ndarray
    cube: np.ndarray
    mean_log: np.ndarray


def minima_only(losses: np.ndarray, lpphe: np.ndarray, log_orders: np.ndarray) -> Network:
    """A network of these minima, (n,) each, without transition states."""
    nothing = np.empty(0)
    return Network(losses, lpphe, log_orders, nothing, nothing, nothing, np.empty((0, 2), dtype=np.int64))


def above_lowest(network: Network) -> np.ndarray:
    """Which minima, (n,), are above the lowest by more than rounding.

    Transition states count in the scale of losses: if all minima are zero but for rounding, only these tell.
    """
    scale = max(np.abs(network.losses).max(), np.abs(network.ts_losses).max(initial=0.0))
    return network.losses - network.losses.min() > _ROUNDING * scale


def scaled_excess(losses: np.ndarray, temperature: float) -> np.ndarray:
    """x_a = (L_a - L_0) / T, (n,), at most 1e100."""
    with np.errstate(over="ignore"):
        return np.minimum((losses - losses.min()) / temperature, _FARTHEST)


def curves(network: Network, temperatures: np.ndarray) -> Curves:
    """The curves of a network of n minima at temperatures (t,) above zero."""
    return curves_of_lowest(network, temperatures, [len(network.losses)])[0]


def curves_of_lowest(network: Network, temperatures: np.ndarray, counts: list[int]) -> list[Curves]:
    """The same of the lowest c minima alone, for each c of `counts` (rising, from 1 to n); one pass over the minima."""
    temperatures = np.asarray(temperatures, dtype=np.float64)
    count = len(network.losses)
    excess = network.losses - network.losses.min()
    weights = -0.5 * network.lpphe - network.log_orders
    if len(counts) > 1:
        by_loss = np.argsort(network.losses, kind="stable")
        excess, weights = excess[by_loss], weights[by_loss]
    borders = np.unique([*range(0, count, _BLOCK), *counts, count])
    blocks = list(zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True))
    parts = [_moments(excess[a:b], weights[a:b], temperatures) for a, b in blocks if b <= counts[-1]]
    table = _Parts(*np.moveaxis(np.array(parts), 0, -1))
    ends = np.searchsorted(borders, counts)
    return [_together(table, temperatures, int(end)) for end in ends]


def averages(network: Network, values: np.ndarray, temperatures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """<v> over the occupations, of a value v for each minimum, (n,), and ln sum_a w_a: (t,) each."""
    excess = network.losses - network.losses.min()
    weights = -0.5 * network.lpphe - network.log_orders
    starts = range(0, len(excess), _BLOCK)
    log_weight, means = np.empty((2, len(temperatures), len(starts)))
    for column, start in enumerate(starts):
        block = slice(start, start + _BLOCK)
        own, scratch = excess[block], np.empty((3, len(excess[block])))
        for row, temperature in enumerate(temperatures):
            shares, largest = _shares(own, weights[block], temperature, scratch)
            total = shares.sum()
            log_weight[row, column] = largest + np.log(total)
            means[row, column] = np.multiply(shares, values[block], out=scratch[0]).sum() / total
    shares, log_partition = _block_shares(log_weight)
    return (shares * means).sum(axis=1), log_partition


def _shares(excess: np.ndarray, weights: np.ndarray, temperature: float, scratch: np.ndarray) -> tuple:
    """w_a over the largest of them, and ln of the largest. scratch: (3, n), whose rows become x, ln of the shares, and
    the shares."""
    x, logs, shares = scratch
    with np.errstate(over="ignore"):
        np.divide(excess, temperature, out=x)
    np.minimum(x, _FARTHEST, out=x)
    np.subtract(weights, x, out=logs)
    largest = logs.max()
    logs -= largest
    return np.exp(logs, out=shares), largest


def _block_shares(log_weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of ln of the weights of blocks, (t, b): their shares, and ln of their sum, (t,)."""
    largest = log_weight.max(axis=1)
    shares = np.exp(log_weight - largest[:, None])
    total = shares.sum(axis=1)
    return shares / total[:, None], largest + np.log(total)


def _moments(excess: np.ndarray, weights: np.ndarray, temperatures: np.ndarray) -> np.ndarray:
    """The five rows of _Parts of one block, (5, t)."""
    found = np.empty((5, len(temperatures)))
    scratch = np.empty((4, len(excess)))
    x, logs, _, product = scratch
    for place, temperature in enumerate(temperatures.tolist()):
        shares, largest = _shares(excess, weights, temperature, scratch[:3])
        total = shares.sum()
        # No products of BLAS: its threads would change the last bits, and take longer than all the rest.
        mean = np.multiply(shares, x, out=product).sum() / total
        mean_log = np.multiply(shares, logs, out=product).sum() / total
        x -= mean
        shares *= x
        square = np.multiply(shares, x, out=product).sum() / total
        product *= x
        cube = product.sum() / total
        found[:, place] = (largest + np.log(total), mean, square, cube, largest + mean_log)
    return found


def _together(parts: _Parts, temperatures: np.ndarray, blocks: int) -> Curves:
    """The curves of the first so many blocks."""
    shares, log_partition = _block_shares(parts.log_weight[:, :blocks])
    mean = (shares * parts.mean[:, :blocks]).sum(axis=1)
    apart = parts.mean[:, :blocks] - mean[:, None]
    square = (shares * (parts.square[:, :blocks] + apart**2)).sum(axis=1)
    cube = (shares * (parts.cube[:, :blocks] + 3.0 * apart * parts.square[:, :blocks] + apart**3)).sum(axis=1)
    entropy = log_partition - (shares * parts.mean_log[:, :blocks]).sum(axis=1)
    return Curves(
        temperatures=temperatures,
        log_partition=log_partition,
        excess=mean * temperatures,
        capacity=square,
        slope=cube - 2.0 * square,
        entropy=np.maximum(entropy, 0.0),
    )
