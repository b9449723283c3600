"""Load a table for a notebook: one that the project ships, or a CSV file of one's own.

Every cell is read as text and checked before it becomes a number, because what a table says wrongly cannot be
seen any more once it is encrypted. Nothing is guessed, skipped or renamed silently.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pandas as pd

from he_helpers.errors import HEError
from he_helpers.lab.notebook.plain_csv import read_plain

DATA_FOLDER = Path(__file__).resolve().parents[3] / "data"
MAXIMUM_DIGITS = 15
"""Decimal digits, before and after the point together, that a float64 keeps exactly."""


class TableError(HEError, ValueError):
    """A table cannot be used as it is. The message says where, what was expected and what to do."""


@dataclass(frozen=True)
class ShippedTable:
    """What the columns of a shipped table are. Each has a data card, ``data/<name>.md``."""

    labels: tuple[str, ...]
    """Columns to group by. They stay readable when the table is encrypted."""
    numbers: tuple[str, ...]
    """Columns to encrypt."""
    ordered: tuple[str, ...] = ()
    """Labels that are sorted by the numbers in them."""
    excluded: Mapping[str, str] = field(default_factory=dict)
    """Columns that are not loaded unless asked for by name, each with the reason."""


SHIPPED: Mapping[str, ShippedTable] = {
    "branch_accounts": ShippedTable(
        labels=("Region", "Branch", "Quarter"),
        numbers=("Revenue", "Expenses", "Savings", "Investments", "Loans"),
        excluded={
            "Record ID": "identifies a single record: no sum of it means anything, and as a readable "
            "label it would single out every row"
        },
    ),
    "heart_study": ShippedTable(
        labels=("male", "currentSmoker", "TenYearCHD"),
        numbers=(
            "age",
            "education",
            "cigsPerDay",
            "BPMeds",
            "prevalentStroke",
            "prevalentHyp",
            "diabetes",
            "totChol",
            "sysBP",
            "diaBP",
            "BMI",
            "heartRate",
            "glucose",
        ),
    ),
    "population_projections": ShippedTable(
        labels=("AREA", "AGE GROUP", "SEX"),
        ordered=("AGE GROUP",),
        numbers=("2018", "2019", "2020", "2021", "2022"),
    ),
    "salary_survey": ShippedTable(
        labels=(),
        numbers=("age", "healthy_eating", "active_lifestyle", "gender", "salary"),
    ),
}


def load_table(
    name_or_path: str | Path,
    *,
    labels: str | Sequence[str] | None = None,
    numbers: str | Sequence[str] | None = None,
    missing: str = "refuse",
    decimal: str = ".",
    separator: str = ",",
    ordered: str | Sequence[str] = (),
) -> pd.DataFrame:
    """Load a shipped table by its name (see `SHIPPED`) or one's own CSV file by its path.

    The file is UTF-8 (a byte-order mark is accepted), its cells separated by ``separator`` ("," or ";"), with a
    header; blank lines are skipped and white space around a cell is dropped. ``decimal`` is what stands before the
    decimals, "." or ",". Returns a DataFrame with a fresh index, the columns in the order of the file, label columns
    as strings, numeric columns as int64 where no value has a decimal place and as float64 elsewhere. `decimals` tells
    how many decimals each numeric column has. A file without quotes, missing values and exponents takes at most three
    times what pandas.read_csv takes; any other is read cell by cell, some 12 s for a million rows of four columns.

    ``ordered`` names labels to sort by the numbers in them, 5-9 before 45-49: they become ordered categoricals, whose
    order groups keep, in pandas and in an encrypted table. For a shipped table it is added to what `SHIPPED` says.

    `labels` and `numbers` name the columns. For a shipped table, what is left out comes from `SHIPPED`.
    For one's own file:
      both given   only these columns are loaded;
      one given    all other columns are of the other kind;
      none given   a column in which every value is a number is numeric, a column in which no value is one is
                   a label. A column with both is refused: as a label it would stay readable for the server. So are
                   columns of amounts that are not written as numbers (1,5 or 12 EUR), and of True and False.

    `missing` says what a numeric column does with a missing value (an empty cell, NA, NaN, null, none, a dash or
    a question mark): "refuse", or "keep" it as NaN, which makes the column float64. A column without any value is
    refused in either case. Labels are never missing.

    Raises `TableError`, which names column and line, for: an unknown name, no file, an empty file, another
    encoding or separator, missing, nameless or duplicate columns, rows with too few or too many cells, empty
    labels, and in numeric columns missing values, NaN, infinity, thousands separators, decimal commas, any
    other text, and numbers of more than 15 digits.
    """
    if missing not in ("refuse", "keep"):
        raise TableError(f'missing={missing!r} is not known; write "refuse" or "keep"')
    if decimal not in (".", ",") or separator not in (",", ";") or decimal == separator:
        raise TableError(
            f"decimal={decimal!r} with separator={separator!r} is not known; decimal is a point or a comma, separator "
            'a comma or a semicolon, and not both a comma: decimal commas go with separator=";"'
        )
    path, shipped = _find(name_or_path)
    ordered = _names(ordered) or ()
    if shipped:
        labels = shipped.labels if labels is None else labels
        numbers = shipped.numbers if numbers is None else numbers
    labels, numbers = _names(labels), _names(numbers)
    text = _decode(path.read_bytes(), path.name)
    frame = _load_plain(text, labels, numbers, decimal, separator)
    if frame is None:
        table = _read(text, path.name, decimal, separator)
        frame = _load_cells(table, labels, numbers, missing == "keep")
    label_names = [name for name in frame if name not in frame.attrs["decimals"]]
    for name in ordered:
        if name not in label_names:
            raise TableError(
                f"ordered={name!r}: there is no such label; labels of {path.name} are: "
                f"{', '.join(label_names) or 'none'}"
            )
    for name in label_names:
        if name in ordered or shipped and name in shipped.ordered:
            frame[name] = pd.Categorical(frame[name], sorted(frame[name].unique(), key=_natural), ordered=True)
    return frame


def _load_plain(
    text: str, labels: tuple[str, ...] | None, numbers: tuple[str, ...] | None, decimal: str, separator: str
) -> pd.DataFrame | None:
    """The frame of a file in which nothing is wrong, read fast; None where something may be."""
    plain = read_plain(text.encode(), labels or (), MAXIMUM_DIGITS, separator, decimal)
    if plain is None:
        return None
    inferred = labels is None and numbers is None
    if labels is None:
        numeric = plain.places if numbers is None else numbers
        labels = tuple(name for name in plain.columns if name not in numeric)
    if numbers is None:
        numbers = tuple(name for name in plain.columns if name not in labels)
    texts = [name for name in plain.columns if name not in plain.places]
    if (
        not {*labels, *numbers} <= plain.columns.keys()
        or set(labels) & set(numbers)
        or not set(numbers) <= plain.places.keys()
        # A label that is a number was to be kept as text, which was known only for those named.
        or not set(labels) <= set(texts)
        or inferred
        and any(_may_be_a_number(value) for name in texts for value in plain.columns[name].unique())
    ):
        return None
    chosen = [name for name in plain.columns if name in labels or name in numbers]
    frame = pd.DataFrame({name: plain.columns[name] for name in chosen})
    frame.attrs["decimals"] = {name: plain.places[name] for name in chosen if name in numbers}
    return frame


def _load_cells(
    table: _TextTable, labels: tuple[str, ...] | None, numbers: tuple[str, ...] | None, keep_missing: bool
) -> pd.DataFrame:
    """The frame of a file cell by cell. Raises TableError."""
    label_names, number_names = _assign(table, labels, numbers, keep_missing)
    columns: dict[str, pd.Series] = {}
    places: dict[str, int] = {}
    for name in table.header:
        if name in number_names:
            columns[name], places[name] = _numeric_column(table, name, keep_missing)
        elif name in label_names:
            columns[name] = _label_column(table, name)
    frame = pd.DataFrame(columns)
    frame.attrs["decimals"] = places
    return frame


def decimals(frame: pd.DataFrame, *, missing: str = "refuse") -> dict[str, int]:
    """How many decimals each numeric column of `frame` has: the precision for fixed-point encoding.

    The number of decimals written in the file that `load_table` read, or more if a value now needs more (the
    shortest decimal text that gives the same float counts). The file's number travels in ``frame.attrs`` and
    is lost where pandas drops those; then the values alone decide, which is exact as well: only a column
    written as 5917.0 counts as having none. Computed columns, pandas sums too, carry float error in far
    decimals: round them first. With ``missing="keep"`` the values that are present decide.
    Raises `TableError` for an infinite value, and otherwise for a missing one.
    """
    written = frame.attrs.get("decimals", {})
    found = {}
    for name in frame.select_dtypes("number").columns:
        absent = frame[name].isna()
        if (missing != "keep" and absent.any()) or frame[name].isin([float("inf"), float("-inf")]).any():
            raise TableError(f"column {name!r} has a missing or infinite value; remove those rows first")
        values = frame.loc[~absent, name].unique().tolist()
        needed = max((_places(Decimal(repr(value)).normalize()) for value in values), default=0)
        found[name] = max(needed, written.get(name, 0))
    return found


@dataclass(frozen=True)
class _TextTable:
    """A CSV file as text: `rows` as long as `header`, and the line of the file where each row ends."""

    source: str
    header: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]
    decimal: str

    def column(self, name: str) -> list[str]:
        at = self.header.index(name)
        return [row[at] for row in self.rows]

    def numbers(self, name: str) -> list[str]:
        """A column whose numbers have a decimal point, whatever the file has. Raises TableError for the other mark."""
        cells = self.column(name)
        if self.decimal == ".":
            return cells
        for line, cell in zip(self.lines, cells, strict=True):
            if "." in cell and _NUMBER.fullmatch(cell):
                raise TableError(
                    f"{self.source}, column {name!r}, line {line}: {_shown(cell)} has a decimal point, "
                    'and decimal="," was given; write all numbers alike'
                )
        pointed = [cell.replace(",", ".") for cell in cells]
        return [new if _NUMBER.fullmatch(new) else cell for new, cell in zip(pointed, cells, strict=True)]


def _find(name_or_path: str | Path) -> tuple[Path, ShippedTable | None]:
    name = str(name_or_path)
    if name in SHIPPED:
        path = DATA_FOLDER / f"{name}.csv"
        if not path.is_file():
            raise TableError(
                f"the shipped table data/{path.name} is not there; restore it, or make it again "
                f"with `python data/make_{name}.py`"
            )
        return path, SHIPPED[name]
    path = Path(name_or_path)
    if path.is_file():
        return path, None
    if path.is_dir():
        raise TableError(f"{name} is a folder; give the path of a CSV file in it")
    if path.name == name and not path.suffix:
        raise TableError(
            f"no shipped table is called {name!r}; there are: {', '.join(sorted(SHIPPED))}"
            f"{_closest(name, SHIPPED)}. For a file of your own give its path, with .csv"
        )
    raise TableError(
        f"there is no file {name}; check the path (relative ones start at the working folder), "
        f"or use a shipped table: {', '.join(sorted(SHIPPED))}"
    )


def _read(text: str, source: str, decimal: str, separator: str) -> _TextTable:
    if not text.strip():
        raise TableError(f"{source} is empty; a header line and at least one row were expected")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    header: tuple[str, ...] = ()
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for cells in reader:
            if not cells:
                continue
            cells = [cell.strip() for cell in cells]
            if not header:
                header = tuple(cells)
                _check_header(header, source, separator)
                continue
            if len(cells) != len(header):
                raise TableError(
                    f"{source}, line {reader.line_num}: {len(cells)} cells, but the header has "
                    f"{len(header)}; check for a missing or extra comma, and put a value that "
                    "contains a comma in double quotes"
                )
            rows.append(cells)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise TableError(
            f"{source}, line {reader.line_num}: not valid CSV ({error}); check the double quotes there and above"
        ) from None
    if not rows:
        raise TableError(f"{source} has a header but no rows; at least one row was expected")
    return _TextTable(source, header, rows, lines, decimal)


def _decode(data: bytes, source: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TableError(f"{source}, line {line}: not UTF-8 text; save the file as CSV in UTF-8") from None
    if "\0" in text:
        raise TableError(f"{source} is not UTF-8 text (it holds zero bytes); save the file as CSV in UTF-8")
    return text


def _check_header(header: tuple[str, ...], source: str, separator: str) -> None:
    words = {",": "commas", ";": "semicolons", "\t": "tabs"}
    for other, word in words.items():
        if len(header) == 1 and other in header[0]:
            if other == ",":
                remedy = 'Load it without separator=";"'
            else:
                remedy = "Save it with commas between the cells and a point before the decimals"
            if other == ";":
                remedy += ', or load it with separator=";", and with decimal="," if it has decimal commas'
            raise TableError(f"{source} is separated by {word}; {words[separator]} were expected. {remedy}")
    if "" in header:
        raise TableError(
            f"{source}: column {header.index('') + 1} of the header has no name; name it or "
            "remove it (pandas writes such a column unless told index=False)"
        )
    duplicates = sorted({name for name in header if header.count(name) > 1})
    if duplicates:
        raise TableError(
            f"{source}: the header has {_quoted(duplicates)} more than once; give every column a name of its own"
        )


def _assign(
    table: _TextTable, labels: tuple[str, ...] | None, numbers: tuple[str, ...] | None, keep_missing: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Decide which columns are labels and which are numeric."""
    for name in (*(labels or ()), *(numbers or ())):
        if name not in table.header:
            raise TableError(
                f"{table.source} has no column {name!r}{_closest(name, table.header)}; "
                f"it has: {', '.join(table.header)}"
            )
    both = sorted(set(labels or ()) & set(numbers or ()))
    if both:
        raise TableError(f"{_quoted(both)} cannot be label and numeric at once; name it in one of the two")
    if labels is None:
        if numbers is None:
            numbers = tuple(name for name in table.header if _is_numeric(table, name, keep_missing))
            for name in table.header:
                if name not in numbers:
                    _refuse_amounts(table, name)
        labels = tuple(name for name in table.header if name not in numbers)
    if numbers is None:
        numbers = tuple(name for name in table.header if name not in labels)
    return labels, numbers


