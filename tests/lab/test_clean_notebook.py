"""What git sees of a notebook that JupyterLab saved: nothing when it was only run, and every change of a cell."""

import copy
import json
import shutil
import subprocess
import sys
import threading

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from he_helpers.installation import notebook_filter
from he_helpers.lab.running.clean_notebook import seen_by_git, tell_git_after_saving
from he_helpers.lab.workspace.workspace import PROJECT


def written(notebook):
    return (nbformat.writes(notebook) + "\n").encode()


@pytest.fixture
def stored():
    notebook = new_notebook(
        cells=[
            new_markdown_cell("# Title"),
            new_code_cell("1 + 1", execution_count=1, metadata={"tags": ["slow"]}),
            new_code_cell("# yours", execution_count=2, metadata={"jupyter": {"source_hidden": True}}),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"}},
    )
    notebook.cells[1].outputs = [new_output("execute_result", {"text/plain": "2 ms"}, execution_count=1)]
    return notebook


@pytest.fixture
def run(stored):
    """The same, opened and run in JupyterLab."""
    notebook = copy.deepcopy(stored)
    notebook.metadata.kernelspec.display_name = "Python 3 (ipykernel)"
    notebook.metadata.language_info.version = "3.12.1"
    notebook.cells[1].outputs[0].data["text/plain"] = "3 ms"
    notebook.cells[1].execution_count = notebook.cells[1].outputs[0].execution_count = 7
    notebook.cells[1].metadata.execution = {"iopub.status.busy": "now"}
    notebook.cells[1].metadata.scrolled = True
    del notebook.cells[2].metadata["jupyter"]
    return notebook


def test_a_notebook_that_was_only_run_is_as_before(stored, run):
    assert written(run) != written(stored)
    assert seen_by_git(written(run), written(stored)) == written(stored)


def test_a_change_of_a_cell_is_seen_with_its_output(stored, run):
    run.cells[2].source = "answer = 2"
    run.cells[1].metadata.tags = ["slow", "linux-only"]
    run.cells.append(new_code_cell("3", execution_count=8))
    expected = copy.deepcopy(stored)
    expected.cells[1].metadata.tags = ["slow", "linux-only"]
    expected.cells[2:] = run.cells[2:]
    assert seen_by_git(written(run), written(stored)) == written(expected)


def test_outputs_that_make_notebooks_has_renewed_are_seen(stored, run):
    del run.metadata.language_info["version"]
    assert seen_by_git(written(run), written(stored)) == written(run)


def test_a_new_notebook_is_seen_without_the_version(run):
    seen = json.loads(seen_by_git(written(run), None))
    assert "version" not in seen["metadata"]["language_info"]
    assert seen["cells"][1]["outputs"] == json.loads(written(run))["cells"][1]["outputs"]


@pytest.mark.parametrize("content", [b"", b"no notebook", b"{}", b"[]", b'{"nbformat": 3}'])
def test_what_is_no_notebook_passes(stored, content):
    assert seen_by_git(content, written(stored)) == content


def test_the_stored_notebooks_are_written_as_the_filter_writes():
    for path in (PROJECT / "notebooks").glob("*.ipynb"):
        notebook = json.loads(path.read_text())
        notebook["metadata"]["language_info"]["version"] = "3.12.1"
        saved = json.dumps(notebook).encode()
        assert seen_by_git(saved, path.read_bytes()) == path.read_bytes(), path.name


@pytest.fixture
def git(tmp_path, monkeypatch):
    """Runs git in a checkout with the filter, and returns what it prints."""
    if shutil.which("git") is None:
        pytest.skip("no git")
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))

    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    git("init", "--quiet")
    shutil.copy(PROJECT / ".gitattributes", tmp_path)
    notebook_filter.register(tmp_path)
    return git


@pytest.fixture
def path(tmp_path, git, stored):
    """A notebook in the checkout, as git holds it."""
    path = tmp_path / "notebooks" / "00 first.ipynb"
    path.parent.mkdir()
    path.write_bytes(written(stored))
    git("add", ".")
    return path


def test_git_asks_the_filter(git, path, run):
    assert sys.executable in git("config", "filter.he-course-notebook.clean")
    path.write_bytes(written(run))
    tell_git_after_saving(str(path))
    assert git("status", "--short") == 'A  .gitattributes\nA  "notebooks/00 first.ipynb"\n'
    run.cells[2].source = "answer = 2"
    path.write_bytes(written(run))
    tell_git_after_saving(str(path))
    assert git("status", "--short") == 'A  .gitattributes\nAM "notebooks/00 first.ipynb"\n'


def test_git_is_told_also_where_somebody_else_asks_it_at_that_moment(tmp_path, git, path, run):
    path.write_bytes(written(run))
    lock = tmp_path / ".git" / "index.lock"
    lock.touch()
    threading.Timer(0.5, lock.unlink).start()
    tell_git_after_saving(str(path))
    assert git("status", "--short") == 'A  .gitattributes\nA  "notebooks/00 first.ipynb"\n'
