"""The audit trail as a hash chain: each event's leaf, the digest over all events up to it, and where a trail breaks.

    leaf   = SHA-256(domain, nonce, event)           nonce: 32 random bytes, new for each event
    digest = SHA-256(domain, digest before, leaf)    the first one before is 32 zero bytes

Who may read an event gets its nonce and content, and computes its leaf; for everybody else the leaf is all that is
shown. Without the nonce the few things that an event can say could be tried out until a leaf fits. A digest says what
all events before it are, as long as nobody finds two inputs with one SHA-256 (collision resistance; classical: 128
bits). How many events there are, everybody who reads the chain learns.
"""

import hashlib
import json
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from he_helpers.errors import HEError

START = bytes(32)
NONCE_BYTES = 32
_HASH_BYTES = 32
_LEAF = b"he_helpers audit leaf 1\x00"
_DIGEST = b"he_helpers audit chain 1\x00"
# So many missing numbers are named one by one: entries with a gap before each would make a hundred findings of one.
_MOST_NAMED = 100


class UnreadableTrail(HEError, ValueError):
    """Entries or heads of a trail that are not what they have to be."""


@dataclass(frozen=True)
class Finding:
    """What is wrong with the event of number ``event``; with ``last``, with one or more from there to ``last``."""

    event: int
    what: str
    last: int | None = None

    def __str__(self) -> str:
        numbers = f"event {self.event}" if self.last in (None, self.event) else f"events {self.event} to {self.last}"
        return f"{numbers}: {self.what}"


@dataclass(frozen=True)
class Entry:
    """An event of a trail: its ``number`` from 1, ``leaf`` and ``digest`` (32 bytes each).

    ``nonce`` and ``event`` (its members, as they were hashed) for whoever may read it, else None.
    """

    number: int
    leaf: bytes
    digest: bytes
    nonce: bytes | None = None
    event: Mapping[str, Any] | None = None

    def to_document(self) -> dict[str, Any]:
        """As JSON has it, with bytes in hexadecimal; nonce and event only where they are known."""
        document: dict[str, Any] = {"sequence": self.number, "leaf": self.leaf.hex(), "digest": self.digest.hex()}
        if self.event is None or self.nonce is None:
            return document
        return {**document, "nonce": self.nonce.hex(), "event": dict(self.event)}

    @classmethod
    def from_document(cls, document: Any) -> "Entry":
        """The inverse of to_document. Raises UnreadableTrail."""
        try:
            event, nonce = document.get("event"), document.get("nonce")
            entry = cls(
                document["sequence"],
                bytes.fromhex(document["leaf"]),
                bytes.fromhex(document["digest"]),
                None if nonce is None else bytes.fromhex(nonce),
                event,
            )
            if type(entry.number) is not int or not 0 < entry.number < 2**63:
                raise ValueError
            if len(entry.leaf) != _HASH_BYTES or len(entry.digest) != _HASH_BYTES or (event is None) != (nonce is None):
                raise ValueError
            if event is not None and not all(map(_is_plain, event.values())):
                raise ValueError
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            raise UnreadableTrail(
                "An entry of the audit trail is none: expected are sequence, leaf and digest, and nonce and event for "
                "whoever may read it. Use the same version of he_helpers on both sides."
            ) from None
        return entry


def canonical(event: Mapping[str, Any]) -> bytes:
    """An event as the bytes that are hashed: JSON in ASCII, its members sorted, without spaces."""
    return json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def leaf_of(nonce: bytes, event: Mapping[str, Any]) -> bytes:
    """The leaf of an event: 32 bytes."""
    return hashlib.sha256(_LEAF + nonce + canonical(event)).digest()


def next_digest(before: bytes, leaf: bytes) -> bytes:
    """The digest after the event of ``leaf``, from the digest ``before`` it: 32 bytes."""
    return hashlib.sha256(_DIGEST + before + leaf).digest()


def digests(leaves: Iterable[bytes]) -> list[bytes]:
    """The digests after 0, 1, 2, ... events."""
    found = [START]
    for leaf in leaves:
        found.append(next_digest(found[-1], leaf))
    return found


