"""Noise flooding of CKKS decryptions: the size of the noise against its formula, by statistics and by hand."""

import math

import numpy as np
import pytest

from he_helpers.parameters import CKKSParameters, ckks_sum_error
from he_helpers.schemes.errors import KeyMismatch, UnsupportedOperation, ValueOutOfRange
from he_helpers.schemes.secret import decrypt_flooded, flooding_deviation, tenseal_ckks
from tests.schemes.conftest import LATTICE, key_pair

# Sure to 10^-7 for a normal number: two tails of 5.33 deviations.
SURE = 5.33


@pytest.fixture(scope="module")
def keys():
    return tenseal_ckks(CKKSParameters(4096, (53, 53), 40)).generate_keys()


def test_the_deviation_is_that_of_corollary_2():
    assert flooding_deviation(0.5) == pytest.approx(math.sqrt(12) * 2**15 * 0.5)
    assert flooding_deviation(0.5, values=100, queries=9, security_bits=40) == pytest.approx(
        math.sqrt(12 * 9) * 2**20 * 5
    )


@pytest.mark.parametrize("security_bits", [20, 30, 41])
@pytest.mark.parametrize("queries", [1, 1000])
def test_all_queries_together_diverge_by_less_than_security_bits_allow(queries, security_bits):
    error = np.full(16, 0.001)
    deviation = flooding_deviation(0.001, values=16, queries=queries, security_bits=security_bits)
    divergence = queries * (error**2).sum() / (2 * deviation**2)
    distance = math.sqrt(divergence / 2)
    assert distance**2 < 2**-security_bits


def test_the_noise_measured_is_the_noise_announced(keys):
    values = np.linspace(-1, 1, 2000)
    ciphertext = keys.public.encrypt(values)
    error = ckks_sum_error(keys.public.parameters, 1, 1)
    expected = flooding_deviation(error, values=2000, queries=10)
    noise = decrypt_flooded(keys.secret, ciphertext, error=error, queries=10) - values
    # The error itself and the grid are below a thousandth of the noise. A deviation of n numbers has one of 1/sqrt(2n).
    assert noise.std() / expected == pytest.approx(1, abs=SURE / math.sqrt(2 * 2000) + 0.002)
    assert abs(noise.mean()) < SURE * expected / math.sqrt(2000)
    # Normal, and not something else of that deviation: 68.27 % lie within one.
    within = (np.abs(noise) < expected).mean()
    assert within == pytest.approx(0.6827, abs=SURE * math.sqrt(0.6827 * 0.3173 / 2000) + 0.002)


def test_noise_is_new_for_each_answer(keys):
    ciphertext = keys.public.encrypt(np.zeros(50))
    once, again = (decrypt_flooded(keys.secret, ciphertext, error=1e-6) for _ in range(2))
    assert (once != again).all()


def test_no_digit_is_finer_than_a_thousandth_of_the_noise(keys):
    found = decrypt_flooded(keys.secret, keys.public.encrypt([0.1, 0.2]), error=1e-6)
    deviation = flooding_deviation(1e-6, values=2)
    grid = 2.0 ** (math.floor(math.log2(deviation)) - 10)
    assert (found / grid == np.rint(found / grid)).all()


@pytest.mark.parametrize("name", [name for name in LATTICE if name.endswith("bfv")])
def test_an_exact_scheme_needs_none(name):
    pair = key_pair(name)
    with pytest.raises(UnsupportedOperation, match="exact"):
        decrypt_flooded(pair.secret, pair.public.encrypt([1]), error=1.0)


@pytest.mark.parametrize(
    "wrong", [{"error": 0}, {"error": -1.0}, {"error": math.inf}, {"error": math.nan}, {"error": 1, "queries": 0}]
)
def test_what_has_no_bound_is_refused(keys, wrong):
    with pytest.raises(ValueOutOfRange):
        decrypt_flooded(keys.secret, keys.public.encrypt([1.0]), **wrong)


def test_another_key_is_refused(keys):
    other = key_pair("tenseal-ckks").public.encrypt([1.0])
    with pytest.raises(KeyMismatch):
        decrypt_flooded(keys.secret, other, error=1e-6)
