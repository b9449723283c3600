"""Numbers that were measured, and so differ from run to run, with the course's mark."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """A number that was measured, shown as ``≈ 0.0041 s``: printed, in an f-string, in a table, as a cell's last line.

    value: finite, in `unit`. unit: as it is printed; empty for a ratio. digits: how many significant ones are shown.

    The check of stored outputs compares the mark, the unit and all words around them, and masks the digits
    (``tests/notebooks/sanitise.cfg``), and the blanks before the mark: printed as text, a column of a table is as wide
    as its widest number, unless its name is wider. Give it such a name, with the unit.
    """

    value: float
    unit: str
    digits: int

    def __str__(self) -> str:
        rounded = float(f"{self.value:.{self.digits}g}")
        number = f"{rounded:,.0f}" if abs(rounded) >= 10 ** (self.digits - 1) else f"{rounded:.{self.digits}g}"
        return f"≈ {number} {self.unit}".rstrip()

    __repr__ = __str__


def measured(value: float, unit: str = "", digits: int = 2) -> Measured:
    """Mark ``value``, in ``unit``, as measured; see `Measured`.

    Raises ValueError for infinity and NaN, which have no digits, and for less than 1 digit.
    """
    if not math.isfinite(value):
        raise ValueError(f"A measured number is finite, and this is {value}. Find out why the measurement gave it.")
    if digits < 1:
        raise ValueError(f"A measured number is shown with 1 significant digit or more, not with {digits}.")
    return Measured(float(value), unit, digits)
