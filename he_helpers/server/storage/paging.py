"""Listings page by page: in a fixed order, from behind the last entry of the page before."""

from dataclasses import dataclass

from sqlalchemy import Column, Select

from he_helpers.server.http.problems import Problem

LARGEST_PAGE = 100
# More than the largest number of any event.
_LONGEST_NUMBER = 18


@dataclass(frozen=True)
class Page:
    """At most ``limit`` entries, those whose key comes after ``after``; None begins at the first."""

    after: str | int | None = None
    limit: int = LARGEST_PAGE

    @classmethod
    def read(cls, after: str | None, limit: str | None, *, numbered: bool = False) -> "Page":
        """The page that an address names. ``numbered``: the entries' key is a number.

        Raises Problem (bad-request).
        """
        if limit is not None and not (_is_number(limit) and 1 <= int(limit) <= LARGEST_PAGE):
            raise Problem(
                "bad-request",
                f"limit is a whole number of entries, 1 to {LARGEST_PAGE}; without it, {LARGEST_PAGE} holds.",
            )
        if numbered and after is not None and not _is_number(after):
            raise Problem("bad-request", "after is the number of the last entry of the page before.")
        if not numbered and after is not None and ("\x00" in after or len(after) > 64):
            raise Problem("bad-request", "after is the name or the id of the last entry of the page before.")
        return cls(int(after) if numbered and after else after, int(limit or LARGEST_PAGE))

    def of(self, wanted: Select, key: Column) -> Select:
        """The entries of ``wanted`` that are on this page, in the order of ``key``, which no two entries share."""
        return (wanted if self.after is None else wanted.where(key > self.after)).order_by(key).limit(self.limit)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
