"""Docstrings are plain text, not markup: paragraphs stay paragraphs, lists and formulae stay as they are."""

import re

MARKUP = re.compile(r"([\\*|`_])")
CODE = re.compile(r"(`[^`]+`)")


def as_markup(lines: list[str]) -> list[str]:
    """A docstring's lines as reStructuredText that shows them: a paragraph with an indented line or a list in it, or a
    table, is shown as it stands; of others what lies between backticks is code, and characters that mean something to
    Sphinx are escaped."""
    shown = []
    for paragraph in re.split(r"\n[ ]*\n", "\n".join(lines).strip()):
        own = paragraph.split("\n")
        if any(line.startswith((" ", "- ", "* ")) or "   " in line for line in own):
            shown += ["::", "", *("    " + line for line in own), ""]
        else:
            shown += [*map(_escaped, own), ""]
    return shown


def _escaped(line: str) -> str:
    """A line of prose. Escaped spaces let code touch letters."""
    parts = CODE.split(line)
    parts[::2] = [MARKUP.sub(r"\\\1", part) for part in parts[::2]]
    parts[1::2] = [f"\\ ``{part[1:-1]}``\\ " for part in parts[1::2]]
    return "".join(parts)


def process(app, what, name, obj, options, lines) -> None:
    lines[:] = as_markup(lines)


def setup(app) -> dict:
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True}
