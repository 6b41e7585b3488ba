"""The exclusive-or table learnt by a module of PyTorch: 2-2-2, tanh, softmax, 12 weights."""

import itertools

import numpy as np
import torch

from llcommon.adapters.torch import TorchLoss

HIDDEN = 2


class MyNet(TorchLoss):
    def __init__(self, data, l2=1e-3):
        layers = [torch.nn.Linear(2, HIDDEN), torch.nn.Tanh(), torch.nn.Linear(HIDDEN, 2)]
        super().__init__(torch.nn.Sequential(*layers), torch.nn.functional.cross_entropy, data, l2=l2)

    def images(self, x):
        """Hidden units may change places, and each may change its sign: tanh is odd. 2! 2^2 = 8 images of a point."""
        into = np.column_stack([x[:4].reshape(HIDDEN, 2), x[4:6]])  # a row of weights and the bias for each hidden unit
        out, bias = x[6:10].reshape(2, HIDDEN), x[10:]
        found = []
        for order in itertools.permutations(range(HIDDEN)):
            for signs in itertools.product([1.0, -1.0], repeat=HIDDEN):
                moved = np.array(signs)[:, None] * into[list(order)]
                weights = out[:, list(order)] * signs
                found.append(np.concatenate([moved[:, :2].ravel(), moved[:, 2], weights.ravel(), bias]))
        return np.array(found)
