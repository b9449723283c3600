"""Which exercises are solved in this workspace. It is kept there, and sent nowhere.

A solved exercise is an empty file of its id, in the folder of the role that solved it, or of nobody in particular.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from he_helpers.files import private_folder, write_private
from he_helpers.lab.exercises.catalogue import exercises_of, notebooks_with_exercises
from he_helpers.lab.workspace.workspace import ROLES, Workspace, entered_role

if TYPE_CHECKING:
    import pandas as pd

_FOLDER = "solved_exercises"


def record_solved(id: str) -> None:
    """Record that the exercise ``id`` is solved, in the folder of the role that this process has entered."""
    folder = private_folder(Workspace().folder(entered_role()) / _FOLDER)
    write_private(folder / id, b"")


def solved_exercises() -> set[str]:
    """The ids of the exercises solved in this workspace. Raises WrongRole in a process that has entered a role."""
    workspace = Workspace()
    found: set[str] = set()
    for role in (None, *ROLES):
        folder = workspace.folder(role, make=False) / _FOLDER
        if folder.exists():
            found.update(file.name for file in private_folder(folder).iterdir())
    return found


def progress() -> pd.DataFrame:
    """A row for each notebook that has exercises: how many are solved in this workspace, and which are left.

    Raises WrongRole in a process that has entered a role: what other roles have solved lies in their folders.
    """
    import pandas as pd

    solved = solved_exercises()
    rows = {}
    for notebook in notebooks_with_exercises():
        exercises = exercises_of(notebook)
        left = [exercise for exercise in exercises if exercise.id not in solved]
        rows[notebook] = {
            "solved": f"{len(exercises) - len(left)} of {len(exercises)}",
            "left": ", ".join(f"{exercise.id} ({exercise.level})" for exercise in left),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("notebook")
