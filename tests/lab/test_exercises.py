"""The exercises of the notebooks: each accepts its solution and explains its wrong answers, and none fails."""

import math
import stat
import sys
import tempfile
from decimal import Decimal
from fractions import Fraction
from types import ModuleType

import nbformat
import numpy as np
import pandas as pd
import pytest
import tenseal as ts
from nbformat.v4 import new_markdown_cell, new_notebook

from he_helpers import lab
from he_helpers.lab.exercises import Exercise, Numbers, Source, UnknownExercise, Words, Wrong, catalogue, turn
from he_helpers.lab.exercises.catalogue import exercises_of, notebooks_with_exercises
from he_helpers.lab.exercises.cells import cells_of
from he_helpers.lab.exercises.checkers import WrongKind
from he_helpers.lab.exercises.exercise import LEVELS, Unanswered
from he_helpers.lab.running import exercise_cells
from he_helpers.lab.workspace.workspace import ROLE_VARIABLE, WORKSPACE_VARIABLE, Workspace, WrongRole
from tests.lab.example_exercises import A_CIPHERTEXT, A_FUNCTION, EXAMPLES

ALL = [exercise for notebook in notebooks_with_exercises() for exercise in exercises_of(notebook)]


class Unwilling:
    """An object that numpy cannot look into."""

    def __array__(self, *arguments, **options):
        raise RuntimeError("no array")


STRANGE = [
    None,
    True,
    ...,
    "4",
    b"4",
    4,
    10**400,
    math.nan,
    1j,
    [],
    [[1, 2], [3]],
    [None],
    {1, 2},
    {"a": 1},
    object(),
    print,
    int,
    (number for number in (1, 2)),
    np.array(["a"]),
    np.float64("inf"),
    np.zeros((2, 3)),
    np.zeros(200_000),
    pd.DataFrame({"a": [1]}),
    ValueError("too large"),
    Unwilling(),
]


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    """A workspace in which nothing has happened, and no role."""
    monkeypatch.setenv(ROLE_VARIABLE, "")
    monkeypatch.setenv(WORKSPACE_VARIABLE, str(tmp_path / "workspace"))
    return Workspace()


