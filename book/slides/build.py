"""Build the slides into build/slides: `make slides`. A warning is an error."""

import sys
from pathlib import Path

from sphinx.cmd.build import main

SLIDES = Path(__file__).resolve().parent
OUTPUT = SLIDES.parents[1] / "build" / "slides"


def build() -> int:
    """Returns Sphinx's exit code, 0 where nothing was wrong."""
    options = ["--builder", "revealjs", "--fresh-env", "--write-all", "--fail-on-warning", "--keep-going", "--quiet"]
    return main([*options, str(SLIDES), str(OUTPUT)])


if __name__ == "__main__":
    sys.exit(build())
