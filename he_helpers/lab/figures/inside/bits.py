"""The bits inside a ciphertext: how many its message, its noise and the room between them take of the modulus."""

from __future__ import annotations

import math
from dataclasses import dataclass

MESSAGE, LOST_MESSAGE, ROOM, NOISE = "message", "message, lost", "room", "noise"
DROPPED, HEADROOM, INTEGER, DIGITS = "dropped", "headroom", "integer part", "digits"
LOST_INTEGER, LOST_DIGITS = "integer part, lost", "digits, lost"


@dataclass(frozen=True)
class Part:
    """A part of the bar. bits: how many are its own; length: how many of the modulus it is drawn over, fewer where
    another part lies over it; measured: whether another run gives other bits."""

    name: str
    bits: float
    length: float
    measured: bool = False

    @property
    def number(self) -> str:
        return _number(self.bits, self.measured)

    @property
    def words(self) -> str:
        return f"{self.name} {self.number}"


@dataclass(frozen=True)
class BFVInside:
    """A ciphertext of BFV: modulus_bits = message_bits + room_bits + noise_bits, from the most significant end.

    modulus_bits: log2 of the coefficient modulus that is left. message_bits: log2 of the plaintext modulus.
    noise_bits: log2 of twice the largest coefficient of the noise, which has a sign, so that the message is lost
    where no room is left; 0 without noise. measured: whether the noise was measured, and so differs from run to run.

    Raises ValueError for bits that are negative or infinite, and for a message that is as long as the modulus.
    """

    modulus_bits: float
    message_bits: float
    noise_bits: float
    measured: bool = False

    def __post_init__(self) -> None:
        _check(self, "modulus_bits", "message_bits", "noise_bits")
        if not 0 < self.message_bits < self.modulus_bits:
            raise ValueError(
                f"A message of {_number(self.message_bits)} bits does not fit into a modulus of "
                f"{_number(self.modulus_bits)} bits: it needs more than none, and leaves some for the noise."
            )

    @classmethod
    def of(cls, modulus: int, plaintext_modulus: int, noise: int) -> BFVInside:
        """From the coefficient modulus, the plaintext modulus and the largest coefficient of the noise, or its
        absolute value."""
        return cls(math.log2(modulus), math.log2(plaintext_modulus), _bits_with_sign(noise))

    @property
    def room_bits(self) -> float:
        """The noise budget that is left."""
        # Rounded, because the last digits of logarithms are none of a bit.
        return max(0.0, round(self.modulus_bits - self.message_bits - self.noise_bits, 9))

    @property
    def loss(self) -> str:
        """Why it does not decrypt; empty where it does."""
        return "" if self.room_bits > 0 else "the noise has reached the message"

    @property
    def parts(self) -> list[Part]:
        """From the most significant end."""
        noise = min(self.noise_bits, self.modulus_bits)
        measured = self.measured and not self.loss  # where nothing is left, every run finds the same
        return [
            Part(
                LOST_MESSAGE if self.loss else MESSAGE,
                self.message_bits,
                min(self.message_bits, self.modulus_bits - noise),
            ),
            Part(ROOM, self.room_bits, self.room_bits, measured),
            Part(NOISE, self.noise_bits, noise, measured),
        ]


@dataclass(frozen=True)
class CKKSInside:
    """A ciphertext of CKKS, whose value x scale is an integer: modulus_bits = headroom_bits + value_bits + scale_bits.

    modulus_bits: log2 of the coefficient modulus that is left. scale_bits: log2 of the scale.
    value_bits: log2 of twice the largest absolute value, which has a sign; below 0 where the values are small.
    noise_bits: log2 of twice the largest absolute error x scale, at the least 0: so many of the scale's bits are wrong.
    dropped_bits: of the primes that products have divided out. measured: whether the noise was measured, and so differs
    from run to run.

    Raises ValueError for bits that are negative, those of the value apart, or infinite.
    """

    modulus_bits: float
    scale_bits: float
    value_bits: float
    noise_bits: float
    dropped_bits: float = 0
    measured: bool = False

    def __post_init__(self) -> None:
        _check(self, "modulus_bits", "scale_bits", "noise_bits", "dropped_bits")
        if not math.isfinite(self.value_bits):
            raise ValueError(f"The bits of the value are a finite number, not {self.value_bits}: is every value 0?")

    @classmethod
    def of(cls, modulus: int, scale: float, value: float, error: float, dropped: int = 1) -> CKKSInside:
        """From the coefficient modulus that is left, the scale, the largest value and the largest error of one, or
        their absolute values, and the product of the primes that were divided out."""
        # A modulus of hundreds of bits is no float; its logarithm is.
        value_bits = math.log2(2 * abs(value)) if value else -math.inf
        return cls(math.log2(modulus), math.log2(scale), value_bits, _bits_with_sign(error * scale), math.log2(dropped))

    @property
    def headroom_bits(self) -> float:
        """How many bits longer the value could be; below 0 where it is too long."""
        return self.modulus_bits - self.scale_bits - max(0.0, self.value_bits)

    @property
    def loss(self) -> str:
        """Why it does not decrypt; empty where it does."""
        if self.headroom_bits < 0:
            return f"the value needs {_number(-self.headroom_bits)} bits more than the modulus has left"
        return "" if self.noise_bits < self.scale_bits + self.value_bits else "the noise covers every digit"

    @property
    def parts(self) -> list[Part]:
        """From the most significant end. Where the noise is longer than the scale, it lies over the integer part."""
        modulus = self.modulus_bits
        noise = min(self.noise_bits, modulus)
        scale = min(max(self.scale_bits, noise), modulus)
        top = min(max(self.scale_bits + max(0.0, self.value_bits), noise), modulus)
        digits, headroom = scale - noise, max(0.0, self.headroom_bits)
        return [
            Part(DROPPED, self.dropped_bits, self.dropped_bits),
            Part(HEADROOM, headroom, modulus - top),
            Part(LOST_INTEGER if self.loss else INTEGER, max(0.0, self.value_bits), top - scale),
            Part(LOST_DIGITS if self.loss else DIGITS, digits, digits, self.measured),
            Part(NOISE, self.noise_bits, noise, self.measured),
        ]


def _number(bits: float, measured: bool = False) -> str:
    """With at most one decimal; what was measured as a whole number, with the course's mark."""
    if measured:
        return f"≈ {bits:.0f}"
    return "< 0.1" if 0 < bits < 0.05 else f"{bits:.1f}".removesuffix(".0")


def _bits_with_sign(size: float) -> float:
    return math.log2(max(1, 2 * abs(size)))


def _check(inside: BFVInside | CKKSInside, *names: str) -> None:
    for name in names:
        bits = getattr(inside, name)
        if not 0 <= bits < math.inf:
            raise ValueError(f"{name} is a number of bits, 0 or more, and this is {bits}.")
