"""The page of `make app` in a real browser without a window: fill in, press, read the result, and the errors.

The browser is the Chromium or Chrome of the system; Playwright's own download is never used. Without one, or without
Playwright and Voilà, these tests are skipped.
"""

import math
import re
import sys
import urllib.request

import pytest

from he_helpers.lab.workspace.server_process import stop_server
from he_helpers.lab.workspace.workspace import Workspace
from tests.browser.served import NEEDED, START_SECONDS, VOILA, free_port, resize, serving, wait_until

pytestmark = [*NEEDED, VOILA]
TYPED = {
    "Fasting glucose": "98",
    "HDL cholesterol": "48",
    "Systolic blood pressure": "122",
    "Body mass index": "27.4",
    "Age": "45",
}
CHOSEN = {"Sex": "female", "Group in the study": "non-Hispanic white", "Parent or sibling with diabetes": "yes"}
CHANCE = 1 / (
    1 + math.exp(-(-13.415 + 0.079 * 98 - 0.039 * 48 + 0.018 * 122 + 0.070 * 27.4 + 0.028 * 45 + 0.661 + 0.481))
)


class Page:
    """The served page: its address, and how many scores its research server was asked for."""

    def __init__(self, address, workspace, terminal):
        self.address = address
        self._terminal = terminal
        self._log = workspace.root / "research" / "service" / "server.log"

    def said(self):
        return self._terminal.read_text()

    def scores_asked_for(self):
        text = self._log.read_text() if self._log.exists() else ""
        assert "GET /v1/models/diabetes_risk 200" in text, "the log does not tell what was asked for"
        return text.count("POST /v1/models/diabetes_risk/scores")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("app")
    workspace = Workspace(folder / "workspace")
    port = free_port()
    command = [sys.executable, "-m", "he_helpers.lab.screening.screening_app", "--no-browser", "--port", str(port)]
    try:
        with serving(command, port, workspace, folder / "log"):
            yield Page(f"http://127.0.0.1:{port}/", workspace, folder / "log")
    finally:
        stop_server(workspace)


def visit(page, browser):
    """The page, opened by a new visitor, and a list of the addresses that answer from then on."""
    tab = browser.new_context().new_page()
    tab.set_default_timeout(START_SECONDS * 1000)
    answered = []
    tab.on("response", lambda response: answered.append(response.url))
    tab.goto(page.address)
    tab.get_by_role("button", name="Encrypt and send").wait_for()
    return tab, answered


@pytest.fixture(scope="module")
def first_visit(page, browser):
    """One visit for most of the tests: each costs a kernel and a page full of programs."""
    tab, answered = visit(page, browser)
    yield tab, answered
    tab.context.close()


@pytest.fixture
def tab(first_visit):
    """The page of the first visit, without what the test before left in it."""
    tab, _ = first_visit
    resize(tab, 1280, 720)
    clear(tab)
    wait_until(tab, "!document.querySelector('[role=alert], [role=img], [aria-invalid]')")
    return tab


def fill(tab, typed=TYPED, chosen=CHOSEN):
    for label, text in typed.items():
        tab.get_by_label(label, exact=True).fill(text)
    for label, option in chosen.items():
        tab.get_by_label(label, exact=True).select_option(option)


def press(tab):
    tab.get_by_role("button", name="Encrypt and send").click()


def clear(tab):
    tab.get_by_role("button", name="Clear").click()
    wait_until(tab, "[...document.querySelectorAll('input[type=text]')].every(field => !field.value)")


def shown_options(tab):
    """What each drop-down shows."""
    shown = "fields => fields.map(field => field.options[field.selectedIndex]?.text ?? 'blank')"
    return tab.locator("select").evaluate_all(shown)


def message_beside(tab, label):
    row = tab.locator(".widget-hbox").filter(has=tab.get_by_label(label, exact=True))
    return row.get_by_role("alert").inner_text()


def test_fill_in_press_and_read(tab, page):
    before = page.scores_asked_for()
    fill(tab)
    press(tab)
    said = tab.get_by_role("img", name=re.compile("Chance of type 2 diabetes")).get_attribute("aria-label")
    assert f"{100 * CHANCE:.1f} %" in said
    text = tab.locator("body").inner_text()
    assert "-1.0290" in text and "8 ciphertexts" in text and "no medical advice" in text
    assert page.scores_asked_for() == before + 1


def test_wrong_answers_get_their_messages_and_nothing_is_sent(tab, page):
    before = page.scores_asked_for()
    wrong = {"Fasting glucose": "980", "HDL cholesterol": "much", "Systolic blood pressure": "-120", "Age": ""}
    fill(tab, TYPED | wrong)
    press(tab)
    tab.get_by_text("Nothing was sent").wait_for()
    assert "from 50 to 125 mg/dL" in message_beside(tab, "Fasting glucose")
    assert "not a number" in message_beside(tab, "HDL cholesterol")
    assert "negative" in message_beside(tab, "Systolic blood pressure")
    assert "Missing" in message_beside(tab, "Age")
    assert tab.get_by_role("alert").count() == 5  # the four, and what the button says
    assert page.scores_asked_for() == before

    fill(tab)
    press(tab)
    tab.get_by_role("img", name=re.compile("Chance of type 2 diabetes")).wait_for()
    assert tab.get_by_role("alert").count() == 0
    assert page.scores_asked_for() == before + 1


