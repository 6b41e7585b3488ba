"""The sections of the report in their order, and the page made of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llcommon.errors import ConfigError, InputError, NothingFound
from llpathsample.report import completeness, kinetic, lowest, searched, structural, terms, thermal
from llpathsample.report.material import Material, Missing
from llpathsample.report.names import NAMES
from llpathsample.report.page import Section, note, whole_page
from llpathsample.treepage import page_script, page_style


@dataclass(frozen=True)
class Part:
    """A section that may be asked for. make: its blocks; a NothingFound, ConfigError or InputError says why it cannot
    be made."""

    title: str
    meaning: str
    make: Callable[[Material], list[str]]


PARTS = {
    "glance": Part("At a glance", "What was found, in a few sentences.", searched.glance),
    "searched": Part(
        "What was searched",
        "The loss, its data and how its minima and transition states were found: all that is needed to do it again.",
        searched.searched,
    ),
    "completeness": Part(
        "How complete it is",
        "No search proves that nothing was missed; these numbers say how likely it is.",
        completeness.completeness,
    ),
    "tree": Part(
        "The tree",
        "The disconnectivity graph: every branch ends below at the loss of a minimum, and branches meet at the loss "
        "that one must climb to in order to go from one to the other. Long parted stems are funnels that are hard to "
        "leave.",
        lowest.tree,
    ),
    "minima": Part("The lowest minima", "The minima of lowest loss, and what is known of them.", lowest.minima),
    "heat-capacity": Part(
        "Heat capacity",
        "At each temperature minima are occupied by their depth and width; a peak marks a temperature at which other "
        "minima take over, and the minima that gain and lose there are the features of the landscape.",
        thermal.heat_capacity,
    ),
    "occupations": Part(
        "Occupations",
        "The share of each minimum in equilibrium: at low temperature the lowest minimum has all of it, at higher "
        "ones wide and numerous minima take over.",
        thermal.occupations,
    ),
    "entropy": Part(
        "Entropy and free energy",
        "Shannon's entropy says over how many minima the occupation is spread; the free energy is what depth and "
        "width come to together.",
        thermal.entropy,
    ),
    "frustration": Part(
        "Frustration",
        "How high the barriers on the way to the global minimum are beside what is gained by it: near 0 for a "
        "landscape that is easy to descend, above 1 where barriers exceed the gain.",
        thermal.frustration,
    ),
    "rates": Part(
        "Rates",
        "How fast one set of minima is reached from another over the transition states that are known; a path that "
        "was not found would make it faster.",
        kinetic.rates,
    ),
    "committors": Part(
        "Committors",
        "For each minimum on the way, the probability to come to A before B: those near one half are the divide.",
        kinetic.committors,
    ),
    "paths": Part(
        "Best paths",
        "The paths that carry most of the rate; if the first carries nearly all, one mechanism explains it.",
        kinetic.paths,
    ),
    "first-passage": Part(
        "First-passage times",
        "How the time to reach A varies from run to run: a standard deviation equal to the mean is a single waiting "
        "time, a larger one means traps.",
        kinetic.first_passage,
    ),
    "network": Part(
        "The network",
        "Minima as points, joined where a transition state leads from one to the other: who is well connected, and "
        "how far apart they are.",
        structural.network,
    ),
    "communities": Part(
        "Communities",
        "Groups of minima that are joined more strongly among themselves than with others.",
        structural.communities,
    ),
    "basins": Part(
        "Basins and funnels",
        "Going down from minimum to minimum over transition states ends at a bottom; each bottom collects a basin.",
        structural.basins,
    ),
    "volumes": Part(
        "Widths of minima",
        "A wide minimum is found more often and is occupied more at the same loss.",
        structural.volumes,
    ),
    "scores": Part("Predictions", "How well minima predict, on training and on test data.", lowest.scores),
    "training": Part(
        "Training runs",
        "Which minima ordinary training ends at, and how that compares with the search.",
        lowest.training,
    ),
    "terms": Part("Terms", "The words of this page.", terms.terms),
}
assert tuple(PARTS) == NAMES


def report_page(material: Material, title: str, names: Sequence[str] = NAMES) -> str:
    """The page with the sections of these names, in the order of NAMES."""
    made = [
        Section(name, part.title, part.meaning, _blocks(part, material))
        for name, part in PARTS.items()
        if name in names
    ]
    landscape = material.landscape
    subtitle = (
        f"{material.file}: {landscape.declared.name}, {len(landscape.minima)} minima, "
        f"{len(landscape.transition_states)} transition states"
    )
    with_tree = "tree" in names
    return whole_page(title, subtitle, made, page_style() if with_tree else "", page_script() if with_tree else "")


def _blocks(part: Part, material: Material) -> list[str]:
    try:
        return part.make(material)
    except Missing as missing:
        return [note(str(missing))]
    except (NothingFound, ConfigError, InputError) as error:
        return [note(f"Not computed: {error}.")]
