"""Polynomials, what is drawn from seeds, who shares what, and how much noise hides what."""

import math
import time
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from he_helpers.parameters import BFVParameters, InvalidParameters
from he_helpers.parameters.noise import bfv_noise_limit
from he_helpers.schemes import DamagedBytes
from he_helpers.schemes.secret.quorum import InvalidQuorum
from he_helpers.schemes.secret.quorum.interface import checked_custodians
from he_helpers.schemes.secret.quorum.joint.ring import Ring, ciphertext_ring, key_ring
from he_helpers.schemes.secret.quorum.joint.sampling import derived, error, symmetric, ternary, uniform
from he_helpers.schemes.secret.quorum.joint.sharing import contribution, sharing_sets
from he_helpers.schemes.secret.quorum.joint.smudging import smudging
from tests.quorum.small import SMALL, names

TOY = Ring(8, (97, 193))
SEEDS = st.binary(min_size=32, max_size=32)


def schoolbook(a, b, modulus: int) -> list[int]:
    n = len(a)
    product = [0] * n
    for i in range(n):
        for j in range(n):
            sign = 1 if i + j < n else -1
            product[(i + j) % n] += sign * int(a[i]) * int(b[j])
    return [value % modulus for value in product]


@given(
    st.lists(st.integers(0, TOY.modulus - 1), min_size=8, max_size=8),
    st.lists(st.integers(-1, 1), min_size=8, max_size=8),
)
def test_product(polynomial, small):
    found = TOY.product(np.array(polynomial, dtype=object), np.array(small))
    assert found.tolist() == schoolbook(polynomial, small, TOY.modulus)


def test_product_of_the_largest():
    ring = key_ring(SMALL)
    largest = np.full(ring.dimension, ring.modulus - 1, dtype=object)
    for sign in (1, -1):
        found = ring.product(largest, np.full(ring.dimension, sign))
        # -1 times (1 + X + ...)^2 times the sign: coefficient i has i + 1 terms, and N - 1 - i of the other sign.
        expected = [-sign * (2 * i + 2 - ring.dimension) % ring.modulus for i in range(ring.dimension)]
        assert found.tolist() == expected


@given(SEEDS)
def test_bytes_and_residues_and_back(seed):
    polynomial = uniform(TOY, seed)
    assert TOY.from_bytes(TOY.to_bytes(polynomial)).tolist() == polynomial.tolist()
    residues = TOY.residues(polynomial)
    assert residues.shape == (2, 8) and (residues[0] == polynomial % 97).all()
    assert TOY.from_residues(residues).tolist() == polynomial.tolist()


def test_bytes_that_are_no_polynomial():
    for data in (b"", TOY.to_bytes(uniform(TOY, bytes(32)))[1:], b"\xff" * TOY.polynomial_bytes):
        with pytest.raises(DamagedBytes):
            TOY.from_bytes(data)


def test_uniform_has_no_favourites():
    # A quarter of all draws of 15 bits is refused here; without that, or modulo, small values would be likelier.
    ring = Ring(4096, (97, 257))
    draws = np.concatenate([uniform(ring, number.to_bytes(32, "big")) for number in range(4)]).astype(float)
    assert draws.max() < ring.modulus
    counts, _ = np.histogram(draws, bins=16, range=(0, ring.modulus))
    expected = len(draws) / 16
    assert ((counts - expected) ** 2 / expected).sum() < 50  # chi-squared, 15 degrees: 1 in 100,000


def test_distributions_of_secret_and_error():
    secret = ternary(2**20, bytes(32))  # so many that all 256 values of a byte, in place of 255, would show
    shares = [np.mean(secret == value) for value in (-1, 0, 1)]
    assert set(secret.tolist()) == {-1, 0, 1} and np.allclose(shares, 1 / 3, rtol=0, atol=1.5e-3)
    noise = np.concatenate([error(4096, number.to_bytes(32, "big")) for number in range(4)])
    assert abs(noise.mean()) < 0.15 and abs(noise.std() - math.sqrt(21 / 2)) < 0.1 and abs(noise).max() <= 21


