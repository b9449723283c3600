"""Label columns: what stays readable in an encrypted table, with the groups that they form."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from he_helpers.schemes.errors import DamagedBytes, ValueOutOfRange
from he_helpers.schemes.records import Record

# Imported where a frame is made or read: the server's workers make none, and pandas is a third of what they import.
if TYPE_CHECKING:
    import pandas as pd

# Each kind with how its text becomes a value again. Text and categories stay as they are.
_READERS: dict[str, Callable[[str], Any]] = {
    "text": str,
    "integer": int,
    "number": float,
    "truth": {"False": False, "True": True}.__getitem__,
    "category": str,
    "ordered category": str,
}
_DTYPES = {"integer": np.int64, "number": np.float64, "truth": np.bool_}
_LONGEST_NUMBER = 25  # characters of the longest int64 or float64
# Below this many combinations, or this many for each row, groups are found by counting instead of sorting.
_COUNTED = 2**16
_COUNTED_PER_ROW = 4
_WIDTHS: tuple[Literal[1, 2, 4], ...] = (1, 2, 4)


class LabelRecord(Record, frozen=True):
    """A label column in a message: its values as text, and for each row the position of its value.

    ``kind`` is one of the kinds of Labels; ``codes`` are little-endian integers without sign, of ``width`` bytes each.
    """

    name: str
    kind: str
    values: tuple[str, ...]
    width: Literal[1, 2, 4]
    codes: bytes


class Labels:
    """Readable label columns: for each its distinct values in order, and for each row the position of its value.

    Rows of the same label combination form a group. Groups are ordered as pandas' groupby orders them: integers,
    floats and truth values by value, text by its characters ("10" before "9"), categoricals by their categories. So age
    groups such as 5-9 and 45-49 are to be an ordered categorical, not text.

    Values travel as text, next to the kind of the column, from which results get their index back: int64, float64,
    bool, str, or a categorical of those categories that occur. Whatever else is a label becomes text.

    Attributes: ``names`` (in the order of the columns), ``kinds`` and ``categories`` (for each name its kind and its
    values as text), ``rows``.
    """

    def __init__(
        self,
        names: Sequence[str],
        kinds: Sequence[str],
        categories: Sequence[Sequence[str]],
        codes: Sequence[np.ndarray],
        rows: int,
    ) -> None:
        self.names = tuple(names)
        self.kinds = dict(zip(names, kinds, strict=True))
        self.categories = {name: tuple(values) for name, values in zip(names, categories, strict=True)}
        self.rows = rows
        self._codes = dict(zip(names, codes, strict=True))
        self._sizes: dict[tuple[str, ...], tuple[Labels, np.ndarray]] = {}

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> Labels:
        """Labels from the columns of a frame. Raises ValueOutOfRange for missing labels."""
        kinds, categories, codes = [], [], []
        for name in frame.columns:
            if frame[name].isna().any():
                row = int(np.flatnonzero(frame[name].isna())[0])
                raise ValueOutOfRange(f"Label column {name!r} has no value in row {row}. Fill it or drop the row.")
            kind, values, code = _read_column(frame[name])
            if len(set(values)) != len(values):
                raise ValueOutOfRange(f"Label column {name!r} has two categories that are the same as text.")
            kinds.append(kind)
            categories.append(values)
            codes.append(code)
        return cls([str(name) for name in frame.columns], kinds, categories, codes, len(frame))

    def frame(self) -> pd.DataFrame:
        """The readable labels, a row for each row of the table."""
        import pandas as pd

        return pd.DataFrame({name: self._column(name) for name in self.names}, index=pd.RangeIndex(self.rows))

    def index(self) -> pd.Index:
        """One entry for each row, one level for each label: the index of a result, as pandas' groupby has it."""
        import pandas as pd

        if not self.names:
            return pd.RangeIndex(self.rows)
        if len(self.names) == 1:
            return pd.Index(self._column(self.names[0]), name=self.names[0])
        return pd.MultiIndex.from_arrays([self._column(name) for name in self.names], names=self.names)

    def group_of_rows(self, grouping: Sequence[str]) -> np.ndarray:
        """For each row the position of its group among groups(grouping); integers, shape (rows,)."""
        return self._combined(tuple(grouping))[1]

    def groups(self, grouping: Sequence[str]) -> Labels:
        """The groups that occur, in order: labels of their own, a row for each group."""
        return self._grouped(tuple(grouping))[0]

    def group_sizes(self, grouping: Sequence[str]) -> np.ndarray:
        """The rows of each group, int64. Counted once and kept."""
        return self._grouped(tuple(grouping))[1]

    def to_records(self) -> tuple[LabelRecord, ...]:
        """For an envelope."""
        records = []
        for name in self.names:
            width = next(w for w in _WIDTHS if len(self.categories[name]) <= 256**w)
            codes = self._codes[name].astype(f"<u{width}").tobytes()
            records.append(LabelRecord(name, self.kinds[name], self.categories[name], width, codes))
        return tuple(records)

    def digest(self) -> str:
        """SHA-256 of which label combinations there are, and how often: the same for the same rows in any order."""
        names = sorted(self.names)
        digest = hashlib.sha256()
        for record in self.groups(names).to_records():
            for part in (record.name, record.kind, *record.values):
                digest.update(len(part.encode()).to_bytes(8, "big") + part.encode())
            digest.update(record.codes)
        digest.update(self.group_sizes(names).astype("<i8").tobytes())
        return digest.hexdigest()

    @classmethod
    def from_records(cls, records: Sequence[LabelRecord]) -> Labels:
        """The inverse of to_records, for one label or more. Raises DamagedBytes."""
        codes = []
        for record in records:
            if record.kind not in _READERS:
                raise DamagedBytes(f"Label column {record.name!r:.60} is of the unknown kind {record.kind!r:.60}.")
            if not record.values or not _are_values(record.kind, record.values) or len(record.codes) % record.width:
                raise DamagedBytes(f"Label column {record.name!r:.60} does not have the form of one.")
            code = np.frombuffer(record.codes, dtype=f"<u{record.width}")
            if code.size == 0 or code.max() >= len(record.values):
                raise DamagedBytes(f"Label column {record.name!r:.60} refers to values that it does not list.")
            codes.append(code)
        names = [record.name for record in records]
        if len(set(names)) != len(names) or len({len(code) for code in codes}) != 1:
            raise DamagedBytes("The label columns of this table differ in length or share a name.")
        kinds, values = [record.kind for record in records], [record.values for record in records]
        return cls(names, kinds, values, codes, len(codes[0]))

    def are_groups(self) -> bool:
        """Whether each row is another label combination and they are in order: what groups() gives."""
        if not self.names:
            return self.rows == 1
        sizes, group_of_row = self.group_sizes(self.names), self.group_of_rows(self.names)
        return len(sizes) == self.rows and bool((group_of_row == np.arange(self.rows)).all())

    def _column(self, name: str) -> Any:
        import pandas as pd

        kind, values, codes = self.kinds[name], self.categories[name], self._codes[name]
        if kind in ("category", "ordered category"):
            return pd.Categorical.from_codes(codes.astype(np.int64), list(values), ordered=kind == "ordered category")
        if kind == "text":
            return pd.Index(values).take(codes).array
        return np.array([_READERS[kind](value) for value in values], dtype=_DTYPES[kind])[codes]

    def _grouped(self, grouping: tuple[str, ...]) -> tuple[Labels, np.ndarray]:
        if grouping not in self._sizes:
            distinct, group_of_row, sizes = self._combined(grouping)
            groups = Labels(
                grouping,
                [self.kinds[name] for name in grouping],
                [self.categories[name] for name in grouping],
                distinct,
                len(distinct[0]) if grouping else 1,
            )
            self._sizes[grouping] = groups, sizes
        return self._sizes[grouping]

    def _combined(self, grouping: tuple[str, ...]) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
        """The codes of the groups that occur, an array for each label; for each row the position of its group; and the
        rows of each group.

        A label combination is written as one number, its codes being the digits. After each label only combinations
        that occur are kept, so that the number never passes rows times the values of a label, which 64 bits hold.
        """
        distinct: list[np.ndarray] = []
        group_of_row, sizes = np.zeros(self.rows, dtype=np.int64), np.array([self.rows])
        for name in grouping:
            base = len(self.categories[name])
            codes = self._codes[name].astype(np.int64, copy=False)
            number = group_of_row * base + codes if distinct else codes
            largest = (len(distinct[0]) if distinct else 1) * base
            occurring, group_of_row, sizes = _ranked(number, largest)
            distinct = [values[occurring // base] for values in distinct] + [occurring % base]
        return distinct, group_of_row, sizes


def _ranked(numbers: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The distinct ones of ``numbers``, which are 0 to ``limit`` - 1, ascending; for each number its position there;
    and how often each distinct one occurs."""
    if limit > max(_COUNTED, _COUNTED_PER_ROW * len(numbers)):
        return np.unique(numbers, return_inverse=True, return_counts=True)
    counts = np.bincount(numbers, minlength=limit)
    occurs = counts > 0
    if occurs.all():
        return np.arange(limit), numbers, counts
    return np.flatnonzero(occurs), (np.cumsum(occurs) - 1)[numbers], counts[occurs]


def _read_column(column: pd.Series) -> tuple[str, list[str], np.ndarray]:
    """Kind, distinct values as text and in order, and for each row the position of its value."""
    import pandas as pd

    column = column.infer_objects()
    if isinstance(column.dtype, pd.CategoricalDtype):
        kept = column.cat.remove_unused_categories().cat
        kind = "ordered category" if kept.ordered else "category"
        return kind, [str(value) for value in kept.categories], kept.codes.to_numpy(np.int64)
    dtype: type
    if pd.api.types.is_bool_dtype(column.dtype):
        kind, dtype = "truth", np.bool_
    elif pd.api.types.is_integer_dtype(column.dtype) and column.max() < 2**63:
        kind, dtype = "integer", np.int64
    elif pd.api.types.is_float_dtype(column.dtype):
        kind, dtype = "number", np.float64
    else:
        kind, dtype = "text", object
        column = column.astype(str)
    codes, values = pd.factorize(column.to_numpy(dtype), sort=True)
    return kind, [str(value) for value in values.tolist()], codes


def _are_values(kind: str, texts: Sequence[str]) -> bool:
    """Whether to_records could have written these for the kind: each value once, in order, in its only spelling."""
    if kind in ("category", "ordered category"):
        return len(set(texts)) == len(texts)
    if kind != "text" and max(map(len, texts)) > _LONGEST_NUMBER:
        return False
    try:
        values = [_READERS[kind](text) for text in texts]
    except (ValueError, KeyError):
        return False
    return (
        [str(value) for value in values] == list(texts)
        and all(a < b for a, b in zip(values, values[1:], strict=False))
        and (kind != "integer" or -(2**63) <= values[0] and values[-1] < 2**63)
        and (kind != "number" or values[0] == values[0])
    )
