"""The shipped tables against their scripts and the published sums, the loader against wrong files."""

from __future__ import annotations

import csv
import importlib
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from he_helpers.lab.notebook import data as loader
from he_helpers.lab.notebook.data import SHIPPED, TableError, decimals, load_table

DATA = Path(__file__).resolve().parents[2] / "data"
YEARS = ("2018", "2019", "2020", "2021", "2022")
PUBLISHED = {
    "population_summed_over_area.csv": 38,
    "population_summed_over_age_group.csv": 8,
    "population_summed_over_sex_excerpt.csv": 10,
}


def records(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="ascii") as file:
        return list(csv.DictReader(file))


def contradictions(table: list[dict[str, str]], published: list[dict[str, str]]) -> list[tuple[str, ...]]:
    """The published sums that `table` does not reproduce to the last decimal, with exact decimals."""
    kept = [name for name in published[0] if name not in YEARS]
    sums: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for row in table:
        for year in YEARS:
            sums[(*(row[name] for name in kept), year)] += Decimal(row[year])
    wrong = []
    for row in published:
        for year in YEARS:
            key = (*(row[name] for name in kept), year)
            if str(sums.get(key)) != row[year]:
                wrong.append(key)
    return wrong


# The scripts


@pytest.fixture(params=["branch_accounts", "population_projections"])
def script(request, monkeypatch):
    """The module that makes a shipped table, imported from where `python data/make_x.py` would find it."""
    monkeypatch.syspath_prepend(DATA)
    return importlib.import_module(f"make_{request.param}")


@pytest.fixture
def population_script(monkeypatch):
    monkeypatch.syspath_prepend(DATA)
    return importlib.import_module("make_population_projections")


def test_script_makes_the_committed_bytes(script, tmp_path):
    made = tmp_path / script.TABLE.name
    assert script.main([], made) == 0
    assert made.read_bytes() == script.TABLE.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [made.name]


def test_check_accepts_the_committed_table_and_finds_a_changed_digit(script, tmp_path, capsys):
    assert script.main(["--check"]) == 0
    original = script.TABLE.read_bytes()
    lines = original.split(b"\n")
    lines[6] = lines[6][:-1] + (b"1" if lines[6].endswith(b"0") else b"0")
    changed = tmp_path / script.TABLE.name
    changed.write_bytes(b"\n".join(lines))
    assert script.main(["--check"], changed) == 1
    assert "line 7" in capsys.readouterr().err
    changed.write_bytes(original[:-1])
    assert script.main(["--check"], changed) == 1
    assert script.main(["--check"], tmp_path / "absent.csv") == 1
    assert changed.read_bytes() == original[:-1], "--check must not write"


def test_rounding_must_exist_and_be_the_only_best_one(population_script):
    round_to_sums = population_script.round_to_sums
    assert round_to_sums([0.6, 0.4], [([0, 1], 1)]) == [1, 0]
    assert round_to_sums([7.6, 7.4], [([0, 1], 16)]) == [8, 8]
    with pytest.raises(RuntimeError, match="equally good"):
        round_to_sums([0.5, 0.5], [([0, 1], 1)])
    with pytest.raises(RuntimeError, match="no rounding"):
        round_to_sums([0.6, 0.4], [([0, 1], 3)])


def test_population_script_verifies_independently_of_the_solver(population_script):
    sums = [([0, 1], dict.fromkeys(YEARS, 5))]
    population_script.verify([[2, 3]] * 5, sums)
    with pytest.raises(RuntimeError, match="do not sum"):
        population_script.verify([[2, 3]] * 4 + [[2, 4]], sums)
    with pytest.raises(RuntimeError, match="negative"):
        population_script.verify([[-1, 6]] + [[2, 3]] * 4, sums)


# The tables


@pytest.mark.parametrize(("name", "count"), PUBLISHED.items())
def test_population_reproduces_every_published_sum(name, count):
    published = records(DATA / "published" / name)
    assert len(published) == count
    assert contradictions(records(DATA / "population_projections.csv"), published) == []


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_changed_digit_contradicts_the_published_sums(name):
    table = records(DATA / "population_projections.csv")
    row = next(row for row in table if (row["AREA"], row["AGE GROUP"]) == ("Darlington", "0-4"))
    row["2021"] = str(Decimal(row["2021"]) + Decimal("0.1"))
    wrong = contradictions(table, records(DATA / "published" / name))
    assert len(wrong) == 1 and wrong[0][-1] == "2021"


