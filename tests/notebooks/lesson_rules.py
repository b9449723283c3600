"""What makes a notebook a lesson that is done in one sitting: static rules over the stored file.

Beside rules.RULES, which every notebook obeys. LESSON_RULES lists them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from math import ceil, floor

from nbformat import NotebookNode

from he_helpers.lab.exercises.cells import PREFIX
from he_helpers.lab.exercises.exercise import LEVELS
from tests.notebooks.notebook import Cell, Finding, Notebook
from tests.notebooks.rules import PROJECT

FEWEST_CELLS, MOST_CELLS = 20, 35
MOST_CHARACTERS = 78  # of a line of code on a page of 800 pixels

# The yardstick of an honest time, for a reader whose first language is another.
WORDS_A_MINUTE, LINES_A_MINUTE = 180, 8
MINUTES_OF_AN_EXERCISE = {"predict": 2, "write": 5, "think": 4}
MINUTES_TO_RUN = 2
_NARROWEST, _WIDEST = 0.8, 1.35


def is_one_sitting(notebook: Notebook) -> list[Finding]:
    count = len(notebook.cells)
    if FEWEST_CELLS <= count <= MOST_CELLS:
        return []
    return [Finding(None, f"It has {count} cells; a sitting has {FEWEST_CELLS} to {MOST_CELLS}.")]


def asks_the_learner_to_do_something(notebook: Notebook) -> list[Finding]:
    there = {_level(cell) for cell in notebook.cells}
    lacking = [level for level in LEVELS if level not in there]
    if not lacking:
        return []
    return [Finding(None, f"It has no exercise of the level {' and '.join(lacking)}; it has one of each, or more.")]


def _level(cell: NotebookNode) -> str | None:
    """The level of the exercise whose task this is; None for any other cell."""
    task = _belongs_to_an_exercise(cell) and re.match(r"### Your turn \S+: (\w+)", cell.source)
    return task[1] if task else None


def shows_more_than_true(notebook: Notebook) -> list[Finding]:
    findings = []
    for cell in notebook.code:
        texts = [text.strip() for text in cell.texts() if text.strip()]
        words = {word for text in texts for word in re.split(r"[\s,()\[\]]+", text) if word}
        if words and words <= {"True", "False"}:
            message = (
                "shows True or False and nothing else; show the number, or say what is asked: 'holds a key: False'."
            )
            findings.append(Finding(cell.number, message))
    return findings


_TIME = re.compile(r"\*\*Time:\*\* (\d+) minutes(?:, and (\d+) for the sections marked \*optional\*)?")
_OPTIONAL = re.compile(r"^## .*\*\(optional\)\*$")


def announces_an_honest_time(notebook: Notebook) -> list[Finding]:
    announced = announced_minutes(notebook)
    if announced is None:
        message = (
            "announces no time; write '**Time:** 40 minutes', and if it has optional sections "
            "', and 10 for the sections marked *optional*'."
        )
        return [Finding(1, message)]
    needed = minutes_needed(notebook)
    findings = []
    for part, said in announced.items():
        least, most = floor(needed[part] * _NARROWEST), ceil(needed[part] * _WIDEST)
        if not least <= said <= most:
            message = f"announces {said} minutes for what is {part}; the yardstick says {needed[part]:.0f}."
            findings.append(Finding(1, message))
    return findings


def announced_minutes(notebook: Notebook) -> dict[str, int] | None:
    """The minutes that its first cell says, for its core and its optional sections; None where it says none."""
    announced = _TIME.search(notebook.cells[0].source)
    return announced and {"core": int(announced[1]), "optional": int(announced[2] or 0)}


def minutes_needed(notebook: Notebook) -> dict[str, float]:
    """The minutes of its core and of its optional sections: reading, new lines, exercises, running."""
    minutes = {"core": float(MINUTES_TO_RUN), "optional": 0.0}
    part = "core"
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for line in cell.source.splitlines():
                if line.startswith("## "):
                    part = "optional" if _OPTIONAL.match(line) else "core"
                minutes[part] += len(line.split()) / WORDS_A_MINUTE
        elif not _belongs_to_an_exercise(cell):
            lines = [line for line in cell.source.splitlines() if line.strip()]
            minutes[part] += len(lines) / LINES_A_MINUTE
        minutes[part] += MINUTES_OF_AN_EXERCISE.get(_level(cell), 0)
    return minutes


def is_written_plainly(notebook: Notebook) -> list[Finding]:
    findings = []
    for cell in notebook.code:
        for words in _not_plain(cell):
            findings.append(Finding(cell.number, f"{words}; a reader who knows a little Python reads each line once."))
    return findings


def _not_plain(cell: Cell) -> Iterator[str]:
    tree = _parsed(cell.source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Attribute, ast.Name)):
            name = node.attr if isinstance(node, ast.Attribute) else node.id
            if name.startswith("_") and name != "_" and not name.endswith("__"):
                yield f"names the private part {name!r}"
        if isinstance(node, (ast.Import, ast.ImportFrom)) and "mock" in ast.unparse(node):
            yield "patches what it uses"
        if isinstance(node, ast.Dict) and any(isinstance(value, ast.Lambda) for value in node.values):
            yield "has a function without a name in a dictionary"
        comprehensions = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
        if isinstance(node, comprehensions):
            inner = [part for part in ast.walk(node) if isinstance(part, comprehensions) and part is not node]
            if inner or len(node.generators) > 1:
                yield "has a loop inside a comprehension"
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Tuple) and len(last.value.elts) > 2:
        yield "ends in a tuple of more than two; print them with their names"


def _parsed(source: str) -> ast.Module:
    lines = source.splitlines()
    if lines and lines[0].startswith("%%"):
        lines = lines[1:]
    return ast.parse("\n".join(line for line in lines if not re.match(r"\s*[%!]", line)))


def fits_the_page(notebook: Notebook) -> list[Finding]:
    findings = []
    for cell in notebook.code:
        longest = max(map(len, cell.source.splitlines()))
        if longest > MOST_CHARACTERS:
            message = f"has a line of {longest} characters; a narrow page shows {MOST_CHARACTERS}."
            findings.append(Finding(cell.number, message))
    return findings


_NOTEBOOK = re.compile(r"\b[Nn]otebooks?\s+((?:\d\d(?:,\s| and | or | to )?)+)")
_LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)\s]+)\)")


def promises_no_notebook_that_is_not_there(notebook: Notebook) -> list[Finding]:
    there = {path.name[:2] for path in (PROJECT / "notebooks").glob("[0-9][0-9]_*.ipynb")}
    findings = []
    for number, cell in enumerate(notebook.cells, start=1):
        for named in _NOTEBOOK.findall(cell.source):
            for missing in sorted(set(re.findall(r"\d\d", named)) - there):
                findings.append(Finding(number, f"names notebook {missing}, which is not there."))
        if cell.cell_type == "markdown":
            for link in _LINK.findall(cell.source):
                if not (PROJECT / "notebooks" / link.partition("#")[0]).exists():
                    findings.append(Finding(number, f"links to {link}, which is not there."))
    return findings


def leads_on(notebook: Notebook) -> list[Finding]:
    """The last text cell links to the notebook before and to the one after."""
    names = sorted(path.stem for path in (PROJECT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    if notebook.name not in names:
        return []
    own = names.index(notebook.name)
    texts = [(number, cell) for number, cell in enumerate(notebook.cells, start=1) if cell.cell_type == "markdown"]
    number, last = texts[-1]
    wanted = {"Back": own - 1, "Next": own + 1}
    findings = []
    for word, place in wanted.items():
        if not 0 <= place < len(names):
            continue
        file = f"{names[place]}.ipynb"
        if not re.search(rf"\[{word}: [^\]]+\]\({re.escape(file)}\)", last.source):
            message = f"has no link '[{word}: ...]({file})'; the last text cell has both."
            findings.append(Finding(number, message))
    return findings


def types_no_number_into_a_description(notebook: Notebook) -> list[Finding]:
    """Numbers in alternative text come from the data, never from the keyboard."""
    findings = []
    for cell in notebook.code:
        calls = _calls(_parsed(cell.source))
        for described in [keyword.value for call in calls for keyword in call.keywords if keyword.arg == "alt"]:
            constants = [part.value for part in ast.walk(described) if isinstance(part, ast.Constant)]
            if any(isinstance(text, str) and re.search(r"\d", text) for text in constants):
                message = "types a number into alternative text; compute it from the data, in an f-string."
                findings.append(Finding(cell.number, message))
    return findings


# Each takes a second or more: by itself, and once for each round of a loop.
_TAKES_PROGRESS = {"abilities", "measure", "provoke"}
_SLOW_IN_A_LOOP = {"encrypt_table", "generate_galois_keys", "provoke", "review", "sizes_of", "times_of"}


def says_what_takes_long(notebook: Notebook) -> list[Finding]:
    """Who waits longer than two seconds is told for what. Not by timing: by the names of what is known to be slow."""
    findings = []
    for cell in notebook.code:
        tree = _parsed(cell.source)
        for call in _calls(tree):
            if _name_of(call) in _TAKES_PROGRESS and not any(word.arg == "progress" for word in call.keywords):
                message = f"calls {_name_of(call)}, which takes seconds, without saying so; pass progress=lab.steps."
                findings.append(Finding(cell.number, message))
        for loop in (node for node in ast.walk(tree) if isinstance(node, ast.For)):
            slow = sorted({_name_of(call) for body in loop.body for call in _calls(body)} & _SLOW_IN_A_LOOP)
            if slow and not ast.unparse(loop.iter).startswith("lab.steps("):
                message = f"calls {slow[0]} in a loop without saying how far it is; write `for ... in lab.steps(...)`."
                findings.append(Finding(cell.number, message))
    return findings


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _name_of(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def _belongs_to_an_exercise(cell: NotebookNode) -> bool:
    return cell.get("id", "").startswith(PREFIX)


LESSON_RULES: tuple[Callable[[Notebook], list[Finding]], ...] = (
    is_one_sitting,
    asks_the_learner_to_do_something,
    shows_more_than_true,
    announces_an_honest_time,
    is_written_plainly,
    fits_the_page,
    promises_no_notebook_that_is_not_there,
    leads_on,
    types_no_number_into_a_description,
    says_what_takes_long,
)