def _is_numeric(table: _TextTable, name: str, keep_missing: bool) -> bool:
    """Whether all values are numbers (or missing, if these are kept); refuses a column in which only some are."""
    present = [
        (line, value)
        for line, value in zip(table.lines, table.numbers(name), strict=True)
        if not (keep_missing and _is_missing(value))
    ]
    numeric = [_NUMBER.fullmatch(value) is not None for _, value in present]
    if all(numeric) or not any(numeric):
        return all(numeric)
    line, first = present[numeric.index(False)]
    raise TableError(
        f"{table.source}, column {name!r}: {sum(numeric)} of {len(present)} values are numbers, but line "
        f"{line} has {_shown(first)}: {_fault(first)}. If the column is meant "
        "to be a label, which stays readable for the server, name it in labels=[...]"
    )


def _refuse_amounts(table: _TextTable, name: str) -> None:
    """Raise TableError for a column that would be taken as a label, readable for the server, and holds amounts."""
    for line, value in zip(table.lines, table.column(name), strict=True):
        if _looks_like_an_amount(value):
            raise TableError(
                f"{table.source}, column {name!r}, line {line}: {_shown(value)} looks like an amount, and as it is "
                "written the column would become a label, which stays readable for the server. Write "
                f"{_remedy(value)}; or, if it is a label, name it in labels=[...]"
            )


