"""The limits that the server keeps although it could do more, as numbers and as an upload names them.

Loads no pandas, which takes as long to import as all else that the server's own process needs.
"""

import re
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
MOST_CUSTODIANS = 20
# A letter holds a share of a key: a polynomial modulo each prime.
LARGEST_LETTER = 16 * 1024 * 1024

_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


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


def read_quorum(custodians: str | None, threshold: str | None, *, exact: bool) -> tuple[tuple[str, ...], int | None]:
    """The custodians of a dataset, sorted, and how many of them release a result; () and None where none is named.

    ``custodians``: their names with commas between, as an upload's address has them. ``exact``: whether the scheme of
    the table is. Raises Problem: bad-request, invalid-content for a scheme that is not exact.
    """
    if custodians is None and threshold is None:
        return (), None
    names = (custodians or "").split(",")
    if not all(_ACCOUNT.fullmatch(name) for name in names) or not 1 <= len(set(names)) == len(names) <= MOST_CUSTODIANS:
        raise Problem(
            "bad-request",
            f"custodians names 1 to {MOST_CUSTODIANS} accounts, each once, with commas between; threshold goes with "
            "it.",
        )
    number = int(threshold) if threshold and re.fullmatch("[0-9]{1,3}", threshold) else 0
    if not 1 <= number <= len(names):
        raise Problem(
            "bad-request",
            f"threshold is the number of custodians who release a result together, 1 to {len(names)} here.",
        )
    if not exact:
        raise Problem(
            "invalid-content",
            "Who asks gets the aggregate together with its decryption here, and the decryption of an approximate "
            "scheme (CKKS) would show the key. Encrypt the table under an exact scheme, such as tenseal_bfv().",
        )
    return tuple(sorted(names)), number


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
