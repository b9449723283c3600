"""teaching/answers.md answers every question that closes a notebook, under the notebook's own title."""

import re

import pytest

from tests.notebooks.notebook import Notebook
from tests.notebooks.rules import PROJECT

ANSWERS = (PROJECT / "teaching" / "answers.md").read_text(encoding="utf-8")
PATHS = sorted((PROJECT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
FEWEST_SENTENCES, MOST_SENTENCES = 2, 6


def questions_of(notebook):
    """What its last text cell asks, each question with the sentences before it, on one line."""
    last = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"][-1]
    [asked] = re.findall(r"\*\*Questions\.\*\*(.*?)\n\n", last, re.S)
    return [" ".join(question.split()) for question in re.findall(r"[^?]*\?", asked)]


def answers_to(notebook):
    """The answers in its section, by their question."""
    title = notebook.cells[0].source.splitlines()[0].removeprefix("# ")
    heading = f"## [{notebook.number} {title}](../notebooks/{notebook.name}.ipynb)"
    assert heading in ANSWERS, f"no section {heading}"
    section = ANSWERS.split(heading + "\n")[1].split("\n## ")[0]
    found = re.findall(r"\*\*(.*?)\*\*\n(.*?)(?:\n\n|\Z)", section, re.S)
    return {" ".join(question.split()): " ".join(answer.split()) for question, answer in found}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_each_question_has_an_answer_of_some_sentences(path):
    notebook = Notebook.read(path)
    answers = answers_to(notebook)
    assert list(answers) == questions_of(notebook)
    for question, answer in answers.items():
        sentences = len(re.findall(r"[.?](?= |$)", answer))
        assert FEWEST_SENTENCES <= sentences <= MOST_SENTENCES, f"{question} {sentences} sentences"
