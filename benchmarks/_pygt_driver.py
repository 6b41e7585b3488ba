"""Run inside PyGT's environment by `kinetics.py`: `_pygt_driver.py FOLDER BLOCK NDENSE [REPEATS]`.

FOLDER holds min.data, ts.data, min.A, min.B. Prints JSON: CPU seconds of one call of compute_rates at temperature 1,
for each repeat, and what it gives. Reading and the matrices it starts from are not counted.
"""

import json
import sys
import time

import numpy as np
import PyGT


def main() -> None:
    folder, block, dense, repeats = sys.argv[1], *(int(word) for word in sys.argv[2:5])
    branching, _, waits, _, losses, entropies, _, kept = PyGT.io.load_ktn(folder, beta=1.0)
    in_a, in_b = PyGT.io.load_ktn_AB(folder, kept)
    weights = np.exp(entropies - losses)
    weights /= weights.sum()
    seconds = []
    for _ in range(repeats):
        begin = time.process_time()
        # With fewer nodes than Ndense left it turns dense; with a sparse remainder compute_rates fails.
        found = PyGT.stats.compute_rates(
            in_a, in_b, branching, waits, weights, MFPTonly=False, block=block, screen=False, Ndense=dense
        )
        seconds.append(time.process_time() - begin)
    print(json.dumps({"seconds": seconds, **{key: float(np.real(value)) for key, value in found.items()}}))


if __name__ == "__main__":
    main()
