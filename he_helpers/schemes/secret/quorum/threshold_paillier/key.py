"""The QuorumKey of a shared Paillier key, and the shares of custodians.

Let n = p q, m = (p - 1)(q - 1) / 4, l custodians and D = l!. The secret d is 0 modulo m and 1 modulo n, the share of
custodian i is f(i) for a polynomial f of degree k - 1 with f(0) = d, modulo n m. A partial decryption of c is
c^(2 D f(i)) modulo n squared. k of them, to powers that are integers thanks to D, give c^(4 D^2 d) = 1 + 4 D^2 M n for
the message M. Fewer than k shares say nothing about d: no difference of two custodians' numbers has a factor in common
with n m.

A wrong partial decryption is noticed and located by its proof (``proofs``), also where n of n are needed.
"""

import math
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import gmpy2

from he_helpers.schemes.errors import DamagedBytes
from he_helpers.schemes.public.interface import Ciphertext, PublicKey
from he_helpers.schemes.public.phe import PaillierPublicKey
from he_helpers.schemes.secret.interface import plausible_numbers
from he_helpers.schemes.secret.phe import unpacked
from he_helpers.schemes.secret.quorum.interface import (
    Combined,
    KeyShare,
    PartialDecryption,
    QuorumKey,
    partial_binding,
    wrong_partials,
)
from he_helpers.schemes.secret.quorum.records import (
    KeyShareRecord,
    PaillierKeyRecord,
    PaillierPartRecord,
    PaillierShareRecord,
    QuorumKeyRecord,
)
from he_helpers.schemes.secret.quorum.threshold_paillier.proofs import Statement, is_proved, prove


class ThresholdPaillierKey(QuorumKey):
    """A Paillier key in shares. ``verification`` are v and, one a custodian, v to the power D f(i)."""

    public: PaillierPublicKey

    def __init__(
        self, public: PublicKey, custodians: Iterable[str], threshold: int, insecure: bool, record: PaillierKeyRecord
    ) -> None:
        super().__init__(public, custodians, threshold, insecure)
        if not isinstance(public, PaillierPublicKey):
            raise DamagedBytes(f"A threshold Paillier key is one of paillier, not of {public.scheme_name}.")
        self.modulus = gmpy2.mpz(public.native.n)
        self.modulus_squared = self.modulus**2
        self.factorial = math.factorial(len(self.custodians))
        self.record = record
        self.v = number(record.base)
        self.values = tuple(number(value) for value in record.values)
        if len(self.values) != len(self.custodians) or not all(map(self.is_unit, (self.v, *self.values))):
            raise DamagedBytes("The verification values of this key are not those of its custodians and modulus.")

    def is_unit(self, element: gmpy2.mpz) -> bool:
        """Whether this is a number modulo n squared that has an inverse."""
        return 0 < element < self.modulus_squared and gmpy2.gcd(element, self.modulus) == 1

    @cached_property
    def logarithm_bits(self) -> int:
        """Of D f(i), at most."""
        return 2 * self.modulus.bit_length() + self.factorial.bit_length()

    def statement(self, ciphertext: Ciphertext, custodian: str, power: gmpy2.mpz, binding: bytes) -> Statement:
        """What a proof of a partial decryption, ``power``, says."""
        square = self.modulus_squared
        return Statement(
            modulus=square,
            base=gmpy2.powmod(ciphertext.native, 4, square),
            power=gmpy2.powmod(power, 2, square),
            v=self.v,
            value=self.values[self.custodians.index(custodian)],
            binding=binding,
        )

    def _combined(
        self, ciphertext: Ciphertext, partials: dict[str, PartialDecryption], suspects: tuple[str, ...]
    ) -> Combined:
        right = {
            name: number(partial.part.power)
            for name, partial in partials.items()
            if self._is_right(ciphertext, name, partial)
        }
        left_out = (*suspects, *(name for name in partials if name not in right))
        if len(right) < self.threshold:
            raise wrong_partials(left_out, self.threshold, len(right))
        used = dict(list(right.items())[: self.threshold])
        packed = self._message({self.custodians.index(name) + 1: power for name, power in used.items()})
        size = ciphertext.length + ciphertext.padding
        numbers = unpacked(packed, int(self.modulus), self.public.parameters.lane_bits, size)
        return Combined(plausible_numbers(ciphertext, numbers, _is_exact), left_out)

    def _is_right(self, ciphertext: Ciphertext, name: str, partial: PartialDecryption) -> bool:
        part = partial.part
        if not isinstance(part, PaillierPartRecord) or not self.is_unit(power := number(part.power)):
            return False
        statement = self.statement(ciphertext, name, power, partial_binding(partial))
        answer = number(part.answer)
        # A longer answer proves nothing more, and could take hours to check.
        return answer.bit_length() <= self.logarithm_bits + 512 and is_proved(
            statement, int(number(part.challenge)), int(answer)
        )

    def _message(self, powers: Mapping[int, gmpy2.mpz]) -> int:
        """The plaintext of the partial decryptions by the custodians' numbers, 1 to l."""
        square, total = self.modulus_squared, gmpy2.mpz(1)
        for own, power in powers.items():
            others = [other for other in powers if other != own]
            coefficient = self.factorial * math.prod(others) // math.prod(other - own for other in others)
            total = total * gmpy2.powmod(power, 2 * coefficient, square) % square
        multiple, rest = divmod(total - 1, self.modulus)
        if rest:
            raise DamagedBytes(
                "The partial decryptions are proved, and give no plaintext: the dealer made wrong shares."
            )
        return int(multiple * gmpy2.invert(4 * self.factorial**2, self.modulus) % self.modulus)

    def _way(self) -> PaillierKeyRecord:
        return self.record

    @classmethod
    def _from_record(cls, record: QuorumKeyRecord, public: PublicKey, insecure: bool) -> "ThresholdPaillierKey":
        if not isinstance(record.way, PaillierKeyRecord):
            raise DamagedBytes("This is the record of another way.")
        return cls(public, record.custodians, record.threshold, insecure, record.way)


