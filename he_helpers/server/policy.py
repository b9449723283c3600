"""What the server refuses although it could do it: groups that are too small, bodies that are too large."""

from collections.abc import Iterable

from he_helpers.server.problems import Problem

# Statistical offices publish no group of fewer than ten; a data administrator may decide otherwise for a
# dataset.
DEFAULT_MINIMUM_GROUP_SIZE = 10
LARGEST_MINIMUM_GROUP_SIZE = 1_000_000

DEFAULT_LARGEST_BODY = 64 * 1024 * 1024
# A hundred inputs of a batch, at the parameters that scoring needs, in base64.
LARGEST_SCORING_BODY = 32 * 1024 * 1024
# A request or a decision is a few lines of JSON.
LARGEST_JSON_BODY = 64 * 1024


def read_minimum_group_size(text: str | None) -> int:
    """The smallest group size of a dataset as an upload's address names it; the default where it names none.

    Raises Problem (bad-request) for anything but a whole number from 1 to LARGEST_MINIMUM_GROUP_SIZE.
    """
    if text is None:
        return DEFAULT_MINIMUM_GROUP_SIZE
    if not (
        text.isascii() and text.isdigit() and len(text) <= 7 and 1 <= int(text) <= LARGEST_MINIMUM_GROUP_SIZE
    ):
        raise Problem(
            "bad-request",
            "minimum_group_size is a whole number of rows, 1 (no limit) "
            f" to {LARGEST_MINIMUM_GROUP_SIZE:,}; without it, {DEFAULT_MINIMUM_GROUP_SIZE} holds.",
        )
    return int(text)


def refuse_small_groups(group_sizes: Iterable[int], minimum: int) -> None:
    """Raise Problem (group-too-small) if a group has fewer than ``minimum`` rows.

    The answer names no group and no size: it would tell an analyst what the limit is there to hide.
    """
    if min(group_sizes, default=0) < minimum:
        raise Problem(
            "group-too-small",
            f"At least one group of this query has fewer than {minimum} rows, the smallest group that the "
            "data administrator allows for this dataset. Group by fewer labels: groups become larger.",
            minimum_group_size=minimum,
        )
