"""A release request as it lies in the store: who may see it, what is shown of it, and which step follows which."""

from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, select, update

from he_helpers.server.http.problems import Problem
from he_helpers.server.release.accounts import Account
from he_helpers.server.release.audit import record_event
from he_helpers.server.release.custodians import custodians_of
from he_helpers.server.release.datasets.datasets import Dataset, find_dataset
from he_helpers.server.storage.schema import datasets, release_requests

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


def all_requests() -> Select:
    """Every request, with the owner of its dataset and the threshold of its custodians."""
    columns = [release_requests.c[name] for name in _SHOWN]
    return select(*columns, datasets.c.owner, datasets.c.threshold).join(
        datasets, datasets.c.name == release_requests.c.dataset
    )


# Written once: each step reads its request.
_ONE = all_requests().where(release_requests.c.id == bindparam("request"))


def read(connection: Connection, request: str) -> Row | None:
    """The request, None if it is not there."""
    return connection.execute(_ONE, {"request": request}).first()


def stored(connection: Connection, request: str) -> Row:
    """The request, which is there."""
    return connection.execute(_ONE, {"request": request}).one()


def find(connection: Connection, request: str, account: Account) -> Row:
    """The request, if ``account`` asked it, owns its dataset or is a custodian of it. For others it is not there."""
    row = read(connection, request)
    if row is None or account.name not in (row.owner, row.analyst, *_custodians(connection, row)):
        raise Problem(
            "not-found",
            "There is no such request: the identifier is wrong, its dataset was deleted, or it is not yours. Only the "
            "analyst who asked, and the owner and the custodians of the dataset, see a request.",
        )
    return row


def find_owned(connection: Connection, request: str, account: Account) -> Row:
    """The request on a dataset of ``account``, which decides on it alone. Raises Problem: not-found, wrong-role."""
    row = find(connection, request, account)
    if row.owner != account.name:
        raise Problem("wrong-role", "Only the data administrator who owns the dataset may do that.")
    if row.threshold is not None:
        raise Problem(
            "wrong-role",
            f"The key of this dataset is shared: {row.threshold} of its custodians release a result together, or it "
            "is refused. Its owner alone cannot decide.",
        )
    return row


def find_shared(connection: Connection, request: str, account: Account) -> tuple[Row, tuple[str, ...]]:
    """The request on a dataset whose key custodians share, and their names. Raises Problem: not-found, wrong-order."""
    row = find(connection, request, account)
    if row.threshold is None:
        raise Problem("wrong-order", "No custodians decide on this request: its dataset has none, and its owner does.")
    return row, _custodians(connection, row)


def is_taken(row: Row, status: str) -> bool:
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


def move(connection: Connection, row: Row, account: Account, status: str, detail: str, **values: str) -> dict[str, Any]:
    """Give the request a new ``status``, record it, and return what is shown of it."""
    connection.execute(update(release_requests).where(release_requests.c.id == row.id).values(status=status, **values))
    moved = stored(connection, row.id)
    record(connection, moved, account, status, detail)
    return shown(moved)


def check_unchanged(connection: Connection, dataset: Dataset, account: Account) -> None:
    """Raise Problem unless ``dataset`` is still what it was (wrong-order, not-found) and in use (set-aside)."""
    current = find_dataset(connection, dataset.name, account)
    if current != dataset:
        raise Problem(
            "wrong-order",
            f"The dataset {dataset.name!r} was replaced in the meantime. Read its description and ask again.",
        )
    current.check_in_use()


def record(connection: Connection, row: Row, account: Account, action: str, detail: str) -> None:
    """Append an event about the request."""
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
        custodians=_custodians(connection, row),
    )


def shown(row: Row) -> dict[str, Any]:
    """What those who may see the request are told of it."""
    return {name: row._mapping[name] for name in _SHOWN}


def _custodians(connection: Connection, row: Row) -> tuple[str, ...]:
    return custodians_of(connection, [row.dataset])[row.dataset] if row.threshold is not None else ()
