"""The fourth corner of the rectangle whose other corners are the three minima of a plane: its weights, on one line.

Usage: corner.py PLANE.json, the document of `llpathsample slice --json`, in which minimum 0 is the origin.
"""

import json
import sys
from pathlib import Path

plane = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
a, b = plane["rows"][1]["a"], plane["rows"][2]["b"]
print(*(x + a * u + b * v for x, u, v in zip(plane["origin"], *plane["direction_vectors"], strict=True)))
