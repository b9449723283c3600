"""What the envelopes of keys in shares, of shares and of partial decryptions hold, whatever the way."""

from typing import Annotated, ClassVar

import msgspec

from he_helpers.schemes.records import Fingerprint, Message, Record

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Digest = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Context = Annotated[bytes, msgspec.Meta(max_length=1024)]
Secret16 = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]


class SharedSecretKeyRecord(Record, frozen=True, tag="shared secret"):
    """``sealed`` is the key pair, encrypted under the shared key; ``digests`` are of the shares, one a custodian."""

    salt: Digest
    sealed: bytes
    digests: tuple[Digest, ...]


class ShamirShareRecord(Record, frozen=True, tag="shared secret"):
    """A share of the key that opens the key pair: secret as what a custodian keeps and as what is sent."""

    share: Secret16

    def __repr__(self) -> str:
        return "ShamirShareRecord()"


class JointKeyRecord(Record, frozen=True, tag="joint bfv"):
    """``seed`` is that of the common polynomial; ``seed_digests`` are of the shares, one a set; ``terms`` and
    ``statistical_bits`` are what the smudging is sized for."""

    seed: Digest
    seed_digests: tuple[Digest, ...]
    terms: Annotated[int, msgspec.Meta(ge=1, le=2**40)]
    statistical_bits: Annotated[int, msgspec.Meta(ge=1, le=256)]


class JointShareRecord(Record, frozen=True, tag="joint bfv"):
    """The seeds of the sets that a custodian belongs to, in the order of the sets."""

    seeds: tuple[Digest, ...]

    def __repr__(self) -> str:
        return "JointShareRecord()"


class JointPartRecord(Record, frozen=True, tag="joint bfv"):
    """A polynomial for each of the custodian's sets, in the order of the sets."""

    polynomials: tuple[bytes, ...]

    def __repr__(self) -> str:
        return "JointPartRecord()"


class PaillierKeyRecord(Record, frozen=True, tag="threshold paillier"):
    """Numbers modulo n squared: a base, and one value a custodian, by which partial decryptions are verified."""

    base: bytes
    values: tuple[bytes, ...]


class PaillierShareRecord(Record, frozen=True, tag="threshold paillier"):
    share: bytes

    def __repr__(self) -> str:
        return "PaillierShareRecord()"


class PaillierPartRecord(Record, frozen=True, tag="threshold paillier"):
    """``power`` is the partial decryption, a number modulo n squared; the others are its proof."""

    power: bytes
    challenge: Annotated[bytes, msgspec.Meta(max_length=32)]
    answer: bytes

    def __repr__(self) -> str:
        return "PaillierPartRecord()"


class QuorumKeyRecord(Message, frozen=True):
    """``public`` is what PublicKey.to_bytes() returned; ``way`` is how the key is shared."""

    kind: ClassVar[str] = "quorum key"

    custodians: tuple[Name, ...]
    threshold: int
    public: bytes
    way: SharedSecretKeyRecord | JointKeyRecord | PaillierKeyRecord


class KeyShareRecord(Message, frozen=True):
    """``key`` is what QuorumKey.to_bytes() returned, ``share`` is secret."""

    kind: ClassVar[str] = "key share"

    key: bytes
    custodian: Name
    insecure_for_teaching: bool
    share: ShamirShareRecord | JointShareRecord | PaillierShareRecord

    def __repr__(self) -> str:
        # A record shows its fields, and these are secret.
        return f"KeyShareRecord({self.custodian!r})"


class PartialDecryptionRecord(Message, frozen=True):
    """``ciphertext_digest`` is SHA-256 of Ciphertext.to_bytes()."""

    kind: ClassVar[str] = "partial decryption"

    custodian: Name
    key_fingerprint: Fingerprint
    ciphertext_digest: Digest
    context: Context
    part: ShamirShareRecord | JointPartRecord | PaillierPartRecord

    def __repr__(self) -> str:
        return f"PartialDecryptionRecord({self.custodian!r})"
