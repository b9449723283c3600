"""The server's work on ciphertexts: read an uploaded table, check a query, compute the aggregate."""

from typing import Any

from he_helpers.errors import HEError
from he_helpers.server.policy import refuse_small_groups
from he_helpers.server.problems import Problem
from he_helpers.server.reading import reading
from he_helpers.tables import (
    EncryptedTable,
    Query,
    TableHeader,
    UnknownColumn,
    UnknownLabel,
    UnsupportedQuery,
    aggregate,
)
from he_helpers.tables.contributors import group_contributors


def read_table(content: bytes) -> EncryptedTable:
    """The encrypted table in ``content``. Raises Problem (invalid-content, secret-key-refused)."""
    with reading("The content of this table", "Send the bytes that EncryptedTable.to_bytes() returned."):
        return EncryptedTable.from_bytes(content)


def check_query(
    table: TableHeader, query: dict[str, Any], minimum_group_size: int, contributor_label: str | None
) -> None:
    """Raise Problem if ``table`` cannot answer ``query`` (unknown-name, unsupported-query) or must not
    (group-too-small)."""
    try:
        asked = Query.from_dict(query)
        table.check_query(asked)
    except (UnknownLabel, UnknownColumn) as error:
        raise Problem("unknown-name", str(error), known=error.known) from None
    except UnsupportedQuery as error:
        raise Problem("unsupported-query", str(error), known=error.known) from None
    groups = group_contributors(table.labels, asked.group_by, contributor_label)
    refuse_small_groups(groups, minimum_group_size, contributor_label)


def compute_aggregate(content: bytes, query: dict[str, Any]) -> bytes:
    """The aggregate's bytes: a pure function of the dataset's bytes and a checked query."""
    try:
        return aggregate(read_table(content), Query.from_dict(query)).to_bytes()
    except HEError as error:
        raise Problem("invalid-content", str(error)) from None
