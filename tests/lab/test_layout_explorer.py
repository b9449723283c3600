"""The explorer of layouts, changed by code: its picture is that of the chosen layout, and a refusal loses nothing."""

import pandas as pd
import pytest

from he_helpers.lab import figures
from he_helpers.lab.widgets import LayoutExplorer
from he_helpers.tables import Aligned, Rotated, Rows, UnknownLabel

LABELS = pd.DataFrame({"Region": ["Centre", "East", "Centre", "North", "Centre", "East"], "Year": [1, 1, 2, 1, 2, 2]})
COLUMNS, GROUPINGS, SLOTS = ["Revenue", "Expenses"], [["Region"], ["Year"]], 4096


@pytest.fixture
def explorer(undrawn):
    return LayoutExplorer(LABELS, COLUMNS, GROUPINGS, SLOTS)


def drawn(layout, question):
    return figures.slot_grid(LABELS, COLUMNS, layout, SLOTS, question)


def test_it_begins_with_all_groupings_announced(explorer):
    assert explorer.picture.alt == drawn(Aligned(GROUPINGS), ["Region"]).alt
    # Three members of Centre, and three of each year.
    assert explorer.said == "The table takes 6 ciphertexts. Each sum lies in one slot."


def test_each_field_changes_the_layout_or_the_question(explorer):
    explorer.parts.value = 2
    assert explorer.picture.alt == drawn(Aligned(GROUPINGS, partial_sums=2), ["Region"]).alt
    assert explorer.said == (
        "The table takes 4 ciphertexts. Each sum lies in 2 slots in parts, which whoever decrypts sees and adds up."
    )
    explorer.announced[1].value = False
    assert explorer.chosen == Aligned([["Region"]], partial_sums=2) and explorer.said.startswith("The table takes 2 ")
    explorer.layout.value = "rotated"
    assert explorer.picture.alt == drawn(Rotated([["Region"]], partial_sums=2), ["Region"]).alt
    assert explorer.said.endswith("which the server adds up by rotations.")
    explorer.announced[1].value, explorer.question.value = True, "Year"
    assert "sums by Year" in explorer.picture.alt
    explorer.layout.value = "rows"
    assert explorer.picture.alt == drawn(Rows(), ["Year"]).alt


def test_rows_answer_any_question_whatever_is_announced(explorer):
    explorer.layout.value = "rows"
    explorer.announced[0].value = explorer.announced[1].value = False
    assert explorer.picture.alt == drawn(Rows(), ["Region"]).alt
    assert explorer.said == (
        "The table takes 6 ciphertexts. Any question can be asked; partial_sums and what is announced change nothing."
    )


def test_what_the_layout_refuses_is_said_and_the_picture_stays(explorer):
    before = explorer.picture
    explorer.announced[0].value = False
    assert "was not encrypted for sums by Region. It answers sums by: Year." in explorer.said
    explorer.announced[1].value = False
    assert explorer.said == "No question is announced: tick one or more. The picture stays as it was."
    explorer.announced[0].value = True
    assert explorer.said.startswith("The table takes 3 ciphertexts.")
    before = explorer.picture
    explorer.layout.value, explorer.parts.value = "rotated", 3
    assert "is a power of two, and not 3" in explorer.said and explorer.said.endswith("The picture stays as it was.")
    assert explorer.picture.alt != before.alt
    explorer.parts.value = 2
    assert explorer.said.endswith("by rotations.")


def test_the_number_of_parts_is_that_of_the_rows_at_most(explorer):
    explorer.parts.value = 100
    assert explorer.parts.value == 6 and "lies in 3 slots" in explorer.said


def test_what_is_stored_is_the_picture_and_its_table():
    explorer = LayoutExplorer(LABELS, COLUMNS, GROUPINGS, SLOTS)
    stored = explorer._repr_mimebundle_()
    assert f'alt="{explorer.picture.alt}"' in stored["text/html"] and "<table" in stored["text/html"]
    assert stored["text/plain"] == f"{explorer.said}\n{explorer.picture.alt}"
    assert "These appear when the cell is run." in stored["text/html"]


def test_what_does_not_fit_is_refused_at_once():
    with pytest.raises(ValueError, match="one grouping or more to choose from"):
        LayoutExplorer(LABELS, COLUMNS, [], SLOTS)
    with pytest.raises(UnknownLabel, match="'Branch'"):
        LayoutExplorer(LABELS, COLUMNS, [["Branch"]], SLOTS)
