"""The review of a release request: what an administrator must know before deciding.

The server is not trusted with more than keeping bytes. What it says about a request is shown as its word;
what decides over a number's privacy is checked against what the administrator holds: the own copy of the
uploaded table, the own minimum group size, the keys that were handed over in person. Aggregation is a pure
function of the table and the query, so the server's aggregate must equal the re-computed one byte by byte: a
server that puts a single row, another group, or a ciphertext of its own choice into the place of the
aggregate is noticed without decrypting anything.

Not checked, because nothing here could: who the analyst is and what the purpose is beyond the server's word.
What a wrong word can achieve is limited: the result is sealed to a known person's key, whoever asked.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from he_helpers.roles.errors import UnreadableAnswer
from he_helpers.tables import EncryptedAggregate, EncryptedTable, Query, aggregate


@dataclass(frozen=True, eq=False, repr=False)
class Review:
    """What was found about one request.

    The server's word: ``request`` (uuid), ``dataset``, ``analyst``, ``purpose``, ``query``, ``status``,
    ``recipient_fingerprint``. The administrator's own knowledge: ``recipient`` (name of the holder of that
    key, None when unknown), ``minimum_group_size``, ``group_sizes`` (a Series by group, None when the query
    cannot be answered), ``aggregate_matches`` (the server's bytes are the re-computed ones), ``aggregate``
    (the re-computed one, or None). ``findings`` lists in words what speaks against a release; ``clean`` is
    True when it is empty.
    """

    request: str
    dataset: str
    analyst: str
    purpose: str
    query: Query | None
    status: str
    recipient_fingerprint: str
    recipient: str | None
    minimum_group_size: int
    group_sizes: pd.Series | None
    aggregate_matches: bool
    aggregate: EncryptedAggregate | None
    findings: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return not self.findings

    def subject(self) -> dict[str, Any]:
        """What a decision is about, JSON-able: the same id with another subject is another request."""
        return {
            "dataset": self.dataset,
            "analyst": self.analyst,
            "purpose": self.purpose,
            "query": self.query.to_dict() if self.query else None,
            "recipient_key_fingerprint": self.recipient_fingerprint,
            "aggregate_sha256": hashlib.sha256(self.aggregate.to_bytes()).hexdigest()
            if self.aggregate
            else None,
        }

    def __repr__(self) -> str:
        # Without request id and fingerprint, which differ from run to run and would be stored with a
        # notebook.
        sizes = self.group_sizes
        lines = {
            "who asks": f"{self.analyst} (the server's word)",
            "recipient": f"{self.recipient} (key handed over in person)" if self.recipient else "unknown key",
            "dataset": self.dataset,
            "query": _in_words(self.query),
            "purpose": self.purpose,
            "groups": "none" if sizes is None else f"{len(sizes)}, of {sizes.min()} to {sizes.max()} rows",
            "minimum": f"{self.minimum_group_size} rows",
            "aggregate": "equals the re-computed one"
            if self.aggregate_matches
            else "differs from the re-computed one",
            "status": self.status,
            "findings": "none" if self.clean else "; ".join(self.findings),
        }
        return "\n".join(f"{name + ':':<11}{value}" for name, value in lines.items())


def review_request(
    request: Mapping[str, Any],
    server_aggregate: bytes,
    table: EncryptedTable,
    minimum_group_size: int,
    recipient: str | None,
) -> Review:
    """Compare a request and the server's aggregate with the administrator's own ``table``. A pure function.

    ``request`` is the server's document of it, ``recipient`` the known holder of the recipient key. Raises
    UnreadableAnswer when the document lacks a member.
    """
    try:
        identifier, dataset, analyst = request["id"], request["dataset"], request["analyst"]
        purpose, status, fingerprint = (
            request["purpose"],
            request["status"],
            request["recipient_key_fingerprint"],
        )
        asked = request["query"]
    except (KeyError, TypeError):
        raise UnreadableAnswer(
            "The server's description of the request has members missing. Use the same version of he_helpers "
            "on both sides."
        ) from None
    findings = []
    query = own = sizes = None
    try:
        query = Query.from_dict(asked)
        own = aggregate(table, query)
        sizes = table.group_sizes(query.group_by)
    except (ValueError, KeyError, TypeError) as error:
        findings.append(f"your table cannot answer this query: {error}")
    if sizes is not None and len(sizes) and sizes.min() < minimum_group_size:
        findings.append(f"a group has {sizes.min()} rows, and your minimum is {minimum_group_size}")
    matches = own is not None and own.to_bytes() == server_aggregate
    if own is not None and not matches:
        findings.append(
            "the server's aggregate is not the aggregate of the table that you uploaded; "
            "it may hold single rows or something else, so it must not be decrypted"
        )
    if recipient is None:
        findings.append("the recipient's key is not one that was handed over to you in person")
    return Review(
        identifier,
        dataset,
        analyst,
        purpose,
        query,
        status,
        fingerprint,
        recipient,
        minimum_group_size,
        sizes,
        matches,
        own,
        tuple(findings),
    )


def _in_words(query: Query | None) -> str:
    if query is None:
        return "unreadable"
    of = f" of {', '.join(query.columns)}" if query.columns else ""
    return (
        f"{query.statistic}{of} by {', '.join(query.group_by)}"
        if query.group_by
        else f"{query.statistic}{of}, all rows"
    )
