"""What an administrator gives an outsider: a bundle of one dataset (see he_helpers.audit.bundle)."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace

from he_helpers.audit.bundle import Bundle, check_for_outsiders
from he_helpers.audit.chain import Entry
from he_helpers.audit.heads import Head
from he_helpers.roles.audit.witness import fetch_entries, fetch_heads
from he_helpers.roles.connection import Connection
from he_helpers.roles.errors import ServerRefused
from he_helpers.tables import EncryptedTable

_WITHOUT_AGGREGATE = 409


def collect_bundle(
    connection: Connection, dataset: str, tables: Iterable[bytes], heads: Iterable[Head], keys: Mapping[str, bytes]
) -> Bundle:
    """The bundle of ``dataset``: the own copies ``tables``, and from the server its requests, aggregates and trail.

    The events of other datasets stay closed. Raises NotForOutsiders, ServerRefused.
    """
    by_digest = {hashlib.sha256(table).hexdigest(): table for table in tables}
    for table in by_digest.values():
        check_for_outsiders(EncryptedTable.from_bytes(table))
    asked = [request for request in connection.get_all("requests", key="id") if request.get("dataset") == dataset]
    aggregates = {request["id"]: content for request in asked if (content := _aggregate(connection, request["id"]))}
    entries = [_opened_for(dataset, entry) for entry in fetch_entries(connection)]
    relayed = fetch_heads(connection, keys.values())
    return Bundle(
        dataset,
        by_digest,
        aggregates,
        {request["id"]: request["query"] for request in asked},
        entries,
        list(dict.fromkeys([*heads, *relayed])),
        keys,
    )


def _aggregate(connection: Connection, request: str) -> bytes | None:
    try:
        return connection.get_bytes("requests", request, "aggregate")
    except ServerRefused as refusal:
        if refusal.status == _WITHOUT_AGGREGATE:
            return None
        raise


def _opened_for(dataset: str, entry: Entry) -> Entry:
    if entry.event is not None and entry.event.get("dataset") == dataset:
        return entry
    return replace(entry, nonce=None, event=None)
