"""The QuorumKey of a joint key, and the shares of custodians.

Partial decryptions. For each of their sets a custodian sends c1 s + noise. The noise comes from the seed that the set
shares and from c1 alone, so that
- all members of a set send the same bytes for the same ciphertext, and copies can be compared;
- the same partial decryption asked for twice, for whatever context, is the same: an average removes no noise;
- a ciphertext with another c1, as one that was re-randomised, gets independent noise: m of them tell at most m times
  2^-(statistical bits) more than their results, if their noise is within the bound (``smudging``);
- a ciphertext with the same c1 and another c0 gets the same partial decryption, which tells nothing new.

What is noticed. A wrong polynomial that is not off by a multiple of q / t leaves noise far above the bound: it is
always noticed, and left out where k others are there. A custodian who adds a multiple of q / t shifts the result.
That is noticed where another member of the set sent a copy: with e such custodians, always if there are k + e partial
decryptions, and it is known who they are if there are k + 2 e, as with any code. With k partial decryptions alone, so
always where n of n are needed, a shift is NOT noticed by cryptography: this way has no proofs. What can show it is
known otherwise: the zeros that must be in unused slots, the bound of the values, a sum that was known before.

What nobody can see. A ciphertext can be made so that its plaintext is the key itself, and looks like any other: whoever
makes it and whoever combines its partial decryptions then have the key, together, and read all that is under it. So
custodians decrypt, and add up, only what those encrypted who may read everything under the key: a key for each of them.
Proofs that a ciphertext is well-formed, which this course does not have, would be another way.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from he_helpers.parameters import BFVParameters
from he_helpers.schemes.errors import DamagedBytes, DepthExhausted
from he_helpers.schemes.public.interface import Ciphertext, PublicKey
from he_helpers.schemes.secret.interface import plausible_numbers
from he_helpers.schemes.secret.quorum.errors import WrongPartial
from he_helpers.schemes.secret.quorum.interface import (
    Combined,
    KeyShare,
    PartialDecryption,
    QuorumKey,
    wrong_partials,
)
from he_helpers.schemes.secret.quorum.joint.native import SCHEME, ciphertext_polynomials, decoded
from he_helpers.schemes.secret.quorum.joint.ring import ciphertext_ring
from he_helpers.schemes.secret.quorum.joint.sampling import symmetric
from he_helpers.schemes.secret.quorum.joint.sharing import secret_polynomial, seed_digest, sharing_sets
from he_helpers.schemes.secret.quorum.joint.smudging import smudging
from he_helpers.schemes.secret.quorum.records import (
    JointKeyRecord,
    JointPartRecord,
    JointShareRecord,
    KeyShareRecord,
    QuorumKeyRecord,
)

Places = dict[int, bytes]  # polynomials as bytes, by the place of their set


class JointKey(QuorumKey):
    """A joint key. ``sets`` are the custodians that know each share, ``smudging`` says what decryption adds and what
    remains of the noise budget."""

    def __init__(
        self, public: PublicKey, custodians: Iterable[str], threshold: int, insecure: bool, record: JointKeyRecord
    ) -> None:
        super().__init__(public, custodians, threshold, insecure)
        if public.scheme_name != SCHEME or not isinstance(public.parameters, BFVParameters):
            raise DamagedBytes(f"A joint key is one of {SCHEME}, not of {public.scheme_name}.")
        self.sets = sharing_sets(self.custodians, threshold)
        if len(record.seed_digests) != len(self.sets):
            raise DamagedBytes(f"{len(record.seed_digests)} digests of shares, for {len(self.sets)} sets.")
        self.smudging = smudging(public.parameters, len(self.sets), record.terms, record.statistical_bits)
        self.ring = ciphertext_ring(public.parameters)
        self._plaintext_modulus = public.parameters.plaintext_modulus
        self.record = record

    def places_of(self, custodian: str) -> tuple[int, ...]:
        """The places of the sets that a custodian belongs to."""
        return tuple(place for place, members in enumerate(self.sets) if custodian in members)

    def require_room(self, ciphertext: Ciphertext) -> None:
        """Raise DepthExhausted where the ciphertext may hold more noise than the smudging is sized for."""
        noise = len(self.sets) * ciphertext.consumed
        if noise > self.smudging.noise:
            raise DepthExhausted(
                f"This ciphertext may hold {math.log2(noise):.1f} bits of noise, and the smudging of this key hides "
                f"{math.log2(self.smudging.noise):.1f}: sums of up to {self.record.terms:,} fresh ciphertexts."
            )

    def _combined(
        self, ciphertext: Ciphertext, partials: dict[str, PartialDecryption], suspects: tuple[str, ...]
    ) -> Combined:
        self.require_room(ciphertext)
        sent = {name: self._places(name, partial) for name, partial in partials.items()}
        whole = {name: places for name, places in sent.items() if places is not None}
        left_out = (*suspects, *(name for name in sent if name not in whole))
        if len(whole) < self.threshold:
            raise wrong_partials(left_out, self.threshold, len(whole))
        c0, _ = ciphertext_polynomials(ciphertext)
        results: dict[tuple[str, ...], tuple[np.ndarray, float]] = {}
        damaged: DamagedBytes | None = None
        for group in agreeing_groups(whole, self.threshold):
            coefficients, budget = self._decrypted(c0, [whole[name] for name in group])
            if budget >= self.smudging.budget_left:
                try:
                    values = plausible_numbers(ciphertext, decoded(ciphertext, coefficients), _has_noise_left)
                except DamagedBytes as error:
                    damaged = error
                else:
                    results[group] = values, budget
        if not results and damaged is not None:
            raise damaged
        group, disputed = self._chosen(results, tuple(whole), left_out)
        values, budget = results[group]
        return Combined(values, (*left_out, *disputed), budget)

    def _places(self, name: str, partial: PartialDecryption) -> Places | None:
        """The polynomials that a custodian sent; None where they are not as many, or as long, as they should be."""
        places = self.places_of(name)
        part = partial.part
        if not isinstance(part, JointPartRecord) or len(part.polynomials) != len(places):
            return None
        if any(len(polynomial) != self.ring.polynomial_bytes for polynomial in part.polynomials):
            return None
        return dict(zip(places, part.polynomials, strict=True))

    def _decrypted(self, c0: np.ndarray, sent: list[Places]) -> tuple[np.ndarray, float]:
        """The coefficients of the plaintext, and the noise budget that is left; -inf where a polynomial is none."""
        q, t = self.ring.modulus, self._plaintext_modulus
        one_copy: Places = {}
        for places in sent:
            one_copy.update(places)
        try:
            total = c0 + sum(self.ring.from_bytes(polynomial) for polynomial in one_copy.values())
        except DamagedBytes:
            return c0, -math.inf
        scaled = total % q * t
        rounded = (scaled + q // 2) // q
        noise = max(1, *np.abs(scaled - rounded * q).tolist())
        return rounded % t, math.log2(q / 2) - math.log2(noise)

    def _chosen(
        self,
        results: dict[tuple[str, ...], tuple[np.ndarray, float]],
        names: tuple[str, ...],
        left_out: tuple[str, ...],
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The group whose result counts, and who of ``names`` contradicts it. Raises WrongPartial where nobody can say
        which one is right."""
        if not results:
            raise WrongPartial(
                f"No {self.threshold} of the partial decryptions of {', '.join(names)} give a result: its noise is far "
                "above what they should add. Ask further custodians, or these again.",
                (*left_out, *names),
            )
        largest = max(len(group) for group in results)
        best = [group for group in results if len(group) == largest]
        different = {tuple(values.tolist()) for values, _ in results.values()}
        wrong = len(names) - largest
        if len(different) == 1 or len(best) == 1 and len(names) >= self.threshold + 2 * wrong:
            return best[0], tuple(name for name in names if any(name not in group for group in best))
        disputed = tuple(name for name in names if any(name not in group for group in results))
        raise WrongPartial(
            f"The partial decryptions of {', '.join(disputed)} contradict each other, and each side gives a result: "
            "somebody shifted it. Ask further custodians to find out who.",
            (*left_out, *disputed),
        )

    def _way(self) -> JointKeyRecord:
        return self.record

    @classmethod
    def _from_record(cls, record: QuorumKeyRecord, public: PublicKey, insecure: bool) -> "JointKey":
        if not isinstance(record.way, JointKeyRecord):
            raise DamagedBytes("This is the record of another way.")
        return cls(public, record.custodians, record.threshold, insecure, record.way)


