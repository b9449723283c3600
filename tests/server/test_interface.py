"""Every address of the interface: who may call it, in which order, and what it answers."""

import hashlib
import json
from functools import cache

import pandas as pd
import pytest

from he_helpers.parameters import PaillierParameters
from he_helpers.schemes import secret as keys
from he_helpers.server.http.jobs import Jobs
from he_helpers.server.http.problems import Problem
from he_helpers.server.release.accounts import Account
from he_helpers.server.release.datasets import datasets
from he_helpers.tables import Aligned, EncryptedAggregate, EncryptedTable, Query, Rows, aggregate
from he_helpers.workers import WorkerPool
from tests.server.conftest import (
    FINGERPRINT,
    ROLES,
    accounts_frame,
    approve,
    asked,
    encrypted,
    kind,
    new_request,
    to_status,
)

STEPS = ("aggregation", "decision", "result")


def test_health_needs_no_token(app):
    response = app.test_client().get("/v1/health")
    assert response.json == {"status": "ok", "version": "1"}


# Datasets


def test_upload_is_acknowledged_once_and_repeating_is_harmless(ann, table):
    first, second = ann.upload(table), ann.upload(table)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json == second.json
    assert first.json == {
        "name": "accounts",
        "rows_received": 12,
        "bytes": len(table),
        "digest": hashlib.sha256(table).hexdigest(),
    }
    stored = [event for event in ann.get("/audit").json if event["action"] == "dataset stored"]
    assert len(stored) == 1


def test_a_taken_name_is_not_overwritten(ann, bob, table, other_table):
    ann.upload(table)
    for response in (
        ann.upload(other_table),
        bob.upload(table),
        bob.upload(other_table),
        ann.upload(table, minimum=3),
    ):
        assert response.status_code == 409
        assert kind(response) == "name-taken"
    assert ann.get("/datasets/accounts/table").data == table


def test_description_is_what_the_server_can_read(uploaded, ann, bob, eve, table):
    described = eve.get("/datasets/accounts").json
    assert described == ann.get("/datasets/accounts").json
    assert described["rows"] == 12
    assert described["labels"]["region"] == ["island", "north", "south"]
    assert [column["name"] for column in described["columns"]] == ["revenue", "loans"]
    assert (described["name"], described["owner"], described["minimum_group_size"]) == ("accounts", "ann", 2)
    assert described["bytes"] == len(table)
    listed = {**described, "labels": {"region": 3, "year": 2}}
    assert eve.get("/datasets").json == ann.get("/datasets").json == [listed]
    assert bob.get("/datasets").json == []


def test_an_unknown_dataset_lists_the_known_ones(uploaded, ann, bob, eve):
    for person, known in ((ann, ["accounts"]), (eve, ["accounts"]), (bob, [])):
        response = person.get("/datasets/nothing")
        assert (response.status_code, kind(response)) == (404, "not-found")
        assert response.json["known"] == known


def test_the_stored_table_is_for_its_owner(uploaded, ann, bob, eve, table):
    assert ann.get("/datasets/accounts/table").data == table
    assert kind(eve.get("/datasets/accounts/table")) == "wrong-role"


def test_deletion_takes_the_requests_and_leaves_the_audit(requested, ann, bob, eve):
    assert kind(bob.delete("/datasets/accounts")) == "not-found"
    assert kind(eve.delete("/datasets/accounts")) == "wrong-role"
    assert ann.delete("/datasets/accounts").status_code == 204
    assert kind(ann.delete("/datasets/accounts")) == "not-found"
    assert kind(eve.get(f"/requests/{requested}")) == "not-found"
    assert eve.get("/requests").json == []
    actions = [event["action"] for event in ann.get("/audit?dataset=accounts").json]
    assert actions == ["dataset stored", "requested", "dataset deleted"]


@pytest.mark.parametrize("name", ["a" * 65, "-a", "ä", "a b", ".."])
def test_unsuitable_names_are_refused(ann, table, name):
    response = ann.upload(table, name=name)
    assert response.status_code in (400, 404)
    kind(response)


@pytest.mark.parametrize("minimum", ["0", "-1", "x", "1e3", "", "1000001", "10000000", "²"])
def test_unsuitable_minimums_are_refused(ann, table, minimum):
    assert kind(ann.upload(table, minimum=minimum)) == "bad-request"