def test_population_shape_order_and_precision():
    table = records(DATA / "population_projections.csv")
    assert list(table[0]) == ["AREA", "AGE GROUP", "SEX", *YEARS]
    keys = [(row["AREA"], row["AGE GROUP"], row["SEX"]) for row in table]
    assert len(keys) == 152 == 4 * 19 * 2
    assert keys == sorted(set(keys))
    assert [len(set(column)) for column in zip(*keys, strict=True)] == [4, 19, 2]
    values = [row[year] for row in table for year in YEARS]
    assert all(Decimal(value).as_tuple().exponent == -1 for value in values)
    assert (min(map(Decimal, values)), max(map(Decimal, values))) == (Decimal("227.0"), Decimal("5164.1"))
    assert all(row["2018"].endswith(".0") for row in table)


def test_population_changes_little_from_year_to_year():
    years = load_table("population_projections")[list(YEARS)]
    assert (years / years.shift(axis=1) - 1).abs().max().max() < 0.12


def test_branch_accounts_shape():
    frame = load_table("branch_accounts")
    assert len(frame) == 480
    assert not frame.duplicated(["Branch", "Quarter"]).any()
    assert frame.groupby("Region")["Branch"].nunique().to_dict() == {
        "Centre": 12,
        "East": 8,
        "North": 16,
        "South": 14,
        "West": 10,
    }
    assert sorted(frame["Quarter"].unique()) == [f"{year}-Q{q}" for year in (2023, 2024) for q in range(1, 5)]
    rows = records(DATA / "branch_accounts.csv")
    assert [row["Record ID"] for row in rows] == [str(number) for number in range(1, 481)]
    amounts = [row[name] for row in rows for name in SHIPPED["branch_accounts"].numbers]
    assert all(Decimal(amount).as_tuple().exponent == -2 for amount in amounts)


def test_branch_accounts_ranges():
    frame = load_table("branch_accounts")
    assert frame["Revenue"].between(50_000, 120_000).all()
    assert (frame["Expenses"] / frame["Revenue"]).between(0.55, 0.65).all()
    numbers = frame[list(SHIPPED["branch_accounts"].numbers)]
    assert (numbers.max() < 4 * numbers.min()).all(), "a divisor's declared range is 1 to 10"
    assert numbers.min().min() > 10_000
    held, owed = frame[["Revenue", "Savings", "Investments"]], frame[["Expenses", "Loans"]]
    assert (held.sum(axis=1) > owed.sum(axis=1)).all()


@pytest.mark.parametrize("name", SHIPPED)
def test_schema_covers_every_column_and_the_card_names_it(name):
    shipped = SHIPPED[name]
    header = (DATA / f"{name}.csv").read_text(encoding="ascii").split("\n")[0].split(",")
    assert sorted(header) == sorted([*shipped.labels, *shipped.numbers, *shipped.excluded])
    card = (DATA / f"{name}.md").read_text(encoding="utf-8")
    assert all(column in card for column in header)
    assert f"{(DATA / f'{name}.csv').stat().st_size:,}" in card


# The loader


@pytest.fixture
def own(tmp_path):
    """Write a file of one's own and load it."""

    def load(content: str | bytes, **arguments) -> pd.DataFrame:
        path = tmp_path / "own.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return load_table(path, **arguments)

    return load


def test_shipped_tables_by_name():
    population = load_table("population_projections")
    assert list(population.columns) == ["AREA", "AGE GROUP", "SEX", *YEARS]
    assert decimals(population) == dict.fromkeys(YEARS, 1)
    accounts = load_table("branch_accounts")
    assert "Record ID" not in accounts
    assert decimals(accounts) == dict.fromkeys(SHIPPED["branch_accounts"].numbers, 2)
    for name, frame in (("population_projections", population), ("branch_accounts", accounts)):
        assert all(frame[label].map(type).eq(str).all() for label in SHIPPED[name].labels)
        assert all(frame[number].dtype == "float64" for number in SHIPPED[name].numbers)


