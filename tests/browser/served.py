"""A notebook of one cell as a page of Voilà, and the system's browser for it."""

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from he_helpers.lab.workspace.workspace import Workspace, environment_for

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NEEDED = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome in the path"),
]
START_SECONDS = 90


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


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@contextmanager
def chromium(sync_playwright):
    """The system's Chromium, without a window."""
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
