"""Makes sine.csv: 20 points of 0.5 sin 3x with normal noise of standard deviation 0.3, from a fixed seed."""

import numpy as np

rng = np.random.default_rng(9)
x = np.sort(rng.uniform(0.0, 5.0, 20))
y = 0.5 * np.sin(3.0 * x) + 0.3 * rng.standard_normal(20)
np.savetxt("sine.csv", np.column_stack([x, y]), fmt="%.6f", delimiter=",", header="x,y", comments="")
