"""Listings page by page, and the quotas that bound what is in the store."""

import pytest
from sqlalchemy import insert, select

from he_helpers.server.storage.paging import LARGEST_PAGE
from he_helpers.server.storage.quotas import Quotas
from he_helpers.server.storage.schema import aggregates, audit_events, datasets
from tests.server.conftest import approve, asked, failing, kind, new_request


def pages(person, path, key, limit):
    """All entries of a listing, and how long its pages were."""
    entries, lengths, after = [], [], ""
    while True:
        separator = "&" if "?" in path else "?"
        page = person.get(f"{path}{separator}limit={limit}{after}").json
        lengths.append(len(page))
        if not page:
            return entries, lengths
        entries += page
        after = f"&after={page[-1][key]}"


@pytest.fixture
def many(ann, eve, table):
    """Names in an order that differs between languages, and some requests."""
    for name in ("b", "B", "a-b", "ab", "A", "a_c", "10", "9"):
        assert ann.upload(table, name=name).status_code == 201
    for _ in range(5):
        assert eve.ask(dataset="ab")[1].status_code == 201


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_pages_make_up_the_listing(many, ann, bob, eve, limit):
    for path, key in (("/datasets", "name"), ("/requests", "id"), ("/requests?status=requested", "id")):
        whole = eve.get(path).json
        assert len(whole) == (8 if key == "name" else 5)
        assert [entry[key] for entry in whole] == sorted(entry[key] for entry in whole)
        entries, lengths = pages(eve, path, key, limit)
        assert entries == whole
        assert max(lengths) <= limit
    whole = ann.get("/audit").json
    assert [event["sequence"] for event in whole] == sorted(event["sequence"] for event in whole)
    assert pages(ann, "/audit", "sequence", limit)[0] == whole
    assert pages(ann, "/audit?dataset=ab", "sequence", limit)[0] == ann.get("/audit?dataset=ab").json
    assert bob.get("/datasets?after=a").json == []


def test_a_page_stays_in_place_while_entries_come_and_go(many, ann):
    first = ann.get("/datasets?limit=3").json
    assert [entry["name"] for entry in first] == ["10", "9", "A"]
    for name in ("10", "A"):
        ann.delete(f"/datasets/{name}")
    assert [entry["name"] for entry in ann.get("/datasets?limit=3&after=A").json] == ["B", "a-b", "a_c"]


@pytest.mark.parametrize(
    "arguments",
    [
        "limit=0",
        "limit=-1",
        f"limit={LARGEST_PAGE + 1}",
        "limit=",
        "limit=x",
        "limit=%C2%B2",
        "limit=" + "9" * 40,
        "after=" + "x" * 65,
        "after=%00",
        "after=a&after=b",
    ],
)
def test_unsuitable_pages_are_refused(ann, arguments):
    for path in ("/datasets", "/requests", "/audit"):
        assert kind(ann.get(f"{path}?{arguments}")) == "bad-request"


@pytest.mark.parametrize("after", ["x", "-1", "1.5", "9" * 19])
def test_events_are_listed_after_a_number(ann, after):
    assert kind(ann.get(f"/audit?after={after}")) == "bad-request"


def test_a_listing_without_a_limit_is_bounded(store, ann, eve):
    def fill(connection):
        for number in range(LARGEST_PAGE + 5):
            connection.execute(
                insert(datasets).values(
                    name=f"n{number}",
                    owner="ann",
                    minimum_group_size=10,
                    description={},
                    summary={},
                    label_part=b"",
                    size=0,
                    digest="",
                )
            )

    store.write(fill)
    for person in (ann, eve):
        assert len(person.get("/datasets").json) == LARGEST_PAGE
        # An error names some of what there is, and not all.
        assert len(person.get("/datasets/nothing").json["known"]) == LARGEST_PAGE


# Quotas


@pytest.fixture
def limited(store, people):
    """People of a server with the given quotas."""

    def begin(**quotas):
        store.quotas = Quotas(**quotas)
        return store, people

    return begin


