"""Makes, from fixed seeds, blobs.csv: 160 points of five normal clouds of unit width, whose number is in the column
cloud; plain.csv: 160 points that are uniform in a square, without any clusters. And iris.train.csv and iris.test.csv:
three of four rows of iris.csv, and the fourth."""

from pathlib import Path

import numpy as np

rng = np.random.default_rng(3)
centres = [(0.0, 0.0), (7.0, 0.0), (3.5, 6.0), (-5.0, 6.0), (11.0, 8.0)]
sizes = [50, 40, 30, 20, 20]
points = np.concatenate([rng.normal(centre, 1.0, (size, 2)) for centre, size in zip(centres, sizes, strict=True)])
table = np.column_stack([points, np.repeat(np.arange(5), sizes)])
np.savetxt("blobs.csv", table, fmt=["%.4f", "%.4f", "%d"], delimiter=",", header="x,y,cloud", comments="")
np.savetxt("plain.csv", rng.uniform(0.0, 10.0, (160, 2)), fmt="%.4f", delimiter=",", header="x,y", comments="")

header, *rows = Path("iris.csv").read_text(encoding="utf-8").splitlines()
Path("iris.train.csv").write_text("\n".join([header, *(row for k, row in enumerate(rows) if k % 4)]) + "\n")
Path("iris.test.csv").write_text("\n".join([header, *rows[::4]]) + "\n")