def _looks_like_an_amount(value: str) -> bool:
    return value.lower() in ("true", "false") or _AMOUNT.fullmatch(value) is not None


def _may_be_a_number(value: str) -> bool:
    """Whether a cell of a column of text is, or stands for, a number: then the column is looked at cell by cell."""
    pointed = value.replace(",", ".")
    return _looks_like_an_amount(value) or _is_missing(value) or _NUMBER.fullmatch(pointed) is not None


def _remedy(value: str) -> str:
    if value.lower() in ("true", "false"):
        return "1 and 0 in the place of True and False"
    if _COMMA.fullmatch(value):
        return 'a decimal point, or save the file with semicolons and load it with separator=";", decimal=","'
    return "digits with at most a sign and a decimal point, without thousands separators, unit or currency"


def _natural(text: str) -> list[tuple[bool, int, str]]:
    """A key that sorts numbers within a text by their value."""
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in re.split(r"([0-9]+)", text)]


def _label_column(table: _TextTable, name: str) -> pd.Series:
    values = table.column(name)
    if "" in values:
        line = table.lines[values.index("")]
        raise TableError(
            f"{table.source}, column {name!r}, line {line}: the label is empty"
            f"{_count(values.count(''))}; write a word for it, such as unknown"
        )
    return pd.Series(values, dtype="str")


