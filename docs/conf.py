"""Sphinx's settings: `make docs`. The source folder is that of the repository, so that links between pages, examples
and benchmarks are the same on the site as in a checkout. Nothing is asked of a network."""

import os
import sys
from pathlib import Path

# Nothing is computed: what autodoc imports need not be compiled.
os.environ["NUMBA_DISABLE_JIT"] = "1"

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

project = "Loss landscapes"
author = copyright = "the authors"

extensions = ["myst_parser", "sphinx.ext.autodoc", "tools.help_pages", "tools.docstrings", "tools.folder_links"]
root_doc = "docs/index"
include_patterns = ["README.md", "docs/**.md", "examples/*/README.md", "benchmarks/README.md"]
# Not looked into: environments, and what runs and builds leave.
exclude_patterns = [".*", "build", "demo", "bench-output", "docs/_build", "examples/*/out", "tests", "**/__pycache__"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
suppress_warnings = [
    "misc.highlighting_failure",  # output of commands is no source of any language
]
highlight_language = "none"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"

html_theme = "furo"
html_title = "Loss landscapes"
html_static_path = ["static"]
html_css_files = ["site.css"]
# The first page is docs/index.html, as in the repository; this leads there.
html_extra_path = ["root"]
html_copy_source = False
html_show_sphinx = False
