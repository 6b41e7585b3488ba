"""A link to a folder leads to its README, as it does where a repository is looked at."""

import re
from pathlib import Path

LINK = re.compile(r"\]\(([^)\s:#]+)\)")


def with_readmes(text: str, folder: Path) -> str:
    """A page of a folder with its links to other folders that have a README leading there."""

    def readme(link: re.Match) -> str:
        name = link[1].rstrip("/")
        return f"]({name}/README.md)" if (folder / name / "README.md").is_file() else link[0]

    return LINK.sub(readme, text)


def read(app, docname: str, content: list[str]) -> None:
    content[0] = with_readmes(content[0], Path(app.env.doc2path(docname)).parent)


def setup(app) -> dict:
    app.connect("source-read", read)
    return {"parallel_read_safe": True}
