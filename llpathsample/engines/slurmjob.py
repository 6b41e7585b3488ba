"""What a Slurm job runs: `python -m llpathsample.engines.slurmjob FILE` calls what is in the file.

What comes of it is written beside the file, whole or not at all.
"""

import os
import pickle
import sys
from pathlib import Path

from llpathsample.engines.running import CALL, OUTCOME, children_end_with_us


def run_call(path: Path) -> None:
    """Call function(task) of a file, and write its result or its exception."""
    function, task = pickle.loads(path.read_bytes())
    # Where Slurm knows processes by their parents alone, an orphan would outlive its job and keep its batch locked.
    children_end_with_us()
    try:
        outcome = function(task)
    except Exception as error:  # noqa: BLE001 (raised again where the future is)
        outcome = error
    target = path.with_name(path.name.removesuffix(CALL) + OUTCOME)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.write_bytes(pickle.dumps(outcome))
    os.replace(temporary, target)


if __name__ == "__main__":
    run_call(Path(sys.argv[1]))