@pytest.mark.parametrize("minimum", [1, 1_000_000])
def test_the_smallest_and_the_largest_minimum_are_taken(ann, table, minimum):
    assert ann.upload(table, minimum=minimum).status_code == 201
    assert ann.get("/datasets/accounts").json["minimum_group_size"] == minimum


def test_unknown_and_repeated_arguments_are_refused(ann, table):
    assert kind(ann.put("/datasets/a?minimum=3", table)) == "bad-request"
    assert kind(ann.put("/datasets/a?minimum_group_size=3&minimum_group_size=4", table)) == "bad-request"


# Requests


def test_the_whole_way_to_a_release(requested, ann, eve, pair, table):
    path = f"/requests/{requested}"
    assert eve.get(path).json == {
        "id": requested,
        "dataset": "accounts",
        "analyst": "eve",
        "query": asked()["query"],
        "purpose": "yearly report",
        "recipient_key_fingerprint": FINGERPRINT,
        "status": "requested",
        "reason": "",
    }
    assert eve.post(f"{path}/aggregation").json["status"] == "aggregated"
    received = ann.get(f"{path}/aggregate").data
    recomputed = aggregate(EncryptedTable.from_bytes(table), Query("sum", ("region",), ("revenue", "loans")))
    assert received == recomputed.to_bytes()
    expected = accounts_frame().drop(columns="year").groupby("region").sum()
    decrypted = EncryptedAggregate.from_bytes(received).decrypt(pair.secret)
    assert (decrypted.sort_index().to_numpy() == expected.to_numpy()).all()
    assert approve(ann, requested).json["status"] == "approved"
    assert ann.put(f"{path}/result", b"sealed").json["status"] == "released"
    assert eve.get(f"{path}/result").data == b"sealed"
    events = eve.get(f"/audit?request={requested}").json
    assert [event["action"] for event in events] == ["requested", "aggregated", "approved", "released"]
    assert [event["account"] for event in events] == ["eve", "eve", "ann", "ann"]
    assert [event["sequence"] for event in events] == sorted(event["sequence"] for event in events)
    assert set(events[0]) == {"sequence", "at", "account", "role", "action", "dataset", "request", "detail"}


def short_paillier():
    return keys.paillier(PaillierParameters(2048))


@cache
def tables_of(make):
    """A table of each of two layouts under a scheme, and the mean of its loans by region; the same in all databases."""
    public = make().generate_keys().public
    found = {}
    for layout in (Aligned(), Rows()):
        content = encrypted(accounts_frame(), public, layout)
        answer = aggregate(EncryptedTable.from_bytes(content), Query("mean", ("region",), ("loans",)))
        found[layout.name] = content, answer.to_bytes()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("make", [keys.tenseal_ckks, keys.pyfhel_bfv, short_paillier])
def test_aggregation_is_pure_under_every_scheme(ann, eve, make):
    for name, (content, expected) in tables_of(make).items():
        assert ann.upload(content, name=name).status_code == 201
        identifier, response = eve.ask(dataset=name, statistic="mean", group_by=["region"], columns=["loans"])
        assert response.status_code == 201
        eve.post(f"/requests/{identifier}/aggregation")
        assert ann.get(f"/requests/{identifier}/aggregate").data == expected


def test_a_count_and_the_grand_total(uploaded, ann, eve):
    for content in ({"statistic": "count"}, {"statistic": "count", "group_by": []}):
        identifier, response = eve.ask(**content)
        assert response.status_code == 201
        assert eve.post(f"/requests/{identifier}/aggregation").status_code == 200


def test_asking_again_is_harmless_and_other_content_is_refused(requested, eve, dan):
    assert eve.ask(requested)[1].status_code == 200
    assert kind(eve.ask(requested, purpose="another")[1]) == "name-taken"
    assert kind(eve.ask(requested, statistic="mean")[1]) == "name-taken"
    assert kind(dan.ask(requested)[1]) == "name-taken"
    assert len(eve.get("/requests").json) == 1


