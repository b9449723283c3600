"""Witnesses of a real server's trail: what they keep, what they find, and how they tell each other."""

import json
import sqlite3

import pytest

from he_helpers.audit.bundle import Bundle
from he_helpers.audit.chain import UnreadableTrail, leaf_of, next_digest
from he_helpers.audit.verification import audit_bundle
from he_helpers.roles.errors import DamagedRecord, NotThere
from he_helpers.server.release.accounts import add_account
from he_helpers.server.storage.store import Store
from tests.roles.conftest import make_two_people, running_server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One of these tests alone: they read and write all of its trail again and again, so it must not be that of all."""
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def two_people(server, main_pair, tmp_path_factory):
    """With signing keys of their own in each test, because the server keeps the heads that they sign."""
    return make_two_people(server, main_pair, tmp_path_factory.mktemp("people"))


def database(server):
    connection = sqlite3.connect(server.folder / "store.sqlite3", timeout=30)
    connection.row_factory = sqlite3.Row
    return connection


def numbers(witnessed):
    return [finding.event for finding in witnessed.findings]


@pytest.fixture
def kept(server):
    """The trail's rows, which are as before after the test."""
    with database(server) as connection:
        rows = [tuple(row) for row in connection.execute("SELECT * FROM audit_events ORDER BY sequence")]
    yield rows
    put_back(server, rows)


def put_back(server, rows):
    with database(server) as connection:
        connection.execute("DELETE FROM audit_events")
        places = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO audit_events VALUES ({places})", rows)


def rewrite(server, change):
    """Change the trail as a careful operator would: number it anew, and compute leaves and digests."""
    with database(server) as connection:
        rows = [dict(row) for row in connection.execute("SELECT * FROM audit_events ORDER BY sequence")]
        of_custodians = "SELECT nonce, r.account FROM audit_readers r JOIN audit_events e USING (sequence) ORDER BY 2"
        readers: dict[str, list[str]] = {}
        for nonce, custodian in connection.execute(of_custodians):
            readers.setdefault(nonce, []).append(custodian)
        before, new = bytes(32), []
        for number, row in enumerate(change(rows), start=1):
            row = {**row, "sequence": number}
            event = {name: value for name, value in row.items() if name not in ("nonce", "leaf", "digest")}
            event["custodians"] = readers.get(row["nonce"], [])
            leaf = leaf_of(bytes.fromhex(row["nonce"]), event)
            before = next_digest(before, leaf)
            new.append(tuple({**row, "leaf": leaf.hex(), "digest": before.hex()}.values()))
    put_back(server, new)


def test_witnesses_follow_the_trail_and_tell_each_other(ada, ana, dataset, tmp_path, kept):
    first = ada.witness()
    assert first.clean and first.events == len(kept) and 0 < first.readable <= first.events
    ada.trust_witness("Ana", ana.hand_over_verify_key(tmp_path / "handover", "Ana"))
    seen = ana.witness()
    assert seen.clean and seen.continues == {"Ada": len(kept)}
    ana.ask(dataset, "count", ["region"], purpose="more")
    again = ada.witness()
    assert again.events == len(kept) + 1
    assert again.continues == {"you": len(kept), "Ana": len(kept)}
    assert ada.witness().continues["you"] == len(kept) + 1
    assert "findings:  none" in repr(again) and f"events:    {again.events}, of which" in repr(again)


def test_a_head_that_somebody_leaves_in_another_s_name_keeps_nobody_from_signing(ada, ana, dataset, tmp_path):
    ada.witness()
    genuine = ada.signed_heads()[-1].to_document()
    forged = {**genuine, "length": 1, "digest": "00" * 32}
    ana.connection.put("audit", "heads", document=forged)
    again = ada.witness()
    assert again.clean and again.findings == ()
    report = audit_bundle(Bundle.read(ada.write_bundle(dataset, tmp_path / "bundle.zip")))
    assert report.clean


def test_another_of_the_own_name_does_not_take_the_own_place(ada, ana, dataset, tmp_path, person):
    """ "administrator" is what another administrator's key is called, too, as it is handed over."""
    ada.witness()
    alan = person("alan")
    key = alan.create_signing_key().to_bytes()
    for name in ("you", "administrator"):
        ada.witnesses.folder.joinpath("you.json").unlink(missing_ok=True)
        ada.trust_witness(name, key)
        assert "you" in ada.witness().continues
        bundle = Bundle.read(ada.write_bundle(dataset, tmp_path / f"{name}.zip"))
        assert bundle.verify_keys["administrator"] == ada.verify_key.key
        assert alan.verify_key.key in bundle.verify_keys.values()


