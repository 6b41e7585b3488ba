"""Equilibrium properties of a network by harmonic superposition (theory.md, 3)."""