def invalid_fields(tab):
    """The names of the fields that a screen reader calls invalid, and the message that it reads with each."""
    marked = tab.locator("[aria-invalid=true]")
    return dict(
        marked.evaluate_all(
            "fields => fields.map(field => [field.labels[0].innerText,"
            " document.getElementById(field.getAttribute('aria-describedby')).innerText])"
        )
    )


def test_wrong_answers_are_marked_as_invalid_until_they_are_right(tab):
    fill(tab, TYPED | {"Fasting glucose": "980"}, CHOSEN | {"Sex": "choose"})
    press(tab)
    tab.locator("[aria-invalid=true]").nth(1).wait_for()
    found = invalid_fields(tab)
    assert set(found) == {"Fasting glucose", "Sex"}
    assert found["Fasting glucose"] == message_beside(tab, "Fasting glucose") != ""
    fill(tab, TYPED | {"Age": ""})
    press(tab)
    wait_until(tab, "document.querySelectorAll('[aria-invalid=true]').length === 1")
    assert set(invalid_fields(tab)) == {"Age"}
    tab.get_by_role("button", name="Clear").click()
    wait_until(tab, "!document.querySelector('[aria-invalid], [aria-describedby]')")


def test_a_drop_down_says_choose_again_after_clear(tab):
    fill(tab)
    assert "choose" not in shown_options(tab)
    clear(tab)
    assert shown_options(tab) == ["choose"] * len(CHOSEN)


def test_a_narrow_page_shows_everything(tab):
    resize(tab, 390, 800)
    fill(tab, TYPED | {"Fasting glucose": "980"})
    press(tab)
    tab.get_by_text("Nothing was sent").wait_for()
    right_edges = "parts => parts.map(part => part.getBoundingClientRect().right)"
    parts = tab.locator("input, select, [role=alert], button")
    assert max(parts.evaluate_all(right_edges)) <= 390
    places = "parts => parts.map(part => part.getBoundingClientRect().toJSON())"
    units = tab.locator(".he-field .widget-label:not(label)").evaluate_all(places)
    fields = tab.locator(".he-field input[type=text]").evaluate_all(places)
    assert len(units) == len(fields) == len(TYPED)
    for unit, field in zip(units, fields, strict=True):
        # Beside its field, on the same line.
        assert field["right"] <= unit["left"] and unit["right"] <= 390
        assert unit["top"] < field["bottom"] and field["top"] < unit["bottom"]
    tab.get_by_label("Sex", exact=True).select_option("choose")
    press(tab)
    tab.locator("[role=alert]").nth(2).wait_for()
    messages = tab.locator(".he-field [role=alert]").evaluate_all(places)
    assert len(messages) == 2 and len({message["left"] for message in messages}) == 1
    rows = tab.locator(".he-field").evaluate_all(places)
    right = tab.locator(".he-field", has_not=tab.get_by_role("alert")).evaluate_all(places)
    # One line each, without an empty one.
    assert len(right) == len(rows) - 2 and max(row["height"] for row in right) < 50
    fill(tab)
    press(tab)
    reading = tab.get_by_role("status").filter(has_text="Chance of")
    reading.wait_for()
    assert max(reading.evaluate_all(right_edges)) <= 390


def test_the_terminal_shows_where_the_page_is_and_nothing_else(page, first_visit):
    assert page.said() == f"The form: {page.address} (Control-C ends it)\n"


def test_another_visitor_sees_nothing_of_it(tab, page, browser):
    fill(tab)
    press(tab)
    tab.get_by_role("img", name=re.compile("Chance of type 2 diabetes")).wait_for()
    second, _ = visit(page, browser)
    assert [second.get_by_label(label, exact=True).input_value() for label in TYPED] == [""] * len(TYPED)
    assert shown_options(second) == ["choose"] * len(CHOSEN) and invalid_fields(second) == {}
    assert "Chance of" not in second.locator("body").inner_text()
    second.get_by_label("Age", exact=True).fill("60")
    assert tab.get_by_label("Age", exact=True).input_value() == "45"
    # Who does not know the identifier of a visit's process cannot find it out.
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(tab.url + "api/kernels")
    assert refusal.value.code in (403, 404)
    second.context.close()


def test_the_browser_talks_to_this_computer_alone(page, first_visit):
    tab, answered = first_visit
    policy = tab.request.get(page.address).headers["content-security-policy"]
    assert answered and all(url.startswith((page.address, "data:", "blob:")) for url in answered)
    assert "https:" not in policy and "default-src 'self'" in policy
