"""Sphinx's settings for the slides: `make slides`. Their pictures are those that stand in the notebooks' outputs."""

import json
import re
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT / "book"))

project = "Computing with encrypted data"
author = "the course's authors"
language = "en"
root_doc = "index"
exclude_patterns = ["conf.py", "build.py"]
extensions = ["myst_parser", "sphinx_revealjs", "formulas"]
html_math_renderer = "mathml"
myst_enable_extensions = ["dollarmath", "substitution"]

# reveal.js comes with the package: the slides are shown without a network. Arrow keys move, Esc shows all of them.
revealjs_style_theme = "white"
revealjs_script_conf = {"hash": True, "slideNumber": True, "transition": "none", "width": 1100, "height": 750}
revealjs_use_section_ids = True
html_static_path = ["_static"]
revealjs_static_path = ["_static"]
revealjs_css_files = ["slides.css"]


def picture(number: str, call: str) -> str:
    """The first picture, as an HTML element with its alternative text, of the first cell of that notebook that calls
    `call`. Raises LookupError where there is none."""
    for path in sorted((PROJECT / "notebooks").glob(f"{number}_*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if f"{call}(" in "".join(cell["source"]):
                for output in cell.get("outputs", []):
                    found = re.search(r"<img\b[^>]*>", "".join(output.get("data", {}).get("text/html", "")))
                    if found:
                        return found[0]
    raise LookupError(f"Notebook {number} has no stored picture of {call}. Run make notebooks.")


myst_substitutions = {
    "who_holds_what": picture("00", "who_holds_what"),
    "way_of_a_request": picture("00", "sequence"),
    "locks": picture("01", "dots"),
    "noise": picture("02", "ciphertext_bar"),
    "slots": picture("04", "slot_grid"),
    "chain": picture("10", "prime_chain"),
}
