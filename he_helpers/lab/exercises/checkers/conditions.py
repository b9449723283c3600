"""Answers of which several things must hold: a context without its secret key, say, whose parameters are secure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from he_helpers.lab.exercises.checkers.checker import WrongKind, kind_of, words_of_error


@dataclass(frozen=True)
class Condition:
    """What must hold of an answer. otherwise: the sentence for one of which it does not; holds: tells."""

    otherwise: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True)
class ConditionsRead:
    """An answer, and what is said of the first condition that it does not meet; "" where it meets all."""

    answer: Any
    said: str


@dataclass(frozen=True)
class Conditions:
    """An answer of any kind that meets conditions. asked_for: its kind, "a context of TenSEAL".

    A condition that fails with an error says that the answer is of another kind. Those after one that is not met are
    not looked at, and may rely on it.
    """

    asked_for: str
    conditions: tuple[Condition, ...]

    def read(self, answer: Any, key: Any = None) -> ConditionsRead:
        for condition in self.conditions:
            try:
                holds = bool(condition.holds(answer))
            except Exception as error:  # what an object of any class does when it is taken for another
                raise WrongKind(
                    f"The answer is {kind_of(answer)}, and {self.asked_for} is asked for ({words_of_error(error)})."
                ) from None
            if not holds:
                return ConditionsRead(answer, condition.otherwise)
        return ConditionsRead(answer, "")

    def is_right(self, value: ConditionsRead) -> bool:
        return not value.said

    def are_same(self, value: ConditionsRead, other: ConditionsRead) -> bool:
        return value.said == other.said

    def remark(self, value: ConditionsRead) -> str:
        return value.said

    def shown(self, value: ConditionsRead) -> str:
        return f"All that is asked for holds of {self.asked_for}"
