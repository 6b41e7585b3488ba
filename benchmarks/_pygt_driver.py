"""Run inside PyGT's environment by `kinetics.py`: `_pygt_driver.py FOLDER BLOCK`.

FOLDER holds min.data, ts.data, min.A, min.B. Prints JSON: CPU seconds of one call of compute_rates, and what it gives.
"""

import json
import sys
import time

import numpy as np
import PyGT


def main() -> None:
    folder, block = sys.argv[1], int(sys.argv[2])
    branching, rates, waits, count, losses, entropies, _, kept = PyGT.io.load_ktn(folder, beta=1.0)
    in_a, in_b = PyGT.io.load_ktn_AB(folder, kept)
    weights = np.exp(entropies - losses)
    weights /= weights.sum()
    size = int(in_a.sum() + in_b.sum())
    begin = time.process_time()
    found = PyGT.stats.compute_rates(
        in_a, in_b, branching, waits, weights, MFPTonly=False, block=block, screen=False, Ndense=max(50, size + 1)
    )
    seconds = time.process_time() - begin
    print(json.dumps({"seconds": seconds, **{key: float(np.real(value)) for key, value in found.items()}}))


if __name__ == "__main__":
    main()