def test_a_stranger_s_heads_are_counted_and_say_nothing(ada, ana):
    ana.witness()
    witnessed = ada.witness()
    assert witnessed.clean and witnessed.strangers >= 1 and "Ana" not in witnessed.continues


@pytest.mark.parametrize("careful", [False, True], ids=["careless", "careful"])
def test_what_an_operator_does_to_the_store_is_located(server, ada, ana, dataset, kept, careful):
    ana.ask(dataset, "count", ["region"], purpose="more")
    for _ in range(2):
        assert ada.witness().clean
    with database(server) as connection:
        rows = [tuple(row) for row in connection.execute("SELECT * FROM audit_events ORDER BY sequence")]
    last = len(rows)
    if careful:
        changes = {
            "changed": (last, lambda all: [*all[:-1], {**all[-1], "detail": "nothing happened"}]),
            "removed": (last - 1, lambda all: [*all[:-2], all[-1]]),
            "cut": (last, lambda all: all[:-1]),
            "hidden": (last, lambda all: [*all[:-1], {**all[-1], "owner": "alan"}]),
        }
        for what, (place, change) in changes.items():
            rewrite(server, change)
            found = ada.witness()
            # A leaf is made of the number, too: what moves up becomes another event.
            assert min(numbers(found)) == place, what
            assert ada.witness().findings == found.findings
            put_back(server, rows)
    else:
        for statement, place in (
            ("UPDATE audit_events SET detail = 'nothing' WHERE sequence = :n", last),
            ("DELETE FROM audit_events WHERE sequence = :n - 1", last - 1),
            ("UPDATE audit_events SET owner = 'alan' WHERE sequence = :n", last),
            ("UPDATE audit_events SET digest = leaf WHERE sequence = :n", last),
            ("UPDATE audit_events SET leaf = digest WHERE sequence = :n", last),
        ):
            with database(server) as connection:
                connection.execute(statement, {"n": last})
            assert numbers(ada.witness()) == [place], statement
            put_back(server, rows)
    assert ada.witness().clean


def test_a_server_that_tells_two_people_two_stories(server, ada, ana, dataset, kept, tmp_path):
    ada.trust_witness("Ana", ana.hand_over_verify_key(tmp_path / "handover", "Ana"))
    assert ada.witness().clean and ana.witness().clean
    ana.ask(dataset, "count", ["region"], purpose="what ada sees")
    head = [ada.witness() and ada.hand_over_head(tmp_path / "handover", "Ada")]
    with database(server) as connection:
        connection.execute("DELETE FROM audit_heads WHERE length > ?", [len(kept)])
    rewrite(server, lambda rows: [*rows[:-1], {**rows[-1], "detail": "what ana sees"}])
    # Without the head that was handed over, ana sees nothing wrong: the server relays none that shows it.
    shown = ana.witness(*head)
    [finding] = shown.findings
    assert (finding.event, finding.last) == (len(kept) + 1, len(kept) + 1)
    assert finding.what.startswith(f"two stories: Ada signed another trail of {len(kept) + 1} events")
    # What contradicts the server is kept: the head need not be brought again.
    assert ana.witness().findings == shown.findings


def test_without_a_head_from_the_other_the_two_stories_are_not_seen(server, ada, ana, dataset, kept):
    ada.witness()
    rewrite(server, lambda rows: [*rows[:-1], {**rows[-1], "detail": "another story"}])
    with database(server) as connection:
        connection.execute("DELETE FROM audit_heads")
    assert ana.witness().clean


def test_a_head_that_is_none_or_is_not_there(ada, tmp_path):
    with pytest.raises(NotThere, match="witness"):
        ada.hand_over_head(tmp_path / "handover", "Ada")
    with pytest.raises(NotThere):
        ada.witness(tmp_path / "nothing")
    (tmp_path / "head").write_text("[")
    with pytest.raises(UnreadableTrail):
        ada.witness(tmp_path / "head")


def test_a_damaged_record_is_not_passed_over(ada):
    ada.witness()
    record = ada.folder / "trail" / "seen.json"
    for damaged in ("", "{}", json.dumps({"leaves": ["00"], "opened": [], "heads": []})):
        record.write_text(damaged)
        with pytest.raises(DamagedRecord):
            ada.witness()


def test_an_account_with_another_role_changes_nothing(server, ana, kept):
    store = Store.in_folder(server.folder)
    with pytest.raises(ValueError, match="already an account"):
        add_account(store, "ana", "analyst")
    store.close()
    assert ana.witness().events == len(kept)
