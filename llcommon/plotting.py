"""One look for all figures of the family, written whole and with the same bytes every time.

Matplotlib is imported inside the functions: commands that draw nothing do not pay for it. Figures are
built from `matplotlib.figure.Figure`, never through pyplot, so no display and no global state is involved.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from llcommon.errors import ConfigError, OutputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Nothing of the day, the machine or the software goes into a file: equal figures are equal bytes.
METADATA = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}

STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.labelsize": 9.0,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.useoffset": False,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "xtick.direction": "out",
    "ytick.direction": "out",
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "lines.linewidth": 1.2,
    "lines.solid_capstyle": "round",
    "figure.dpi": 100.0,
    "savefig.dpi": 300.0,
    "svg.fonttype": "path",
    "svg.hashsalt": "loss-landscapes",
    "pdf.fonttype": 42,
}

# Told apart by readers with any colour vision (Okabe and Ito, 2008).
CLASS_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D1F", "#7F3C8D")
INK = "#1A1A1A"
QUIET = "#6E6E6E"
ACCENT = "#D55E00"


@contextmanager
def style() -> Iterator[None]:
    """The family's style on top of matplotlib's defaults; the user's matplotlibrc does not shine through."""
    import matplotlib.style

    with matplotlib.style.context(["default", STYLE]):
        yield


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure of width by height inches with constrained layout, on an off-screen canvas."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
    return figure


def figure_format(path: str | os.PathLike) -> str:
    """svg, pdf or png by the suffix of path; ConfigError for any other."""
    suffix = Path(path).suffix.lower().lstrip(".")
    if suffix not in METADATA:
        raise ConfigError(f"{path}: figures are written as .svg, .pdf or .png, end the name in one of these")
    return suffix


def figure_bytes(figure: "Figure", kind: str, dots: float = STYLE["savefig.dpi"]) -> bytes:
    """The figure as svg, pdf or png; equal figures give equal bytes. dots: per inch, of a png."""
    buffer = io.BytesIO()
    with style():
        figure.savefig(buffer, format=kind, metadata=METADATA[kind], dpi=dots)
    return buffer.getvalue()


def save_figure(figure: "Figure", path: str | os.PathLike) -> None:
    """Write the figure in the format of the suffix, whole or not at all (temporary file, then replace).

    Equal figures give equal bytes. Raises ConfigError for another suffix, OutputError if writing fails.
    """
    path = Path(path)
    content = figure_bytes(figure, figure_format(path))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        message = f"{path}: the figure cannot be written ({error.strerror}), choose another place"
        raise OutputError(message) from error


def readable(text: str) -> str:
    """A user's text for a figure: mathematics between dollars where it is some, else as it stands."""
    from matplotlib.mathtext import MathTextParser

    try:
        MathTextParser("path").parse(text)
    except ValueError:
        return text.replace("$", r"\$")
    return text


def round_ticks(low: float, high: float, number: int = 7) -> list[float]:
    """About `number` round values inside [low, high], for an axis."""
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(nbins=number, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    slack = 1e-9 * (high - low)
    return [float(tick) + 0.0 for tick in ticks if low - slack <= tick <= high + slack]


def tick_labels(ticks: list[float]) -> list[str]:
    """Full numbers, alike in digits, as many as tell neighbours apart: no offset, no common factor.

    Fixed point for ordinary sizes, scientific for very small and very large ones.
    """
    largest = max((abs(tick) for tick in ticks), default=0.0)
    step = min((abs(b - a) for a, b in zip(ticks, ticks[1:], strict=False)), default=largest)
    scientific = largest > 0.0 and not 1e-3 <= largest < 1e6
    kind = "e" if scientific else "f"
    for digits in range(17):
        labels = [f"{tick:.{digits}{kind}}" for tick in ticks]
        errors = [abs(float(label) - tick) for label, tick in zip(labels, ticks, strict=True)]
        if max(errors, default=0.0) <= 1e-3 * step:
            break
    return [label.replace("-", "\N{MINUS SIGN}") for label in labels]


def set_loss_axis(axes: "Axes", low: float, high: float, label: str, *, bottom: bool = False) -> None:
    """Turn axes into the house's plain look: [low, high] on a left axis with full numbers, no box.

    bottom: whether the horizontal axis carries numbers too.
    """
    axes.set_ylim(low, high)
    ticks = round_ticks(low, high)
    axes.set_yticks(ticks, tick_labels(ticks))
    axes.set_ylabel(label)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_visible(bottom)
    axes.tick_params(axis="x", bottom=bottom, labelbottom=bottom)