def test_shipped_table_with_chosen_columns():
    frame = load_table("branch_accounts", labels="Region", numbers=["Revenue"])
    assert list(frame.columns) == ["Region", "Revenue"]
    assert list(load_table("branch_accounts", labels=["Region"]).columns) == [
        "Region",
        *SHIPPED["branch_accounts"].numbers,
    ]
    assert "Record ID" in load_table("branch_accounts", labels=["Record ID"])


def test_own_file_with_inferred_columns(own):
    frame = own("Town,Year,Cost,Rate\n A ,2020,-1,1.50\nB,2021,+20, .5\n\nB,2022,1e3,7\n")
    assert frame["Town"].tolist() == ["A", "B", "B"]
    assert frame["Year"].tolist() == [2020, 2021, 2022]
    assert frame["Cost"].tolist() == [-1, 20, 1000]
    assert frame["Rate"].tolist() == [1.5, 0.5, 7.0]
    assert [str(frame[name].dtype) for name in ("Year", "Cost", "Rate")] == ["int64", "int64", "float64"]
    assert decimals(frame) == {"Year": 0, "Cost": 0, "Rate": 2}


def test_own_file_with_named_columns(own):
    text = "Town,Year,Cost\nA,2020,1\nB,2021,2\n"
    assert own(text, labels=["Town", "Year"])["Year"].tolist() == ["2020", "2021"]
    assert own(text, numbers=["Cost"])["Year"].tolist() == ["2020", "2021"]
    assert list(own(text, labels="Town", numbers="Cost").columns) == ["Town", "Cost"]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfTown,Cost\nA,1\n",
        b"Town,Cost\r\nA,1\r\n",
        b'"Town","Cost"\n"A","1"',
    ],
)
def test_byte_order_mark_line_ends_and_quotes_are_accepted(own, content):
    assert own(content).to_dict("list") == {"Town": ["A"], "Cost": [1]}


def test_quoted_comma_and_line_break_keep_the_line_numbers(own):
    assert own('Town,Cost\n"A, b",1\n')["Town"].tolist() == ["A, b"]
    with pytest.raises(TableError, match="line 4"):
        own('Town,Cost\n"A\nb",1\nC,x\n', numbers="Cost")


