"""Way 1: the key that encrypts a key pair is shared, by Shamir's scheme ("How to share a secret", CACM 1979).

The key pair of any scheme is encrypted under a key made from 16 random bytes (HKDF with SHA-256, AES-256-GCM), and
these bytes are split (pycryptodome). Fewer shares than the threshold say nothing about them, whatever the computer. The
encrypted key pair is part of the public QuorumKey: who has it must break AES.

What is trusted: the dealer, who had the key pair and must forget it; and whoever combines, once. A partial decryption
is the share itself, and combining opens the whole key pair for a moment: who keeps it then decrypts alone, for ever.
What a partial decryption says that it is for is a word of honour here: the share in it opens every ciphertext.

A wrong share is found by a digest of each share in the QuorumKey. The digests are of random 128 bits, so that a share
cannot be guessed from them; with them secrecy is that of SHA-256, no longer unconditional.
"""

import hashlib
import secrets
from collections.abc import Iterable
from typing import Any

from Crypto.Protocol.SecretSharing import Shamir
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from he_helpers.schemes.errors import DamagedBytes, WrongKind
from he_helpers.schemes.public.interface import Ciphertext, PublicKey
from he_helpers.schemes.secret.interface import KeyPair
from he_helpers.schemes.secret.key_generation import secret_key_from_bytes
from he_helpers.schemes.secret.quorum.interface import (
    Combined,
    KeyShare,
    PartialDecryption,
    QuorumKey,
    checked_custodians,
    wrong_partials,
)
from he_helpers.schemes.secret.quorum.records import (
    KeyShareRecord,
    QuorumKeyRecord,
    ShamirShareRecord,
    SharedSecretKeyRecord,
)

_KEY_BYTES = 16  # what pycryptodome splits
# The key that is derived is used once, so that its nonce need not be random.
_NONCE = bytes(12)


def shared_secret_key(
    pair: KeyPair, custodians: Iterable[str], threshold: int
) -> tuple["SharedSecretKey", dict[str, "ShamirShare"]]:
    """The QuorumKey and the shares, by the custodians' names, of a key pair of any scheme. Drop the pair afterwards.

    Raises InvalidQuorum, WrongKind (half of a pair).
    """
    if not isinstance(pair, KeyPair):
        raise WrongKind(f"A whole KeyPair is shared, not {type(pair).__name__}: what generate_keys() returned.")
    names = checked_custodians(custodians, threshold)
    secret, salt = secrets.token_bytes(_KEY_BYTES), secrets.token_bytes(32)
    shares = [share for _, share in Shamir.split(threshold, len(names), secret)]
    record = SharedSecretKeyRecord(
        salt=salt,
        sealed=_cipher(secret, salt).encrypt(_NONCE, pair.secret.to_bytes(), None),
        digests=tuple(_digest(salt, place, share) for place, share in enumerate(shares)),
    )
    key = SharedSecretKey(pair.public, names, threshold, pair.secret._insecure_for_teaching, record)
    return key, {name: ShamirShare(key, name, share) for name, share in zip(names, shares, strict=True)}


class SharedSecretKey(QuorumKey):
    """A key pair that is encrypted under a shared key. See the module."""

    combining_holds_the_key = True

    def __init__(
        self,
        public: PublicKey,
        custodians: Iterable[str],
        threshold: int,
        insecure: bool,
        record: SharedSecretKeyRecord,
    ) -> None:
        super().__init__(public, custodians, threshold, insecure)
        if len(record.digests) != len(self.custodians):
            raise DamagedBytes(f"{len(record.digests)} digests of shares, for {len(self.custodians)} custodians.")
        self._record = record

    def is_share(self, custodian: str, share: bytes) -> bool:
        """Whether this is the share that the dealer gave to the custodian."""
        place = self.custodians.index(custodian)
        return secrets.compare_digest(_digest(self._record.salt, place, share), self._record.digests[place])

    def _combined(
        self, ciphertext: Ciphertext, partials: dict[str, PartialDecryption], suspects: tuple[str, ...]
    ) -> Combined:
        right = {
            name: partial.part.share
            for name, partial in partials.items()
            if isinstance(partial.part, ShamirShareRecord) and self.is_share(name, partial.part.share)
        }
        left_out = (*suspects, *(name for name in partials if name not in right))
        if len(right) < self.threshold:
            raise wrong_partials(left_out, self.threshold, len(right))
        # Exactly as many as are needed, as pycryptodome asks.
        used = list(right.items())[: self.threshold]
        pair = self._opened([(self.custodians.index(name) + 1, share) for name, share in used])
        return Combined(pair.secret.decrypt(ciphertext), left_out)

    def _opened(self, shares: list[tuple[int, bytes]]) -> KeyPair:
        try:
            stored = _cipher(Shamir.combine(shares), self._record.salt).decrypt(_NONCE, self._record.sealed, None)
        except InvalidTag:
            raise DamagedBytes(
                "These shares are right, and do not open the key pair: the dealer encrypted it under something else."
            ) from None
        pair = secret_key_from_bytes(stored)
        if pair.public.fingerprint != self.public.fingerprint:
            raise DamagedBytes(
                "The key pair in this QuorumKey is not that of its public key: the dealer mixed them up."
            )
        return pair

    def _way(self) -> SharedSecretKeyRecord:
        return self._record

    @classmethod
    def _from_record(cls, record: QuorumKeyRecord, public: PublicKey, insecure: bool) -> "SharedSecretKey":
        if not isinstance(record.way, SharedSecretKeyRecord):
            raise DamagedBytes("This is the record of another way.")
        return cls(public, record.custodians, record.threshold, insecure, record.way)


class ShamirShare(KeyShare):
    """A share of the key that encrypts the key pair."""

    key: SharedSecretKey

    def __init__(self, key: SharedSecretKey, custodian: str, share: bytes) -> None:
        super().__init__(key, custodian)
        if not key.is_share(custodian, share):
            raise DamagedBytes(f"This is not the share that the dealer gave to {custodian}.")
        self._secret = share

    def _share(self) -> ShamirShareRecord:
        return ShamirShareRecord(share=self._secret)

    @classmethod
    def _from_record(cls, record: KeyShareRecord, key: QuorumKey) -> "ShamirShare":
        if not isinstance(key, SharedSecretKey) or not isinstance(record.share, ShamirShareRecord):
            raise DamagedBytes("This share is of another way than its key.")
        return cls(key, record.custodian, record.share.share)

    def _part(self, ciphertext: Ciphertext, binding: bytes) -> Any:
        return self._share()


def _cipher(secret: bytes, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt, b"he_helpers shared key pair").derive(secret))


def _digest(salt: bytes, place: int, share: bytes) -> bytes:
    return hashlib.sha256(b"he_helpers share" + salt + bytes([place]) + share).digest()
