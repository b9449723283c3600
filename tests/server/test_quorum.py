"""Where custodians share the key of a dataset: who may do what, and what becomes of a request by their answers."""

import itertools

import pytest

from he_helpers.schemes import secret as keys
from he_helpers.server.release.datasets import policy
from he_helpers.server.storage.quotas import Quotas, _kept_bytes
from he_helpers.tables import EncryptedTable, Query, aggregate
from tests.server.conftest import accounts_frame, approve, encrypted, kind, with_custodians

CUSTODIANS = ("cat", "cid", "cyn")
QUORUM = "/datasets/accounts?minimum_group_size=2&custodians=cyn,cat,cid&threshold=2"


@pytest.fixture
def others(store, app, people):
    """cat, cid and cyn are custodians of the dataset; coy of none."""
    return people | with_custodians(store, app, *CUSTODIANS, "coy")


@pytest.fixture
def shared(others, table):
    """A request on a dataset of ann, of which two of three custodians release results."""
    assert others["ann"].put(QUORUM, table).status_code == 201
    identifier, response = others["eve"].ask()
    assert response.status_code == 201
    return f"/requests/{identifier}"


def status(others, shared):
    return others["eve"].get(shared).json["status"]


def leave(others, shared, name, content=None):
    return others[name].put(f"{shared}/partial", content or f"sealed by {name}".encode())


def refuse(others, shared, name, reason="no"):
    return others[name].put(f"{shared}/refusal", json={"reason": reason})


def actions(person, path="/audit"):
    return [event["action"] for event in person.get(path).json]


def test_a_dataset_names_its_custodians(shared, others, table):
    for name in ("ann", "eve", *CUSTODIANS):
        described = others[name].get("/datasets/accounts").json
        assert (described["custodians"], described["threshold"]) == (list(CUSTODIANS), 2)
        assert others[name].get("/datasets").json[0]["custodians"] == list(CUSTODIANS)
    assert others["ann"].put(QUORUM, table).status_code == 200
    another_threshold, another_custodian = QUORUM.replace("threshold=2", "threshold=3"), QUORUM.replace(",cid", ",coy")
    for other in (another_threshold, another_custodian, QUORUM.partition("&custodians")[0]):
        assert kind(others["ann"].put(other, table)) == "name-taken"


@pytest.mark.parametrize(
    "arguments",
    ["custodians=cat", "threshold=1", "custodians=cat,cat&threshold=1", "custodians=cat,cid&threshold=3"]
    + ["custodians=cat&threshold=0", "custodians=cat&threshold=x", "custodians=&threshold=1"]
    + ["custodians=" + ",".join(f"c{n}" for n in range(policy.MOST_CUSTODIANS + 1)) + "&threshold=2"],
)
def test_an_unsuitable_quorum_is_refused(arguments, others, table):
    assert kind(others["ann"].put(f"/datasets/accounts?{arguments}", table)) == "bad-request"


@pytest.mark.parametrize("name", ["nobody", "eve", "bob"])
def test_only_accounts_of_custodians_are_named(name, others, table):
    response = others["ann"].put(f"/datasets/accounts?custodians=cat,{name}&threshold=2", table)
    assert kind(response) == "unknown-name" and name in response.text and "cat" not in response.json["detail"]
    assert others["ann"].get("/datasets").json == []


def test_an_approximate_scheme_has_no_quorum(others):
    pair = keys.tenseal_ckks().generate_keys()
    table = encrypted(accounts_frame(), pair.public)
    assert kind(others["ann"].put(QUORUM, table)) == "invalid-content"