@pytest.fixture(scope="module", autouse=True)
def temporary(tmp_path_factory):
    """Where the `given` lines of an exercise put the folder of a seat."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))
        yield


class Given:
    """What the `given` lines of an exercise leave, which may take their time: run once for all tests that use it."""

    def __init__(self, exercise):
        self._lines, self._names, self._left = exercise.given, {}, None

    def after(self, lines):
        """The variables after the `given` lines and these; until the next call."""
        if self._left is None:
            exec(self._lines, self._names)
            self._left = dict(self._names)
        self._names.clear()
        self._names.update(self._left)
        exec(lines, self._names)
        return self._names

    def forget(self):
        # A function among them refers to all, and would keep the keys.
        self._names.clear()
        self._left = None


@pytest.fixture(scope="module", params=[*ALL, *EXAMPLES], ids=lambda exercise: exercise.id)
def exercise(request):
    """Each in turn, for all of its tests."""
    return request.param


@pytest.fixture(scope="module")
def given(exercise):
    given = Given(exercise)
    yield given
    given.forget()


def judged(exercise, given, answers):
    """What is said of each answer, which may be its Source, with the key as in the notebook."""
    verdicts = []
    for answer in answers:
        names = {}
        # Without a key or a Source, what is given is not needed.
        if exercise.key or isinstance(answer, Source):
            names = given.after(answer.lines if isinstance(answer, Source) else "")
        verdicts.append(
            exercise.judge(names["answer"] if isinstance(answer, Source) else answer, names.get(exercise.key))
        )
    return verdicts


def test_there_are_exercises():
    assert ALL, "The tests below would pass without checking anything."


@pytest.mark.parametrize("notebook", notebooks_with_exercises())
def test_a_notebook_has_exercises_of_all_levels_in_order(notebook):
    exercises = exercises_of(notebook)
    assert {exercise.level for exercise in exercises} == set(LEVELS)
    assert [exercise.id for exercise in exercises] == [f"{notebook}-{n}" for n in range(1, len(exercises) + 1)]
    assert len({exercise.name for exercise in exercises}) == len(exercises)


def test_the_placeholder_is_not_accepted(exercise):
    verdict = exercise.judge(Unanswered())
    assert not verdict.right and "Nothing is answered yet" in verdict.sentence


def test_the_solution_is_accepted_and_no_text_gives_it_away(exercise, given):
    names = given.after(exercise.solution)
    answer = str(names["solution"])
    verdict = exercise.judge(names["solution"], names.get(exercise.key))
    for text in (exercise.prompt, exercise.hint, exercise.to_do, *(wrong.sentence for wrong in exercise.wrong)):
        assert answer not in text and answer.replace("'", '"') not in text
    assert verdict.right, verdict.sentence
    assert verdict.sentence == exercise.because
    assert verdict.shown and "0x" not in verdict.shown, "an address differs from run to run"


def test_every_wrong_answer_gets_its_own_explanation(exercise, given):
    verdicts = judged(exercise, given, [wrong.example for wrong in exercise.wrong])
    assert [verdict.sentence for verdict in verdicts] == [wrong.sentence for wrong in exercise.wrong]
    assert not any(verdict.right for verdict in verdicts)
    assert len({verdict.sentence for verdict in verdicts}) == len(verdicts) >= 3


def test_no_answer_makes_it_fail(exercise, given):
    for answer, verdict in zip(STRANGE, judged(exercise, given, STRANGE), strict=True):
        assert not verdict.right, answer
        assert verdict.sentence.endswith((".", "?")), answer


@pytest.mark.parametrize(
    "answer",
    [
        [244, 150],
        (244, 150),
        [244.0, Fraction(150)],
        [np.int64(244), np.float32(150)],
        np.array([244, 150], dtype=np.uint8),
        pd.Series([Decimal(244), 150]),
    ],
)
def test_numbers_of_any_type_are_accepted(answer):
    checker = Numbers([244, 150])
    assert checker.is_right(checker.read(answer))


@pytest.mark.parametrize("answer", [4, 4.0, np.int32(4), np.array(4), Decimal("4.0"), 4.01, 3.99])
def test_a_number_within_the_tolerance_is_accepted(answer):
    checker = Numbers(4, tolerance=0.02)
    assert checker.is_right(checker.read(answer))


def test_numbers_are_compared_without_loss_and_in_any_order_where_that_is_said():
    large = Numbers([2**200, 1], ordered=False)
    assert large.is_right(large.read([1, 2**200]))
    assert not large.is_right(large.read([1, 2**200 + 1]))
    assert not large.is_right(large.read([1, 1]))


def encrypted():
    """In the place of an answer below: made when its test runs."""
    context = ts.context(ts.SCHEME_TYPE.BFV, 4096, plain_modulus=1032193)
    return ts.bfv_vector(context, [4])


class EncryptedNumber:
    """Named as phe's."""


