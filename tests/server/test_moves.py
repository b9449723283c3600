"""A dataset moves to another key in one step, or not at all."""

import hashlib

import pytest

from he_helpers.schemes import secret as keys
from he_helpers.server.storage.quotas import Quotas
from he_helpers.tables import Aligned, EncryptedTable
from tests.server.conftest import accounts_frame, approve, encrypted, kind, to_status


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="session")
def moved() -> bytes:
    """The table of the fixture ``table`` under another key."""
    other = keys.tenseal_bfv().generate_keys().public
    return encrypted(accounts_frame(), other)


def move(person, old, new, minimum=2, name="accounts"):
    return person.put(f"/datasets/{name}?minimum_group_size={minimum}&replaces={sha256(old)}", new)


def test_a_move_keeps_what_is_decided_and_drops_aggregates_that_wait(uploaded, ann, eve, table, moved):
    requests = {status: eve.ask()[0] for status in ("requested", "aggregated", "refused", "released")}
    for status, identifier in requests.items():
        to_status(status, ann, eve, identifier)
    aggregate = ann.get(f"/requests/{requests['released']}/aggregate").data
    assert move(ann, table, moved).status_code == 201
    assert ann.get("/datasets/accounts/table").data == moved
    assert ann.get("/datasets/accounts").json["digest"] == sha256(moved)
    after = {status: eve.get(f"/requests/{identifier}").json["status"] for status, identifier in requests.items()}
    assert after == {**{status: status for status in requests}, "aggregated": "requested"}
    assert ann.get(f"/requests/{requests['released']}/aggregate").data == aggregate
    assert kind(ann.get(f"/requests/{requests['aggregated']}/aggregate")) == "wrong-order"
    assert eve.get(f"/requests/{requests['released']}/result").data == b"sealed"
    actions = [event["action"] for event in ann.get("/audit?dataset=accounts").json]
    assert actions[-2:] == ["aggregate dropped", "dataset moved to a new key"]
    assert eve.post(f"/requests/{requests['aggregated']}/aggregation").status_code == 200
    # Once more is harmless.
    assert move(ann, table, moved).status_code == 200
    assert ann.get("/audit?dataset=accounts").json[-1]["action"] == "aggregated"


def test_who_may_move_what(uploaded, ann, bob, eve, table, other_table, moved):
    assert kind(move(bob, table, moved)) == "not-found"
    assert kind(move(eve, table, moved)) == "wrong-role"
    assert kind(move(ann, table, moved, name="nothing")) == "not-found"
    assert kind(move(ann, other_table, moved)) == "name-taken"
    assert kind(move(ann, table, moved, minimum=3)) == "invalid-content"
    assert kind(move(ann, table, other_table)) == "invalid-content"
    assert ann.get("/datasets/accounts/table").data == table


def test_another_layout_is_another_table(uploaded, ann, pair, table):
    fewer = EncryptedTable.encrypt(accounts_frame(), ["region", "year"], pair.public, layout=Aligned([["region"]]))
    assert kind(move(ann, table, fewer.to_bytes())) == "invalid-content"


def test_an_approved_result_comes_first(requested, ann, eve, table, moved):
    to_status("approved", ann, eve, requested)
    assert kind(move(ann, table, moved)) == "wrong-order"
    assert ann.get("/datasets/accounts/table").data == table
    assert ann.put(f"/requests/{requested}/result", b"sealed").status_code == 200
    assert move(ann, table, moved).status_code == 201
    assert kind(approve(ann, requested, "refused")) == "wrong-order"


def test_a_move_that_would_pass_a_quota_changes_nothing(store, uploaded, ann, table, moved):
    for quotas in (Quotas(account_bytes=1), Quotas(account_events=1)):
        store.quotas = quotas
        assert kind(move(ann, table, moved)) == "quota-exceeded"
    assert ann.get("/datasets/accounts/table").data == table
