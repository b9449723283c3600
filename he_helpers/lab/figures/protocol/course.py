"""The course's three roles and the way of one request: what the diagrams draw where nothing else is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from he_helpers.lab.workspace.workspace import ROLES as NAMES


@dataclass(frozen=True)
class Role:
    """Somebody in a diagram.

    name: as lab.enter has it, such as "server"; title: what the reader sees.
    secret_key: whether this role holds the key that decrypts; holds: what else it has; reads: which numbers it can
        read.
    """

    name: str
    title: str
    secret_key: bool
    holds: tuple[str, ...]
    reads: str


def article_of(title: str) -> str:
    """What stands before a role's title in a sentence: "the ", and nothing before a number's, such as "custodian 1"."""
    return "" if title[-1:].isdigit() else "the "


@dataclass(frozen=True)
class Step:
    """Something that travels from one role to another; from a role to itself: what it does. Both by Role.name."""

    sender: str
    receiver: str
    what: str


ROLES = (
    Role(
        "administrator",
        "data administrator",
        secret_key=True,
        holds=("the table in the clear", "the public key"),
        reads="every number",
    ),
    Role(
        "server",
        "server",
        secret_key=False,
        holds=("the encrypted table", "its labels in the clear", "questions, sealed results"),
        reads="no number",
    ),
    Role(
        "analyst",
        "data analyst",
        secret_key=False,
        holds=("results that were released", "a key that opens these"),
        reads="what was released",
    ),
)

REQUEST = (
    Step("administrator", "administrator", "encrypts the table"),
    Step("administrator", "server", "encrypted table, labels"),
    Step("analyst", "server", "request for an aggregate"),
    Step("server", "server", "adds ciphertexts up"),
    Step("server", "administrator", "request, encrypted sums"),
    Step("administrator", "administrator", "checks; if it approves, decrypts and rounds"),
    Step("administrator", "server", "result, sealed to the analyst"),
    Step("server", "analyst", "sealed result"),
    Step("analyst", "analyst", "opens the result"),
)


def colours_of(names: Sequence[str]) -> dict[str, int]:
    """The number of each one's colour among those of the style, for diagrams and for the marks of cells alike.

    names: by Role.name, at most eight. A role of the course has the same colour everywhere; who is none takes one that
    nobody else of these has.
    """
    taken = {name: NAMES.index(name) for name in names if name in NAMES}
    free = (number for number in range(len(names) + len(NAMES)) if number not in taken.values())
    return {name: taken[name] if name in taken else next(free) for name in names}
