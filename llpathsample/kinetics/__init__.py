"""Rates between sets of minima of a network (theory.md, 4)."""
