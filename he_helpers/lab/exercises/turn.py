"""What the cells of an exercise call: the placeholder, the checker, the solution."""

from __future__ import annotations

import html
from typing import Any

from he_helpers.lab.exercises.catalogue import find_exercise
from he_helpers.lab.exercises.exercise import Unanswered
from he_helpers.lab.exercises.progress import record_solved


def your_turn(id: str) -> Unanswered:
    """Print what to put in the place of this call, which stands for the answer to the exercise ``id``.

    Raises UnknownExercise.
    """
    print(find_exercise(id).to_do)
    return Unanswered()


def check(id: str, answer: Any) -> None:
    """Print whether ``answer`` is right for the exercise ``id``, and if not, what is wrong with it.

    A right one is recorded as solved in this workspace (`progress`). No answer makes it fail. Raises UnknownExercise.
    """
    exercise = find_exercise(id)
    verdict = exercise.judge(answer)
    if verdict.right:
        record_solved(id)
    print(f"{id}: {'Right. ' if verdict.right else ''}{verdict.sentence}")


def show_solution(id: str, solution: Any) -> None:
    """Display a solution of the exercise ``id``, its declared lines and why it is right, folded, against accidents.

    It records nothing. Where it is not accepted, because an earlier cell was changed, it says so. Raises
    UnknownExercise.
    """
    from IPython.display import display

    exercise = find_exercise(id)
    verdict = exercise.judge(solution)
    said = verdict.sentence if verdict.right else f"Not accepted: {verdict.sentence} Restart the kernel and run all."
    text = f"{solution!r}. {said}"
    lines = f"<pre>{html.escape(exercise.solution)}</pre>"
    folded = f"<details><summary>Solution of {id}</summary>\n{lines}\n{html.escape(text)}\n</details>"
    display({"text/html": folded, "text/plain": f"Solution of {id}: {text}"}, raw=True)
