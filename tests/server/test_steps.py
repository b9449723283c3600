"""Every step of the store by itself: who may take it, and that it is undone when its event cannot be written."""

import pytest
from sqlalchemy import select

from he_helpers.server.http.jobs import Jobs
from he_helpers.server.http.problems import Problem
from he_helpers.server.release import release_requests
from he_helpers.server.release.accounts import Account, add_account
from he_helpers.server.release.datasets import datasets
from he_helpers.server.release.quorum import answers, letters
from he_helpers.server.storage.schema import metadata
from tests.server.conftest import approve, asked, kind, new_request, received, to_status

ANN, BOB = Account("ann", "administrator"), Account("bob", "administrator")
EVE, DAN = Account("eve", "analyst"), Account("dan", "analyst")


def stored(store):
    """All that is in the database."""
    with store.reading() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table)).all())) for table in metadata.sorted_tables
        }


@pytest.fixture
def forbid_events(store):
    """Let the database refuse every audit event, from the call on until the test ends."""
    statements = {
        "sqlite": [
            "CREATE TRIGGER no_events BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'no events'); END"
        ],
        "postgresql": [
            "CREATE FUNCTION no_events() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'no events'; END $$",
            "CREATE TRIGGER no_events BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION no_events()",
        ],
    }
    undoing = {"sqlite": ["DROP TRIGGER no_events"], "postgresql": ["DROP FUNCTION no_events CASCADE"]}

    def execute(statements):
        def step(connection):
            for statement in statements[connection.dialect.name]:
                connection.exec_driver_sql(statement)

        store.write(step)

    yield lambda: execute(statements)
    execute(undoing)


def find(store, name="accounts", account=ANN):
    with store.reading() as connection:
        return datasets.find_dataset(connection, name, account)


def add(store, account, data, name="accounts"):
    return datasets.add_dataset(
        store,
        account,
        name,
        received(data),
        minimum_group_size=2,
        contributor_label=None,
        description={"labels": {}},
        label_part=b"",
    )


def ask(store, account, identifier=None):
    content = asked()
    del content["dataset"]
    return release_requests.add_request(store, account, identifier or new_request(), find(store, account=EVE), content)


# Each step with the status of the request before it.
STEPS = {
    "account added": (None, lambda store, request: add_account(store, "zoe", "analyst")),
    "dataset stored": (None, lambda store, request: add(store, ANN, b"new", name="new")),
    "dataset deleted": ("requested", lambda store, request: datasets.delete_dataset(store, "accounts", ANN)),
    "dataset set aside": (
        "requested",
        lambda store, request: datasets.set_dataset_aside(store, find(store), "It stopped a process."),
    ),
    "requested": ("requested", lambda store, request: ask(store, EVE)),
    "aggregated": (
        "requested",
        lambda store, request: release_requests.aggregate_request(store, request, EVE, lambda *_: b"sums"),
    ),
    "approved": (
        "aggregated",
        lambda store, request: release_requests.decide_request(store, request, ANN, "approved", ""),
    ),
    "refused": (
        "aggregated",
        lambda store, request: release_requests.decide_request(store, request, ANN, "refused", "no"),
    ),
    "refused at once": (
        "requested",
        lambda store, request: release_requests.decide_request(store, request, ANN, "refused", "no"),
    ),
    "released": (
        "approved",
        lambda store, request: release_requests.release_result(store, request, ANN, b"sealed"),
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_whose_event_cannot_be_written_is_undone(name, requested, store, ann, eve, forbid_events):
    status, step = STEPS[name]
    if status is not None:
        to_status(status, ann, eve, requested)
    before = stored(store)
    forbid_events()
    with pytest.raises(Exception, match="no events"):
        step(store, requested)
    assert stored(store) == before


@pytest.mark.parametrize("name", STEPS)
def test_a_step_writes_one_event(name, requested, store, ann, eve):
    """Positive control of the test above: without the trigger the same call takes the step."""
    status, step = STEPS[name]
    if status is not None:
        to_status(status, ann, eve, requested)
    before = stored(store)
    step(store, requested)
    after = stored(store)
    assert len(after["audit_events"]) == len(before["audit_events"]) + 1
    assert after != {**before, "audit_events": after["audit_events"]}


# Roles. The addresses check the role of an account, and the steps behind them check it once more.

# Each step that not everybody may take: with an account, and the kind of its refusal.
REFUSED = [
    (EVE, "wrong-role", lambda store, request: add(store, EVE, b"new", name="new")),
    (EVE, "wrong-role", lambda store, request: datasets.delete_dataset(store, "accounts", EVE)),
    (BOB, "not-found", lambda store, request: datasets.delete_dataset(store, "accounts", BOB)),
    (BOB, "not-found", lambda store, request: datasets.describe_dataset(store, "accounts", BOB)),
    (ANN, "wrong-role", lambda store, request: ask(store, ANN)),
    (DAN, "not-found", lambda store, request: release_requests.find_request(store, request, DAN)),
    *(
        (account, problem, step)
        for account, problem in ((EVE, "wrong-role"), (BOB, "not-found"), (DAN, "not-found"))
        for step in (
            lambda store, request, account=account: release_requests.decide_request(
                store, request, account, "approved", ""
            ),
            lambda store, request, account=account: release_requests.decide_request(
                store, request, account, "refused", ""
            ),
            lambda store, request, account=account: release_requests.release_result(store, request, account, b"sealed"),
            lambda store, request, account=account: release_requests.read_aggregate(store, request, account),
        )
    ),
    *(
        (
            account,
            problem,
            lambda store, request, account=account: release_requests.read_result(store, request, account),
        )
        for account, problem in ((ANN, "wrong-role"), (BOB, "not-found"), (DAN, "not-found"))
    ),
    *(
        (
            account,
            "not-found",
            lambda store, request, account=account: release_requests.aggregate_request(
                store, request, account, lambda *_: b"sums"
            ),
        )
        for account in (BOB, DAN)
    ),
]


@pytest.mark.parametrize("status", ["requested", "aggregated", "approved", "released"])
def test_the_steps_check_the_account_themselves(status, requested, store, ann, eve):
    to_status(status, ann, eve, requested)
    before = stored(store)
    for account, problem, step in REFUSED:
        with pytest.raises(Problem) as refused:
            step(store, requested)
        assert refused.value.kind == problem, (account, problem)
    assert stored(store) == before


# What an address calls, for whom, and the role that it asks for.
GUARDED = [
    ("PUT", "/datasets/new", b"", "eve", (Jobs, "read_dataset")),
    ("GET", "/datasets/accounts/table", None, "eve", (datasets, "read_content")),
    ("DELETE", "/datasets/accounts", None, "eve", (datasets, "delete_dataset")),
    ("PUT", "/requests/{}", asked(), "ann", (datasets, "find_dataset")),
    ("PUT", "/requests/{}/partial", b"sealed", "ann", (answers, "leave_partial")),
    ("PUT", "/requests/{}/refusal", {"reason": "no"}, "eve", (answers, "leave_refusal")),
    ("GET", "/requests/{}/partials/cat", None, "ann", (answers, "read_partial")),
    ("GET", "/letters", None, "eve", (letters, "list_letters")),
    ("PUT", "/letters/cat/a", b"sealed", "eve", (letters, "send_letter")),
    ("PUT", "/requests/{}/decision", {"decision": "approved"}, "eve", (release_requests, "decide_request")),
    ("PUT", "/requests/{}/result", b"sealed", "eve", (release_requests, "release_result")),
    ("GET", "/requests/{}/result", None, "ann", (release_requests, "read_result")),
]


@pytest.mark.parametrize(("method", "path", "body", "name", "behind"), GUARDED)
def test_the_addresses_check_the_role_themselves(method, path, body, name, behind, requested, people, monkeypatch):
    """A wrong role is refused before the step behind the address is even asked."""

    def reached(*arguments, **options):
        raise AssertionError("the step behind was asked")

    monkeypatch.setattr(*behind, reached)
    options = {"json": body} if isinstance(body, dict) else {"data": body, "content_type": "application/octet-stream"}
    response = people[name].call(method, path.format(requested), **options)
    assert (response.status_code, kind(response)) == (403, "wrong-role")


# Another administrator's dataset


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("GET", "/table"), ("DELETE", "")])
def test_the_dataset_of_another_owner_is_answered_as_none(uploaded, bob, method, path):
    theirs = bob.call(method, f"/datasets/accounts{path}")
    nothing = bob.call(method, f"/datasets/nothing8{path}")
    assert (theirs.status_code, kind(theirs)) == (404, "not-found")
    assert theirs.text.replace("accounts", "nothing8") == nothing.text
    assert dict(theirs.headers) == dict(nothing.headers)


