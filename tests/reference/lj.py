"""Naive twin of Lennard-Jones clusters: pair by pair; and clusters whose energies the literature prints."""

import itertools

import numpy as np


def pair(s):
    """4 (s^-6 - s^-3) of a squared distance; below 1/4 the parabola with the same value, slope and curvature there."""
    if np.real(s) >= 0.25:
        return 4 * (s**-6 - s**-3)
    d = s - 0.25
    value = 4 * (4.0**6 - 4.0**3)
    slope = 4 * (-6 * 4.0**7 + 3 * 4.0**4)
    curvature = 4 * (42 * 4.0**8 - 12 * 4.0**5)
    return value + slope * d + curvature * d**2 / 2


def energy(x, radius):
    """Energy of coordinates, real or complex, in a container of this radius about the centre of mass."""
    atoms = np.reshape(x, (-1, 3))
    total = 0.0
    for one, other in itertools.combinations(atoms, 2):
        total += pair(((one - other) ** 2).sum())
    centre = sum(atoms) / len(atoms)
    for atom in atoms:
        excess = ((atom - centre) ** 2).sum() / radius**2 - 1
        if np.real(excess) > 0:
            total += 10 * excess**3
    return total


def icosahedron(bond=1.1):
    """Thirteen atoms: a centre and the twelve corners."""
    golden = (1 + np.sqrt(5)) / 2
    corners = []
    for first, second in itertools.product((-1, 1), repeat=2):
        corners += [(0, first, second * golden), (first, second * golden, 0), (second * golden, 0, first)]
    corners = np.array(corners, dtype=float)
    corners *= bond / np.linalg.norm(corners[0])
    return np.vstack([np.zeros(3), corners])


def truncated_octahedron(bond=1.1):
    """The 38 atoms of a face-centred cubic lattice about an interstitial octahedral site."""
    half = np.arange(-3, 4)
    sites = [site for site in itertools.product(half, repeat=3) if sum(site) % 2 == 1]
    sites = sorted(sites, key=lambda site: np.dot(site, site))[:38]
    return np.array(sites, dtype=float) * bond / np.sqrt(2)


def bipyramid(corners, height=0.8, radius=0.95):
    """Two apices over a regular polygon."""
    angles = 2 * np.pi * np.arange(corners) / corners
    ring = np.column_stack([radius * np.cos(angles), radius * np.sin(angles), np.zeros(corners)])
    return np.vstack([ring, [[0, 0, height], [0, 0, -height]]])
