"""The limits that the server keeps although it could do more, as numbers and as an upload names them.

Loads no pandas, which takes as long to import as all else that the server's own process needs.
"""

from collections.abc import Sequence

from he_helpers.server.http.problems import Problem

# Statistical offices publish no group of fewer than ten; a data administrator may decide otherwise for a
# dataset.
DEFAULT_MINIMUM_GROUP_SIZE = 10
LARGEST_MINIMUM_GROUP_SIZE = 1_000_000

DEFAULT_LARGEST_BODY = 64 * 1024 * 1024
# A request or a decision is a few lines of JSON.
LARGEST_JSON_BODY = 64 * 1024
# Rows times groupings of a table: what the server goes through when it reads the table, and to check each query.
LARGEST_WORK = 10_000_000


def read_minimum_group_size(text: str | None) -> int:
    """The smallest group size of a dataset as an upload's address names it; the default where it names none.

    Raises Problem (bad-request) for anything but a whole number from 1 to LARGEST_MINIMUM_GROUP_SIZE.
    """
    if text is None:
        return DEFAULT_MINIMUM_GROUP_SIZE
    if not (text.isascii() and text.isdigit() and len(text) <= 7 and 1 <= int(text) <= LARGEST_MINIMUM_GROUP_SIZE):
        raise Problem(
            "bad-request",
            "minimum_group_size is a whole number of contributors, 1 (no limit)"
            f" to {LARGEST_MINIMUM_GROUP_SIZE:,}; without it, {DEFAULT_MINIMUM_GROUP_SIZE} holds.",
        )
    return int(text)


def read_contributor_label(text: str | None, labels: Sequence[str]) -> str | None:
    """The label whose values tell contributors apart, as an upload's address names it; None where it names none.

    Raises Problem (unknown-name) for anything that is none of the table's ``labels``.
    """
    if text is not None and text not in labels:
        raise Problem(
            "unknown-name",
            "contributor_label names a label of this table, whose values tell its contributors apart. "
            f"Its labels are: {', '.join(labels)}.",
            known=list(labels),
        )
    return text
