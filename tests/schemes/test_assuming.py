"""A declared bound: what it lets through, what it hides, what it refuses."""

import math

import numpy as np
import pytest

from he_helpers.parameters import PaillierParameters
from he_helpers.schemes.errors import DamagedBytes, ValueOutOfRange
from he_helpers.schemes.secret import paillier
from tests.schemes.conftest import is_close, key_pair


def test_assuming_keeps_the_numbers_and_takes_the_bound(keys):
    ciphertext = keys.public.encrypt([3, -7])
    declared = ciphertext.assuming(7)
    assert (declared.bound, len(declared), declared.consumed) == (7, 2, ciphertext.consumed)
    assert ciphertext.bound != 7, "the ciphertext itself stays as it was"
    assert is_close(keys, keys.secret.decrypt(declared), [3, -7])


def test_a_smaller_bound_lets_sums_through_that_the_operators_refuse(keys):
    full = keys.public.encrypt([2], terms=1)
    with pytest.raises(ValueOutOfRange, match="wraps around"):
        full + full
    assert is_close(keys, keys.secret.decrypt(full.assuming(2) + full.assuming(2)), [4])


def test_the_bound_travels_with_the_ciphertext(keys):
    declared = keys.public.encrypt([1]).assuming(5)
    assert keys.public.load_ciphertext(declared.to_bytes()).bound == 5


def test_decryption_notices_numbers_far_above_a_false_bound(keys):
    with pytest.raises(DamagedBytes):
        keys.secret.decrypt(keys.public.encrypt([100]).assuming(5))


@pytest.mark.parametrize("bound", [-1, math.nan, math.inf])
def test_no_bound_at_all_is_refused(keys, bound):
    with pytest.raises(ValueOutOfRange, match="from 0 to the capacity"):
        keys.public.encrypt([1]).assuming(bound)


def test_a_bound_above_the_capacity_is_refused(keys):
    with pytest.raises(ValueOutOfRange, match="capacity"):
        keys.public.encrypt([1]).assuming(2 * keys.public.capacity)


def test_an_exact_scheme_takes_integers_only():
    with pytest.raises(ValueOutOfRange, match="an integer"):
        key_pair("tenseal-bfv").public.encrypt([1]).assuming(2.5)


def test_an_integer_of_numpy_is_an_integer(keys):
    ciphertext = keys.public.encrypt([1])
    assert ciphertext.assuming(np.int64(5)).to_bytes() == ciphertext.assuming(5).to_bytes()


def test_a_small_bound_in_a_lane_longer_than_a_float_is_decrypted():
    keys = paillier(PaillierParameters(2048, lane_bits=2046)).generate_keys()
    assert keys.secret.decrypt(keys.public.encrypt([-3], terms=1).assuming(5)).tolist() == [-3]
