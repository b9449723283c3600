"""A witness of the audit trail: sees it, checks that it continues what was seen before, signs and keeps its head.

What was seen is kept in the own folder, in ``trail/``: the leaves of all events, which of them could be read, and all
signed heads, the own and those of others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

from he_helpers.audit.chain import Entry, Finding, UnreadableTrail, digests, inspect_entries
from he_helpers.audit.heads import Head, check_heads, key_fingerprint, statement
from he_helpers.files import alone_with, private_folder, read_private, write_private
from he_helpers.roles.connection import Connection
from he_helpers.roles.errors import DamagedRecord, NotThere
from he_helpers.roles.keys.contacts import VERIFY_KEY, Contact, Contacts

_LARGEST_RECORD = 2**28
_LARGEST_HEAD = 4096
_YOU = "you"


@dataclass(frozen=True, repr=False)
class Witnessed:
    """What a witness found.

    ``events``: how many the server shows; ``readable``: how many of these with their content; ``digest`` over all, in
    hexadecimal. ``continues``: whose heads the trail continues, with the length of the longest; ``strangers``: how many
    heads are of witnesses whose key is not known. ``findings`` says what is wrong, event by event. ``clean`` is True
    when there is none, and only then the head was signed.
    """

    events: int
    readable: int
    digest: str
    continues: Mapping[str, int]
    strangers: int
    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        return not self.findings

    def __repr__(self) -> str:
        continued = [f"{name} ({length} events)" for name, length in self.continues.items()]
        lines = {
            "events": f"{self.events}, of which you can read {self.readable}",
            "continues": ", ".join(continued) or "no head: none was known",
            "signed": f"the head of {self.events} events" if self.clean and self.events else "nothing",
            "findings": "none" if self.clean else "",
        }
        found = [f"  {finding}" for finding in self.findings]
        return "\n".join([*(f"{name + ':':<11}{value}".rstrip() for name, value in lines.items()), *found])


@dataclass(frozen=True)
class _Kept:
    """What was seen: leaves in hexadecimal, the numbers of the events that could be read, and heads."""

    leaves: list[str]
    opened: list[int]
    heads: list[Head]

    def to_bytes(self) -> bytes:
        heads = [head.to_document() for head in self.heads]
        return json.dumps({"leaves": self.leaves, "opened": self.opened, "heads": heads}).encode()


class Trail:
    """The trail of one role: its record in ``folder`` (mode 0700)."""

    def __init__(self, folder: Path | str):
        self.folder = private_folder(folder)
        self._file = self.folder / "seen.json"

    def witness(
        self,
        connection: Connection,
        signing_key: SigningKey,
        others: Mapping[str, Contact],
        handed_over: Iterable[Head] = (),
    ) -> Witnessed:
        """Fetch the trail, compare it with all that was seen, and sign and relay its head if nothing is wrong.

        others: the verify keys of other witnesses by their names. handed_over: heads that were brought in person.
        """
        own = bytes(signing_key.verify_key)
        keys = with_own(_YOU, own, others)
        with alone_with(self.folder):
            kept = self._read()
            # First the heads: none of these can then be ahead of the trail, unless the trail was cut.
            relayed = fetch_heads(connection, keys.values())
            entries = fetch_entries(connection)
            heads = list(dict.fromkeys([*kept.heads, *handed_over, *relayed]))
            seen = [bytes.fromhex(leaf) for leaf in kept.leaves]
            trail = digests(entry.leaf for entry in entries)
            found = inspect_entries(entries, seen, set(kept.opened))
            checked = check_heads(heads, trail, keys, [finding.event for finding in found])
            findings = (*found, *checked.findings)
            by_fingerprint = {key_fingerprint(VERIFY_KEY, key): key for key in keys.values()}
            genuine = [
                head
                for head in heads
                if head.witness in by_fingerprint and head.is_signed_by(by_fingerprint[head.witness])
            ]
            if not findings and entries:
                head = sign_head(signing_key, len(entries), trail[-1])
                genuine = list(dict.fromkeys([*genuine, head]))
                kept = _Kept(
                    [entry.leaf.hex() for entry in entries],
                    [entry.number for entry in entries if entry.event is not None],
                    genuine,
                )
                write_private(self._file, kept.to_bytes())
                connection.put("audit", "heads", document=head.to_document())
            else:
                # What contradicts the server's word is kept, whatever the server relays later.
                write_private(self._file, _Kept(kept.leaves, kept.opened, genuine).to_bytes())
        return Witnessed(
            len(entries),
            sum(entry.event is not None for entry in entries),
            trail[-1].hex(),
            checked.names,
            checked.strangers,
            findings,
        )

    def latest_head(self, verify_key: Contact) -> Head:
        """The own head of the longest trail that was seen. Raises NotThere."""
        own = [head for head in self._read().heads if head.witness == verify_key.fingerprint]
        if not own:
            raise NotThere("You have signed no head of the audit trail yet. Call witness() first.")
        return max(own, key=_length)

    def heads(self) -> list[Head]:
        """All heads that are kept: the own ones and those of known witnesses."""
        return self._read().heads

    def _read(self) -> _Kept:
        if not self._file.exists():
            return _Kept([], [], [])
        try:
            fields = json.loads(read_private(self._file, _LARGEST_RECORD))
            heads = [Head.from_document(head) for head in fields["heads"]]
            if not all(len(bytes.fromhex(leaf)) == 32 for leaf in fields["leaves"]):
                raise ValueError
            return _Kept(fields["leaves"], [int(number) for number in fields["opened"]], heads)
        except (ValueError, TypeError, KeyError):
            raise DamagedRecord(
                f"{self._file} is no record of a trail. It says what you have seen, so it is not passed over: restore "
                "it from a copy, or move it away, and begin anew with what the server shows today."
            ) from None


def fetch_entries(connection: Connection) -> list[Entry]:
    """The whole trail as the server shows it. Raises UnreadableTrail."""
    return [Entry.from_document(entry) for entry in connection.get_all("audit", "chain", key="sequence")]


def fetch_heads(connection: Connection, keys: Iterable[bytes]) -> list[Head]:
    """The heads that the server relays, without those in the name of a holder of ``keys`` who did not sign them.

    Everybody with an account can leave one of these: it says nothing about the trail, and must not keep anybody from
    signing it. Raises UnreadableTrail.
    """
    by_fingerprint = {key_fingerprint(VERIFY_KEY, key): key for key in keys}
    heads = map(Head.from_document, connection.get_all("audit", "heads", key="number"))
    return [
        head for head in heads if head.witness not in by_fingerprint or head.is_signed_by(by_fingerprint[head.witness])
    ]


def sign_head(signing_key: SigningKey, length: int, digest: bytes) -> Head:
    """The head of a trail of ``length`` events with ``digest``."""
    signature = signing_key.sign(statement(length, digest.hex())).signature
    witness = key_fingerprint(VERIFY_KEY, bytes(signing_key.verify_key))
    return Head(length, digest.hex(), witness, signature.hex())


def hand_over_head(folder: Path | str, name: str, head: Head) -> Path:
    """Put a head into ``folder`` as that of ``name``, in the place of an earlier one; returns the file."""
    file = private_folder(folder) / f"{name}.head.json"
    write_private(file, (json.dumps(head.to_document(), indent=2) + "\n").encode())
    return file


def read_heads(files: Sequence[Path | str]) -> list[Head]:
    """Heads that were handed over. Raises NotThere, UnreadableTrail."""
    return [_read_head(Path(file)) for file in files]


def witnesses(known: Contacts, apart: Contacts) -> dict[str, Contact]:
    """Every known verify key by its holder's name: contacts of that kind, and those that are kept apart."""
    contacts = known.all() if known.kind == VERIFY_KEY else {}
    return {**apart.all(), **contacts}


def with_own(name: str, own: bytes, others: Mapping[str, Contact]) -> dict[str, bytes]:
    """The own verify key as that of ``name``, and those of ``others``: nobody whose name that is takes its place."""
    keys = {other: contact.key for other, contact in others.items() if contact.key != own}
    if name in keys:
        keys[f"{name} (another)"] = keys.pop(name)
    return {name: own, **keys}


def _read_head(file: Path) -> Head:
    try:
        with open(file, "rb") as opened:
            document: Any = json.loads(opened.read(_LARGEST_HEAD))
    except OSError as error:
        raise NotThere(f"The handed-over head {file} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        raise UnreadableTrail(f"{file.name} is no handed-over head. Ask for it again, in person.") from None
    return Head.from_document(document)


def _length(head: Head) -> int:
    return head.length
