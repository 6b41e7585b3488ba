"""Options of the command `tree`: what is drawn, and how."""

from pathlib import Path

import click


class Size(click.ParamType):
    """WIDTHxHEIGHT in inches."""

    name = "size"

    def convert(self, value, param, ctx) -> tuple[float, float]:
        """Both, as numbers."""
        if isinstance(value, tuple):
            return value
        try:
            width, height = (float(part) for part in value.lower().split("x"))
        except ValueError:
            self.fail(f"{value} is not WIDTHxHEIGHT in inches, as in 7x5", param, ctx)
        if not (1.0 <= width <= 100.0 and 1.0 <= height <= 100.0):
            self.fail(f"{value}: width and height must be 1 to 100 inches", param, ctx)
        return width, height


class Thresholds(click.ParamType):
    """Losses between commas."""

    name = "losses"

    def convert(self, value, param, ctx) -> tuple[float, ...]:
        """The numbers."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value} is not losses between commas, as in 0.1,0.2,0.5", param, ctx)


def _chain(*decorators):
    """One decorator of several, the first outermost."""

    def decorate(command):
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


tree_options = _chain(
    click.option(
        "--levels",
        type=click.IntRange(2),
        default=40,
        show_default=True,
        metavar="N",
        help="Most thresholds of the ladder.",
    ),
    click.option("--exact", is_flag=True, help="Merge branches at the transition states' losses, without a ladder."),
    click.option("--thresholds", type=Thresholds(), metavar="LOSS,...", help="The ladder itself, instead of --levels."),
    click.option("--highest-ts", type=float, metavar="LOSS", help="Leave out transition states above this loss."),
    click.option("--lowest", type=click.IntRange(1), metavar="N", help="Draw the N lowest minima only."),
    click.option("--only", metavar="RULE", help='Draw these minima only: ids and ranges, "below LOSS", "file NAME".'),
    click.option("--monotonic", is_flag=True, help="Of these, only minima without a direct link to a lower one."),
    click.option(
        "--min-connections",
        type=click.IntRange(0),
        default=0,
        metavar="N",
        help="Leave out minima with fewer transition states to others that stay.",
    ),
    click.option("--unconnected", is_flag=True, help="Draw minima outside the main component too."),
    click.option("--root", type=click.IntRange(0), metavar="ID", help="Draw what is linked to ID, else to the lowest."),
)

picture_options = _chain(
    click.option(
        "--colour",
        metavar="PROPERTY",
        help="Colour by a property of the minima, or by a column of a table: FILE or FILE:COLUMN. See --properties.",
    ),
    click.option(
        "--scale",
        type=click.Choice(("auto", "linear", "log")),
        default="auto",
        show_default=True,
        help="Of colours; auto: log if the highest is over 100 times the median, as of occupations.",
    ),
    click.option("--x", "along", metavar="PROPERTY", help="Put leaves at the values of a property, on an axis."),
    click.option(
        "--superbasins",
        type=click.Choice(("mean", "lowest")),
        default="mean",
        show_default=True,
        help="With --x: superbasins at the mean of their minima, or at the value of the lowest.",
    ),
    click.option(
        "--temperature",
        type=click.FloatRange(0.0, min_open=True),
        metavar="T",
        help="Of occupation, gain, contribution, community; default: the highest peak of the heat capacity.",
    ),
    click.option("--centred", is_flag=True, help="Superbasins over the middle of their leaves, not over the lowest."),
    click.option(
        "--label",
        "labels",
        metavar="ID",
        multiple=True,
        help="Name this minimum in the figure, or `all` that have room; may be given several times.",
    ),
    click.option(
        "--highlight",
        type=click.IntRange(0),
        multiple=True,
        metavar="ID",
        help="Let the branch of this minimum stand out; may be given several times.",
    ),
    click.option(
        "--runs",
        type=click.Path(path_type=Path),
        multiple=True,
        metavar="FILE",
        help="Draw the training runs that llgmin train stored in FILE; may be given several times.",
    ),
    click.option(
        "--beside",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Draw the tree of this landscape beside, on the same scale.",
    ),
    click.option("--title", metavar="TEXT", help="Title of the figure."),
    click.option("--size", type=Size(), metavar="WIDTHxHEIGHT", help="Inches; default: by the number of leaves."),
)