class JointShare(KeyShare):
    """The seeds of all sets that a custodian belongs to, 32 bytes each."""

    key: JointKey

    def __init__(self, key: JointKey, custodian: str, seeds: tuple[bytes, ...]) -> None:
        super().__init__(key, custodian)
        digests = tuple(key.record.seed_digests[place] for place in key.places_of(custodian))
        if tuple(map(seed_digest, seeds)) != digests:
            raise DamagedBytes(f"These are not the shares of {custodian} in this key.")
        self._seeds = seeds

    def _share(self) -> JointShareRecord:
        return JointShareRecord(seeds=self._seeds)

    @classmethod
    def _from_record(cls, record: KeyShareRecord, key: QuorumKey) -> "JointShare":
        if not isinstance(key, JointKey) or not isinstance(record.share, JointShareRecord):
            raise DamagedBytes("This share is of another way than its key.")
        return cls(key, record.custodian, record.share.seeds)

    def _part(self, ciphertext: Ciphertext, binding: bytes) -> Any:
        self.key.require_room(ciphertext)
        ring, bits = self.key.ring, self.key.smudging.bits
        _, c1 = ciphertext_polynomials(ciphertext)
        about = ring.to_bytes(c1)
        polynomials = []
        for seed in self._seeds:
            noise = symmetric(ring.dimension, seed, about, bits)
            masked = ring.product(c1, secret_polynomial(ring, seed)) + noise
            polynomials.append(ring.to_bytes(masked % ring.modulus))
        return JointPartRecord(polynomials=tuple(polynomials))


