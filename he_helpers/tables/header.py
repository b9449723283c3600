"""TableHeader: everything of an encrypted table that can be read, without its key and its ciphertexts.

It is read without any library's parser, so a server keeps it next to a table and answers from it what there is, how
large the groups are, and whether a query can be answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from he_helpers.errors import HEError
from he_helpers.schemes.envelope import open_envelope, seal_envelope
from he_helpers.schemes.errors import DamagedBytes, ShapeMismatch
from he_helpers.tables.columns import Column, columns_from_fields, columns_to_fields
from he_helpers.tables.labels import Labels
from he_helpers.tables.layouts import Layout, Packing, layout_from_fields
from he_helpers.tables.query import Query

_MOST_SLOTS = 2**16


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

    def to_fields(self) -> list:
        """For an envelope."""
        return [
            self.scheme_name,
            bytes.fromhex(self.key_fingerprint),
            self.slot_count,
            self.labels.to_fields(),
            columns_to_fields(self.columns),
            self.layout.to_fields(),
        ]

    @classmethod
    def from_fields(cls, fields: object, largest_work: int | None = None) -> TableHeader:
        """The inverse of to_fields.

        largest_work: for whoever reads tables of others, the most rows times groupings to go through; None: any number.
        Raises DamagedBytes, and ShapeMismatch for more work than that.
        """
        kinds = (str, bytes, int, list, list, dict)
        if not (
            isinstance(fields, list)
            and len(fields) == len(kinds)
            and all(isinstance(f, k) and f.__class__ is not bool for f, k in zip(fields, kinds, strict=True))
            and len(fields[1]) == 16
            and 1 <= fields[2] <= _MOST_SLOTS
        ):
            raise DamagedBytes("The header of this table does not fit this version of he_helpers.")
        scheme_name, fingerprint, slot_count, label_fields, column_fields, layout_fields = fields
        labels, columns = Labels.from_fields(label_fields), columns_from_fields(column_fields)
        if not columns:
            raise DamagedBytes("This table has no numeric column.")
        layout = layout_from_fields(layout_fields)
        groupings = layout.groupings or ((),)
        work = labels.rows * len(groupings)
        if largest_work is not None and work > largest_work:
            raise ShapeMismatch(
                f"This table has {labels.rows:,} rows and {len(groupings)} groupings. Rows times groupings are "
                f"{work:,}, and at most {largest_work:,} are taken. Announce fewer groupings, or split the table."
            )
        try:
            packing = layout.pack(labels, len(columns), slot_count)
        except HEError as error:
            raise DamagedBytes(f"The layout of this table does not fit its labels: {error}") from None
        return cls(scheme_name, fingerprint.hex(), slot_count, labels, columns, packing)

    def to_bytes(self) -> bytes:
        """The header alone, in an envelope of its own."""
        return seal_envelope("table header", self.to_fields())

    @classmethod
    def from_bytes(cls, data: bytes) -> TableHeader:
        """Read what to_bytes gave. Raises DamagedBytes."""
        return cls.from_fields(open_envelope(data, "table header"))

    @classmethod
    def of_table(cls, data: bytes) -> TableHeader:
        """The header of a whole table: of what EncryptedTable.to_bytes() gave. Raises DamagedBytes.

        The table's digest is checked; its key and its ciphertexts are not looked at.
        """
        return cls.from_fields(table_fields(data)[0])


def table_fields(data: bytes) -> list:
    """The three fields of a table's envelope: the header's fields, the key for evaluation, a list of those of the
    ciphertexts.

    Raises DamagedBytes. Checked are their number and their types alone.
    """
    fields = open_envelope(data, "table")
    if len(fields) != 3 or not isinstance(fields[1], bytes) or not isinstance(fields[2], list):
        raise DamagedBytes("The fields of this table do not fit this version of he_helpers.")
    return fields
