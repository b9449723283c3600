"""A plausible mistake in a lab, and what it deserves."""

from __future__ import annotations

import importlib
import textwrap
from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """What a student writes in the place of a solution, and the checks that it loses.

    what: in words. answers: the whole source of answer cells, by name. loses: the names of the checks that then give
    no points; all others give theirs.
    """

    what: str
    answers: dict[str, str]
    loses: tuple[str, ...]

    def __post_init__(self) -> None:
        cleaned = {name: textwrap.dedent(source).strip() for name, source in self.answers.items()}
        object.__setattr__(self, "answers", cleaned)


def mistakes_in(lab: str) -> tuple[Mistake, ...]:
    """Those declared for the lab, in tests/classroom/mistakes/LAB.py."""
    return importlib.import_module(f"tests.classroom.mistakes.{lab}").MISTAKES


def in_few_submissions(mistakes: tuple[Mistake, ...]) -> list[list[Mistake]]:
    """The same mistakes, in groups that one submission can make together: in different answers, losing different
    checks. Starting a kernel costs more than all checks of a lab."""
    groups: list[list[Mistake]] = []
    for mistake in mistakes:
        for group in groups:
            answers = {name for other in group for name in other.answers}
            lost = {name for other in group for name in other.loses}
            if answers.isdisjoint(mistake.answers) and lost.isdisjoint(mistake.loses):
                group.append(mistake)
                break
        else:
            groups.append([mistake])
    return groups