@pytest.mark.parametrize("bits", [3, 7, 8, 20, 99])
def test_smudging_noise_fills_its_range(bits):
    draws = symmetric(4096, bytes(32), b"c1", bits)
    assert -(2**bits) <= min(draws) and max(draws) < 2**bits
    scaled = draws.astype(float) / 2.0**bits
    assert abs(scaled.mean() + 2.0 ** -(bits + 1)) < 0.05 and abs(scaled.std() - 1 / math.sqrt(3)) < 0.03


@given(SEEDS, SEEDS)
@settings(max_examples=10)
def test_everything_drawn_depends_on_seed_and_purpose(seed, other):
    assert ternary(64, seed).tolist() == ternary(64, seed).tolist()
    assert derived(seed, "a", b"bc") != derived(seed, "ab", b"c") != derived(seed, "a", b"b", b"c")
    assert symmetric(64, seed, b"1", 50).tolist() != symmetric(64, seed, b"2", 50).tolist()
    if seed != other:
        assert uniform(Ring(64, TOY.primes), seed).tolist() != uniform(Ring(64, TOY.primes), other).tolist()
        assert symmetric(64, seed, b"1", 50).tolist() != symmetric(64, other, b"1", 50).tolist()


@given(st.integers(2, 7), st.data())
def test_any_quorum_meets_every_set_and_fewer_miss_one(count, data):
    threshold = data.draw(st.integers(2, count))
    custodians = tuple(names(count))
    sets = sharing_sets(custodians, threshold)
    assert len(sets) == math.comb(count, threshold - 1)
    for group in combinations(custodians, threshold):
        assert all(set(group) & set(members) for members in sets)
    for group in combinations(custodians, threshold - 1):
        assert sum(not set(group) & set(members) for members in sets) == 1


def test_too_many_sets():
    with pytest.raises(InvalidQuorum, match="shares"):
        sharing_sets(tuple(names(9)), 5)
    begins = time.process_time()
    with pytest.raises(InvalidQuorum, match="shares"):
        sharing_sets(tuple(names(25)), 12)  # 5.2 million sets
    with pytest.raises(InvalidQuorum, match="at most 100 custodians, not among 20,000"):
        checked_custodians((str(number) for number in range(20_000)), 2)
    assert time.process_time() - begins < 0.5


def test_a_contribution_is_a_public_key():
    ring = key_ring(SMALL)
    a, seed = uniform(ring, b"a" * 32), b"s" * 32
    b = ring.from_bytes(contribution(ring, a, seed).b)
    rest = (b + ring.product(a, ternary(ring.dimension, seed)) + error(ring.dimension, seed)) % ring.modulus
    assert not rest.any()


def test_parameters_without_room_are_refused():
    with pytest.raises(InvalidParameters, match="No room for smudging"):
        smudging(BFVParameters(), 3, 1024, 40)
    sized = smudging(SMALL, 3, 16, 16)
    assert 2.0**sized.bits >= SMALL.ring_dimension * sized.noise * 2**15
    assert math.isclose(
        sized.budget_left, math.log2(bfv_noise_limit(SMALL)) - math.log2(sized.noise + 3 * 2.0**sized.bits)
    )
    for terms, statistical_bits, sets in ((17, 16, 3), (16, 17, 3), (16, 16, 4)):
        assert smudging(SMALL, sets, terms, statistical_bits).total > sized.total


def test_the_statistical_distance_of_smudged_noise():
    """The promise itself, in a toy: with and without noise x of a ciphertext, the two distributions of a coefficient
    differ by |x| / 2^(b+1), counted exactly."""
    bits, x = 6, 5
    values = range(-(2**bits), 2**bits)
    with_noise, without = {value + x for value in values}, set(values)
    distance = len(with_noise - without) / len(values)
    assert distance == x / 2 ** (bits + 1)


def test_ciphertexts_have_one_prime_less():
    assert ciphertext_ring(SMALL).primes == key_ring(SMALL).primes[:-1]
