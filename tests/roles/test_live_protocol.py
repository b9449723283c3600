"""The live picture of the protocol over a real server: bytes as they were sent, and who holds what."""

import re

import pytest
from IPython.core.interactiveshell import InteractiveShell

from he_helpers.lab import widgets
from he_helpers.lab.stage.seat import Seat
from he_helpers.lab.workspace.workspace import WrongRole
from he_helpers.roles.connection import Exchange
from he_helpers.roles.errors import ServerRefused

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def undrawn(monkeypatch):
    # By its name: who collects tests and does not run these has no use for what draws.
    monkeypatch.setattr(
        "he_helpers.lab.widgets.live_picture.image", lambda figure, alt: {"text/html": alt, "text/plain": alt}
    )


def sitting(role, participant):
    return Seat(role, participant.folder, participant.connection.server, participant.folder.parent / "handover")


def text(live):
    return live.as_stored()["text/plain"]


def test_before_anything_moved(ada):
    live = widgets.LiveProtocol(sitting("administrator", ada), ada)
    assert live.said == "Nothing has moved between you and the server yet." and live.exchanges.empty
    assert "nothing from this client yet" in text(live) and re.search(r"keyring: ≈ [\d.]+ kB", text(live))
    assert "data administrator holds the secret key" in text(live)


def test_bytes_are_those_of_the_bodies(ada, ana, dataset):
    uploaded = len(ada.uploaded(dataset).to_bytes())
    request = ana.ask(dataset, "sum", ["region"], ["Revenue"], purpose="report")
    ada.review(request)
    ada.approve(request)
    ada.release(request)
    table = widgets.LiveProtocol(sitting("administrator", ada), ada).exchanges
    assert table.loc["encrypted table, labels", ["times", "sent"]].tolist() == [1, uploaded]
    # Reviewed, reviewed for the approval and for the release.
    sums = ada.review(request).aggregate.to_bytes()
    assert table.loc["encrypted sums", ["times", "received"]].tolist() == [3, 3 * len(sums)]
    assert table.loc["call to add up", "times"] == 1 and table.loc["sealed result", "received"] > 0
    sent = sum(exchange.sent for exchange in ada.connection.exchanges)
    assert table["sent"].sum() == sent > uploaded


def test_the_picture_has_an_arrow_a_kind_and_what_the_server_got(ada, ana, dataset):
    request = ana.ask(dataset, "sum", ["region"], ["Revenue"], purpose="report")
    ada.pending()
    ada.pending()
    ada.refuse(request, "no")
    encrypted = ada.uploaded(dataset)
    live = widgets.LiveProtocol(sitting("administrator", ada), ada)
    shown = text(live)
    assert re.search(r"data administrator to server: encrypted table, labels: ≈ \d+ kB\.", shown)
    assert re.search(r"server to data administrator: list of requests, 2 times: ≈ [\d.]+ kB\.", shown)
    assert re.search(r"The server holds no secret key, encrypted table, labels: ≈ \d+ kB, decision: ≈ 0.", shown)
    assert "What other roles exchange with the server is not seen from here." in live.said
    ada.delete(dataset)
    ada.upload(dataset, encrypted, minimum_group_size=3)
    live.renew()
    server = text(live).partition("The server holds")[2]
    # What was deleted was sent all the same.
    assert "deletion of a dataset" in text(live) and "encrypted table, labels, 2 times: " in server


def test_a_refusal_of_the_server_is_no_holding(ana, dataset):
    with pytest.raises(ServerRefused):
        ana.ask(dataset, "count", ["region", "size"], purpose="report")
    live = widgets.LiveProtocol(sitting("analyst", ana), ana)
    assert "request for an aggregate: refused (403)" in text(live)
    assert "nothing from this client yet" in text(live) and "data analyst holds no secret key" in text(live)


def test_the_last_twelve_steps_are_drawn_and_the_table_has_all(ana, dataset):
    for number in range(20):
        kind = ("datasets",) if number % 2 else ("audit",)
        ana.connection.exchanges.append(Exchange("GET", kind, 200, 0, 100))
    live = widgets.LiveProtocol(sitting("analyst", ana), ana)
    assert text(live).count("server to data analyst") == 12 and live.exchanges["times"].tolist() == [10, 10]


def test_it_is_renewed_after_a_cell_that_moved_something_and_the_newest_one_alone(ana, dataset, monkeypatch):
    shell = InteractiveShell()
    monkeypatch.setattr("he_helpers.lab.widgets.live_protocol.get_ipython", lambda: shell)
    older, live = (widgets.LiveProtocol(sitting("analyst", ana), ana) for _ in range(2))
    shell.run_cell("1")
    assert live.said.startswith("Nothing has moved")
    ana.datasets()
    shell.run_cell("2")
    assert "with the server: 1, " in live.said and older.said.startswith("Nothing has moved")
    drawn = []
    monkeypatch.setattr(live, "renew", lambda: drawn.append(True))
    shell.run_cell("nothing = 'moved'")
    assert not drawn


def test_without_a_role(ana):
    with pytest.raises(WrongRole, match="no client of its own"):
        widgets.LiveProtocol(Seat(None, None, "", ana.folder), ana)
