"""A function of JAX as a loss model, against formulas, and the example through the programs."""

import shutil

import numpy as np
import pytest
from driving import ROOT, call

from llcommon.data import read_csv
from llcommon.losses import build_user
from llcommon.losses.user.source import FILE, Source
from llcommon.settings import DataSettings
from llcommon.store import read_landscape

pytest.importorskip("jax", reason="JAX is not installed: pip install '.[jax]'")
pytestmark = pytest.mark.slow

EXAMPLE = ROOT / "examples" / "jax"


def test_values_and_derivatives():
    import jax.numpy as jnp

    from llcommon.adapters.jax import JaxLoss

    def loss(x, matrix, shift):
        return jnp.sum(jnp.sin(matrix @ x + shift["by"]))

    rng = np.random.default_rng(1)
    matrix, x, v = rng.standard_normal((4, 3)), rng.standard_normal(3), rng.standard_normal(3)
    model = JaxLoss(loss, 3, matrix, {"by": 0.3})
    inner = matrix @ x + 0.3
    value, gradient = model.value_and_gradient(x)
    assert type(value) is float and value == pytest.approx(np.sin(inner).sum(), rel=1e-14)
    assert gradient.dtype == np.float64
    np.testing.assert_allclose(gradient, matrix.T @ np.cos(inner), rtol=1e-13)
    hessian = -matrix.T @ np.diag(np.sin(inner)) @ matrix
    np.testing.assert_allclose(model.hessian(x), hessian, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(model.hessian_vector(x, v), hessian @ v, rtol=1e-12, atol=1e-13)


def test_the_example_of_the_documentation():
    text = (ROOT / "docs" / "model-user.md").read_text(encoding="utf-8")
    code = next(block.split("```")[0] for block in text.split("```python\n") if "class MyLine(JaxLoss)" in block)
    table = read_csv(EXAMPLE / "wave.csv", DataSettings(scaling="none"), numeric_target=True)
    model = build_user(Source("my_line.py:MyLine", FILE, code), {}, table)
    times = table.features[:, 0]
    assert model.hessian(np.zeros(1)) == pytest.approx(np.array([[2.0 * np.mean(times**2)]]), rel=1e-13)
    model.check(True)


def test_the_example_through_the_programs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("jax.toml", "my_wave.py", "wave.csv"):
        shutil.copy(EXAMPLE / name, tmp_path)
    assert call("llgmin", "run", "jax.toml", "-o", "minima.h5", "-j", 2, "-q") == 0
    assert call("llpathsample", "grow", "minima.h5", "-o", "grown.h5", "--trust", "-j", 1, "-q") == 0
    grown = read_landscape("grown.h5")
    lowest = grown.minima.coordinates[grown.global_minimum()]
    # The wave that the samples were made of, to within their noise of 0.3 in 60 samples.
    assert lowest[2] == pytest.approx(2.5, abs=0.03)
    assert np.hypot(lowest[0], lowest[1]) == pytest.approx(np.hypot(0.8, 0.4), abs=0.15)
    assert len(grown.transition_states) >= len(grown.minima) - 1
    assert call("lloptim", "check", "grown.h5", "--trust", "-q") == 0
    assert call("llgmin", "score", "grown.h5", "--trust", "-q") == 0
