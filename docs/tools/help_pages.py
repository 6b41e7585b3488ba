"""The directive `help-pages`: a section for every command of a program, with what `--help` prints."""

import importlib
from collections.abc import Iterator

import click
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

WIDTH = 80  # of a help page: what a terminal has, and the site has room for


def help_pages(program: str) -> Iterator[tuple[str, str]]:
    """(command, help page) of a program, the program itself first."""
    group = importlib.import_module(f"{program}.cli").main
    outer = click.Context(group, info_name=program, **group.context_settings)
    outer.terminal_width = WIDTH
    yield program, group.get_help(outer)
    for name in group.list_commands(outer):
        command = group.get_command(outer, name)
        inner = click.Context(command, info_name=name, parent=outer, terminal_width=WIDTH)
        yield f"{program} {name}", command.get_help(inner)


class HelpPages(SphinxDirective):
    """```{help-pages} llgmin"""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        sections = []
        for title, page in help_pages(self.arguments[0]):
            section = nodes.section(ids=[nodes.make_id(title)], names=[title])
            section += nodes.title(text=title)
            section += nodes.literal_block(page, page, language="none")
            sections.append(section)
        return sections


def setup(app) -> dict:
    app.add_directive("help-pages", HelpPages)
    # A page of these is as new as the code is: it is made anew at each build.
    app.connect("env-get-outdated", lambda app, env, added, changed, removed: [
        name for name in env.found_docs if name.startswith("docs/reference/")
    ])
    return {"parallel_read_safe": True}