@pytest.mark.parametrize(
    ("checker", "answer", "said"),
    [
        (Numbers(4), None, "None is no number"),
        (Numbers(4), True, "True says whether"),
        (Numbers(4), np.bool_(True), "True says whether"),
        (Numbers(4), "4", "without quotes"),
        (Numbers(4), print, "function; call it"),
        (Numbers(4), math.nan, "nan is no number"),
        (Numbers(4), 4j, "type complex"),
        (Numbers(4), encrypted, "still encrypted"),
        (Numbers([4]), [EncryptedNumber()], "still encrypted"),
        (Numbers([4]), {4}, "square brackets"),
        (Numbers([4]), {"a": 4}, "type dict"),
        (Numbers(4), [4], "a list of 1, and a single number"),
        (Numbers([4, 5]), 4, "a single number, and a list of 2"),
        (Numbers([4, 5]), [4, 5, 6], "a list of 3, and a list of 2"),
        (Numbers([4, 5]), [[4, 5]], "table of 1 x 2"),
        (Numbers(4), -4, "The sign is wrong"),
        (Numbers([4, -5]), [-4, 5], "Every sign"),
        (Numbers([4, 5]), [5, 4], "their order is not"),
        (Numbers(4, modulus=17), 21, "multiple of the plaintext modulus, 17: .* between -8 and 8"),
        (Numbers([4, 5], modulus=17), [4, -12], "multiple of the plaintext modulus"),
        (Numbers(4.5, tolerance=0.1, scale=2**20), 4.5 * 2**20, "factor of the scale, to the power of 1"),
        (Numbers(4.5, scale=2**20), 4.5 * 2**40, "to the power of 2"),
        (Numbers(4500), 4.5, "too small by a factor of 1,000: look at the units"),
        (Numbers([1, 2]), [100, 200], "too large by a factor of 100"),
        (Numbers(4), 5, "The number is too large"),
        (Numbers(4), 3, "The number is too small"),
        (Numbers([4, 5, 6]), [4, 5, 9], "2 of 3 numbers are right; number 3 is too large"),
        (Numbers([4, 5], ordered=False), [5, 7], "Not every number is right"),
        (Words(["a", "b"], ["a", "b", "c"]), None, "The answer is None"),
        (Words(["a", "b"], ["a", "b", "c"]), 1, "of the type int, and words in quotes"),
        (Words(["a", "b"], ["a", "b", "c"]), ["a", 1], "An entry of the answer is of the type int"),
        (Words(["a", "b"], ["a", "b", "c"]), ["a", "d"], "'d' is none of the words. They are: a, b, c"),
        (Words(["a", "b"], ["a", "b", "c"]), [], "The list is empty"),
        (Words(["a", "b"], ["a", "b", "c"]), ["a", "c"], "'c' does not belong"),
        (Words(["a", "b"], ["a", "b", "c"]), "a", "1 more does"),
    ],
)
def test_mistakes_of_any_exercise_are_explained(checker, answer, said):
    answer = encrypted() if answer is encrypted else answer
    with pytest.raises(WrongKind, match=said):
        value = checker.read(answer)
        assert not checker.is_right(value)
        raise WrongKind(checker.remark(value))


@pytest.mark.parametrize("answer", [["a", "b"], ("b", "a", "a"), {"A", "b "}, np.array(["a", "b"])])
def test_words_in_any_order_are_accepted(answer):
    checker = Words(["a", "b"], ["a", "b", "c"])
    assert checker.is_right(checker.read(answer))


def declared(**changes):
    fields = {
        "id": "00-1",
        "level": "predict",
        "prompt": "How many?",
        "hint": "Count.",
        "wanted": "the number",
        "name": "count",
        "checker": Numbers(4),
        "wrong": tuple(Wrong(number, f"{number} is wrong.") for number in (1, 2, 3)),
        "solution": "solution = 4",
        "because": "Two and two.",
    }
    return Exercise(**{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": "0-1"}, "id"),
        ({"level": "easy"}, "level"),
        ({"name": "a count"}, "name"),
        ({"wrong": declared().wrong[:2]}, "fewer than 3"),
        ({"wrong": (*declared().wrong, Wrong(5, "1 is wrong."))}, "same sentence"),
        ({"key": "a key"}, "key"),
        ({"solution": "count = 4"}, "assigns nothing"),
    ],
)
def test_a_wrong_declaration_is_refused(changes, said):
    assert declared()
    with pytest.raises(ValueError, match=said):
        declared(**changes)