def test_a_name_of_another_owner_cannot_be_used_and_nothing_more_is_said(uploaded, bob, other_table):
    refused = bob.upload(other_table)
    assert (refused.status_code, kind(refused)) == (409, "name-taken")
    assert "ann" not in refused.text
    assert bob.get("/audit?dataset=accounts").json == []


def test_the_request_of_others_is_answered_as_none(requested, bob, dan):
    for person in (bob, dan):
        theirs, nothing = (person.get(f"/requests/{identifier}") for identifier in (requested, new_request()))
        assert (theirs.status_code, theirs.text) == (404, nothing.text)


# A dataset exchanged between the check of a query and the request


@pytest.mark.parametrize(
    ("again", "answer"),
    [("other table", "wrong-order"), ("other minimum", "wrong-order"), ("nothing", "not-found")],
)
def test_a_dataset_exchanged_between_check_and_request_is_noticed(
    again, answer, uploaded, ann, eve, table, other_table, monkeypatch
):
    check = Jobs.check_query

    def exchange_meanwhile(*arguments):
        check(*arguments)
        ann.delete("/datasets/accounts")
        if again == "other table":
            assert ann.upload(other_table).status_code == 201
        elif again == "other minimum":
            assert ann.upload(table, minimum=3).status_code == 201

    monkeypatch.setattr(Jobs, "check_query", exchange_meanwhile)
    _, response = eve.ask()
    assert kind(response) == answer
    assert eve.get("/requests").json == []
    assert "requested" not in {event["action"] for event in eve.get("/audit").json}


def test_a_dataset_exchanged_for_another_of_the_same_request_is_noticed_at_aggregation(
    requested, store, ann, eve, other_table
):
    """The request goes with the dataset; the same identifier on the new one is another request."""

    def exchange_meanwhile(dataset, content, query):
        ann.delete("/datasets/accounts")
        ann.upload(other_table)
        eve.ask(requested)
        return b"sums of the old table"

    with pytest.raises(Problem) as refused:
        release_requests.aggregate_request(store, requested, EVE, exchange_meanwhile)
    assert refused.value.kind == "wrong-order"
    assert eve.get(f"/requests/{requested}").json["status"] == "requested"
    assert kind(ann.get(f"/requests/{requested}/aggregate")) == "wrong-order"


def test_the_first_reason_and_the_first_result_stay(requested, store, ann, eve):
    to_status("refused", ann, eve, requested)
    assert approve(ann, requested, "refused", "another reason").json["reason"] == "fine"
