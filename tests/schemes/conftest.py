"""Key pairs of every scheme, made once. Paillier has 2048 bits here to save time."""

from functools import cache
from pathlib import Path

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

SCHEMES = {
    "tenseal-bfv": tenseal_bfv,
    "tenseal-ckks": tenseal_ckks,
    "pyfhel-bfv": pyfhel_bfv,
    "pyfhel-ckks": pyfhel_ckks,
    "paillier": paillier,
}
LATTICE = [name for name in SCHEMES if "product of ciphertexts" in catalogue.SCHEMES[name].operations]
EXACT = [name for name in SCHEMES if catalogue.SCHEMES[name].exact]
# Two products one after the other, and sums of slots.
DEEP_BFV = BFVParameters(8192, (54, 50, 50, 60), plaintext_prime(20, 8192))
DEEP_CKKS = CKKSParameters(8192, (54, 40, 40, 60), 40)


def _deep_parameters(name: str) -> BFVParameters | CKKSParameters:
    return DEEP_BFV if name.endswith("bfv") else DEEP_CKKS


@cache
def key_pair(name: str, which: int = 0) -> KeyPair:
    """The key pair number ``which`` of a scheme with its default parameters and no evaluation keys."""
    return SCHEMES[name](PaillierParameters(2048) if name == "paillier" else None).generate_keys()


@cache
def product_pair(name: str) -> KeyPair:
    """A key pair with relinearisation keys alone, for two products one after the other."""
    return SCHEMES[name](_deep_parameters(name), relinearisation_keys=True).generate_keys()


_deep: dict[str, KeyPair] = {}


def deep_pair(name: str) -> KeyPair:
    """A product_pair with Galois keys as well, where slots are added up or rotated; the last one is kept.

    It takes six times as long to make.
    """
    if name not in _deep:
        # A pair takes some 100 MB, which the libraries keep when it is gone, and use again for the next.
        _deep.clear()
        _deep[name] = SCHEMES[name](_deep_parameters(name), relinearisation_keys=True, galois_keys=True).generate_keys()
    return _deep[name]


def is_close(keys: KeyPair, found, expected) -> bool:
    """Equality for exact schemes; for CKKS an error of 1e-4 of the largest number."""
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape:
        return False
    if keys.public.exact:
        return bool((found == expected).all())
    return np.allclose(found, expected, rtol=0, atol=1e-4 * max(1, abs(expected).max()))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One scheme after the other within each file of this folder, so that deep_pair makes each pair once for a file."""
    places = [place for place, item in enumerate(items) if item.path.parent == Path(__file__).parent]
    first = {items[place].path: place for place in reversed(places)}
    rank = {name: number for number, name in enumerate(SCHEMES)}

    def order(item: pytest.Item) -> tuple[int, int]:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        name = parameters.get("deep", parameters.get("name"))
        return first[item.path], rank.get(name, len(rank)) if isinstance(name, str) else len(rank)

    for place, item in zip(places, sorted((items[place] for place in places), key=order), strict=True):
        items[place] = item


@pytest.fixture(params=SCHEMES)
def keys(request):
    return key_pair(request.param)


@pytest.fixture(params=LATTICE)
def deep(request):
    return deep_pair(request.param)
