"""Aggregation: from an encrypted table and a query to an encrypted result.

A pure function of ciphertexts and readable labels: no key is needed, no randomness is used, and everybody who computes
it gets the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from he_helpers.schemes.envelope import open_envelope, seal_envelope
from he_helpers.schemes.errors import DamagedBytes
from he_helpers.schemes.public import load_public_key
from he_helpers.schemes.public.interface import Ciphertext, PublicKey
from he_helpers.tables.columns import Column, columns_from_fields, columns_to_fields
from he_helpers.tables.labels import Labels
from he_helpers.tables.layouts import LAYOUT_NAMES, make_placement
from he_helpers.tables.placement import Placement
from he_helpers.tables.query import Query

if TYPE_CHECKING:
    from he_helpers.tables.encrypted_table import EncryptedTable


def aggregate(table: EncryptedTable, query: Query) -> EncryptedAggregate:
    """Answer the query on ciphertexts.

    Raises UnknownLabel or UnknownColumn (naming those that there are), UnsupportedQuery (a grouping that the table's
    layout cannot answer).
    """
    table.header.check_query(query)
    positions = [table.header.column_names.index(name) for name in query.columns]
    grouping = table.layout.canonical(query.group_by) if positions else query.group_by
    return EncryptedAggregate(
        key=table.key,
        query=query,
        columns=table.columns,
        layout_name=table.layout.name,
        partial_sums=table.layout.parts(grouping) if positions else 1,
        groups=table.labels.groups(grouping),
        counts=table.labels.group_sizes(grouping).tolist(),
        ciphertexts=table.layout.add_up(table.ciphertexts, grouping, positions) if positions else [],
    )


class EncryptedAggregate:
    """The encrypted answer to a query: readable groups (Labels, a row for each) and counts, encrypted sums."""

    def __init__(
        self,
        key: PublicKey,
        query: Query,
        columns: tuple[Column, ...],
        layout_name: str,
        partial_sums: int,
        groups: Labels,
        counts: list[int],
        ciphertexts: Sequence[Ciphertext],
    ) -> None:
        self.key = key
        self.query = query
        self.columns = columns
        self.layout_name = layout_name
        self.partial_sums = partial_sums
        self.groups = groups
        self.counts = counts
        self.ciphertexts = tuple(ciphertexts)

    def __repr__(self) -> str:
        by = ", ".join(self.query.group_by) or "the grand total"
        return (
            f"EncryptedAggregate({self.query.statistic} by {by}: {self.groups.rows} groups in "
            f"{len(self.ciphertexts)} ciphertexts)"
        )

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
        positions = {column.name: i for i, column in enumerate(self.columns)}
        placement = _placement(
            self.key, self.query, self.columns, self.layout_name, self.partial_sums, self.groups.rows
        )
        result = {}
        for name in self.query.columns:
            column = self.columns[positions[name]]
            sums = (
                sum(decrypted[index][slot] for index, slot in placement.cells(positions[name], group))
                for group in range(self.groups.rows)
            )
            divisors = self.counts if self.query.statistic == "mean" else [None] * len(self.counts)
            result[name] = [
                column.decode(total, self.key.exact, divisor) for total, divisor in zip(sums, divisors, strict=True)
            ]
        return self._frame(result)

    def _frame(self, columns: dict[str, list]) -> pd.DataFrame:
        frame = pd.DataFrame(columns, index=self.groups.index())
        if self.groups.names != self.query.group_by:
            frame = frame.reorder_levels(list(self.query.group_by)).sort_index()
        return frame

    def to_bytes(self) -> bytes:
        """The aggregate in its envelope, with no more of the key than loading the ciphertexts takes."""
        fields = [
            self.key.for_loading().to_bytes(),
            self.query.to_dict(),
            columns_to_fields(self.columns),
            self.layout_name,
            self.partial_sums,
            self.groups.to_fields(),
            self.counts,
            [ciphertext.to_fields() for ciphertext in self.ciphertexts],
        ]
        return seal_envelope("aggregate", fields)

    @classmethod
    def from_bytes(cls, data: bytes) -> EncryptedAggregate:
        """Read an aggregate from its envelope.

        Raises DamagedBytes, KeyMismatch, InsecureParameters, UnsupportedQuery.
        """
        fields = open_envelope(data, "aggregate")
        kinds = (bytes, dict, list, str, int, list, list, list)
        if len(fields) != len(kinds) or not all(isinstance(f, k) for f, k in zip(fields, kinds, strict=True)):
            raise DamagedBytes("The fields of this aggregate do not fit this version of he_helpers.")
        key_bytes, query_fields, column_fields, layout_name, partial_sums, group_fields, counts, sums = fields
        query = Query.from_dict(query_fields)
        columns = columns_from_fields(column_fields)
        groups = Labels.from_fields(group_fields) if group_fields else Labels([], [], [], [], 1)
        if not (
            layout_name in LAYOUT_NAMES
            and 1 <= partial_sums <= 2**20
            and sorted(groups.names) == sorted(query.group_by)
            and groups.are_groups()
            and {column.name for column in columns}.issuperset(query.columns)
            and groups.rows == len(counts)
            and all(type(count) is int and count > 0 for count in counts)
        ):
            raise DamagedBytes("The description of this aggregate contradicts itself.")
        key = load_public_key(key_bytes)
        placement = _placement(key, query, columns, layout_name, partial_sums, groups.rows)
        if len(sums) != len(placement.lengths):
            raise DamagedBytes(f"This aggregate needs {len(placement.lengths)} ciphertexts and brings {len(sums)}.")
        ciphertexts = [key.ciphertext_from_fields(fields_of_sum) for fields_of_sum in sums]
        if [ciphertext.length for ciphertext in ciphertexts] != placement.lengths:
            raise DamagedBytes("A ciphertext of this aggregate does not have the length that its groups need.")
        return cls(key, query, columns, layout_name, partial_sums, groups, counts, ciphertexts)


def _placement(
    key: PublicKey, query: Query, columns: tuple[Column, ...], layout_name: str, partial_sums: int, group_count: int
) -> Placement:
    names = [column.name for column in columns]
    positions = [names.index(name) for name in query.columns]
    return make_placement(layout_name, len(columns), group_count, key.slot_count, partial_sums, positions)