def kept(store):
    """The bytes of all datasets with their labels, and of all aggregates."""
    with store.reading() as connection:
        tables = connection.execute(select(datasets.c.size, datasets.c.label_part)).all()
        computed = connection.scalars(select(aggregates.c.content)).all()
    return sum(size + len(part) for size, part in tables) + sum(map(len, computed))


def test_an_account_keeps_so_many_datasets(limited, table):
    _, people = limited(account_datasets=2)
    ann, bob = people["ann"], people["bob"]
    assert [ann.upload(table, name=name).status_code for name in ("a", "b", "a")] == [201, 201, 200]
    refused = ann.upload(table, name="c")
    assert (refused.status_code, kind(refused)) == (403, "quota-exceeded")
    assert "2" in refused.json["detail"]
    assert bob.upload(table, name="c").status_code == 201
    ann.delete("/datasets/a")
    assert ann.upload(table, name="d").status_code == 201


def test_an_account_keeps_so_many_bytes(limited, table):
    store, people = limited(account_bytes=int(2.5 * len(table)))
    ann, bob, eve = people["ann"], people["bob"], people["eve"]
    assert ann.upload(table, name="a").status_code == 201
    assert ann.upload(table, name="b").status_code == 201
    assert kind(ann.upload(table, name="c")) == "quota-exceeded"
    assert bob.upload(table, name="c").status_code == 201
    # What is computed on a dataset counts for its owner, whoever asks.
    answers = []
    while not answers or answers[-1].status_code == 200:
        identifier, asked = eve.ask(dataset="a")
        assert asked.status_code == 201
        answers.append(eve.post(f"/requests/{identifier}/aggregation"))
        assert len(answers) < 100
    assert kind(answers[-1]) == "quota-exceeded"
    assert eve.get(f"/requests/{identifier}").json["status"] == "requested"
    assert kept(store) - len(table) <= 3.5 * len(table)
    ann.delete("/datasets/b")
    assert eve.post(f"/requests/{identifier}/aggregation").status_code == 200


def test_a_sealed_result_counts_for_the_owner(limited, table):
    store, people = limited(account_bytes=2 * len(table))
    ann, eve = people["ann"], people["eve"]
    ann.upload(table)
    identifier, _ = eve.ask()
    eve.post(f"/requests/{identifier}/aggregation")
    approve(ann, identifier)
    room = 2 * len(table) - kept(store)
    assert kind(ann.put(f"/requests/{identifier}/result", b"x" * (room + 1))) == "quota-exceeded"
    assert ann.get(f"/requests/{identifier}").json["status"] == "approved"
    assert ann.put(f"/requests/{identifier}/result", b"x" * room).status_code == 200


def test_all_accounts_keep_so_many_bytes(limited, table):
    _, people = limited(total_bytes=int(2.5 * len(table)))
    ann, bob = people["ann"], people["bob"]
    assert ann.upload(table, name="a").status_code == 201
    assert bob.upload(table, name="b").status_code == 201
    for person in (ann, bob):
        refused = person.upload(table, name="c")
        assert kind(refused) == "quota-exceeded"
        # How much others keep is nobody's business.
        assert "ann" not in refused.text and "bob" not in refused.text
    bob.delete("/datasets/b")
    assert ann.upload(table, name="c").status_code == 201


def test_an_analyst_has_so_many_open_requests(limited, table):
    _, people = limited(account_open_requests=2)
    ann, eve, dan = people["ann"], people["eve"], people["dan"]
    ann.upload(table)
    first, _ = eve.ask()
    second, _ = eve.ask()
    third = new_request()
    assert kind(eve.ask(third)[1]) == "quota-exceeded"
    assert eve.ask(first)[1].status_code == 200
    assert dan.ask()[1].status_code == 201
    approve(ann, first, "refused")
    assert eve.ask(third)[1].status_code == 201
    assert kind(eve.ask()[1]) == "quota-exceeded"
    eve.post(f"/requests/{second}/aggregation")
    approve(ann, second)
    assert kind(eve.ask()[1]) == "quota-exceeded"
    ann.put(f"/requests/{second}/result", b"sealed")
    assert eve.ask()[1].status_code == 201


