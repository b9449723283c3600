"""What the cells of an exercise call: the placeholder, the checker, the solution."""

from __future__ import annotations

from typing import Any

from IPython.display import display

from he_helpers.lab.exercises.catalogue import find_exercise
from he_helpers.lab.exercises.exercise import Unanswered
from he_helpers.lab.exercises.solved import record_solved


def your_turn(id: str) -> Unanswered:
    """Display what to put in the place of this call, which stands for the answer to the exercise ``id``.

    Raises UnknownExercise.
    """
    _say(find_exercise(id).to_do)
    return Unanswered()


def check(id: str, answer: Any, key: Any = None) -> None:
    """Display whether ``answer`` is right for the exercise ``id``, and if not, what is wrong with it.

    key: what decrypts an encrypted answer, where the exercise asks for one; it stays in this process.
    Of the placeholder it says nothing: `your_turn` has just said what to do.

    A right one is recorded as solved in this workspace (`progress`). No answer makes it fail. Raises UnknownExercise.
    """
    verdict = find_exercise(id).judge(answer, key)
    if isinstance(answer, Unanswered):
        return
    if verdict.right:
        record_solved(id)
    _say(f"{id}: {'Right. ' if verdict.right else ''}{verdict.sentence}")


def show_solution(id: str, solution: Any, key: Any = None) -> None:
    """Display a solution of the exercise ``id``, its declared lines and why it is right, folded, against accidents.

    It records nothing. Where it is not accepted, because an earlier cell was changed, it says so. Raises
    UnknownExercise.
    """
    exercise = find_exercise(id)
    verdict = exercise.judge(solution, key)
    text = f"{verdict.shown}. {verdict.sentence}"
    if not verdict.right:
        text = f"Not accepted: {verdict.sentence} Restart the kernel and run all."
    code = f"```python\n{exercise.solution}\n```"
    folded = f"<details><summary>Solution of {id}</summary>\n\n{code}\n\n{text}\n\n</details>"
    _say(f"Solution of {id}: {text}", markdown=folded)


def _say(text: str, markdown: str = "") -> None:
    """Display the text as Markdown: in printed lines JupyterLab would break words."""
    display({"text/markdown": markdown or text, "text/plain": text}, raw=True)
