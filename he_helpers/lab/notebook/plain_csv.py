"""Read a CSV file the fast way, where nothing in it needs a closer look.

pandas parses the cells; what it would do without a word (missing cells, other spellings of numbers, dropped digits) is
excluded by checks on the bytes, all of them by numpy. A file that is not plain in this sense is read cell by cell, by
``data.load_table``, which then says what is wrong with it, if anything is.
"""

import io
import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

_NEWLINE, _SPACE = ord("\n"), ord(" ")


@dataclass(frozen=True)
class PlainTable:
    """``columns`` by name: int64, float64 or text as written; ``places``: the decimals written, of the numeric ones."""

    columns: dict[str, pd.Series]
    places: dict[str, int]


def read_plain(
    data: bytes, as_text: Collection[str], most_digits: int, separator: str = ",", decimal: str = "."
) -> PlainTable | None:
    """The columns of a CSV file, or None where it is not plain.

    data: UTF-8, with a header line and at least one row. as_text: columns to keep as they are written. most_digits: the
    most decimal digits of a number, before and after the point together.

    Plain: two columns or more, no quotes, no blank lines, as many cells in each line as in the header, no empty cell,
    no white space around a cell; and numbers without exponent.
    """
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    if not data.endswith(b"\n"):
        data += b"\n"
    header, _, body = data.partition(b"\n")
    names = [name.strip() for name in header.decode().split(separator)]
    if b'"' in data or b"\r" in data or not body or not all(names) or not 1 < len(set(names)) == len(names):
        return None
    codes = np.frombuffer(body, dtype=np.uint8)
    ends: np.ndarray = np.flatnonzero((codes == ord(separator)) | (codes == _NEWLINE))
    if len(ends) % len(names):
        return None
    ends = ends.reshape(-1, len(names))
    if (codes[ends[:, -1]] != _NEWLINE).any() or (codes[ends[:, :-1]] == _NEWLINE).any():
        return None
    try:
        frame = pd.read_csv(
            io.BytesIO(body),
            header=None,
            names=names,
            dtype=dict.fromkeys(as_text, str),
            sep=separator,
            decimal=decimal,
            keep_default_na=False,
            na_values=[],
            low_memory=False,
        )
    except (ValueError, OverflowError):
        return None
    if len(frame) != len(ends):
        return None
    places = {}
    for at, name in enumerate(names):
        column = frame[name]
        if column.dtype == np.int64:
            places[name] = 0
            if max(int(column.max()), -int(column.min())) >= 10**most_digits:
                return None
        elif column.dtype == np.float64:
            starts = ends[:, at - 1] + 1 if at else np.concatenate([[0], ends[:-1, -1] + 1])
            places[name] = _decimals_written(codes, starts, ends[:, at], ord(decimal))
            largest = float(column.abs().max())
            before = math.floor(math.log10(largest)) + 1 if 1 <= largest < math.inf else 0
            # Without decimals in the file, a column is one of integers to load_table, however pandas has it.
            if places[name] < 1 or not largest < math.inf or before + places[name] > most_digits:
                return None
        elif isinstance(column.dtype, pd.StringDtype):
            if not all(value and value == value.strip() for value in pd.unique(column)):
                return None
        else:
            return None
    return PlainTable({name: frame[name] for name in names}, places)


def _decimals_written(codes: np.ndarray, starts: np.ndarray, ends: np.ndarray, point: int) -> int:
    """The most digits after the decimal point in a column of numbers; -1 where one is not digits, sign and point."""
    last = codes[ends - 1]
    largest_code = np.maximum.reduceat(codes, np.stack([starts, ends], axis=1).ravel())[::2].max()
    if largest_code > ord("9") or (codes[starts] == _SPACE).any() or (last[last < ord("0")] != point).any():
        return -1
    found, at = 0, ends - 1
    while len(at):
        inside = codes[at] != point
        if not inside.all():
            found = max(found, int((ends - 1 - at)[~inside].max()))
        inside &= at > starts
        starts, ends, at = starts[inside], ends[inside], at[inside] - 1
    return found