def test_unknown_names_list_the_known_ones(uploaded, eve):
    _, label = eve.ask(group_by=["regoin"])
    assert (label.status_code, kind(label)) == (422, "unknown-name")
    assert label.json["known"] == ["region", "year"]
    _, column = eve.ask(columns=["profit"])
    assert (column.status_code, kind(column)) == (422, "unknown-name")
    assert column.json["known"] == ["revenue", "loans"]
    _, grouping = eve.ask(group_by=["region", "year"])
    assert (grouping.status_code, kind(grouping)) == (422, "unsupported-query")
    _, dataset = eve.ask(dataset="nothing")
    assert (dataset.status_code, dataset.json["known"]) == (404, ["accounts"])


def test_small_groups_are_refused_without_naming_one(ann, eve, table):
    ann.upload(table, minimum=3)
    for statistic in ("sum", "mean", "count"):
        identifier, response = eve.ask(statistic=statistic)
        assert (response.status_code, kind(response)) == (403, "group-too-small")
        assert response.json["minimum_group_size"] == 3
        assert "island" not in response.text
        assert kind(eve.get(f"/requests/{identifier}")) == "not-found"
    assert eve.ask(group_by=["year"])[1].status_code == 201
    assert [event["action"] for event in ann.get("/audit").json].count("refused by policy") == 3


@pytest.fixture(scope="session")
def branches(pair):
    """The north has 12 rows of 3 branches, the south 12 rows of 6."""
    rows = [("north", f"n{row % 3}") for row in range(12)] + [("south", f"s{row % 6}") for row in range(12)]
    frame = pd.DataFrame(rows, columns=["region", "branch"]).assign(revenue=range(24))
    return EncryptedTable.encrypt(frame, ["region", "branch"], pair.public).to_bytes()


@pytest.mark.parametrize(
    ("minimum", "label", "refused"),
    [
        (12, "", False),  # rows
        (4, "&contributor_label=branch", True),  # the north has 3 branches
        (3, "&contributor_label=branch", False),
        (3, "&contributor_label=region", True),
    ],
)
def test_the_minimum_counts_contributors_and_not_rows(ann, eve, branches, minimum, label, refused):
    path = f"/datasets/accounts?minimum_group_size={minimum}{label}"
    assert ann.put(path, branches).status_code == 201
    described = eve.get("/datasets/accounts").json
    assert described["contributor_label"] == (label.partition("=")[2] or None)
    _, response = eve.ask(columns=["revenue"])
    assert (response.status_code == 403) is refused
    if refused:
        assert kind(response) == "group-too-small" and label.partition("=")[2] in response.json["detail"]
        assert "north" not in response.text


@pytest.mark.parametrize("minimum", [2, 3])
def test_two_contributors_with_nearly_all_rows_are_refused(ann, eve, pair, minimum):
    rows = ["a"] * 10 + ["b"] * 8 + ["c", "d", "e"]  # 18 of 21 are 85.7 %
    frame = pd.DataFrame({"region": "north", "branch": rows, "revenue": range(21)})
    table = EncryptedTable.encrypt(frame, ["region", "branch"], pair.public).to_bytes()
    ann.put(f"/datasets/accounts?minimum_group_size={minimum}&contributor_label=branch", table)
    _, response = eve.ask(columns=["revenue"])
    # A minimum of two lets groups of two through, whose two always have everything.
    assert (response.status_code, "85%" in response.text) == ((201, False) if minimum == 2 else (403, True))


def test_a_contributor_label_is_a_label_of_the_table_and_part_of_the_dataset(ann, table):
    response = ann.put("/datasets/accounts?contributor_label=revenue", table)
    assert (kind(response), response.json["known"]) == ("unknown-name", ["region", "year"])
    assert ann.get("/datasets").json == []
    for status in (201, 200):
        assert ann.put("/datasets/accounts?contributor_label=year", table).status_code == status
    for other in ("?contributor_label=region", ""):
        assert kind(ann.put(f"/datasets/accounts{other}", table)) == "name-taken"


def test_the_default_minimum_is_ten(ann, eve, table):
    ann.put("/datasets/accounts", table)
    assert ann.get("/datasets/accounts").json["minimum_group_size"] == 10
    assert kind(eve.ask(group_by=["year"])[1]) == "group-too-small"


