"""What whoever holds a Paillier secret key encrypts: nobody can tell it from what the public key encrypts."""

import itertools
import math

import numpy as np

from he_helpers.schemes.secret.phe import ResiduesOfOwner
from tests.schemes.conftest import key_pair


def test_an_owner_draws_the_powers_that_the_public_key_makes_each_as_often():
    """On primes so small that all powers can be listed."""
    p, q = 7, 11
    n = p * q
    powers = {pow(r, n, n * n) for r in range(1, n) if math.gcd(r, n) == 1}
    assert len(powers) == (p - 1) * (q - 1) == 60
    owner, draws = ResiduesOfOwner(p, q), 6000
    drawn = [int(owner.draw()) for _ in range(draws)]
    assert set(drawn) == powers
    # The chi-squared statistic of 59 degrees of freedom: mean 59, standard deviation 11.
    expected = draws / len(powers)
    assert sum((drawn.count(power) - expected) ** 2 / expected for power in powers) < 59 + 9 * 11


def test_no_two_ciphertexts_agree_modulo_a_prime_factor():
    """A difference that one prime factor divides would tell the factor, and with it the secret key."""
    keys = key_pair("paillier")
    modulus = keys.public.native.n
    numbers = [int(keys.secret.encrypt([7]).native) for _ in range(8)]
    for one, other in itertools.combinations(numbers, 2):
        assert math.gcd(one - other, modulus) == 1


def test_what_the_owner_encrypts_is_an_ordinary_ciphertext():
    keys = key_pair("paillier")
    own = keys.secret.encrypt([3, -4, 0])
    received = keys.public.load_ciphertext(own.to_bytes())
    assert len(own.to_bytes()) == len(keys.public.encrypt([3, -4, 0]).to_bytes())
    found = keys.secret.decrypt(received + keys.public.encrypt([1, 1, 1]))
    assert np.array_equal(found, [4, -3, 1])
    # phe itself reads it: the numbers stand in lanes, the first one lowest.
    lane = 2**keys.public.parameters.lane_bits
    assert keys.secret.native.raw_decrypt(int(own.native)) == (3 - 4 * lane) % keys.public.native.n
