"""The explorer of parameters in a real browser: nothing covers anything at any width, and every field has its name.

The page is a notebook of one cell, served by Voilà.
"""

import pytest

from tests.browser.served import NEEDED, START_SECONDS, box, chromium, page_of

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
pytest.importorskip("voila", reason="Voilà is not installed")

pytestmark = NEEDED
CELL = """
from he_helpers.lab.measuring.explorer import Explorer
explorer = Explorer()
explorer.ring_dimension.value, explorer.outer_bits.value = 4096, 36
explorer.inner_bits.value, explorer.scale_bits.value = 37, 30
explorer
"""
LABELS = ["scheme", "ring dimension", "outer primes [bits]", "inner primes", "inner primes [bits]", "scale [bits]"]


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with (
        page_of(CELL, tmp_path_factory.mktemp("explorer")) as address,
        chromium(playwright.sync_playwright) as browser,
    ):
        tab = browser.new_page()
        tab.set_default_timeout(START_SECONDS * 1000)
        tab.goto(address)
        tab.get_by_text("Too little security").wait_for()
        yield tab


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
