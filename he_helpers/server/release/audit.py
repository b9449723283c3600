"""The audit trail: what happened to datasets and requests, in order, each in the step's own transaction."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, insert, select

from he_helpers.server.storage.paging import Page
from he_helpers.server.storage.schema import audit_events, audit_readers
from he_helpers.server.storage.store import Store, now

# Account and role of what the server does by itself.
SERVER = "server"

_SHOWN = ("sequence", "at", "account", "role", "action", "dataset", "request", "detail")


def record_event(
    connection: Connection,
    *,
    account: str,
    role: str,
    action: str,
    dataset: str | None = None,
    request: str | None = None,
    detail: str = "",
    owner: str | None = None,
    analyst: str | None = None,
    custodians: Iterable[str] = (),
) -> None:
    """Append an event in the transaction of ``connection``. ``owner``, ``analyst`` and ``custodians`` may read it."""
    appended = connection.execute(
        insert(audit_events).values(
            at=now(),
            account=account,
            role=role,
            action=action,
            dataset=dataset,
            request=request,
            detail=detail,
            owner=owner,
            analyst=analyst,
        )
    )
    assert appended.inserted_primary_key is not None, "one row was appended"
    [sequence] = appended.inserted_primary_key
    readers = [{"sequence": sequence, "account": custodian} for custodian in custodians]
    if readers:
        connection.execute(insert(audit_readers), readers)


def list_events(
    store: Store, account: str, role: str, page: Page, dataset: str | None = None, request: str | None = None
) -> list[dict[str, Any]]:
    """The events of a page that ``account`` may read, oldest first, of one dataset or one request if named.

    An administrator reads what concerns its own datasets, an analyst what concerns its own requests, a custodian what
    concerns the datasets whose key it shares, and the letters that it sends or gets.
    """
    wanted = select(*(audit_events.c[name] for name in _SHOWN))
    if role == "custodian":
        wanted = wanted.join(audit_readers).where(audit_readers.c.account == account)
    else:
        reader = audit_events.c.owner if role == "administrator" else audit_events.c.analyst
        wanted = wanted.where(reader == account)
    if dataset is not None:
        wanted = wanted.where(audit_events.c.dataset == dataset)
    if request is not None:
        wanted = wanted.where(audit_events.c.request == request)
    with store.reading() as connection:
        return [dict(row._mapping) for row in connection.execute(page.of(wanted, audit_events.c.sequence))]
