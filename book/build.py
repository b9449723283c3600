"""Build the book into build/book: `make book`.

A warning is an error: a link to a page that is not there, a formula that cannot be shown, a word that is no term.
"""

import gc
import sys
from pathlib import Path

from sphinx.cmd.build import main

PROJECT = Path(__file__).resolve().parents[1]
OUTPUT = PROJECT / "build" / "book"


def build() -> int:
    """Build all of it; returns Sphinx's exit code, 0 where nothing was wrong."""
    # The pages are trees of millions of nodes, and nearly all of them stay: Python would look through them again and
    # again for what can go. What could have gone is 170 MB at the end, of 450.
    gc.disable()
    # Anew: what an interrupted build has left would make a warning of its own.
    options = ["--builder", "html", "--fresh-env", "--write-all"]
    options += ["--fail-on-warning", "--keep-going"]
    if not sys.stdout.isatty():
        options += ["--quiet"]  # how far it is, is for who waits
    return main([*options, "--conf-dir", str(PROJECT / "book"), str(PROJECT), str(OUTPUT)])


if __name__ == "__main__":
    sys.exit(build())
