"""Clusters of Lennard-Jones atoms, the model system of the molecular literature.

    L = sum over pairs 4 (r^-12 - r^-6)      (energies in epsilon, lengths in sigma)

(Jones, Proc. R. Soc. Lond. A 106, 463, 1924; minima: Hoare and Pal, Adv. Phys. 20, 161, 1971, and the Cambridge Cluster
Database). Dimension 3N for N atoms: x, y, z of one after the other. Below r = 1/2 the pair energy is continued to stay
finite, and a container keeps atoms from going off: `_lj_kernels`. Neither changes a bound cluster.

Symmetry: permutations of the atoms and inversion, a finite group of order 2 N!, together with translations and
rotations, which are continuous. The latter make six zero modes, five if all atoms lie on a line, and no factor in any
number of images: those are counted up to them, so |G| is 2 N!, and the order of a point that of its point group (the
textbook's, so 2 for a planar cluster without other symmetry); 2 N! / order permutation-inversion isomers look alike.
"""

import math
from dataclasses import dataclass

import numpy as np

from llcommon.config import setting
from llcommon.losses import _cluster_symmetry as symmetry
from llcommon.losses._invariants import of_cluster
from llcommon.losses._lj_kernels import lj_hessian, lj_hessian_vector, lj_kernel
from llcommon.losses.base import LossModel
from llcommon.seam import first_class

_WALL = 10.0  # strength of the container, in epsilon
_LEAST_GAP = 0.8  # between the atoms of a random start, in sigma
_TRIES = 200


@dataclass(frozen=True)
class LJParameters:
    """The `[loss]` table of a Lennard-Jones cluster."""

    atoms: int = setting(13, help="number of atoms", minimum=2, maximum=1000)
    container: float | None = setting(
        None, help="atoms farther from the centre of mass are pulled back; unset: twice the size of a compact cluster",
        unit="sigma", above=0.5,
    )


def compact_radius(atoms: int) -> float:
    """Radius of a sphere that a close-packed cluster just fits into, with a margin of one sigma."""
    return 1.0 + (3.0 * atoms / (4.0 * math.pi * math.sqrt(2.0))) ** (1.0 / 3.0)


class LennardJones(LossModel):
    """A cluster of Lennard-Jones atoms; see the module's docstring."""

    name = "lj"
    Parameters = LJParameters
    takes_data = False
    suggested_step = 0.4
    suggested_temperature = 0.8

    def __init__(self, parameters: LJParameters, data=None) -> None:
        self.parameters = parameters
        self.dimension = 3 * parameters.atoms
        self.radius = parameters.container or 2.0 * compact_radius(parameters.atoms)
        self.kernel = first_class(lj_kernel)
        self.hessian_kernel = first_class(lj_hessian)
        self.hessian_vector_kernel = first_class(lj_hessian_vector)
        self.reals = np.array([self.radius**2, _WALL])
        self.integers = np.array([parameters.atoms], dtype=np.int64)
        self.workspace = np.empty(9 * parameters.atoms)

    def zero_modes(self, x: np.ndarray) -> np.ndarray:
        """Three translations and three rotations, or two if all atoms lie on a line."""
        atoms = self.parameters.atoms
        translations = np.tile(np.eye(3) / math.sqrt(atoms), atoms)
        if not np.isfinite(x).all():
            return translations
        return np.vstack([translations, symmetry.rotation_rows(symmetry.centred(x)[0])])

    def units(self) -> list[np.ndarray]:
        """The coordinates of each atom."""
        return list(np.arange(self.dimension).reshape(-1, 3))

    def coordinate_names(self) -> list[str]:
        """atom/axis of each coordinate, atoms from 0."""
        return [f"atom{atom}/{axis}" for atom in range(self.parameters.atoms) for axis in "xyz"]

    def random_start(self, rng: np.random.Generator) -> np.ndarray:
        """Atoms uniformly in a sphere that a compact cluster fits into, none too near to another."""
        size = 0.5 * self.radius
        points = np.empty((self.parameters.atoms, 3))
        for atom in range(len(points)):
            widest = -1.0
            for _ in range(_TRIES):
                direction = rng.standard_normal(3)
                place = direction * (size * rng.random() ** (1.0 / 3.0) / np.linalg.norm(direction))
                gap = np.linalg.norm(points[:atom] - place, axis=1).min(initial=np.inf)
                if gap > widest:
                    widest = gap
                    points[atom] = place
                if gap >= _LEAST_GAP:
                    break
        return points.ravel()

    # --- symmetry ---------------------------------------------------------------------

    def log_group_order(self) -> float:
        """ln (2 N!): permutations and inversion."""
        return math.lgamma(self.parameters.atoms + 1) + math.log(2.0)

    def align(self, reference: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The image nearest to reference: exact if x is nearly an image of it, else the best that a search finds."""
        target, centre = symmetry.centred(reference)
        return (symmetry.nearest(target, symmetry.centred(x)[0]) + centre).ravel()

    def superposed(self, reference: np.ndarray, x: np.ndarray) -> np.ndarray:
        target, centre = symmetry.centred(reference)
        return (symmetry.superposed(symmetry.centred(x)[0], target, 1.0) + centre).ravel()

    def canonical(self, x: np.ndarray) -> np.ndarray:
        return symmetry.canonical(symmetry.centred(x)[0]).ravel()

    def embedding(self, x: np.ndarray) -> np.ndarray:
        """Distances of all pairs of atoms, sorted."""
        return of_cluster(np.asarray(x, dtype=np.float64).reshape(-1, 3))

    def random_image(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """x with atoms permuted and perhaps reflected, turned to lie nearest to x: what turns is no other cluster."""
        points, centre = symmetry.centred(x)
        image = points[rng.permutation(len(points))]
        return (symmetry.superposed(image, points, rng.choice([-1.0, 1.0])) + centre).ravel()

    def asymmetric_directions(self, x: np.ndarray, tolerance: float) -> np.ndarray:
        return symmetry.asymmetric_rows(symmetry.centred(x)[0], tolerance)

    def stabiliser_order(self, x: np.ndarray, tolerance: float) -> int:
        """Order of the point group."""
        return len(symmetry.point_group(symmetry.centred(x)[0], tolerance))

    # --- in the terms of other programs ---------------------------------------------------

    def suite_keywords(self) -> tuple[str, ...]:
        """What PATHSAMPLE needs to know of atoms; GMIN and OPTIM count them in their files of coordinates."""
        return (f"NATOMS {self.parameters.atoms}",)
