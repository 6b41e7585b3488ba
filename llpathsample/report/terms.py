"""Section: the words of the page, for readers of another field."""

from llpathsample.report.material import Material
from llpathsample.report.page import table

_TERMS = (
    (
        "loss landscape",
        "the loss as a function of all coordinates (weights) of a model, like a surface with valleys and passes",
    ),
    ("minimum", "a set of weights at which every small change makes the loss higher: a bottom of a valley"),
    ("global minimum", "the lowest minimum that was found; called so here although a lower one may exist"),
    (
        "transition state",
        "the lowest point of the pass between two valleys; downhill in exactly one direction and its opposite",
    ),
    (
        "path, barrier",
        "minima and transition states in turn; its barrier is the highest point, above where one starts",
    ),
    ("component", "minima that paths of known transition states join"),
    (
        "disconnectivity graph",
        "a tree: each branch ends at the loss of a minimum, and two branches meet at the loss at which a path first "
        "joins their minima",
    ),
    ("funnel", "a region in which all ways down end at one bottom, parted from others by high barriers"),
    ("LPPHE", "log product of the positive Hessian eigenvalues: how narrow a minimum is; smaller is wider"),
    (
        "temperature T",
        "how strongly high losses are disfavoured, in units of the loss; a means to weigh minima, by exp(-loss / T) "
        "and their widths",
    ),
    (
        "occupation",
        "share of a minimum at a temperature in equilibrium, by its depth and width (harmonic superposition)",
    ),
    ("heat capacity", "how fast the mean loss rises with T; a peak means that other minima take over there"),
    (
        "Shannon entropy",
        "of the occupations; its exponential is the number of equally occupied minima with the same entropy",
    ),
    ("frustration", "mean ratio of barrier to gain in loss on the way to the global minimum; 0 for an ideal funnel"),
    ("rate constant", "how often per time the system goes from set B to set A, by transition-state theory"),
    ("mean first-passage time", "mean time from B until A is reached for the first time"),
    ("committor", "probability to come to A before B from a minimum"),
    ("degenerate", "of a transition state: both sides lead to the same minimum, or to images of it by symmetry"),
    (
        "image, symmetry",
        "exchanging hidden units or signs changes weights but not the loss; such images count as one point",
    ),
)


def terms(material: Material) -> list[str]:
    """A table of words."""
    return [table(("word", "meaning"), _TERMS, words=2)]
