"""Blinded ratios under Paillier: whoever decrypts learns numerator / divisor, and not the two amounts.

The server multiplies both amounts by a secret factor r and adds secret noise; the quotient of the two results is the
ratio. For each ratio it draws afresh, and then forgets,

- r, log-uniform over B bits: log2 r is uniform over an interval of length B. A factor from a short interval would tell
  the size of the amounts. So drawn, two pairs of noisy amounts with one ratio, of which one pair is s times the other,
  give results at a statistical distance of log2(s) / B (two uniform distributions of length B, shifted by log2(s));
- noise for each amount: uniform between -dither r and dither r for the numerator, between -dither r and -1 for the
  divisor. Without it both results are multiples of r, and their greatest common divisor gives the amounts away, up to a
  divisor that they have in common. The divisor's noise is never positive, so that a divisor of zero or below stays
  below zero, and whoever decrypts sees that there is no ratio: a positive result would look like that of a small
  positive divisor under a larger factor.

These advantages add up. Each ratio has its own factor and noise, so k ratios of amounts that differ up to s times are
told apart with an advantage of at most k log2(s) / B: 15 ratios, s = 10 and B = 2970 make 0.017. The usual yardstick
for a distance that is allowed to be neglected is 2^-40, and no interval that fits into a ciphertext comes near it: this
hides amounts from a reader of some ratios, and not from one who collects thousands.

What it rests on: the server keeps r to itself and hands out nothing but these results, in particular not the
ciphertexts that it got; and it answers once for each ratio, because two answers differ by the noise, whose size next
to the divisor's tells the divisor. What it does not hide: the ratio itself, with its sign, and whatever the ratio and
one amount that is known from elsewhere tell about the other.
"""

import secrets
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from he_helpers.parameters import PaillierParameters
from he_helpers.schemes.errors import ShapeMismatch, UnsupportedOperation, ValueOutOfRange
from he_helpers.schemes.public.interface import Ciphertext

# The smallest factor, in bits, so that the noise is a continuum next to the amounts' unit.
LOWEST_FACTOR_BITS = 64
# With fewer bits the size of a result tells too much: for amounts that differ up to 10 times, 3.3 of 128 bits are 3 %.
FEWEST_SPREAD_BITS = 128


@dataclass(frozen=True)
class BlindedRatio:
    """Two ciphertexts whose quotient is the ratio."""

    numerator: Ciphertext
    divisor: Ciphertext

    def decrypt(self, secret_key: Any) -> float:
        """The ratio. Raises KeyMismatch; ValueOutOfRange for every divisor that is not positive.

        A divisor between 0 and the dither is refused, too, or gives a ratio that can be far off (``largest_error``).

        secret_key: a SecretKey, or anything whose ``decrypt`` turns a Ciphertext into an array.
        """
        numerator, divisor = (int(secret_key.decrypt(part)[0]) for part in (self.numerator, self.divisor))
        if divisor <= 0:
            raise ValueOutOfRange(
                "The divisor of this blinded ratio is not positive: it was zero or negative when it was encrypted, or "
                "smaller than the dither. Check the amounts before encryption."
            )
        return numerator / divisor


def spread_bits(numerator: Ciphertext, divisor: Ciphertext, dither: int) -> int:
    """B, the length of the interval of log2 r: what the key has room for above the declared bounds of the amounts."""
    # Those of an exact scheme are integers.
    capacity, largest = int(numerator.key.capacity), int(max(numerator.bound, divisor.bound)) + dither
    return (capacity // largest).bit_length() - 1 - LOWEST_FACTOR_BITS


def largest_error(ratio: float, divisor: float, dither: int) -> float:
    """How far the noise can move a ratio, for a divisor above the dither, both in the same unit.

    (n + u) / (d - v) - n / d = (u + v n / d) / (d - v), where |u| is at most the dither, and v from 0 to the dither.
    Raises ValueOutOfRange for another divisor, whose ratio can be off by any number.
    """
    if divisor <= dither:
        raise ValueOutOfRange(f"With a divisor of {divisor!r} and a dither of {dither} a ratio can be off by anything.")
    return dither * (1 + abs(ratio)) / (divisor - dither)


def blind(numerator: Ciphertext, divisor: Ciphertext, dither: int) -> BlindedRatio:
    """The server's part: multiply both by one secret factor and add the noise.

    numerator, divisor: of one value each, under one whole public key of Paillier with a single lane, their bounds
        declared (Ciphertext.assuming). The divisor must be positive and well above the dither.
    dither: in the unit of the encrypted integers, 1 or more. One unit hides which pair of amounts it was; more moves
        the ratio further (``largest_error``).

    Raises UnsupportedOperation for another scheme, ShapeMismatch for several values, ValueOutOfRange for a dither
    below 1 and for bounds that leave the factor too little room, KeyMismatch.
    """
    key = numerator.key
    if not isinstance(key.parameters, PaillierParameters):
        raise UnsupportedOperation(
            f"A blinded ratio needs the long integers of paillier; {key.scheme_name} holds at most {key.capacity:,.0f} "
            "in a slot, so that the size of a blinded amount would tell the amount."
        )
    if key.slot_count != 1 or len(numerator) != 1 or len(divisor) != 1:
        raise ShapeMismatch(
            "A factor of its own for each ratio needs ciphertexts of one value under a key of one lane: make it with "
            "PaillierParameters(lane_bits=modulus_bits - 2)."
        )
    if isinstance(dither, bool) or not isinstance(dither, Integral) or dither < 1:
        raise ValueOutOfRange(f"The dither is an integer from 1, not {dither!r}; without it the amounts can be found.")
    # Of Python, whose integers have as many bits as the noise needs.
    dither = int(dither)
    bits = spread_bits(numerator, divisor, dither)
    if bits < FEWEST_SPREAD_BITS:
        raise ValueOutOfRange(
            f"The declared bounds leave {max(0, bits)} bits to the blinding factor, and {FEWEST_SPREAD_BITS} are the "
            "least. Declare the amounts' real bound with assuming(), or take a longer modulus."
        )
    factor = _log_uniform(bits)
    largest_noise = dither * factor
    return BlindedRatio(
        _blinded(numerator, factor, range(-largest_noise, largest_noise + 1)),
        _blinded(divisor, factor, range(-largest_noise, 0)),
    )


def _log_uniform(bits: int) -> int:
    """An integer from 2^64 to 2^(64 + bits) whose logarithm is uniform, to the 53 bits of a float."""
    whole, part = secrets.randbelow(bits), secrets.randbits(53) / 2**53
    leading = int(2**part * 2**52)
    rest = LOWEST_FACTOR_BITS + whole - 52
    return (leading << rest) + secrets.randbits(rest)


def _blinded(amount: Ciphertext, factor: int, noises: range) -> Ciphertext:
    # len() of a range stops at 2^63.
    noise = noises.start + secrets.randbelow(noises.stop - noises.start)
    # A fresh encryption, so that the ciphertext, too, is independent of the one that came in.
    fresh = amount.key.encrypt([noise], terms=1).assuming(-noises.start)
    # The bound is written next to a ciphertext; that of the product would tell the factor.
    return (amount * factor + fresh).assuming(amount.key.capacity)
