"""Docstrings are plain text, not markup: paragraphs stay paragraphs, lists and formulae stay as they are."""

import re

MARKUP = re.compile(r"([\\*|`_])")


def as_markup(lines: list[str]) -> list[str]:
    """A docstring's lines as reStructuredText that shows them: a paragraph with an indented line or a list in it, or a
    table, is shown as it stands; of others the characters that mean something to Sphinx are escaped."""
    shown = []
    for paragraph in re.split(r"\n[ ]*\n", "\n".join(lines).strip()):
        own = paragraph.split("\n")
        if any(line.startswith((" ", "- ", "* ")) or "   " in line for line in own):
            shown += ["::", "", *("    " + line for line in own), ""]
        else:
            shown += [*(MARKUP.sub(r"\\\1", line) for line in own), ""]
    return shown


def process(app, what, name, obj, options, lines) -> None:
    lines[:] = as_markup(lines)


def setup(app) -> dict:
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True}
