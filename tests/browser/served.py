"""A notebook of one cell as a page of Voilà, JupyterLab on a folder, and the system's browser for both."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from he_helpers.lab.workspace.workspace import PROJECT, Workspace, environment_for

# First the one that is made for this: without anything of a window it loads a page with a fifth less.
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"))), None
)
NEEDED = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium and no Google Chrome in the path"),
]
# Looked for and not imported: another process serves the page, and each that collects tests would take 0.3 s for it.
VOILA = pytest.mark.skipif(find_spec("voila") is None, reason="Voilà is not installed")
START_SECONDS = 180  # where several kernels start beside other work
LAB = """
import sys
from pathlib import Path
from he_helpers.lab.running.jupyterlab import main
main(sys.argv[2:], Path(sys.argv[1]))
"""


@contextmanager
def page_of(cell, folder):
    """The address of the page that shows what `cell` displays; the server's files are in `folder`."""
    nbformat.write(new_notebook(cells=[new_code_cell(cell)]), folder / "page.ipynb")
    port = free_port()
    command = [sys.executable, "-m", "voila", "--no-browser", f"--port={port}", str(folder / "page.ipynb")]
    with serving(command, port, Workspace(folder / "workspace"), folder / "log"):
        yield f"http://127.0.0.1:{port}/"


@contextmanager
def serving(command, port, workspace, log):
    """While `command` runs and listens at the port; what it prints goes to the file `log`."""
    with log.open("w") as output:
        server = subprocess.Popen(command, env=environment_for(workspace, None), stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _listens(port):
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield
    finally:
        server.terminate()
        server.wait(timeout=30)


@contextmanager
def jupyterlab(checkout, said, *options, workspace=None):
    """`make lab` on the folder `checkout`: the address that it prints. All that it prints goes to the file `said`.

    Its kernels import the he_helpers of these tests, and work in `workspace`, if one is given.
    """
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    if workspace is not None:
        environment = {**environment_for(workspace, None), "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-c", LAB, str(checkout), "--no-browser", "--port=0", "--expose-app-in-browser"]
    with open(said, "wb") as output:
        process = subprocess.Popen([*command, *options], cwd=checkout, env=environment, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not (found := re.search(r"http://127\S+", said.read_text())):
            assert process.poll() is None and time.monotonic() < deadline, said.read_text()
            time.sleep(0.2)
        yield found[0]
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


def wait_for_the_kernel(page):
    """The circle of the notebook is no help: it is that of an idle kernel also before there is any."""
    wait_until(
        page,
        "() => { const kernel = window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel;"
        " return kernel?.connectionStatus === 'connected' && kernel.status === 'idle' }",
    )


# As by a double click in the list of files.
OPEN = """async path => {
    await jupyterapp.restored;
    const opened = await jupyterapp.commands.execute('docmanager:open', {path});
    await opened.context.ready;
}"""
IS_SHOWN = "path => jupyterapp.shell.currentWidget?.context?.path === path"


def open_notebook(page, path):
    """Open another notebook in a page of JupyterLab, and wait for its kernel."""
    page.evaluate(OPEN, path)
    wait_until(page, IS_SHOWN, arg=path)
    wait_for_the_kernel(page)


SHUT_DOWN = """async () => {
    const notebook = jupyterapp.shell.currentWidget;
    await notebook.sessionContext.shutdown();
    notebook.dispose();
}"""


def close_notebook(page):
    """Close the notebook that the page of JupyterLab shows, without saving it, and end its kernel."""
    page.evaluate(SHUT_DOWN)


def wait_until(page, expression, arg=None):
    """Asks the page ten times a second. Playwright's own way asks at each frame, and so has sixty drawn a second."""
    page.wait_for_function(expression, arg=arg, polling=100)


# Jupyter's widgets take their new size from programs, which are told by the frame that follows.
IS_LAID_OUT = """async size => {
    if (innerWidth !== size[0] || innerHeight !== size[1]) return false;
    for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
    return true;
}"""


def resize(page, width, height):
    """Give the page another size. Playwright itself answers before the page has it."""
    page.set_viewport_size({"width": width, "height": height})
    wait_until(page, IS_LAID_OUT, arg=[width, height])


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@contextmanager
def chromium():
    """The system's Chromium, without a window. Needs Playwright."""
    from playwright.sync_api import sync_playwright

    # Chromium has no sandbox for root, as in a container.
    options = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


def _listens(port):
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0


def box(locator):
    """Left, top, right and bottom, in pixels of the page."""
    found = locator.bounding_box()
    return found["x"], found["y"], found["x"] + found["width"], found["y"] + found["height"]
