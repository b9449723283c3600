"""The making of a joint key among roles: a custodian's part in it, carried by sealed letters.

A custodian does not wait for the others. Each time it takes part, it reads what has come, writes what is due and ends;
a process that died goes on where it was, because the secret randomness is in the keyring and the letters wait at the
server until the key is made.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from he_helpers.files import read_private, write_private
from he_helpers.roles.quorum.letters import Letters
from he_helpers.schemes.secret.quorum import CeremonyFailed, JointCeremony, Letter, QuorumKey

_LARGEST_RECORD = 2**20


@dataclass(frozen=True)
class CeremonyProgress:
    """Where a ceremony is: ``round`` is the one whose letters are awaited, 1 to 5, and 6 when it is finished.

    ``waits_for``: whose letters are missing. ``key``: the QuorumKey when it is finished, else None.
    """

    round: int
    waits_for: tuple[str, ...]
    key: QuorumKey | None

    def __repr__(self) -> str:
        if self.key is not None:
            return f"finished: {self.key.threshold} of {len(self.key.custodians)} custodians decrypt"
        return f"round {self.round} of 5, waits for {', '.join(self.waits_for)}"


def go_on(ceremony: JointCeremony, letters: Letters, name: str, record: Path) -> None:
    """Give the ceremony the letters that have come, and send those that are due.

    name: of the key, which the letters' names begin with. record: the file that says which were sent, so that nobody
    gets one again after having taken it away, and which were read: who commits and sees what others open must not
    commit anew. Raises what Letters and JointCeremony raise; CeremonyFailed for a letter that was exchanged, too.
    """
    due = list(ceremony.start())
    kept = json.loads(read_private(record, _LARGEST_RECORD)) if record.exists() else {"sent": [], "received": []}
    sent, received = kept["sent"], []
    for waiting in letters.waiting():
        if waiting.sender in ceremony.custodians and _is_of(name, waiting.name):
            content = letters.read(waiting.sender, waiting.name)
            received.append([waiting.sender, waiting.name, hashlib.sha256(content).hexdigest()])
            due += ceremony.receive(waiting.sender, content)
    exchanged = [
        sender for sender, letter_name, digest in kept["received"] if [sender, letter_name, digest] not in received
    ]
    if exchanged:
        raise CeremonyFailed(
            f"Letters of {', '.join(dict.fromkeys(exchanged))} that were read before are gone, or say something else "
            "now: with the server's help somebody could take back what they had committed to. Begin again, with "
            "another session and under another name: of this one, letters still wait.",
            exchanged,
        )
    write_private(record, json.dumps({"sent": sent, "received": received}).encode())
    for recipient, letter_name, content in _named(due, name):
        if [recipient, letter_name] not in sent:
            letters.send(recipient, letter_name, content)
            sent.append([recipient, letter_name])
            write_private(record, json.dumps({"sent": sent, "received": received}).encode())


def take_letters_away(letters: Letters, name: str) -> None:
    """Remove what the ceremony has left at the server for this custodian."""
    for waiting in letters.waiting():
        if _is_of(name, waiting.name):
            letters.take_away(waiting.sender, waiting.name)


def _is_of(name: str, letter_name: str) -> bool:
    """Whether a letter of this name is one of the ceremony: not one of the key "main.2" for the key "main"."""
    return re.fullmatch(rf"{re.escape(name)}\.[1-9]", letter_name) is not None


def _named(due: list[Letter], name: str) -> list[tuple[str, str, bytes]]:
    """Each letter with its recipient and a name: one a round to each, in their order."""
    rounds: Counter[str] = Counter()
    named = []
    for letter in due:
        rounds[letter.recipient] += 1
        named.append((letter.recipient, f"{name}.{rounds[letter.recipient]}", letter.content))
    return named
