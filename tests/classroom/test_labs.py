"""Each lab: what the student gets, and what the solution, the blank one and plausible mistakes score."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from functools import cache
from pathlib import Path

import nbformat
import pytest
from nbgrader.dbutil import ALEMBIC_DIR

from he_helpers.classroom.assignments import main, write_assignments
from he_helpers.classroom.course import Course
from he_helpers.classroom.labs import FOR_THE_LECTURER, LABS, NoSuchLab, lab_names, solved
from he_helpers.lab.workspace.workspace import PROJECT
from tests.classroom.conftest import answered, name_of, solutions_of
from tests.classroom.mistake import in_few_submissions, mistakes_in
from tests.classroom.one_kernel import points_in_one_kernel

FEWEST_MISTAKES = 3
each_lab = pytest.mark.parametrize("lab", lab_names())


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return Course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def assignments(course, tmp_path_factory):
    """The files that students get. Every lab is released once: that takes over a second each."""
    return write_assignments(course, tmp_path_factory.mktemp("assignments"))


@pytest.fixture(scope="module")
def released(assignments):
    """The student's version of each lab, by its name."""
    return {path.stem: nbformat.read(path, as_version=4) for path in assignments}


def points_of(notebook):
    cells = (cell.metadata.get("nbgrader", {}) for cell in notebook.cells)
    return {cell["grade_id"]: cell["points"] for cell in cells if cell.get("grade")}


@each_lab
def test_the_students_version_holds_no_solution_no_hidden_test_and_no_word_for_the_lecturer(released, lab):
    released = released[lab]
    text = "\n".join(cell.source for cell in released.cells)
    whole = nbformat.read(LABS / f"{lab}.ipynb", as_version=4)
    notes = [cell.source for cell in whole.cells if FOR_THE_LECTURER in cell.metadata.get("tags", [])]
    assert notes and not any(note in text for note in notes)
    assert not re.search(r"(BEGIN|END) (SOLUTION|HIDDEN)", text)
    hidden = re.findall(
        r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS", "\n".join(c.source for c in whole.cells), re.S
    )
    assert hidden and not any(part.strip() in text for part in hidden)
    assert not any(cell.get("outputs") for cell in released.cells)
    stubs = [cell for cell in released.cells if cell.metadata.get("nbgrader", {}).get("solution")]
    assert stubs and all("raise NotImplementedError(" in cell.source for cell in stubs)
    assert len({cell.source.splitlines()[0] for cell in stubs}) == len(stubs), "first lines tell answers apart"


@each_lab
def test_no_cell_of_the_students_version_is_a_magic_without_a_body(released, lab):
    """IPython refuses one, and so running all cells would end at it."""
    cells = [cell.source.strip() for cell in released[lab].cells if cell.cell_type == "code"]
    assert not [source for source in cells if source.startswith("%%") and "\n" not in source]


@pytest.mark.slow
def test_assignments_are_written_for_each_lab_and_open_without_nbgrader(assignments):
    assert sorted(path.stem for path in assignments) == lab_names()
    without = "import sys; sys.modules['nbgrader'] = None; import he_helpers.lab"
    assert subprocess.run([sys.executable, "-c", without]).returncode == 0
    for path in assignments:
        assert "nbgrader" not in {line.split(".")[0] for line in _imports(path)}


@pytest.mark.slow
def test_a_gradebook_has_the_newest_schema(course, assignments):
    """As nbgrader's own scripts name it, each of which says which one comes before it."""
    with sqlite3.connect(course.root / "gradebook.db") as gradebook:
        [[version]] = gradebook.execute("SELECT version_num FROM alembic_version")
    scripts = "\n".join(path.read_text() for path in Path(ALEMBIC_DIR, "versions").glob("*.py"))
    assert re.findall(r"^(\w+) = .*" + version, scripts, re.MULTILINE) == ["revision"]


def _imports(path):
    cells = json.loads(path.read_text())["cells"]
    lines = [line for cell in cells if cell["cell_type"] == "code" for line in "".join(cell["source"]).splitlines()]
    return [line.split()[1] for line in lines if line.startswith(("import ", "from "))]


