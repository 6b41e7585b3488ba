"""A loss model of a user that is fatal to one pair of minima; not a test itself.

Himmelblau's function. Where the environment says FATAL=kill or FATAL=hang, whoever evaluates it near the transition
state between the two minima on the left is killed, or waits for ever.
"""

import textwrap
from pathlib import Path

from driving import call

FATAL = "FATAL"
SOURCE = '''
import os, signal, time
import numpy as np

class Fatal:
    dimension = 2
    suggested_step = 4.0

    def value_and_gradient(self, x):
        a, b = x
        if np.hypot(a + 3.073, b + 0.0814) < 0.3 and "FATAL" in os.environ:
            if os.environ["FATAL"] == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(1e4)
        p, q = a * a + b - 11.0, a + b * b - 7.0
        return p * p + q * q, np.array([4.0 * a * p + 2.0 * q, 2.0 * p + 4.0 * b * q])

    def hessian(self, x):
        a, b = x
        c = 4.0 * (a + b)
        return np.array([[12.0 * a * a + 4.0 * b - 42.0, c], [c, 12.0 * b * b + 4.0 * a - 26.0]])

    def random_start(self, rng):
        return rng.uniform(-5.0, 5.0, 2)
'''
TOML = """\
[loss]
model = "fatal.py:Fatal"

[search]
steps = 20
temperature = 100.0

[grow]
pairs = "all"
batch = 8
attempts = 1
"""


def fatal_minima(folder: Path) -> Path:
    """A landscape file with the four minima of the model."""
    (folder / "fatal.py").write_text(textwrap.dedent(SOURCE), encoding="utf-8")
    (folder / "fatal.toml").write_text(TOML, encoding="utf-8")
    path = folder / "minima.h5"
    assert call("llgmin", "run", folder / "fatal.toml", "-o", path, "-j", 1, "-q", "--no-gradient-check") == 0
    return path


def fatal_pair(landscape) -> tuple[int, int]:
    """Ids of the two minima on the left."""
    left = [number for number, x in enumerate(landscape.minima.coordinates) if x[0] < 0.0]
    assert len(left) == 2
    return tuple(left)
