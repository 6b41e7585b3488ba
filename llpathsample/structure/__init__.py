"""The network as a graph: degrees, paths, communities, monotonic sequence basins (theory.md, 5)."""
