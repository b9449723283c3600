"""The chain of primes of a CKKS ciphertext as blocks, which products use up from the end."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from he_helpers.lab.figures.canvas import SMALL_POINTS, Canvas, lines_high, tint, wrapped
from he_helpers.lab.figures.picture import Picture
from he_helpers.lab.figures.theme import WIDTH_INCHES
from he_helpers.parameters import CKKSParameters

_PAD = 0.12
_GAP = 0.06
_BLOCK_HIGH = 0.55
_MOST_PRIMES = 9
_COLOURS = {"first": 0, "inner": 2, "last": 1}
_GONE = "#EEEEEE"


def prime_chain(parameters: CKKSParameters, products: int = 0) -> Picture:
    """Draws the primes of the coefficient modulus, and which of them so many products one after the other use up.

    Each product divides one prime out, beginning before the last one, which is for keys alone. The first one stays: it
    holds the scale and the integer part. CKKS only: under BFV a product uses noise budget, and no prime.

    Raises TypeError for parameters of another scheme, ValueError for more products than levels or more than 9 primes.
    """
    if not isinstance(parameters, CKKSParameters):
        raise TypeError(f"Products use up primes under CKKS alone, and these are {type(parameters).__name__}.")
    bits = parameters.coefficient_modulus_bits
    if len(bits) > _MOST_PRIMES:
        raise ValueError(f"A picture has room for {_MOST_PRIMES} primes, and this chain has {len(bits)}.")
    if not 0 <= products <= parameters.levels:
        raise ValueError(f"This chain has levels for 0 to {parameters.levels} products, not for {products}.")
    primes = _primes(parameters, products)
    return Picture(_drawn(primes), _in_words(parameters, primes, products), _as_table(primes))


class _Prime(NamedTuple):
    """A block of the chain: the prime's length in bits, what it is for, and whether products have used it up."""

    bits: int
    use: str
    is_gone: bool


def _primes(parameters: CKKSParameters, products: int) -> list[_Prime]:
    first, *inner, last = parameters.coefficient_modulus_bits
    integer_part = first - parameters.scale_bits
    primes = [_Prime(first, f"stays: scale {parameters.scale_bits}, integer part {integer_part} bits", is_gone=False)]
    for place, bits in enumerate(inner):
        product = len(inner) - place
        if product > parameters.levels:
            use = "no level: not as long as the scale"
        else:
            use = f"used up by product {product}" if product <= products else f"left for product {product}"
        primes.append(_Prime(bits, use, is_gone=product <= products))
    return [*primes, _Prime(last, "for keys alone", is_gone=False)]


def _drawn(primes: list[_Prime]) -> Figure:
    width = (WIDTH_INCHES - 2 * _PAD + _GAP) / len(primes) - _GAP
    words = [wrapped(prime.use, width, SMALL_POINTS) for prime in primes]
    words_high = max(lines_high(said.count("\n") + 1, SMALL_POINTS) for said in words)
    canvas = Canvas(_BLOCK_HIGH + words_high + 3 * _PAD)
    bottom = words_high + 2 * _PAD
    for place, (prime, said) in enumerate(zip(primes, words, strict=True)):
        left = _PAD + place * (width + _GAP)
        middle = left + width / 2
        colour = _GONE if prime.is_gone else tint(_COLOURS["first" if place == 0 else "inner"])
        if place == len(primes) - 1:
            colour = tint(_COLOURS["last"])
        canvas.box(left, bottom, width, _BLOCK_HIGH, facecolor=colour, hatch="//" if prime.is_gone else None)
        ground = {"boxstyle": "round,pad=0.2", "facecolor": colour, "edgecolor": "none"}
        canvas.text(middle, bottom + _BLOCK_HIGH / 2, f"{prime.bits} bits", weight="bold", bbox=ground)
        canvas.text(middle, bottom - _PAD / 2, said, va="top", fontsize=SMALL_POINTS)
    return canvas.figure


def _in_words(parameters: CKKSParameters, primes: list[_Prime], products: int) -> str:
    data = primes[:-1]
    left = sum(prime.bits for prime in data if not prime.is_gone)
    blocks = "; ".join(f"{prime.bits} bits, {prime.use}" for prime in primes)
    return (
        f"Chain of {len(primes)} primes, left to right: {blocks}. {products} of {parameters.levels} levels are used, "
        f"and {left} of {parameters.data_bits} bits for data are left."
    )


def _as_table(primes: list[_Prime]) -> pd.DataFrame:
    return pd.DataFrame(
        {"bits": [prime.bits for prime in primes], "use": [prime.use for prime in primes]},
        index=pd.RangeIndex(1, len(primes) + 1, name="prime"),
    )