def agreeing_groups(sent: dict[str, Places], threshold: int) -> list[tuple[str, ...]]:
    """The largest groups of at least ``threshold`` custodians who nowhere contradict each other."""
    names = tuple(sent)
    alike = {name: {other for other in names if other != name and _agree([sent[name], sent[other]])} for name in names}
    found = [group for group in _cliques(alike, set(), set(names), set()) if len(group) >= threshold]
    in_order = [tuple(name for name in names if name in group) for group in found]
    return sorted(in_order, key=lambda group: (-len(group), [names.index(name) for name in group]))


def _cliques(alike: dict[str, set[str]], inside: set[str], candidates: set[str], done: set[str]) -> Iterator[set[str]]:
    """The largest groups with ``inside``, some of the ``candidates`` and none that is ``done``, in which each is
    ``alike`` each other (Bron and Kerbosch, 1973). To try all groups of 14 of whom one lies took 16 s."""
    if not candidates and not done:
        yield inside
        return
    pivot = max(candidates | done, key=lambda name: len(alike[name] & candidates))
    for name in sorted(candidates - alike[pivot]):
        yield from _cliques(alike, inside | {name}, candidates & alike[name], done & alike[name])
        candidates = candidates - {name}
        done = done | {name}


def _agree(sent: list[Places]) -> bool:
    """Whether all copies of each polynomial are the same."""
    seen: Places = {}
    return all(seen.setdefault(place, polynomial) == polynomial for each in sent for place, polynomial in each.items())


def _has_noise_left(ciphertext: Ciphertext) -> bool:
    """The noise was measured already."""
    return True
