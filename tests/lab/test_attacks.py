"""The attacks of notebook 19 work on the plain library, and fail against their defences."""

import numpy as np
import pytest
import tenseal as ts
from tenseal.sealapi import CKKSEncoder, Decryptor, Plaintext

from he_helpers.computing import hide_circuit, rerandomise
from he_helpers.lab import attacks
from he_helpers.parameters import BFVParameters, CKKSParameters, ckks_sum_error, plaintext_prime
from he_helpers.schemes.errors import DamagedBytes
from he_helpers.schemes.public.tenseal_message import stream_of
from he_helpers.schemes.public.tenseal_polynomials import message_with, polynomials_of
from he_helpers.schemes.secret import decrypt_flooded, tenseal_bfv, tenseal_ckks

RING = 2048
SMALL = {-1, 0, 1}


@pytest.fixture(scope="module")
def ckks():
    context = ts.context(ts.SCHEME_TYPE.CKKS, RING, coeff_mod_bit_sizes=[27, 27], n_threads=1)
    context.global_scale = 2**18
    return context


@pytest.fixture(scope="module")
def two(ckks):
    """Two vectors that fill their slots."""
    return [ts.ckks_vector(ckks, np.linspace(low, low + 5, RING // 2).tolist()) for low in (-3, 10)]


@pytest.fixture(scope="module")
def key(ckks):
    """The true secret key, in the NTT modulo the first prime."""
    plain = ckks.secret_key().data.data()
    return np.array([plain.data(place) for place in range(RING)], dtype=object)


@pytest.fixture(scope="module")
def bfv():
    return ts.context(ts.SCHEME_TYPE.BFV, 4096, coeff_mod_bit_sizes=[53, 53], plain_modulus=1032193, n_threads=1)


def coefficients(context, key):
    return set(attacks.from_ntt(key, attacks.first_prime(context)).tolist())


def test_the_transform_is_that_of_seal(ckks, key):
    prime = attacks.first_prime(ckks)
    assert coefficients(ckks, key) == SMALL
    assert (attacks.to_ntt(attacks.from_ntt(key, prime), prime) == key).all()


def test_a_product_in_the_transform_is_one_in_the_ring(ckks):
    prime = attacks.first_prime(ckks)
    one, other = np.zeros((2, 8), dtype=object)
    one[7], other[2] = 1, 3
    product = attacks.to_ntt(one, prime) * attacks.to_ntt(other, prime) % prime
    assert attacks.from_ntt(product, prime).tolist() == [0, -3, 0, 0, 0, 0, 0, 0]


def test_polynomials_go_out_and_back(ckks, two):
    again = ts.ckks_vector_from(ckks, message_with(two[0], polynomials_of(two[0])))
    assert again.decrypt() == two[0].decrypt()
    with pytest.raises(ValueError, match="shape"):
        message_with(two[0], polynomials_of(two[0])[:1])
    with pytest.raises(DamagedBytes):
        stream_of(two[0].serialize(), two[0].size() + 1)


def test_one_complex_decryption_gives_the_key(ckks, key):
    vector, plain = ts.ckks_vector(ckks, [1.5, 2.5]), Plaintext()
    context = ckks.seal_context().data
    Decryptor(context, ckks.secret_key().data).decrypt(vector.ciphertext()[0], plain)
    found = attacks.key_from_complex(ckks, vector, CKKSEncoder(context).decode_complex(plain))
    assert (found == key).all()


def test_two_real_decryptions_give_the_key_and_the_key_reads_another(ckks, two, key):
    found = attacks.key_from_real(ckks, two, [vector.decrypt() for vector in two])
    assert (found == key).all()
    other = ts.ckks_vector(ckks, [3.25, -1.5, 7])
    assert attacks.read_with(found, ckks, other) == pytest.approx(other.decrypt(), abs=1e-9)


def test_sums_give_the_key(ckks, two, key):
    sums = [two[0] + two[1], two[0] + two[0]]
    assert (attacks.key_from_real(ckks, sums, [vector.decrypt() for vector in sums]) == key).all()


def test_coarse_rounding_stops_this_attack_and_fine_rounding_does_not(ckks, two, key):
    fine, coarse = ([np.round(vector.decrypt(), places) for vector in two] for places in (6, 3))
    assert (attacks.key_from_real(ckks, two, fine) == key).all()
    assert len(coefficients(ckks, attacks.key_from_real(ckks, two, coarse))) > 1000


def test_rounded_multiples_give_the_key_where_a_rounded_sum_does_not(ckks, two, key):
    assert len(coefficients(ckks, attacks.key_from_real(ckks, two, [np.round(v.decrypt(), 4) for v in two]))) > 1000
    multiples = []
    for vector in two:
        for _ in range(4):
            vector = vector + vector
        multiples.append(np.round(vector.decrypt(), 4) / 16)
    assert (attacks.key_from_real(ckks, two, multiples) == key).all()


def test_flooding_stops_it():
    keys = tenseal_ckks(CKKSParameters(4096, (53, 53), 40)).generate_keys()
    full = [keys.public.encrypt(np.linspace(low, low + 1, keys.public.slot_count), terms=1) for low in (0, 5)]
    error = ckks_sum_error(keys.public.parameters, 1, 6)
    natives, context = [one.native for one in full], keys.public.native
    plain = [keys.secret.decrypt(one) for one in full]
    assert coefficients(context, attacks.key_from_real(context, natives, plain)) == SMALL
    flooded = [decrypt_flooded(keys.secret, one, error=error, queries=2) for one in full]
    assert len(coefficients(context, attacks.key_from_real(context, natives, flooded))) > 4000


def test_a_counterfeit_decrypts_to_the_key(bfv):
    plain = bfv.secret_key().data.data()
    true = attacks.from_ntt([plain.data(place) for place in range(4096)], attacks.first_prime(bfv))
    delta = np.zeros(4096, dtype=object)
    delta[0] = attacks.first_prime(bfv) // 1032193
    forged = attacks.counterfeit(ts.bfv_vector(bfv, [1] * 4096), 0 * delta, delta)
    assert (attacks.polynomial_of(bfv, forged.decrypt()) == true).all()


@pytest.mark.parametrize("factors", [[3, -200, 500_000, 0], 77])
def test_a_product_tells_its_factor_until_it_is_rerandomised(bfv, factors):
    before = ts.bfv_vector(bfv, [5, 6, 7, 8])
    after = before * factors
    wanted = factors if isinstance(factors, list) else [77] * 4
    assert attacks.factor_of(bfv, before, after).tolist() == wanted
    hidden = after + ts.bfv_vector(bfv, [0] * 4)
    assert attacks.factor_of(bfv, before, hidden).tolist() != wanted


@pytest.mark.slow
def test_the_noise_is_that_which_seal_measures_and_tells_the_weights():
    keys = tenseal_bfv(BFVParameters(4096, (53, 53), 1032193)).generate_keys()
    context = keys.secret.native
    inputs = [keys.public.encrypt([number, 1], terms=2**12) for number in (3, 5)]
    noises = np.array([attacks.noise_of(context, one.native) for one in inputs])
    largest = np.abs(noises).max(axis=1)
    # SEAL's budget is log2 q - log2 (2 t x noise), rounded down.
    decryptor = Decryptor(context.seal_context().data, context.secret_key().data)
    for one, noise in zip(inputs, largest, strict=True):
        exact = np.log2(attacks.first_prime(context) / (2 * 1032193 * noise))
        assert 0 <= exact - decryptor.invariant_noise_budget(one.native.ciphertext()[0]) < 1
    score = inputs[0] * -6 + inputs[1] * 466
    weights, *_ = np.linalg.lstsq(noises.T, attacks.noise_of(context, score.native))
    assert np.rint(weights).tolist() == [-6, 466]


@pytest.mark.slow
def test_flooding_hides_the_weights_from_the_owner_of_the_key():
    parameters = BFVParameters(8192, (60, 60, 60), plaintext_prime(34, 8192))
    keys = tenseal_bfv(parameters).generate_keys()
    one = keys.public.encrypt([3], terms=2**12)
    noise = attacks.noise_of(keys.secret.native, one.native)
    told = []
    for answer in (rerandomise(one * 466, keys.public), hide_circuit(one * 466, keys.public)):
        told.append(noise @ attacks.noise_of(keys.secret.native, answer.native) / (noise @ noise))
    assert round(told[0]) == 466
    # The noise of the flooding is some 2^73 times as large: near 466 it comes by chance less than once in 10^15 times.
    assert abs(told[1]) > 1e6
