"""Putting the cells of the declared exercises into their notebooks, or renewing them there.

    python -m he_helpers.lab.running.exercise_cells

An exercise that is new in a notebook takes the place of a text cell that says ``Your turn 00-1`` and nothing else.
Outputs come from `make notebooks`.
"""

from __future__ import annotations

import sys
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
    """An exercise whose notebook has no place for it."""


def put_exercises(notebook: NotebookNode, exercises: tuple[Exercise, ...]) -> None:
    """Put the cells of these exercises into `notebook`. A code cell whose source stays keeps its outputs.

    Raises NoPlace for an exercise that has neither cells nor a text cell "Your turn 00-1" there.
    """
    for exercise in exercises:
        old = [
            (place, cell)
            for place, cell in enumerate(notebook.cells)
            if cell.id.startswith(f"{PREFIX}{exercise.id}-") or cell.source.strip() == f"Your turn {exercise.id}"
        ]
        if not old:
            raise NoPlace(
                f"The notebook {exercise.notebook} has no place for the exercise {exercise.id}. Put a text cell there "
                f"that says: Your turn {exercise.id}"
            )
        new = cells_of(exercise)
        before = {cell.id: cell for _, cell in old}
        for cell in new:
            if cell.cell_type == "code" and cell.source == before.get(cell.id, cell).source:
                cell.outputs = before.get(cell.id, cell).outputs
                cell.execution_count = before.get(cell.id, cell).execution_count
        for place, _ in reversed(old):
            del notebook.cells[place]
        notebook.cells[old[0][0] : old[0][0]] = new


def main(folder: Path = PROJECT / "notebooks") -> int:
    """The command line. `folder`: that of the notebooks."""
    try:
        for number in notebooks_with_exercises():
            [path] = folder.glob(f"{number}_*.ipynb")
            notebook = nbformat.read(path, as_version=4)
            put_exercises(notebook, exercises_of(number))
            store(notebook, path)
            print(f"{path.name}: {len(exercises_of(number))} exercises")
    except HEError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
