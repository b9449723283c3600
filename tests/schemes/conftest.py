"""Key pairs of every scheme, made once. Paillier has 2048 bits here to save time."""

from functools import cache

import numpy as np
import pytest

from he_helpers.parameters import BFVParameters, CKKSParameters, PaillierParameters, plaintext_prime
from he_helpers.schemes import catalogue
from he_helpers.schemes.secret import (
    KeyPair,
    paillier,
    pyfhel_bfv,
    pyfhel_ckks,
    tenseal_bfv,
    tenseal_ckks,
)
from tests.one_context import in_one_context

SCHEMES = {
    "tenseal-bfv": tenseal_bfv,
    "tenseal-ckks": tenseal_ckks,
    "pyfhel-bfv": pyfhel_bfv,
    "pyfhel-ckks": pyfhel_ckks,
    "paillier": paillier,
}
LATTICE = [name for name in SCHEMES if "product of ciphertexts" in catalogue.SCHEMES[name].operations]
EXACT = [name for name in SCHEMES if catalogue.SCHEMES[name].exact]
# Two products one after the other.
DEEP_BFV = BFVParameters(8192, (60, 60, 60), plaintext_prime(20, 8192))
DEEP_CKKS = CKKSParameters(8192, (54, 40, 40, 60), 40)
# Galois keys under one prime more are twice as large, and take twice as long to make: so CKKS has one product here.
SUMMING = {"bfv": DEEP_BFV, "ckks": CKKSParameters(8192, (54, 40, 60), 40)}


@cache
def key_pair(name: str, which: int = 0) -> KeyPair:
    """The key pair number ``which`` of a scheme with its default parameters and no evaluation keys."""
    return SCHEMES[name](PaillierParameters(2048) if name == "paillier" else None).generate_keys()


@cache
def short_pair(name: str) -> KeyPair:
    """As key_pair(name), for what is computed and not how much fits: Paillier's takes an eighth of the time."""
    if name != "paillier":
        return key_pair(name)
    return paillier(PaillierParameters(1024), insecure_for_teaching=True).generate_keys()


@cache
def product_pair(name: str) -> KeyPair:
    """A key pair with relinearisation keys alone, for two products one after the other."""
    parameters = DEEP_BFV if name.endswith("bfv") else DEEP_CKKS
    return in_one_context(SCHEMES[name](parameters, relinearisation_keys=True))


@cache
def deep_pair(name: str) -> KeyPair:
    """A key pair with relinearisation and Galois keys, for sums of slots and rotations; it takes longest to make."""
    parameters = SUMMING[name.split("-")[1]]
    return in_one_context(SCHEMES[name](parameters, relinearisation_keys=True, galois_keys=True))


def is_close(keys: KeyPair, found, expected) -> bool:
    """Equality for exact schemes; for CKKS an error of 1e-4 of the largest number."""
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape:
        return False
    if keys.public.exact:
        return bool((found == expected).all())
    return np.allclose(found, expected, rtol=0, atol=1e-4 * max(1, abs(expected).max()))


@pytest.fixture(params=SCHEMES)
def keys(request):
    return key_pair(request.param)


@pytest.fixture(params=LATTICE)
def deep(request):
    return deep_pair(request.param)
