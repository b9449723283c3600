"""`make grade` on a folder of honest, broken and hostile submissions for a small lab."""

from __future__ import annotations

import tempfile

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from he_helpers.classroom import grading
from he_helpers.classroom.course import Course
from he_helpers.classroom.sandbox.command import Limits
from he_helpers.lab.workspace.workspace import PROJECT
from tests.classroom.conftest import answered

LAB = "lab_1_small"
PLANTED = "solution of the grader"


def cell(name, source, **marks):
    marks = {"grade": False, "locked": False, "solution": False, "task": False} | marks
    return new_code_cell(source, id=name, metadata={"nbgrader": {"grade_id": name, "schema_version": 3} | marks})


SMALL = new_notebook(
    cells=[
        new_markdown_cell("# A small lab", id="title"),
        new_markdown_cell("Objectives.", id="note", metadata={"tags": ["lecturer"]}),
        cell(
            "double",
            "# Task 1: double\n### BEGIN SOLUTION\ndef double(x):\n    return 2 * x\n### END SOLUTION",
            solution=True,
        ),
        cell("double_check", "assert double(3) == 6, 'twice 3 is 6'", grade=True, locked=True, points=2),
        cell(
            "double_more",
            f"# Further checks\n### BEGIN HIDDEN TESTS\nassert double(-1) == -2, {PLANTED!r}\n### END HIDDEN TESTS",
            grade=True,
            locked=True,
            points=3,
        ),
        cell("three", "# Task 2: three\n### BEGIN SOLUTION\nthree = 3\n### END SOLUTION", solution=True),
        cell("three_check", "assert three == 3", grade=True, locked=True, points=1),
    ]
)
RIGHT = {"double": "# Task 1: double\ndef double(x):\n    return 2 * x", "three": "# Task 2: three\nthree = 3"}
# Not the system and Python, which are large.
SEARCHED = [str(PROJECT), tempfile.gettempdir(), "/home", "/var"]
SEARCHES = f"""# Task 1: double
import os
found = []
skipped = {{"lib", "site-packages"}}
for folder, inner, names in (step for top in {SEARCHED!r} for step in os.walk(top)):
    inner[:] = [name for name in inner if name not in skipped]
    for name in names:
        try:
            found += [name] if {PLANTED[:8]!r} + {PLANTED[8:]!r} in open(os.path.join(folder, name)).read() else []
        except (OSError, UnicodeDecodeError):
            pass
print("found:", found)
def double(x):
    return 2 * x
"""
HOSTILE = {
    # student: answers in the place of the right ones, and the points that the notebook deserves
    "right": ({}, 6),
    "partly": ({"double": "# Task 1: double\ndef double(x):\n    return 6"}, 3),
    "loops": ({"double": "while True: pass"}, 1),
    "eats": ({"double": "kept = []\nwhile True: kept.append(bytearray(2**27))"}, 1),
    "crashes": ({"double": "import os; os._exit(1)"}, 1),
    "searches": ({"double": SEARCHES}, 6),
    "script": (
        {"three": "# Task 2: three\nthree = 3\nfrom IPython.display import HTML\nHTML('<script>alert(1)</script>')"},
        6,
    ),
}


@pytest.fixture(scope="module")
def graded(sandbox, tmp_path_factory):
    """The grades and the folder they were written to, of one run over all submissions."""
    folder = tmp_path_factory.mktemp("classroom")
    labs, submissions, into = folder / "labs", folder / "submissions", folder / "grades"
    labs.mkdir()
    nbformat.write(SMALL, labs / f"{LAB}.ipynb")
    released = Course(folder / "course", labs).release(LAB)
    notebooks = {student: answered(released, RIGHT | answers) for student, (answers, _) in HOSTILE.items()}
    notebooks["blank"] = released
    notebooks["deletes"] = answered(released, RIGHT)
    notebooks["deletes"].cells = [cell for cell in notebooks["deletes"].cells if "assert" not in cell.source]
    for student, notebook in notebooks.items():
        (submissions / student).mkdir(parents=True)
        nbformat.write(notebook, submissions / student / f"{LAB}.ipynb")
    (submissions / "garbage").mkdir()
    (submissions / "garbage" / f"{LAB}.ipynb").write_text("{")
    (submissions / "readme.txt").touch()
    grades = grading.grade_all(submissions, into, labs, Limits(cell_seconds=3))
    return grades.set_index("student"), into


@pytest.mark.slow
@pytest.mark.parametrize("student", HOSTILE)
def test_a_submission_scores_what_its_answers_deserve_whatever_else_it_does(graded, student):
    grades, _ = graded
    assert grades.loc[student, "score"] == HOSTILE[student][1]
    assert grades.loc[student, "out_of"] == 6 and grades.loc[student, "remark"] == ""


@pytest.mark.slow
def test_who_deletes_the_checks_is_checked_and_who_hands_in_the_blank_one_has_nothing(graded):
    grades, _ = graded
    assert grades.loc["deletes", "score"] == 6
    assert grades.loc["blank", "score"] == 0


@pytest.mark.slow
def test_what_is_no_notebook_has_a_row_with_the_reason(graded):
    grades, _ = graded
    assert grades.loc["garbage", "score"] == 0 and grades.loc["garbage", "out_of"] == 6
    assert "no Jupyter notebook" in grades.loc["garbage", "remark"]


@pytest.mark.slow
def test_the_table_is_written_with_a_row_for_each_notebook(graded):
    grades, into = graded
    written = pd.read_csv(into / "grades.csv", keep_default_na=False)
    assert list(written.columns) == ["student", "lab", "score", "out_of", "remark"]
    assert set(written["student"]) == {*HOSTILE, "blank", "deletes", "garbage"}


@pytest.mark.slow
def test_the_feedback_shows_what_was_checked_in_which_task_and_runs_nobodys_script(graded):
    _, into = graded
    page = (into / "feedback" / "partly" / f"{LAB}.html").read_text()
    assert PLANTED in page and "AssertionError" in page
    assert '<a href="#double_more">Task 1: double, further checks</a> (Score: 0.0 / 3.0)' in page
    assert '<a href="#three_check">Task 2: three</a> (Score: 1.0 / 1.0)' in page and "Test cell" not in page
    assert "alert(1)</script>" not in (into / "feedback" / "script" / f"{LAB}.html").read_text()


@pytest.mark.slow
def test_a_submission_finds_no_solution_on_the_machine(graded):
    _, into = graded
    assert "found: []" in (into / "feedback" / "searches" / f"{LAB}.html").read_text()


def test_the_command_line_says_what_is_missing(tmp_path, capsys):
    assert grading.main([str(tmp_path / "absent"), "--into", str(tmp_path)]) == 1
    assert "is no folder" in capsys.readouterr().err