def test_a_special_mistake_is_found_before_a_general_one():
    exercise = declared(
        wrong=(*declared().wrong, Wrong(9, "More than eight.", when=lambda value: value.entries[0] > 8))
    )
    assert exercise.judge(-4).sentence == "The sign is wrong."
    assert exercise.judge(40).sentence == exercise.judge(9).sentence == "More than eight."


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of three exercises: two in notebook 00, one in notebook 01."""
    package = ModuleType("declared_for_a_test")
    package.__path__ = [str(tmp_path / "declared")]
    (tmp_path / "declared").mkdir()
    for notebook, exercises in (
        ("00", (declared(id="00-1", level="write"), declared(id="00-2", level="think"))),
        ("01", (declared(id="01-1"),)),
    ):
        module = ModuleType(f"{package.__name__}.notebook_{notebook}")
        module.EXERCISES = exercises
        monkeypatch.setitem(sys.modules, module.__name__, module)
        (tmp_path / "declared" / f"notebook_{notebook}.py").touch()
    monkeypatch.setattr(catalogue, "declared", package)


@pytest.fixture(autouse=True)
def displayed(monkeypatch):
    """What is displayed, in order."""
    seen = []
    monkeypatch.setattr(turn, "display", lambda data, raw: seen.append(data))
    return seen


@pytest.mark.parametrize("id", ["00-9", "99-1", "", None, 7])
def test_an_exercise_that_nobody_declared_is_the_authors_mistake(course, id):
    for call in (lambda: lab.your_turn(id), lambda: lab.check(id, 4), lambda: lab.show_solution(id, 4)):
        with pytest.raises(UnknownExercise, match="The exercises are: 00-1, 00-2, 01-1"):
            call()


def test_a_learner_goes_from_the_placeholder_to_the_right_answer(course, displayed, workspace):
    answer = lab.your_turn("01-1")
    said = "01-1 (predict): put the number in the place of `lab.your_turn(...)`, and run the cell."
    assert displayed.pop() == {"text/markdown": said, "text/plain": said}
    lab.check("01-1", answer)
    assert not displayed, "the placeholder has said what to do"
    lab.check("01-1", 2)
    assert displayed.pop()["text/plain"] == "01-1: 2 is wrong."
    assert not workspace.root.exists()
    lab.check("01-1", 4)
    assert displayed.pop()["text/plain"] == "01-1: Right. Two and two."
    lab.check("01-1", 2)
    assert shown_progress() == {"00": ("0 of 2", "1, 2"), "01": ("1 of 1", "")}


def shown_progress():
    table = lab.progress()
    return {notebook: (row["solved"], row["left"]) for notebook, row in table.iterrows()}


def test_the_progress_of_every_role_is_shown_to_nobody_in_particular(course, workspace, monkeypatch):
    fresh = {"00": ("0 of 2", "1, 2"), "01": ("0 of 1", "1")}
    assert shown_progress() == fresh
    assert not workspace.root.exists(), "looking makes nothing"
    lab.check("00-1", 4)
    file = workspace.root / "nobody" / "solved_exercises" / "00-1"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and file.read_bytes() == b""
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    (file.parent / "00-9").touch()  # an exercise of another edition
    with monkeypatch.context() as in_a_role:
        in_a_role.setenv(ROLE_VARIABLE, "analyst")
        lab.check("01-1", 4)
        with pytest.raises(WrongRole, match="nobody in particular"):
            lab.progress()
    assert (workspace.root / "analyst" / "solved_exercises" / "01-1").exists()
    assert shown_progress() == {"00": ("1 of 2", "2"), "01": ("1 of 1", "")}


def test_pandas_shows_the_progress_of_the_whole_course_uncut(workspace):
    assert "..." not in str(lab.progress())


def test_where_one_stands_in_a_notebook_is_shown_in_any_role(course, workspace, monkeypatch):
    def shown():
        return lab.progress("00").to_dict(orient="index")

    fresh = {"00-1": {"level": "write", "solved": "not yet"}, "00-2": {"level": "think", "solved": "not yet"}}
    lab.check("01-1", 4)
    assert shown() == fresh
    monkeypatch.setenv(ROLE_VARIABLE, "analyst")
    assert shown() == fresh
    assert not (workspace.root / "analyst").exists(), "looking makes nothing"
    lab.check("00-2", 4)
    assert shown() == {**fresh, "00-2": {"level": "think", "solved": "yes"}}
    monkeypatch.setenv(ROLE_VARIABLE, "administrator")
    assert shown() == fresh


@pytest.mark.parametrize("notebook", ["99", "0", "", "00-1"])
def test_a_notebook_without_exercises_is_named(course, notebook):
    with pytest.raises(UnknownExercise, match="Those that have some are: 00, 01"):
        lab.progress(notebook)


def test_a_solution_is_folded_and_solves_nothing(course, displayed, workspace):
    lab.show_solution("00-1", 4)
    inside = "```python\nsolution = 4\n```\n\n`4`. Two and two."
    folded = f"<details><summary>Solution of 00-1</summary>\n\n{inside}\n\n</details>"
    assert displayed == [{"text/markdown": folded, "text/plain": "Solution of 00-1: `4`. Two and two."}]
    assert not workspace.root.exists()


def test_the_cells_hold_what_is_to_be_changed_and_pass_the_key():
    answer, solution = (cell.source for cell in cells_of(A_CIPHERTEXT)[1:])
    assert answer == 'encrypted_sum = lab.your_turn("90-3")\n\nlab.check("90-3", encrypted_sum, key=context)'
    assert solution.endswith('lab.show_solution("90-3", solution, key=context)')
    answer = cells_of(A_FUNCTION)[1].source
    assert answer.startswith('def add(a, b):\n    return 0\n\nadding = lab.your_turn("90-1")\n\nlab.check(')
    assert A_FUNCTION.to_do == (
        "90-1 (write): put `add` in the place of `lab.your_turn(...)`, and run the cell. "
        "Change the lines above it first."
    )
    about_a_list = declared(start="counts = [3, 1, 4]")
    assert cells_of(about_a_list)[1].source.startswith("counts = [3, 1, 4]\n\ncount = lab.your_turn(")
    assert about_a_list.to_do.endswith("and run the cell.")


def test_a_solution_that_no_longer_fits_says_so(course, displayed):
    lab.show_solution("00-1", 5)
    assert "Not accepted: The number is too large. Restart" in displayed[0]["text/plain"]


def test_a_folded_solution_shows_no_line_of_it(exercise):
    solution = cells_of(exercise)[-1]
    assert solution.metadata["jupyter"]["source_hidden"]
    assert solution.source.splitlines()[0] == f"# Solution of {exercise.id}"


def test_cells_are_put_in_the_place_of_their_text_and_renewed_there(course, tmp_path):
    cells = [new_markdown_cell(f"Your turn {id}") for id in ("00-1", "00-2")]
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Start"), *cells]), tmp_path / "00_start_here.ipynb")
    nbformat.write(new_notebook(cells=[new_markdown_cell("Your turn 01-1")]), tmp_path / "01_add_behind_a_lock.ipynb")
    assert exercise_cells.main(tmp_path) == 0
    first = nbformat.read(tmp_path / "00_start_here.ipynb", as_version=4)
    parts = ("task", "answer", "solution")
    assert [cell.id for cell in first.cells[1:]] == [
        f"exercise-{id}-{part}" for id in ("00-1", "00-2") for part in parts
    ]
    assert len(nbformat.read(tmp_path / "01_add_behind_a_lock.ipynb", as_version=4).cells) == 3
    # Outputs stay with a cell that did not change, and go with one that did.
    for cell in first.cells[2:4]:
        cell.execution_count = 1
    first.cells[2].source = "lab.check()"
    nbformat.write(first, tmp_path / "00_start_here.ipynb")
    assert exercise_cells.main(tmp_path) == 0
    again = nbformat.read(tmp_path / "00_start_here.ipynb", as_version=4)
    assert [cell.id for cell in again.cells] == [cell.id for cell in first.cells]
    assert [cell.execution_count for cell in again.cells[2:4]] == [None, 1]


def test_two_notebooks_of_a_number_share_its_exercises(course, tmp_path, capsys):
    for name, *ids in (("00_start_here", "00-1"), ("00_go_on", "00-2"), ("01_add_behind_a_lock", "01-1")):
        cells = [new_markdown_cell(f"Your turn {id}") for id in ids]
        nbformat.write(new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
    for _ in range(2):
        assert exercise_cells.main(tmp_path) == 0
        for name, id in (("00_start_here", "00-1"), ("00_go_on", "00-2")):
            cells = nbformat.read(tmp_path / f"{name}.ipynb", as_version=4).cells
            assert [cell.id for cell in cells] == [f"exercise-{id}-{part}" for part in ("task", "answer", "solution")]
    assert "00_go_on.ipynb: 1 exercises" in capsys.readouterr().out


def test_an_exercise_with_a_place_in_two_notebooks_is_named(course, tmp_path, capsys):
    cells = [new_markdown_cell(f"Your turn {id}") for id in ("00-1", "00-2")]
    for name in ("00_start_here", "00_go_on"):
        nbformat.write(new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
    assert exercise_cells.main(tmp_path) == 1
    assert "2 notebooks 00 have a place for the exercise 00-1" in capsys.readouterr().err
    assert len(nbformat.read(tmp_path / "00_go_on.ipynb", as_version=4).cells) == 2, "nothing is stored"


def test_an_exercise_without_a_place_is_named(course, tmp_path, capsys):
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Start")]), tmp_path / "00_start_here.ipynb")
    assert exercise_cells.main(tmp_path) == 1
    assert "no place for the exercise 00-1. Put a text cell there that says: Your turn 00-1" in capsys.readouterr().err
