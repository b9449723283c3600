"""The two kinds of columns: labels, which stay readable, and numbers, which are encoded for encryption."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from he_helpers.schemes.errors import DamagedBytes, ValueOutOfRange

MOST_DECIMALS = 12


@dataclass(frozen=True)
class Column:
    """A numeric column: its name and the number of decimals that its values have."""

    name: str
    decimals: int

    def encode(self, values: pd.Series, exact: bool) -> np.ndarray:
        """The values for encryption: fixed-point integers (value x 10^decimals) if ``exact``, else float64.

        Returns a 1-D array, int64 or float64. Raises ValueOutOfRange for text, missing values, infinity, and for a
        value with more decimals than the column has.
        """
        if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_complex_dtype(values):
            raise ValueOutOfRange(f"Column {self.name!r} is not numeric. Make it a label, or convert it to numbers.")
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        wrong = np.flatnonzero(~np.isfinite(numbers))
        if wrong.size:
            raise ValueOutOfRange(
                f"Column {self.name!r} has {wrong.size} missing or infinite values, the first in row {int(wrong[0])}. "
                "Drop these rows or fill them before encrypting."
            )
        if not exact:
            return numbers
        if pd.api.types.is_integer_dtype(values) and self.decimals == 0 and np.abs(numbers).max() < 2.0**63:
            return values.to_numpy(dtype=np.int64)
        with np.errstate(over="ignore"):
            scaled = numbers * 10.0**self.decimals
        if np.abs(scaled).max() > 2.0**53:
            raise ValueOutOfRange(
                f"Column {self.name!r} has values of up to {np.abs(numbers).max():g}; with {self.decimals} decimals "
                "these are more digits than a float holds exactly. Use fewer decimals."
            )
        integers = np.rint(scaled)
        # A decimal number that is read as a float is off by a few units in its last place.
        wrong = np.flatnonzero(np.abs(scaled - integers) > 1e-6 + 4 * np.finfo(np.float64).eps * np.abs(scaled))
        if wrong.size:
            raise ValueOutOfRange(
                f"Column {self.name!r} has values with more than {self.decimals} decimals, the first in row "
                f"{int(wrong[0])}: {numbers[wrong[0]]:.15g}. Announce more decimals, or round the column first."
            )
        return integers.astype(np.int64)

    def decode(self, number: int | float, exact: bool, count: int = 1) -> float:
        """The value of a decrypted sum, divided by ``count``; a sum is rounded to the column's decimals."""
        if exact:
            return int(number) / (10**self.decimals * count)
        # Adding zero turns -0.0, which rounding leaves of a small error, into 0.0.
        return round(float(number), self.decimals) + 0.0 if count == 1 else float(number) / count


class Labels:
    """Readable label columns: for each the sorted distinct values, and for each row the position of its value.

    Rows of the same label combination form a group. ``names`` keeps the order of the columns.
    """

    def __init__(self, names: Sequence[str], categories: Sequence[Sequence[str]], codes: Sequence[np.ndarray]) -> None:
        self.names = tuple(names)
        self.categories = {name: tuple(values) for name, values in zip(names, categories, strict=True)}
        self._codes = {name: np.asarray(code, dtype=np.int64) for name, code in zip(names, codes, strict=True)}

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> "Labels":
        """Labels from the columns of a frame; every value becomes text. Raises ValueOutOfRange for missing labels."""
        categories, codes = [], []
        for name in frame.columns:
            if frame[name].isna().any():
                row = int(np.flatnonzero(frame[name].isna())[0])
                raise ValueOutOfRange(f"Label column {name!r} has no value in row {row}. Fill it or drop the row.")
            values, code = np.unique(frame[name].astype(str).to_numpy(dtype=object), return_inverse=True)
            categories.append([str(value) for value in values])
            codes.append(code)
        return cls([str(name) for name in frame.columns], categories, codes)

    @property
    def rows(self) -> int:
        return len(next(iter(self._codes.values())))

    def frame(self) -> pd.DataFrame:
        """The readable labels, a row for each row of the table."""
        return pd.DataFrame(
            {name: np.array(self.categories[name], dtype=object)[self._codes[name]] for name in self.names}
        )

    def groups(self, grouping: Sequence[str]) -> tuple[list[tuple[str, ...]], np.ndarray]:
        """The groups that occur, sorted, as tuples of label values; and for each row the position of its group."""
        if not grouping:
            return [()], np.zeros(self.rows, dtype=np.int64)
        combined = np.stack([self._codes[name] for name in grouping])
        distinct, group_of_row = np.unique(combined, axis=1, return_inverse=True)
        names = [
            tuple(self.categories[name][code] for name, code in zip(grouping, column, strict=True))
            for column in distinct.T
        ]
        return names, group_of_row.reshape(-1)

    def to_fields(self) -> list:
        """For an envelope: name, distinct values and the codes as little-endian integers of the smallest width."""
        fields = []
        for name in self.names:
            width = next(w for w in (1, 2, 4) if len(self.categories[name]) <= 256**w)
            fields.append([name, list(self.categories[name]), width, self._codes[name].astype(f"<u{width}").tobytes()])
        return fields

    @classmethod
    def from_fields(cls, fields: object) -> "Labels":
        """The inverse of to_fields. Raises DamagedBytes."""
        names, categories, codes = [], [], []
        if not isinstance(fields, list) or not fields:
            raise DamagedBytes("An encrypted table has at least one label column.")
        for field in fields:
            if not (
                isinstance(field, list)
                and len(field) == 4
                and isinstance(field[0], str)
                and isinstance(field[1], list)
                and field[1]
                and all(isinstance(value, str) for value in field[1])
                and field[1] == sorted(set(field[1]))
                and type(field[2]) is int
                and field[2] in (1, 2, 4)
                and isinstance(field[3], bytes)
                and len(field[3]) % field[2] == 0
            ):
                raise DamagedBytes("A label column of this table does not have the form of one.")
            code = np.frombuffer(field[3], dtype=f"<u{field[2]}").astype(np.int64)
            if code.size == 0 or code.max() >= len(field[1]):
                raise DamagedBytes(f"Label column {field[0]!r:.60} refers to values that it does not list.")
            names.append(field[0])
            categories.append(field[1])
            codes.append(code)
        if len(set(names)) != len(names) or len({len(code) for code in codes}) != 1:
            raise DamagedBytes("The label columns of this table differ in length or share a name.")
        return cls(names, categories, codes)


def columns_to_fields(columns: Sequence[Column]) -> list:
    """For an envelope."""
    return [[column.name, column.decimals] for column in columns]


def columns_from_fields(fields: object) -> tuple[Column, ...]:
    """The inverse of columns_to_fields. Raises DamagedBytes."""
    if not isinstance(fields, list) or not all(
        isinstance(f, list)
        and len(f) == 2
        and isinstance(f[0], str)
        and type(f[1]) is int
        and 0 <= f[1] <= MOST_DECIMALS
        for f in fields
    ):
        raise DamagedBytes("The numeric columns of this table do not have the form of columns.")
    if len({f[0] for f in fields}) != len(fields):
        raise DamagedBytes("Two numeric columns of this table share a name.")
    return tuple(Column(*f) for f in fields)