# Address, and who may call it when the request is aggregated: ann owns the dataset, eve asks.
ROLE_RULES = [
    ("GET", "", None, {"ann", "eve", *CUSTODIANS}, {"administrator", "analyst", "custodian"}),
    ("POST", "/aggregation", None, {"ann", "eve", *CUSTODIANS}, {"administrator", "analyst", "custodian"}),
    ("GET", "/answers", None, {"ann", "eve", *CUSTODIANS}, {"administrator", "analyst", "custodian"}),
    ("PUT", "/partial", b"sealed", {*CUSTODIANS}, {"custodian"}),
    ("PUT", "/refusal", {"reason": "no"}, {*CUSTODIANS}, {"custodian"}),
    ("PUT", "/decision", {"decision": "approved", "reason": ""}, set(), {"administrator"}),
    ("PUT", "/result", b"sealed", set(), {"administrator"}),
    ("GET", "/partials/cat", None, set(), {"analyst"}),
    ("GET", "/result", None, set(), {"analyst"}),
]
ROLES = {"ann": "administrator", "bob": "administrator", "eve": "analyst", "dan": "analyst", "coy": "custodian"}
ROLES |= dict.fromkeys(CUSTODIANS, "custodian")


@pytest.mark.parametrize("name", ROLES)
def test_each_address_is_for_its_role(name, shared, others):
    others["eve"].post(f"{shared}/aggregation")
    concerned = {"ann", "eve", *CUSTODIANS}
    for method, address, body, allowed, roles in ROLE_RULES:
        if address == "/refusal" and name in CUSTODIANS:
            continue  # after a partial decryption in another order: tested below
        options = {"json": body} if isinstance(body, dict) else {}
        if isinstance(body, bytes):
            options = {"data": body, "content_type": "application/octet-stream"}
        response = others[name].call(method, shared + address, **options)
        expected = "not-found" if name not in concerned else "wrong-role"
        if ROLES[name] not in roles:
            expected = "wrong-role"
        if name == "eve" and (method, address) in (("GET", "/partials/cat"), ("GET", "/result")):
            expected = "wrong-order"
        if name in allowed:
            assert response.status_code == 200, (address, name, response.text)
        else:
            assert kind(response) == expected, (address, name)
    readers = {"administrator": name == "ann", "analyst": False, "custodian": name in CUSTODIANS}
    for address in ("/datasets/accounts/table", f"{shared}/aggregate"):
        assert (others[name].get(address).status_code == 200) is readers[ROLES[name]], (address, name)


@pytest.mark.parametrize("answering", list(itertools.permutations(CUSTODIANS, 2)))
def test_as_many_as_the_threshold_release(answering, shared, others, table):
    first, second = answering
    assert kind(leave(others, shared, first)) == "wrong-order"  # nothing to decrypt yet
    assert others[first].post(f"{shared}/aggregation").json["status"] == "aggregated"
    assert leave(others, shared, first).json["status"] == "aggregated"
    assert leave(others, shared, first, b"another").json["status"] == "aggregated", "one of them counts once"
    assert kind(others["eve"].get(f"{shared}/partials/{first}")) == "wrong-order"
    assert kind(others["eve"].get(f"{shared}/aggregate")) == "wrong-role"
    assert leave(others, shared, second).json["status"] == "released"
    [third] = set(CUSTODIANS) - set(answering)
    for name in (first, second):
        assert others["eve"].get(f"{shared}/partials/{name}").data == f"sealed by {name}".encode()
    assert kind(others["eve"].get(f"{shared}/partials/{third}")) == "not-found"
    expected = aggregate(EncryptedTable.from_bytes(table), Query("sum", ("region",), ("revenue", "loans"))).to_bytes()
    assert others["eve"].get(f"{shared}/aggregate").data == expected
    assert kind(others["dan"].get(f"{shared}/aggregate")) == "not-found"
    # Who comes later may still help where one of the first two lied, and has nothing to refuse.
    assert kind(refuse(others, shared, third)) == "wrong-order"
    assert leave(others, shared, third).json["status"] == "released"
    assert others["eve"].get(f"{shared}/partials/{third}").status_code == 200