def inspect_entries(
    entries: Sequence[Entry], kept: Sequence[bytes] = (), opened: AbstractSet[int] = frozenset()
) -> list[Finding]:
    """What is wrong with a trail, by the number of the event.

    kept: the leaves that the reader has seen before, in order: what has happened to these events since is located one
    by one. opened: the numbers of those whose content the reader could read.
    """
    found = {finding.event: finding for finding in _numbering(entries)}
    for entry in entries:
        if entry.event is not None and not _fits(entry):
            found.setdefault(entry.number, Finding(entry.number, "its content is not what its leaf was made of"))
    for finding in compare([entry.leaf for entry in entries], kept):
        found.setdefault(finding.event, finding)
    for entry in entries:
        if entry.number in opened and entry.event is None:
            found.setdefault(entry.number, Finding(entry.number, "you could read it before, and it is hidden now"))
    # A digest that is wrong only because of what was found before it is no finding of its own.
    first = min(found, default=len(entries) + 1)
    before = START
    for entry in entries:
        before = next_digest(before, entry.leaf)
        if entry.number >= first:
            break
        if entry.digest != before:
            found[entry.number] = Finding(entry.number, "its digest does not follow from the events up to it")
            break
    return [found[number] for number in sorted(found)]


def compare(leaves: Sequence[bytes], kept: Sequence[bytes]) -> list[Finding]:
    """What became of the events with the leaves ``kept`` in a trail with the leaves ``leaves``.

    Leaves differ from each other, because of their nonces: so an event that stands elsewhere is recognised.
    """
    known = {leaf: number for number, leaf in enumerate(kept, start=1)}
    places: dict[int, int] = {}
    for place, leaf in enumerate(leaves, start=1):
        if leaf in known:
            places.setdefault(known[leaf], place)
    in_order = _longest_rising([(place, number) for number, place in places.items()])
    findings = [
        Finding(number, f"stands now as event {place}") for number, place in places.items() if number not in in_order
    ]
    stops = [(0, 0), *((number, places[number]) for number in sorted(in_order))]
    ends = [*stops[1:], (len(kept) + 1, len(leaves) + 1)]
    taken = set(places.values())
    for (number, place), (next_number, next_place) in zip(stops, ends, strict=True):
        gone = [lost for lost in range(number + 1, next_number) if lost not in places]
        new = [put for put in range(place + 1, next_place) if put not in taken]
        findings += [Finding(lost, "is another one than you saw") for lost, _ in zip(gone, new, strict=False)]
        is_end = next_place > len(leaves)
        word = "is cut off: you saw it, and the trail ends before it" if is_end else "was removed: you saw it"
        findings += [Finding(lost, word) for lost in gone[len(new) :]]
        if next_number <= len(kept):
            findings += [Finding(put, "was put in among those that you saw") for put in new[len(gone) :]]
    return findings


def _is_plain(value: Any) -> bool:
    """Whether a member of an event is a text, a whole number, None, or a list of texts: nothing that is nested deeper
    than the one who reads it can follow."""
    if isinstance(value, list):
        return all(isinstance(one, str) for one in value)
    return value is None or type(value) in (str, int)


def _numbering(entries: Sequence[Entry]) -> Iterable[Finding]:
    expected, named = 1, 0
    for entry in entries:
        for missing in range(expected, min(entry.number, expected + _MOST_NAMED - named)):
            named += 1
            yield Finding(missing, "is missing: the server shows none of this number")
        if entry.number < expected:
            yield Finding(entry.number, "stands out of order")
        expected = max(expected, entry.number + 1)


def _fits(entry: Entry) -> bool:
    event = entry.event or {}
    return event.get("sequence") == entry.number and leaf_of(entry.nonce or b"", event) == entry.leaf


def _longest_rising(pairs: list[tuple[int, int]]) -> set[int]:
    """Of (place, number) pairs, the numbers of a longest part in which both rise."""
    ends: list[int] = []
    before: dict[int, int | None] = {}
    for _, rising in sorted(pairs):
        at = bisect_left(ends, rising)
        before[rising] = ends[at - 1] if at else None
        ends[at : at + 1] = [rising]
    chosen: set[int] = set()
    number: int | None = ends[-1] if ends else None
    while number is not None:
        chosen.add(number)
        number = before[number]
    return chosen
