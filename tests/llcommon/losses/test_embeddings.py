"""Embeddings: the same for all images of a point, and never further apart than the aligned points."""

import functools

import numpy as np
import pytest

from llcommon.symmetry import aligned_distance
from tests.llcommon.losses.cases import CASES


@functools.cache
def model_of(position):
    return CASES[position].build()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_embeddings_are_invariant_bounds(case):
    model = model_of(CASES.index(case))
    rng = np.random.default_rng(3)
    for _ in range(2):
        x, y = model.random_start(rng), model.random_start(rng)
        own = model.embedding(x)
        assert own.ndim == 1 and np.isfinite(own).all()
        np.testing.assert_allclose(model.embedding(model.random_image(x, rng)), own, rtol=1e-9, atol=1e-9)
        for other in (y, x + 1e-3 * (y - x)):
            image = model.random_image(other, rng)
            bound = float(np.linalg.norm(model.embedding(image) - own))
            assert bound > 0.0 or aligned_distance(model, x, image) < 1e-6
            assert bound <= aligned_distance(model, x, image) * (1.0 + 1e-9) + 1e-9
