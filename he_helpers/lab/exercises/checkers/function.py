"""Answers that are a function, or a program written as one: called with declared arguments."""

from __future__ import annotations

import copy
import inspect
import io
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

from he_helpers.lab.exercises.checkers.checker import Checker, WrongKind, kind_of, words_of_error
from he_helpers.lab.exercises.checkers.numbers import Numbers
from he_helpers.lab.exercises.checkers.time_limit import TooLong, at_most
from he_helpers.lab.exercises.checkers.words import Words


@dataclass(frozen=True)
class Case:
    """A call, and what must come out.

    arguments: those of the call; or a function that makes them from the key of the notebook (`Exercise.key`; None
    without one), where they cannot be declared before a library is loaded.
    gives: a number or a list of numbers, or the checker of the result.
    call: how the call is written, "decide(request)"; without it, from the name and the arguments.
    """

    arguments: tuple[Any, ...] | Callable[[Any], tuple[Any, ...]]
    gives: Any
    call: str = ""


@dataclass(frozen=True)
class Outcome:
    """What a call gave. value: the result as its checker reads it, None without one; said: what is wrong, or ""."""

    call: str
    value: Any
    said: str


@dataclass(frozen=True)
class Function:
    """A function of the learner's, called with the arguments of each case.

    name: what the exercise calls it, "add". tolerance: the largest difference that passes where a case gives numbers.
    seconds: how long a call may take; no case is tried after one that took longer.

    What it prints meanwhile is not shown. Each call gets its own copy of the arguments that are declared.
    """

    name: str
    cases: tuple[Case, ...]
    tolerance: float = 0
    seconds: float = 5

    def read(self, answer: Any, key: Any = None) -> tuple[Outcome, ...]:
        if not callable(answer):
            raise WrongKind(
                f"The answer is {kind_of(answer)}, and a function is asked for: write its name without parentheses."
            )
        outcomes: list[Outcome] = []
        try:
            for case in self.cases:
                outcomes.append(self._called(answer, case, key))
        except TooLong:
            call = self._call_of(self.cases[len(outcomes)])
            said = f"For `{call}` it does not come to an end within {self.seconds:g} seconds: look at its loops."
            outcomes.append(Outcome(call, None, said))
        return tuple(outcomes)

    def is_right(self, value: tuple[Outcome, ...]) -> bool:
        return not any(outcome.said for outcome in value)

    def are_same(self, value: tuple[Outcome, ...], other: tuple[Outcome, ...]) -> bool:
        # A shorter one ends with what took too long, which the other one says as well or is not the same.
        for case, one, another in zip(self.cases, value, other, strict=False):
            if one.value is None or another.value is None:
                same = one.said == another.said
            else:
                same = self._checker_of(case).are_same(one.value, another.value)
            if not same:
                return False
        return True

    def remark(self, value: tuple[Outcome, ...]) -> str:
        return next(outcome.said for outcome in value if outcome.said)

    def shown(self, value: tuple[Outcome, ...]) -> str:
        pairs = zip(self.cases, value, strict=True)
        return "; ".join(f"`{one.call}`: {self._checker_of(case).shown(one.value)}" for case, one in pairs)

    def _called(self, function: Callable[..., Any], case: Case, key: Any) -> Outcome:
        """What the function gives in one case. Raises TooLong."""
        call = self._call_of(case)
        arguments = case.arguments(key) if callable(case.arguments) else copy.deepcopy(case.arguments)
        said = self._on_the_signature(function, call, arguments)
        if said:
            return Outcome(call, None, said)
        printed = io.StringIO()
        try:
            with redirect_stdout(printed), at_most(self.seconds):
                result = function(*arguments)
        except (Exception, SystemExit) as error:
            return Outcome(call, None, f"For `{call}` it stops with an error: {words_of_error(error)}.")
        if result is None:
            does = "prints something and gives None back" if printed.getvalue() else "gives None back"
            return Outcome(call, None, f"For `{call}` it {does}: end it with `return`.")
        checker = self._checker_of(case)
        try:
            value = checker.read(result, key)
        except WrongKind as error:
            return Outcome(call, None, f"For `{call}`: {error}")
        return Outcome(call, value, "" if checker.is_right(value) else _on_the_result(call, checker, value))

    def _on_the_signature(self, function: Callable[..., Any], call: str, arguments: Sequence[Any]) -> str:
        """What is wrong when the function cannot be called with so many arguments; else ""."""
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):  # some that are compiled have none
            return ""
        try:
            signature.bind(*arguments)
        except TypeError:
            number = "1 argument" if len(arguments) == 1 else f"{len(arguments) or 'no'} arguments"
            return f"It is called with {number}, `{call}`, and defined as `{self.name}{signature}`."
        return ""

    def _call_of(self, case: Case) -> str:
        if case.call or callable(case.arguments):
            return case.call or f"{self.name}(...)"
        return f"{self.name}({', '.join(map(repr, case.arguments))})"

    def _checker_of(self, case: Case) -> Checker:
        return case.gives if isinstance(case.gives, Checker) else Numbers(case.gives, self.tolerance)


def _on_the_result(call: str, checker: Checker, value: Any) -> str:
    """A sentence on a result that is not right."""
    if isinstance(checker, Words) and len(checker.right) == len(value) == 1:
        return f"For `{call}` it gives {min(value)!r}, and {checker.right[0]!r} is expected."
    if not isinstance(checker, Numbers):
        return f"For `{call}`: {checker.remark(value)}"
    said = f"For `{call}` it gives {value}, and {checker.read(checker.right)} is expected."
    return said if value.shape == () else f"{said} {checker.remark(value)}"
