"""Release requests: requested, aggregated, approved or refused, released.

A request whose aggregate cannot be computed stays requested, and can be refused from there. Every step checks the role
and the status inside the transaction that takes it. Repeating a step is harmless: it answers as the first time and
changes nothing. A step in a wrong order or by a wrong account raises Problem.
"""

from collections.abc import Callable
from typing import Any, BinaryIO

from sqlalchemy import Connection, Row, Select, insert, or_, select, update

from he_helpers.server.http.problems import Problem
from he_helpers.server.release.accounts import Account
from he_helpers.server.release.audit import record_event
from he_helpers.server.release.datasets import Dataset, copy_content, find_dataset
from he_helpers.server.storage.paging import Page
from he_helpers.server.storage.schema import aggregates, datasets, release_requests, results
from he_helpers.server.storage.store import Store

STATUSES = ("requested", "aggregated", "approved", "refused", "released")
# The status that a step leads to: those it starts from, and those in which it has been taken already.
_STARTS_FROM = {
    "aggregated": ("requested",),
    "approved": ("aggregated",),
    "refused": ("requested", "aggregated"),
    "released": ("approved",),
}
_TAKEN_IN = {
    "aggregated": {"aggregated", "approved", "refused", "released"},
    "approved": {"approved", "released"},
    "refused": {"refused"},
    "released": {"released"},
}

_SHOWN = ("id", "dataset", "analyst", "query", "purpose", "recipient_key_fingerprint", "status", "reason")


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
        known = _read(connection, request)
        if known is not None:
            same = {"dataset": dataset.name, "analyst": analyst.name, **content}
            if any(known._mapping[name] != value for name, value in same.items()):
                raise Problem(
                    "name-taken",
                    "This identifier belongs to a request with another content, which stays as it is. "
                    "Ask under a new identifier.",
                )
            return _shown(known), False
        _check_unchanged(connection, dataset, analyst)
        store.quotas.check_new_request(connection, analyst.name)
        connection.execute(
            insert(release_requests).values(
                id=request,
                dataset=dataset.name,
                analyst=analyst.name,
                status="requested",
                reason="",
                **content,
            )
        )
        stored = _stored(connection, request)
        _record(connection, stored, analyst, "requested", f"recipient key {content['recipient_key_fingerprint']}")
        return _shown(stored), True

    return store.write(step)


def find_request(store: Store, request: str, account: Account) -> dict[str, Any]:
    """The request, for the analyst who asked and the owner of the dataset."""
    with store.reading() as connection:
        return _shown(_find(connection, request, account))


def list_requests(store: Store, account: Account, page: Page, status: str | None = None) -> list[dict[str, Any]]:
    """The requests of a page, by id: an analyst's own, or those on an administrator's datasets.

    Only those of one ``status`` if it is named.
    """
    wanted = _all_requests().where(or_(release_requests.c.analyst == account.name, datasets.c.owner == account.name))
    if status is not None:
        wanted = wanted.where(release_requests.c.status == status)
    with store.reading() as connection:
        return [_shown(row) for row in connection.execute(page.of(wanted, release_requests.c.id))]


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
            row = _find(connection, request, account)
            if row.status != "requested":
                return _shown(row)
            dataset = find_dataset(connection, row.dataset, account)
            dataset.check_in_use()
            copy_content(connection, row.dataset, content)
        content.seek(0)
        aggregate = compute(dataset, content, row.query)

    def step(connection: Connection) -> dict[str, Any]:
        current = _find(connection, request, account)
        if _is_taken(current, "aggregated"):
            return _shown(current)
        _check_unchanged(connection, dataset, account)
        store.quotas.check_new_bytes(connection, dataset.owner, len(aggregate))
        connection.execute(insert(aggregates).values(request=request, content=aggregate))
        return _move(connection, current, account, "aggregated", f"{len(aggregate)} bytes of ciphertexts")

    return store.write(step)


def decide_request(store: Store, request: str, account: Account, decision: str, reason: str) -> dict[str, Any]:
    """aggregated -> approved, or requested or aggregated -> refused, by the dataset's owner.

    The first reason is kept.
    """

    def step(connection: Connection) -> dict[str, Any]:
        current = _find_owned(connection, request, account)
        if _is_taken(current, decision):
            return _shown(current)
        return _move(connection, current, account, decision, reason, reason=reason)

    return store.write(step)


