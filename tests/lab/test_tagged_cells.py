"""Running what a notebook leaves for later ones: its own cells that are tagged for catching up."""

import ast
import traceback

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from he_helpers.lab.stage.seat import Seat
from he_helpers.lab.stage.tagged_cells import TAG, run_tagged_cells
from he_helpers.lab.workspace.workspace import PROJECT

NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))


@pytest.fixture
def seat(tmp_path):
    return Seat("administrator", tmp_path, "", tmp_path)


def written(folder, *sources):
    """A notebook of a title and these cells; those whose source begins with TAG are tagged."""
    cells = [new_markdown_cell("# Title"), *(new_code_cell(source) for source in sources)]
    for cell in cells[1:]:
        cell.metadata["tags"] = [TAG] if cell.source.startswith(f"# {TAG}") else ["another"]
    nbformat.write(new_notebook(cells=cells), folder / "01_small.ipynb")
    return folder / "01_small.ipynb"


def test_the_tagged_cells_run_in_order_and_no_other_one(tmp_path, seat):
    notebook = written(
        tmp_path,
        "other = 1",
        f"# {TAG}\nnumbers = [1]",
        "numbers.append(2)",
        f"# {TAG}\nnumbers.append(3)\n(seat.folder / 'left').write_text(f'{{numbers}} {{seat.role}} {{lab.__name__}}')",
        f"# {TAG}\nassert 'other' not in globals()",
    )
    run_tagged_cells(notebook, seat)
    assert (tmp_path / "left").read_text() == "[1, 3] administrator he_helpers.lab"


def test_an_error_names_the_notebook_the_cell_and_the_line(tmp_path, seat):
    notebook = written(tmp_path, "1", f"# {TAG}\ndef half(x):\n    return x / 0\n\nhalf(1)")
    with pytest.raises(ZeroDivisionError) as raised:
        run_tagged_cells(notebook, seat)
    said = "".join(traceback.format_exception(raised.value))
    assert 'File "01_small.ipynb, cell 3", line 5, in <module>\n    half(1)' in said
    assert "line 3, in half\n    return x / 0" in said


def test_a_notebook_without_such_cells_is_refused(tmp_path, seat):
    with pytest.raises(ValueError, match="01_small.ipynb has no cell with the tag 'catch-up'"):
        run_tagged_cells(written(tmp_path, "1"), seat)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_tagged_cells_are_plain_python_and_enter_no_role(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if TAG in cell.metadata.get("tags", []):
            assert cell.cell_type == "code"
            ast.parse(cell.source)
            assert "lab.enter(" not in cell.source
