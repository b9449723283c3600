"""Aggregation: from an encrypted table and a query to an encrypted result.

A pure function of ciphertexts and readable labels: no key is needed, no randomness is used, and everybody who computes
it gets the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol

import msgspec

from he_helpers.schemes.errors import DamagedBytes
from he_helpers.schemes.public import load_public_key
from he_helpers.schemes.public.interface import Ciphertext, PublicKey
from he_helpers.schemes.public.interface.records import CiphertextRecord
from he_helpers.schemes.records import Message, open_message, seal_message
from he_helpers.tables.columns import Column, check_column_names
from he_helpers.tables.header import LayoutRecord, TableHeader
from he_helpers.tables.labels import LabelRecord, Labels
from he_helpers.tables.layouts import Layout, Placement, layout_from_fields
from he_helpers.tables.query import Query

# Imported where a frame is made or read: the server's workers make none, and pandas is a third of what they import.
if TYPE_CHECKING:
    import pandas as pd


class Table(Protocol):
    """What aggregation takes of an EncryptedTable."""

    header: TableHeader
    key: PublicKey
    ciphertexts: tuple[Ciphertext, ...]


def aggregate(table: Table, query: Query) -> EncryptedAggregate:
    """Answer the query on ciphertexts.

    Raises UnknownLabel or UnknownColumn (naming those that there are), UnsupportedQuery (a grouping that the table's
    layout cannot answer).
    """
    header = table.header
    header.check_query(query)
    positions = _positions(header.columns, query)
    grouping = header.layout.canonical(query.group_by) if positions else query.group_by
    counts = header.labels.group_sizes(grouping).tolist()
    return EncryptedAggregate(
        key=table.key,
        query=query,
        columns=header.columns,
        layout=header.layout.for_answer(grouping, max(counts)),
        groups=header.labels.groups(grouping),
        counts=counts,
        ciphertexts=header.packing.add_up(table.ciphertexts, grouping, positions) if positions else [],
    )


class AggregateRecord(Message, frozen=True):
    """An EncryptedAggregate; ``key`` is its key for loading, in its envelope. ``groups`` is empty for a grand total."""

    kind: ClassVar[str] = "aggregate"

    key: bytes
    query: dict[str, str | list[str]]
    columns: tuple[Column, ...]
    layout: LayoutRecord
    groups: tuple[LabelRecord, ...]
    counts: list[Annotated[int, msgspec.Meta(ge=1)]]
    ciphertexts: tuple[CiphertextRecord, ...]


class EncryptedAggregate:
    """The encrypted answer to a query: readable groups (Labels, a row for each) and counts, encrypted sums.

    ``layout`` is that of the table for this one grouping (see Layout.for_answer).
    """

    def __init__(
        self,
        key: PublicKey,
        query: Query,
        columns: tuple[Column, ...],
        layout: Layout,
        groups: Labels,
        counts: list[int],
        ciphertexts: Sequence[Ciphertext],
    ) -> None:
        self.key = key
        self.query = query
        self.columns = columns
        self.layout = layout
        self.groups = groups
        self.counts = counts
        self.ciphertexts = tuple(ciphertexts)

    def __repr__(self) -> str:
        by = ", ".join(self.query.group_by) or "the grand total"
        groups, ciphertexts = _numbered(self.groups.rows, "group"), _numbered(len(self.ciphertexts), "ciphertext")
        return f"EncryptedAggregate({self.query.statistic} by {by}: {groups} in {ciphertexts})"

    def decrypt(self, secret_key: Any) -> pd.DataFrame:
        """The answer in the clear, shaped as pandas' own groupby shapes it.

        secret_key: a SecretKey, or anything whose ``decrypt`` turns a Ciphertext into an array.
        Sums are rounded to the decimals of their column, int64 where it has none, else float64; means are these sums
        divided by the counts, float64.
        Raises KeyMismatch, DamagedBytes.
        """
        if self.query.statistic == "count":
            return self._frame({"count": self.counts})
        decrypted = [secret_key.decrypt(ciphertext).tolist() for ciphertext in self.ciphertexts]
        placement = _placement(self.key, self.query, self.columns, self.layout, self.groups.rows)
        result = {}
        for position in _positions(self.columns, self.query):
            column = self.columns[position]
            sums = (
                sum(decrypted[index][slot] for index, slot in placement.cells(position, group))
                for group in range(self.groups.rows)
            )
            divisors = self.counts if self.query.statistic == "mean" else [None] * len(self.counts)
            result[column.name] = [
                column.decode(total, self.key.exact, divisor) for total, divisor in zip(sums, divisors, strict=True)
            ]
        return self._frame(result)

    @property
    def further_numbers(self) -> int:
        """How many numbers its ciphertexts hold beside one for each group and column of the query.

        They are of other columns that lie in the same ciphertexts, or parts of sums: whoever decrypts reads them, too.
        """
        held = sum(ciphertext.length for ciphertext in self.ciphertexts)
        return held - self.groups.rows * len(self.query.columns) if self.ciphertexts else 0

    def _frame(self, columns: dict[str, list]) -> pd.DataFrame:
        import pandas as pd

        frame = pd.DataFrame(columns, index=self.groups.index())
        if self.groups.names != self.query.group_by:
            frame = frame.reorder_levels(list(self.query.group_by)).sort_index()
        return frame

    def to_bytes(self) -> bytes:
        """The aggregate in its envelope, with no more of the key than loading the ciphertexts takes."""
        record = AggregateRecord(
            key=self.key.for_loading().to_bytes(),
            query=self.query.to_dict(),
            columns=self.columns,
            layout=self.layout.to_fields(),
            groups=self.groups.to_records(),
            counts=self.counts,
            ciphertexts=tuple(ciphertext.to_record() for ciphertext in self.ciphertexts),
        )
        return seal_message(record)

    @classmethod
    def from_bytes(cls, data: bytes) -> EncryptedAggregate:
        """Read an aggregate from its envelope.

        Raises DamagedBytes, KeyMismatch, InsecureParameters, UnsupportedQuery.
        """
        record = open_message(data, AggregateRecord)
        query, columns, counts = Query.from_dict(record.query), record.columns, record.counts
        check_column_names(columns)
        layout = layout_from_fields(record.layout)
        groups = Labels.from_records(record.groups) if record.groups else Labels([], [], [], [], 1)
        if not (
            sorted(groups.names) == sorted(query.group_by)
            and groups.are_groups()
            and {column.name for column in columns}.issuperset(query.columns)
            and groups.rows == len(counts)
            and layout == layout.for_answer(groups.names, max(counts))
        ):
            raise DamagedBytes("The description of this aggregate contradicts itself.")
        key = load_public_key(record.key)
        placement = _placement(key, query, columns, layout, groups.rows)
        needed, brought = placement.ciphertext_count, len(record.ciphertexts)
        if brought != needed:
            raise DamagedBytes(f"This aggregate needs {needed} ciphertexts and brings {brought}.")
        ciphertexts = [key.ciphertext_from_record(ciphertext) for ciphertext in record.ciphertexts]
        if [ciphertext.length for ciphertext in ciphertexts] != placement.lengths:
            raise DamagedBytes("A ciphertext of this aggregate does not have the length that its groups need.")
        return cls(key, query, columns, layout, groups, counts, ciphertexts)


def _numbered(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _positions(columns: Sequence[Column], query: Query) -> list[int]:
    """Where the columns of the query are among those of the table."""
    places = {column.name: place for place, column in enumerate(columns)}
    return [places[name] for name in query.columns]


def _placement(
    key: PublicKey, query: Query, columns: tuple[Column, ...], layout: Layout, group_count: int
) -> Placement:
    return layout.placement(len(columns), group_count, key.slot_count, _positions(columns, query))
