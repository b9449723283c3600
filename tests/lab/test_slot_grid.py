"""The grid of slots: against what a table's real ciphertexts hold, that it can be read, and what it refuses."""

import re

import numpy as np
import pandas as pd
import pytest

from he_helpers.lab import figures
from he_helpers.lab.figures.inside.slot_content import Number, slot_content
from he_helpers.parameters import BFVParameters, plaintext_prime
from he_helpers.schemes.errors import ShapeMismatch, WrongKind
from he_helpers.schemes.secret import pyfhel_bfv
from he_helpers.tables import Aligned, EncryptedTable, Rotated, Rows, UnknownLabel, UnsupportedQuery, Values
from tests.lab.test_drawing import assert_can_be_read, texts

SLOTS = 4096
COLUMNS = ["Revenue", "Expenses"]
REGIONS = ["Centre", "East", "Centre", "North", "Centre", "East"]
FRAME = pd.DataFrame(
    {"Region": REGIONS, "Year": [1, 1, 2, 1, 2, 2], "Revenue": range(101, 107), "Expenses": range(201, 207)}
)
LABELS = FRAME[["Region", "Year"]]
LAYOUTS = {
    "values": Values(),
    "rows": Rows(),
    "aligned": Aligned(groupings=[["Year"], ["Region"]]),
    "parts": Aligned(groupings=[["Region"]], partial_sums=2),
    "rotated": Rotated(groupings=[["Region"]], partial_sums=4),
}


@pytest.fixture(scope="module")
def keys():
    parameters = BFVParameters(4096, (53, 53), plaintext_prime(27, 4096))
    return pyfhel_bfv(parameters, galois_keys=(1, 2)).generate_keys()


def drawn(layout, group_by=("Region",), labels=LABELS, columns=COLUMNS, slot_count=SLOTS):
    return figures.slot_grid(labels, columns, layout, slot_count, group_by)


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_slots_hold_what_the_real_ciphertexts_hold(name, keys):
    """A real table is encrypted, and each of its ciphertexts and sums is decrypted and compared."""
    table = EncryptedTable.encrypt(FRAME, ["Region", "Year"], keys.public, layout=LAYOUTS[name])
    content = slot_content(table.label_frame, COLUMNS, table.layout, keys.public.slot_count, ["Region"])
    groups = sorted(set(REGIONS))
    assert content.names == groups and content.sizes == [REGIONS.count(group) for group in groups]

    def value(number):
        if number is None:
            return 0
        rows = FRAME[FRAME["Region"] == groups[number.group]]
        return rows[COLUMNS[number.column]].iloc[number.member]

    decrypted = {place: keys.secret.decrypt(table.ciphertexts[place]) for place in content.ciphertexts}
    for place, numbers in content.ciphertexts.items():
        assert decrypted[place].tolist() == [value(number) for number in numbers]
    aggregate = table.group_by("Region").sum()
    assert len(aggregate.ciphertexts) == len(content.sums)
    plain = FRAME.groupby("Region")[COLUMNS].sum()
    opened = [keys.secret.decrypt(ciphertext) for ciphertext in aggregate.ciphertexts]
    for (group, column), cells in content.cells.items():
        assert sum(opened[of_sum][slot] for of_sum, slot in cells) == plain.iloc[group, column]
    for places, parts in zip(content.sums, content.parts, strict=True):
        added = np.sum([decrypted[place] for place in places], axis=0)
        assert [part is None for part in parts] == (added == 0).tolist()
    revenue_of_centre = [p for parts in content.parts for p in parts if p and (p.group, p.column) == (0, 0)]
    assert sum(part.members for part in revenue_of_centre) == REGIONS.count("Centre")
    assert content.rotations == (2 if name == "rotated" else 0)


def test_the_words_say_where_a_number_lies():
    alt = drawn(LAYOUTS["aligned"]).alt
    assert "Layout aligned, sums by Region: 3 ciphertexts of 4,096 slots, added up to 1 result." in alt
    assert "A = Centre (3 rows); B = East (2 rows); C = North (1 row)." in alt
    # The blocks of the groupings lie one after the other, and the first is by year, with three rows a group.
    assert "ciphertext 3: A1, B1, C1 of Revenue; A1, B1, C1 of Expenses; then 4,090 empty." in alt
    assert "ciphertext 4: A2, B2 of Revenue; 1 empty; A2, B2 of Expenses; 1 empty; then 4,090 empty." in alt
    assert "sum of 3 to 5: A all 3, B all 2, C all 1 of Revenue; A all 3, B all 2, C all 1 of Expenses;" in alt
    table = drawn(LAYOUTS["aligned"]).table
    assert table.loc["East"].tolist() == ["B", 2, "slot 1", "slot 4"]


