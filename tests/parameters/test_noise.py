"""The bounds of noise and error against what SEAL measures and decryption shows, over many sums."""

import math
from functools import cache, reduce
from operator import add

import numpy as np
import pytest
from tenseal.sealapi import Decryptor

from he_helpers.parameters import BFVParameters, CKKSParameters, plaintext_prime
from he_helpers.parameters.noise import bfv_noise_limit, bfv_sum_noise, ckks_sum_error
from he_helpers.schemes.errors import DepthExhausted
from he_helpers.schemes.secret import pyfhel_bfv, pyfhel_ckks, tenseal_bfv, tenseal_ckks
from tests.one_context import in_one_context

pytestmark = pytest.mark.slow

BFV = [
    BFVParameters(),
    BFVParameters(4096, (53, 53), plaintext_prime(40, 4096)),
    BFVParameters(4096, (53, 24), plaintext_prime(30, 4096)),
    BFVParameters(8192, (54, 54, 54), plaintext_prime(50, 8192)),
]
CKKS = [
    CKKSParameters(4096, (56, 50), 25),
    CKKSParameters(8192, (60, 40, 60), 40),
    CKKSParameters(8192, (50, 24), 20),
]


@cache
def tenseal_pair(parameters):
    return in_one_context((tenseal_bfv if isinstance(parameters, BFVParameters) else tenseal_ckks)(parameters))


def budget(keys, ciphertext):
    """Bits of noise budget as SEAL measures them with the secret key."""
    if keys.public.scheme_name == "pyfhel-bfv":
        return keys.secret.native.noise_level(ciphertext.native)
    decryptor = Decryptor(keys.secret.native.seal_context().data, keys.secret.native.secret_key().data)
    return min(decryptor.invariant_noise_budget(part) for part in ciphertext.native.ciphertext())


def expected_budget(ciphertext):
    return math.log2(ciphertext.key.consumption_limit / ciphertext.consumed)


def check_budget(keys, ciphertext, slack):
    measured, expected = budget(keys, ciphertext), expected_budget(ciphertext)
    assert math.floor(expected) <= measured <= expected + slack


@pytest.mark.parametrize("parameters", BFV, ids=lambda p: f"{p.ring_dimension}-{p.plaintext_modulus.bit_length()}")
@pytest.mark.parametrize("make", [tenseal_bfv, pyfhel_bfv], ids=["tenseal", "pyfhel"])
def test_the_noise_of_sums_of_fresh_ciphertexts(make, parameters):
    """Never less budget than the bound says, and at most three bits more: one is lost to SEAL's whole bits."""
    keys = tenseal_pair(parameters) if make is tenseal_bfv else in_one_context(make(parameters))
    values = np.random.default_rng(1).integers(-1000, 1000, (100, parameters.ring_dimension))
    fresh = [keys.public.encrypt(vector, terms=100) for vector in values]
    for terms in (1, 2, 5, 25, 100):
        for start in range(0, 100, max(terms, 20)):
            check_budget(keys, keys.public.add_up(fresh[start : start + terms]), slack=3)


def test_five_hundred_additions_and_equal_messages():
    """Equal messages are rounded alike, and these roundings add up in proportion to the number of terms."""
    keys = tenseal_pair(BFV[0])
    values = np.random.default_rng(1).integers(-1000, 1000, 4096)
    fresh = [keys.public.encrypt(values, terms=500) for _ in range(500)]
    total = keys.public.add_up(fresh)
    check_budget(keys, total, slack=3)
    assert (keys.secret.decrypt(total) == 500 * values).all()


def test_a_ciphertext_added_to_itself_is_counted_in_full():
    """The square root would be wrong here: the measured noise passes it."""
    keys = tenseal_pair(BFV[0])
    fresh = keys.public.encrypt(np.arange(4096), terms=2048)
    doubled = fresh
    for _ in range(10):
        doubled = doubled + doubled
    check_budget(keys, doubled, slack=3)
    assert budget(keys, doubled) < math.log2(bfv_noise_limit(BFV[0]) / bfv_sum_noise(BFV[0], 1024))
    again = keys.public.add_up([fresh] * 300)
    assert again.consumed == reduce(add, [fresh] * 300).consumed > bfv_sum_noise(BFV[0], 300)
    # What has been computed is not fresh any more, whatever it is.
    other = keys.public.encrypt(np.arange(4096), terms=2048)
    assert keys.public.add_up([doubled, other]).consumed == (doubled + other).consumed


