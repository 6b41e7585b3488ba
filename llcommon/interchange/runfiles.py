"""Keyword files beside an exported database, so that the programs of the original suite run in the folder at once.

pathdata of PATHSAMPLE, dinfo of disconnectionDPS; for networks that the suite knows also odata.connect and
odata.tspath, which PATHSAMPLE hands to OPTIM, data and coords of GMIN, and the training data. Numbers are written with
a capital E: the programs refuse 1e-6.
"""

import math

import numpy as np

from llcommon.interchange.fortran import one_a_line, real
from llcommon.losses.base import LossModel
from llcommon.settings import Settings

_LEVELS = 30  # thresholds of a disconnectivity graph, as in the group's own package

# Settings that the Cambridge group uses for networks of this kind (its package pylfl), but for the criteria of
# identity, which are those of the landscape.
_OPTIM = """\
MAXERISE 1.0E-6 1.0E-3
MAXBFGS 0.1 0.1
DUMPALLPATHS
MAXSTEP {step}
MAXMAX {largest}
TRAD 1.0
BFGSTS 5000 1 10 0.002
NOIT
UPDATES 10 10
BFGSMIN 1.0E-9
CONVERGE 1.0 1.0E-9
PUSHOFF 0.2
STEPS 1000
BFGSSTEPS 50000
"""
_CONNECT = """\
STEPMIN 100
NEWCONNECT 100 1 10.0 20.0 50 5.0 0.025
REOPTIMISEENDPOINTS
NEWNEB 100 350 0.0001
NEBK 50.0
DIJKSTRA EXP
"""
_SADDLE = "PATH 3 0.0\nSHIFT 1.0E10\n"
_GMIN = """\
SLOPPYCONV 1.0E-6
TIGHTCONV 1.0E-9
SAVE 1000
UPDATES 500
MAXIT 5000 5000
STEPS 1000 1.0
STEP 1.0 0.3 0.3
TEMPERATURE 2.0
DUMPINT 100
FIXBOTH
"""


def size_keyword(model: LossModel) -> str:
    """The line by which PATHSAMPLE learns how many coordinates a point has.

    A model that the suite lacks is given as a network without biases of as many weights (MLP3, N = 1 hidden unit of
    N - 1 inputs and one output): nothing else of that line is used.
    """
    keywords = model.suite_keywords()
    if keywords is not None and not keywords[-1].startswith("MLQ"):
        return keywords[-1]
    return f"MLP3 {max(model.dimension, 2) - 1} 1 1 1 0.0"


def pathdata(model: LossModel, settings: Settings, temperature: float, apart: bool, softest: float) -> str:
    """The keyword file of PATHSAMPLE: rates between min.A and min.B; other analyses as comments.

    temperature: in units of the loss; apart: whether the two sets are different, so that there are rates; softest: the
    smallest positive Hessian eigenvalue of a point, NaN if it is not known. PATHSAMPLE passes over points with one
    below EVCUT, which is set well below that.
    """
    rule = settings.same_point
    lines = [
        size_keyword(model),
        f"EDIFFTOL {real(rule.loss_tolerance)}",
        f"GEOMDIFFTOL {real(rule.distance_tolerance)}",
        f"TEMPERATURE {real(temperature)}",
        "CYCLES 0",
        "NGT 0 T" if apart else "! rates, once min.A and min.B are different minima\n! NGT 0 T",
        "! heat capacity: comment NGT out and take",
        f"! CV {real(0.1 * temperature)} {real(temperature)} {real(0.1 * temperature)}",
        "! growth with OPTIM at EXEC: comment NGT and CYCLES out and take",
        "! EXEC OPTIM",
        "! CPUS 1",
        "! CYCLES 10",
        "! NEWCONNECTIONS 100 20 1",
    ]
    if np.isfinite(softest):
        lines.insert(1, f"EVCUT {real(float(f'{0.1 * softest:.1g}'))}")
    if not model.dimension:
        lines.insert(1, "NOPOINTS")
    return "\n".join(lines) + "\n"


def dinfo(minima: np.ndarray, states: np.ndarray) -> str:
    """The keyword file of disconnectionDPS; minima, states: losses. Thresholds a step of one digit apart."""
    top = float(states.max(initial=minima.max()))
    span = max(top - float(minima.min()), 1e-12)
    step = span / (_LEVELS - 1)
    unit = 10.0 ** math.floor(math.log10(step))
    delta = math.ceil(step / unit * (1.0 - 1e-12)) * unit
    return (
        f"DELTA {real(float(f'{delta:.6g}'))}\nFIRST {real(float(f'{top + 1e-6 * span:.12g}'))}\nLEVELS {_LEVELS}\n"
        "MINIMA min.data\nTS ts.data\nCENTREGMIN\nLABELFORMAT E12.4\n"
    )


def odata(model: LossModel, settings: Settings, connect: bool) -> str:
    """Keywords of OPTIM without coordinates, which PATHSAMPLE appends; connect: two minima, or a saddle search."""
    rule = settings.same_point
    steps = {"step": 0.01, "largest": 0.2} if connect else {"step": 0.02, "largest": 0.04}
    own = _CONNECT if connect else _SADDLE
    identity = f"EDIFFTOL {real(rule.loss_tolerance)}\nGEOMDIFFTOL {real(rule.distance_tolerance)}\n"
    return "\n".join(model.suite_keywords()) + "\n" + own + _OPTIM.format(**steps) + identity + "VARIABLES\n"


def gmin_data(model: LossModel, settings: Settings) -> str:
    """The keyword file `data` of GMIN."""
    return _GMIN + f"EDIFF {real(settings.same_point.loss_tolerance)}\n" + "\n".join(model.suite_keywords()) + "\n"


def mlp_data(model: LossModel):
    """Lines of MLPdata or MLQdata: the class, counted from 0, and the features as the model sees them."""
    for label, row in zip(model.data.labels.tolist(), model.data.inputs(), strict=True):
        yield f"{label} " + " ".join(real(value) for value in row) + "\n"


def for_the_suite(model: LossModel, settings: Settings, lowest: np.ndarray) -> dict:
    """Files for OPTIM and GMIN by name, of a model that they know; lowest: (N,) coordinates in their order."""
    keywords = model.suite_keywords()
    if keywords is None or model.data is None:
        return {}
    name = "MLQdata" if keywords[-1].startswith("MLQ") else "MLPdata"
    return {
        name: mlp_data(model),
        "odata.connect": odata(model, settings, True),
        "odata.tspath": odata(model, settings, False),
        "data": gmin_data(model, settings),
        "coords": one_a_line(lowest),
    }
