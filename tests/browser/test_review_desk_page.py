"""The review desk in a real browser: a request is approved by mouse, another one refused by keyboard alone.

The page is a notebook of one cell, served by Voilà, with the course's own server behind it.
"""

from contextlib import closing

import pytest

from he_helpers.lab.workspace.server_process import stop_server
from he_helpers.lab.workspace.workspace import Workspace
from tests.browser.served import NEEDED, START_SECONDS, VOILA, box, page_of, resize

pytestmark = [*NEEDED, VOILA]
ASKING = """
from he_helpers.roles import DataAnalyst
analyst = DataAnalyst(seat.folder, seat.server, seat.passphrase())
for purpose in ("board", "list of all regions, which the board wants to see at its meeting in spring"):
    analyst.ask("branch-accounts", "sum", ["Region"], ["Revenue"], purpose=purpose)
"""
CELL = f"""
from he_helpers import lab
from he_helpers.roles import DataAdministrator
seat = lab.enter("administrator", notebook="06")
get_ipython().run_cell_magic("role", "analyst", {ASKING!r})
import pandas as pd
# Its rules for tables hold for the whole page.
display(pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("two", "headings")])))
lab.widgets.ReviewDesk(DataAdministrator(seat.folder, seat.server, seat.passphrase()), "branch-accounts")
"""
BOARD = "1. sum of Revenue by Region · branch-accounts · analyst: board"


@pytest.fixture(scope="module")
def tab(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    try:
        with page_of(CELL, folder) as address, closing(browser.new_page()) as tab:
            tab.set_default_timeout(START_SECONDS * 1000)
            tab.goto(address)
            tab.get_by_text("2 requests wait").wait_for()
            yield tab
    finally:
        stop_server(Workspace(folder / "workspace"))


def desk(tab):
    return tab.locator(".he-live-panel")


def focused(tab):
    return tab.evaluate("document.activeElement.labels?.[0]?.innerText || document.activeElement.innerText")


@pytest.mark.parametrize("width", [390, 800, 1400])
def test_no_part_leaves_the_page_or_covers_another(tab, width):
    resize(tab, width, 900)
    parts = [*map(box, desk(tab).locator("button, select, input[type=text]").all())]
    assert len(parts) == 6
    for left, _, right, _ in parts:
        assert 0 <= left < right <= width
    for place, one in enumerate(parts):
        for other in parts[place + 1 :]:
            assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_the_tables_keep_their_looks_beside_those_of_pandas(tab):
    rows = desk(tab).locator("table tr")
    cells = rows.nth(0).locator("th").all()[1:] + rows.nth(1).locator("th, td").all()
    looks = "cell => { const found = getComputedStyle(cell); return [found.textAlign, found.verticalAlign] }"
    assert [cell.evaluate(looks) for cell in cells] == [["left", "top"]] * len(cells)


def test_a_request_is_reviewed_and_approved_by_mouse(tab):
    tab.get_by_label("requests that wait").select_option(BOARD)
    desk(tab).get_by_role("button", name="Approve").click()
    tab.get_by_text("Press Review first").wait_for()
    desk(tab).get_by_role("button", name="Review").click()
    tab.get_by_text("The review found nothing that speaks against it").wait_for()
    words = desk(tab).inner_text()
    assert "8 to 16 contributors" in words and "at most 30% of a sum" in words and "aggregated" in words
    desk(tab).get_by_role("button", name="Approve").click()
    tab.get_by_text("Approved: sum of Revenue by Region").wait_for()


def test_a_request_is_refused_by_keyboard_alone(tab):
    tab.get_by_label("requests that wait").focus()
    tab.keyboard.press("ArrowDown")
    for name in ("Review", "Look again", "reason", "Approve", "Refuse"):
        tab.keyboard.press("Tab")
        assert focused(tab) == name
    tab.keyboard.press("Enter")
    tab.get_by_text("A refusal without a reason helps nobody").wait_for()
    assert focused(tab) == "Refuse"
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.type("no list is needed")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Space")
    tab.get_by_text("Refused: sum of Revenue by Region").wait_for()
    words = desk(tab).inner_text()
    assert "no list is needed" in words and tab.get_by_label("requests that wait").locator("option").count() == 0