WRONG_FILES = {
    "empty": ("", {}, "own.csv is empty"),
    "blank": ("\n \n", {}, "own.csv is empty"),
    "header only": ("Town,Cost\n", {}, "header but no rows"),
    "missing label": (
        "Town,Cost\nA,1\n",
        {"labels": ["Twon"]},
        r"own.csv has no column 'Twon' \(closest: 'Town'\); it has: Town, Cost",
    ),
    "missing number": ("Town,Cost\nA,1\n", {"numbers": ["COST"]}, r"no column 'COST' \(closest: 'Cost'\)"),
    "missing, not close": ("Town,Cost\nA,1\n", {"numbers": ["xyz"]}, "no column 'xyz'; it has: Town, Cost"),
    "label and number": (
        "Town,Cost\nA,1\n",
        {"labels": ["Town"], "numbers": ["Town"]},
        "'Town' cannot be label and numeric at once",
    ),
    "text": ("Town,Cost\nA,1\nB,abc\n", {"numbers": ["Cost"]}, "column 'Cost', line 3: 'abc'.*it is text"),
    "several": ("Town,Cost\nA,x\nB,y\nC,z\n", {"numbers": ["Cost"]}, "line 2: 'x'.*the first of 3"),
    "unit": ("Town,Cost\nA,12 EUR\n", {"numbers": ["Cost"]}, "line 2: '12 EUR'.*without unit"),
    "underscore": ("Town,Cost\nA,1_0\n", {"numbers": ["Cost"]}, "it is text"),
    "other digits": ("Town,Cost\nA,\u0661\n", {"numbers": ["Cost"]}, "it is text"),
    "hexadecimal": ("Town,Cost\nA,0x1F\n", {"numbers": ["Cost"]}, "it is text"),
    "inferred, mixed": (
        "Town,Cost\nA,1\nB,abc\n",
        {},
        "1 of 2 values are numbers, but line 3 has 'abc'.*readable for the server.*labels=",
    ),
    "inferred, missing": ("Town,Cost\nA,1\nB,\n", {}, "line 3 has '': the value is missing"),
    "duplicate": ("Cost,Town,Cost\n1,A,2\n", {}, "'Cost' more than once"),
    "duplicate, spaces": ("Cost,Town, Cost\n1,A,2\n", {}, "'Cost' more than once"),
    "nameless": (",Town,Cost\n0,A,2\n", {}, "column 1 of the header has no name.*index=False"),
    "too few cells": ("Town,Cost\nA,1\nB\n", {}, "line 3: 1 cells, but the header has 2"),
    "too many cells": ("Town,Cost\nA,1,200\n", {}, "line 2: 3 cells, but the header has 2"),
    "missing value": ("Town,Cost\nA,1\nB,\n", {"numbers": ["Cost"]}, "line 3: ''.*the value is missing"),
    "NA": ("Town,Cost\nA,N/A\n", {"numbers": ["Cost"]}, "'N/A'.*the value is missing"),
    "NaN": ("Town,Cost\nA,-NaN\n", {"numbers": ["Cost"]}, "'-NaN'.*the value is missing"),
    "infinity": ("Town,Cost\nA,-inf\n", {"numbers": ["Cost"]}, "'-inf'.*infinity cannot be encoded"),
    "thousands": ('Town,Cost\nA,"1,234.50"\n', {"numbers": ["Cost"]}, "'1,234.50'.*thousands separators"),
    "thousands, spaces": ("Town,Cost\nA,1 234 567\n", {"numbers": ["Cost"]}, "thousands separators"),
    "thousands, points": ("Town,Cost\nA,1.234.567\n", {"numbers": ["Cost"]}, "thousands separators"),
    "decimal comma": ('Town,Cost\nA,"1,5"\n', {"numbers": ["Cost"]}, "'1,5'.*decimal comma"),
    "too many digits": ("Town,Cost\nA,0.1234567890123456\n", {"numbers": ["Cost"]}, "more than 15 digits"),
    "too large": ("Town,Cost\nA,1e400\n", {}, "'1e400'.*more than 15 digits"),
    "empty label": ("Town,Cost\nA,1\n,2\n", {}, "column 'Town', line 3: the label is empty"),
    "semicolons": (
        "Town;Cost\nA;1,5\n",
        {},
        'separated by semicolons; commas were expected.*separator=";".*decimal=","',
    ),
    "commas": (
        "Town,Cost\nA,1.5\n",
        {"separator": ";"},
        'separated by commas; semicolons were expected. Load it without separator=";"$',
    ),
    "a point among commas": (
        "Town;Cost\nA;1,5\nB;2.5\n",
        {"decimal": ",", "separator": ";"},
        "line 3: '2.5' has a decimal point, and decimal=\",\" was given",
    ),
    "one mark for both": ("Town,Cost\nA,1\n", {"decimal": ","}, "decimal commas go with separator"),
    "no such mark": ("Town,Cost\nA,1\n", {"decimal": "'"}, "is not known"),
    "inferred, decimal comma": (
        'Town,Cost\nA,"1,5"\nB,"2,25"\n',
        {},
        "line 2: '1,5' looks like an amount.*readable for the server.*decimal=\",\"",
    ),
    "inferred, decimal comma, rest missing": ('Town,Cost\nA,-\nB,"2,25"\n', {}, "line 3: '2,25' looks like an amount"),
    "inferred, thousands": ('Town,Cost\nA,"1,234.50"\n', {}, "'1,234.50' looks like.*without thousands separators"),
    "inferred, currency": ("Town,Cost\nA,12 EUR\n", {}, "'12 EUR' looks like an amount.*labels="),
    "inferred, per cent": ("Town,Rate\nA,12.5%\nB,3%\n", {}, "'12.5%' looks like an amount"),
    "inferred, sign and currency": ("Town,Cost\nA,-€3\n", {}, "'-€3' looks like an amount"),
    "inferred, truth": ("Town,Member\nA,True\nB,False\n", {}, "'True' looks like.*1 and 0 in the place of True"),
    "ordered number": ("Town,Cost\nA,1\n", {"ordered": "Cost"}, "ordered='Cost': there is no such label.*are: Town"),
    "tabs": ("Town\tCost\nA\t1\n", {}, "separated by tabs"),
    "Latin-1": ("Town,Cost\nA,1\nKöln,2\n".encode("latin-1"), {}, "line 3: not UTF-8"),
    "UTF-16": ("Town,Cost\nA,1\n".encode("utf-16"), {}, "line 1: not UTF-8"),
    "UTF-16 without mark": ("Town,Cost\nA,1\n".encode("utf-16-le"), {}, "not UTF-8 text"),
    "open quote": ('Town,Cost\n"A,1\nB,2\n', {}, "not valid CSV"),
}


