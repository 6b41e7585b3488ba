"""The directive `help-pages`: a section for every command of a program, with what `--help` prints."""

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from tools.program_help import help_pages


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
