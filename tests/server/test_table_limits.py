"""The readable part of an uploaded table is bounded, and its text says what it seems to say."""

import pandas as pd
import pytest

from he_helpers.server.http.problems import Problem
from he_helpers.server.release.datasets.table_limits import check_table
from he_helpers.tables import Aligned, Column, EncryptedTable, Labels, Rows, TableHeader
from tests.server.conftest import kind


def header(labels: dict[str, list[str]], columns=("amount",), groupings=None) -> TableHeader:
    """The header of a table with one row for each value of the longest label, without ciphertexts."""
    rows = max(map(len, labels.values()))
    filled = {name: [values[row % len(values)] for row in range(rows)] for name, values in labels.items()}
    readable = Labels.from_frame(pd.DataFrame(filled))
    packing = (Rows() if groupings is None else Aligned(groupings)).pack(readable, len(columns), 4096)
    return TableHeader("tenseal-bfv", "ab" * 16, 4096, readable, tuple(Column(name, 0) for name in columns), packing)


def many(count: int, length: int = 1) -> list[str]:
    return [f"{number:0{length}d}" for number in range(count)]


# For each limit a header just within it, and one just above it.
LIMITS = {
    "labels": lambda above: header({name: ["x"] for name in many(50 + above)}),
    "numeric columns": lambda above: header({"label": ["x"]}, many(500 + above)),
    "groupings": lambda above: header(
        {name: ["x", "y"] for name in many(15)},
        groupings=[[f"{first}", f"{second}"] for first in range(15) for second in range(first)][: 100 + above],
    ),
    "characters in all its names": lambda above: header({"1" * 100: ["x"]}, many(99, 100)[: 98 + above] + ["n" * 100]),
    "distinct values of its labels": lambda above: header({"a": many(60_000), "b": many(40_000 + above)}),
    "characters in all labels' values": lambda above: header({"a": many(8192, 128), "b": ["x" * above]}),
    "name of a column": lambda above: header({"label": ["x"]}, ["n" * (200 + above)]),
    "value of a label": lambda above: header({"label": ["x" * (200 + above)]}),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_each_limit_is_where_it_is_said_to_be(limit):
    check_table(LIMITS[limit](0))
    with pytest.raises(Problem) as refused:
        check_table(LIMITS[limit](1))
    assert refused.value.kind == "invalid-content"
    assert limit in refused.value.document["detail"]
    assert len(refused.value.document["detail"]) < 300


@pytest.mark.parametrize("text", ["a\x00b", "a\nb", "\x1b[2J", "\u202eevil", "a\u200bb", "a\u2028b", "\ud800"])
def test_text_that_can_deceive_is_refused(text):
    for wrong in (header({"label": ["x", text]}), header({text: ["x"]}), header({"label": ["x"]}, [text])):
        with pytest.raises(Problem) as refused:
            check_table(wrong)
        assert refused.value.kind == "invalid-content"
        detail = refused.value.document["detail"]
        assert text not in detail and detail.isprintable() and "\\" in detail


def test_honest_text_is_taken():
    check_table(header({"Größe": ["klein", "groß"], "地域": ["北", "南"], "path\\part": ["a\\b", ""]}, ["Umsatz (€)"]))


def test_uploads_are_checked(ann, pair):
    frame = pd.DataFrame({"region": ["north\u202e", "south"], "revenue": [1, 2]})
    answer = ann.upload(EncryptedTable.encrypt(frame, ["region"], pair.public).to_bytes())
    assert (answer.status_code, kind(answer)) == (422, "invalid-content")
    assert "north\\u202e" in answer.json["detail"]
    assert ann.get("/datasets").json == []
