"""The documentation: every page is found, every link leads somewhere, and tutorials show what commands print."""

import re
import subprocess
import sys
import tempfile
from importlib import import_module, util
from pathlib import Path

import pytest

from docs.tools import run_pages
from docs.tools.docstrings import as_markup
from docs.tools.folder_links import with_readmes
from docs.tools.program_help import help_pages

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
# What the site is made of, as `include_patterns` of docs/conf.py says.
PAGES = [
    ROOT / "README.md",
    *sorted(DOCS.glob("*.md")),
    *sorted(DOCS.glob("*/*.md")),
    *sorted(ROOT.glob("examples/*/README.md")),
    ROOT / "benchmarks" / "README.md",
]
TUTORIALS = sorted((DOCS / "tutorials").glob("*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(path: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.S | re.M)


def anchors(path: Path) -> set[str]:
    """What can be linked to in a page: its headings, as MyST names them."""
    headings = re.findall(r"^#+ (.*)$", prose(path), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_index():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    listed = set()
    for block in re.findall(r"```{toctree}\n(.*?)```", index, flags=re.S):
        for line in block.splitlines():
            entry = re.sub(r"^.*<(.*)>$", r"\1", line.strip())
            if entry and not entry.startswith(":"):
                listed |= {path.resolve() for path in DOCS.glob(f"{entry}.md")}
    missing = {path for path in PAGES if path != DOCS / "index.md"} - listed
    assert not missing, "not in docs/index.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in LINK.findall(prose(page)):
        if re.match(r"https?://", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.is_file() or (target / "README.md").is_file(), f"{link}: no such file"
        if anchor:
            assert anchor in anchors(target), f"{link}: no such heading"


def test_a_link_to_a_folder_leads_to_its_readme():
    text = "[a](../examples/iris) [b](../examples/xor/) [c](../tests) [d](trees.md) [e](https://x.org/y)"
    lead = "[a](../examples/iris/README.md) [b](../examples/xor/README.md) [c](../tests) [d](trees.md) [e](https://x.org/y)"
    assert with_readmes(text, DOCS) == lead


def test_there_are_tutorials_for_everybody():
    names = {path.stem for path in TUTORIALS}
    assert names >= {"first-landscape", "from-gmin", "from-topsearch", "pytorch-model", "cluster", "reading-a-tree"}


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda path: path.stem)
def test_tutorials_use_commands_and_options_that_are_there(page):
    """Cheaper than to run them, which the slow test does."""
    commands = [command.line for command in run_pages.read_page(page).commands]
    assert commands
    lines = "\n".join(commands).replace("\\\n", " ")
    for program, name, words in re.findall(r"\b(llgmin|lloptim|llpathsample) ([a-z-]+)([^|;&>\n]*)", lines):
        group = import_module(f"{program}.cli").main
        command = group.get_command(None, name)
        assert command is not None, f"{program} {name}"
        known = {option for parameter in command.params for option in parameter.opts}
        unknown = set(re.findall(r"(?<= )--?[a-z][a-z-]*", words)) - known
        assert not unknown, f"{program} {name}"


def test_help_pages_are_what_help_prints(monkeypatch):
    from click.testing import CliRunner

    pages = dict(help_pages("llgmin"))
    assert set(pages) == {"llgmin"} | {f"llgmin {name}" for name in import_module("llgmin.cli").main.table}
    shown = CliRunner().invoke(import_module("llgmin.cli").main, ["list", "--help"], terminal_width=80).output
    assert pages["llgmin list"].split() == shown.replace("Usage: main", "Usage: llgmin").split()


def test_docstrings_become_markup_that_shows_them():
    lines = ["Mean of |x| over x_i, `x_i`s.", "", "A formula", "", "    L = *p", "", "- one", "- two"]
    prose = r"Mean of \|x\| over x\_i, \ ``x_i``\ s."
    formula, items = ["::", "", "        L = *p", ""], ["::", "", "    - one", "    - two", ""]
    assert as_markup(lines) == [prose, "", "A formula", "", *formula, *items]


# --- the machine that runs pages --------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("loss 0.0225429608622075", "loss 0.0225429608622079", True),
        ("loss 0.0225", "loss 0.0226", True),  # the last printed digit
        ("loss 0.0225", "loss 0.0227", False),
        ("loss 0.0225429608", "loss 0.0225439608", False),
        ("rms 1.2e-17", "rms 6.5e-18", True),
        ("rate 7.11e-11", "rate 7.33e-11", False),
        ("61 minima", "60 minima", True),
        ("61 minima", "40 minima", False),
        ("4 minima", "5 minima", False),
        ("12 minima in 3.4 s", "12 minima in 17.8 s", True),
        ("12 minima", "12 maxima", False),
        ("a\tb", "a b", False),
        ("nan", "nan", True),
    ],
)
def test_lines_are_compared_by_what_they_say(shown, printed, same):
    assert run_pages.same_line(shown, printed) is same


def test_an_ellipsis_stands_for_any_lines():
    printed = ["head", "1.0", "2.0", "3.0", "tail"]
    for shown in (["..."], ["head", "...", "tail"], ["...", "2.0", "...", "tail"], ["head", "...", "3.0", "tail"]):
        assert run_pages.agrees(shown, printed), shown
        assert run_pages.renewed(shown, printed) == shown
    for shown in ([], ["head", "..."] * 2 + ["nothing"], ["...", "9.0", "...", "tail"], ["1.0", "..."]):
        assert not run_pages.agrees(shown, printed), shown
    assert run_pages.renewed(["head", "...", "tail of old"], printed) == ["head", "...", "tail"]
    assert run_pages.renewed(["...", "2.1", "...", "tail"], printed)[1] in {"1.0", "2.0"}


PAGE = """# A page

<!-- copy: examples/xor/xor.csv -->
<!-- file: my.txt -->
```text
three
```

```console
$ cat my.txt
two
$ mkdir inside; cd inside
$ cp ../xor.csv \\
> ../out.svg; sleep 60 &
```

![picture](../figures/page/out.svg)
"""


def test_a_page_is_run_and_renewed(tmp_path, monkeypatch):
    monkeypatch.setattr(run_pages, "FIGURES", tmp_path / "figures")
    path = tmp_path / "page.md"
    path.write_text(PAGE)

    def run(write):
        page = run_pages.read_page(path)
        with tempfile.TemporaryDirectory() as folder, run_pages.surroundings(page, Path(folder)) as environment:
            return run_pages.run_page(page, Path(folder), environment, write)

    (difference,) = run(write=False)
    assert "-two\n+three" in difference
    assert path.read_text() == PAGE
    run(write=True)
    assert path.read_text() == PAGE.replace("\ntwo\n", "\nthree\n")
    assert (tmp_path / "figures" / "page" / "out.svg").read_bytes() == (ROOT / "examples/xor/xor.csv").read_bytes()
    assert run(write=False) == []
    path.write_text(PAGE.replace("mkdir", "mkdirs"))
    with pytest.raises(run_pages.Broken, match="(?s)mkdirs.*exit code 1"):
        run(write=True)
    path.write_text(PAGE.replace("/page/out", "/page/other"))
    with pytest.raises(run_pages.Broken, match="nothing makes the picture other.svg"):
        run(write=True)


def test_a_page_that_lacks_something_is_not_run(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("<!-- needs: no_such_module -->\n")
    with pytest.raises(run_pages.Missing, match="no_such_module is not installed"):
        with run_pages.surroundings(run_pages.read_page(path), tmp_path):
            pass


@pytest.mark.slow
@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_shows_what_is_printed(path):
    page = run_pages.read_page(path)
    try:
        with tempfile.TemporaryDirectory() as folder, run_pages.surroundings(page, Path(folder)) as environment:
            wrong = run_pages.run_page(page, Path(folder), environment, write=False)
    except run_pages.Missing as missing:
        pytest.skip(str(missing))
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.slow
@pytest.mark.skipif(util.find_spec("furo") is None, reason="needs Sphinx: make docs, or pip install -e '.[docs]'")
def test_the_site_is_built_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-c", "docs", ".", tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Your first landscape" in (tmp_path / "docs" / "index.html").read_text()
    # Nothing is asked of a network.
    for page in tmp_path.glob("docs/*.html"):
        assert not re.search(r"(?:<script[^>]*|<link[^>]*|<img[^>]*)(?:src|href)=\"(?:https?:)?//", page.read_text())