def _numeric_column(table: _TextTable, name: str, keep_missing: bool) -> tuple[pd.Series, int]:
    """The column as int64 or float64, and the number of decimals written in the file."""
    values = table.numbers(name)
    absent = [keep_missing and _is_missing(value) for value in values]
    if all(absent):
        raise TableError(f"{table.source}, column {name!r} has no value at all; leave it out")
    faults = [
        (line, value)
        for line, value, gone in zip(table.lines, values, absent, strict=True)
        if not gone and _fault(value)
    ]
    if faults:
        line, value = faults[0]
        raise TableError(
            f"{table.source}, column {name!r}, line {line}: {_shown(value)} cannot be used as a "
            f"number: {_fault(value)}{_count(len(faults))}"
        )
    places = max(_places_of(value) for value, gone in zip(values, absent, strict=True) if not gone)
    if any(absent):
        kept = [float("nan") if gone else float(value) for value, gone in zip(values, absent, strict=True)]
        return pd.Series(kept, dtype="float64"), places
    if places == 0:
        return pd.Series([int(Decimal(value)) for value in values], dtype="int64"), 0
    return pd.Series([float(value) for value in values], dtype="float64"), places


_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,6})?")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}([,.' _\u00a0\u202f\u2019][0-9]{3})+([.,][0-9]+)?")
_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_UNIT = r"(?:[€$£¥%‰]|EUR|USD|GBP|CHF|JPY)"
_AMOUNT = re.compile(
    rf"[+-]?({_UNIT}\s?)?[+-]?([0-9]{{1,3}}([,.' _\u00a0\u202f\u2019][0-9]{{3}})+([.,][0-9]+)?|[0-9]+([.,][0-9]+)?)"
    rf"(\s?{_UNIT})?"
)
_MISSING = {"", "na", "n/a", "nan", "null", "none", "nil", "missing", "-", "?"}
_INFINITE = {"inf", "infinity"}


