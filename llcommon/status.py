"""Named outcomes of searches: a search that fails says why with one of these.

The integer values are what compiled code returns; the names are what files, tables
and reports show.
"""

from enum import IntEnum


class Status(IntEnum):
    """Outcome of one local search (quench, band, saddle search, connection)."""

    CONVERGED = 0
    STEP_LIMIT = 1
    NO_DESCENT = 2  # line search exhausted at the rounding floor above the tolerance
    NOT_FINITE = 3  # loss or gradient overflowed or became NaN
    LEFT_RADIUS = 4  # coordinates ran away (an unregularised loss without a minimum)
    WRONG_INDEX = 5  # stationary, but with another number of negative eigenvalues
    FELL_TO_MINIMUM = 6  # a saddle search that slid back into a basin
    NO_CANDIDATE = 7  # a band without any interior maximum
    SAME_MINIMUM = 8  # both sides of a TS run down to one minimum: degenerate, stored, no edge
    SIDE_FAILED = 9  # a side of a TS did not converge to a minimum
    DUPLICATE = 10  # a TS that is stored already
    JOB_FAILED = 11  # the process that should have done it ended without a result
    FLAT = 12  # stationary, with an eigenvalue whose sign is not certain
    HIT_BOUND = 13  # came to a bound of the model's box that was not held
    NOT_POSITIVE_DEFINITE = 14  # a covariance without a Cholesky factor, so the loss is infinite
    ON_KINK = 15  # stationary as it seems, on a kink of a loss that is not smooth
    TIME_LIMIT = 16  # the process that should have done it was ended, as it took longer than it may
    UNRESOLVED = 17  # double precision does not hold what was asked for
    UNRELIABLE = 18  # an estimate that another contradicts, or whose error is too large to mean something

    @property
    def label(self) -> str:
        """Lower-case name with hyphens, as printed."""
        return self.name.lower().replace("_", "-")
