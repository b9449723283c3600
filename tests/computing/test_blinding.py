"""Blinded ratios: right, re-randomised, and telling no more than they say."""

from functools import cache
from math import gcd, log2

import numpy as np
import pytest

from he_helpers.computing import blinding
from he_helpers.computing.blinding import BlindedRatio, blind, largest_error, spread_bits
from he_helpers.parameters import PaillierParameters
from he_helpers.schemes.errors import KeyMismatch, ShapeMismatch, UnsupportedOperation, ValueOutOfRange
from he_helpers.schemes.secret import paillier
from tests.schemes.conftest import key_pair

LARGEST = 10**10
DITHER = 100
# Half the length that anybody should use takes an eighth of the time, and what is blinded fills whatever there is.
SHORT = PaillierParameters(1024, 1022)


@cache
def pair():
    return paillier(SHORT, insecure_for_teaching=True).generate_keys()


def encrypted(amount, bound=LARGEST):
    # With the secret key, in a quarter of the time: Paillier's ciphertexts are the same.
    return pair().secret.encrypt([amount], terms=1).assuming(bound)


def parts(blinded):
    return [int(pair().secret.decrypt(part)[0]) for part in (blinded.numerator, blinded.divisor)]


@pytest.mark.parametrize("numerator", [12_345_678, -12_345_678, 45_678_901, 0])
def test_the_ratio_is_right_up_to_the_dither(numerator):
    divisor = 45_678_901
    found = blind(encrypted(numerator), encrypted(divisor), DITHER).decrypt(pair().secret)
    assert abs(found - numerator / divisor) <= largest_error(numerator / divisor, divisor, DITHER) < 5e-6


def test_the_stated_error_is_reached_and_not_passed():
    numerator, divisor = 40_000, 100_000
    corners = [
        abs((numerator + u) / (divisor - v) - numerator / divisor) for u in (-DITHER, DITHER) for v in (0, DITHER)
    ]
    assert max(corners) == pytest.approx(largest_error(numerator / divisor, divisor, DITHER))


@pytest.mark.slow
def test_a_blinded_amount_is_far_above_the_amount():
    """The least factor is 2^64, so that this holds for each draw: a factor that was left out does not pass."""
    for _ in range(5):
        numerator, divisor = parts(blind(encrypted(3_000_000), encrypted(4_000_000), DITHER))
        assert numerator >= (3_000_000 - DITHER) * 2**blinding.LOWEST_FACTOR_BITS
        assert divisor >= (4_000_000 - DITHER) * 2**blinding.LOWEST_FACTOR_BITS


def test_a_dither_of_numpy_is_an_integer():
    found = blind(encrypted(30_000_000), encrypted(40_000_000), np.int64(DITHER)).decrypt(pair().secret)
    assert abs(found - 0.75) <= largest_error(0.75, 40_000_000, DITHER)


@pytest.mark.parametrize("divisor", [DITHER, 1, 0, -5])
def test_no_error_is_stated_for_a_divisor_within_the_dither(divisor):
    with pytest.raises(ValueOutOfRange, match="can be off by anything"):
        largest_error(1, divisor, DITHER)


def test_every_ratio_has_its_own_factor_and_every_ciphertext_is_fresh():
    numerator, divisor = encrypted(30), encrypted(4_000_000)
    ratios = [blind(numerator, divisor, DITHER) for _ in range(3)]
    lengths = [log2(parts(ratio)[1]) for ratio in ratios]
    # The noise moves log2 of the divisor by 1e-4 at most, and the factors' logarithms spread over 900 bits: three of
    # their own are as close as 1e-3 by chance once in 2 x 10^11 times (3 x (1e-3 / 900)^2).
    assert max(lengths) - min(lengths) > 1e-3
    assert len({part.to_bytes() for ratio in ratios for part in (ratio.numerator, ratio.divisor)}) == 6


def test_both_amounts_have_noise_of_the_stated_range(monkeypatch):
    """The ends of the noise, by a generator that always draws the lowest or the highest number."""
    factor = 2**80
    monkeypatch.setattr(blinding, "_log_uniform", lambda _: factor)
    for draw, numerator_noise, divisor_noise in (
        (lambda count: 0, -DITHER * factor, -DITHER * factor),
        (lambda count: count - 1, DITHER * factor, -1),
    ):
        amounts = encrypted(30), encrypted(4_000_000)
        monkeypatch.setattr(blinding.secrets, "randbelow", draw)
        blinded, again = blind(*amounts, DITHER), blind(*amounts, DITHER)
        monkeypatch.undo()
        monkeypatch.setattr(blinding, "_log_uniform", lambda _: factor)
        # The same factor and the same noise, and other bytes.
        assert blinded.numerator.to_bytes() != again.numerator.to_bytes()
        assert blinded.divisor.to_bytes() != again.divisor.to_bytes()
        assert parts(blinded) == [30 * factor + numerator_noise, 4_000_000 * factor + divisor_noise]