def test_other_layouts_are_said_as_they_are():
    assert "sum of 1, 5: B all 2 of Revenue; B all 2 of Expenses;" in drawn(LAYOUTS["rows"]).alt
    assert drawn(LAYOUTS["rows"]).table.loc["East", "sum of Expenses"] == "slot 1 of result 1"
    assert "sum of 0, 1: A 2 of 3, A 1 of 3, B 1 of 2, B 1 of 2, C all 1 of Revenue;" in drawn(LAYOUTS["parts"]).alt
    assert drawn(LAYOUTS["parts"]).table.loc["East", "sum of Revenue"] == "slots 2, 3"
    rotated = drawn(LAYOUTS["rotated"])
    assert "added up by 2 rotations" in rotated.alt and rotated.table.loc["East", "sum of Revenue"] == "slot 4"
    values = drawn(LAYOUTS["values"]).alt
    assert "ciphertext 7: C1 of Expenses; then 4,095 empty. … and 4 more ciphertexts. sum of 0, 4, 8:" in values
    assert values.endswith("… and 2 more sums.")


def test_the_drawing_has_a_cell_for_each_slot_with_the_letter_and_colour_of_its_group():
    picture = drawn(LAYOUTS["aligned"])
    boxes = [patch for patch in picture.figure.axes[0].patches if patch.get_height() > 0.15]
    colours = {}
    for text in texts(picture):
        letter = re.fullmatch(r"([A-C])(\d|\nall \d)", text.get_text())
        if letter:
            x, y = text.get_position()
            [box] = [b for b in boxes if 0 < x - b.get_x() < b.get_width() and 0 < y - b.get_y() < b.get_height()]
            colours.setdefault(letter[1], []).append(box.get_facecolor())
    assert {letter: len(found) for letter, found in colours.items()} == {"A": 8, "B": 6, "C": 4}
    assert all(len(set(found)) == 1 for found in colours.values())
    assert len({found[0] for found in colours.values()}) == 3


def test_letters_differ_when_colours_begin_again():
    labels = pd.DataFrame({"Region": [f"R{number:02}" for number in range(60)]})
    table = drawn(Aligned(), labels=labels).table
    assert table["letter"].is_unique and table["letter"].iloc[[25, 26, 51, 52]].tolist() == ["Z", "AA", "AZ", "BA"]


@pytest.mark.parametrize("slot_count", [4, 63, SLOTS])
@pytest.mark.parametrize("name", LAYOUTS)
def test_a_grid_can_be_read(name, slot_count):
    layout = Rotated(groupings=[["Region"]], partial_sums=2) if name == "rotated" else LAYOUTS[name]
    assert_can_be_read(drawn(layout, slot_count=slot_count))


def test_a_large_table_is_shown_in_part_and_the_rest_counted():
    labels = pd.DataFrame({"Area": [f"Area {number % 40} of the north east" for number in range(480)]})
    columns = ["Revenue", "Expenses before interest", "Savings"]
    picture = drawn(Aligned(), group_by=["Area"], labels=labels, columns=columns)
    assert_can_be_read(picture)
    shown = re.findall(r"ciphertext \d+: ([^;]*) of Revenue; then (\d+) full, ([\d,]+) empty", picture.alt)
    [more] = re.findall(r"and (\d+) more ciphertexts", picture.alt)
    assert len(shown) + int(more) == 12
    for numbers, full, empty in shown:
        assert len(numbers.split(", ")) + int(full) == 120 and empty == "3,976"
    assert len(shown) * len(shown[0][0].split(", ")) <= 64


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"columns": []}, ValueError, "one encrypted column or more"),
        ({"layout": "aligned"}, WrongKind, "layout is an object"),
        ({"group_by": ["Branch"]}, UnknownLabel, "no label 'Branch'"),
        ({"group_by": ["Year"], "layout": LAYOUTS["parts"]}, UnsupportedQuery, "not encrypted for sums by Year"),
        ({"layout": Aligned(partial_sums=7)}, ShapeMismatch, "from 1 to the number of rows, 6"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, error, message):
    with pytest.raises(error, match=message):
        drawn(**{"layout": Rows()} | wrong)


def test_the_grand_total_has_one_group():
    picture = drawn(Rows(), group_by=[])
    assert "sums by nothing, over all rows" in picture.alt and "A = all rows (6 rows)." in picture.alt
    assert slot_content(LABELS, COLUMNS, Rows(), SLOTS, []).ciphertexts[5] == [Number(0, 5, 0), Number(0, 5, 1)]


def test_no_more_than_64_slots_of_ciphertexts_are_drawn():
    labels = pd.DataFrame({"Area": [f"Area {number % 2}" for number in range(30)]})
    picture = drawn(Rows(), group_by=[], labels=labels, columns=[f"Q{number}" for number in range(12)])
    cells = [text for text in texts(picture) if re.fullmatch(r"A\d+", text.get_text())]
    across = len({text.get_position()[0] for text in cells})
    assert across > 8 and 64 - across < len(cells) <= 64
    assert_can_be_read(picture)


def test_many_ciphertexts_or_slots_that_are_no_neighbours_are_not_taken_for_one():
    labels = pd.DataFrame({"Area": [f"Area {number % 2}" for number in range(12)]})
    assert "sum of 6 ciphertexts: A all 6 of Revenue" in drawn(Rows(), group_by=["Area"], labels=labels).alt
    parts = Aligned(groupings=[["Area"]], partial_sums=6)
    table = drawn(parts, group_by=["Area"], labels=labels, slot_count=9).table
    assert table.loc["Area 1", "sum of Revenue"] == "slots 6, 7, 8, 0, 1, 2 of results 0, 1"
