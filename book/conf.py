"""Sphinx's settings for the book: the notebooks as they are stored, the words, and the API. Built by `make book`.

The source folder is the project itself, of which `include_patterns` takes what readers need, so that links between
notebooks, data cards and README hold in the book as they do in the checkout.
"""

import json
import re
import sys
from importlib.metadata import version as version_of
from pathlib import Path

from sphinx.application import Sphinx

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "book")]

project = "Computing with encrypted data"
author = "the course's authors"
language = "en"
root_doc = "book/index"
include_patterns = [
    "book/*.md",
    "notebooks/*.ipynb",
    "data/*.md",
    "data/models/*.md",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
]
extensions = ["myst_nb", "sphinx.ext.autodoc", "formulas"]

# The outputs are those that are stored, and compared by `make test`: nothing is run here.
nb_execution_mode = "off"
nb_merge_streams = True
nb_code_prompt_show = "Show {type}"
nb_code_prompt_hide = "Hide {type}"
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 4
# Progress bars and widgets have a text form beside them, which is shown.
suppress_warnings = ["mystnb.unknown_mime_type"]

autodoc_default_options = {"members": True, "imported-members": True, "member-order": "alphabetical"}
autodoc_typehints = "signature"
# The helpers have none, and looking for them reads all of their source once more.
autodoc_use_type_comments = False
default_role = "code"
add_module_names = False

html_theme = "furo"
html_title = project
html_extra_path = ["front"]
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_math_renderer = "mathml"


def fold_solutions(app: Sphinx, name: str, source: list[str]) -> None:
    """What JupyterLab hides is folded in the book as well: the code of solutions."""
    if not name.startswith("notebooks/"):
        return
    notebook = json.loads(source[0])
    for cell in notebook["cells"]:
        if cell["metadata"].get("jupyter", {}).get("source_hidden"):
            cell["metadata"].setdefault("tags", []).append("hide-input")
    source[0] = json.dumps(notebook)


# What README leads to and learners do not read: answers, and the labs with their solutions.
_FOR_LECTURERS = re.compile(r"\[([^\]]+)\]\((?:TEACHING\.md|teaching/|notebooks/labs/)[^)]*\)")


def leave_out_what_is_for_lecturers(app: Sphinx, name: str, source: list[str]) -> None:
    """The book is for learners: where a page leads to what is for lecturers, its name stays and the link goes."""
    source[0] = _FOR_LECTURERS.sub(r"\1", source[0])


_ENTRY = re.compile(r"(\w+(?:, \w+)*): (.*)")


def read_docstring(app: Sphinx, what: str, name: str, described: object, options: object, lines: list[str]) -> None:
    """Docstrings are written to be read as they are. In the book "name: what it is" becomes an entry of a list, and
    paragraphs with indented lines keep their breaks."""
    paragraphs = "\n".join(lines).replace("|", r"\|").replace("*", r"\*").split("\n\n")
    lines[:] = [line for paragraph in paragraphs for line in (*_marked_up(paragraph.splitlines()), "")]


def _marked_up(paragraph: list[str]) -> list[str]:
    if any(line.startswith(" ") for line in paragraph):
        return [f"| {line}" for line in paragraph]
    marked: list[str] = []
    for line in paragraph:
        entry = _ENTRY.fullmatch(line)
        within = bool(marked) and marked[-1].startswith((":", "    "))
        if entry:
            marked += [*([] if within else [""]), f":{entry[1]}: {entry[2]}"]
        else:
            marked.append(f"    {line}" if within else line)
    return marked


# What Sphinx and the theme leave out for readers who use a keyboard or a screen reader.
_BARRIERS = {
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    "<pre>": '<pre tabindex="0">',
    '<div class="math-wrapper': '<div tabindex="0" class="math-wrapper',
    '<div class="table-wrapper': '<div tabindex="0" class="table-wrapper',
}


def take_barriers_away(app: Sphinx, failed: Exception | None) -> None:
    if failed is None:
        for page in Path(app.outdir).rglob("*.html"):
            text = page.read_text(encoding="utf-8")
            for barrier, way in _BARRIERS.items():
                text = text.replace(barrier, way)
            page.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool | str]:
    app.connect("autodoc-process-docstring", read_docstring)
    app.connect("build-finished", take_barriers_away)
    app.connect("source-read", fold_solutions)
    app.connect("source-read", leave_out_what_is_for_lecturers)
    return {"version": version_of("sphinx"), "parallel_read_safe": True}
