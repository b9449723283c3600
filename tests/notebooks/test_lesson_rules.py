"""The notebooks are lessons, and the rules of a lesson notice what they should."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.notebooks import lesson_rules
from tests.notebooks.lesson_rules import FEWEST_CELLS, LESSON_RULES, MOST_CELLS, PROJECT, leads_on, minutes_needed
from tests.notebooks.notebook import Notebook

LESSONS = sorted((PROJECT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def test_there_are_lessons():
    assert LESSONS, "The check of the lessons would pass without checking anything."


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_notebook_is_a_lesson(path):
    notebook = Notebook.read(path)
    findings = [str(finding) for rule in LESSON_RULES for finding in rule(notebook)]
    assert not findings, "\n".join([f"{path.name}:", *findings])


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of four notebooks, of which the second is looked at; the third has the same number."""
    (tmp_path / "notebooks").mkdir()
    for name in ("00_first", "01_second", "01_third", "02_fourth"):
        (tmp_path / "notebooks" / f"{name}.ipynb").touch()
    monkeypatch.setattr(lesson_rules, "PROJECT", tmp_path)


TITLE = "# Add\n\n- **Time:** 30 minutes, and 5 for the sections marked *optional*."
END = "[Back: 00 First](00_first.ipynb) · [Next: 01 Third](01_third.ipynb)"


def good():
    """A lesson of 34 cells: 30 minutes of core, 5 of an optional section."""
    cells = [new_markdown_cell(TITLE), new_markdown_cell(f"## Sums\n\n{'word ' * 1800}See notebook 00.")]
    cells += [new_code_cell(f"total({number})\nprint({number})") for number in range(20)]
    for level in ("predict", "write", "think"):
        task = f"### Your turn 01-1: {level}\n\nAdd."
        cells += [new_markdown_cell(task, id=f"exercise-01-{level}-task")]
        cells += [new_code_cell("add()", id=f"exercise-01-{level}-{part}") for part in ("answer", "solution")]
    cells += [new_markdown_cell(f"## More *(optional)*\n\n{'word ' * 900}"), new_markdown_cell(f"## The end\n\n{END}")]
    cells += [new_code_cell("print(version)", outputs=[new_output("stream", text="numpy 2.4.6\n")])]
    return new_notebook(cells=cells)


def changed(change):
    notebook = good()
    change(notebook.cells)
    return Notebook(notebook, "01_second")


def reads(source):
    return lambda cells: cells[3].update(source=source)


def says(text):
    return lambda cells: cells[1].update(source=f"{cells[1].source} {text}")


def shows(text):
    result = new_output("execute_result", {"text/plain": text})
    return lambda cells: cells[3].update(outputs=[result])


def place_of(cells, id):
    return [cell.get("id") for cell in cells].index(id)


def with_cells(count):
    """So many cells, those of exercises included."""

    def change(cells):
        own = [place for place, cell in enumerate(cells) if cell.source.startswith("total")]
        more = count - len(cells)
        if more > 0:
            cells[own[0] : own[0]] = [new_code_cell("add()") for _ in range(more)]
        else:
            del cells[own[0] : own[0] - more]

    return change


