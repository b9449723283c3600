"""What is found inside real ciphertexts, against what the parameters and the libraries say."""

import math

import numpy as np
import pytest
import tenseal as ts

from he_helpers.lab import measuring
from he_helpers.parameters import BFVParameters, CKKSParameters, coefficient_primes, plaintext_prime
from he_helpers.schemes.errors import KeyMismatch, ShapeMismatch, WrongKind
from he_helpers.schemes.secret import pyfhel_bfv, pyfhel_ckks, tenseal_bfv, tenseal_ckks

T = plaintext_prime(20, 8192)
VALUES = np.array([1.5, -2.0, 3.0])


@pytest.fixture(scope="module")
def bfv():
    return ts.context(ts.SCHEME_TYPE.BFV, 8192, plain_modulus=T, coeff_mod_bit_sizes=[53, 53, 53, 55], n_threads=1)


@pytest.fixture(scope="module")
def ckks():
    context = ts.context(ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[60, 40, 60], n_threads=1)
    context.global_scale = 2**40
    return context


def test_a_raw_bfv_vector(bfv):
    vector = ts.bfv_vector(bfv, [1, 2, 3])
    fresh, product = (measuring.inside_bfv(bfv, found) for found in (vector, vector * vector))
    assert fresh.modulus_bits == pytest.approx(159, abs=0.01) and fresh.message_bits == pytest.approx(math.log2(T))
    assert fresh.measured and fresh.room_bits == pytest.approx(131, abs=1) and not fresh.loss
    assert product.room_bits == pytest.approx(99, abs=1) and product.message_bits == fresh.message_bits
    lost = measuring.inside_bfv(bfv, vector * vector * vector * vector * vector * vector)
    assert lost.room_bits == 0 and lost.loss


def test_another_key_finds_no_room(bfv):
    stranger = ts.context(ts.SCHEME_TYPE.BFV, 8192, plain_modulus=T, coeff_mod_bit_sizes=[53, 53, 53, 55], n_threads=1)
    assert measuring.inside_bfv(stranger, ts.bfv_vector(bfv, [1, 2, 3])).loss


def test_a_raw_ckks_vector(ckks):
    vector = ts.ckks_vector(ckks, VALUES)
    fresh = measuring.inside_ckks(ckks, vector, VALUES)
    assert fresh.modulus_bits == pytest.approx(100, abs=0.01) and fresh.dropped_bits == 0 and fresh.scale_bits == 40
    assert fresh.value_bits == math.log2(6)
    error = np.abs(np.array(vector.decrypt()) - VALUES).max()
    assert fresh.noise_bits == pytest.approx(math.log2(error * 2**41)) and 8 < fresh.noise_bits < 18
    product = measuring.inside_ckks(ckks, vector * vector, VALUES**2)
    assert product.modulus_bits == pytest.approx(60, abs=0.01) and product.dropped_bits == pytest.approx(40, abs=0.01)
    assert product.noise_bits > fresh.noise_bits and product.value_bits == math.log2(18)


@pytest.mark.parametrize("make", [tenseal_bfv, pyfhel_bfv])
def test_a_bfv_ciphertext_of_the_course(make):
    parameters = BFVParameters(4096, (53, 53), plaintext_prime(20, 4096))
    keys, stranger = make(parameters).generate_keys(), make(parameters).generate_keys()
    ciphertext = keys.public.encrypt([1, 2, 3], terms=4)
    inside = measuring.inside_bfv(keys.secret, ciphertext)
    prime = coefficient_primes(4096, (53, 53))[0]
    assert inside.modulus_bits == math.log2(prime) and inside.room_bits == pytest.approx(26, abs=1)
    assert (
        inside.room_bits
        == round(inside.room_bits)
        > measuring.inside_bfv(keys.secret, ciphertext + ciphertext).room_bits
    )
    with pytest.raises(KeyMismatch, match="this secret key is of"):
        measuring.inside_bfv(stranger.secret, ciphertext)
    with pytest.raises(WrongKind, match="needs a key with CKKSParameters" if make is pyfhel_bfv else "CKKS vector"):
        measuring.inside_ckks(keys.secret, ciphertext, [1, 2, 3])


@pytest.mark.parametrize("make", [tenseal_ckks, pyfhel_ckks])
def test_a_ckks_ciphertext_of_the_course(make):
    keys = make(CKKSParameters(), relinearisation_keys=True).generate_keys()
    ciphertext = keys.public.encrypt(VALUES, terms=1).assuming(4)
    fresh = measuring.inside_ckks(keys.secret, ciphertext, VALUES)
    product = measuring.inside_ckks(keys.secret, ciphertext * ciphertext, VALUES**2)
    for inside, dropped, largest in ((fresh, 0, 3), (product, 40, 9)):
        assert inside.dropped_bits == pytest.approx(dropped, abs=0.01)
        assert inside.modulus_bits == pytest.approx(100 - dropped, abs=0.01)
        assert inside.scale_bits == pytest.approx(40, abs=0.01) and inside.value_bits == math.log2(2 * largest)
        assert 5 < inside.noise_bits < 30 and not inside.loss
    with pytest.raises(WrongKind, match="BFV"):
        measuring.inside_bfv(keys.secret, ciphertext)


def test_what_does_not_fit_is_refused(bfv, ckks):
    vector = ts.ckks_vector(ckks, VALUES)
    public = bfv.copy()
    public.make_context_public()
    for secret in (public, None):
        with pytest.raises(WrongKind, match="found with the secret key: give a private TenSEAL context"):
            measuring.inside_bfv(secret, ts.bfv_vector(bfv, [1]))
    with pytest.raises(WrongKind, match="Here belongs a BFV vector of TenSEAL, not CKKSVector"):
        measuring.inside_bfv(bfv, vector)
    with pytest.raises(ShapeMismatch, match="holds 3 values"):
        measuring.inside_ckks(ckks, vector, VALUES[:2])
    with pytest.raises(ValueError, match="is every value 0"):
        measuring.inside_ckks(ckks, vector, VALUES * 0)
