"""What changes with its fields, in a real browser: by keyboard alone, at three widths, and the focus stays where it is.

The page is a notebook of one cell, served by Voilà. It holds the live pictures and, below them, the explorer of
parameters: each page costs a server, a kernel and a browser.
"""

from contextlib import closing

import pytest

from tests.browser.served import NEEDED, START_SECONDS, VOILA, box, page_of, resize, wait_until

pytestmark = [*NEEDED, VOILA]
CELL = """
import pandas as pd
from IPython.display import display
from he_helpers.lab.measuring.explorer import Explorer
from he_helpers.lab.widgets import DivisionExplorer, LayoutExplorer, NoiseGauge
labels = pd.DataFrame({"Region": ["East", "North", "East"], "Year": [1, 1, 2]})
explorer = Explorer()
explorer.ring_dimension.value, explorer.outer_bits.value = 4096, 36
explorer.inner_bits.value, explorer.scale_bits.value = 37, 30
display(NoiseGauge(), LayoutExplorer(labels, ["Revenue"], [["Region"], ["Year"]], 4096), DivisionExplorer(), explorer)
"""
EXPLORED = ["scheme", "ring dimension", "outer primes [bits]", "inner primes", "inner primes [bits]", "scale [bits]"]
GAUGE, LAYOUT, DIVISION = range(3)


@pytest.fixture(scope="module")
def tab(browser, tmp_path_factory):
    with page_of(CELL, tmp_path_factory.mktemp("widgets")) as address, closing(browser.new_page()) as tab:
        tab.set_default_timeout(START_SECONDS * 1000)
        tab.goto(address)
        tab.get_by_label("highest divisor").wait_for()
        tab.get_by_text("Too little security").wait_for()
        yield tab


def panel(tab, number):
    return tab.locator(".he-live-panel").nth(number)


def said(tab, number):
    return panel(tab, number).get_by_role("status").inner_text()


def changed(tab, number, change):
    """Make the change, and wait until the words of the panel are others."""
    before = said(tab, number)
    change()
    wait_until(
        tab,
        "([number, before]) => document.querySelectorAll('.he-live-panel')[number]"
        ".querySelector('[role=status]').innerText !== before",
        arg=[number, before],
    )
    return said(tab, number)


def press(tab, name):
    """Press a button of the gauge by the keyboard."""
    button = tab.get_by_role("button", name=name)
    words = changed(tab, GAUGE, lambda: button.press("Enter"))
    assert button.evaluate("button => button === document.activeElement")
    return words


def test_buttons_are_pressed_by_keyboard_until_decryption_fails(tab):
    assert said(tab, GAUGE).startswith("Decryption is right: 2.")
    assert press(tab, "Add a fresh ciphertext of 1").startswith("Decryption is right: 3.")
    tab.get_by_label("plain number").fill("5")
    tab.get_by_label("plain number").press("Tab")
    assert press(tab, "Multiply by the plain number").startswith("Decryption is right: 15.")
    for _ in range(5):
        words = press(tab, "Multiply by itself")
    assert "in place of" in words and "lost" in panel(tab, GAUGE).locator("img").get_attribute("alt")
    assert press(tab, "Start again").startswith("Decryption is right: 2.")


def test_fields_are_changed_by_keyboard_and_a_refusal_is_said(tab):
    parts = tab.get_by_label("partial_sums")
    parts.fill("2")
    assert "lies in 2 slots" in changed(tab, LAYOUT, lambda: parts.press("Enter"))
    announced = tab.get_by_label("announce Region")
    assert "not encrypted for sums by Region" in changed(tab, LAYOUT, lambda: announced.press("Space"))
    assert "lies in 2 slots" in changed(tab, LAYOUT, lambda: announced.press("Space"))
    iterations = tab.get_by_label("iterations")
    iterations.fill("6")
    assert "after 6 iterations" in changed(tab, DIVISION, lambda: iterations.press("Enter"))


@pytest.mark.parametrize("width", [390, 800, 1400])
def test_no_part_covers_another_or_leaves_the_page(tab, width):
    resize(tab, width, 900)
    for number in (GAUGE, LAYOUT, DIVISION):
        picture = box(panel(tab, number).locator("img"))
        parts = [*map(box, panel(tab, number).locator("button, input, select").all())]
        for left, _, right, bottom in parts:
            assert 0 <= left < right <= width and bottom <= picture[1]
        for place, one in enumerate(parts):
            for other in parts[place + 1 :]:
                assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert 0 <= picture[0] < picture[2] <= width
    for button in tab.get_by_role("button").all():
        assert button.evaluate("button => button.scrollWidth <= button.clientWidth"), button.inner_text()


@pytest.mark.parametrize("width", [390, 800, 1400])
def test_no_part_of_the_explorer_covers_another_or_leaves_the_page(tab, width):
    resize(tab, width, 900)
    parts = [tab.locator(".he-consequences"), *(tab.get_by_label(label, exact=True) for label in EXPLORED)]
    table, *fields = map(box, parts)
    for left, _, right, bottom in fields:
        assert 0 <= left < right <= width
        assert right <= table[0] or bottom <= table[1], "the table lies over a field"
    assert table[0] >= 0 and table[2] <= width
    for upper, lower in zip(fields, fields[1:], strict=False):
        assert upper[3] <= lower[1], "a field lies over the next one"


def test_a_change_in_a_field_of_the_explorer_is_seen_in_its_table(tab):
    ring = tab.get_by_label("ring dimension", exact=True)
    assert ring.evaluate("field => field.selectedOptions[0].text") == "4096"
    ring.select_option("8192")
    tab.get_by_text("Too little security").wait_for(state="detached")
    assert "256 bits, classical" in tab.locator(".he-consequences").inner_text()
