"""EncryptedTable: a table whose labels can be read and whose numbers cannot."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from he_helpers.errors import HEError
from he_helpers.schemes.envelope import open_envelope, seal_envelope
from he_helpers.schemes.errors import DamagedBytes, ShapeMismatch
from he_helpers.schemes.interface import Ciphertext, PublicKey
from he_helpers.schemes.public import load_public_key
from he_helpers.tables.aggregation import EncryptedAggregate, aggregate, group_index
from he_helpers.tables.columns import MOST_DECIMALS, Column, Labels, columns_from_fields, columns_to_fields
from he_helpers.tables.layouts import ANNOUNCED, LAYOUT_NAMES, Layout, make_layout
from he_helpers.tables.query import Query, UnknownColumn, UnknownLabel

Progress = Callable[[Iterable[Any]], Iterable[Any]]


class EncryptedTable:
    """Readable labels, encrypted numbers, and the evaluation part of the public key to add them up with.

    Attributes: ``labels`` (Labels), ``columns`` (tuple of Column), ``layout`` (Layout), ``key`` (PublicKey),
    ``ciphertexts``.
    """

    def __init__(
        self,
        key: PublicKey,
        labels: Labels,
        columns: tuple[Column, ...],
        layout: Layout,
        ciphertexts: Sequence[Ciphertext],
    ) -> None:
        self.key = key
        self.labels = labels
        self.columns = columns
        self.layout = layout
        self.ciphertexts = tuple(ciphertexts)

    @classmethod
    def encrypt(
        cls,
        frame: pd.DataFrame,
        labels: Sequence[str],
        key: PublicKey,
        *,
        decimals: int | Mapping[str, int] = 0,
        layout: str = "aligned",
        groupings: Sequence[Sequence[str]] | None = None,
        partial_sums: int = 1,
        progress: Progress = iter,
    ) -> "EncryptedTable":
        """Encrypt every column of ``frame`` that is not a label.

        labels: the columns that stay readable, for everybody, the server included.
        decimals: how many decimals the numbers have, for all columns or for each by name.
        layout: "aligned", "rotated", "rows" or "values" (see layouts.py).
        groupings: the label combinations that an aligned or rotated table shall answer sums for; each label by itself
            if None.
        partial_sums: parts that a sum of an aligned table stays split into (see layouts.AlignedLayout), and that the
            server adds up in a rotated one; a power of two there (see layouts.RotatedLayout).
        progress: wraps the iteration over ciphertexts, for instance tqdm.

        Raises UnknownLabel; ValueOutOfRange for text, missing or too large values, or more decimals than announced;
        ShapeMismatch for an empty table or one without numeric columns; for a rotated table UnsupportedOperation
        (missing Galois keys) and DepthExhausted (more rotations than the noise budget allows).
        """
        names = [str(name) for name in frame.columns]
        labels = [labels] if isinstance(labels, str) else [str(label) for label in labels]
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
        columns = tuple(Column(name, _decimals_of(name, decimals)) for name in number_names)
        if isinstance(decimals, Mapping) and (unknown := set(decimals) - set(number_names)):
            raise UnknownColumn(f"Decimals for {sorted(unknown)}, which are no numeric columns.", number_names)
        readable = Labels.from_frame(frame[labels])
        arrangement = _layout(layout, readable, len(columns), key.slot_count, groupings, partial_sums)
        numbers = np.stack([column.encode(frame[column.name], key.exact) for column in columns], axis=1)
        vectors = progress(arrangement.vectors(numbers))
        ciphertexts = [key.encrypt(vector, terms=arrangement.terms) for vector in vectors]
        arrangement.rehearse(ciphertexts)
        return cls(key.for_evaluation(), readable, columns, arrangement, ciphertexts)

    def __repr__(self) -> str:
        return (
            f"EncryptedTable({self.rows} rows, labels {', '.join(self.label_names)}; {len(self.columns)} encrypted "
            f"columns in {len(self.ciphertexts)} ciphertexts of {self.scheme_name}, layout {self.layout.name})"
        )

    @property
    def rows(self) -> int:
        return self.labels.rows

    @property
    def label_names(self) -> tuple[str, ...]:
        return self.labels.names

    @property
    def label_frame(self) -> pd.DataFrame:
        """What anyone can read: the labels of every row."""
        return self.labels.frame()

    @property
    def scheme_name(self) -> str:
        return self.key.scheme_name

    @property
    def groupings(self) -> tuple[tuple[str, ...], ...] | None:
        """The groupings that the layout can answer; None for any."""
        return self.layout.groupings

    def group_sizes(self, group_by: Sequence[str]) -> pd.Series:
        """Rows in each group, from the readable labels alone. Raises UnknownLabel."""
        Query("count", tuple(group_by)).check_names(self.label_names, ())
        names, group_of_row = self.labels.groups(tuple(group_by))
        index = group_index(tuple(group_by), names)
        return pd.Series(np.bincount(group_of_row, minlength=len(names)), index=index, name="count")

    def group_by(self, *labels: str) -> "GroupBy":
        """Start a query: ``table.group_by("SEX")["2018"].sum()``. No label asks for the grand total."""
        Query("count", labels).check_names(self.label_names, ())
        return GroupBy(self, labels, tuple(column.name for column in self.columns))

    def description(self) -> dict[str, Any]:
        """What the server can tell about the table, JSON-able: everything here is readable for it."""
        return {
            "scheme": self.scheme_name,
            "key_fingerprint": self.key.fingerprint,
            "rows": self.rows,
            "labels": {name: list(self.labels.categories[name]) for name in self.label_names},
            "columns": [{"name": column.name, "decimals": column.decimals} for column in self.columns],
            "layout": self.layout.name,
            "groupings": None if self.groupings is None else [list(grouping) for grouping in self.groupings],
            "ciphertexts": len(self.ciphertexts),
        }

    def to_bytes(self) -> bytes:
        """The table in its envelope, with the evaluation key, the labels and every ciphertext."""
        fields = [
            self.key.to_bytes(),
            self.labels.to_fields(),
            columns_to_fields(self.columns),
            self.layout.name,
            None if self.groupings is None else [list(grouping) for grouping in self.groupings],
            self.layout.partial_sums,
            [ciphertext.to_bytes() for ciphertext in self.ciphertexts],
        ]
        return seal_envelope("table", fields)

    @classmethod
    def from_bytes(cls, data: bytes) -> "EncryptedTable":
        """Read a table from its envelope.

        Raises DamagedBytes, KeyMismatch, SecretKeyFound, InsecureParameters. A library's parser sees a ciphertext
        only after the envelopes, the labels and the number and lengths of the ciphertexts have been checked.
        """
        fields = open_envelope(data, "table")
        if len(fields) != 7 or not isinstance(fields[0], bytes) or not isinstance(fields[6], list):
            raise DamagedBytes("The fields of this table do not fit this version of he_helpers.")
        key_bytes, label_fields, column_fields, layout_name, groupings, partial_sums, ciphertexts = fields
        labels = Labels.from_fields(label_fields)
        columns = columns_from_fields(column_fields)
        if not columns:
            raise DamagedBytes("This table has no numeric column.")
        if layout_name not in LAYOUT_NAMES or type(partial_sums) is not int or not 1 <= partial_sums <= labels.rows:
            raise DamagedBytes("This table has no known layout.")
        if groupings is not None and not (
            isinstance(groupings, list)
            and groupings
            and all(isinstance(g, list) and all(isinstance(name, str) for name in g) for g in groupings)
        ):
            raise DamagedBytes("The groupings of this table are not lists of label names.")
        key = load_public_key(key_bytes)
        try:
            layout = _layout(layout_name, labels, len(columns), key.slot_count, groupings, partial_sums)
        except HEError as error:
            raise DamagedBytes(f"The layout of this table does not fit its labels: {error}") from None
        if len(ciphertexts) != layout.ciphertext_count:
            raise DamagedBytes(
                f"This table needs {layout.ciphertext_count} ciphertexts for its layout and brings {len(ciphertexts)}."
            )
        if not all(isinstance(ciphertext, bytes) for ciphertext in ciphertexts):
            raise DamagedBytes("A ciphertext of this table is not bytes.")
        loaded = [key.load_ciphertext(ciphertext) for ciphertext in ciphertexts]
        if any(ciphertext.length != length for ciphertext, length in zip(loaded, layout.lengths(), strict=True)):
            raise DamagedBytes("A ciphertext of this table does not have the length that its layout needs.")
        return cls(key, labels, columns, layout, loaded)


class GroupBy:
    """A query on its way: choose columns by [], then a statistic."""

    def __init__(self, table: EncryptedTable, labels: tuple[str, ...], columns: tuple[str, ...]) -> None:
        self._table = table
        self._labels = labels
        self._columns = columns

    def __getitem__(self, columns: str | Sequence[str]) -> "GroupBy":
        chosen = (columns,) if isinstance(columns, str) else tuple(columns)
        return GroupBy(self._table, self._labels, chosen)

    def sum(self) -> EncryptedAggregate:
        """The encrypted sums of the chosen columns."""
        return aggregate(self._table, Query("sum", self._labels, self._columns))

    def mean(self) -> EncryptedAggregate:
        """The encrypted sums and the counts; the division comes after decryption."""
        return aggregate(self._table, Query("mean", self._labels, self._columns))

    def count(self) -> EncryptedAggregate:
        """The number of rows of each group. Nothing of it is encrypted: the labels give it."""
        return aggregate(self._table, Query("count", self._labels))


def _decimals_of(name: str, decimals: int | Mapping[str, int]) -> int:
    number = decimals.get(name, 0) if isinstance(decimals, Mapping) else decimals
    if type(number) is not int or not 0 <= number <= MOST_DECIMALS:
        raise ShapeMismatch(f"Column {name!r} needs 0 to {MOST_DECIMALS} decimals, not {number!r}.")
    return number


def _layout(
    name: str,
    labels: Labels,
    column_count: int,
    slot_count: int,
    groupings: Sequence[Sequence[str]] | None,
    partial_sums: int,
) -> Layout:
    if name not in LAYOUT_NAMES:
        raise ShapeMismatch(f"There is no layout {name!r}; known are {', '.join(LAYOUT_NAMES)}.")
    announced = name in ANNOUNCED
    if not announced and (groupings is not None or partial_sums != 1):
        raise ShapeMismatch(
            f"Layout {name!r} answers every grouping; groupings and partial_sums are for {' and '.join(ANNOUNCED)}."
        )
    if not 1 <= partial_sums <= labels.rows:
        raise ShapeMismatch(f"partial_sums must be from 1 to the number of rows, {labels.rows}.")
    if name == "rotated" and (partial_sums.bit_count() != 1 or partial_sums > slot_count // 2):
        raise ShapeMismatch(
            f"partial_sums of a rotated table is a power of two, at most {slot_count // 2}, half of the slots, and not "
            f"{partial_sums}: rotations by 1, 2, 4 and so on add the parts up."
        )
    if announced and groupings is None:
        groupings = [[label] for label in labels.names]
    if groupings is not None and not len(groupings):
        raise ShapeMismatch(f"Layout {name!r} needs a grouping to answer; the empty one () is the grand total.")
    for grouping in groupings or ():
        if len(set(grouping)) != len(grouping):
            raise ShapeMismatch(f"A grouping names each label once, not {list(grouping)}.")
        for label in grouping:
            if label not in labels.names:
                raise UnknownLabel(f"There is no label {label!r}. Known: {', '.join(labels.names)}.", labels.names)
    if groupings is not None and len({frozenset(grouping) for grouping in groupings}) != len(groupings):
        raise ShapeMismatch("A grouping is announced twice.")
    return make_layout(name, labels, column_count, slot_count, groupings, partial_sums)
