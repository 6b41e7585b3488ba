"""The disconnectivity graph as an interactive page in one file, which asks for nothing from anywhere.

A canvas and a script of our own (page/tree.js); the numbers are in the page, packed.
"""

import base64
import html
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import files
from typing import Literal

import numpy as np

from llcommon.errors import ConfigError
from llpathsample.properties import Property
from llpathsample.tree import Tree
from llpathsample.treecolours import DIVERGING, OTHER, class_palette, colour_scale, is_class, scale_of

_STOPS = 17  # colours that stand for a scale
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def tree_html(
    tree: Tree,
    properties: Sequence[Property],
    *,
    colour: str | None = None,
    scale: Literal["auto", "linear", "log"] = "auto",
    along: str | None = None,
    title: str = "Disconnectivity graph",
    note: str = "",
) -> str:
    """A whole page with the tree: it zooms, tells of the leaf under the pointer all properties, colours by any.

    colour: name of the property that it begins with. scale: of the colours, as `scale_of` takes it, but log only for
    properties without negative values. along: label of the horizontal axis of a tree along a property.
    note: a sentence under the title. ConfigError for an unknown colour.
    """
    body = tree_fragment(tree, properties, name="tree", colour=colour, scale=scale, along=along)
    heading = html.escape(title)
    sentence = f"<p>{html.escape(note)}</p>\n" if note else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{heading}</title>\n<style>\nbody {{ margin: 16px; font-family: system-ui, sans-serif; }}\n"
        "h1 { font-size: 18px; }\n"
        f"{page_style()}</style>\n<script>\n{page_script()}</script>\n</head>\n<body>\n"
        f"<h1>{heading}</h1>\n{sentence}{body}</body>\n</html>\n"
    )


def page_style() -> str:
    """The style sheet, for a <style> of a page that takes fragments."""
    return (files("llpathsample") / "page" / "tree.css").read_text(encoding="utf-8")


def page_script() -> str:
    """The script, once for a <script> of a page that takes fragments, before them."""
    return (files("llpathsample") / "page" / "tree.js").read_text(encoding="utf-8")


def tree_fragment(
    tree: Tree,
    properties: Sequence[Property],
    *,
    name: str,
    colour: str | None = None,
    scale: Literal["auto", "linear", "log"] = "auto",
    along: str | None = None,
) -> str:
    """The tree for the body of a page that has `page_style` and `page_script`; name: its element's id, unique there.

    In the page window.lossTrees[name] is the tree's interface. Otherwise as tree_html.
    """
    if not re.fullmatch("[a-zA-Z][a-zA-Z0-9_-]*", name):
        raise ConfigError(f"{name} cannot be the id of an element: letters, digits, - and _ only")
    known = [found.name for found in properties]
    if colour is not None and colour not in known:
        raise ConfigError(f"the page cannot begin with the colour {colour}: it has {', '.join(known)}")
    text = json.dumps(_described(tree, properties, colour, scale, along), separators=(",", ":"), allow_nan=False)
    return (
        f'<div id="{name}"></div>\n'
        f'<script type="application/json" id="{name}-data">{_inside_script(text)}</script>\n'
        "<script>\n(window.lossTrees = window.lossTrees || {})"
        f'["{name}"] = lossTree(document.getElementById("{name}"), '
        f'JSON.parse(document.getElementById("{name}-data").textContent));\n</script>\n'
    )


def _inside_script(text: str) -> str:
    """JSON that no browser takes for the end of its element."""
    return text.replace("<", "\\u003c")


def _described(tree: Tree, properties: Sequence[Property], colour: str | None, scale: str, along: str | None) -> dict:
    """What page/tree.js reads."""
    leaves = tree.leaves
    from matplotlib.colors import to_hex

    rising = [to_hex(rgba) for rgba in colour_scale()(np.linspace(0.0, 1.0, _STOPS))]
    return {
        "leaves": int(leaves.size),
        "top": tree.top,
        "parent": _packed(tree.parent, "<i4"),
        "x": _packed(tree.x, "<f8"),
        "loss": _packed(tree.loss, "<f8"),
        "shoulder": _packed(tree.shoulder[leaves.size :], "<f8"),
        "minimum": _packed(tree.minimum[leaves], "<i4"),
        "along": along,
        "colour": colour,
        "scales": {"rising": rising, "diverging": list(DIVERGING)},
        "properties": [_described_property(found, tree.minimum[leaves], scale) for found in properties],
    }


def _described_property(found: Property, minima: np.ndarray, kind: str) -> dict:
    """A property of the drawn minima."""
    values = found.values[minima]
    described = {"name": found.name, "label": found.label}
    if not is_class(values):
        described |= {"kind": "scale", "values": _packed(values, "<f4")}
        signed = not found.diverging and (values < 0.0).any()
        scale = scale_of(values, found.diverging, "linear" if signed else kind)
        return described | {"scale": None if scale is None else asdict(scale) | {"linear": scale.linear}}
    palette = class_palette(values)
    own = [number for number, colour in palette.items() if colour != OTHER]
    prefix = "" if found.names else f"{found.label} "
    return described | {
        "kind": "classes",
        "values": _packed(values, "<i4"),
        "names": found.names,
        "classes": [[number, palette[number], prefix + found.names.get(number, str(number))] for number in own],
        "others": [len(palette) - len(own), OTHER],
    }


def _packed(values: np.ndarray, kind: str) -> str:
    """The bytes of an array in base 64."""
    with np.errstate(over="ignore"):
        return base64.b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode("ascii")
