"""Products and views of compiled kernels: equal to NumPy's for any shape, and alive when loaded from the disk cache."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llcommon.losses import _blas
from llcommon.seam import njit

SIZES = st.integers(2, 40)
ROOT = Path(__file__).resolve().parents[3]

# A module that is compiled by the first process that imports it and loaded from the cache by the next.
CACHED = """
import numpy as np
from numba import njit, types
from llcommon.losses._blas import multiply
MATRIX = types.float64[:, ::1]

@njit(types.void(MATRIX, MATRIX, MATRIX), cache=True)
def square(a, b, out):
    multiply(a, b, 0.0, out)

out = np.empty((2, 2))
square(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 8.0]]), out)
print(out.tolist(), sum(square.stats.cache_hits.values()))
"""


@settings(deadline=None, max_examples=60)
@given(SIZES, SIZES, SIZES, st.sampled_from([0.0, 1.0, -0.5]))
def test_products_of_blocks_of_columns_are_those_of_numpy(m, n, k, beta):
    rng = np.random.default_rng(5)

    def block(rows: int, columns: int) -> np.ndarray:
        return rng.standard_normal((rows, columns + 3))[:, 3:]

    before = rng.standard_normal((m, n))
    left, left_transposed = block(m, k), block(k, m)
    right, right_transposed = block(k, n), block(n, k)
    for multiply, a, b, product in (
        (_blas.multiply, left, right, left @ right),
        (_blas.multiply_left_transposed, left_transposed, right, left_transposed.T @ right),
        (_blas.multiply_right_transposed, left, right_transposed, left @ right_transposed.T),
    ):
        wide = np.full((m, n + 4), 7.0)
        wide[:, 2:-2] = before
        multiply(a, b, beta, wide[:, 2:-2])
        assert wide[:, 2:-2] == pytest.approx(product + beta * before, rel=1e-12, abs=1e-12)
        assert (wide[:, [0, 1, -2, -1]] == 7.0).all()


def test_nothing_of_the_result_is_read_without_beta():
    out = np.full((2, 2), np.nan)
    _blas.multiply(np.eye(2), np.array([[1.0, 2.0], [3.0, 4.0]]), 0.0, out)
    assert out.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_views_share_the_memory_of_their_array():
    @njit
    def write(flat):
        _blas.vector(flat, 1, 2)[:] = 5.0
        view = _blas.matrix(flat, 4, 2, 3)
        view[1, 2] = 6.0
        view[:, 0] = 7.0
        return view.shape

    flat = np.zeros(12)
    assert write(flat) == (2, 3)
    assert flat.tolist() == [0, 5, 5, 0, 7, 0, 0, 7, 0, 6, 0, 0]


def test_a_cached_product_finds_blas_in_a_new_process(tmp_path):
    module = tmp_path / "cached_product.py"
    module.write_text(CACHED)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    outputs = []
    for _ in range(2):
        command = [sys.executable, "-c", "import cached_product"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        outputs.append(done.stdout.strip())
    assert outputs == ["[[19.0, 22.0], [43.0, 50.0]] 0", "[[19.0, 22.0], [43.0, 50.0]] 1"]
