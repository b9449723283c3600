"""Running notebooks without a browser, on small notebooks of their own."""

import json
import platform

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from he_helpers.lab.running import execute as module
from he_helpers.lab.running.execute import NoSuchNotebook, execute_in_place, main

pytestmark = pytest.mark.slow


@pytest.fixture
def stopped(monkeypatch):
    """The workspaces whose server was stopped, in place of stopping any."""
    workspaces = []
    monkeypatch.setattr(module, "stop_server", lambda workspace: workspaces.append(workspace.root))
    return workspaces


@pytest.fixture
def notebooks(tmp_path):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    return folder


def write(folder, name, *sources):
    cells = [new_markdown_cell("# Title"), *(new_code_cell(source) for source in sources)]
    notebook = new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"display_name": "other", "language": "python", "name": "other-kernel"}
    notebook.metadata.widgets = {"state": {}}
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb"


WAITING = """\
from he_helpers import lab
print("before")
with lab.doing("Waiting.") as say:
    say("Waiting for more.")
print("after")"""
WHERE = """\
import os, pathlib
workspace = pathlib.Path(os.environ["HE_COURSE_WORKSPACE"])
workspace.mkdir(exist_ok=True)"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Two notebooks that were run in place: their files, the first one's cells as they were named, the workspaces."""
    folder, workspaces = tmp_path_factory.mktemp("course"), []
    first = write(
        folder,
        "01_first",
        "import sys\nprint('a')\nprint('b', flush=True)\nprint('c')",
        "import ipywidgets\nipywidgets.IntProgress()",
        "6 * 7",
        "raise ValueError('as asked')",
        "'after'",
        WAITING,
        "from tqdm.auto import tqdm\nfor step in tqdm(range(5)):\n    pass",
        f"{WHERE}\n(workspace / 'left').write_text('by the first')\nmine = 1",
    )
    second = write(folder, "02_second", WHERE, "(workspace / 'left').read_text(), 'mine' in globals()")
    notebook = nbformat.read(first, as_version=4)
    notebook.cells[4].metadata.tags = ["raises-exception"]
    nbformat.write(notebook, first)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "stop_server", lambda workspace: workspaces.append(workspace.root))
        assert execute_in_place(folder) == [first, second]
    return first, second, [cell.id for cell in notebook.cells], workspaces


def test_outputs_are_stored_without_what_varies(course, stopped):
    path, other, ids, _ = course
    first = path.read_bytes()
    stored = nbformat.read(path, as_version=4)
    assert [cell.id for cell in stored.cells] == ids
    assert [cell.execution_count for cell in stored.cells[1:]] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [(output.output_type, output.text) for output in stored.cells[1].outputs] == [("stream", "a\nb\nc\n")]
    assert list(stored.cells[2].outputs[0].data) == ["text/plain"]
    assert stored.metadata.kernelspec.name == "python3"
    assert "version" not in stored.metadata.language_info
    assert platform.python_version() not in json.dumps(stored.metadata)
    assert "widgets" not in stored.metadata and "execution" not in stored.cells[1].metadata
    execute_in_place(path.parent, ["01"])
    assert path.read_bytes() == first
    assert sorted(path.parent.iterdir()) == [path, other]


def test_notebooks_run_in_order_in_one_new_workspace_with_a_kernel_each(course):
    _, second, _, workspaces = course
    stored = nbformat.read(second, as_version=4)
    assert stored.cells[2].outputs[0].data["text/plain"] == "('by the first', False)"
    assert len(workspaces) == 1 and not workspaces[0].exists()


def test_an_error_that_was_asked_for_is_stored(course):
    stored = nbformat.read(course[0], as_version=4)
    assert stored.cells[4].outputs[0].evalue == "as asked"
    assert stored.cells[5].execution_count == 5


def test_nothing_of_what_is_said_while_a_cell_works_is_stored(course):
    stored = nbformat.read(course[0], as_version=4)
    outputs = [(output.output_type, output.text) for output in stored.cells[6].outputs]
    assert outputs == [("stream", "before\nafter\n")]


