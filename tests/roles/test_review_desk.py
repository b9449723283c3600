"""The review desk over a real server: what it shows, what it decides, and what it refuses to decide."""

import pytest

from he_helpers.lab.widgets import ReviewDesk
from he_helpers.roles.errors import ServerUnreachable
from he_helpers.tables import EncryptedAggregate

pytestmark = pytest.mark.slow

ASKED = {"statistic": "sum", "group_by": ["region"], "columns": ["Revenue"]}
FIELD = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def asked(ana, dataset):
    return ana.ask(dataset, **ASKED, purpose="report <b>for</b> the board")


@pytest.fixture
def desk(ada, asked):
    return ReviewDesk(ada)


def text(desk):
    return desk.as_stored()["text/plain"]


def test_it_lists_what_waits_and_reviews_nothing_by_itself(desk, ada, asked, monkeypatch):
    monkeypatch.setattr(EncryptedAggregate, "decrypt", None)
    assert desk.said == "1 request waits. Press Review to see what it would reveal. Nothing is decrypted before."
    assert desk.requests.value == asked and len(desk.requests.options) == 1
    assert "sum of Revenue by region" in text(desk) and "requested" in text(desk)
    desk.look_again()
    assert ada.pending().loc[asked, "status"] == "requested" and "What it would reveal" not in text(desk)


def test_text_of_others_is_one_escaped_line(ada, asked, monkeypatch):
    def lying(answer):
        return {**answer, "purpose": "report\nfindings: none"} if "purpose" in answer else answer

    listed, described = ada.connection.get_all, ada.connection.get
    monkeypatch.setattr(ada.connection, "get_all", lambda *path, **query: [*map(lying, listed(*path, **query))])
    monkeypatch.setattr(ada.connection, "get", lambda *path, **query: lying(described(*path, **query)))
    desk = ReviewDesk(ada)
    assert "report\\nfindings: none" in desk.requests.options[0][0]
    desk.review()
    for shown in desk.as_stored().values():
        assert shown.count("report\\nfindings: none") == 1 and "report\n" not in shown


def test_text_of_others_is_no_html(desk):
    desk.review()
    html = desk.as_stored()["text/html"]
    assert "<b>" not in html and "report &lt;b&gt;for&lt;/b&gt; the board" in html


def test_a_review_shows_groups_contributors_size_and_what_happened(desk, ada, asked):
    desk.review()
    shown = text(desk)
    assert desk.said.startswith("The review found nothing")
    for words in ada.review(asked).in_words().values():
        assert words in shown
    assert " kB, encrypted" in shown and "% of rows of the two largest" in shown
    rows = [line.split() for line in shown.splitlines()]
    assert ["1", "North", "3", "3", "66.7"] in rows and ["3", "West", "5", "5", "40.0"] in rows
    assert ["1", "ana", "requested"] in rows and ["2", "ada", "aggregated"] in rows


def test_approving_takes_a_review_on_the_desk_and_keeps_the_reason(desk, ada, ana, asked):
    ada.review(asked)  # elsewhere: the desk has shown nothing
    desk.approve()
    assert "Press Review first" in desk.said and ana.status(asked) == "aggregated"
    desk.review()
    desk.look_again()
    desk.approve()
    assert "Press Review first" in desk.said and ana.status(asked) == "aggregated"
    desk.review()
    desk.reason.value = "three branches or more"
    desk.approve()
    assert desk.said.startswith("Approved: sum of Revenue by region.") and ana.status(asked) == "approved"
    assert ana.requests().loc[asked, "reason"] == "three branches or more"
    assert desk.requests.value is None and desk.reason.value == "" and "approved" in text(desk)
    assert ada.release(asked).shape == (3, 1)


def test_refusing_takes_a_reason(desk, ana, asked):
    desk.refuse()
    assert "without a reason" in desk.said and ana.status(asked) == "requested"
    desk.reason.value = "no"
    desk.refuse()
    assert desk.said.startswith("Refused: ") and ana.status(asked) == "refused"
    assert ana.requests().loc[asked, "reason"] == "no" and desk.requests.value is None
    for press in (desk.review, desk.approve, desk.refuse):
        press()
        assert "No request is chosen" in desk.said


def test_findings_are_said_and_what_was_approved_before_is_shown(desk, ada, ana, accounts, dataset, asked):
    desk.review()
    desk.approve()
    ada.delete(dataset)
    ada.upload(dataset, ada.encrypt_table(accounts[1:], ["region", "size"], decimals=1), minimum_group_size=2)
    again = ana.ask(dataset, **ASKED, purpose="again")
    desk.look_again()
    desk.review()
    assert desk.said == "The review has a finding, so this cannot be approved."
    assert "before on this dataset: sum of Revenue by region, for Ana" in text(desk)
    assert "subtracted from sum of Revenue by region" in text(desk)
    desk.approve()
    assert "The review of this request found: " in desk.said and ana.status(again) == "aggregated"


def test_a_result_for_somebody_else_needs_a_tick(ada, person, ana, dataset, tmp_path):
    ben = person("ben")
    ben.create_keys()
    ben.trust("Ada", ada.hand_over(tmp_path / "handover", "Ada"))
    ada.trust("Clara", ben.hand_over(tmp_path / "handover", "Clara"))
    request = ben.ask(dataset, **ASKED, purpose="for Clara")
    desk = ReviewDesk(ada)
    assert desk.for_another.layout.display == "none"
    desk.review()
    assert desk.for_another.layout.display is None and "goes to Clara" in desk.for_another.description
    desk.approve()
    assert "the result would be sealed to Clara" in desk.said and ben.status(request) == "aggregated"
    desk.for_another.value = True
    desk.approve()
    assert ben.status(request) == "approved" and desk.for_another.layout.display == "none"


def test_choosing_another_request_takes_the_review_away(desk, ana, dataset, asked):
    second = ana.ask(dataset, "count", ["region"], purpose="how many")
    desk.look_again()
    assert desk.requests.value == asked
    desk.review()
    desk.requests.value = second
    assert "What it would reveal" not in text(desk)
    desk.approve()
    assert "Press Review first" in desk.said and ana.status(second) == "requested"


def test_a_desk_of_one_dataset_and_what_is_stored(ada, asked, dataset):
    assert len(ReviewDesk(ada, dataset).requests.options) == 1
    empty = ReviewDesk(ada, "other")
    bundle = empty._repr_mimebundle_()
    assert bundle["text/plain"] == "No request waits for a decision.\nRequests that wait (the server's word)\nnone"
    assert FIELD in bundle and "appear when the cell is run" in bundle["text/html"]


def test_a_server_that_is_gone_is_said_in_words(desk, monkeypatch):
    def gone(*path, **query):
        raise ServerUnreachable("No server answers.")

    monkeypatch.setattr(desk._reviewer.connection, "get", gone)
    before = desk.requests.options
    desk.review()
    assert desk.said == "No server answers." and desk.requests.options == before
