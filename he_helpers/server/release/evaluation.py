"""The server's work on content: read an uploaded table, check a query, compute the aggregate, search a result.

Done in workers alone (see jobs.py): what a library makes of hostile bytes must end nothing else. Every function takes
and returns what travels there: plain data, bytes and open files.
"""

from typing import IO, Any

import numpy as np

from he_helpers.server.detection.secret_detection import find_secret_key
from he_helpers.server.http.problems import Problem
from he_helpers.server.http.reading import reading
from he_helpers.server.release.datasets.policy import LARGEST_WORK
from he_helpers.server.release.datasets.table_limits import check_table
from he_helpers.tables import (
    EncryptedTable,
    Query,
    TableHeader,
    UnknownColumn,
    UnknownLabel,
    UnsupportedQuery,
    aggregate,
)
from he_helpers.tables.disclosure.contributors import (
    DOMINANT_CONTRIBUTORS,
    LARGEST_SHARE,
    SMALLEST_MINIMUM_WITH_DOMINANCE,
    contributor_counts,
)


def read_dataset(content: bytes | IO[bytes]) -> dict[str, Any]:
    """What the server can tell of an uploaded table: ``description`` and ``label_part``.

    Where a secret is in it, it is not parsed, and the answer is the kind of the ``secret``.
    Raises Problem (invalid-content, secret-key-refused).
    """
    data = _bytes_of(content)
    secret = find_secret_key(data)
    if secret is not None:
        return {"secret": secret}
    table = _read_table(data)
    check_table(table.header)
    return {"description": table.description(), "label_part": table.header.to_bytes()}


def find_secret(content: bytes | IO[bytes]) -> dict[str, Any]:
    """The kind of the ``secret`` in a sealed result; None: there is none."""
    return {"secret": find_secret_key(content)}


def check_query(
    label_part: bytes, query: dict[str, Any], minimum_group_size: int, contributor_label: str | None
) -> dict[str, Any]:
    """Raise Problem if the table of this label part cannot answer ``query`` (unknown-name, unsupported-query) or must
    not (group-too-small)."""
    table = TableHeader.from_bytes(label_part)
    try:
        asked = Query.from_dict(query)
        table.check_query(asked)
    except (UnknownLabel, UnknownColumn) as error:
        raise Problem("unknown-name", str(error), known=error.known) from None
    except UnsupportedQuery as error:
        raise Problem("unsupported-query", str(error), known=error.known) from None
    groups = contributor_counts(table.labels, asked.group_by, contributor_label)
    _refuse_small_groups(groups, minimum_group_size, contributor_label)
    return {}


def compute_aggregate(content: bytes | IO[bytes], query: dict[str, Any]) -> dict[str, Any]:
    """``aggregate``: its bytes, a pure function of the dataset's bytes and a checked query.

    Raises Problem (invalid-content), whatever a library says to the ciphertexts.
    """
    table = _read_table(_bytes_of(content))
    with reading("The ciphertexts of this table", "Encrypt the table anew, and upload that."):
        return {"aggregate": aggregate(table, Query.from_dict(query)).to_bytes()}


def _refuse_small_groups(groups: dict[str, np.ndarray], minimum: int, contributor_label: str | None) -> None:
    """Raise Problem (group-too-small) for a group of fewer than ``minimum`` contributors, or with two that dominate it.

    groups: what contributor_counts() counts. The server sees no amounts, so it judges dominance by numbers of rows.
    The answer names no group and no size: it would tell an analyst what the limit is there to hide.
    """
    whose = (
        "contributors (each row counts as one)"
        if contributor_label is None
        else f"contributors (values of {contributor_label!r})"
    )
    if groups["contributors"].min() < minimum:
        found = f"fewer than {minimum} {whose}, the smallest number"
    elif minimum >= SMALLEST_MINIMUM_WITH_DOMINANCE and groups["share_of_rows"].max() > LARGEST_SHARE:
        found = f"{DOMINANT_CONTRIBUTORS} {whose} with more than {LARGEST_SHARE:.0%} of its rows, the largest share"
    else:
        return
    raise Problem(
        "group-too-small",
        f"At least one group of this query has {found} that is allowed for this dataset. "
        "Group by fewer labels: groups become larger.",
        minimum_group_size=minimum,
    )


def _bytes_of(content: bytes | IO[bytes]) -> bytes:
    return content if isinstance(content, bytes) else content.read()


def _read_table(content: bytes) -> EncryptedTable:
    with reading("The content of this table", "Send the bytes that EncryptedTable.to_bytes() returned."):
        return EncryptedTable.from_bytes(content, largest_work=LARGEST_WORK)
