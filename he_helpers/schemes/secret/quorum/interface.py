"""What every way of sharing a key offers: a public key, a share for each custodian, partial decryptions."""

import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from he_helpers.schemes.catalogue import load
from he_helpers.schemes.errors import KeyMismatch, WrongKind
from he_helpers.schemes.public.interface import Ciphertext, PublicKey
from he_helpers.schemes.public.loading import load_public_key
from he_helpers.schemes.records import open_message, seal_message
from he_helpers.schemes.secret.quorum.errors import InvalidQuorum, TooFewPartials, WrongPartial
from he_helpers.schemes.secret.quorum.records import (
    JointKeyRecord,
    JointShareRecord,
    KeyShareRecord,
    PaillierKeyRecord,
    PaillierShareRecord,
    PartialDecryptionRecord,
    QuorumKeyRecord,
    ShamirShareRecord,
    SharedSecretKeyRecord,
)
from he_helpers.text import is_printable_line

_LARGEST_CONTEXT = 1024
# Some ways take the factorial of their number, and a handed-over key may name any number of them.
_MOST_CUSTODIANS = 100
_PACKAGE = "he_helpers.schemes.secret.quorum"
# The classes of each way, by its records; each is loaded when a key or a share of its way is read.
_KEYS: dict[type, str] = {
    SharedSecretKeyRecord: f"{_PACKAGE}.shared_secret:SharedSecretKey",
    JointKeyRecord: f"{_PACKAGE}.joint.key:JointKey",
    PaillierKeyRecord: f"{_PACKAGE}.threshold_paillier.key:ThresholdPaillierKey",
}
_SHARES: dict[type, str] = {
    ShamirShareRecord: f"{_PACKAGE}.shared_secret:ShamirShare",
    JointShareRecord: f"{_PACKAGE}.joint.key:JointShare",
    PaillierShareRecord: f"{_PACKAGE}.threshold_paillier.key:PaillierShare",
}


def ciphertext_digest(ciphertext: Ciphertext) -> bytes:
    """SHA-256 of the bytes of a ciphertext: what a partial decryption says that it is of."""
    return hashlib.sha256(ciphertext.to_bytes()).digest()


@dataclass(frozen=True)
class PartialDecryption:
    """What one custodian adds to the decryption of one ciphertext, for the one who combines and nobody else.

    ``custodian`` made it; ``fingerprint`` is that of the QuorumKey, ``ciphertext_digest`` that of the ciphertext, and
    ``context`` (at most 1024 bytes) says what it is for, as the request and the digest of its aggregate. It carries no
    signature: who sends it signs it.
    """

    custodian: str
    fingerprint: str
    ciphertext_digest: bytes
    context: bytes
    part: Any = field(repr=False)

    def to_bytes(self) -> bytes:
        """In its envelope, in the clear. Seal it to the one who combines."""
        record = PartialDecryptionRecord(
            custodian=self.custodian,
            key_fingerprint=bytes.fromhex(self.fingerprint),
            ciphertext_digest=self.ciphertext_digest,
            context=self.context,
            part=self.part,
        )
        return seal_message(record)

    @classmethod
    def from_bytes(cls, data: bytes) -> "PartialDecryption":
        """The inverse of to_bytes. Raises DamagedBytes."""
        record = open_message(data, PartialDecryptionRecord)
        return cls(
            record.custodian, record.key_fingerprint.hex(), record.ciphertext_digest, record.context, record.part
        )


def partial_binding(partial: PartialDecryption) -> bytes:
    """SHA-256 of all that a partial decryption says that it is, without its part."""
    hashed = hashlib.sha256(b"he_helpers partial decryption")
    for field_bytes in (
        partial.custodian.encode(),
        bytes.fromhex(partial.fingerprint),
        partial.ciphertext_digest,
        partial.context,
    ):
        hashed.update(len(field_bytes).to_bytes(8, "big") + field_bytes)
    return hashed.digest()


@dataclass(frozen=True, eq=False)
class Combined:
    """What a quorum decrypted.

    ``values`` are the numbers in the ciphertext, as SecretKey.decrypt gives them. ``left_out`` are the custodians whose
    partial decryption was wrong; under a joint key also who is contradicted by one that is, where nobody can say whose
    is right, and the result is the same. ``noise_budget`` is what is left of it under the joint key, in bits; None
    elsewhere.
    """

    values: np.ndarray
    left_out: tuple[str, ...] = ()
    noise_budget: float | None = None


