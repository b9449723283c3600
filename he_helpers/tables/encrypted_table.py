"""EncryptedTable: a table whose labels can be read and whose numbers cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from he_helpers.schemes.errors import DamagedBytes, ShapeMismatch
from he_helpers.schemes.public import load_public_key
from he_helpers.schemes.public.interface import Ciphertext, Encryptor, PublicKey, require_encryptor
from he_helpers.schemes.records import open_message, seal_message
from he_helpers.tables.aggregation import EncryptedAggregate, aggregate
from he_helpers.tables.columns import MOST_DECIMALS, Column
from he_helpers.tables.header import TableHeader, TableRecord
from he_helpers.tables.labels import Labels
from he_helpers.tables.layouts import Aligned, Layout, Packing, require_layout
from he_helpers.tables.query import Query, UnknownColumn, UnknownLabel, UnsupportedQuery, names_of
from he_helpers.tables.room import LARGEST_BYTES, check_noise, check_room, check_size

# Imported where a frame is made or read: the server's workers make none, and pandas is a third of what they import.
if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[Iterable[Any]], Iterable[Any]]


class EncryptedTable:
    """Readable labels, encrypted numbers, and the evaluation part of the public key to add them up with.

    Attributes: ``header`` (TableHeader: all that is readable), ``key`` (PublicKey), ``ciphertexts``.
    """

    def __init__(self, key: PublicKey, header: TableHeader, ciphertexts: Sequence[Ciphertext]) -> None:
        self.key = key
        self.header = header
        self.ciphertexts = tuple(ciphertexts)

    @classmethod
    def encrypt(
        cls,
        frame: pd.DataFrame,
        labels: Sequence[str],
        key: Encryptor,
        *,
        decimals: int | Mapping[str, int] = 0,
        layout: Layout = Aligned(),
        largest_bytes: int = LARGEST_BYTES,
        progress: Progress = iter,
    ) -> EncryptedTable:
        """Encrypt every column of ``frame`` that is not a label.

        labels: the column or columns that stay readable, for everybody, the server included. Names become text: the
            column 2018 is "2018" in the table, and found by either.
        key: a PublicKey, or a SecretKey, whose owner sends half the bytes under BFV and CKKS (see SecretKey.encrypt).
        decimals: how many decimals the numbers have, for all columns or for each by name.
        layout: where the numbers lie, and so which sums can be asked for: Values(), Rows(), Aligned(...) or
            Rotated(...). The default answers sums by each label by itself.
        largest_bytes: what the ciphertexts may take, as made with the public key: up to twice the bytes of those of a
            secret key. In memory they take up to about twice as much.
        progress: wraps the iteration over ciphertexts, for instance tqdm.

        Raises, before anything is encrypted: WrongKind for a key that is neither, or a layout that is none;
        UnknownLabel; ValueOutOfRange for text, missing or too large values, more decimals than announced, or under CKKS
        more decimals than a sum has right; ShapeMismatch for a table that is empty, without numeric columns, or above
        ``largest_bytes``, or a layout that does not go with it; DepthExhausted for sums of more terms than the noise
        budget allows; UnsupportedOperation for a rotated table without the Galois keys.
        """
        public = require_encryptor(key).public
        require_layout(layout)
        names = [str(name) for name in frame.columns]
        labels = list(names_of(labels, "labels"))
        for label in labels:
            if label not in names:
                raise UnknownLabel(f"There is no column {label!r} for a label. Known are: {', '.join(names)}.", names)
        for kind, found in (("Column", names), ("Label", labels)):
            if twice := [name for name in found if found.count(name) > 1]:
                raise ShapeMismatch(f"{kind} {twice[0]!r} occurs twice. Rename or drop one.")
        frame = frame.set_axis(names, axis="columns")
        number_names = [name for name in names if name not in labels]
        if not len(frame) or not number_names or not len(labels):
            raise ShapeMismatch(
                f"A table needs rows, a label and a numeric column; this one has {len(frame)} rows, "
                f"{len(labels)} labels and {len(number_names)} other columns."
            )
        if isinstance(decimals, Mapping):
            decimals = {str(name): number for name, number in decimals.items()}
            if unknown := set(decimals) - set(number_names):
                raise UnknownColumn(f"Decimals for {sorted(unknown)}, which are no numeric columns.", number_names)
        columns = tuple(Column(name, _decimals_of(name, decimals)) for name in number_names)
        readable = Labels.from_frame(frame[labels])
        packing = layout.pack(readable, len(columns), public.slot_count)
        numbers = np.stack([column.encode(frame[column.name], public.exact) for column in columns], axis=1)
        _rehearse_rotations(packing, public)
        check_room(packing, columns, numbers, public)
        check_size(packing, public, largest_bytes)
        vectors = progress(packing.vectors(numbers))
        ciphertexts = [key.encrypt(vector, terms=packing.terms) for vector in vectors]
        header = TableHeader(public.scheme_name, public.fingerprint, public.slot_count, readable, columns, packing)
        return cls(public.for_evaluation(), header, ciphertexts)

    def __repr__(self) -> str:
        return (
            f"EncryptedTable({self.rows} rows, labels {', '.join(self.label_names)}; {len(self.columns)} encrypted "
            f"columns in {len(self.ciphertexts)} ciphertexts of {self.scheme_name}, layout {self.layout.name})"
        )

    @property
    def labels(self) -> Labels:
        return self.header.labels

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.header.columns

    @property
    def layout(self) -> Layout:
        return self.header.layout

    @property
    def packing(self) -> Packing:
        """Where the numbers lie: the layout for this table's labels and columns."""
        return self.header.packing

    @property
    def rows(self) -> int:
        return self.header.rows

    @property
    def label_names(self) -> tuple[str, ...]:
        return self.header.label_names

    @property
    def label_frame(self) -> pd.DataFrame:
        """What anyone can read: the labels of every row."""
        return self.labels.frame()

    @property
    def scheme_name(self) -> str:
        return self.header.scheme_name

    @property
    def groupings(self) -> tuple[tuple[str, ...], ...] | None:
        """The groupings that the layout can answer; None for any."""
        return self.header.groupings

    def group_sizes(self, group_by: Sequence[str]) -> pd.Series:
        """Rows in each group, from the readable labels alone. Raises UnknownLabel."""
        return self.header.group_sizes(group_by)

    def group_by(self, *labels: str) -> GroupBy:
        """Start a query: ``table.group_by("SEX")["2018"].sum()``. No label asks for the grand total.

        Raises UnknownLabel; UnsupportedQuery for anything but names.
        """
        if len(labels) == 1 and isinstance(labels[0], (list, tuple)):
            raise UnsupportedQuery(
                f"group_by takes labels one by one: group_by({', '.join(map(repr, labels[0]))}), without the brackets "
                "of a list.",
                [],
            )
        labels = names_of(labels, "labels")
        Query("count", labels).check_names(self.label_names, ())
        return GroupBy(self, labels, self.header.column_names)

    def description(self) -> dict[str, Any]:
        """What the server can tell about the table, JSON-able: everything here is readable for it."""
        return self.header.description()

    def decrypt(self, secret_key: Any) -> pd.DataFrame:
        """The whole table in the clear, for its owner alone: labels as text, then numbers, int64 or float64.

        secret_key: a SecretKey, or anything whose ``decrypt`` turns a Ciphertext into an array.
        Raises KeyMismatch; DamagedBytes, also where two places of one number say two things.
        """
        shape = (self.rows, len(self.columns))
        # Packed as the numbers were, their places tell where each of them lies; 0 stands where none does.
        places = np.arange(1, 1 + shape[0] * shape[1]).reshape(shape)
        found: dict[int, int | float] = {}
        for ciphertext, vector in zip(self.ciphertexts, self.packing.vectors(places), strict=True):
            for place, number in zip(vector.tolist(), secret_key.decrypt(ciphertext).tolist(), strict=True):
                if place:
                    value = self.columns[(place - 1) % len(self.columns)].decode(number, self.key.exact)
                    if found.setdefault(place, value) != value:
                        raise DamagedBytes(
                            "Two places of this table that hold one number decrypt to two. It was altered."
                        )
        frame = self.label_frame
        for position, column in enumerate(self.columns):
            frame[column.name] = [found[place] for place in places[:, position].tolist()]
        return frame

    def to_bytes(self) -> bytes:
        """The table in its envelope, with its header, the evaluation key and every ciphertext."""
        ciphertexts = tuple(ciphertext.to_record() for ciphertext in self.ciphertexts)
        return seal_message(TableRecord(self.header.to_record(), self.key.to_bytes(), ciphertexts))

    @classmethod
    def from_bytes(cls, data: bytes, largest_work: int | None = None) -> EncryptedTable:
        """Read a table from its envelope; ``largest_work`` as for TableHeader.from_record.

        Raises DamagedBytes, KeyMismatch, SecretKeyFound, InsecureParameters. A library's parser sees a ciphertext
        only after the envelopes, the header and the number and lengths of the ciphertexts have been checked.
        """
        record = open_message(data, TableRecord)
        header = TableHeader.from_record(record.header, largest_work)
        packing, brought = header.packing, len(record.ciphertexts)
        if brought != packing.ciphertext_count:
            raise DamagedBytes(
                f"This table needs {packing.ciphertext_count} ciphertexts for its layout and brings {brought}."
            )
        key = load_public_key(record.key)
        if (key.scheme_name, key.fingerprint, key.slot_count) != (
            header.scheme_name,
            header.key_fingerprint,
            header.slot_count,
        ):
            raise DamagedBytes("The key of this table is not the one that its header names.")
        check_noise(packing, key)
        loaded = [key.ciphertext_from_record(ciphertext) for ciphertext in record.ciphertexts]
        if any(ciphertext.length != length for ciphertext, length in zip(loaded, packing.lengths(), strict=True)):
            raise DamagedBytes("A ciphertext of this table does not have the length that its layout needs.")
        return cls(key, header, loaded)