def test_it_is_refused_when_there_can_no_longer_be_enough(shared, others):
    assert refuse(others, shared, "cid", "too few people").json["status"] == "requested"
    others["eve"].post(f"{shared}/aggregation")
    assert kind(leave(others, shared, "cid")) == "wrong-order", "the first answer stands"
    assert leave(others, shared, "cyn").json["status"] == "aggregated"
    assert kind(refuse(others, shared, "cyn")) == "wrong-order"
    answers = others["eve"].get(f"{shared}/answers").json
    assert [(one["custodian"], one["answer"], one["reason"]) for one in answers["answers"]] == [
        ("cat", "none", ""),
        ("cid", "refused", "too few people"),
        ("cyn", "partial decryption", ""),
    ]
    assert refuse(others, shared, "cat", "not this year").json["status"] == "refused"
    assert refuse(others, shared, "cat", "again").json["status"] == "refused"
    assert others["eve"].get(shared).json["reason"] == "cat: not this year; cid: too few people"
    response = others["eve"].get(f"{shared}/partials/cyn")
    assert kind(response) == "wrong-order" and "not this year" in response.text
    assert kind(leave(others, shared, "coy")) == "not-found"
    others["bob"].delete("/datasets/accounts")
    assert status(others, shared) == "refused"


def test_the_owner_alone_decides_nothing(shared, others):
    others["ann"].post(f"{shared}/aggregation")
    identifier = shared.rpartition("/")[2]
    for decision in ("approved", "refused"):
        response = approve(others["ann"], identifier, decision)
        assert kind(response) == "wrong-role" and "2 of its custodians" in response.text
    assert kind(others["ann"].put(f"{shared}/result", b"sealed")) == "wrong-role"
    assert status(others, shared) == "aggregated"


def test_without_custodians_the_owner_decides(requested, others):
    path = f"/requests/{requested}"
    assert kind(others["eve"].get(f"{path}/answers")) == "wrong-order"
    for response in (leave(others, path, "cat"), refuse(others, path, "cat")):
        assert kind(response) == "not-found"
    described = others["ann"].get("/datasets/accounts").json
    assert (described["custodians"], described["threshold"]) == ([], None)
    assert others["cat"].get("/datasets").json == others["cat"].get("/requests").json == []


def test_custodians_list_and_follow_their_requests(shared, others):
    others["eve"].post(f"{shared}/aggregation")
    leave(others, shared, "cat")
    refuse(others, shared, "cid")
    assert [entry["status"] for entry in others["cyn"].get("/requests").json] == ["aggregated"]
    assert others["coy"].get("/requests").json == []
    leave(others, shared, "cyn")
    own = ["dataset stored", "requested", "aggregated", "partial decryption left", "refused by a custodian"]
    own += ["partial decryption left", "released"]
    assert actions(others["ann"])[1:] == own
    for name in CUSTODIANS:
        assert actions(others[name]) == ["account added", *own]
    assert actions(others["coy"]) == ["account added"]
    others["ann"].delete("/datasets/accounts")
    assert actions(others["cat"])[-1] == "dataset deleted"
    assert kind(others["cat"].get(shared)) == "not-found"


def test_custodians_of_another_dataset_of_the_name_read_nothing_of_the_first(shared, others, table):
    others["ann"].delete("/datasets/accounts")
    others["bob"].put("/datasets/accounts?custodians=coy&threshold=1", table)
    assert actions(others["coy"]) == ["account added", "dataset stored"]


# Letters


