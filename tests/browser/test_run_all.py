"""Run All in a real browser on notebooks 00 to 06, in order, in one fresh workspace: no error, no unfinished cell.

One pass, as a learner's: each notebook in a kernel of its own, which ends before the next one is opened. All are opened
in one page of JupyterLab, which takes longer to load than most of them to run.
"""

import json
import shutil
from contextlib import closing

import pytest

from he_helpers.lab.workspace.server_process import stop_server
from he_helpers.lab.workspace.workspace import PROJECT, Workspace
from tests.browser.served import NEEDED, START_SECONDS, close_notebook, jupyterlab, open_notebook, wait_for_the_kernel

pytestmark = NEEDED
NOTEBOOKS = sorted(path.name for path in (PROJECT / "notebooks").glob("0[0-6]_*.ipynb"))
# What the menu's Run All Cells calls; it answers when the last cell has run.
RUN_ALL = "() => jupyterapp.commands.execute('notebook:run-all-cells')"
CELLS = """() => jupyterapp.shell.currentWidget.content.widgets
    .filter(cell => cell.model.type === 'code' && cell.model.sharedModel.getSource().trim())
    .map(cell => ({count: cell.model.executionCount, outputs: cell.model.outputs.toJSON()}))"""


@pytest.fixture(scope="module")
def opened(browser, tmp_path_factory):
    """A page of the browser that shows JupyterLab on a copy of the notebooks, the first one open."""
    folder = tmp_path_factory.mktemp("run_all")
    for name in ("notebooks", "data"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("labs", ".ipynb_checkpoints"))
    workspace = Workspace(folder / "workspace")
    try:
        with (
            jupyterlab(folder, folder / "said", workspace=workspace) as address,
            closing(browser.new_page(viewport={"width": 800, "height": 900})) as page,
        ):
            page.set_default_timeout(START_SECONDS * 1000)
            page.goto(address)
            wait_for_the_kernel(page)
            yield page
    finally:
        stop_server(workspace)


def test_notebooks_00_to_06_are_there():
    assert [name[:2] for name in NOTEBOOKS] == ["00", "01", "02", "03", "04", "05", "06"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_run_all_leaves_no_error_and_no_unfinished_cell(opened, name):
    page, path = opened, f"notebooks/{name}"
    open_notebook(page, path)
    page.evaluate(RUN_ALL)
    cells = page.evaluate(CELLS)
    assert [cell["count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    said = [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]
    assert not said, json.dumps(said, indent=1)
    close_notebook(page)