class GroupBy:
    """A query on its way: choose columns by [], then a statistic."""

    def __init__(self, table: EncryptedTable, labels: tuple[str, ...], columns: tuple[str, ...]) -> None:
        self._table = table
        self._labels = labels
        self._columns = columns

    def __getitem__(self, columns: str | Sequence[str]) -> GroupBy:
        return GroupBy(self._table, self._labels, names_of(columns, "columns"))

    def sum(self) -> EncryptedAggregate:
        """The encrypted sums of the chosen columns."""
        return aggregate(self._table, Query("sum", self._labels, self._columns))

    def mean(self) -> EncryptedAggregate:
        """The encrypted sums and the counts; the division comes after decryption."""
        return aggregate(self._table, Query("mean", self._labels, self._columns))

    def count(self) -> EncryptedAggregate:
        """The number of rows of each group. Nothing of it is encrypted: the labels give it."""
        return aggregate(self._table, Query("count", self._labels))


def _rehearse_rotations(packing: Packing, key: PublicKey) -> None:
    """Raise UnsupportedOperation if the server had no keys for the rotations of the sums: tried on one ciphertext."""
    rotations = max(of_group.rotations for of_group in packing.sums())
    if rotations:
        probe = key.encrypt([0], terms=1)
        for step in range(rotations):
            probe.rotate(1 << step)


def _decimals_of(name: str, decimals: int | Mapping[str, int]) -> int:
    number = decimals.get(name, 0) if isinstance(decimals, Mapping) else decimals
    if isinstance(number, (bool, np.bool_)) or not isinstance(number, (int, np.integer)):
        raise ShapeMismatch(f"Column {name!r} needs 0 to {MOST_DECIMALS} decimals, a whole number, not {number!r}.")
    if not 0 <= number <= MOST_DECIMALS:
        raise ShapeMismatch(f"Column {name!r} needs 0 to {MOST_DECIMALS} decimals, not {number!r}.")
    return int(number)
