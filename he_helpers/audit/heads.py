"""Heads: how long a trail is and its digest, signed by somebody who saw it and followed it to there.

The server signs nothing: it holds no secret key of any kind. Those who have seen a trail, its *witnesses*, sign what
they saw and keep it. So two signed heads of one length with different digests show that two people were told two
stories, or that one of the two witnesses lies. Which of these, the heads do not say: a signature by the server would
(RFC 9162 has one), and a server that holds a key can lose it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from he_helpers.audit.chain import Finding, UnreadableTrail

_DOMAIN = b"he_helpers audit head 1\x00"  # a signature made for anything else is none of a head
_MOST_EVENTS = 2**63


def key_fingerprint(kind: str, key: bytes) -> str:
    """32 hexadecimal characters: the first 128 bits of SHA-256 over the kind of a handed-over key and the key."""
    return hashlib.sha256(f"he_helpers {kind} ".encode() + key).hexdigest()[:32]


def statement(length: int, digest: str) -> bytes:
    """The bytes that a witness of ``length`` events signs; ``digest`` in hexadecimal."""
    return _DOMAIN + json.dumps({"digest": digest, "length": length}, sort_keys=True).encode()


@dataclass(frozen=True)
class Head:
    """A trail of ``length`` events with ``digest``, signed with the Ed25519 key whose fingerprint is ``witness``.

    digest, witness and signature are in hexadecimal: 64, 32 and 128 characters.
    """

    length: int
    digest: str
    witness: str
    signature: str

    def is_signed_by(self, verify_key: bytes) -> bool:
        """Whether the holder of ``verify_key`` (32 bytes, Ed25519) made this head."""
        try:
            VerifyKey(verify_key).verify(statement(self.length, self.digest), bytes.fromhex(self.signature))
        except (BadSignatureError, ValueError, TypeError):
            return False
        return True

    def to_document(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Any) -> "Head":
        """The inverse of to_document; further members are passed over. Raises UnreadableTrail."""
        try:
            head = cls(*(document[name] for name in ("length", "digest", "witness", "signature")))
            sizes = [len(bytes.fromhex(text)) for text in (head.digest, head.witness, head.signature)]
            if type(head.length) is not int or not 0 < head.length < _MOST_EVENTS or sizes != [32, 16, 64]:
                raise ValueError
        except (KeyError, TypeError, ValueError):
            raise UnreadableTrail(
                "A head of the audit trail is none: expected are length, digest, witness and signature. Use the same "
                "version of he_helpers on both sides."
            ) from None
        return head


@dataclass(frozen=True)
class CheckedHeads:
    """What heads say about a trail: the ``findings``, the ``names`` of those whose heads it continues, with the length
    of the longest, and how many heads are of ``strangers``, of whom no key is known."""

    findings: tuple[Finding, ...]
    names: Mapping[str, int]
    strangers: int


def check_heads(
    heads: Iterable[Head], trail: Sequence[bytes], keys: Mapping[str, bytes], located: Iterable[int] = ()
) -> CheckedHeads:
    """Whether a trail with the digests ``trail`` (after 0, 1, 2, ... events) continues each of the ``heads``.

    keys: the verify keys of known witnesses, by their names. located: events that are known to be wrong already: a
    head behind one of these is no finding of its own.
    """
    names_of = {key_fingerprint("verify key", key): name for name, key in keys.items()}
    events, first_located = len(trail) - 1, min(located, default=_MOST_EVENTS)
    strangers, findings = 0, []
    longest: dict[str, int] = {}
    fitting = {0}
    wrong: list[tuple[str, Head]] = []
    for head in heads:
        name = names_of.get(head.witness)
        if name is None:
            strangers += 1
        elif not head.is_signed_by(keys[name]):
            findings.append(Finding(head.length, f"a head in the name of {name} is not signed by {name}"))
        elif head.length <= events and trail[head.length].hex() == head.digest:
            longest[name] = max(head.length, longest.get(name, 0))
            fitting.add(head.length)
        elif head.length < first_located:
            wrong.append((name, head))
    for name, head in wrong:
        if head.length > events:
            what = f"cut off: {name} signed a trail of {head.length} events, and {events} are shown"
            findings.append(Finding(events + 1, what, head.length))
        else:
            fits = max(length for length in fitting if length < head.length)
            what = f"two stories: {name} signed another trail of {head.length} events than is shown"
            findings.append(Finding(fits + 1, what, head.length))
    return CheckedHeads(tuple(sorted(findings, key=_place)), longest, strangers)


def _place(finding: Finding) -> tuple[int, str]:
    return finding.event, finding.what
