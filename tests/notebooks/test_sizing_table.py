"""The table of sizes in TEACHING.md has every notebook and lab, within the memory that the notebooks announce."""

import re
from math import ceil

import pytest

from tests.notebooks.notebook import Notebook
from tests.notebooks.rules import PROJECT
from tests.notebooks.test_plans import rows_below

ROWS = {row[0]: [int(number) for number in row[1:]] for row in rows_below("What a learner needs, and what thirty need")}
PATHS = [
    *sorted((PROJECT / "notebooks").glob("[0-9]*.ipynb")),
    *sorted((PROJECT / "notebooks" / "labs").glob("*.ipynb")),
]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_what_was_measured_is_within_what_is_announced(path):
    assert path.stem in ROWS, f"TEACHING.md does not say what {path.stem} needs; measure it: make sizing"
    peak, stays, _ = ROWS[path.stem]
    assert stays <= peak
    announced = re.search(r"\*\*Memory:\*\* below (\d+) MB", Notebook.read(path).cells[0].source)
    if announced:
        assert peak < int(announced[1]), f"{path.stem} announces less than the {peak} MB that were measured"


def test_the_table_names_nothing_that_is_not_there():
    assert set(ROWS) == {path.stem for path in PATHS}


def test_what_thirty_need_is_calculated_from_the_table():
    calculated = re.findall(
        r"\| (\d+) GB(?: or more)? \| 30 · \(([\d,]+) \+ (\d+)\) MB", (PROJECT / "TEACHING.md").read_text()
    )
    assert len(calculated) == 3
    for gigabytes, peak, jupyterlab in calculated:
        megabytes = 30 * (int(peak.replace(",", "")) + int(jupyterlab))
        assert int(gigabytes) == ceil(megabytes / 1000)
    first, second = (int(peak) for _, peak, _ in calculated[:2])
    assert first == max(ROWS[name][0] for name in ROWS if name[:2] in {"00", "01", "02", "03", "04", "05", "06"})
    assert second == max(peak for peak, _, _ in ROWS.values())
