"""The trail of a server: a chain in both databases, also when many write at once, and heads that it relays."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from he_helpers.audit.chain import Entry, inspect_entries
from he_helpers.server.release import audit
from he_helpers.server.release.accounts import add_account
from he_helpers.server.release.audit import record_event
from he_helpers.server.storage.schema import audit_events
from tests.server.conftest import approve, kind

HEAD = {"length": 2, "digest": "ab" * 32, "witness": "cd" * 16, "signature": "ef" * 64}


def chain(person, limit=100):
    """The whole trail as a person is shown it, page by page."""
    entries, last = [], 0
    while page := person.get(f"/audit/chain?after={last}&limit={limit}").json:
        entries += [Entry.from_document(entry) for entry in page]
        last = entries[-1].number
    return entries


def test_everybody_sees_all_leaves_and_the_content_of_the_own_events_alone(requested, ann, bob, eve):
    eve.post(f"/requests/{requested}/aggregation")
    approve(ann, requested)
    trails = {name: chain(person, limit=3) for name, person in {"ann": ann, "bob": bob, "eve": eve}.items()}
    for name, entries in trails.items():
        assert inspect_entries(entries) == []
        assert [entry.leaf for entry in entries] == [entry.leaf for entry in trails["ann"]]
        listed = {"ann": ann, "bob": bob, "eve": eve}[name].get("/audit").json
        shown = [dict(entry.event) for entry in entries if entry.event is not None]
        assert [{key: event[key] for key in listed[0]} for event in shown] == listed
    assert sum(entry.event is not None for entry in trails["bob"]) == 1
    assert trails["bob"][-1].nonce is None


def test_the_trail_says_which_bytes_and_which_question(requested, ann, eve, table):
    eve.post(f"/requests/{requested}/aggregation")
    details = {event["action"]: event["detail"] for event in ann.get("/audit").json}
    assert '"group_by": ["region"]' in details["requested"] and '"statistic": "sum"' in details["requested"]
    assert "SHA-256" in details["aggregated"] and "SHA-256" in details["dataset stored"]


@pytest.mark.slow
def test_many_writers_at_once_make_one_chain(store, people):
    def write(number):
        if number % 4:
            store.write(lambda connection: record_event(connection, account="x", role="y", action=f"step {number}"))
        else:
            add_account(store, f"account-{number}", "analyst")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    entries = chain(people["ann"])
    assert len(entries) == 44 and inspect_entries(entries) == []


def test_a_fork_is_refused_by_the_database_itself(store, people):
    with pytest.raises(IntegrityError):
        store.write(
            lambda connection: connection.execute(
                insert(audit_events).from_select(
                    [column.name for column in audit_events.c],
                    select(audit_events).where(audit_events.c.sequence == 2),
                )
            )
        )


def test_a_step_that_is_undone_leaves_no_gap(store, people):
    def fails(connection):
        record_event(connection, account="x", role="y", action="undone")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.write(fails)
    add_account(store, "later", "analyst")
    entries = chain(people["ann"])
    assert len(entries) == 5 and inspect_entries(entries) == []


def test_a_change_in_the_database_is_found_by_who_may_read_the_event(store, ann, bob, uploaded):
    changed = update(audit_events).where(audit_events.c.action == "dataset stored").values(detail="nothing")
    store.write(lambda connection: connection.execute(changed))
    assert [finding.event for finding in inspect_entries(chain(ann))] == [5]
    seen = [entry.leaf for entry in chain(bob)]
    gone = delete(audit_events).where(audit_events.c.sequence == 3)
    store.write(lambda connection: connection.execute(gone))
    assert [finding.event for finding in inspect_entries(chain(bob), seen)] == [3]


def test_heads_are_relayed_to_everybody(ann, bob, eve):
    assert ann.put("/audit/heads", json=HEAD).json == HEAD
    assert eve.put("/audit/heads", json={**HEAD, "length": 3}).status_code == 200
    listed = bob.get("/audit/heads").json
    assert [{name: head[name] for name in HEAD} for head in listed] == [HEAD, {**HEAD, "length": 3}]
    assert bob.get(f"/audit/heads?after={listed[0]['number']}&limit=1").json == listed[1:]
    assert not any("ann" in str(head) for head in listed)


def test_a_head_stays_and_is_none_of_events_that_there_are_not(ann):
    for _ in range(2):
        assert ann.put("/audit/heads", json=HEAD).status_code == 200
    assert kind(ann.put("/audit/heads", json={**HEAD, "digest": "00" * 32})) == "name-taken"
    assert kind(ann.put("/audit/heads", json={**HEAD, "length": 5})) == "invalid-content"
    assert ann.get("/audit/heads").json[0]["digest"] == HEAD["digest"]


def test_of_an_account_the_latest_heads_are_kept(ann, eve, monkeypatch):
    """Everybody who witnesses takes all of them: who leaves many must not fill what a bundle holds, nor end up mute."""
    monkeypatch.setattr(audit, "MOST_HEADS", 2)
    assert eve.put("/audit/heads", json=HEAD).status_code == 200
    for length in (1, 2, 3, 3):
        assert ann.put("/audit/heads", json={**HEAD, "length": length}).status_code == 200
    assert [head["length"] for head in ann.get("/audit/heads").json] == [HEAD["length"], 2, 3]


@pytest.mark.parametrize(
    "changed", [{"length": 0}, {"length": "2"}, {"digest": "AB" * 32}, {"more": 1}, {"witness": ""}]
)
def test_what_is_no_head_is_refused(ann, changed):
    assert kind(ann.put("/audit/heads", json={**HEAD, **changed})) == "invalid-content"
    assert ann.get("/audit/heads").json == []
