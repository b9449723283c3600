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


class QuorumKeyRecord(Message, frozen=True):
    """``public`` is what PublicKey.to_bytes() returned; ``way`` is how the key is shared."""

    kind: ClassVar[str] = "quorum key"

    custodians: tuple[Name, ...]
    threshold: int
    public: bytes
    way: SharedSecretKeyRecord


class KeyShareRecord(Message, frozen=True):
    """``key`` is what QuorumKey.to_bytes() returned, ``share`` is secret."""

    kind: ClassVar[str] = "key share"

    key: bytes
    custodian: Name
    insecure_for_teaching: bool
    share: ShamirShareRecord

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
    part: ShamirShareRecord

    def __repr__(self) -> str:
        return f"PartialDecryptionRecord({self.custodian!r})"
