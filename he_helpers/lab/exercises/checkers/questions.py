"""Answers that are questions to a review: what they tell together, and what a ledger leaves of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from he_helpers.lab.exercises.checkers.checker import WrongKind, kind_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Played:
    """The questions, and how many contributors the smallest sum has that they tell; None where they tell none.

    with_ledger: how many of them are answered where each is compared with those answered before.
    """

    questions: tuple[str, ...]
    smallest: int | None
    with_ledger: int


@dataclass(frozen=True, eq=False)
class Questions:
    """Labels by which sums are asked, at most ``most`` of them, that tell about fewer contributors than ``minimum``.

    labels: a row for each contributor, whose name is the index; every group of every label has the minimum.
    """

    labels: pd.DataFrame
    minimum: int
    most: int

    def read(self, answer: Any, key: Any = None) -> Played:
        names = list(answer) if isinstance(answer, (list, tuple, set)) else None
        if names is None:
            raise WrongKind(f"The answer is {kind_of(answer)}, and a list of names of labels is asked for.")
        for name in names:
            if not isinstance(name, str) or name not in self.labels.columns:
                raise WrongKind(f"{str(name)[:40]!r} is no label of this table: give names of its columns.")
        asked = tuple(dict.fromkeys(names))
        return self._played(asked) if len(asked) <= self.most else Played(asked, None, 0)

    def is_right(self, value: Played) -> bool:
        return value.smallest is not None

    def are_same(self, value: Played, other: Played) -> bool:
        return value == other

    def remark(self, value: Played) -> str:
        number = len(value.questions)
        if number > self.most:
            return f"These are {number} questions, and {self.most} are allowed."
        return f"The review answers your {number} questions, and they tell no sum of fewer than {self.minimum}."

    def shown(self, value: Played) -> str:
        number = len(value.questions)
        return (
            f"{number} answered, which tell a sum of {value.smallest}; with the ledger {value.with_ledger} answered, "
            "which tell none"
        )

    def _played(self, questions: tuple[str, ...]) -> Played:
        # Loaded where it is needed: declarations of exercises load no tables.
        from he_helpers.tables import Labels
        from he_helpers.tables.disclosure.combinations import few_contributors

        table = Labels.from_frame(self.labels.rename_axis("contributor").reset_index())
        told: list[int | None] = []
        answered: list[str] = []
        for place, question in enumerate(questions):
            before = [[one] for one in questions[:place]]
            told.append(few_contributors(table, "contributor", before, [question], self.minimum).smallest)
            before = [[one] for one in answered]
            if few_contributors(table, "contributor", before, [question], self.minimum).smallest is None:
                answered.append(question)
        return Played(questions, min((one for one in told if one), default=None), len(answered))