def test_sums_end_where_the_bound_says():
    keys = tenseal_pair(BFV[1])
    most = max(n for n in range(1, 1000) if bfv_sum_noise(BFV[1], n) <= bfv_noise_limit(BFV[1]))
    assert most == 403
    fresh = [keys.public.encrypt([1], terms=500) for _ in range(most + 1)]
    assert keys.secret.decrypt(keys.public.add_up(fresh[:-1])).tolist() == [most]
    with pytest.raises(DepthExhausted, match="No room for a sum of 404 ciphertexts"):
        keys.public.add_up(fresh)


def test_parameters_without_any_noise_budget():
    keys = in_one_context(tenseal_bfv(BFVParameters(4096, (53, 53), plaintext_prime(48, 4096))))
    with pytest.raises(DepthExhausted, match="The noise of a fresh ciphertext"):
        keys.public.encrypt([1])


def test_the_noise_of_rotations():
    keys = in_one_context(pyfhel_bfv(BFV[0], galois_keys=[1, 2, 4, 8]))
    total = keys.public.add_up([keys.public.encrypt(np.arange(4096), terms=64) for _ in range(4)])
    for rotations, steps in enumerate((1, 2, 4, 8), start=1):
        total = total + total.rotate(steps)
        assert total.consumed == keys.public.consumption_of_sum(4, rotations)
        check_budget(keys, total, slack=4)


# CKKS


@pytest.mark.parametrize("parameters", CKKS, ids=lambda p: f"{p.ring_dimension}-{p.scale_bits}")
@pytest.mark.parametrize("make", [tenseal_ckks, pyfhel_ckks], ids=["tenseal", "pyfhel"])
def test_the_error_of_sums(make, parameters):
    """Of single slots and of several added up after decryption; many keys would show the tail, three do not pass it."""
    terms, slots = 50, 64
    ratios = {1: 0.0, slots: 0.0}
    # The keys of both libraries are SEAL's.
    for _ in range(3 if make is tenseal_ckks else 1):
        keys = in_one_context(make(parameters))
        values = np.random.default_rng(2).uniform(-50, 50, (terms, keys.public.slot_count))
        found = keys.secret.decrypt(keys.public.add_up([keys.public.encrypt(v, terms=terms) for v in values]))
        error = found - values.sum(axis=0)
        largest = {1: np.abs(error).max(), slots: np.abs(error.reshape(-1, slots).sum(axis=1)).max()}
        for count, ratio in ratios.items():
            ratios[count] = max(ratio, largest[count] / ckks_sum_error(parameters, terms, 50, count))
    assert 1 / 30 < min(ratios.values()) and max(ratios.values()) < 1 / 2


def test_the_error_of_equal_messages():
    """The rounding of an encoded message is the same each time, and adds up in proportion to the number of terms."""
    # A ring that nobody should use, where 1500 encryptions take a third of the time.
    parameters = CKKSParameters(1024, (50, 50), 20)
    keys = in_one_context(pyfhel_ckks(parameters, insecure_for_teaching=True))
    values = np.random.default_rng(3).uniform(-1, 1, 512)
    total = keys.secret.decrypt(keys.public.add_up([keys.public.encrypt(values, terms=1500) for _ in range(1500)]))
    error = np.abs(total - 1500 * values).max()
    assert error < ckks_sum_error(parameters, 1500, 1) / 2
    # What is left of the mean does not cancel out: a million such messages would have it a million times.
    assert ckks_sum_error(parameters, 10**6, 1) > 10**6 * error / 1500


@pytest.mark.parametrize("chain", [(60, 40, 60), (60, 60), (50, 60)])
def test_the_error_of_rotations(chain):
    """Where the last prime is no longer than the others, a rotation leaves most of its error in the first slots."""
    parameters = CKKSParameters(8192, chain, 40 if chain[0] == 60 else 30)
    keys = in_one_context(pyfhel_ckks(parameters, galois_keys=[1, 2, 4]))
    values = np.random.default_rng(4).uniform(-50, 50, (5, 4096))
    total = keys.public.add_up([keys.public.encrypt(vector, terms=40) for vector in values])
    expected = values.sum(axis=0)
    for rotations, steps in enumerate((1, 2, 4), start=1):
        total, expected = total + total.rotate(steps), expected + np.roll(expected, -steps)
        error = np.abs(keys.secret.decrypt(total) - expected).max()
        assert error < ckks_sum_error(parameters, 5, 50, 2**rotations, rotated=True) / 2