@pytest.mark.slow
def test_a_common_divisor_does_not_give_the_factor_away():
    numerators, divisors = zip(*(parts(blind(encrypted(600), encrypted(900), 1)) for _ in range(8)), strict=True)
    # Without noise every greatest common divisor would be 300 times the factor, of more than 64 bits. Of two random
    # numbers it reaches 2^48 once in 4 x 10^14 times.
    assert max(gcd(a, b) for a, b in zip(numerators, divisors, strict=True)) < 2**48


def test_the_bound_next_to_the_ciphertext_does_not_tell_the_factor():
    blinded = blind(encrypted(30), encrypted(4_000_000), DITHER)
    for part in (blinded.numerator, blinded.divisor):
        assert pair().public.load_ciphertext(part.to_bytes()).bound == pair().public.capacity


def test_factors_are_log_uniform():
    bits = 200
    logarithms = np.sort([log2(blinding._log_uniform(bits)) for _ in range(4000)])
    uniform = blinding.LOWEST_FACTOR_BITS + bits * (np.arange(4000) + 0.5) / 4000
    # Kolmogorov and Smirnov: 2 exp(-2 n d^2) = 6e-11 is the chance of a larger distance. The mean of 4000 fractions is
    # 6.6 standard deviations off once in 2 x 10^10 times.
    assert np.abs(logarithms - uniform).max() / bits < 0.055
    fractions = logarithms % 1
    assert abs(np.mean(fractions) - 0.5) < 0.03


def test_a_blinded_amount_fills_the_room_that_the_key_has():
    numerator, divisor = encrypted(LARGEST), encrypted(LARGEST)
    bits = spread_bits(numerator, divisor, DITHER)
    # All but the sign, the amount and the least factor.
    assert bits >= SHORT.lane_bits - 1 - (LARGEST + DITHER).bit_length() - blinding.LOWEST_FACTOR_BITS > 900
    assert (LARGEST + DITHER) * 2 ** (bits + blinding.LOWEST_FACTOR_BITS) <= pair().public.capacity


def test_the_largest_factor_does_not_wrap_around(monkeypatch):
    bits = spread_bits(encrypted(1), encrypted(1), DITHER)
    monkeypatch.setattr(blinding, "_log_uniform", lambda _: 2 ** (bits + blinding.LOWEST_FACTOR_BITS) - 1)
    found = blind(encrypted(-LARGEST), encrypted(LARGEST), DITHER).decrypt(pair().secret)
    assert found == pytest.approx(-1, abs=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("divisor", [0, -1, -65, -DITHER, -5_000_000])
def test_every_divisor_that_is_not_positive_is_refused(divisor):
    """By noise on both sides of zero, half of the divisors of zero are answered. The next test takes its upper end."""
    amounts = encrypted(1_000_000), encrypted(divisor)
    for _ in range(20 if divisor == 0 else 5):
        with pytest.raises(ValueOutOfRange, match="not positive"):
            blind(*amounts, DITHER).decrypt(pair().secret)


@pytest.mark.parametrize("bits", [0, 900])
def test_the_highest_noise_leaves_a_divisor_of_zero_below_zero(monkeypatch, bits):
    monkeypatch.setattr(blinding, "_log_uniform", lambda _: 2 ** (blinding.LOWEST_FACTOR_BITS + bits))
    monkeypatch.setattr(blinding.secrets, "randbelow", lambda count: count - 1)
    blinded = blind(encrypted(5), encrypted(0), DITHER)
    monkeypatch.undo()
    assert parts(blinded)[1] == -1


def test_another_key_is_refused():
    other = paillier(SHORT, insecure_for_teaching=True).generate_keys()
    with pytest.raises(KeyMismatch):
        BlindedRatio(encrypted(1), encrypted(2)).decrypt(other.secret)


def test_other_schemes_lanes_bounds_and_dithers_are_refused():
    bfv = key_pair("tenseal-bfv").public.encrypt([1])
    with pytest.raises(UnsupportedOperation, match="paillier"):
        blind(bfv, bfv, DITHER)
    laned = key_pair("paillier").public.encrypt([1])
    with pytest.raises(ShapeMismatch, match="one lane"):
        blind(laned, laned, DITHER)
    undeclared = pair().public.encrypt([1], terms=1)
    with pytest.raises(ValueOutOfRange, match="leave 0 bits"):
        blind(undeclared, encrypted(1), DITHER)
    for dither in (0, -1, 0.5, True, "1"):
        with pytest.raises(ValueOutOfRange, match="integer from 1"):
            blind(encrypted(1), encrypted(2), dither)