ROLE_RULES = [
    ("POST", "aggregation", None, {"eve", "ann"}),
    ("GET", "", None, {"eve", "ann"}),
    # An analyst may, too, where custodians share the key: see test_quorum.
    ("GET", "aggregate", None, {"ann"}),
    ("PUT", "decision", {"decision": "approved", "reason": ""}, {"ann"}),
    ("PUT", "result", b"sealed", {"ann"}),
    ("GET", "result", None, {"eve"}),
]


def test_each_step_is_for_its_role(requested, people):
    for method, step, body, allowed in ROLE_RULES:
        path = f"/requests/{requested}/{step}".rstrip("/")
        for name in ("bob", "dan", "eve", "ann"):
            options = (
                {"json": body} if isinstance(body, dict) else {"data": body, "content_type": "application/octet-stream"}
            )
            response = people[name].call(method, path, **options)
            if name in allowed:
                assert response.status_code == 200, (method, step, name)
            elif ROLES[name] in {ROLES[other] for other in allowed} or (step, name) == ("aggregate", "dan"):
                # The role fits, and the request is somebody else's: for them it is not there.
                assert (response.status_code, kind(response)) == (404, "not-found"), (method, step, name)
            else:
                assert (response.status_code, kind(response)) == (403, "wrong-role"), (method, step, name)
    for name in ("ann", "bob"):
        assert kind(people[name].ask()[1]) == "wrong-role"
    for name in ("eve", "dan"):
        assert kind(people[name].upload(b"")) == "wrong-role"


# Which step is answered how in which status: 200, or 409 for a wrong order.
ORDER = {
    "requested": {"aggregation": 200, "approved": 409, "refused": 200, "result": 409},
    "aggregated": {"aggregation": 200, "approved": 200, "refused": 200, "result": 409},
    "approved": {"aggregation": 200, "approved": 200, "refused": 409, "result": 200},
    "refused": {"aggregation": 200, "approved": 409, "refused": 200, "result": 409},
    "released": {"aggregation": 200, "approved": 200, "refused": 409, "result": 200},
}


@pytest.mark.parametrize("status", ORDER)
@pytest.mark.parametrize("step", ["aggregation", "approved", "refused", "result"])
def test_each_order(status, step, requested, ann, eve):
    to_status(status, ann, eve, requested)
    if step == "aggregation":
        response = ann.post(f"/requests/{requested}/aggregation")
    elif step == "result":
        response = ann.put(f"/requests/{requested}/result", b"another")
    else:
        response = approve(ann, requested, step, "another reason")
    assert response.status_code == ORDER[status][step]
    if response.status_code == 409:
        assert kind(response) == "wrong-order"
        assert eve.get(f"/requests/{requested}").json["status"] == status


def test_repeated_steps_change_nothing_and_leave_no_event(requested, ann, eve):
    to_status("released", ann, eve, requested)
    before = ann.get("/audit").json
    aggregated = ann.get(f"/requests/{requested}/aggregate").data
    eve.post(f"/requests/{requested}/aggregation")
    approve(ann, requested, reason="another")
    ann.put(f"/requests/{requested}/result", b"another result")
    assert ann.get("/audit").json == before
    assert ann.get(f"/requests/{requested}/aggregate").data == aggregated
    assert eve.get(f"/requests/{requested}/result").data == b"sealed"
    assert eve.get(f"/requests/{requested}").json["reason"] == "fine"


@pytest.mark.parametrize("status", ["requested", "aggregated", "approved", "refused"])
def test_there_is_no_result_before_the_release(status, requested, ann, eve):
    to_status(status, ann, eve, requested)
    response = eve.get(f"/requests/{requested}/result")
    assert (response.status_code, kind(response)) == (409, "wrong-order")
    assert status in response.json["detail"]


def test_the_aggregate_before_the_aggregation(requested, ann):
    assert kind(ann.get(f"/requests/{requested}/aggregate")) == "wrong-order"