class QuorumKey(ABC):
    """The public side of a key in shares: it names the custodians, and combines their partial decryptions.

    ``public`` is an ordinary public key, which encrypts, evaluates and is given to a server. ``custodians`` are their
    names in a fixed order, ``threshold`` is how many of them are needed. ``fingerprint`` (32 hexadecimal characters) is
    of all of this: the same public key shared anew has another one. ``combining_holds_the_key`` says whether the one
    who combines has the secret key while combining.
    """

    combining_holds_the_key: ClassVar[bool] = False

    def __init__(self, public: PublicKey, custodians: Iterable[str], threshold: int, insecure: bool) -> None:
        self.public = public
        self.custodians = checked_custodians(custodians, threshold)
        self.threshold = threshold
        self.insecure_for_teaching = insecure

    @cached_property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.to_bytes()).hexdigest()[:32]

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.public.scheme_name}, {self.threshold} of {len(self.custodians)} custodians, "
            f"fingerprint {self.fingerprint[:8]})"
        )

    def combine(
        self, ciphertext: Ciphertext, partials: Mapping[str, PartialDecryption], *, context: bytes | None = None
    ) -> Combined:
        """Decrypt ``ciphertext`` with the partial decryptions of at least ``threshold`` custodians, given by name.

        context: what they must be for; None: they must agree on it. A partial decryption that is of another custodian,
        key, ciphertext or context than it should be, or that does not verify, is left out where the others suffice.

        Raises KeyMismatch (a ciphertext under another key), TooFewPartials, WrongPartial (fewer than ``threshold`` are
        right, with the names of the others), and what SecretKey.decrypt raises of a ciphertext that was altered.
        """
        require_key(ciphertext, self.public)
        if len(partials) < self.threshold:
            raise TooFewPartials(
                f"{len(partials)} partial decryptions are here, and this key needs {self.threshold} of "
                f"{len(self.custodians)}. Wait for more custodians."
            )
        bound = self._bound(ciphertext, partials, context)
        suspects = tuple(name for name in partials if name not in bound)
        if len(bound) < self.threshold:
            raise wrong_partials(suspects, self.threshold, len(bound))
        return self._combined(ciphertext, bound, suspects)

    def _bound(
        self, ciphertext: Ciphertext, partials: Mapping[str, PartialDecryption], context: bytes | None
    ) -> dict[str, PartialDecryption]:
        """Those that say that they are what they should be."""
        for name, partial in partials.items():
            if not isinstance(partial, PartialDecryption):
                raise WrongKind(f"A PartialDecryption of {name} was expected, not {type(partial).__name__}.")
        digest = ciphertext_digest(ciphertext)
        bound = {
            name: partial
            for name, partial in partials.items()
            if name in self.custodians
            and (partial.custodian, partial.fingerprint, partial.ciphertext_digest) == (name, self.fingerprint, digest)
        }
        if context is None and bound:
            context = Counter(partial.context for partial in bound.values()).most_common(1)[0][0]
        return {name: partial for name, partial in bound.items() if partial.context == context}

    def to_bytes(self) -> bytes:
        """The key in its envelope. It holds nothing secret in the clear."""
        record = QuorumKeyRecord(
            custodians=self.custodians, threshold=self.threshold, public=self.public.to_bytes(), way=self._way()
        )
        return seal_message(record)

    @classmethod
    def from_bytes(cls, data: bytes, insecure_for_teaching: bool = False) -> "QuorumKey":
        """Read a key of any way. Raises DamagedBytes, and what load_public_key raises."""
        record = open_message(data, QuorumKeyRecord)
        public = load_public_key(record.public, insecure_for_teaching)
        way = load(_KEYS[type(record.way)])
        return way._from_record(record, public, insecure_for_teaching)

    @abstractmethod
    def _way(self) -> Any:
        """The record of what this way adds to the public key."""

    @classmethod
    @abstractmethod
    def _from_record(cls, record: QuorumKeyRecord, public: PublicKey, insecure: bool) -> "QuorumKey":
        """Raises DamagedBytes where the record does not fit the public key."""

    @abstractmethod
    def _combined(
        self, ciphertext: Ciphertext, partials: dict[str, PartialDecryption], suspects: tuple[str, ...]
    ) -> Combined:
        """Combine partials that are bound as they should be, at least ``threshold``. suspects: those that are not."""