def test_a_letter_waits_until_it_is_taken_away(others):
    sent = others["cat"].put("/letters/cid/round-1", b"sealed")
    assert (sent.status_code, sent.json) == (201, {"recipient": "cid", "name": "round-1", "bytes": 6})
    assert others["cat"].put("/letters/cid/round-1", b"sealed").status_code == 200
    assert kind(others["cat"].put("/letters/cid/round-1", b"other")) == "name-taken"
    others["ann"].put("/letters/cid/round-1", b"a share")
    waiting = [(entry["sender"], entry["name"], entry["bytes"]) for entry in others["cid"].get("/letters").json]
    assert waiting == [("cat", "round-1", 6), ("ann", "round-1", 7)]
    [second] = others["cid"].get(f"/letters?after={others['cid'].get('/letters').json[0]['number']}&limit=1").json
    assert second["sender"] == "ann"
    assert others["cid"].get("/letters/cat/round-1").data == b"sealed"
    for name in ("cat", "cyn", "ann"):
        assert others[name].get("/letters").json == []
        assert kind(others[name].get("/letters/cat/round-1")) == "not-found"
        assert kind(others[name].delete("/letters/cat/round-1")) == "not-found"
    assert others["cid"].delete("/letters/cat/round-1").status_code == 204
    assert kind(others["cid"].get("/letters/cat/round-1")) == "not-found"
    for name in ("cat", "cid"):
        assert [action for action in actions(others[name]) if "letter" in action][0] == "letter sent"
        assert actions(others[name])[-1] == "letter taken away"
    assert "letter sent" not in actions(others["cyn"])
    assert "letter sent" in actions(others["ann"])


def test_letters_are_for_custodians_and_administrators(others):
    for person in ("eve", "dan"):
        for response in (
            others[person].get("/letters"),
            others[person].put("/letters/cat/x", b"sealed"),
            others[person].get("/letters/cat/x"),
            others[person].delete("/letters/cat/x"),
        ):
            assert kind(response) == "wrong-role"
    for recipient in ("eve", "nobody"):
        assert kind(others["cat"].put(f"/letters/{recipient}/x", b"sealed")) == "not-found"
    assert kind(others["cat"].put("/letters/cid/-x", b"sealed")) == "bad-request"
    assert kind(others["cat"].put("/letters/cid/x", b"")) == "invalid-content"


def test_letters_and_partial_decryptions_are_bounded(shared, others, store):
    others["eve"].post(f"{shared}/aggregation")
    store.quotas = Quotas(account_letters=1)
    assert others["cat"].put("/letters/cid/a", b"sealed").status_code == 201
    assert kind(others["cat"].put("/letters/cyn/a", b"sealed")) == "quota-exceeded"
    assert others["cyn"].put("/letters/cat/a", b"sealed").status_code == 201
    others["cid"].delete("/letters/cat/a")
    assert others["cat"].put("/letters/cyn/a", b"sealed").status_code == 201
    store.quotas = Quotas(account_bytes=6)
    assert kind(others["cat"].put("/letters/cid/b", b"1")) == "quota-exceeded", "the letter to cyn still waits"
    assert kind(leave(others, shared, "cat")) == "quota-exceeded"
    store.quotas = Quotas(account_events=1)
    assert kind(others["cat"].put("/letters/cid/b", b"1")) == "quota-exceeded"
    assert status(others, shared) == "aggregated"


def test_partial_decryptions_count_for_who_leaves_them(shared, others, store):
    """Otherwise one custodian could fill what the owner may keep, and keep the others from answering."""
    others["eve"].post(f"{shared}/aggregation")
    with store.reading() as connection:
        kept = [_kept_bytes(connection, name) for name in (None, "ann", "cat")]
    assert leave(others, shared, "cat").status_code == 200
    with store.reading() as connection:
        now = [_kept_bytes(connection, name) for name in (None, "ann", "cat")]
    assert now[0] > kept[0] and now[1:] == [kept[1], now[0] - kept[0]]
    store.quotas = Quotas(account_bytes=now[1])
    assert leave(others, shared, "cid").status_code == 200


@pytest.mark.parametrize("address", ["/letters/cid/a", "/partial"])
def test_a_secret_key_is_refused_here_too(address, shared, others, pair):
    others["eve"].post(f"{shared}/aggregation")
    path = shared + address if address == "/partial" else address
    response = others["cat"].put(path, pair.secret.to_bytes())
    assert kind(response) == "secret-key-refused"
    assert actions(others["cat"])[-1] == "secret refused"
    assert others["cid"].get("/letters").json == []