def test_a_request_that_cannot_be_computed_can_be_refused(requested, ann, eve, monkeypatch):
    def fail(jobs, client, content, query):
        raise Problem("invalid-content", "The noise budget does not suffice for these sums.")

    monkeypatch.setattr(Jobs, "compute_aggregate", fail)
    assert kind(eve.post(f"/requests/{requested}/aggregation")) == "invalid-content"
    assert eve.get(f"/requests/{requested}").json["status"] == "requested"
    reason = "The table cannot be added up; ask again on the next one."
    assert approve(ann, requested, "refused", reason).json["status"] == "refused"
    result = eve.get(f"/requests/{requested}/result")
    assert (result.status_code, kind(result)) == (409, "wrong-order")
    assert reason in result.json["detail"]
    # Nothing is computed for it any more.
    assert eve.post(f"/requests/{requested}/aggregation").json["status"] == "refused"
    assert kind(ann.get(f"/requests/{requested}/aggregate")) == "wrong-order"
    actions = [event["action"] for event in eve.get(f"/audit?request={requested}").json]
    assert actions == ["requested", "refused"]


def test_a_request_refused_during_the_aggregation_stays_refused(requested, ann, eve, monkeypatch):
    def refuse_meanwhile(jobs, client, content, query):
        approve(ann, requested, "refused", "no need for it")
        return b"the aggregate"

    monkeypatch.setattr(Jobs, "compute_aggregate", refuse_meanwhile)
    assert eve.post(f"/requests/{requested}/aggregation").json["status"] == "refused"
    assert kind(ann.get(f"/requests/{requested}/aggregate")) == "wrong-order"


def test_a_query_is_checked_without_reading_the_table(ann, eve, table, monkeypatch):
    ann.upload(table, minimum=3)

    given = []
    run = WorkerPool.run

    def note(pool, task, **members):
        given.append((task, len(members["label_part"]), "content" in members))
        return run(pool, task, **members)

    monkeypatch.setattr(WorkerPool, "run", note)
    assert eve.ask(group_by=["year"])[1].status_code == 201
    assert eve.ask(statistic="count", group_by=[])[1].status_code == 201
    assert kind(eve.ask(group_by=["region"])[1]) == "group-too-small"
    assert kind(eve.ask(group_by=["regoin"])[1]) == "unknown-name"
    assert kind(eve.ask(group_by=["region", "year"])[1]) == "unsupported-query"
    assert len(given) == 5
    assert {(task, with_content) for task, _, with_content in given} == {("check_query", False)}
    assert max(size for _, size, _ in given) < 1000 < len(table)


def test_on_a_dataset_set_aside_nothing_is_computed(requested, store, ann, eve, table, monkeypatch):
    with store.reading() as connection:
        dataset = datasets.find_dataset(connection, "accounts", Account("ann", "administrator"))
    waiting = eve.ask()[0]
    to_status("aggregated", ann, eve, requested)
    datasets.set_dataset_aside(store, dataset, "A computation on it ended the process that did it.")
    datasets.set_dataset_aside(store, dataset, "Another reason.")

    monkeypatch.setattr(Jobs, "compute_aggregate", None)
    for response in (eve.ask()[1], eve.post(f"/requests/{waiting}/aggregation")):
        assert (response.status_code, kind(response)) == (409, "set-aside")
        assert "A computation on it ended the process that did it." in response.json["detail"]
    for person in (ann, eve):
        described = person.get("/datasets/accounts").json
        assert described["set_aside"] == "A computation on it ended the process that did it."
        assert person.get("/datasets").json[0]["set_aside"] == described["set_aside"]
    events = [event for event in ann.get("/audit").json if event["action"] == "dataset set aside"]
    assert [(event["account"], event["role"], event["detail"]) for event in events] == [
        ("server", "server", "A computation on it ended the process that did it.")
    ]

    # What was computed before can be decided, what was not can be refused, and the table can be had and deleted.
    assert approve(ann, requested).json["status"] == "approved"
    assert approve(ann, waiting, "refused").json["status"] == "refused"
    assert ann.get("/datasets/accounts/table").data == table
    assert ann.delete("/datasets/accounts").status_code == 204
    ann.upload(table)
    assert ann.get("/datasets/accounts").json["set_aside"] is None


def test_another_dataset_of_the_name_is_not_set_aside(uploaded, store, ann, other_table):
    with store.reading() as connection:
        dataset = datasets.find_dataset(connection, "accounts", Account("ann", "administrator"))
    ann.delete("/datasets/accounts")
    ann.upload(other_table)
    datasets.set_dataset_aside(store, dataset, "It was the other one.")
    assert ann.get("/datasets/accounts").json["set_aside"] is None
    assert "dataset set aside" not in {event["action"] for event in ann.get("/audit").json}


