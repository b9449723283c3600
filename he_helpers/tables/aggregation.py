"""Aggregation: from an encrypted table and a query to an encrypted result.

A pure function of ciphertexts and readable labels: no key is needed, no randomness is used, and everybody who computes
it gets the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from he_helpers.schemes.envelope import open_envelope, seal_envelope
from he_helpers.schemes.errors import DamagedBytes
from he_helpers.schemes.interface import Ciphertext, PublicKey
from he_helpers.schemes.public import load_public_key
from he_helpers.tables.columns import Column, columns_from_fields, columns_to_fields
from he_helpers.tables.layouts import LAYOUT_NAMES, make_placement
from he_helpers.tables.placement import Placement
from he_helpers.tables.query import Query

if TYPE_CHECKING:
    from he_helpers.tables.encrypted_table import EncryptedTable

Groups = list[tuple[str, ...]]


def aggregate(table: EncryptedTable, query: Query) -> EncryptedAggregate:
    """Answer the query on ciphertexts.

    Raises UnknownLabel or UnknownColumn (naming those that there are), UnsupportedQuery (a grouping that the table's
    layout cannot answer).
    """
    names = [column.name for column in table.columns]
    query.check_names(table.label_names, names)
    positions = [names.index(name) for name in query.columns]
    # A count needs no ciphertext, so any grouping can be counted.
    grouping = table.layout.canonical(query.group_by) if positions else query.group_by
    groups, group_of_row = table.labels.groups(grouping)
    return EncryptedAggregate(
        key=table.key,
        query=query,
        columns=table.columns,
        layout_name=table.layout.name,
        partial_sums=table.layout.parts(grouping) if positions else 1,
        grouping=grouping,
        groups=groups,
        counts=np.bincount(group_of_row, minlength=len(groups)).tolist(),
        ciphertexts=table.layout.add_up(table.ciphertexts, grouping, positions) if positions else [],
    )


class EncryptedAggregate:
    """The encrypted answer to a query: readable groups and counts, encrypted sums."""

    def __init__(
        self,
        key: PublicKey,
        query: Query,
        columns: tuple[Column, ...],
        layout_name: str,
        partial_sums: int,
        grouping: tuple[str, ...],
        groups: Groups,
        counts: list[int],
        ciphertexts: Sequence[Ciphertext],
    ) -> None:
        self.key = key
        self.query = query
        self.columns = columns
        self.layout_name = layout_name
        self.partial_sums = partial_sums
        self.grouping = grouping
        self.groups = groups
        self.counts = counts
        self.ciphertexts = tuple(ciphertexts)

    def __repr__(self) -> str:
        by = ", ".join(self.query.group_by) or "the grand total"
        return (
            f"EncryptedAggregate({self.query.statistic} by {by}: {len(self.groups)} groups in "
            f"{len(self.ciphertexts)} ciphertexts)"
        )

    def decrypt(self, secret_key: Any) -> pd.DataFrame:
        """The answer in the clear, shaped as pandas' own groupby shapes it.

        secret_key: a SecretKey, or anything whose ``decrypt`` turns a Ciphertext into an array.
        Sums are rounded to the decimals of their column; means are the exact sums divided by the counts.
        Raises KeyMismatch, DamagedBytes.
        """
        if self.query.statistic == "count":
            return self._frame({"count": self.counts})
        decrypted = [secret_key.decrypt(ciphertext).tolist() for ciphertext in self.ciphertexts]
        positions = {column.name: i for i, column in enumerate(self.columns)}
        placement = _placement(
            self.key, self.query, self.columns, self.layout_name, self.partial_sums, len(self.groups)
        )
        result = {}
        for name in self.query.columns:
            column = self.columns[positions[name]]
            sums = (
                sum(decrypted[index][slot] for index, slot in placement.cells(positions[name], group))
                for group in range(len(self.groups))
            )
            divisors = self.counts if self.query.statistic == "mean" else [1] * len(self.counts)
            result[name] = [
                column.decode(total, self.key.exact, divisor) for total, divisor in zip(sums, divisors, strict=True)
            ]
        return self._frame(result)

    def _frame(self, columns: dict[str, list]) -> pd.DataFrame:
        frame = pd.DataFrame(columns, index=group_index(self.grouping, self.groups))
        if self.grouping != self.query.group_by:
            frame = frame.reorder_levels(list(self.query.group_by)).sort_index()
        return frame

    def to_bytes(self) -> bytes:
        """The aggregate in its envelope."""
        fields = [
            self.key.to_bytes(),
            self.query.to_dict(),
            columns_to_fields(self.columns),
            self.layout_name,
            self.partial_sums,
            list(self.grouping),
            [list(group) for group in self.groups],
            self.counts,
            [ciphertext.to_bytes() for ciphertext in self.ciphertexts],
        ]
        return seal_envelope("aggregate", fields)

    @classmethod
    def from_bytes(cls, data: bytes) -> EncryptedAggregate:
        """Read an aggregate from its envelope.

        Raises DamagedBytes, KeyMismatch, InsecureParameters, UnsupportedQuery.
        """
        fields = open_envelope(data, "aggregate")
        kinds = (bytes, dict, list, str, int, list, list, list, list)
        if len(fields) != len(kinds) or not all(isinstance(f, k) for f, k in zip(fields, kinds, strict=True)):
            raise DamagedBytes("The fields of this aggregate do not fit this version of he_helpers.")
        key_bytes, query_fields, column_fields, layout_name, partial_sums, grouping, groups, counts, sealed = fields
        query = Query.from_dict(query_fields)
        columns = columns_from_fields(column_fields)
        if not (
            layout_name in LAYOUT_NAMES
            and 1 <= partial_sums <= 2**20
            and all(isinstance(name, str) for name in grouping)
            and sorted(grouping) == sorted(query.group_by)
            and {column.name for column in columns}.issuperset(query.columns)
            and groups
            and len(groups) == len(counts)
            and all(
                isinstance(group, list) and len(group) == len(grouping) and all(isinstance(v, str) for v in group)
                for group in groups
            )
            and all(type(count) is int and count > 0 for count in counts)
            and all(isinstance(ciphertext, bytes) for ciphertext in sealed)
        ):
            raise DamagedBytes("The description of this aggregate contradicts itself.")
        key = load_public_key(key_bytes)
        names = [tuple(group) for group in groups]
        placement = _placement(key, query, columns, layout_name, partial_sums, len(groups))
        if len(sealed) != len(placement.lengths):
            raise DamagedBytes(f"This aggregate needs {len(placement.lengths)} ciphertexts and brings {len(sealed)}.")
        ciphertexts = [key.load_ciphertext(ciphertext) for ciphertext in sealed]
        if [ciphertext.length for ciphertext in ciphertexts] != placement.lengths:
            raise DamagedBytes("A ciphertext of this aggregate does not have the length that its groups need.")
        return cls(key, query, columns, layout_name, partial_sums, tuple(grouping), names, counts, ciphertexts)


def _placement(
    key: PublicKey, query: Query, columns: tuple[Column, ...], layout_name: str, partial_sums: int, group_count: int
) -> Placement:
    names = [column.name for column in columns]
    positions = [names.index(name) for name in query.columns]
    return make_placement(layout_name, len(columns), group_count, key.slot_count, partial_sums, positions)


def group_index(grouping: tuple[str, ...], names: Groups) -> pd.Index:
    """The index of a result: one level for each label, as pandas' own groupby has it."""
    if not grouping:
        return pd.RangeIndex(1)
    if len(grouping) == 1:
        return pd.Index([name[0] for name in names], name=grouping[0])
    return pd.MultiIndex.from_tuples(names, names=grouping)