FAULTS = {
    "is_one_sitting": [with_cells(FEWEST_CELLS - 1), with_cells(MOST_CELLS + 1)],
    "asks_the_learner_to_do_something": [
        lambda cells: cells[place_of(cells, "exercise-01-think-task")].update(source="### Your turn 01-3: write"),
        lambda cells: cells.pop(place_of(cells, "exercise-01-predict-task")),
    ],
    "shows_more_than_true": [shows("True"), shows("(True, False)"), shows("[True, True]")],
    "announces_an_honest_time": [
        lambda cells: cells[0].update(source="# Add"),
        lambda cells: cells[0].update(source=TITLE.replace("30", "20")),
        lambda cells: cells[0].update(source=TITLE.replace("30", "45")),
        lambda cells: cells[0].update(source=TITLE.replace(" 5 ", " 9 ")),
        lambda cells: cells[0].update(source="# Add\n\n- **Time:** 30 minutes."),
    ],
    "is_written_plainly": [
        reads("key._native"),
        reads("_hidden()"),
        reads("from unittest import mock"),
        reads("%%role analyst\n{'double': lambda a: 2 * a}"),
        reads("[[a for a in row] for row in rows]"),
        reads("[a for row in rows for a in row]"),
        reads("a, b, c"),
    ],
    "fits_the_page": [reads(f"a = 1\ntotal = {'a + ' * 18}a")],
    "promises_no_notebook_that_is_not_there": [
        says("See notebook 14."),
        says("See notebooks 00 and 07."),
        says("See [the third](03_third.ipynb)."),
    ],
    "leads_on": [
        lambda cells: cells[-2].update(source=END.partition(" · ")[0]),
        lambda cells: cells[-2].update(source=END.partition(" · ")[2]),
        lambda cells: cells[-2].update(source=END.replace("01_third", "02_fourth")),
        lambda cells: cells.insert(-1, new_markdown_cell("The end.")),
    ],
    "types_no_number_into_a_description": [
        reads("bars(sizes, alt='From 12 to 5 kB.')"),
        reads("bars(sizes, alt=f'From {a} to 5 kB.')"),
    ],
    "says_what_takes_long": [
        reads("lab.libraries.provoke(['phe'])"),
        reads("for request in requests:\n    print(administrator.review(request))"),
        reads("for request in steps(requests):\n    if request:\n        administrator.review(request)"),
    ],
}


def test_every_rule_has_a_lesson_that_breaks_it():
    assert set(FAULTS) == {rule.__name__ for rule in LESSON_RULES}


@pytest.mark.usefixtures("course")
@pytest.mark.parametrize("rule", LESSON_RULES, ids=lambda rule: rule.__name__)
def test_a_good_lesson_passes(rule):
    assert rule(Notebook(good(), "01_second")) == []


@pytest.mark.usefixtures("course")
@pytest.mark.parametrize(
    ("rule", "fault"),
    [pytest.param(rule, fault, id=rule.__name__) for rule in LESSON_RULES for fault in FAULTS[rule.__name__]],
)
def test_a_rule_finds_its_fault(rule, fault):
    findings = rule(changed(fault))
    assert findings
    assert all(finding.message.endswith(".") for finding in findings)


@pytest.mark.usefixtures("course")
def test_the_second_notebook_of_a_number_leads_on_to_its_own_neighbours():
    end = "[Back: 01 Second](01_second.ipynb) · [Next: 02 Fourth](02_fourth.ipynb)"
    for name, findings in (("01_third", 0), ("01_second", 2)):
        assert len(leads_on(Notebook(new_notebook(cells=[new_markdown_cell(end)]), name))) == findings


@pytest.mark.usefixtures("course")
@pytest.mark.parametrize(
    "harmless",
    [
        with_cells(FEWEST_CELLS + 2),
        shows("holds a secret key: False"),
        shows("0.0041"),
        reads("for _ in range(3):\n    [double(a) for a in row]\nfirst, second"),
        reads("%%role analyst\n%time add()\n{'a': 1}"),
        reads("bars(sizes, alt=f'From {a} to {b} kB.', width=3)"),
        reads("provoke(['phe'], progress=lab.steps)\nfor one in lab.steps(requests):\n    administrator.review(one)"),
        says("See notebooks 00, 01 and 02, [SEAL 4](https://github.com/microsoft/SEAL), [top](#sums)."),
    ],
)
def test_what_is_harmless_passes(harmless):
    notebook = changed(harmless)
    assert [str(finding) for rule in LESSON_RULES for finding in rule(notebook)] == []


def test_the_yardstick():
    cells = [
        new_markdown_cell("word " * 360),
        new_code_cell("a = 1\n\nb = 2\n" * 8),
        new_markdown_cell("## More *(optional)*"),
        new_markdown_cell("word " * 180),
        new_markdown_cell("## Back\n\n### Your turn 01-1: write", id="exercise-01-1-task"),
        new_code_cell("not read\n" * 80, id="exercise-01-1-solution"),
    ]
    cells[4].source = "### Your turn 01-1: write\n\n"
    minutes = minutes_needed(Notebook(nbformat.from_dict(new_notebook(cells=cells)), "01_second"))
    assert minutes == {"core": pytest.approx(2 + 2 + 2), "optional": pytest.approx((3 + 180 + 5) / 180 + 5, abs=0.02)}