def test_a_dataset_set_aside_between_check_and_request_is_noticed(uploaded, store, eve, monkeypatch):
    check = Jobs.check_query

    def set_aside_meanwhile(*arguments):
        check(*arguments)
        with store.reading() as connection:
            dataset = datasets.find_dataset(connection, "accounts", Account("ann", "administrator"))
        datasets.set_dataset_aside(store, dataset, "It stopped a process.")

    monkeypatch.setattr(Jobs, "check_query", set_aside_meanwhile)
    assert kind(eve.ask()[1]) == "set-aside"
    assert eve.get("/requests").json == []


@pytest.mark.parametrize("reason", ["no\n", "a\tb", "\u2066no", "n\u200bo"])
def test_a_reason_is_one_printable_line(reason, requested, ann):
    assert kind(approve(ann, requested, "refused", reason)) == "invalid-content"
    assert ann.get(f"/requests/{requested}").json["status"] == "requested"


def test_lists_show_what_concerns_the_reader(requested, ann, bob, eve, dan):
    assert [entry["id"] for entry in ann.get("/requests").json] == [requested]
    assert [entry["id"] for entry in eve.get("/requests?status=requested").json] == [requested]
    assert eve.get("/requests?status=released").json == []
    assert bob.get("/requests").json == dan.get("/requests").json == []
    assert kind(eve.get("/requests?status=done")) == "bad-request"
    assert {event["dataset"] for event in bob.get("/audit").json} == {None}
    assert {event["request"] for event in dan.get("/audit").json} == {None}
    assert dan.get(f"/audit?request={requested}").json == []


def test_a_dataset_replaced_during_the_aggregation_is_noticed(
    requested, ann, bob, eve, table, other_table, monkeypatch
):
    def replace_meanwhile(jobs, client, content, query):
        assert content.read() == table
        ann.delete("/datasets/accounts")
        ann.upload(other_table)
        return b"aggregate of what is gone"

    monkeypatch.setattr(Jobs, "compute_aggregate", replace_meanwhile)
    response = eve.post(f"/requests/{requested}/aggregation")
    assert (response.status_code, kind(response)) == (404, "not-found")


# What comes in


@pytest.mark.parametrize(
    "change",
    [
        {"extra": "member"},
        {"purpose": "x" * 1001},
        {"purpose": "\x00"},
        {"purpose": "yearly report\nfindings: none"},
        {"purpose": "yearly \u202etroper"},
        {"purpose": 5},
        {"dataset": "../accounts"},
        {"recipient_key_fingerprint": "nothing"},
        {"query": {"statistic": "median", "group_by": [], "columns": ["loans"]}},
        {"query": {"statistic": "sum", "group_by": "region", "columns": ["loans"]}},
        {"query": {"statistic": "sum", "group_by": ["region"], "columns": ["loans"], "where": "1=1"}},
        {"query": {"statistic": "sum", "group_by": ["x" * 201], "columns": ["loans"]}},
        {"query": []},
    ],
)
def test_unsuitable_requests_are_refused(uploaded, eve, change):
    response = eve.put(f"/requests/{new_request()}", json=asked(**change))
    assert (response.status_code, kind(response)) == (422, "invalid-content")
    assert eve.get("/requests").json == []


@pytest.mark.parametrize(
    "query", [{"group_by": ["region", "region"]}, {"columns": []}, {"columns": ["loans", "loans"]}]
)
def test_queries_that_nobody_can_answer_are_refused(uploaded, eve, query):
    assert kind(eve.ask(**query)[1]) == "unsupported-query"


def test_errors_do_not_echo_the_body(uploaded, ann, eve):
    marker = "correct-horse-battery-staple"
    for body in (asked(**{marker: 1}), asked(purpose=[marker]), {marker: marker}, marker):
        response = eve.put(f"/requests/{new_request()}", json=body)
        assert response.status_code == 422
        assert marker not in response.text
    assert marker not in ann.put("/datasets/other", marker.encode()).text


