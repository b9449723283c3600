"""Which exercises are solved in this workspace. It is kept there, and sent nowhere.

A solved exercise is an empty file of its id, in the folder of the role that solved it, or of nobody in particular.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from he_helpers.files import private_folder, write_private
from he_helpers.lab.exercises.catalogue import UnknownExercise, exercises_of, notebooks_with_exercises
from he_helpers.lab.workspace.workspace import ROLES, Workspace, entered_role

if TYPE_CHECKING:
    import pandas as pd

_FOLDER = "solved_exercises"


def record_solved(id: str) -> None:
    """Record that the exercise ``id`` is solved, in the folder of the role that this process has entered."""
    folder = private_folder(Workspace().folder(entered_role()) / _FOLDER)
    write_private(folder / id, b"")


def solved_by(role: str | None) -> set[str]:
    """The ids of the exercises that `role` has solved in this workspace; None: nobody in particular.

    Raises UnknownRole, and WrongRole in a process that has entered another role.
    """
    folder = Workspace().folder(role, make=False) / _FOLDER
    return {file.name for file in private_folder(folder).iterdir()} if folder.exists() else set()


def progress(notebook: str | None = None) -> pd.DataFrame:
    """What is solved in this workspace.

    notebook: a number, "02": a row for each of its exercises, and whether the role of this process has solved it.
    Without one: a row for each notebook that has exercises, how many are solved by any role, and the numbers of those
    that are left.

    Raises UnknownExercise for a notebook without exercises; without a number WrongRole in a process that has entered a
    role, for what other roles have solved lies in their folders.
    """
    return _of_all_notebooks() if notebook is None else _of_notebook(notebook)


def _of_notebook(notebook: str) -> pd.DataFrame:
    import pandas as pd

    exercises = exercises_of(notebook)
    if not exercises:
        known = ", ".join(notebooks_with_exercises())
        raise UnknownExercise(f"There is no notebook {notebook!r} with exercises. Those that have some are: {known}.")
    solved = solved_by(entered_role())
    rows = {
        exercise.id: {"level": exercise.level, "solved": "yes" if exercise.id in solved else "not yet"}
        for exercise in exercises
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("exercise")


def _of_all_notebooks() -> pd.DataFrame:
    import pandas as pd

    solved = set().union(*(solved_by(role) for role in (None, *ROLES)))
    rows = {}
    for notebook in notebooks_with_exercises():
        exercises = exercises_of(notebook)
        left = [exercise for exercise in exercises if exercise.id not in solved]
        rows[notebook] = {
            "solved": f"{len(exercises) - len(left)} of {len(exercises)}",
            # Numbers alone: pandas cuts a text of more than 50 characters.
            "left": ", ".join(exercise.id.partition("-")[2] for exercise in left),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("notebook")