def _fault(value: str) -> str:
    """What keeps a cell from being a number, with what to do; empty where nothing does."""
    if _NUMBER.fullmatch(value):
        # Most cells are short and without an exponent, and need not be made numbers to be counted.
        if len(value) <= MAXIMUM_DIGITS and "e" not in value.lower():
            return ""
        number = Decimal(value)
        if max(number.adjusted() + 1, 0) + _places(number) > MAXIMUM_DIGITS:
            return f"more than {MAXIMUM_DIGITS} digits; round it, or use a larger unit"
        return ""
    if _is_missing(value):
        return 'the value is missing; fill it in, remove the row, or load with missing="keep"'
    if value.lstrip("+-").lower() in _INFINITE:
        return "infinity cannot be encoded; put in a finite number or remove the row"
    if _GROUPED.fullmatch(value):
        return "it seems to have thousands separators; write it without them, with a decimal point"
    if _COMMA.fullmatch(value):
        return "it has a decimal comma; write a point"
    return "it is text; write digits with at most a sign and a decimal point, without unit or currency"


def _is_missing(value: str) -> bool:
    return value.lower() in _MISSING or value.lstrip("+-").lower() in _MISSING


def _places_of(value: str) -> int:
    """The decimals of what _NUMBER matches."""
    return _places(Decimal(value)) if "e" in value.lower() else len(value.partition(".")[2])


def _places(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int), "NaN and infinity were refused"
    return max(0, -exponent)


def _names(names: str | Iterable[str] | None) -> tuple[str, ...] | None:
    if names is None:
        return None
    several = [names] if isinstance(names, (str, int)) else names
    # A column may be called 2018; in a file every name is text.
    return tuple(str(name) for name in several)


def _closest(name: str, known: Iterable[str]) -> str:
    by_folded = {word.casefold(): word for word in known}
    found = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    return f" (closest: {by_folded[found[0]]!r})" if found else ""


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _shown(value: str) -> str:
    return repr(value if len(value) <= 40 else value[:37] + "...")


def _count(faults: int) -> str:
    return f" (the first of {faults} such cells)" if faults > 1 else ""
