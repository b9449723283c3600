"""Estimates of the noise of BFV and of the error of CKKS, from the parameters alone.

BFV: the noise is counted in the units of the coefficient modulus q; decryption is right while 2 t x noise < q. The
estimates follow Fan and Vercauteren, "Somewhat Practical Fully Homomorphic Encryption", ePrint 2012/144, with the
average-case factor sqrt(N) in place of the worst case N, and are checked against SEAL's own measure in the tests.
Switching keys, after a product of ciphertexts and at each rotation, adds noise that the last prime divides down.
CKKS: Cheon, Kim, Kim and Song, ePrint 2016/421; the error is that of a value in a slot, at a scale of 1.
"""

import math

from he_helpers.parameters.sets import BFVParameters, CKKSParameters, coefficient_primes


def bfv_noise_limit(parameters: BFVParameters) -> float:
    # The primes are a little below 2^bits each: one bit is kept back for all of them together.
    return 2.0 ** (parameters.data_bits - 2) / parameters.plaintext_modulus


def bfv_fresh_noise(parameters: BFVParameters) -> float:
    return 2.0 * math.sqrt(parameters.ring_dimension)


def bfv_product_noise(parameters: BFVParameters, a: float, b: float) -> float:
    growth = 2.0 * parameters.plaintext_modulus * parameters.ring_dimension
    return growth * (a + b) + bfv_key_switching_noise(parameters)


def bfv_slot_sum_noise(parameters: BFVParameters, a: float) -> float:
    # Every rotation by a power of two doubles the noise and adds that of a key switch.
    return parameters.ring_dimension * (a + bfv_key_switching_noise(parameters))


def bfv_key_switching_noise(parameters: BFVParameters) -> float:
    *data, special = parameters.coefficient_modulus_bits
    return 10.0 * math.sqrt(len(data) * parameters.ring_dimension) * 2.0 ** (max(data) - special)


def ckks_fresh_error(parameters: CKKSParameters) -> float:
    """Encoding and encryption. Rounding leaves a deviation of about 0.24 N in a slot; four times the largest seen of
    that in a full ciphertext is a bound that holds in practice."""
    return 4.0 * parameters.ring_dimension * 2.0**-parameters.scale_bits


def ckks_key_switching_error(parameters: CKKSParameters) -> float:
    *data, special = parameters.coefficient_modulus_bits
    return ckks_fresh_error(parameters) * (1 + math.sqrt(len(data)) * 2.0 ** (max(data) - special + 2))


def ckks_drift(parameters: CKKSParameters, products: int) -> float:
    """The relative error that the libraries leave by overwriting the scale: each product divides by a prime of the
    chain, from its end, and the value is read as if it had been divided by the scale."""
    primes = coefficient_primes(parameters.ring_dimension, parameters.coefficient_modulus_bits)[-2:0:-1]
    factor = math.prod(2**parameters.scale_bits / prime for prime in primes[:products])
    return abs(factor - 1)


def float_error(largest: float) -> float:
    """What encoding and decoding in double precision cost a value."""
    return largest * 2.0**-46
