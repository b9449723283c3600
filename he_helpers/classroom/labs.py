"""The labs: solved notebooks in notebooks/labs, from which the students' versions are made."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat import NotebookNode

from he_helpers.errors import HEError
from he_helpers.lab.workspace.workspace import PROJECT

LABS = PROJECT / "notebooks" / "labs"
# A cell for the lecturer alone has this tag: objectives, timing, common mistakes.
FOR_THE_LECTURER = "lecturer"


class NoSuchLab(HEError, ValueError):
    """A lab was asked for that is not there."""


def lab_names(folder: Path = LABS) -> list[str]:
    """The names of the labs, in order: "lab_1_add_behind_a_lock"."""
    return sorted(path.stem for path in folder.glob("lab_*.ipynb"))


def solved(name: str, folder: Path = LABS) -> NotebookNode:
    """The solved notebook of the lab, without the cells for the lecturer. Raises NoSuchLab."""
    if name not in lab_names(folder):
        raise NoSuchLab(f"There is no lab {name!r}. There are: {', '.join(lab_names(folder)) or 'none'}.")
    notebook = nbformat.read(folder / f"{name}.ipynb", as_version=4)
    notebook.cells = [cell for cell in notebook.cells if FOR_THE_LECTURER not in cell.metadata.get("tags", [])]
    return notebook
