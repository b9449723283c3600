"""The explorer of parameters in a real browser: nothing covers anything at any width, and every field has its name.

The browser is that of test_screening_page.py; the page is a notebook of one cell, served by Voilà.
"""

import shutil
import socket
import subprocess
import sys
import time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from he_helpers.lab.workspace.workspace import Workspace, environment_for

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
pytest.importorskip("voila", reason="Voilà is not installed")

from tests.browser.test_screening_page import CHROMIUM, START_SECONDS, browser, pytestmark  # noqa: E402, F401

CELL = """
from he_helpers.lab.measuring.explorer import Explorer
explorer = Explorer()
explorer.ring_dimension.value, explorer.outer_bits.value = 4096, 36
explorer.inner_bits.value, explorer.scale_bits.value = 37, 30
explorer
"""
LABELS = ["scheme", "ring dimension", "outer primes [bits]", "inner primes", "inner primes [bits]", "scale [bits]"]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explorer")
    nbformat.write(new_notebook(cells=[new_code_cell(CELL)]), folder / "explorer.ipynb")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "voila", "--no-browser", f"--port={port}", str(folder / "explorer.ipynb")]
    environment = environment_for(Workspace(folder / "workspace"), None)
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _listens(port):
            assert server.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait(timeout=30)
        shutil.rmtree(folder)


def _listens(port):
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def tab(address, browser):  # noqa: F811
    tab = browser.new_page()
    tab.set_default_timeout(START_SECONDS * 1000)
    tab.goto(address)
    tab.get_by_text("Too little security").wait_for()
    yield tab
    tab.close()


def box(locator):
    found = locator.bounding_box()
    return found["x"], found["y"], found["x"] + found["width"], found["y"] + found["height"]


@pytest.mark.parametrize("width", [390, 800, 1400])
def test_no_part_covers_another_or_leaves_the_page(tab, width):
    tab.set_viewport_size({"width": width, "height": 900})
    parts = [tab.locator(".he-consequences"), *(tab.get_by_label(label, exact=True) for label in LABELS)]
    table, *fields = map(box, parts)
    for left, _, right, bottom in fields:
        assert 0 <= left < right <= width
        assert right <= table[0] or bottom <= table[1], "the table lies over a field"
    assert table[0] >= 0 and table[2] <= width
    for upper, lower in zip(fields, fields[1:], strict=False):
        assert upper[3] <= lower[1], "a field lies over the next one"


def test_a_change_in_a_field_is_seen_in_the_table(tab):
    ring = tab.get_by_label("ring dimension", exact=True)
    assert ring.evaluate("field => field.selectedOptions[0].text") == "4096"
    ring.select_option("8192")
    tab.get_by_text("Too little security").wait_for(state="detached")
    assert "256 bits, classical" in tab.locator(".he-consequences").inner_text()