class KeyShare(ABC):
    """The secret of one custodian. Its bytes belong into a keyring and nowhere else.

    ``key`` is the QuorumKey, ``custodian`` the name of its holder, ``fingerprint`` that of the key.
    """

    def __init__(self, key: QuorumKey, custodian: str) -> None:
        if custodian not in key.custodians:
            raise KeyMismatch(f"{custodian!r} is no custodian of this key. They are: {', '.join(key.custodians)}.")
        self.key = key
        self.custodian = custodian
        self.fingerprint = key.fingerprint

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.custodian!r}, fingerprint {self.fingerprint[:8]})"

    def __reduce__(self) -> Any:
        raise TypeError("A key share is not pickled. Keep it in a keyring.")

    def partial_decryption(self, ciphertext: Ciphertext, context: bytes) -> PartialDecryption:
        """This custodian's part of the decryption, for ``context`` (bytes, at most 1024).

        Make one only of a ciphertext that you have computed yourself, or seen computed: whoever may choose the
        ciphertext learns what they like. Raises KeyMismatch (a ciphertext under another key), WrongKind.
        """
        require_key(ciphertext, self.key.public)
        if not isinstance(context, bytes) or len(context) > _LARGEST_CONTEXT:
            raise WrongKind(f"The context of a partial decryption is bytes, at most {_LARGEST_CONTEXT} of them.")
        unfinished = PartialDecryption(self.custodian, self.fingerprint, ciphertext_digest(ciphertext), context, None)
        return replace(unfinished, part=self._part(ciphertext, partial_binding(unfinished)))

    def to_bytes(self) -> bytes:
        """The share with its QuorumKey, in the clear: for a keyring, which encrypts it."""
        record = KeyShareRecord(
            key=self.key.to_bytes(),
            custodian=self.custodian,
            insecure_for_teaching=self.key.insecure_for_teaching,
            share=self._share(),
        )
        return seal_message(record)

    @classmethod
    def from_bytes(cls, data: bytes) -> "KeyShare":
        """Read a share of any way. Raises DamagedBytes, and what QuorumKey.from_bytes raises."""
        record = open_message(data, KeyShareRecord)
        key = QuorumKey.from_bytes(record.key, record.insecure_for_teaching)
        way = load(_SHARES[type(record.share)])
        return way._from_record(record, key)

    @abstractmethod
    def _share(self) -> Any:
        """The record of the secret."""

    @classmethod
    @abstractmethod
    def _from_record(cls, record: KeyShareRecord, key: QuorumKey) -> "KeyShare":
        """Raises DamagedBytes where the share does not fit the key."""

    @abstractmethod
    def _part(self, ciphertext: Ciphertext, binding: bytes) -> Any:
        """The record of what goes into a partial decryption. binding: partial_binding() of it."""


def checked_custodians(custodians: Iterable[str], threshold: int) -> tuple[str, ...]:
    """The names as a tuple. Raises InvalidQuorum."""
    names = tuple(custodians)
    if len(names) > _MOST_CUSTODIANS:
        raise InvalidQuorum(f"A key is shared among at most {_MOST_CUSTODIANS} custodians, not among {len(names):,}.")
    if not all(map(_is_name, names)) or len(set(names)) < len(names):
        raise InvalidQuorum(
            f"Custodians have different names of 1 to 100 printable characters; these are {names!a:.200}."
        )
    if not isinstance(threshold, int) or not 2 <= threshold <= len(names):
        raise InvalidQuorum(
            f"Of {len(names)} custodians 2 or more, and no more than there are, must be needed, not {threshold!r}: if "
            "one were enough, each would hold the whole key."
        )
    return names


def _is_name(name: Any) -> bool:
    """Errors and progress show it: a name that is no printable line could pass for something else."""
    return isinstance(name, str) and 1 <= len(name) <= 100 and is_printable_line(name)


def require_key(ciphertext: Ciphertext, public: PublicKey) -> None:
    """Raise KeyMismatch unless the ciphertext is under this key; WrongKind if it is none."""
    if not isinstance(ciphertext, Ciphertext):
        raise WrongKind(f"A Ciphertext can be decrypted, not {type(ciphertext).__name__}.")
    if (ciphertext.key.fingerprint, ciphertext.key.scheme_name) != (public.fingerprint, public.scheme_name):
        raise KeyMismatch(
            f"This ciphertext was encrypted under key {ciphertext.key.fingerprint[:8]} "
            f"({ciphertext.key.scheme_name}); the custodians share {public.fingerprint[:8]} ({public.scheme_name})."
        )


def wrong_partials(names: Iterable[str], threshold: int, right: int) -> WrongPartial:
    """The error for partial decryptions without which too few are left."""
    names = tuple(names)
    return WrongPartial(
        f"The partial decryptions of {', '.join(names)} are not of this key, ciphertext and context, or were altered; "
        f"without them {right} are left, and {threshold} are needed. Ask these custodians again.",
        names,
    )
