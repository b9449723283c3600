"""What was handed in, read as data from strangers: a folder for each student, and in it the notebooks of labs.

SUBMISSIONS/
    student-name/  lab_1_add_behind_a_lock.ipynb  lab_2_....ipynb
"""

from __future__ import annotations

import copy
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from he_helpers.errors import HEError

_MOST_BYTES = 20 * 2**20
# A name becomes that of a folder, of a page and of a cell in a table.
_STUDENT = re.compile(r"[A-Za-z0-9][\w.@-]{0,99}", re.ASCII)


class UnreadableSubmission(HEError, ValueError):
    """A file that was handed in is not what it should be; the message says what it is."""


class NoSubmissions(HEError, ValueError):
    """The folder that was named holds no submissions."""


@dataclass(frozen=True)
class Submission:
    """A file handed in. lab: the name of the lab that it belongs to."""

    student: str
    lab: str
    path: Path

    def read(self) -> NotebookNode:
        """The notebook in it. Raises UnreadableSubmission."""
        status = self.path.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableSubmission("It is a link or another special file; hand in the notebook itself.")
        if status.st_size > _MOST_BYTES:
            raise UnreadableSubmission(
                f"It has {status.st_size / 2**20:.0f} MiB; at most {_MOST_BYTES / 2**20:.0f} are read. Clear the "
                "outputs, save it and hand it in again."
            )
        try:
            notebook = nbformat.reads(self.path.read_text(encoding="utf-8"), as_version=4)
            nbformat.validate(notebook)
        except (UnicodeDecodeError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
            raise UnreadableSubmission(f"It is no Jupyter notebook ({type(error).__name__}).") from error
        except nbformat.ValidationError as error:
            raise UnreadableSubmission(f"It is no valid Jupyter notebook: {error.message[:200]}") from error
        return notebook


def find_submissions(folder: Path, labs: list[str]) -> tuple[list[Submission], list[str]]:
    """The submissions in `folder`, and what lies there and is none, in words.

    A file belongs to the lab whose name its own name begins with: "lab_1_add_behind_a_lock (1).ipynb" is one too. Of
    two files for one lab the newer counts. Raises NoSubmissions where there is nothing to be graded.
    """
    if not folder.is_dir():
        raise NoSubmissions(f"{folder} is no folder. Name the one that holds a folder for each student.")
    found: dict[tuple[str, str], Submission] = {}
    passed_over = []
    for student, path in _files(folder):
        lab = next((lab for lab in labs if path.name.startswith(lab) and path.suffix == ".ipynb"), None)
        if not _STUDENT.fullmatch(student):
            passed_over.append(f"{student!r}: a student's folder is named by letters, digits and . _ @ - alone")
        elif lab is None:
            passed_over.append(f"{student}/{path.name}: its name is not that of a lab")
        else:
            earlier = found.get((student, lab))
            if earlier and earlier.path.lstat().st_mtime >= path.lstat().st_mtime:
                passed_over.append(f"{student}/{path.name}: {earlier.path.name} is newer")
                continue
            if earlier:
                passed_over.append(f"{student}/{earlier.path.name}: {path.name} is newer")
            found[student, lab] = Submission(student, lab, path)
    if not found:
        raise NoSubmissions(
            f"{folder} holds no submissions. Expected: a folder for each student, and in it notebooks that are named "
            f"as the labs are: {', '.join(f'{lab}.ipynb' for lab in labs)}."
        )
    return [found[key] for key in sorted(found)], passed_over


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for student in sorted(folder.iterdir()):
        if student.is_dir() and not student.is_symlink():
            for path in sorted(student.iterdir()):
                if not path.name.startswith("."):
                    yield student.name, path


def restored(submitted: NotebookNode, released: NotebookNode) -> NotebookNode:
    """The notebook to be graded: the released one with the student's answers, and their own further cells in between.

    Editors drop or move what identifies a cell: a cell is recognised by nbgrader's name for it, else by its id, which
    Colab keeps among its metadata, else by its first line. A locked or missing cell is as it was released; a second
    cell with the same name is a cell of the student's own.
    """
    places = _recognised(submitted.cells, released.cells)
    cells: list[NotebookNode] = []
    next_released = 0
    for cell, place in zip(submitted.cells, places, strict=True):
        if place is None:
            cells.append(_own(cell))
            continue
        for missing in range(next_released, place):
            if missing not in places:
                cells.append(copy.deepcopy(released.cells[missing]))
        next_released = max(next_released, place + 1)
        new = copy.deepcopy(released.cells[place])
        if new.metadata.get("nbgrader", {}).get("solution"):
            new.source = cell.source
        cells.append(new)
    cells += [copy.deepcopy(released.cells[i]) for i in range(next_released, len(released.cells)) if i not in places]
    whole = copy.deepcopy(released)
    whole.cells = cells
    return whole


def _recognised(submitted: list[NotebookNode], released: list[NotebookNode]) -> list[int | None]:
    """For each submitted cell the place of the released cell that it was made from, or None."""
    places: list[int | None] = [None] * len(submitted)
    free = set(range(len(released)))
    for sign in (_nbgraders_name, _id, _first_line):
        there: dict[str, int] = {}
        for place in sorted(free):
            there.setdefault(sign(released[place]), place)
        there.pop("", None)
        for index, cell in enumerate(submitted):
            place = there.get(sign(cell), len(released))
            if places[index] is None and place in free:
                places[index] = place
                free.remove(place)
    return places


def _nbgraders_name(cell: NotebookNode) -> str:
    named = cell.metadata.get("nbgrader", {})
    return str(named.get("grade_id", "")) if isinstance(named, dict) else ""


def _id(cell: NotebookNode) -> str:
    return str(cell.metadata.get("id") or cell.get("id", ""))


def _first_line(cell: NotebookNode) -> str:
    return next((line.strip() for line in cell.source.splitlines() if line.strip()), "")


def _own(cell: NotebookNode) -> NotebookNode:
    """A cell of the student's own, without marks that would make it more."""
    if cell.cell_type == "code":
        return nbformat.v4.new_code_cell(cell.source)
    return nbformat.v4.new_markdown_cell(cell.source)