class PaillierShare(KeyShare):
    """A value of the dealer's polynomial."""

    key: ThresholdPaillierKey

    def __init__(self, key: ThresholdPaillierKey, custodian: str, share: int) -> None:
        super().__init__(key, custodian)
        value = key.values[key.custodians.index(custodian)]
        # The dealer's are below n m. A longer one could take hours to check.
        if (
            not 0 <= share < key.modulus_squared
            or gmpy2.powmod(key.v, key.factorial * share, key.modulus_squared) != value
        ):
            raise DamagedBytes(f"This is not the share that the dealer gave to {custodian}.")
        self._secret = share

    def _share(self) -> PaillierShareRecord:
        return PaillierShareRecord(share=to_bytes(self._secret))

    @classmethod
    def _from_record(cls, record: KeyShareRecord, key: QuorumKey) -> "PaillierShare":
        if not isinstance(key, ThresholdPaillierKey) or not isinstance(record.share, PaillierShareRecord):
            raise DamagedBytes("This share is of another way than its key.")
        return cls(key, record.custodian, int(number(record.share.share)))

    def _part(self, ciphertext: Ciphertext, binding: bytes) -> Any:
        key = self.key
        logarithm = key.factorial * self._secret
        power = gmpy2.powmod_sec(ciphertext.native, 2 * logarithm, key.modulus_squared)
        statement = key.statement(ciphertext, self.custodian, power, binding)
        challenge, answer = prove(statement, logarithm, key.logarithm_bits)
        return PaillierPartRecord(power=to_bytes(power), challenge=to_bytes(challenge), answer=to_bytes(answer))


def number(data: bytes) -> gmpy2.mpz:
    return gmpy2.mpz(int.from_bytes(data, "big"))


def to_bytes(element: Any) -> bytes:
    element = int(element)
    return element.to_bytes((element.bit_length() + 7) // 8, "big")


def _is_exact(ciphertext: Ciphertext) -> bool:
    """Paillier has no noise."""
    return True
