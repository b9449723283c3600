"""Upper bounds of the noise of BFV and of the error of CKKS, from the parameters alone.

BFV: the noise is counted in the units of the coefficient modulus q; decryption is right while 2 t x noise < q.
CKKS: the error is that of a value in a slot, at a scale of 1.

A fresh ciphertext. Microsoft SEAL encrypts with the key under all primes, and divides by the last one, p, which leaves
a noise polynomial (e u + e1 + e2 s) / p + r0 + r1 s. Its coefficients have the variance

    sigma^2 (4 N / 3 + 1) / p^2 + (2 N / 3 + 1) / 12,

the second term being that of a modulus switch, (|s|^2 + 1) / 12 (Ducas and Micciancio, ePrint 2014/816), for a ternary
secret s with two thirds of its coefficients different from zero. Under BFV each coefficient of the scaled message
q m / t is rounded as well, under CKKS that of the encoded one: by 1/2 at most, and the same way for the same message.

A sum of n fresh ciphertexts, each encrypted on its own: the variances add up, the roundings of the messages add up at
worst; so sqrt(n) and n. A ciphertext added to itself doubles its noise: what has been computed is counted linearly.

How far from the deviation: no coefficient (BFV) or slot (CKKS) exceeds the bound with a probability of 1 - 2^-40, times
a safety factor of 1.5. Average-case analyses take that from a normal distribution (Costache, Curtis, Hales, Murphy,
Ogilvie and Player, "On the precision loss in approximate homomorphic encryption", ePrint 2022/162), and report that it
sometimes falls a little short under CKKS. In a slot r1 s is a product of two values that are nearly normal, and s stays
the same for all ciphertexts of a key; so its tail is that of a Laplace distribution, and that is taken here.

Products and slot sums follow Fan and Vercauteren, "Somewhat Practical Fully Homomorphic Encryption", ePrint 2012/144,
with factors that the tests compare with SEAL's own measure. The tests compare the sums, too.
"""

import math

from he_helpers.parameters.sets import BFVParameters, CKKSParameters, coefficient_primes

_ERROR_DEVIATION = 3.2  # of SEAL's error distribution
_FAILURE = math.log(2.0**40)
_SAFETY = 1.5


def bfv_noise_limit(parameters: BFVParameters) -> float:
    """The noise at which decryption begins to fail."""
    primes = coefficient_primes(parameters.ring_dimension, parameters.coefficient_modulus_bits)[:-1]
    return math.prod(primes) / (2 * parameters.plaintext_modulus)


def bfv_sum_noise(parameters: BFVParameters, terms: int) -> float:
    """The noise of a sum of ``terms`` fresh ciphertexts, each of them encrypted on its own and added once."""
    deviations = math.sqrt(2 * (_FAILURE + math.log(2 * parameters.ring_dimension)))
    return terms / 2 + _SAFETY * deviations * math.sqrt(terms * _fresh_variance(parameters))


def bfv_fresh_noise(parameters: BFVParameters) -> float:
    return bfv_sum_noise(parameters, 1)


def bfv_product_noise(parameters: BFVParameters, a: float, b: float) -> float:
    growth = 2.0 * parameters.plaintext_modulus * parameters.ring_dimension
    return growth * (a + b) + bfv_key_switching_noise(parameters)


def bfv_slot_sum_noise(parameters: BFVParameters, a: float) -> float:
    # Every rotation by a power of two doubles the noise and adds that of a key switch.
    return parameters.ring_dimension * (a + bfv_key_switching_noise(parameters))


def bfv_key_switching_noise(parameters: BFVParameters) -> float:
    """What a rotation, or the relinearisation after a product, adds."""
    deviations = math.sqrt(2 * (_FAILURE + math.log(2 * parameters.ring_dimension)))
    return _SAFETY * deviations * math.sqrt(_key_switching_variance(parameters))


def ckks_sum_error(
    parameters: CKKSParameters, terms: int, largest: float, slots: int = 1, rotated: bool = False
) -> float:
    """The error of a sum of values up to ``largest``: of ``slots`` slots of a sum of ``terms`` fresh ciphertexts, each
    of them encrypted on its own and added once.

    rotated: the slots are added up by rotations, log2(slots) of them, and not after decryption.
    """
    ring = parameters.ring_dimension
    # A slot is a sum over the coefficients, each turned by an angle, and its real part has half of the variance.
    of_slot = ring / 2
    variance = terms * _fresh_variance(parameters) + rotated * _key_switching_variance(parameters)
    exponent = _FAILURE + math.log(ring)
    # Of one slot the tail of Laplace; of several, which differ in r1 and in s, Bernstein's inequality for such tails.
    deviations = exponent / math.sqrt(2)
    if slots > 1:
        deviations += math.sqrt(2 * slots * exponent)
    # Rounding the encoded message leaves an error without s, whose slots are normal.
    rounding = terms * math.sqrt(slots * of_slot / 12 * 2 * exponent)
    error = _SAFETY * (deviations * math.sqrt(of_slot * variance) + rounding)
    if rotated:
        error += (slots - 1) * _ckks_key_switching_offset(parameters)
    return error * 2.0**-parameters.scale_bits + float_error(largest * terms * slots)


def ckks_fresh_error(parameters: CKKSParameters) -> float:
    """Encoding and encryption, without that of double precision."""
    return ckks_sum_error(parameters, 1, 0)


def ckks_key_switching_error(parameters: CKKSParameters) -> float:
    """Of a value after a product, where rescaling divides it down, or of the sum of all slots, which is one coefficient
    of the noise. A single rotation leaves more than this in a few slots: see ckks_sum_error."""
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


def _fresh_variance(parameters: BFVParameters | CKKSParameters) -> float:
    """Of a coefficient of the noise of a fresh ciphertext."""
    ring, special = parameters.ring_dimension, parameters.coefficient_modulus_bits[-1]
    # The last prime is above half of 2^bits.
    return _ERROR_DEVIATION**2 * (4 * ring / 3 + 1) / 4.0 ** (special - 1) + (2 * ring / 3 + 1) / 12


def _key_switching_variance(parameters: BFVParameters | CKKSParameters) -> float:
    """Of a coefficient of the noise that switching keys adds: the digits of a polynomial modulo each prime, which SEAL
    takes from 0 to the prime, times the errors of the key, divided by the last prime; and the rounding of that."""
    ring = parameters.ring_dimension
    *data, special = parameters.coefficient_modulus_bits
    digits = sum(4.0 ** (bits - special) for bits in data) / 3
    return _ERROR_DEVIATION**2 * ring * digits + (2 * ring / 3 + 1) / 12


def _ckks_key_switching_offset(parameters: CKKSParameters) -> float:
    """What the mean of the digits, half of the prime, leaves: a polynomial with all coefficients alike, times the error
    of the key. It lies in the slots whose root of unity is nearest to 1, where it reaches 2 N / pi for coefficients of
    one. An error of the key has a variance of sigma^2 N in a slot, and an exponential tail of its square."""
    ring = parameters.ring_dimension
    *data, special = parameters.coefficient_modulus_bits
    key_error = _ERROR_DEVIATION * math.sqrt(ring * (_FAILURE + math.log(ring)))
    return _SAFETY * sum(2.0 ** (bits - special) for bits in data) * ring / math.pi * key_error
