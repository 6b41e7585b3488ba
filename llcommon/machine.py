"""What this machine has left."""

from pathlib import Path

_MEMORY = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


def available_memory() -> int | None:
    """Bytes that a process may still take without swapping, or None where the system does not tell.

    On Linux the kernel's estimate, and no more than what is left of the limit of a container or batch job.
    """
    try:
        words = next(line.split() for line in _MEMORY.read_text().splitlines() if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return None
    left = int(words[1]) * 1024
    try:
        limit, used = ((_GROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
        if limit != "max":
            left = min(left, max(int(limit) - int(used), 0))
    except (OSError, ValueError):
        pass
    return left
