"""Putting the cells of the declared exercises into their notebooks, or renewing them there.

    python -m he_helpers.lab.running.exercise_cells

An exercise that is new in a notebook takes the place of a text cell that says ``Your turn 00-1`` and nothing else.
Where several notebooks share a number, that place says in which of them it stands.
Outputs come from `make notebooks`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from he_helpers.errors import HEError
from he_helpers.lab.exercises.catalogue import exercises_of, notebooks_with_exercises
from he_helpers.lab.exercises.cells import PREFIX, cells_of
from he_helpers.lab.exercises.exercise import Exercise
from he_helpers.lab.running.execute import store
from he_helpers.lab.workspace.workspace import PROJECT


class NoPlace(HEError, ValueError):
    """An exercise that has no place in the notebooks of its number, or one in two of them."""


def put_exercises(notebooks: Sequence[NotebookNode], exercises: tuple[Exercise, ...]) -> None:
    """Put the cells of these exercises where they have a place. A code cell whose source stays keeps its outputs.

    notebooks: all those of the exercises' number. A place is a text cell "Your turn 00-1", or the exercise's cells.
    Raises NoPlace for an exercise that has a place in none of them, or in two.
    """
    for exercise in exercises:
        with_place = [notebook for notebook in notebooks if _places(notebook, exercise)]
        if not with_place:
            raise NoPlace(
                f"The notebook {exercise.notebook} has no place for the exercise {exercise.id}. Put a text cell there "
                f"that says: Your turn {exercise.id}"
            )
        if len(with_place) > 1:
            raise NoPlace(
                f"{len(with_place)} notebooks {exercise.notebook} have a place for the exercise {exercise.id}, and it "
                f"stands in one. Take its cells out of the others."
            )
        [notebook] = with_place
        old = _places(notebook, exercise)
        new = cells_of(exercise)
        before = {cell.id: cell for _, cell in old}
        for cell in new:
            if cell.cell_type == "code" and cell.source == before.get(cell.id, cell).source:
                cell.outputs = before.get(cell.id, cell).outputs
                cell.execution_count = before.get(cell.id, cell).execution_count
        for place, _ in reversed(old):
            del notebook.cells[place]
        notebook.cells[old[0][0] : old[0][0]] = new


def _places(notebook: NotebookNode, exercise: Exercise) -> list[tuple[int, NotebookNode]]:
    """The cells of the exercise in `notebook`, or the text cell that keeps its place, and where they stand."""
    return [
        (place, cell)
        for place, cell in enumerate(notebook.cells)
        if cell.id.startswith(f"{PREFIX}{exercise.id}-") or cell.source.strip() == f"Your turn {exercise.id}"
    ]


def main(folder: Path = PROJECT / "notebooks") -> int:
    """The command line. `folder`: that of the notebooks."""
    try:
        for number in notebooks_with_exercises():
            notebooks = {path: nbformat.read(path, as_version=4) for path in sorted(folder.glob(f"{number}_*.ipynb"))}
            put_exercises(list(notebooks.values()), exercises_of(number))
            for path, notebook in notebooks.items():
                store(notebook, path)
                count = sum(cell.id.endswith("-task") for cell in notebook.cells if cell.id.startswith(PREFIX))
                print(f"{path.name}: {count} exercises")
    except HEError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
