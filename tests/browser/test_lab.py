"""`make lab` in a real browser without a window: where it opens, what it says, and what git sees after Run All; then
Run All on notebooks 00 to 06, in order, in one fresh workspace.

The browser is the Chromium or Chrome of the system, as for the page of `make app`. All tests follow each other in one
page of one JupyterLab, which takes longer to load than most notebooks to run. Each notebook has a kernel of its own,
which ends before the next one is opened, as a learner's.
"""

import json
import platform
import shutil
import subprocess
import time
import urllib.request
from contextlib import closing
from urllib.parse import parse_qs, urlsplit

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from he_helpers.installation import notebook_filter
from he_helpers.lab.running.execute import execute_in_place
from he_helpers.lab.workspace.server_process import stop_server
from he_helpers.lab.workspace.workspace import PROJECT, Workspace
from tests.browser.served import (
    NEEDED,
    START_SECONDS,
    close_notebook,
    jupyterlab,
    open_notebook,
    wait_for_the_kernel,
    wait_until,
)

pytestmark = [
    *NEEDED,
    pytest.mark.skipif(shutil.which("git") is None, reason="no git"),
]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A checkout with one notebook, whose output is another one at each run."""
    checkout = tmp_path_factory.mktemp("checkout")
    (checkout / "notebooks").mkdir()
    cells = [new_markdown_cell("# First"), new_code_cell("import time\ntime.time_ns()")]
    nbformat.write(new_notebook(cells=cells), checkout / "notebooks" / "00_start_here.ipynb")
    execute_in_place(checkout / "notebooks")
    for name in (".gitattributes", ".gitignore"):
        shutil.copy(PROJECT / name, checkout)
    author = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    for command in (["init"], ["add", "."], [*author, "commit", "-m", "Begin"]):
        git(checkout, *command)
    notebook_filter.register(checkout)
    return checkout


def git(checkout, command, *arguments):
    subprocess.run(["git", command, *arguments], cwd=checkout, check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def served(checkout, tmp_path_factory):
    """JupyterLab on the checkout: the address that it prints, and the file of all that it prints."""
    folder = tmp_path_factory.mktemp("lab")
    options = [f"--LabApp.workspaces_dir={folder / 'workspaces'}"]
    workspace = Workspace(folder / "workspace")
    try:
        with jupyterlab(checkout, folder / "said", *options, workspace=workspace) as address:
            yield address, folder / "said"
    finally:
        stop_server(workspace)


def ask(address, method, resource):
    """What the server with the page at `address` answers to a request of its REST interface."""
    page = urlsplit(address)
    token = {"Authorization": f"token {parse_qs(page.query)['token'][0]}"}
    url = f"{page.scheme}://{page.netloc}/api/{resource}"
    with urllib.request.urlopen(urllib.request.Request(url, headers=token, method=method)) as answer:
        return answer.read()


class Opened:
    """A page that has opened the printed address, where the first notebook is shown; its kernel is held back."""

    def __init__(self, page, address, said):
        self.page, self.asked_for, self.held = page, [], []
        self._said, self._at_start = said, said.read_text()
        page.set_default_timeout(1000 * START_SECONDS)
        page.on("request", lambda request: self.asked_for.append(urlsplit(request.url).path))
        page.route("**/api/sessions*", self._hold)
        page.goto(address)
        page.wait_for_selector(".jp-Notebook h1:has-text('First')")
        self._before = len(self._at_start)

    def _hold(self, route):
        # The request that starts the kernel; the others only ask which run.
        if route.request.method == "POST":
            self.held.append(route)
        else:
            route.continue_()

    def let_kernels_start(self):
        [start] = self.held
        start.continue_()
        self.page.unroute("**/api/sessions*")
        wait_for_the_kernel(self.page)

    def open_again(self):
        """The notebook as it is stored, in a new kernel."""
        close_notebook(self.page)
        # The old kernel may say something as it ends.
        self._before = len(self._said.read_text())
        open_notebook(self.page, "notebooks/00_start_here.ipynb")

    def printed(self):
        """The lines that JupyterLab has printed at its start and since the notebook was opened."""
        text = self._at_start + self._said.read_text()[self._before :]
        return [line for line in text.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def opened(browser, served):
    """The page that all tests share."""
    address, said = served
    with closing(browser.new_page(viewport={"width": 800, "height": 900})) as page:
        yield Opened(page, address, said)
        # First its kernels: JupyterLab prints an error where one has something to say to a page that is gone.
        for session in json.loads(ask(address, "GET", "sessions")):
            ask(address, "DELETE", f"sessions/{session['id']}")


def run_all_cells(page):
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def shown_output(page):
    return page.locator(".jp-OutputArea-output pre").inner_text().strip()


def test_running_while_the_kernel_is_not_there_yet_is_refused_and_keeps_the_outputs(opened):
    page = opened.page
    old = shown_output(page)
    run_all_cells(page)
    page.get_by_text("is still initializing").wait_for()
    assert shown_output(page) == old
    opened.let_kernels_start()
    assert shown_output(page) == old
    run_all_cells(page)
    wait_until(page, "old => document.querySelector('.jp-OutputArea-output pre')?.innerText.trim() !== old", arg=old)
    assert shown_output(page).isdecimal()
    assert len(opened.printed()) <= 6, "\n".join(opened.printed())


def test_opening_a_notebook_does_not_mark_it_as_modified_and_looks_for_nothing_to_build(opened):
    opened.open_again()
    assert "/api/kernels" in opened.asked_for and "/lab/api/build" not in opened.asked_for
    assert opened.page.evaluate(
        "async () => {"
        " const { context } = jupyterapp.shell.currentWidget;"
        " const { language_info } = await context.sessionContext.session.kernel.info;"
        " return [language_info.version, context.model.getMetadata('language_info').version, context.model.dirty] }"
    ) == [platform.python_version(), platform.python_version(), False]


def test_running_a_notebook_leaves_the_checkout_clean(checkout, opened):
    page, path = opened.page, checkout / "notebooks" / "00_start_here.ipynb"
    stored = path.read_bytes()
    notices = [text for text in page.locator(".Toastify__toast").all_inner_texts() if "still initializing" not in text]
    assert not notices
    run_all_cells(page)
    old = nbformat.reads(stored.decode(), as_version=4).cells[1].outputs[0].data["text/plain"]
    wait_until(
        page,
        "old => { const shown = document.querySelector('.jp-OutputArea-output pre');"
        " return shown && shown.innerText.trim() && shown.innerText.trim() !== old }",
        arg=old,
    )
    # What is shown is not yet the end of the run.
    wait_for_the_kernel(page)
    page.keyboard.press("Control+s")
    deadline = time.monotonic() + START_SECONDS
    while path.read_bytes() == stored:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    deadline = time.monotonic() + START_SECONDS
    while status := subprocess.run(["git", "status", "--short"], cwd=checkout, capture_output=True, text=True).stdout:
        assert time.monotonic() < deadline, status
        time.sleep(0.2)
    held = subprocess.run(["git", "show", ":notebooks/00_start_here.ipynb"], cwd=checkout, capture_output=True)
    assert held.stdout == stored
    assert len(opened.printed()) <= 6, "\n".join(opened.printed())


FORM = """
import ipywidgets as widgets
from he_helpers.lab.screening.invalid_fields import form_of
said = [widgets.HTML('<span role="alert">Too large.</span>'), widgets.HTML()]
form_of([widgets.HBox([widgets.Text(description=f"field {at}"), message]) for at, message in enumerate(said)])
"""


def test_a_field_with_a_message_is_marked_as_invalid_in_a_notebook(checkout, opened):
    page = opened.page
    path = checkout / "notebooks" / "form.ipynb"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=[new_code_cell(FORM)], metadata={"kernelspec": kernel}), path)
    open_notebook(page, f"notebooks/{path.name}")
    run_all_cells(page)
    page.wait_for_selector("[aria-invalid=true]")
    marked = page.locator("[aria-invalid]")
    assert marked.count() == 1
    assert marked.evaluate("field => field.labels[0].innerText") == "field 0"


NOTEBOOKS = sorted(path.name for path in (PROJECT / "notebooks").glob("0[0-6]_*.ipynb"))
# What the menu's Run All Cells calls; it answers when the last cell has run.
RUN_ALL = "() => jupyterapp.commands.execute('notebook:run-all-cells')"
CELLS = """() => jupyterapp.shell.currentWidget.content.widgets
    .filter(cell => cell.model.type === 'code' && cell.model.sharedModel.getSource().trim())
    .map(cell => ({count: cell.model.executionCount, outputs: cell.model.outputs.toJSON()}))"""


@pytest.fixture(scope="module")
def course(checkout):
    """A copy of the course's notebooks and data, where JupyterLab finds them: the path of its folder there."""
    copy = checkout / "course"
    for name in ("notebooks", "data"):
        shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("labs", ".ipynb_checkpoints"))
    return copy.name


def test_notebooks_00_to_06_are_there():
    assert [name[:2] for name in NOTEBOOKS] == ["00", "01", "02", "03", "04", "05", "06"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_run_all_leaves_no_error_and_no_unfinished_cell(opened, course, name):
    page = opened.page
    close_notebook(page)
    open_notebook(page, f"{course}/notebooks/{name}")
    page.evaluate(RUN_ALL)
    cells = page.evaluate(CELLS)
    assert [cell["count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    said = [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]
    assert not said, json.dumps(said, indent=1)