@pytest.mark.parametrize(("content", "arguments", "message"), WRONG_FILES.values(), ids=WRONG_FILES)
def test_wrong_files_are_refused(own, content, arguments, message):
    with pytest.raises(TableError, match=message):
        own(content, **arguments)


def test_labels_that_look_like_amounts_are_taken_when_they_are_named(own):
    frame = own("Member,Share,Cost\nTrue,12 EUR,1\n", labels=["Member", "Share"])
    assert frame.to_dict("list") == {"Member": ["True"], "Share": ["12 EUR"], "Cost": [1]}


@pytest.mark.parametrize("word", ["5-9", "85+", "2023-Q1", "01.02.2020", "10 km", "A1", "+49 30 1234", "€", "3 EURO"])
def test_labels_with_digits_are_no_amounts(own, word):
    assert own(f"Word,Cost\n{word},1\n")["Word"].tolist() == [word]


def test_columns_named_by_numbers(own):
    frame = own("Town,2018\nA,1\nB,2\n", numbers=[2018])
    assert frame.to_dict("list") == {"Town": ["A", "B"], "2018": [1, 2]}
    with pytest.raises(TableError, match="no column '2019'.*closest: '2018'"):
        own("Town,2018\nA,1\n", numbers=2019)


def test_decimal_commas_and_semicolons(own):
    frame = own("Town;Cost;Rate;Year\nSt. Gallen;1,50;-,5;2020\nB, C;-3;2,;2021\n", decimal=",", separator=";")
    assert frame.to_dict("list") == {
        "Town": ["St. Gallen", "B, C"],
        "Cost": [1.5, -3.0],
        "Rate": [-0.5, 2.0],
        "Year": [2020, 2021],
    }
    assert decimals(frame) == {"Cost": 2, "Rate": 1, "Year": 0}


def test_ordered_labels_are_sorted_by_the_numbers_in_them(own):
    text = "Ages,Cost\n45-49,1\n5-9,2\n85+,3\n0-4,4\n5-9,5\n"
    frame = own(text, ordered="Ages")
    assert list(frame.groupby("Ages")["Cost"].sum().index) == ["0-4", "5-9", "45-49", "85+"]
    assert list(own(text).groupby("Ages")["Cost"].sum().index) == ["0-4", "45-49", "5-9", "85+"]
    groups = load_table("population_projections").groupby("AGE GROUP").size().index
    assert list(groups[:4]) == ["0-4", "5-9", "10-14", "15-19"]
    assert "AGE GROUP" not in load_table("population_projections", labels="SEX", numbers="2018")


# The fast way, and cell by cell

CELLS = [
    "1",
    "-20",
    "+3",
    "007",
    "1.50",
    "-.5",
    "2.",
    "0.125",
    "1e3",
    "1.5E-2",
    "123456789012345",
    "1234567890123456",
    "12345678901.1234",
    "0.00000000000001",
    "99999999999999999999",
    "inf",
    "nan",
    "NaN",
    "NA",
    "",
    " 4",
    "5 ",
    "1 2",
    "x",
    "é",
    " y",
    "True",
    "1,5",
    "0x1F",
    "1_0",
    "\u0661",
    "--1",
    "1.2.3",
    "-",
    "+",
    ".",
    "1e",
    "#",
    "'3'",
    '"4"',
]