def test_a_bar_of_tqdm_is_stored_as_it_ended(course):
    stored = nbformat.read(course[0], as_version=4)
    assert [output["data"] for output in stored.cells[7].outputs] == [{"text/plain": "5 of 5"}]


def test_a_failing_notebook_is_named_and_keeps_its_file(notebooks, stopped, tmp_path, capsys):
    good = write(notebooks, "01_good", "1 + 1")
    bad = write(notebooks, "02_bad", "print('before')", "table = {}\ntable['Revenue']")
    after = write(notebooks, "03_after", "1 + 1")
    untouched = bad.read_bytes(), after.read_bytes()
    assert main(["in-place"], project=tmp_path) == 1
    said = capsys.readouterr().err
    assert "02_bad.ipynb, cell 3 (table = {})" in said and "KeyError: 'Revenue'" in said
    assert nbformat.read(good, as_version=4).cells[1].execution_count == 1
    assert (bad.read_bytes(), after.read_bytes()) == untouched
    assert len(stopped) == 1 and sorted(notebooks.iterdir()) == [good, bad, after]


def test_a_kernel_that_dies_is_named_soon(notebooks, stopped, tmp_path, capsys):
    write(notebooks, "01_dies", "import os\nos._exit(1)")
    assert main(["in-place"], project=tmp_path) == 1
    assert "01_dies.ipynb, cell 2" in capsys.readouterr().err


@pytest.fixture
def run(monkeypatch):
    """The notebooks that were told to run, in place of running them."""
    told = []

    def without_a_kernel(path, *_, **__):
        told.append(path)
        return nbformat.read(path, as_version=4)

    monkeypatch.setattr(module, "execute", without_a_kernel)
    return told


def test_only_the_notebooks_named_are_run(notebooks, stopped, run):
    first = write(notebooks, "01_first", "1")
    second = write(notebooks, "02_second", "2")
    untouched = first.read_bytes()
    assert execute_in_place(notebooks, ["02"]) == run == [second]
    assert first.read_bytes() == untouched
    with pytest.raises(NoSuchNotebook, match="There are: 01_first, 02_second"):
        execute_in_place(notebooks, ["07"])


def test_a_number_names_all_notebooks_that_share_it(notebooks, stopped, run):
    write(notebooks, "01_first", "1")
    sharing = [write(notebooks, f"02_{name}", "2") for name in ("second", "third")]
    assert execute_in_place(notebooks, ["02"]) == run == sharing


def test_a_folder_without_notebooks_is_refused(notebooks):
    with pytest.raises(NoSuchNotebook, match="no notebook"):
        execute_in_place(notebooks)


def test_the_demonstration_prints_the_tables_and_where_the_copies_lie(notebooks, stopped, tmp_path, capsys):
    originals = [write(notebooks, f"0{number}_part", "1 + 1") for number in range(3, 7)]
    save = (
        "results = workspace / 'analyst' / 'results'\nresults.mkdir(parents=True)\n"
        "(results / 'revenue.csv').write_text('Region,Revenue\\nNorth,12.5\\n')"
    )
    originals.append(write(notebooks, "07_part", WHERE, save))
    write(notebooks, "08_not_part_of_it", "raise AssertionError")
    untouched = [path.read_bytes() for path in originals]
    into = tmp_path / "build" / "demo"
    write(into, "06_of_an_earlier_run", "1")
    assert main(["demo"], project=tmp_path) == 0
    printed = capsys.readouterr()
    assert "North" in printed.out and "12.5" in printed.out and "build/demo" in printed.out
    assert "6/6" in printed.err
    assert [path.read_bytes() for path in originals] == untouched
    assert sorted(path.name for path in into.glob("*.ipynb")) == [path.name for path in originals]
    for copy in into.glob("*.ipynb"):
        assert nbformat.read(copy, as_version=4).cells[1].execution_count == 1
    assert pd.read_csv(into / "workspace/analyst/results/revenue.csv").shape == (1, 2)
    assert into / "workspace" in stopped


def test_a_demonstration_without_tables_fails(notebooks, stopped, run, tmp_path, capsys):
    for number in range(3, 8):
        write(notebooks, f"0{number}_part")
    assert main(["demo"], project=tmp_path) == 1
    assert "saved no table" in capsys.readouterr().err
