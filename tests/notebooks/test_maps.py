"""README's table and the map in notebook 00 show every notebook, with the time that the notebook itself announces."""

import re

import pytest

from tests.notebooks.lesson_rules import announced_minutes
from tests.notebooks.notebook import Notebook
from tests.notebooks.rules import PROJECT

PATHS = sorted((PROJECT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
README = (PROJECT / "README.md").read_text(encoding="utf-8")
START = Notebook.read(PATHS[0])


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_readme_says_the_time_that_a_notebook_announces(path):
    announced = announced_minutes(Notebook.read(path))
    assert announced is not None
    time = f"{announced['core']} min" + (f", {announced['optional']} optional" if announced["optional"] else "")
    [row] = [line for line in README.splitlines() if f"](notebooks/{path.name})" in line]
    assert row.startswith("| [" + path.name[:2] + " ")
    assert row.split("|")[-2].strip() == time


@pytest.mark.parametrize("path", PATHS[1:], ids=lambda path: path.stem)
def test_the_first_notebook_shows_every_other(path):
    rows = [line for cell in START.cells if cell.cell_type == "markdown" for line in cell.source.splitlines()]
    titles = [re.search(rf"^\| \[(.+)\]\({re.escape(path.name)}\) \|", line) for line in rows]
    [title] = [found[1] for found in titles if found]
    assert f"[{title}](notebooks/{path.name})" in README
