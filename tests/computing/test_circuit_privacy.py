"""Flooded results: still right, their noise of the size announced, and no longer that of the factor."""

import math

import numpy as np
import pytest

from he_helpers.computing import hide_circuit
from he_helpers.computing.circuit_privacy import _normal, _uniform
from he_helpers.lab.measuring import inside_bfv
from he_helpers.parameters import BFVParameters, CKKSParameters, PaillierParameters, plaintext_prime
from he_helpers.schemes.errors import DepthExhausted, UnsupportedOperation, ValueOutOfRange
from he_helpers.schemes.public.tenseal_polynomials import polynomials_of
from he_helpers.schemes.secret import paillier, tenseal_bfv, tenseal_ckks
from tests.schemes.conftest import key_pair

ROOMY = BFVParameters(8192, (60, 60, 60), plaintext_prime(34, 8192))
SURE = 5.33  # two tails of a normal number, 10^-7


@pytest.fixture(scope="module")
def bfv():
    return tenseal_bfv(ROOMY).generate_keys()


@pytest.fixture(scope="module")
def ckks():
    return tenseal_ckks(CKKSParameters(4096, (53, 53), 45)).generate_keys()


@pytest.fixture(scope="module")
def asked(bfv):
    return bfv.public.encrypt([3, -4, 5], terms=2**10)


def noise_bits(keys, ciphertext):
    return inside_bfv(keys.secret, ciphertext).noise_bits


@pytest.mark.parametrize("factor", [1, -7, 1000])
def test_the_numbers_stay(bfv, asked, factor):
    hidden = hide_circuit(asked * factor, bfv.public)
    assert bfv.secret.decrypt(hidden).tolist() == [3 * factor, -4 * factor, 5 * factor]


def test_the_noise_no_longer_tells_the_factor(bfv, asked):
    small, large = asked * 1, asked * 1000
    assert noise_bits(bfv, large) - noise_bits(bfv, small) > 8
    hidden = [noise_bits(bfv, hide_circuit(one, bfv.public)) for one in (small, large)]
    # The largest of 8192 uniform numbers, within a whole bit of the library's measure.
    assert abs(hidden[0] - hidden[1]) <= 1


def test_the_budget_that_is_left_is_one_bit_or_two(bfv, asked):
    assert 1 <= inside_bfv(bfv.secret, hide_circuit(asked, bfv.public)).room_bits <= 2


def test_the_first_polynomial_moves_by_uniform_numbers_up_to_a_quarter_of_the_limit(bfv, asked):
    native = bfv.public.with_noise(asked.native, np.full(8192, 5, dtype=object))
    difference = polynomials_of(native).astype(object) - polynomials_of(asked.native).astype(object)
    primes = [
        prime.value() for prime in bfv.public.native.seal_context().data.key_context_data().parms().coeff_modulus()
    ]
    assert all(set((difference[0, row] % primes[row]).tolist()) == {5} for row in range(2))
    assert not difference[1].any()


def test_the_deviation_is_that_of_uniform_numbers(bfv, asked):
    largest = int(bfv.public.consumption_limit / 4)
    noise = np.array(
        [float(number) / largest for number in _uniform(8192, asked.consumed, bfv.public.consumption_limit, 40)]
    )
    assert np.abs(noise).max() <= 1
    # Uniform on -1 ... 1: variance 1/3, its estimate from n numbers has the deviation sqrt((1/5 - 1/9) / n).
    assert (noise**2).mean() == pytest.approx(1 / 3, abs=SURE * math.sqrt((1 / 5 - 1 / 9) / len(noise)))
    assert abs(noise.mean()) < SURE * math.sqrt(1 / 3 / len(noise))


def test_parameters_without_room_are_refused():
    pair = key_pair("tenseal-bfv")
    with pytest.raises(DepthExhausted, match="40 are asked for"):
        hide_circuit(pair.public.encrypt([1]), pair.public)


def test_more_bits_than_there_is_room_for_are_refused(bfv, asked):
    with pytest.raises(DepthExhausted):
        hide_circuit(asked, bfv.public, security_bits=80)


def test_ckks_loses_the_precision_that_was_allowed(ckks):
    values = np.linspace(-1, 1, 2000)
    hidden = hide_circuit(
        ckks.public.encrypt(values, terms=2), ckks.public, error=1e-9, largest_error=0.01, security_bits=15
    )
    error = ckks.secret.decrypt(hidden) - values
    assert np.abs(error).max() < 0.01
    assert error.std() / (0.01 / 6.4) == pytest.approx(1, abs=SURE / math.sqrt(2 * 2000) + 0.001)
    # The owner of the key sees the imaginary parts, too: they are flooded as well.
    from tenseal.sealapi import CKKSEncoder, Decryptor, Plaintext

    context, plain = ckks.secret.native.seal_context().data, Plaintext()
    Decryptor(context, ckks.secret.native.secret_key().data).decrypt(hidden.native.ciphertext()[0], plain)
    imaginary = np.array(CKKSEncoder(context).decode_complex(plain)).imag
    assert imaginary.std() / (0.01 / 6.4) == pytest.approx(1, abs=SURE / math.sqrt(2 * 2048) + 0.001)


def test_ckks_refuses_a_precision_that_hides_too_little(ckks):
    with pytest.raises(DepthExhausted, match="larger error"):
        hide_circuit(ckks.public.encrypt([1.0], terms=2), ckks.public, error=1e-6, largest_error=1e-3)


@pytest.mark.parametrize("errors", [{}, {"error": 1e-9}, {"error": 0.0, "largest_error": 1.0}])
def test_ckks_needs_both_errors(ckks, errors):
    with pytest.raises(ValueOutOfRange):
        hide_circuit(ckks.public.encrypt([1.0], terms=2), ckks.public, **errors)


def test_an_exact_scheme_takes_no_errors(bfv, asked):
    with pytest.raises(ValueOutOfRange):
        hide_circuit(asked, bfv.public, error=1.0, largest_error=2.0)


def test_paillier_is_rerandomised():
    pair = paillier(PaillierParameters(1024), insecure_for_teaching=True).generate_keys()
    one = pair.public.encrypt([5], terms=100)
    hidden = hide_circuit(one * 3, pair.public)
    assert pair.secret.decrypt(hidden).tolist() == [15]
    assert hidden.to_bytes() != hide_circuit(one * 3, pair.public).to_bytes()


def test_pyfhel_is_refused():
    pair = key_pair("pyfhel-bfv")
    with pytest.raises(UnsupportedOperation, match="tenseal-bfv"):
        hide_circuit(pair.public.encrypt([1]), pair.public)


def test_the_bits_are_those_of_the_statistical_distance():
    # Of four coefficients with noise up to 1 beside uniform numbers from -1024 to 1024: 4 / 2049.
    assert len(_uniform(4, 1, 4096, 9)) == 4
    with pytest.raises(DepthExhausted):
        _uniform(4, 1, 4096, 10)
    # Of two slots, a deviation of 8 and an error of 1: sqrt(4) / (2 x 8).
    assert len(_normal(4, 1, 8.01 * 6.4, 3)) == 2
    with pytest.raises(DepthExhausted):
        _normal(4, 1, 8.01 * 6.4, 4)
