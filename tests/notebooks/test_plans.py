"""The plans in TEACHING.md are made of notebooks and labs as they are, and their minutes add up."""

import re

import pytest

from tests.notebooks.lesson_rules import announced_minutes
from tests.notebooks.notebook import Notebook
from tests.notebooks.rules import PROJECT

TEACHING = (PROJECT / "TEACHING.md").read_text(encoding="utf-8")
LENGTHS = {"90 minutes": 90, "3 hours": 180, "6 hours": 360, "12 hours": 720}
_LAB_TIME = re.compile(r"\*\*Time:\*\* (\d+) minutes, and (\d+) for the optional part")


def rows_below(heading):
    """The cells of each row of the first table below the heading that begins so."""
    [section] = re.findall(rf"^#+ {re.escape(heading)}\b.*?\n(.*?)(?=^#|\Z)", TEACHING, re.M | re.S)
    lines = re.search(r"^(?:\|.*\n)+", section, re.M)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def minutes_of(path):
    """What a notebook or a lab announces, by its part."""
    first = Notebook.read(path).cells[0].source
    lab = _LAB_TIME.search(first)
    return {"core": int(lab[1]), "optional": int(lab[2])} if lab else announced_minutes(Notebook.read(path))


@pytest.mark.parametrize("plan", LENGTHS)
def test_the_minutes_of_a_plan_are_those_of_its_parts_and_add_up(plan):
    *parts, (_, _, together) = rows_below(plan)
    for what, part, minutes in parts:
        link = re.search(r"\]\((notebooks/[\w/]+\.ipynb)\)", what)
        if link:
            announced = minutes_of(PROJECT / link[1])
            expected = sum(announced[one] for one in part.split(" and "))
            assert int(minutes) == expected, f"{plan}: {what} takes {expected} minutes ({part})"
        else:
            assert not part, f"{plan}: {what} is no notebook, so it has no part"
    total = sum(int(minutes) for _, _, minutes in parts)
    assert total == int(together) == LENGTHS[plan], f"{plan}: the parts take {total} minutes together"


def test_no_other_plan_is_promised():
    assert set(re.findall(r"^### (\d+ (?:minutes|hours)):", TEACHING, re.M)) == set(LENGTHS)


@pytest.mark.parametrize("number", sorted({path.name[:2] for path in (PROJECT / "notebooks").glob("[0-9]*.ipynb")}))
def test_the_goals_name_sections_that_are_there(number):
    texts = [
        cell.source
        for path in (PROJECT / "notebooks").glob(f"{number}_*.ipynb")
        for cell in Notebook.read(path).cells
        if cell.cell_type == "markdown"
    ]
    sections = set(re.findall(r"^## (.*)$", "\n".join(texts), re.M))
    named = [section for row in rows_below("Goals") if row[0] == number for section in row[2].split("; ")]
    assert named, f"TEACHING.md has no goal for notebook {number}"
    assert set(named) <= sections, f"{number} has the sections {sorted(sections)}"
