"""The audit trail: what happened to datasets and requests, in order, each in the step's own transaction.

It is a hash chain (see he_helpers.audit.chain), so that whoever has seen it finds what is changed afterwards, also by
this server or its operator. Nothing is signed here: the server holds no secret key. What witnesses sign is relayed.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from he_helpers.audit.chain import NONCE_BYTES, START, leaf_of, next_digest
from he_helpers.server.http.problems import Problem
from he_helpers.server.storage.paging import Page
from he_helpers.server.storage.schema import audit_events, audit_heads, audit_readers
from he_helpers.server.storage.store import Store, now

# Written once: each step records an event.
_LATEST = select(audit_events.c.sequence, audit_events.c.digest).order_by(audit_events.c.sequence.desc()).limit(1)
# Account and role of what the server does by itself.
SERVER = "server"

_SHOWN = ("sequence", "at", "account", "role", "action", "dataset", "request", "detail")
# What a leaf is made of: who may read an event is part of it.
_HASHED = (*_SHOWN, "owner", "analyst", "custodians")
# The member that says who may read an event, among the accounts of a role.
_READER = {"administrator": "owner", "analyst": "analyst"}
_OF_HEAD = ("length", "digest", "witness", "signature")
# Of an account: everybody who witnesses the trail, and every bundle, takes them all.
MOST_HEADS = 1000


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
    """Append an event in the transaction of ``connection``. ``owner``, ``analyst`` and ``custodians`` may read it.

    The transaction is one of Store.write: one writer at a time, so that two events never follow the same one.
    """
    last = connection.execute(_LATEST).first()
    readers = sorted(set(custodians))
    event = {
        "sequence": last.sequence + 1 if last else 1,
        "at": now(),
        "account": account,
        "role": role,
        "action": action,
        "dataset": dataset,
        "request": request,
        "detail": detail,
        "owner": owner,
        "analyst": analyst,
        "custodians": readers,
    }
    nonce = secrets.token_bytes(NONCE_BYTES)
    leaf = leaf_of(nonce, event)
    digest = next_digest(bytes.fromhex(last.digest) if last else START, leaf)
    del event["custodians"]  # in a table of their own
    proof = {"nonce": nonce.hex(), "leaf": leaf.hex(), "digest": digest.hex()}
    connection.execute(insert(audit_events), {**event, **proof})
    if readers:
        rows = [{"sequence": event["sequence"], "account": reader} for reader in readers]
        connection.execute(insert(audit_readers), rows)


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
        wanted = wanted.where(audit_events.c[_READER[role]] == account)
    if dataset is not None:
        wanted = wanted.where(audit_events.c.dataset == dataset)
    if request is not None:
        wanted = wanted.where(audit_events.c.request == request)
    with store.reading() as connection:
        return [dict(row._mapping) for row in connection.execute(page.of(wanted, audit_events.c.sequence))]


def list_chain(store: Store, account: str, role: str, page: Page) -> list[dict[str, Any]]:
    """The entries of a page of the whole chain: those that ``account`` may read with nonce and content."""
    wanted = page.of(select(audit_events), audit_events.c.sequence)
    with store.reading() as connection:
        rows = [dict(row._mapping) for row in connection.execute(wanted)]
        custodians = _custodians(connection, [row["sequence"] for row in rows])
    return [_entry({**row, "custodians": custodians[row["sequence"]]}, account, role) for row in rows]


def keep_head(store: Store, account: str, head: Mapping[str, Any]) -> None:
    """Keep what ``account`` has signed, for the other witnesses; repeating is harmless.

    It is not compared with the trail: what contradicts this server's word has to be relayed, too. Of each account the
    latest 1000 are kept: a later head says all that an earlier one of the same witness said. Raises Problem:
    invalid-content for more events than there are, name-taken for a second head of a length.
    """

    def step(connection: Connection) -> None:
        signed = {name: head[name] for name in _OF_HEAD}
        of_witness = [audit_heads.c.account == account, audit_heads.c.witness == signed["witness"]]
        of_length = audit_heads.c.length == signed["length"]
        known = connection.execute(select(audit_heads).where(*of_witness, of_length)).first()
        if known is not None:
            if any(known._mapping[name] != value for name, value in signed.items()):
                raise Problem("name-taken", "This witness has signed another head of this length, which stays.")
            return
        events = connection.execute(select(func.max(audit_events.c.sequence))).scalar_one() or 0
        if signed["length"] > events:
            raise Problem("invalid-content", f"The trail has {events} events: nobody has seen more of it here.")
        connection.execute(insert(audit_heads), {"account": account, **signed})
        by_age = select(audit_heads.c.number).where(audit_heads.c.account == account)
        superseded = by_age.order_by(audit_heads.c.number.desc()).offset(MOST_HEADS)
        connection.execute(delete(audit_heads).where(audit_heads.c.number.in_(superseded)))

    store.write(step)


def list_heads(store: Store, page: Page) -> list[dict[str, Any]]:
    """The heads of a page, in the order in which they came: for every account, without the names of accounts."""
    wanted = select(audit_heads.c.number, *(audit_heads.c[name] for name in _OF_HEAD))
    with store.reading() as connection:
        return [dict(row._mapping) for row in connection.execute(page.of(wanted, audit_heads.c.number))]


def _custodians(connection: Connection, sequences: Sequence[int]) -> dict[int, list[str]]:
    """The custodians who may read events, by the events' numbers."""
    found: dict[int, list[str]] = {sequence: [] for sequence in sequences}
    wanted = select(audit_readers).where(audit_readers.c.sequence.in_(sequences)).order_by(audit_readers.c.account)
    for row in connection.execute(wanted):
        found[row.sequence].append(row.account)
    return {sequence: sorted(accounts) for sequence, accounts in found.items()}


def _entry(row: Mapping[str, Any], account: str, role: str) -> dict[str, Any]:
    """As Entry.to_document() has it: as it is kept, also where it was changed and is none any more."""
    entry = {name: row[name] for name in ("sequence", "leaf", "digest")}
    readable = account in row["custodians"] if role == "custodian" else row[_READER[role]] == account
    return {**entry, "nonce": row["nonce"], "event": {name: row[name] for name in _HASHED}} if readable else entry
