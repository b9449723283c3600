"""Notebooks of one lab in one sandboxed kernel: starting a kernel costs more than all checks of a lab."""

from __future__ import annotations

import copy

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.utils import determine_grade, is_grade

from he_helpers.classroom.sandbox.execution import run_untrusted

EMPTY_THE_NAMESPACE = "%reset -f"


def points_in_one_kernel(notebooks: list[NotebookNode]) -> list[dict[str, float]]:
    """The points by the name of the check, of each notebook: run one after the other, each from an empty namespace.

    The points are those that nbgrader gives for the outputs of a check.
    """
    parts = [[new_code_cell(EMPTY_THE_NAMESPACE), *copy.deepcopy(notebook.cells)] for notebook in notebooks]
    cells = [cell for part in parts for cell in part]
    for number, cell in enumerate(cells):
        # The same lab has the same names of cells each time.
        cell.id = str(number)
    run_untrusted(new_notebook(cells=cells))
    return [
        {cell.metadata.nbgrader.grade_id: determine_grade(cell)[0] for cell in part if is_grade(cell)} for part in parts
    ]