def release_result(store: Store, request: str, account: Account, sealed: bytes) -> dict[str, Any]:
    """approved -> released, by the owner: keep ``sealed``, for the recipient alone. The first one is kept."""

    def step(connection: Connection) -> dict[str, Any]:
        current = _find_owned(connection, request, account)
        if _is_taken(current, "released"):
            return _shown(current)
        store.quotas.check_new_bytes(connection, current.owner, len(sealed))
        connection.execute(insert(results).values(request=request, content=sealed))
        return _move(connection, current, account, "released", f"{len(sealed)} bytes, sealed to the recipient key")

    return store.write(step)


def read_aggregate(store: Store, request: str, account: Account) -> bytes:
    """The ciphertexts of an aggregate, for the owner of the dataset alone."""
    with store.reading() as connection:
        row = _find_owned(connection, request, account)
        content = connection.scalar(select(aggregates.c.content).where(aggregates.c.request == request))
    if content is None:
        raise Problem("wrong-order", f"The request is {row.status}: its aggregate has not been computed yet.")
    return content


def read_result(store: Store, request: str, account: Account) -> bytes:
    """The sealed result, for the analyst who asked alone."""
    with store.reading() as connection:
        row = _find(connection, request, account)
        if row.analyst != account.name:
            raise Problem("wrong-role", "The result is sealed to the analyst who asked, and only that analyst gets it.")
        content = connection.scalar(select(results.c.content).where(results.c.request == request))
    if content is None:
        reason = f" The data administrator's reason: {row.reason}" if row.status == "refused" else ""
        raise Problem(
            "wrong-order",
            f"The request is {row.status}: there is no result.{reason}",
            request_status=row.status,
        )
    return content


def _all_requests() -> Select:
    columns = [release_requests.c[name] for name in _SHOWN]
    return select(*columns, datasets.c.owner).join(datasets, datasets.c.name == release_requests.c.dataset)


def _read(connection: Connection, request: str) -> Row | None:
    return connection.execute(_all_requests().where(release_requests.c.id == request)).first()


def _stored(connection: Connection, request: str) -> Row:
    """The request, which is there."""
    return connection.execute(_all_requests().where(release_requests.c.id == request)).one()


def _find(connection: Connection, request: str, account: Account) -> Row:
    """The request, if ``account`` asked it or owns its dataset. For all others it is not there."""
    row = _read(connection, request)
    if row is None or account.name not in (row.owner, row.analyst):
        raise Problem(
            "not-found",
            "There is no such request: the identifier is wrong, its dataset was deleted, or it is not yours. Only the "
            "analyst who asked and the owner of the dataset see a request.",
        )
    return row


def _find_owned(connection: Connection, request: str, account: Account) -> Row:
    row = _find(connection, request, account)
    if row.owner != account.name:
        raise Problem("wrong-role", "Only the data administrator who owns the dataset may do that.")
    return row


def _is_taken(row: Row, status: str) -> bool:
    """Whether the step to ``status`` has been taken already. Raises Problem if it cannot be taken now."""
    if row.status in _TAKEN_IN[status]:
        return True
    if row.status not in _STARTS_FROM[status]:
        raise Problem(
            "wrong-order",
            f"The request is {row.status}; it becomes {status} only from {' or '.join(_STARTS_FROM[status])}. "
            "The order is requested, aggregated, approved or refused, released.",
            request_status=row.status,
        )
    return False


def _move(
    connection: Connection, row: Row, account: Account, status: str, detail: str, **values: str
) -> dict[str, Any]:
    connection.execute(update(release_requests).where(release_requests.c.id == row.id).values(status=status, **values))
    moved = _stored(connection, row.id)
    _record(connection, moved, account, status, detail)
    return _shown(moved)


def _check_unchanged(connection: Connection, dataset: Dataset, account: Account) -> None:
    current = find_dataset(connection, dataset.name, account)
    if current != dataset:
        raise Problem(
            "wrong-order",
            f"The dataset {dataset.name!r} was replaced in the meantime. Read its description and ask again.",
        )
    current.check_in_use()


def _record(connection: Connection, row: Row, account: Account, action: str, detail: str) -> None:
    record_event(
        connection,
        account=account.name,
        role=account.role,
        action=action,
        dataset=row.dataset,
        request=row.id,
        detail=detail,
        owner=row.owner,
        analyst=row.analyst,
    )


def _shown(row: Row) -> dict[str, Any]:
    return {name: row._mapping[name] for name in _SHOWN}
