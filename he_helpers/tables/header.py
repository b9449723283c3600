"""TableHeader: everything of an encrypted table that can be read, without its key and its ciphertexts.

It is read without any library's parser, so a server keeps it next to a table and answers from it what there is, how
large the groups are, and whether a query can be answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec

from he_helpers.errors import HEError
from he_helpers.schemes.errors import DamagedBytes, ShapeMismatch
from he_helpers.schemes.public.interface.records import CiphertextRecord
from he_helpers.schemes.records import Fingerprint, Message, open_message, seal_message
from he_helpers.tables.columns import Column, check_column_names
from he_helpers.tables.labels import LabelRecord, Labels
from he_helpers.tables.layouts import Layout, Packing, layout_from_fields
from he_helpers.tables.query import Query

# Imported where a frame is made or read: the server's workers make none, and pandas is a third of what they import.
if TYPE_CHECKING:
    import pandas as pd

_MOST_SLOTS = 2**16

# The forms of Layout.to_fields(), which layout_from_fields() checks in full.
LayoutRecord = dict[str, str | int | list[list[str]]]


class HeaderRecord(Message, frozen=True):
    """A TableHeader, in an envelope of its own or as part of a table."""

    kind: ClassVar[str] = "table header"

    scheme_name: str
    key_fingerprint: Fingerprint
    slot_count: Annotated[int, msgspec.Meta(ge=1, le=_MOST_SLOTS)]
    labels: Annotated[tuple[LabelRecord, ...], msgspec.Meta(min_length=1)]
    columns: Annotated[tuple[Column, ...], msgspec.Meta(min_length=1)]
    layout: LayoutRecord


class TableRecord(Message, frozen=True):
    """An EncryptedTable; ``key`` is its key for evaluation, in its envelope."""

    kind: ClassVar[str] = "table"

    header: HeaderRecord
    key: bytes
    ciphertexts: tuple[CiphertextRecord, ...]


@dataclass(frozen=True, eq=False)
class TableHeader:
    """The readable part of an encrypted table.

    ``scheme_name`` and ``key_fingerprint`` of its key, ``slot_count`` of a ciphertext under it, ``labels``,
    ``columns`` and ``packing``: where the numbers lie.
    """

    scheme_name: str
    key_fingerprint: str
    slot_count: int
    labels: Labels
    columns: tuple[Column, ...]
    packing: Packing

    def __repr__(self) -> str:
        return (
            f"TableHeader({self.rows} rows, labels {', '.join(self.label_names)}; {len(self.columns)} encrypted "
            f"columns in {self.packing.ciphertext_count} ciphertexts of {self.scheme_name}, layout {self.layout.name})"
        )

    @property
    def layout(self) -> Layout:
        return self.packing.layout

    @property
    def rows(self) -> int:
        return self.labels.rows

    @property
    def label_names(self) -> tuple[str, ...]:
        return self.labels.names

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def groupings(self) -> tuple[tuple[str, ...], ...] | None:
        """The groupings that the layout can answer; None for any."""
        return self.layout.groupings

    def check_query(self, query: Query) -> None:
        """Raise UnknownLabel, UnknownColumn or UnsupportedQuery if the table cannot answer ``query``."""
        query.check_names(self.label_names, self.column_names)
        # A count needs no ciphertext, so any grouping can be counted.
        if query.columns:
            self.layout.canonical(query.group_by)

    def group_sizes(self, group_by: Sequence[str]) -> pd.Series:
        """Rows in each group, int64, from the readable labels alone. Raises UnknownLabel."""
        Query("count", tuple(group_by)).check_names(self.label_names, ())
        import pandas as pd

        sizes = self.labels.group_sizes(group_by)
        return pd.Series(sizes, index=self.labels.groups(group_by).index(), name="count")

    def description(self) -> dict[str, Any]:
        """What anyone can tell about the table, JSON-able."""
        return {
            "scheme": self.scheme_name,
            "key_fingerprint": self.key_fingerprint,
            "rows": self.rows,
            "labels": {name: list(self.labels.categories[name]) for name in self.label_names},
            "columns": [{"name": column.name, "decimals": column.decimals} for column in self.columns],
            "layout": self.layout.name,
            "groupings": None if self.groupings is None else [list(grouping) for grouping in self.groupings],
            "ciphertexts": self.packing.ciphertext_count,
        }

    def to_record(self) -> HeaderRecord:
        """For an envelope."""
        return HeaderRecord(
            scheme_name=self.scheme_name,
            key_fingerprint=bytes.fromhex(self.key_fingerprint),
            slot_count=self.slot_count,
            labels=self.labels.to_records(),
            columns=self.columns,
            layout=self.layout.to_fields(),
        )

    @classmethod
    def from_record(cls, record: HeaderRecord, largest_work: int | None = None) -> TableHeader:
        """The inverse of to_record.

        largest_work: for whoever reads tables of others, the most rows times groupings to go through; None: any number.
        Raises DamagedBytes, and ShapeMismatch for more work than that.
        """
        check_column_names(record.columns)
        labels, layout = Labels.from_records(record.labels), layout_from_fields(record.layout)
        groupings = layout.groupings or ((),)
        work = labels.rows * len(groupings)
        if largest_work is not None and work > largest_work:
            raise ShapeMismatch(
                f"This table has {labels.rows:,} rows and {len(groupings)} groupings. Rows times groupings are "
                f"{work:,}, and at most {largest_work:,} are taken. Announce fewer groupings, or split the table."
            )
        try:
            packing = layout.pack(labels, len(record.columns), record.slot_count)
        except HEError as error:
            raise DamagedBytes(f"The layout of this table does not fit its labels: {error}") from None
        fingerprint = record.key_fingerprint.hex()
        return cls(record.scheme_name, fingerprint, record.slot_count, labels, record.columns, packing)

    def to_bytes(self) -> bytes:
        """The header alone, in an envelope of its own."""
        return seal_message(self.to_record())

    @classmethod
    def from_bytes(cls, data: bytes) -> TableHeader:
        """Read what to_bytes gave. Raises DamagedBytes."""
        return cls.from_record(open_message(data, HeaderRecord))