@pytest.mark.slow
def test_the_command_writes_into_the_folder_and_says_so(tmp_path, monkeypatch, capsys, released):
    """One lab for all, which the command writes as above."""
    lab = lab_names()[0]
    monkeypatch.setattr("he_helpers.classroom.assignments.lab_names", lambda: [lab])
    assert main(["--into", str(tmp_path / "new")]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "new" / f"{lab}.ipynb")]
    [written] = (tmp_path / "new").iterdir()
    assert nbformat.read(written, as_version=4) == released[lab]


@each_lab
def test_a_lab_says_its_goals_time_and_points_and_has_a_part_without_points(lab):
    notebook = solved(lab)
    first = notebook.cells[0].source
    assert re.search(r"\*\*Afterwards you can\*\*", first)
    minutes = int(re.search(r"\*\*Time:\*\* (\d+) minutes, and \d+ for the optional part", first)[1])
    assert 30 <= minutes <= 60
    points = points_of(notebook)
    assert sum(points.values()) == int(re.search(r"\*\*Points:\*\* (\d+)", first)[1])
    assert 0 in points.values(), "no optional check"


@each_lab
def test_mistakes_are_declared(lab):
    mistakes = mistakes_in(lab)
    assert len(mistakes) >= FEWEST_MISTAKES
    points, answers = points_of(solved(lab)), solutions_of(solved(lab))
    for mistake in mistakes:
        assert set(mistake.answers) <= set(answers), mistake.what
        assert mistake.loses and set(mistake.loses) <= set(points), mistake.what


@pytest.mark.slow
@each_lab
def test_the_solution_scores_everything(sandbox, course, released, lab):
    answers = solutions_of(solved(lab))
    grade = course.grade("solution", lab, answered(released[lab], answers))
    assert grade.tasks == points_of(solved(lab))
    assert grade.score == grade.out_of == sum(grade.tasks.values())


@pytest.fixture(scope="module")
def scored(sandbox, released):
    """What the blank one of a lab scores, and the lab's mistakes in groups with what each group scores; each once."""

    @cache
    def of_lab(lab):
        whole = solved(lab)
        answers = solutions_of(whole)
        groups = in_few_submissions(mistakes_in(lab))
        # Of the students' version the answers alone: nbgrader puts the checks back, hidden ones too.
        stubs = {name_of(cell): cell.source for cell in released[lab].cells if name_of(cell) in answers}
        notebooks = [answered(whole, stubs)]
        for group in groups:
            made = {name: source for mistake in group for name, source in mistake.answers.items()}
            notebooks.append(answered(whole, answers | made))
        # What roles have sent to the server and keep in their folders, no empty namespace undoes.
        has_roles = any("lab.enter(" in cell.source for cell in whole.cells)
        kernels = [[notebook] for notebook in notebooks] if has_roles else [notebooks]
        blank, *found = [points for together in kernels for points in points_in_one_kernel(together)]
        return blank, list(zip(groups, found, strict=True))

    return of_lab


@pytest.mark.slow
@each_lab
def test_the_blank_one_scores_nothing(scored, lab):
    blank, _ = scored(lab)
    assert blank == dict.fromkeys(points_of(solved(lab)), 0)


@pytest.mark.slow
@each_lab
def test_a_mistake_costs_its_checks_and_no_others(scored, lab):
    points = points_of(solved(lab))
    _, found = scored(lab)
    for group, scores in found:
        lost = {name for mistake in group for name in mistake.loses}
        deserved = {name: 0 if name in lost else value for name, value in points.items()}
        assert scores == deserved, [mistake.what for mistake in group]


def test_a_lab_that_is_not_there_is_named():
    with pytest.raises(NoSuchLab, match="lab_1_build_paillier"):
        solved("lab_0")


def test_a_cell_is_known_by_its_name():
    assert "make_keys" in {name_of(cell) for cell in solved("lab_1_build_paillier").cells}


@each_lab
def test_the_lecturers_table_says_its_points_and_minutes(lab):
    first = solved(lab).cells[0].source
    title = re.search(r"^# (.*)", first)[1]
    minutes, optional = re.search(r"\*\*Time:\*\* (\d+) minutes, and (\d+) for the optional part", first).groups()
    points = re.search(r"\*\*Points:\*\* (\d+)", first)[1]
    row = f"| [{title}](notebooks/labs/{lab}.ipynb) | {points} | {minutes} | {optional} |"
    assert row in (PROJECT / "TEACHING.md").read_text(encoding="utf-8").splitlines(), f"TEACHING.md lacks the row {row}"
