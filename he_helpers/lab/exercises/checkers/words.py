"""Answers that are a choice of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from he_helpers.lab.exercises.checkers.checker import WrongKind, kind_of


@dataclass(frozen=True)
class Words:
    """One word or several, of those in `among`; order, repetition and capitals do not matter. right: those that fit."""

    right: Sequence[str]
    among: Sequence[str]

    def read(self, answer: Any, key: Any = None) -> frozenset[str]:
        words = [answer] if isinstance(answer, str) else answer
        if not isinstance(words, (list, tuple, set, frozenset, np.ndarray)):
            raise WrongKind(f"The answer is {kind_of(answer)}, and words in quotes are asked for.")
        for word in words:
            if not isinstance(word, str):
                raise WrongKind(f"An entry of the answer is {kind_of(word)}, and words in quotes are asked for.")
        known = {word.casefold(): word for word in self.among}
        for word in words:
            if word.strip().casefold() not in known:
                raise WrongKind(f"{word[:40]!r} is none of the words. They are: {', '.join(self.among)}.")
        return frozenset(known[word.strip().casefold()] for word in words)

    def is_right(self, value: frozenset[str]) -> bool:
        return value == frozenset(self.right)

    def are_same(self, value: frozenset[str], other: frozenset[str]) -> bool:
        return value == other

    def remark(self, value: frozenset[str]) -> str:
        if not value:
            return "The list is empty."
        wrong = [word for word in self.among if word in value and word not in self.right]
        if wrong:
            return f"{wrong[0]!r} does not belong there."
        missing = len(self.right) - len(value)
        return f"Each of these belongs there, and {missing} more {'does' if missing == 1 else 'do'}."

    def shown(self, value: frozenset[str]) -> str:
        return f"`{[word for word in self.among if word in value]}`"
