"""What the server lists, as DataFrames in an order that does not depend on time or chance.

Every text is one printable line: others wrote it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

from he_helpers.roles.errors import UnreadableAnswer
from he_helpers.tables import Query
from he_helpers.text import printable_line

if TYPE_CHECKING:
    import pandas as pd

_DATASET_COLUMNS = ("owner", "rows", "labels", "columns", "layout", "scheme", "minimum_group_size", "contributor_label")
_REQUEST_ORDER = ("dataset", "statistic", "group_by", "columns", "analyst", "purpose", "request")
_ANSWER_COLUMNS = ("custodian", "answer", "reason")
_EVENT_COLUMNS = ("account", "role", "action", "dataset", "request", "reason")
_DECISIONS = {"approved", "refused"}


def _of_a_server(view: Callable[..., pd.DataFrame]) -> Callable[..., pd.DataFrame]:
    """Whatever the members of a list are, the view is made of them or raises UnreadableAnswer."""

    @wraps(view)
    def checked(*arguments: Any, **options: Any) -> pd.DataFrame:
        try:
            return view(*arguments, **options)
        except (KeyError, TypeError, AttributeError):
            raise UnreadableAnswer(
                "The server's list has members missing or of another kind than expected. "
                "Use the same version of he_helpers on both sides."
            ) from None

    return checked


@_of_a_server
def dataset_view(datasets: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """One row a dataset, by name; labels stand with their numbers of values."""

    def row(dataset: dict[str, Any]) -> dict[str, Any]:
        labels = ", ".join(f"{name} ({values})" for name, values in dataset["labels"].items())
        columns = ", ".join(column["name"] for column in dataset["columns"])
        return {
            "name": dataset["name"],
            **{key: dataset[key] for key in _DATASET_COLUMNS},
            "labels": labels,
            "columns": columns,
        }

    return _frame(datasets, row, ("name", *_DATASET_COLUMNS)).sort_values("name").set_index("name")


@_of_a_server
def request_view(requests: Sequence[dict[str, Any]], recipient: Callable[[str], str]) -> pd.DataFrame:
    """One row a request, by dataset and query. ``recipient`` names the holder of a fingerprint."""

    def row(request: dict[str, Any]) -> dict[str, Any]:
        return {
            "request": request["id"],
            "dataset": request["dataset"],
            "analyst": request["analyst"],
            "statistic": request["query"]["statistic"],
            "group_by": ", ".join(request["query"]["group_by"]),
            "columns": ", ".join(request["query"]["columns"]),
            "purpose": request["purpose"],
            "recipient": recipient(request["recipient_key_fingerprint"]),
            "status": request["status"],
            "reason": request.get("reason") or "",
        }

    columns = (
        "request",
        "dataset",
        "analyst",
        "statistic",
        "group_by",
        "columns",
        "purpose",
        "recipient",
        "status",
        "reason",
    )
    return _frame(requests, row, columns).sort_values(list(_REQUEST_ORDER)).set_index("request")


@_of_a_server
def answer_view(answer: dict[str, Any]) -> pd.DataFrame:
    """What each custodian has answered to a request: "partial decryption", "refused" with a reason, or "none"."""

    def row(entry: dict[str, Any]) -> dict[str, Any]:
        return {column: entry[column] for column in _ANSWER_COLUMNS}

    return _frame(answer["answers"], row, _ANSWER_COLUMNS).set_index("custodian")


@_of_a_server
def audit_view(events: Sequence[dict[str, Any]], *, times: bool, details: bool) -> pd.DataFrame:
    """One row an event, in the order in which they happened, numbered from 1.

    Requests are numbered in the order of their first event, and ``reason`` is that of a decision. ``times``
    adds when (``at``, UTC); ``details`` adds ``request_id`` and ``detail``, the server's note, with sizes and
    digests.
    """
    import pandas as pd

    columns = [*(["at"] if times else []), *_EVENT_COLUMNS, *(["request_id", "detail"] if details else [])]
    numbers: dict[str, int] = {}

    def row(event: dict[str, Any]) -> dict[str, Any]:
        request = event["request"]
        return {
            **event,
            "dataset": event["dataset"] or "",
            "request": str(numbers.setdefault(request, len(numbers) + 1)) if request else "",
            "request_id": request or "",
            "reason": event["detail"] if event["action"] in _DECISIONS else "",
        }

    frame = _frame(sorted(events, key=lambda event: event["sequence"]), row, columns)
    return frame.set_axis(pd.RangeIndex(1, len(frame) + 1, name="step"), axis="index")


def query_in_words(query: Query) -> str:
    """Such as "sum of Revenue by Region", in one printable line."""
    return printable_line(question_in_words(query.statistic, ", ".join(query.columns), ", ".join(query.group_by)))


def question_in_words(statistic: str, columns: str, group_by: str) -> str:
    """The same for a row of request_view(), where columns and labels are one text each."""
    of = f" of {columns}" if columns else ""
    by = f" by {group_by}" if group_by else ", all rows"
    return statistic + of + by


def _frame(
    members: Sequence[dict[str, Any]], row: Callable[[dict[str, Any]], dict[str, Any]], columns: Sequence[str]
) -> pd.DataFrame:
    import pandas as pd

    rows = [{name: _shown(value) for name, value in row(member).items()} for member in members]
    return pd.DataFrame(rows, columns=list(columns))


def _shown(value: Any) -> Any:
    """A text as one printable line, a number as it is. Raises TypeError for what is neither."""
    if isinstance(value, str):
        return printable_line(value)
    if value is not None and not isinstance(value, (int, float)):
        raise TypeError
    return value
