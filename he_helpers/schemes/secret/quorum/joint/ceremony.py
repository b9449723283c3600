"""The making of a joint key, without a dealer: letters in, letters out, and no other side effect.

Round 1  Each custodian commits to a random part of the common seed, and sends the members of each set for which they
         draw a seed of its own: 32 bytes, from which the set's share of the key and its noise are made.
Round 2  All open their parts. The common polynomial ``a`` comes from all of them: nobody has chosen it, unless all did.
Round 3  Each commits to b = -(a s + e) of every set that they belong to. That they commit before anything is opened is
         what keeps the last one from choosing a b that cancels the others and leaves a public key that is theirs alone.
Round 4  The one who drew the seed of a set opens its b. Their sum b and a are the public key (b, a).
Round 5  Each confirms the fingerprint of the key, which all letters before went into: who told two custodians two
         stories is found out here.

Seal every letter to its recipient and sign it: the letters of round 1 are secret, and nothing here says who sent what.

What a dishonest custodian can do. For a set that they draw for, choose its seed, or tell it to others: as a member they
know it anyway, and of the set that counts nobody is dishonest. Send its members different seeds: their commitments
differ, and the ceremony ends. Alone in a set, as for n of n, or with all of its members, publish a b that is no
-(a s + e), or has much noise: then results are lost, and nothing shows whose fault it is; the others' shares stay
secret. Stop at any time: then there is no key. Being the last to open, try whether to stop: a bias of one bit at each
try, in numbers that are public.
"""

import secrets
from collections.abc import Iterable
from typing import Any

from he_helpers.parameters import BFVParameters, plaintext_prime
from he_helpers.schemes.errors import DamagedBytes
from he_helpers.schemes.records import open_message, seal_message
from he_helpers.schemes.secret.key_generation import tenseal_bfv
from he_helpers.schemes.secret.quorum.errors import CeremonyFailed, CeremonyUnfinished, InvalidQuorum
from he_helpers.schemes.secret.quorum.joint.key import JointKey, JointShare
from he_helpers.schemes.secret.quorum.joint.letters import (
    ROUNDS,
    CeremonyLetter,
    Confirmation,
    Content,
    ContributionCommitments,
    Letter,
    OpenedContribution,
    OpenedContributions,
    SeedCommitment,
    SeedPart,
    agreement_digest,
    part_commitment,
)
from he_helpers.schemes.secret.quorum.joint.native import public_key
from he_helpers.schemes.secret.quorum.joint.ring import key_ring
from he_helpers.schemes.secret.quorum.joint.sampling import SEED_BYTES, derived, uniform
from he_helpers.schemes.secret.quorum.joint.sharing import Contribution, contribution, sharing_sets
from he_helpers.schemes.secret.quorum.joint.smudging import smudging
from he_helpers.schemes.secret.quorum.records import JointKeyRecord

JOINT_PARAMETERS = BFVParameters(8192, (53, 53, 53, 55), plaintext_prime(34, 8192))
DEFAULT_TERMS = 2**20
DEFAULT_STATISTICAL_BITS = 64


