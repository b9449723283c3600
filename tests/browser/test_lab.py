"""`make lab` in a real browser without a window: where it opens, what it says, and what git sees after Run All.

The browser is the Chromium or Chrome of the system, as for the page of `make app`.
"""

import json
import platform
import shutil
import subprocess
import time
import urllib.request
from contextlib import closing, contextmanager
from urllib.parse import parse_qs, urlsplit

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from he_helpers.installation import notebook_filter
from he_helpers.lab.running.execute import execute_in_place
from he_helpers.lab.workspace.workspace import PROJECT
from tests.browser.served import NEEDED, START_SECONDS, jupyterlab, open_notebook, wait_for_the_kernel, wait_until

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
    """JupyterLab on the checkout: the address that it prints, its workspaces, the file of all that it prints, and what
    that holds at the start.

    One for all tests, since a start costs as much as a page.
    """
    folder = tmp_path_factory.mktemp("lab")
    said, workspaces = folder / "said", folder / "workspaces"
    with jupyterlab(checkout, said, f"--LabApp.workspaces_dir={workspaces}") as address:
        yield address, workspaces, said, said.read_text()


@contextmanager
def new_page(browser, checkout, served):
    """A page in a context of its own, which shares no storage with those before; and nothing is left of their open tabs
    and changes. When it is closed its kernels end."""
    address, workspaces, *_ = served
    shutil.rmtree(workspaces, ignore_errors=True)
    git(checkout, "checkout", "--quiet", ".")
    git(checkout, "clean", "--quiet", "--force")
    with closing(browser.new_page()) as page:
        page.set_default_timeout(1000 * START_SECONDS)
        yield page
        # First its kernels: JupyterLab prints an error where one has something to say to a page that is gone.
        for session in json.loads(ask(address, "GET", "sessions")):
            ask(address, "DELETE", f"sessions/{session['id']}")


def ask(address, method, resource):
    """What the server with the page at `address` answers to a request of its REST interface."""
    page = urlsplit(address)
    token = {"Authorization": f"token {parse_qs(page.query)['token'][0]}"}
    url = f"{page.scheme}://{page.netloc}/api/{resource}"
    with urllib.request.urlopen(urllib.request.Request(url, headers=token, method=method)) as answer:
        return answer.read()


@pytest.fixture
def page(browser, checkout, served):
    """A page of this test alone, which shows nothing yet."""
    with new_page(browser, checkout, served) as page:
        yield page


@pytest.fixture(scope="module")
def opened(browser, checkout, served):
    """A page that has opened the printed address, for the tests that follow each other in it; what it asked for; and
    a function that gives what JupyterLab printed at its start and since it was opened."""
    with new_page(browser, checkout, served) as page:
        asked_for = []
        # Kernels of the test before may say something as they end.
        *_, said, at_start = served
        before = len(said.read_text())
        page.on("request", lambda request: asked_for.append(urlsplit(request.url).path))
        page.goto(served[0])
        page.wait_for_selector(".jp-Notebook h1:has-text('First')")
        wait_for_the_kernel(page)
        yield page, asked_for, lambda: at_start + said.read_text()[before:]


def run_all_cells(page):
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def shown_output(page):
    return page.locator(".jp-OutputArea-output pre").inner_text().strip()


def test_running_while_the_kernel_is_not_there_yet_is_refused_and_keeps_the_outputs(served, page):
    held = []
    # The request that starts the kernel; the others only ask which run.
    page.route(
        "**/api/sessions*", lambda route: held.append(route) if route.request.method == "POST" else route.continue_()
    )
    page.goto(served[0])
    page.wait_for_selector(".jp-Notebook h1:has-text('First')")
    old = shown_output(page)
    run_all_cells(page)
    page.get_by_text("is still initializing").wait_for()
    assert shown_output(page) == old
    [start] = held
    start.continue_()
    wait_for_the_kernel(page)
    assert shown_output(page) == old
    run_all_cells(page)
    wait_until(page, "old => document.querySelector('.jp-OutputArea-output pre')?.innerText.trim() !== old", arg=old)
    assert shown_output(page).isdecimal()


def test_opening_a_notebook_does_not_mark_it_as_modified_and_looks_for_nothing_to_build(opened):
    page, asked_for, _ = opened
    assert "/api/kernels" in asked_for and "/lab/api/build" not in asked_for
    assert page.evaluate(
        "async () => {"
        " const { context } = jupyterapp.shell.currentWidget;"
        " const { language_info } = await context.sessionContext.session.kernel.info;"
        " return [language_info.version, context.model.getMetadata('language_info').version, context.model.dirty] }"
    ) == [platform.python_version(), platform.python_version(), False]


def test_the_printed_address_opens_the_first_notebook_and_running_it_leaves_the_checkout_clean(checkout, opened):
    page, _, printed = opened
    path = checkout / "notebooks" / "00_start_here.ipynb"
    stored = path.read_bytes()
    assert page.locator(".Toastify__toast").count() == 0
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
    lines = [line for line in printed().splitlines() if line.strip()]
    assert len(lines) <= 6, "\n".join(lines)


FORM = """
import ipywidgets as widgets
from he_helpers.lab.screening.invalid_fields import form_of
said = [widgets.HTML('<span role="alert">Too large.</span>'), widgets.HTML()]
form_of([widgets.HBox([widgets.Text(description=f"field {at}"), message]) for at, message in enumerate(said)])
"""


def test_a_field_with_a_message_is_marked_as_invalid_in_a_notebook(checkout, opened):
    page, *_ = opened
    path = checkout / "notebooks" / "form.ipynb"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=[new_code_cell(FORM)], metadata={"kernelspec": kernel}), path)
    open_notebook(page, f"notebooks/{path.name}")
    run_all_cells(page)
    page.wait_for_selector("[aria-invalid=true]")
    marked = page.locator("[aria-invalid]")
    assert marked.count() == 1
    assert marked.evaluate("field => field.labels[0].innerText") == "field 0"
