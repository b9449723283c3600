"""What a custodian leaves for the analyst: the partial decryptions of one aggregate, signed and sealed.

It says of which request, dataset and query it is, to whom it goes, and of which aggregate (by its SHA-256). The server
can hold it back, and nothing else: the partial decryptions of one request are worth nothing for another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgpack
from nacl.public import PrivateKey
from nacl.signing import SigningKey

from he_helpers.roles.errors import WrongRelease
from he_helpers.roles.keys.contacts import ENCRYPTION_KEY, Contact
from he_helpers.roles.keys.sealed import open_signed, sign_and_seal
from he_helpers.schemes.secret.quorum import KeyShare, PartialDecryption
from he_helpers.tables import EncryptedAggregate

_VERSION = 1
_DOMAIN = b"he_helpers partial decryptions 1\x00"
_MEMBERS = {"version", "custodian", "request", "dataset", "query", "recipient", "aggregate_sha256", "parts"}


@dataclass(frozen=True)
class Subject:
    """What partial decryptions are of: ``request`` (uuid), ``dataset``, ``query`` (Query.to_dict()), ``recipient``
    (the fingerprint of a key), ``aggregate_sha256`` (of the aggregate's bytes, in hexadecimal)."""

    request: str
    dataset: str
    query: Mapping[str, Any]
    recipient: str
    aggregate_sha256: str

    @classmethod
    def of(cls, aggregate: EncryptedAggregate, request: str, dataset: str, recipient: Contact) -> Subject:
        digest = hashlib.sha256(aggregate.to_bytes()).hexdigest()
        return cls(request, dataset, aggregate.query.to_dict(), recipient.fingerprint, digest)

    def context(self) -> bytes:
        """What each partial decryption is bound to: request and aggregate."""
        return _DOMAIN + self.request.encode() + b" " + self.aggregate_sha256.encode()


def make_partials(share: KeyShare, aggregate: EncryptedAggregate, subject: Subject) -> list[PartialDecryption]:
    """A partial decryption of each ciphertext of an aggregate that this process has re-computed."""
    return [share.partial_decryption(ciphertext, subject.context()) for ciphertext in aggregate.ciphertexts]


def seal_partials(
    custodian: str, parts: list[PartialDecryption], subject: Subject, signing_key: SigningKey, recipient: Contact
) -> bytes:
    """Sign the ``parts`` and seal them to the recipient: all that the server gets to see.

    Raises WrongRelease when the subject names another recipient.
    """
    if recipient.kind != ENCRYPTION_KEY or subject.recipient != recipient.fingerprint:
        raise WrongRelease("They were made for another recipient than the key that they are to be sealed to.")
    content = msgpack.packb(
        {
            "version": _VERSION,
            "custodian": custodian,
            "request": subject.request,
            "dataset": subject.dataset,
            "query": dict(subject.query),
            "recipient": subject.recipient,
            "aggregate_sha256": subject.aggregate_sha256,
            "parts": [part.to_bytes() for part in parts],
        }
    )
    return sign_and_seal(_DOMAIN, content, signing_key, recipient)


def open_partials(
    sealed: bytes, private_key: PrivateKey, custodian: str, signer: Contact, subject: Subject
) -> list[PartialDecryption]:
    """The partial decryptions that ``custodian``, whose verify key is ``signer``, made of this ``subject``.

    Raises NotForThisKey, ForgedRelease, WrongRelease, DamagedBytes.
    """
    content = open_signed(_DOMAIN, sealed, private_key, signer, "partial decryption", "custodian")
    try:
        members = msgpack.unpackb(content)
        if set(members) != _MEMBERS or members["version"] != _VERSION:
            raise ValueError
        parts = members["parts"]
        # Not made bytes here: bytes(2**40) are as many zeros.
        if not isinstance(parts, list) or not all(isinstance(part, bytes) for part in parts):
            raise ValueError
    except (ValueError, TypeError, KeyError, msgpack.UnpackException, RecursionError):
        raise WrongRelease(
            "The signed content holds no partial decryptions of this version. Use the same version of he_helpers."
        ) from None
    expected = {
        "custodian": custodian,
        "request": subject.request,
        "dataset": subject.dataset,
        "query": dict(subject.query),
        "recipient": subject.recipient,
        "aggregate_sha256": subject.aggregate_sha256,
    }
    wrong = [name for name, value in expected.items() if members[name] != value]
    if wrong:
        raise WrongRelease(f"{custodian} signed it, but for something else: {', '.join(wrong)} not as expected.")
    return [PartialDecryption.from_bytes(part) for part in parts]
