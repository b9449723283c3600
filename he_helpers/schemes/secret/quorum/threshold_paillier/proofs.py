"""Proofs that two logarithms are the same, without telling them: Damgård and Jurik, section 4; Chaum and Pedersen.

A partial decryption is right where its square, to the base c^4, has the logarithm that the custodian's verification
value has to the base v. The proof is made non-interactive by Fiat and Shamir's heuristic. Its hash also covers what the
partial decryption is for, so that it cannot be used for anything else. It hides the logarithm statistically: the mask
is 128 bits longer than what it masks.
"""

import hashlib
import secrets
from dataclasses import dataclass

import gmpy2

CHALLENGE_BITS = 256
_MARGIN_BITS = 128


@dataclass(frozen=True)
class Statement:
    """That log_base(power) = log_v(value), all modulo ``modulus``; ``binding`` is what else the proof is for."""

    modulus: gmpy2.mpz
    base: gmpy2.mpz
    power: gmpy2.mpz
    v: gmpy2.mpz
    value: gmpy2.mpz
    binding: bytes

    def challenge(self, first: gmpy2.mpz, second: gmpy2.mpz) -> int:
        hashed = hashlib.sha256(b"he_helpers equal logarithms" + self.binding)
        width = (self.modulus.bit_length() + 7) // 8
        for number in (self.modulus, self.base, self.power, self.v, self.value, first, second):
            hashed.update(int(number).to_bytes(width, "big"))
        return int.from_bytes(hashed.digest(), "big")


def prove(statement: Statement, logarithm: int, logarithm_bits: int) -> tuple[int, int]:
    """The challenge and the answer to it. logarithm_bits: of the largest that there may be."""
    mask = secrets.randbits(logarithm_bits + CHALLENGE_BITS + _MARGIN_BITS)
    first = gmpy2.powmod(statement.base, mask, statement.modulus)
    second = gmpy2.powmod(statement.v, mask, statement.modulus)
    challenge = statement.challenge(first, second)
    return challenge, mask + challenge * logarithm


def is_proved(statement: Statement, challenge: int, answer: int) -> bool:
    """Whether the proof convinces. All numbers of the statement must have inverses."""
    modulus = statement.modulus
    first = gmpy2.powmod(statement.base, answer, modulus) * gmpy2.powmod(statement.power, -challenge, modulus)
    second = gmpy2.powmod(statement.v, answer, modulus) * gmpy2.powmod(statement.value, -challenge, modulus)
    return statement.challenge(first % modulus, second % modulus) == challenge
