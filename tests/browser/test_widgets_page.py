"""The live pictures in a real browser: by keyboard alone, at two widths, and the focus stays where it is."""

import pytest

from tests.browser.served import NEEDED, START_SECONDS, box, chromium, page_of

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
pytest.importorskip("voila", reason="Voilà is not installed")

pytestmark = NEEDED
CELL = """
from he_helpers.lab.widgets import NoiseGauge
NoiseGauge()
"""


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with page_of(CELL, tmp_path_factory.mktemp("widgets")) as address, chromium(playwright.sync_playwright) as browser:
        tab = browser.new_page()
        tab.set_default_timeout(START_SECONDS * 1000)
        tab.goto(address)
        tab.get_by_role("button", name="Start again").wait_for()
        yield tab


def press(tab, name):
    """Press the button by the keyboard, and wait for a picture with one step more."""
    drawn = tab.locator("img").get_attribute("alt")
    button = tab.get_by_role("button", name=name)
    button.press("Enter")
    tab.wait_for_function("old => document.querySelector('img').alt !== old", arg=drawn)
    assert button.evaluate("button => button === document.activeElement")


def test_buttons_are_pressed_by_keyboard_until_decryption_fails(tab):
    status = tab.get_by_role("status")
    assert status.inner_text().startswith("Decryption is right: 2.")
    press(tab, "Add a fresh ciphertext of 1")
    assert status.inner_text().startswith("Decryption is right: 3.")
    tab.get_by_label("plain number").fill("5")
    tab.get_by_label("plain number").press("Tab")
    press(tab, "Multiply by the plain number")
    assert status.inner_text().startswith("Decryption is right: 15.")
    for _ in range(5):
        press(tab, "Multiply by itself")
    assert "in place of" in status.inner_text() and "lost" in tab.locator("img").get_attribute("alt")
    press(tab, "Start again")
    assert status.inner_text().startswith("Decryption is right: 2.")


@pytest.mark.parametrize("width", [390, 800, 1400])
def test_no_part_covers_another_or_leaves_the_page(tab, width):
    tab.set_viewport_size({"width": width, "height": 900})
    picture = box(tab.locator("img"))
    parts = [*map(box, tab.get_by_role("button").all()), box(tab.get_by_label("plain number"))]
    for left, _, right, bottom in parts:
        assert 0 <= left < right <= width and bottom <= picture[1]
    assert 0 <= picture[0] < picture[2] <= width
