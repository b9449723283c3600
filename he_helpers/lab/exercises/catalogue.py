"""Which exercises there are: those declared in ``declared/notebook_NN.py``, loaded when a notebook asks for them."""

from __future__ import annotations

import importlib
import pkgutil

from he_helpers.errors import HEError
from he_helpers.lab.exercises import declared
from he_helpers.lab.exercises.exercise import Exercise

_PREFIX = "notebook_"


class UnknownExercise(HEError, ValueError):
    """An exercise that no notebook has declared."""


def notebooks_with_exercises() -> list[str]:
    """Their numbers, in order: "00"."""
    names = (module.name for module in pkgutil.iter_modules(declared.__path__))
    return sorted(name.removeprefix(_PREFIX) for name in names if name.startswith(_PREFIX))


def exercises_of(notebook: str) -> tuple[Exercise, ...]:
    """The exercises of the notebook of this number, in order; none for a notebook that declares none."""
    if notebook not in notebooks_with_exercises():
        return ()
    return importlib.import_module(f"{declared.__name__}.{_PREFIX}{notebook}").EXERCISES


def find_exercise(id: str) -> Exercise:
    """The exercise of this id, "00-1". Raises UnknownExercise."""
    for exercise in exercises_of(str(id)[:2]):
        if exercise.id == id:
            return exercise
    known = [exercise.id for notebook in notebooks_with_exercises() for exercise in exercises_of(notebook)]
    raise UnknownExercise(f"There is no exercise {id!r}. The exercises are: {', '.join(known)}.")