def events_of(store, account):
    """What the trail keeps of what an account did."""
    wanted = select(audit_events.c.action).where(audit_events.c.account == account).order_by(audit_events.c.sequence)
    with store.reading() as connection:
        return list(connection.scalars(wanted))


def test_refusals_do_not_fill_the_store(limited, table):
    store, people = limited(account_events=4)
    ann, eve, dan = people["ann"], people["eve"], people["dan"]
    assert ann.upload(table, minimum=2).status_code == 201
    ann.upload(table, name="small", minimum=3)
    known, answer = eve.ask()
    assert answer.status_code == 201
    assert [kind(eve.ask(dataset="small")[1]) for _ in range(3)] == ["group-too-small"] * 2 + ["quota-exceeded"]
    assert events_of(store, "eve") == ["account added", "requested", *["refused by policy"] * 2]
    # A refusal that is not recorded is not told from another question: nobody can try out groups unseen.
    small, fitting = eve.ask(dataset="small")[1], eve.ask()[1]
    assert (small.status_code, small.json) == (fitting.status_code, fitting.json)
    assert "4 events" in small.json["detail"]
    assert len(events_of(store, "eve")) == 4
    assert dan.ask()[1].status_code == 201
    # What was begun can be repeated and brought to its end.
    assert eve.ask(known)[1].status_code == 200
    assert eve.post(f"/requests/{known}/aggregation").status_code == 200


def test_refused_secrets_do_not_fill_the_store(limited, table, pair):
    store, people = limited(account_events=3)
    ann, bob = people["ann"], people["bob"]
    assert ann.upload(table).status_code == 201
    # Whoever has sent a secret learns it, recorded or not.
    for _ in range(3):
        assert kind(ann.upload(pair.secret.to_bytes(), name="secret")) == "secret-key-refused"
    assert events_of(store, "ann") == ["account added", "dataset stored", "secret refused"]
    assert bob.upload(table, name="other").status_code == 201


def test_datasets_that_come_and_go_do_not_fill_the_store(limited, table):
    store, people = limited(account_events=3)
    ann = people["ann"]
    assert ann.upload(table).status_code == 201
    assert ann.delete("/datasets/accounts").status_code == 204
    assert kind(ann.upload(table)) == "quota-exceeded"
    assert len(events_of(store, "ann")) == 3


@pytest.mark.parametrize(
    "quota", ["account_bytes", "account_datasets", "account_open_requests", "account_events", "total_bytes"]
)
def test_a_quota_is_at_least_one(quota):
    with pytest.raises(ValueError, match=quota):
        Quotas(**{quota: 0})


@pytest.mark.slow
def test_the_command_takes_quotas(start_server, tokens, table, folder, tmp_path):
    """Being added is an account's first event, its first step the second."""
    quotas = ["--account-datasets", "1", "--account-bytes", str(len(table) + 10_000), "--account-events", "2"]
    server = start_server(*quotas)
    assert server.upload(tokens["ann"], "a", table).status_code == 201
    refused = server.upload(tokens["ann"], "b", table).json()
    assert refused["type"].endswith("quota-exceeded") and "1 dataset" in refused["detail"]
    asking = [server.call("PUT", f"/requests/{new_request()}", tokens["eve"], json=asked("a")) for _ in range(2)]
    assert asking[0].status_code == 201
    refused = asking[1].json()
    assert refused["type"].endswith("quota-exceeded") and "2 events" in refused["detail"]
    assert server.upload(tokens["bob"], "b", table).status_code == 201
    [(status, said)] = failing(tmp_path, ["run", "--folder", str(tmp_path / "other"), "--total-bytes", "0"])
    assert (status, said.count("\n")) == (1, 1)
    assert "total_bytes" in said
