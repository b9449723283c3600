"""What the server reads of an encrypted table to check a query: labels, names of columns, groupings.

It is kept beside the table's bytes, so that no query makes the server read ciphertexts before it computes.
"""

from dataclasses import dataclass

import msgpack

from he_helpers.tables import EncryptedTable, Labels, Query
from he_helpers.tables.layouts import announced_grouping


@dataclass(frozen=True)
class LabelPart:
    """The readable part of a table. ``groupings`` are those that its layout answers sums for; None for any."""

    labels: Labels
    column_names: tuple[str, ...]
    groupings: tuple[tuple[str, ...], ...] | None

    @classmethod
    def of(cls, table: EncryptedTable) -> "LabelPart":
        """The readable part of ``table``."""
        return cls(table.labels, tuple(column.name for column in table.columns), table.groupings)

    @classmethod
    def from_bytes(cls, data: bytes) -> "LabelPart":
        """The inverse of to_bytes(), for bytes that this server made."""
        label_fields, column_names, groupings = msgpack.unpackb(data, use_list=True)
        return cls(
            Labels.from_fields(label_fields),
            tuple(column_names),
            None if groupings is None else tuple(tuple(grouping) for grouping in groupings),
        )

    def to_bytes(self) -> bytes:
        return msgpack.packb([self.labels.to_fields(), self.column_names, self.groupings])

    def check_answers(self, query: Query) -> None:
        """Raise UnknownLabel, UnknownColumn, or UnsupportedQuery for sums by a grouping that was not announced."""
        query.check_names(self.labels.names, self.column_names)
        if query.columns and self.groupings is not None:
            announced_grouping(self.groupings, query.group_by)
