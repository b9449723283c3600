"""What shares a kernel shares nothing else."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.classroom.one_kernel import points_in_one_kernel


def notebook(answer):
    marks = {"grade": True, "grade_id": "is_three", "points": 2, "schema_version": 3, "solution": False}
    check = new_code_cell("assert three == 3", id="is_three", metadata={"nbgrader": marks})
    return new_notebook(cells=[new_code_cell(answer, id="answer"), check])


@pytest.mark.slow
def test_a_notebook_sees_nothing_of_the_one_before(sandbox):
    answers = ["three = 3", "pass", "three = 4", "three = 3"]
    found = points_in_one_kernel([notebook(answer) for answer in answers])
    assert found == [{"is_three": points} for points in (2, 0, 0, 2)]