def test_content_types_are_checked(uploaded, ann, eve, table):
    assert kind(ann.put("/datasets/b", table, content_type="text/csv")) == "wrong-content-type"
    body = eve.put(f"/requests/{new_request()}", b"{}")
    assert (body.status_code, kind(body)) == (415, "wrong-content-type")


def test_bodies_above_the_limit_are_refused(ann, app):
    limit = app.config["LARGEST_BODY"]
    response = ann.upload(b"x" * (limit + 1))
    assert (response.status_code, kind(response)) == (413, "body-too-large")
    assert response.json["largest_body"] == limit
    assert ann.upload(b"x" * limit).status_code == 422


def test_a_request_of_64_kilobytes_is_taken_and_none_above(uploaded, eve):
    content = json.dumps(asked()).encode()
    for size, status in ((64 * 1024, 201), (64 * 1024 + 1, 413)):
        body = content.ljust(size)  # blanks after the document
        assert eve.put(f"/requests/{new_request()}", body, content_type="application/json").status_code == status


# Tokens


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer short",
        "Basic YW5uOnNlY3JldA==",
        "Bearer " + "A" * 43,
        "Bearer " + "A" * 10_000,
        "bearer token",
        "Bearer \u00e4" + "A" * 42,
    ],
)
def test_missing_malformed_and_unknown_tokens(app, uploaded, header):
    client = app.test_client()
    for method, path in (
        ("GET", "/datasets"),
        ("PUT", "/datasets/x"),
        ("GET", "/datasets/accounts"),
        ("GET", "/datasets/accounts/table"),
        ("DELETE", "/datasets/accounts"),
        ("PUT", f"/requests/{new_request()}"),
        ("GET", "/requests"),
        ("GET", f"/requests/{new_request()}"),
        *(("POST" if step == "aggregation" else "PUT", f"/requests/{new_request()}/{step}") for step in STEPS),
        ("GET", f"/requests/{new_request()}/result"),
        ("GET", f"/requests/{new_request()}/aggregate"),
        ("GET", "/audit"),
        ("GET", "/audit/chain"),
        ("GET", "/audit/heads"),
        ("PUT", "/audit/heads"),
    ):
        headers = {} if header is None else {"Authorization": header}
        response = client.open(f"/v1{path}", method=method, headers=headers)
        assert (response.status_code, kind(response)) == (401, "unauthorised")
        assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_is_stored_as_its_hash_only(store, ann):
    from sqlalchemy import select

    from he_helpers.server.storage.schema import accounts

    with store.reading() as connection:
        rows = [tuple(row) for row in connection.execute(select(accounts))]
    assert ann.token not in str(rows)
    assert hashlib.sha256(ann.token.encode()).hexdigest() in str(rows)


def test_tokens_are_compared_in_constant_time(app, ann, monkeypatch):
    """Both for a known token and for an unknown one, the answer comes from hmac.compare_digest."""
    from he_helpers.server.release import accounts

    compared = []

    def compare(left, right):
        compared.append((left, right))
        return left == right

    monkeypatch.setattr(accounts.hmac, "compare_digest", compare)
    ann.get("/datasets")
    ann.token = "A" * 43
    ann.get("/datasets")
    assert len(compared) == 2


# What the interface does not have


def test_unknown_addresses_and_methods(ann):
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("GET", "/requests/not-a-uuid", 404),
        ("GET", "/datasets/a/b/c", 404),
        ("GET", "//datasets", 404),
        ("GET", "/datasets/", 404),
        ("POST", "/datasets/x", 405),
        ("OPTIONS", "/datasets", 405),
        ("DELETE", "/audit", 405),
    ):
        response = ann.call(method, path)
        assert response.status_code == status, path
        kind(response)
    assert "PUT" in ann.call("POST", "/datasets/x").headers["Allow"]


def test_an_unexpected_error_tells_nothing(ann, monkeypatch, caplog):
    def fail(jobs, client, content):
        raise RuntimeError("the token is hunter2")

    monkeypatch.setattr(Jobs, "read_dataset", fail)
    response = ann.upload(b"body")
    assert (response.status_code, kind(response)) == (500, "internal-error")
    assert "hunter2" not in response.text + caplog.text
    assert ann.get("/datasets").status_code == 200
