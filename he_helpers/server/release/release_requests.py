"""Release requests: requested, aggregated, approved or refused, released.

Where custodians share the key of a dataset, they decide in the place of its owner (see ``quorum.answers``).

A request whose aggregate cannot be computed stays requested, and can be refused from there. Every step checks the role
and the status inside the transaction that takes it. Repeating a step is harmless: it answers as the first time and
changes nothing. A step in a wrong order or by a wrong account raises Problem.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any, BinaryIO

from sqlalchemy import Connection, insert, or_, select

from he_helpers.server.http.problems import Problem
from he_helpers.server.release.accounts import Account
from he_helpers.server.release.custodians import datasets_of
from he_helpers.server.release.datasets.datasets import Dataset, copy_content, find_dataset
from he_helpers.server.release.request_records import (
    all_requests,
    check_unchanged,
    find,
    find_owned,
    is_taken,
    move,
    read,
    record,
    shown,
    stored,
)
from he_helpers.server.storage.paging import Page
from he_helpers.server.storage.schema import aggregates, datasets, release_requests, results
from he_helpers.server.storage.store import Store


def add_request(
    store: Store, analyst: Account, request: str, dataset: Dataset, content: dict[str, Any]
) -> tuple[dict[str, Any], bool]:
    """Store a request with ``content`` (query, purpose, recipient_key_fingerprint) on ``dataset``.

    Returns the request and whether it is new. Raises Problem: name-taken if the identifier holds other
    content, not-found, wrong-order or set-aside if the dataset is no longer the one that the query was checked against,
    wrong-role, quota-exceeded.
    """
    analyst.check_role("analyst")

    def step(connection: Connection) -> tuple[dict[str, Any], bool]:
        known = read(connection, request)
        if known is not None:
            same = {"dataset": dataset.name, "analyst": analyst.name, **content}
            if any(known._mapping[name] != value for name, value in same.items()):
                raise Problem(
                    "name-taken",
                    "This identifier belongs to a request with another content, which stays as it is. "
                    "Ask under a new identifier.",
                )
            return shown(known), False
        check_unchanged(connection, dataset, analyst)
        store.quotas.check_new_request(connection, analyst.name)
        started = {"id": request, "dataset": dataset.name, "analyst": analyst.name, "status": "requested", "reason": ""}
        connection.execute(insert(release_requests), {**started, **content})
        new = stored(connection, request)
        key, query = content["recipient_key_fingerprint"], json.dumps(content["query"], sort_keys=True)
        record(connection, new, analyst, "requested", f"recipient key {key}, query {query}")
        return shown(new), True

    return store.write(step)


def find_request(store: Store, request: str, account: Account) -> dict[str, Any]:
    """The request, for the analyst who asked, and the owner and the custodians of the dataset."""
    with store.reading() as connection:
        return shown(find(connection, request, account))


def list_requests(store: Store, account: Account, page: Page, status: str | None = None) -> list[dict[str, Any]]:
    """The requests of a page, by id: an analyst's own, or those on the datasets of an administrator or a custodian.

    Only those of one ``status`` if it is named.
    """
    own = or_(release_requests.c.analyst == account.name, datasets.c.owner == account.name)
    if account.role == "custodian":
        own = datasets.c.name.in_(datasets_of(account.name))
    wanted = all_requests().where(own)
    if status is not None:
        wanted = wanted.where(release_requests.c.status == status)
    with store.reading() as connection:
        return [shown(row) for row in connection.execute(page.of(wanted, release_requests.c.id))]


def aggregate_request(
    store: Store, request: str, account: Account, compute: Callable[[Dataset, BinaryIO, dict[str, Any]], bytes]
) -> dict[str, Any]:
    """requested -> aggregated. ``compute`` makes its bytes from the dataset, a file of its bytes, and the query.

    It runs outside of any transaction, since it takes long; what it made is stored only if the dataset is
    still the same. Two at once are harmless too: the aggregate is a pure function, and the first one is kept.

    The dataset is copied to the disk meanwhile, outside of any quota: as many copies at a time as there are threads for
    such steps (sixteen, see he_helpers.server.http.serving), each at most as large as a body.
    """
    with store.temporary_file() as content:
        with store.reading() as connection:
            row = find(connection, request, account)
            if row.status != "requested":
                return shown(row)
            dataset = find_dataset(connection, row.dataset, account)
            dataset.check_in_use()
            copy_content(connection, row.dataset, content)
        content.seek(0)
        aggregate = compute(dataset, content, row.query)

    def step(connection: Connection) -> dict[str, Any]:
        current = find(connection, request, account)
        if is_taken(current, "aggregated"):
            return shown(current)
        check_unchanged(connection, dataset, account)
        store.quotas.check_new_bytes(connection, dataset.owner, len(aggregate))
        connection.execute(insert(aggregates), {"request": request, "content": aggregate})
        return move(connection, current, account, "aggregated", _in_words(aggregate, "of ciphertexts"))

    return store.write(step)


def decide_request(store: Store, request: str, account: Account, decision: str, reason: str) -> dict[str, Any]:
    """aggregated -> approved, or requested or aggregated -> refused, by the dataset's owner.

    The first reason is kept.
    """

    def step(connection: Connection) -> dict[str, Any]:
        current = find_owned(connection, request, account)
        if is_taken(current, decision):
            return shown(current)
        return move(connection, current, account, decision, reason, reason=reason)

    return store.write(step)


def release_result(store: Store, request: str, account: Account, sealed: bytes) -> dict[str, Any]:
    """approved -> released, by the owner: keep ``sealed``, for the recipient alone. The first one is kept."""

    def step(connection: Connection) -> dict[str, Any]:
        current = find_owned(connection, request, account)
        if is_taken(current, "released"):
            return shown(current)
        store.quotas.check_new_bytes(connection, current.owner, len(sealed))
        connection.execute(insert(results), {"request": request, "content": sealed})
        return move(connection, current, account, "released", _in_words(sealed, "sealed to the recipient key"))

    return store.write(step)


def read_aggregate(store: Store, request: str, account: Account) -> bytes:
    """The ciphertexts of an aggregate, for the owner of the dataset and its custodians.

    The analyst who asked gets them where custodians have released the request: it takes both to read the sums.
    """
    with store.reading() as connection:
        row = find(connection, request, account)
        if account.name == row.analyst and (row.threshold is None or row.status != "released"):
            raise Problem(
                "wrong-role",
                "The analyst who asked gets an aggregate only where custodians share the key of its dataset and have "
                "released it.",
                request_status=row.status,
            )
        content = connection.scalar(select(aggregates.c.content).where(aggregates.c.request == request))
    if content is None:
        raise Problem("wrong-order", f"The request is {row.status}: its aggregate has not been computed yet.")
    return content


def read_result(store: Store, request: str, account: Account) -> bytes:
    """The sealed result, for the analyst who asked alone."""
    with store.reading() as connection:
        row = find(connection, request, account)
        if row.analyst != account.name:
            raise Problem("wrong-role", "The result is sealed to the analyst who asked, and only that analyst gets it.")
        if row.threshold is not None:
            raise Problem(
                "wrong-order",
                "Custodians share the key of this dataset: there is no sealed result, but their partial decryptions.",
                request_status=row.status,
            )
        content = connection.scalar(select(results.c.content).where(results.c.request == request))
    if content is None:
        reason = f" The data administrator's reason: {row.reason}" if row.status == "refused" else ""
        raise Problem(
            "wrong-order",
            f"The request is {row.status}: there is no result.{reason}",
            request_status=row.status,
        )
    return content


def _in_words(content: bytes, what: str) -> str:
    """For the trail: which bytes these were, for whoever holds them later."""
    return f"{len(content)} bytes {what}, SHA-256 {hashlib.sha256(content).hexdigest()}"
