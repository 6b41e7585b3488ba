"""Names of the sections of a report, for options that must not load what makes them."""

NAMES = (
    "glance",
    "searched",
    "completeness",
    "tree",
    "minima",
    "heat-capacity",
    "occupations",
    "entropy",
    "frustration",
    "rates",
    "committors",
    "paths",
    "first-passage",
    "network",
    "communities",
    "basins",
    "volumes",
    "scores",
    "training",
    "terms",
)
