"""Numeric columns: how their values are encoded for encryption and read from a decrypted sum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np

from he_helpers.schemes.errors import DamagedBytes, ValueOutOfRange
from he_helpers.schemes.records import Record

# Imported where a frame is made or read: the server's workers make none, and pandas is a third of what they import.
if TYPE_CHECKING:
    import pandas as pd

MOST_DECIMALS = 12


class Column(Record, frozen=True):
    """A numeric column: its name and the number of decimals that its values have. Part of tables and aggregates."""

    name: str
    decimals: Annotated[int, msgspec.Meta(ge=0, le=MOST_DECIMALS)]

    def encode(self, values: pd.Series, exact: bool) -> np.ndarray:
        """The values for encryption: fixed-point integers (value x 10^decimals) if ``exact``, else float64.

        Returns a 1-D array, int64 or float64. Raises ValueOutOfRange for text, missing values, infinity, and for a
        value with more decimals than the column has.
        """
        import pandas as pd

        if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_complex_dtype(values):
            raise ValueOutOfRange(f"Column {self.name!r} is not numeric. Make it a label, or convert it to numbers.")
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        wrong = np.flatnonzero(~np.isfinite(numbers))
        if wrong.size:
            raise ValueOutOfRange(
                f"Column {self.name!r} has {wrong.size} missing or infinite values, the first in row {int(wrong[0])}. "
                "Drop these rows or fill them before encrypting."
            )
        if pd.api.types.is_integer_dtype(values) and self.decimals == 0 and np.abs(numbers).max() < 2.0**63:
            return values.to_numpy(dtype=np.int64) if exact else numbers
        with np.errstate(over="ignore"):
            scaled = numbers * 10.0**self.decimals
        if np.abs(scaled).max() > 2.0**53:
            raise ValueOutOfRange(
                f"Column {self.name!r} has values of up to {np.abs(numbers).max():g}; with {self.decimals} decimals "
                "these are more digits than a float holds exactly. Use fewer decimals."
            )
        integers = np.rint(scaled)
        # A decimal number read as a float is off by a few units in its last place, a difference by a little more.
        wrong = np.flatnonzero(np.abs(scaled - integers) > 1e-9 + 4 * np.finfo(np.float64).eps * np.abs(scaled))
        if wrong.size:
            raise ValueOutOfRange(
                f"Column {self.name!r} has values with more than {self.decimals} decimals, the first in row "
                f"{int(wrong[0])}: {numbers[wrong[0]]:.15g}. Announce more decimals, or round the column first."
            )
        return integers.astype(np.int64) if exact else numbers

    def decode(self, number: int | float, exact: bool, count: int | None = None) -> int | float:
        """The value of a decrypted sum, or the mean of ``count`` values: the sum divided by it.

        The sum is rounded to the column's decimals, and an integer where there are none; a mean is a float.
        """
        units = int(number) if exact else round(float(number) * 10**self.decimals)
        if count is None:
            return units / 10**self.decimals if self.decimals else units
        return units / (10**self.decimals * count)


def check_column_names(columns: Sequence[Column]) -> None:
    """Raise DamagedBytes if two columns of a message share a name."""
    if len({column.name for column in columns}) != len(columns):
        raise DamagedBytes("Two numeric columns of this table share a name.")