def loaded(load, text, **arguments):
    """The frame with its decimals, or the message."""
    try:
        frame = load(text, **arguments)
    except TableError as error:
        return str(error)
    return repr(frame.to_dict("list")), frame.dtypes.astype(str).to_dict(), frame.attrs


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_both_ways_of_reading_agree(own, data):
    """Whatever the file is: the same frame or the same words."""
    width = data.draw(st.integers(1, 3))
    few = data.draw(st.lists(st.sampled_from(CELLS), min_size=1, max_size=4))
    line = st.lists(st.sampled_from(few), min_size=width, max_size=width + data.draw(st.integers(0, 1)))
    lines = [[f"c{i}" for i in range(width)], *data.draw(st.lists(line, min_size=1, max_size=5))]
    end, separator = data.draw(st.sampled_from(["\n", "\r\n"])), data.draw(st.sampled_from([",", ";"]))
    text = end.join(separator.join(cells) for cells in lines) + data.draw(st.sampled_from(["", end, end + end]))
    arguments = {"separator": separator} | data.draw(st.sampled_from([{}, {"labels": "c0"}, {"numbers": "c0"}]))
    if data.draw(st.booleans()):
        arguments["missing"] = "keep"
    if separator == ";" and data.draw(st.booleans()):
        text, arguments["decimal"] = text.replace(".", ","), ","
    fast = loaded(own, text, **arguments)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loader, "read_plain", lambda *_: None)
        assert fast == loaded(own, text, **arguments)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_plain_file_is_not_read_cell_by_cell(own, end, monkeypatch):
    monkeypatch.setattr(loader, "_read", lambda *_: pytest.fail("read cell by cell"))
    text = end.join(["Town,Year,Cost", "A,2020,1.50", "B,2021,-20", "Orléans,2021,0.125"]) + end
    frame = own(text, numbers="Cost", labels=["Town", "Year"])
    assert frame.to_dict("list") == {
        "Town": ["A", "B", "Orléans"],
        "Year": ["2020", "2021", "2021"],
        "Cost": [1.5, -20.0, 0.125],
    }
    assert decimals(frame) == {"Cost": 3}


def test_a_long_value_is_shortened_in_the_message(own):
    with pytest.raises(TableError) as caught:
        own(f"Town,Cost\nA,{'x' * 500}\n", numbers="Cost")
    assert len(str(caught.value)) < 250


def test_unknown_name_lists_the_shipped_tables():
    with pytest.raises(TableError, match=r"closest: 'branch_accounts'") as caught:
        load_table("branch_acounts")
    assert f"there are: {', '.join(sorted(SHIPPED))}" in str(caught.value)


def test_missing_file_folder_and_missing_shipped_table(tmp_path, monkeypatch):
    with pytest.raises(TableError, match="there is no file absent.csv"):
        load_table("absent.csv")
    with pytest.raises(TableError, match="is a folder"):
        load_table(tmp_path)
    monkeypatch.setattr(loader, "DATA_FOLDER", tmp_path)
    with pytest.raises(TableError, match="python data/make_branch_accounts.py"):
        load_table("branch_accounts")


# Decimals


def test_decimals_survive_selection_and_never_round_a_value(own):
    frame = own("Town,Cost,Rate\nA,1.10,2.0\nB,3.00,4.0\n")
    assert decimals(frame) == {"Cost": 2, "Rate": 1}
    assert decimals(frame[["Town", "Rate"]]) == {"Rate": 1}
    assert decimals(frame[frame["Town"] == "A"]) == {"Cost": 2, "Rate": 1}
    changed = frame.assign(Rate=[0.125, 1e-5])
    assert decimals(changed) == {"Cost": 2, "Rate": 5}


def test_an_exponent_moves_the_point_of_what_is_written(own):
    frame = own("Town,Rate,Cost,Share\nA,15e-4,2E+2,1.\nB,4,7,2\n")
    assert decimals(frame) == {"Rate": 4, "Cost": 0, "Share": 0}
    assert frame["Rate"].tolist() == [0.0015, 4.0] and frame["Cost"].tolist() == [200, 7]


def test_decimals_of_a_plain_frame():
    frame = pd.DataFrame({"a": [1, 200], "b": [5917.0, 2.5], "c": ["x", "y"], "d": [10.0, 200.0]})
    assert decimals(frame) == {"a": 0, "b": 1, "d": 0}
    assert decimals(frame.iloc[:0]) == {"a": 0, "b": 0, "d": 0}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_decimals_refuse_missing_and_infinite_values(value):
    with pytest.raises(TableError, match="'Cost' has a missing or infinite value"):
        decimals(pd.DataFrame({"Cost": [1.0, value]}))
