"""The letters of the ceremony, one in each round from each custodian to each other one; what they are digests of."""

import hashlib
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import msgspec

from he_helpers.parameters import BFVParameters, parameters_to_dict
from he_helpers.schemes.records import Message, Record
from he_helpers.schemes.secret.quorum.records import Digest, Name

Place = Annotated[int, msgspec.Meta(ge=0)]


class SeedCommitment(Record, frozen=True, tag=1):
    """Round 1: the digest of the sender's part of the common seed; and secret, the seed of each set that the sender
    draws for and the recipient belongs to."""

    commitment: Digest
    seeds: dict[Place, Digest]

    def __repr__(self) -> str:
        return "SeedCommitment()"


class SeedPart(Record, frozen=True, tag=2):
    """Round 2: the sender's part of the common seed."""

    part: Digest


class ContributionCommitments(Record, frozen=True, tag=3):
    """Round 3: the common seed as the sender has it, and a digest of what each of the sender's sets will add to the
    public key."""

    common_seed: Digest
    commitments: dict[Place, Digest]


class OpenedContribution(Record, frozen=True, tag=4):
    """What a set adds to the public key (``sharing.Contribution``)."""

    b: bytes
    seed_digest: Digest


class OpenedContributions(Record, frozen=True, tag=5):
    """Round 4: for the sets that the sender draws for."""

    contributions: dict[Place, OpenedContribution]


class Confirmation(Record, frozen=True, tag=6):
    """Round 5: the fingerprint of the key that the sender has computed."""

    fingerprint: str


Content = SeedCommitment | SeedPart | ContributionCommitments | OpenedContributions | Confirmation
ROUNDS = (SeedCommitment, SeedPart, ContributionCommitments, OpenedContributions, Confirmation)


class CeremonyLetter(Message, frozen=True):
    """``agreement`` is the digest of what all must agree on before they begin."""

    kind: ClassVar[str] = "ceremony letter"

    agreement: Digest
    sender: Name
    recipient: Name
    content: Content


@dataclass(frozen=True)
class Letter:
    """To be sealed to ``recipient``, signed and sent."""

    recipient: str
    content: bytes = field(repr=False)


def agreement_digest(
    session: bytes,
    custodians: tuple[str, ...],
    threshold: int,
    parameters: BFVParameters,
    terms: int,
    statistical_bits: int,
) -> bytes:
    """The digest of what all must agree on."""
    agreed = (session, custodians, threshold, parameters_to_dict(parameters), terms, statistical_bits)
    return hashlib.sha256(b"he_helpers joint key" + msgspec.msgpack.encode(agreed, order="sorted")).digest()


def part_commitment(agreement: bytes, custodian: str, part: bytes) -> bytes:
    return hashlib.sha256(b"he_helpers seed part" + agreement + part + custodian.encode()).digest()
