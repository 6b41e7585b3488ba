"""Help pages of a program as it prints them; needs no Sphinx."""

import importlib
from collections.abc import Iterator

import click

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
