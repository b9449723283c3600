"""What was handed in, read as data from strangers, and put back into the shape that was given out."""

from __future__ import annotations

import copy
import json
import os

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from he_helpers.classroom.submissions import (
    NoSubmissions,
    Submission,
    UnreadableSubmission,
    find_submissions,
    restored,
)

LABS = ["lab_1_sums", "lab_2_keys"]


def cell(name, source, **marks):
    metadata = {"nbgrader": {"grade_id": name, "schema_version": 3, "grade": False, "locked": True} | marks}
    return new_code_cell(source, id=name, metadata=metadata)


RELEASED = new_notebook(
    cells=[
        new_markdown_cell("# Lab", id="title"),
        cell("given", "# Given\nimport math"),
        cell("one", "# Task 1: one\nraise NotImplementedError", locked=False, solution=True),
        cell("check_one", "# Check 1\nassert one == 1", grade=True, points=2),
        cell("two", "# Task 2: two\nraise NotImplementedError", locked=False, solution=True),
        cell("check_two", "# Check 2\nassert two == 2", grade=True, points=3),
    ]
)
ONE, TWO = "# Task 1: one\none = 1", "# Task 2: two\ntwo = 2"


def handed_in():
    notebook = copy.deepcopy(RELEASED)
    notebook.cells[2].source, notebook.cells[4].source = ONE, TWO
    return notebook


def sources(notebook):
    return [cell.source for cell in notebook.cells]


WANTED = [
    RELEASED.cells[0].source,
    RELEASED.cells[1].source,
    ONE,
    RELEASED.cells[3].source,
    TWO,
    RELEASED.cells[5].source,
]


def edited_in_jupyterlab(notebook):
    for cell in notebook.cells:
        cell.metadata.update(editable=True, slideshow={"slide_type": ""}, tags=[])
        cell.setdefault("outputs", [])


def edited_in_vs_code(notebook):
    for number, cell in enumerate(notebook.cells):
        cell.metadata = nbformat.NotebookNode({"vscode": {"languageId": "python"}})
        if number % 2:
            cell.id = f"#VSC-{number}"


def edited_in_colab(notebook):
    notebook.nbformat_minor = 0
    for cell in notebook.cells:
        cell.metadata = nbformat.NotebookNode({"id": cell.pop("id"), "outputId": "x"})


def without_any_names(notebook):
    for number, cell in enumerate(notebook.cells):
        cell.metadata, cell.id = nbformat.NotebookNode(), f"new-{number}"


def without_the_checks(notebook):
    notebook.cells = [cell for cell in notebook.cells if "check" not in cell.id]


def with_weaker_checks(notebook):
    for cell in notebook.cells:
        if "check" in cell.id:
            cell.source = "assert True"
            cell.metadata.nbgrader.update(points=100, locked=False, solution=True, grade_id=cell.id)


@pytest.mark.parametrize(
    "edit",
    [
        edited_in_jupyterlab,
        edited_in_vs_code,
        edited_in_colab,
        without_any_names,
        without_the_checks,
        with_weaker_checks,
    ],
)
def test_the_answers_are_found_and_everything_else_is_as_it_was_given_out(edit):
    notebook = handed_in()
    edit(notebook)
    whole = restored(notebook, RELEASED)
    assert sources(whole) == WANTED
    assert [cell.metadata for cell in whole.cells] == [cell.metadata for cell in RELEASED.cells]
    nbformat.validate(whole)


def test_cells_of_the_students_own_stay_where_they_are_without_marks():
    notebook = handed_in()
    notebook.cells.insert(2, new_code_cell("def helper(): return 1", metadata={"nbgrader": {"grade_id": "mine"}}))
    whole = restored(notebook, RELEASED)
    assert sources(whole) == [*WANTED[:2], "def helper(): return 1", *WANTED[2:]]
    assert whole.cells[2].metadata == {}


def test_of_two_cells_with_one_name_the_first_is_the_answer():
    notebook = handed_in()
    notebook.cells.append(copy.deepcopy(notebook.cells[2]))
    notebook.cells[-1].source = "one = 7"
    whole = restored(notebook, RELEASED)
    assert sources(whole) == [*WANTED, "one = 7"] and whole.cells[-1].metadata == {}


def test_cells_in_another_order_are_all_there():
    notebook = handed_in()
    notebook.cells.reverse()
    whole = restored(notebook, RELEASED)
    assert sorted(sources(whole)) == sorted(WANTED)


@pytest.fixture
def folder(tmp_path):
    for student in ("ana", "ben"):
        (tmp_path / student).mkdir()
        nbformat.write(handed_in(), tmp_path / student / "lab_1_sums.ipynb")
    return tmp_path


def test_each_students_labs_are_found(folder):
    nbformat.write(handed_in(), folder / "ana" / "lab_2_keys (1).ipynb")
    found, passed_over = find_submissions(folder, LABS)
    assert [(one.student, one.lab) for one in found] == [
        ("ana", "lab_1_sums"),
        ("ana", "lab_2_keys"),
        ("ben", "lab_1_sums"),
    ]
    assert passed_over == [] and sources(found[0].read()) == WANTED


def test_of_two_files_for_one_lab_the_newer_counts(folder):
    newer = folder / "ana" / "lab_1_sums-Copy1.ipynb"
    nbformat.write(handed_in(), newer)
    os.utime(folder / "ana" / "lab_1_sums.ipynb", (1, 1))
    found, passed_over = find_submissions(folder, LABS)
    assert found[0].path == newer and "is newer" in passed_over[0]


def test_what_is_no_submission_is_named(folder):
    (folder / "ana" / "notes.txt").touch()
    (folder / "=SUM(1)").mkdir()
    (folder / "=SUM(1)" / "lab_1_sums.ipynb").touch()
    (folder / "link").symlink_to(folder / "ana")
    found, passed_over = find_submissions(folder, LABS)
    assert len(found) == 2 and len(passed_over) == 2
    assert "ana/notes.txt: its name is not that of a lab" in passed_over
    assert any(words.startswith("'=SUM(1)': ") for words in passed_over)


@pytest.mark.parametrize("name", ["absent", "empty"])
def test_a_folder_without_submissions_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoSubmissions, match="for each student"):
        find_submissions(tmp_path / name, LABS)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no Jupyter notebook"),
        (b"{", "no Jupyter notebook"),
        (b"\xff\xfe\x00", "no Jupyter notebook"),
        (b"[" * 100_000, "no Jupyter notebook"),
        (b"[]", "no Jupyter notebook"),
        (json.dumps({"nbformat": 4, "nbformat_minor": 5, "cells": 7, "metadata": {}}).encode(), "no "),
        (json.dumps({"nbformat": 4, "nbformat_minor": 5, "cells": [{}], "metadata": {}}).encode(), "no "),
        (json.dumps({"nbformat": 99}).encode(), "no "),
        (b" " * (20 * 2**20 + 1), "20 MiB; at most 20"),
    ],
    ids=["empty", "cut", "no text", "deep", "list", "cells", "cell", "version", "large"],
)
def test_a_file_that_is_no_notebook_is_refused_with_its_reason(tmp_path, content, words):
    path = tmp_path / "lab_1_sums.ipynb"
    path.write_bytes(content)
    with pytest.raises(UnreadableSubmission, match=words):
        Submission("ana", "lab_1_sums", path).read()


def test_a_link_is_not_followed(folder):
    link = folder / "ana" / "lab_2_keys.ipynb"
    link.symlink_to(folder / "ben" / "lab_1_sums.ipynb")
    with pytest.raises(UnreadableSubmission, match="a link"):
        Submission("ana", "lab_2_keys", link).read()
