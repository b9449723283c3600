"""How the kernel of a submission is set up."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from he_helpers.classroom.sandbox.execution import run_untrusted


@pytest.mark.slow
def test_what_is_printed_comes_in_small_messages_and_no_name_is_there_for_it(sandbox):
    """Of a loop that prints without end, whoever grades would read half a gigabyte at once."""
    sources = ("'sys' in globals()", "import sys\nsys.stdout.flush_interval <= 0.02")
    notebook = new_notebook(cells=[new_code_cell(source, id=f"cell{n}") for n, source in enumerate(sources)])
    run_untrusted(notebook)
    assert [cell.outputs[0].data["text/plain"] for cell in notebook.cells] == ["False", "True"]
