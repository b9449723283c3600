"""What the tests of the classroom share: a course whose labs are released, and submissions made from them."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from nbformat import NotebookNode

from he_helpers.classroom.sandbox.command import NoSandbox, check_sandbox


@pytest.fixture(scope="session")
def sandbox():
    """Skips where untrusted code cannot be shut in."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            check_sandbox(Path(folder))
    except NoSandbox as error:
        pytest.skip(str(error))


def answered(released: NotebookNode, answers: Mapping[str, str]) -> NotebookNode:
    """A student's notebook: the released one with these answers, by the name of the cell."""
    notebook = copy.deepcopy(released)
    for cell in notebook.cells:
        cell.source = answers.get(name_of(cell), cell.source)
    return notebook


def name_of(cell: NotebookNode) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def solutions_of(solved: NotebookNode) -> dict[str, str]:
    """The answers of a solved lab, as students would write them: without nbgrader's marks."""
    return {
        name_of(cell): "\n".join(line for line in cell.source.splitlines() if "### " not in line)
        for cell in solved.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
