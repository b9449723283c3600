"""How much of a table may be readable: what a sender makes large here, every listing and every query pays for.

The numbers leave room for a table of a study: hundreds of columns, and a label of a hundred thousand values. Together
they keep a description below 8 MB of JSON and a listing of a page too.
"""

from collections.abc import Iterable

from he_helpers.server.http.problems import Problem
from he_helpers.tables import TableHeader
from he_helpers.text import is_printable_line, printable_line

MOST_LABELS = 50
MOST_COLUMNS = 500
MOST_GROUPINGS = 100
# Characters of a name, of all names together, of a label's value, and of all values together.
LONGEST_NAME = 200
ALL_NAMES = 10_000
LONGEST_VALUE = 200
ALL_VALUES = 2**20
MOST_VALUES = 100_000

_SHOWN = 40


def check_table(header: TableHeader) -> None:
    """Raise Problem (invalid-content) if the readable part of a table is too large, or has text that can deceive.

    Deceiving is whatever is not printed as it is: control characters, direction marks, what nobody sees.
    """
    names = [*header.label_names, *header.column_names]
    values = [value for name in header.label_names for value in header.labels.categories[name]]
    for found, most, what, remedy in (
        (len(header.label_names), MOST_LABELS, "labels", "Leave out labels that nobody groups by."),
        (len(header.column_names), MOST_COLUMNS, "numeric columns", "Upload them as several tables."),
        (len(header.groupings or ()), MOST_GROUPINGS, "groupings", "Announce those that are asked for."),
        (sum(map(len, names)), ALL_NAMES, "characters in all its names together", "Use shorter names."),
        (len(values), MOST_VALUES, "distinct values of its labels together", "Leave out labels of single rows."),
        (sum(map(len, values)), ALL_VALUES, "characters in all labels' values together", "Use codes in their place."),
    ):
        if found > most:
            raise Problem(
                "invalid-content", f"This table has {found:,} {what}, and at most {most:,} are taken. {remedy}"
            )
    _check_text(names, LONGEST_NAME, "name of a column")
    _check_text(values, LONGEST_VALUE, "value of a label")


def _check_text(texts: Iterable[str], longest: int, what: str) -> None:
    for text in texts:
        if len(text) > longest:
            raise Problem(
                "invalid-content",
                f"The {what} that begins with {printable_line(text[:_SHOWN])!r} has {len(text):,} characters, and at "
                f"most {longest} are taken. Shorten it.",
            )
        if not is_printable_line(text):
            raise Problem(
                "invalid-content",
                f"The {what} {printable_line(text[:_SHOWN])} has characters that are not printed as they are, written "
                "here as escapes: control characters, direction marks, or others that nobody sees. Remove them, and "
                "encrypt the table anew.",
            )
