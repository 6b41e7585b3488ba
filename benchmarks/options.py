"""What the command line of `run.py` says to every task."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Sizes of the tasks; which task uses which is in `run.py`'s help.

    repeats: rounds; pairs: of minima; topsearch_pairs: the first so many of them for topsearch; candidates: for each
    regularisation; regularisations: L2 factors, None: those of the task; process_pairs: those of the task `cores`;
    steps: of each of two basin-hopping chains; peers: names of those that connect pairs; seeds: random starts of
    a hunt; goals: what is hunted; seconds: of CPU that a program may collect minima; grow_minima: most minima that are
    connected to one component; growers: settings of OPTIM under PATHSAMPLE; grow_seconds: of CPU that it may take;
    nodes: of networks beside PyGT; peer_seconds: of CPU that PyGT may take for one.
    """

    repeats: int
    pairs: int
    topsearch_pairs: int
    candidates: int
    regularisations: tuple[float, ...] | None
    process_pairs: int
    steps: int
    peers: tuple[str, ...]
    seeds: int
    goals: tuple[str, ...]
    seconds: int
    grow_minima: int
    growers: tuple[str, ...]
    grow_seconds: int
    nodes: tuple[int, ...]
    peer_seconds: int
