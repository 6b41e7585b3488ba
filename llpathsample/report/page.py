"""The pieces of a page, as strings of HTML: text, tables, figures, sections. Plain functions; every text is escaped.

The page is one file that asks for nothing from anywhere: figures are in it, and its policy forbids the rest.
"""

import base64
import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from llcommon.plotting import figure_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
NOTHING = "\N{EN DASH}"
# A figure of more bytes is drawn as pixels.
_LARGEST_VECTORS = 250_000
_DOTS = 130.0
_LN10 = math.log(10.0)


@dataclass(frozen=True)
class Section:
    """A part of the page. name: of the anchor. meaning: one sentence of what it is and how to read it. blocks: HTML."""

    name: str
    title: str
    meaning: str
    blocks: Sequence[str]


# --- text ---------------------------------------------------------------------------------------


def escaped(text: object) -> str:
    """As HTML."""
    return html.escape(str(text))


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain text. kind: a class of the style sheet, such as note."""
    name = f' class="{kind}"' if kind else ""
    return f"<p{name}>{escaped(text)}</p>\n"


def note(text: str) -> str:
    """What is left out, or must be borne in mind."""
    return paragraph(text, "note")


def points(items: Sequence[str]) -> str:
    """A list of sentences of plain text."""
    return "<ul>\n" + "".join(f"<li>{escaped(item)}</li>\n" for item in items) + "</ul>\n"


def preformatted(text: str) -> str:
    """Text as it stands."""
    return f"<pre>{escaped(text)}</pre>\n"


def hidden(summary: str, blocks: Sequence[str]) -> str:
    """Blocks that a reader opens."""
    return f"<details>\n<summary>{escaped(summary)}</summary>\n{''.join(blocks)}</details>\n"


# --- numbers ------------------------------------------------------------------------------------


def number(value, digits: int = 4) -> str:
    """A number in so many significant digits, as plain text; a dash for None and NaN. Whole numbers are whole."""
    if value is None or value != value:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}").replace("-", "\N{MINUS SIGN}")
    if math.isinf(value):
        return "\N{MINUS SIGN}" * (value < 0.0) + "\N{INFINITY}"
    return _power(f"{value:.{digits}g}")


def loss(value) -> str:
    """A loss in the digits that tell minima apart, as many for all."""
    value = float(value)
    return _power(f"{value:#.9g}".rstrip(".")) if value and math.isfinite(value) else number(value)


def share(value) -> str:
    """A share as a percentage."""
    if value is None or value != value:
        return NOTHING
    percentage = 100.0 * float(value)
    if 0.0 < percentage < 0.001:
        return "< 0.001 %"
    text = f"{percentage:.3g}" if percentage < 99.95 else f"{percentage:.4g}"
    return f"{_power(text)} %"


def exponential(logarithm: float) -> str:
    """e to the power of a logarithm, whatever its size."""
    if logarithm != logarithm:
        return NOTHING
    if math.isinf(logarithm):
        return "0" if logarithm < 0.0 else "\N{INFINITY}"
    if abs(logarithm) < 700.0:
        return number(math.exp(logarithm), 3)
    power = math.floor(logarithm / _LN10)
    return _power(f"{10.0 ** (logarithm / _LN10 - power):.2f}e{power:+03d}")


def _power(text: str) -> str:
    """1.5e-07 as 1.5 times 10 to the power of -7, in plain text."""
    mantissa, exponent, power = text.partition("e")
    mantissa = mantissa.replace("-", "\N{MINUS SIGN}")
    if not exponent:
        return mantissa
    raised = str(int(power)).translate(_RAISED)
    return f"{mantissa} \N{MULTIPLICATION SIGN} 10{raised}"


_RAISED = str.maketrans("0123456789-", "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b")


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number of things: 1 minimum, 2 minima."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


# --- tables and figures -------------------------------------------------------------------------


def table(header: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "", words: int = 1) -> str:
    """A table of cells that are plain text. words: how many of the first columns are words; the others are numbers."""

    def cells(row: Sequence[str], tag: str) -> str:
        kinds = ["" if place < words else ' class="n"' for place in range(len(row))]
        return "".join(f"<{tag}{kind}>{escaped(cell)}</{tag}>" for kind, cell in zip(kinds, row, strict=True))

    head = f"<thead><tr>{cells(header, 'th')}</tr></thead>\n" if header else ""
    body = "".join(f"<tr>{cells(row, 'td')}</tr>\n" for row in rows)
    title = f"<caption>{escaped(caption)}</caption>\n" if caption else ""
    return f'<div class="wide"><table>\n{title}{head}<tbody>\n{body}</tbody></table></div>\n'


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """Names and what they are, as a table without a header."""
    return table((), rows, words=2)


def figure(drawn: "Figure", caption: str) -> str:
    """A figure with its caption; its lines as vectors, or as pixels if these are too many."""
    content, kind = figure_bytes(drawn, "svg"), "svg+xml"
    if len(content) > _LARGEST_VECTORS:
        content, kind = figure_bytes(drawn, "png", _DOTS), "png"
    width = round(96.0 * float(drawn.get_size_inches()[0]))
    data = base64.b64encode(content).decode("ascii")
    text = escaped(caption)
    image = f'<img alt="{text}" style="width: {width}px" src="data:image/{kind};base64,{data}">'
    return f"<figure>\n{image}\n<figcaption>{text}</figcaption>\n</figure>\n"


# --- the page -----------------------------------------------------------------------------------


def style_sheet() -> str:
    """Of the report."""
    return (files("llpathsample") / "page" / "report.css").read_text(encoding="utf-8")


def whole_page(title: str, subtitle: str, sections: Sequence[Section], style: str = "", script: str = "") -> str:
    """The page with a table of contents. style, script: what fragments in the blocks need besides."""
    heading = escaped(title)
    contents = "".join(f'<li><a href="#{part.name}">{escaped(part.title)}</a></li>\n' for part in sections)
    body = "".join(
        f'<section id="{part.name}">\n<h2>{escaped(part.title)}</h2>\n{paragraph(part.meaning, "meaning")}'
        f"{''.join(part.blocks)}</section>\n"
        for part in sections
    )
    scripts = f"<script>\n{script}</script>\n" if script else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{heading}</title>\n<style>\n{style_sheet()}{style}</style>\n{scripts}</head>\n<body>\n<header>\n<h1>{heading}</h1>\n{paragraph(subtitle)}</header>\n<nav>\n<ul>\n{contents}</ul>\n</nav>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
