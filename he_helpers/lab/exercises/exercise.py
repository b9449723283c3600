"""An exercise: what it asks, what it is told of an answer, and what its tests need."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from he_helpers.lab.exercises.checkers import Checker, Function, WrongKind

# Say what comes out; write some lines; explain, or break something.
LEVELS = ("predict", "write", "think")
_FEWEST_WRONG = 3


class Unanswered:
    """What stands in the place of an answer, until a learner has put one there."""

    def __repr__(self) -> str:
        return "<no answer yet>"


@dataclass(frozen=True)
class Source:
    """An answer as lines of Python that assign to `answer`; they may be indented as a whole.

    It is for an example that cannot be made when it is declared, such as a ciphertext. Only the tests run it, after
    the lines `given` of its exercise.
    """

    lines: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "lines", _code(self.lines))


@dataclass(frozen=True)
class Wrong:
    """A plausible wrong answer, and what its author needs to hear.

    example: such an answer, in the form in which a learner would give it, or its Source.
    sentence: what is wrong with it, in Markdown, without giving the answer away.
    when: tells of an answer, as the checker reads it, whether the sentence fits; without it, it fits the example alone,
    and with a Source it is what the checker says by itself.
    """

    example: Any
    sentence: str
    when: Callable[[Any], bool] | None = None


@dataclass(frozen=True)
class Verdict:
    """What is said of an answer; shown: a right one in Markdown (Checker.shown)."""

    right: bool
    sentence: str
    shown: str = ""


@dataclass(frozen=True)
class Exercise:
    """An exercise of a notebook, declared once.

    id: notebook and number, "00-1". level: one of LEVELS.
    prompt, hint, wanted, because: Markdown. wanted follows on "put": "the list that you decrypt".
    name: the variable that takes the answer.
    checker: reads and judges it. wrong: three plausible wrong answers or more, the special before the general.
    solution: lines of Python that assign to `solution`. because: why it is right, for those who found it.
    given: lines that make what `solution` uses of earlier cells, for the tests.
    start: lines that stand above the placeholder: for a Function its head, or the program to be mended, which are to be
    changed; for any other checker what the answer is about.
    key: the variable of the notebook that decrypts, for the checker (see Ciphertexts): the cells pass it to it.

    The texts may be indented as a whole.
    Raises ValueError for a declaration that breaks one of these.
    """

    id: str
    level: str
    prompt: str
    hint: str
    wanted: str
    name: str
    checker: Checker
    wrong: tuple[Wrong, ...]
    solution: str
    because: str
    given: str = ""
    start: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        for field in ("prompt", "hint"):
            object.__setattr__(self, field, inspect.cleandoc(getattr(self, field)))
        for field in ("solution", "given", "start"):
            object.__setattr__(self, field, _code(getattr(self, field)))
        sentences = {wrong.sentence for wrong in self.wrong}
        for holds, what in (
            (re.fullmatch(r"\d\d-[1-9]\d?", self.id), "its id is not a notebook and a number, such as '00-1'"),
            (self.level in LEVELS, f"its level is none of {', '.join(LEVELS)}"),
            (self.name.isidentifier(), "its name is not that of a variable"),
            (self.key.isidentifier() or not self.key, "its key is not the name of a variable"),
            (len(sentences) >= _FEWEST_WRONG, f"it explains fewer than {_FEWEST_WRONG} wrong answers"),
            (len(sentences) == len(self.wrong), "two of its wrong answers have the same sentence"),
            (re.search(r"^solution = ", self.solution, re.MULTILINE), "its solution assigns nothing to `solution`"),
        ):
            if not holds:
                raise ValueError(f"The exercise {self.id!r} is declared wrongly: {what}.")

    @property
    def notebook(self) -> str:
        """The number of its notebook, "00"."""
        return self.id[:2]

    @property
    def to_do(self) -> str:
        """What stands below the placeholder."""
        lines = " Lines of your own go above it." if self.level == "write" else ""
        lines = " Change the lines above it first." if isinstance(self.checker, Function) and self.start else lines
        # Without the number, at whose hyphen a narrow page would break the line.
        place = "in the place of `lab.your_turn(...)`"
        return f"{self.id} ({self.level}): put {self.wanted} {place}, and run the cell.{lines}"

    def judge(self, answer: Any, key: Any = None) -> Verdict:
        """What is said of an answer, whatever it is. It never fails for what a learner has answered.

        key: the value of the variable that `self.key` names.
        """
        if isinstance(answer, Unanswered):
            return Verdict(False, "Nothing is answered yet.")
        try:
            value = self.checker.read(answer, key)
        except WrongKind as error:
            return Verdict(False, str(error))
        if self.checker.is_right(value):
            return Verdict(True, self.because, self.checker.shown(value))
        for wrong in self.wrong:
            if self._fits(wrong, value):
                return Verdict(False, wrong.sentence)
        return Verdict(False, self.checker.remark(value))

    def _fits(self, wrong: Wrong, value: Any) -> bool:
        if wrong.when:
            return wrong.when(value)
        if isinstance(wrong.example, Source):
            return False
        return self.checker.are_same(value, _EXAMPLES.read(self, wrong))


class _Examples:
    """The wrong examples of the exercise that was judged last, as its checker reads them.

    Those that are functions are called then, which may take their time: once, and not at every attempt of a learner.
    """

    def __init__(self) -> None:
        self._of: Exercise | None = None
        self._read: dict[int, Any] = {}

    def read(self, exercise: Exercise, wrong: Wrong) -> Any:
        if exercise is not self._of:
            self._of, self._read = exercise, {}
        known = self._read
        if id(wrong) not in known:
            known[id(wrong)] = exercise.checker.read(wrong.example)
        return known[id(wrong)]


_EXAMPLES = _Examples()


def _code(lines: str) -> str:
    """Lines of Python without their common indentation."""
    return textwrap.dedent(lines).strip()
