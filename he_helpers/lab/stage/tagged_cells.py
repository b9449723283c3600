"""The cells of a notebook that later notebooks need: those with the tag `catch-up`.

They are a program by themselves. They begin with `lab` and with the `seat` of the notebook's role, as after its first
cell, and see one another's names and nothing else; a magic has no place in them.
"""

from __future__ import annotations

import json
import linecache
from pathlib import Path

from he_helpers import lab
from he_helpers.lab.stage.seat import Seat

TAG = "catch-up"


def run_tagged_cells(notebook: Path, seat: Seat) -> None:
    """Run the tagged cells of the file `notebook`, in order, in this process, which has entered the role of `seat`.

    An error passes as it is; its traceback names the notebook, the cell (counted from 1, text cells included) and the
    line. Raises ValueError for a notebook without such cells.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    tagged = {number: cell for number, cell in enumerate(cells, start=1) if TAG in cell["metadata"].get("tags", [])}
    if not tagged:
        raise ValueError(f"{notebook.name} has no cell with the tag {TAG!r}, so it leaves nothing for later notebooks.")
    names = {"__name__": "__main__", "lab": lab, "seat": seat}
    for number, cell in tagged.items():
        source, place = "".join(cell["source"]), f"{notebook.name}, cell {number}"
        linecache.cache[place] = len(source), None, source.splitlines(keepends=True), place
        exec(compile(source, place, "exec"), names)