class JointCeremony:
    """One custodian's part in making a joint key.

    custodians, threshold, session (bytes that no ceremony had before), parameters and the two numbers below must be the
    same for all. terms: the largest sum of fresh ciphertexts that will be decrypted. statistical_bits: of smudging.
    randomness: 32 secret bytes, in place of fresh ones. Who keeps it, and all letters, can take part again after the
    process has ended: a new ceremony with it, given the same letters, writes the same letters.

    ``start()`` gives the first letters; ``receive()`` takes one and gives those that it makes due. Letters may come in
    any order and more than once. When ``finished``, ``share()`` is the KeyShare, with the QuorumKey as its ``key``.

    Raises InvalidQuorum, InvalidParameters (too little room for smudging), InsecureParameters.
    """

    def __init__(
        self,
        custodian: str,
        custodians: Iterable[str],
        threshold: int,
        session: bytes,
        *,
        parameters: BFVParameters = JOINT_PARAMETERS,
        terms: int = DEFAULT_TERMS,
        statistical_bits: int = DEFAULT_STATISTICAL_BITS,
        randomness: bytes | None = None,
        insecure_for_teaching: bool = False,
    ) -> None:
        self.custodian = custodian
        self.custodians = tuple(custodians)
        self.threshold = threshold
        self.sets = sharing_sets(self.custodians, threshold)
        if custodian not in self.custodians:
            raise InvalidQuorum(f"{custodian!r} is none of the custodians {', '.join(self.custodians)}.")
        if randomness is not None and len(randomness) != SEED_BYTES:
            raise InvalidQuorum(f"The randomness of a custodian is {SEED_BYTES} secret bytes, not {len(randomness)}.")
        # Refuses insecure parameters, and those without room.
        tenseal_bfv(parameters, insecure_for_teaching=insecure_for_teaching)
        smudging(parameters, len(self.sets), terms, statistical_bits)
        self.parameters = parameters
        self.terms, self.statistical_bits = terms, statistical_bits
        self.insecure_for_teaching = insecure_for_teaching
        self.ring = key_ring(parameters)
        self.agreement = agreement_digest(session, self.custodians, threshold, parameters, terms, statistical_bits)
        own = secrets.token_bytes(SEED_BYTES) if randomness is None else randomness
        self._part = derived(own, "part of the common seed", self.agreement)
        # The first member of a set draws for it.
        self._seeds = {
            place: derived(own, "share", self.agreement, place.to_bytes(2, "big"))
            for place, members in enumerate(self.sets)
            if members[0] == custodian
        }
        self._received: list[dict[str, Any]] = [{} for _ in ROUNDS]
        self._own: list[Content] = []
        self._committed: list[bytes] = []
        self._contributions: dict[int, Contribution] = {}
        self._share: JointShare | None = None
        self._failure: CeremonyFailed | None = None

    def __repr__(self) -> str:
        return f"JointCeremony({self.custodian!r}, round {self.round} of {len(ROUNDS)})"

    def __reduce__(self) -> Any:
        raise TypeError("A ceremony is not pickled: keep its randomness and the letters.")

    @property
    def round(self) -> int:
        """The round whose letters are awaited, 1 to 5; 0 before start(), 6 when finished."""
        return len(self._own) + self.finished

    @property
    def finished(self) -> bool:
        return len(self._own) == len(ROUNDS) and not self.missing

    @property
    def missing(self) -> tuple[str, ...]:
        """Whose letter of this round is not here yet."""
        here = self._received[max(0, len(self._own) - 1)]
        return tuple(name for name in self._others if name not in here)

    def start(self) -> tuple[Letter, ...]:
        """The first letters; and further ones, if what they wait for is there already."""
        return self._advance()

    def receive(self, sender: str, letter: bytes) -> tuple[Letter, ...]:
        """Take a letter that ``sender`` signed; the letters that are due now.

        Raises DamagedBytes (no letter), CeremonyFailed (another ceremony, a second and different letter of a round, or
        what does not fit what was sent before: nothing can be made of this ceremony any more).
        """
        if self._failure is not None:
            raise self._failure
        record = open_message(letter, CeremonyLetter)
        if sender not in self._others or (record.sender, record.recipient) != (sender, self.custodian):
            raise DamagedBytes(f"This is no letter from {sender} to {self.custodian}.")
        try:
            return self._received_letter(sender, record)
        except CeremonyFailed as failure:
            self._failure = failure
            raise

    def _received_letter(self, sender: str, record: CeremonyLetter) -> tuple[Letter, ...]:
        if record.agreement != self.agreement:
            raise CeremonyFailed(
                f"{sender} takes part in another ceremony: custodians, threshold, session, parameters, terms or "
                "statistical bits differ. Agree on them, and begin again under another name.",
                [sender],
            )
        received = self._received[ROUNDS.index(type(record.content))]
        if received.setdefault(sender, record.content) != record.content:
            raise CeremonyFailed(f"{sender} sent two different letters of one round.", [sender])
        return self._advance() if self._own else ()

    def share(self) -> JointShare:
        """This custodian's share of the key. Raises CeremonyUnfinished."""
        if self._failure is not None:
            raise self._failure
        if not self.finished or self._share is None:
            raise CeremonyUnfinished(
                f"The ceremony is in round {self.round} of {len(ROUNDS)} and waits for {', '.join(self.missing)}."
            )
        return self._share

    @property
    def _others(self) -> tuple[str, ...]:
        return tuple(name for name in self.custodians if name != self.custodian)

    def _advance(self) -> tuple[Letter, ...]:
        steps = (self._commit_to_part, self._open_part, self._commit, self._open, self._confirm)
        letters: list[Letter] = []
        while len(self._own) < len(ROUNDS) and (not self._own or not self.missing):
            content = steps[len(self._own)]()
            self._own.append(content)
            letters.extend(self._letter(recipient, content) for recipient in self._others)
        if self.finished:
            self._check_confirmations()
        return tuple(letters)

    def _letter(self, recipient: str, content: Content) -> Letter:
        if isinstance(content, SeedCommitment):
            theirs = {place: seed for place, seed in content.seeds.items() if recipient in self.sets[place]}
            content = SeedCommitment(commitment=content.commitment, seeds=theirs)
        letter = CeremonyLetter(agreement=self.agreement, sender=self.custodian, recipient=recipient, content=content)
        return Letter(recipient, seal_message(letter))

    def _commit_to_part(self) -> SeedCommitment:
        return SeedCommitment(
            commitment=part_commitment(self.agreement, self.custodian, self._part), seeds=dict(self._seeds)
        )

    def _open_part(self) -> SeedPart:
        for sender, content in self._received[0].items():
            due = {place for place, members in enumerate(self.sets) if members[0] == sender}
            if set(content.seeds) != {place for place in due if self.custodian in self.sets[place]}:
                raise CeremonyFailed(f"{sender} did not send the shares that they draw, and no others.", [sender])
            self._seeds.update(content.seeds)
        return SeedPart(part=self._part)

    def _commit(self) -> ContributionCommitments:
        parts = {self.custodian: self._part}
        for sender, content in self._received[1].items():
            if part_commitment(self.agreement, sender, content.part) != self._received[0][sender].commitment:
                raise CeremonyFailed(f"{sender} opened another part of the seed than they committed to.", [sender])
            parts[sender] = content.part
        self._common_seed = derived(b"".join(parts[name] for name in self.custodians), "common", self.agreement)
        self._a = uniform(self.ring, self._common_seed)
        self._contributions = {
            place: contribution(self.ring, self._a, seed) for place, seed in sorted(self._seeds.items())
        }
        return ContributionCommitments(common_seed=self._common_seed, commitments=self._commitments())

    def _open(self) -> OpenedContributions:
        others = [sender for sender, content in self._received[2].items() if content.common_seed != self._common_seed]
        if others:
            raise CeremonyFailed(
                f"{', '.join(others)} have another common seed: somebody told different custodians different parts.",
                others,
            )
        commitments = {sender: content.commitments for sender, content in self._received[2].items()}
        commitments[self.custodian] = self._commitments()
        for place, members in enumerate(self.sets):
            said = {commitments[name].get(place, b"") for name in members}
            if len(said) != 1 or b"" in said:
                raise CeremonyFailed(
                    f"{', '.join(members)} share a seed and committed to different things: who drew it sent them "
                    "different ones, or one of them lies.",
                    members,
                )
            self._committed.extend(said)
        return OpenedContributions(
            contributions={
                place: OpenedContribution(b=made.b, seed_digest=made.seed_digest)
                for place, made in self._contributions.items()
                if self.sets[place][0] == self.custodian
            }
        )

    def _commitments(self) -> dict[int, bytes]:
        return {place: made.commitment(self.agreement, place) for place, made in self._contributions.items()}

    def _confirm(self) -> Confirmation:
        opened = dict(self._contributions)
        for sender, content in self._received[3].items():
            drawn = {place for place, members in enumerate(self.sets) if members[0] == sender}
            made = {place: Contribution(one.b, one.seed_digest) for place, one in content.contributions.items()}
            fits = set(made) == drawn and all(
                one.commitment(self.agreement, place) == self._committed[place] for place, one in made.items()
            )
            if not fits:
                raise CeremonyFailed(f"{sender} opened another contribution than they committed to.", [sender])
            opened.update(made)
        try:
            polynomials = [self.ring.from_bytes(opened[place].b) for place in range(len(self.sets))]
        except DamagedBytes:
            senders = [name for name in self._received[3] if not self._are_polynomials(name)]
            raise CeremonyFailed(f"{', '.join(senders)} committed to what is no polynomial.", senders) from None
        b = sum(polynomials[1:], polynomials[0]) % self.ring.modulus
        public = public_key(self.parameters, self.ring, b, self._a)
        record = JointKeyRecord(
            seed=self._common_seed,
            seed_digests=tuple(opened[place].seed_digest for place in range(len(self.sets))),
            terms=self.terms,
            statistical_bits=self.statistical_bits,
        )
        key = JointKey(public, self.custodians, self.threshold, self.insecure_for_teaching, record)
        seeds = tuple(self._seeds[place] for place in key.places_of(self.custodian))
        self._share = JointShare(key, self.custodian, seeds)
        return Confirmation(fingerprint=key.fingerprint)

    def _are_polynomials(self, sender: str) -> bool:
        try:
            for one in self._received[3][sender].contributions.values():
                self.ring.from_bytes(one.b)
        except DamagedBytes:
            return False
        return True

    def _check_confirmations(self) -> None:
        own = self._own[-1]
        others = [name for name, content in self._received[-1].items() if content != own]
        if others:
            self._share = None
            raise CeremonyFailed(
                f"{', '.join(others)} computed another key: somebody told different custodians different things. "
                "Do not use this key; begin again, with another session.",
                others,
            )
