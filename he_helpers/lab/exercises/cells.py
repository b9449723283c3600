"""The three cells of an exercise in its notebook, made from its declaration: task, answer, solution."""

from __future__ import annotations

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from he_helpers.lab.exercises.exercise import Exercise

PREFIX = "exercise-"


def cells_of(exercise: Exercise) -> list[NotebookNode]:
    """Its cells, not yet executed. Their ids are "exercise-00-1-task" and so on, by which they are found again."""
    task = f"""\
### Your turn {exercise.id}: {exercise.level}

{exercise.prompt}

<details><summary>Hint</summary>

{exercise.hint}

</details>"""
    # JupyterLab shows the first line of a cell that is folded.
    key = f", key={exercise.key}" if exercise.key else ""
    solution = f'# Solution of {exercise.id}\n{exercise.solution}\nlab.show_solution("{exercise.id}", solution{key})'
    start = f"{exercise.start}\n\n" if exercise.start else ""
    check = f'lab.check("{exercise.id}", {exercise.name}{key})'
    answer = f'{start}{exercise.name} = lab.your_turn("{exercise.id}")\n\n{check}'
    return [
        new_markdown_cell(task, id=cell_id(exercise, "task")),
        new_code_cell(answer, id=cell_id(exercise, "answer")),
        new_code_cell(solution, id=cell_id(exercise, "solution"), metadata={"jupyter": {"source_hidden": True}}),
    ]


def cell_id(exercise: Exercise, part: str) -> str:
    return f"{PREFIX}{exercise.id}-{part}"
