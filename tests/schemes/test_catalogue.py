"""The catalogue of schemes: what it says of each is what the scheme does, and it leads a server to no secret key."""

import subprocess
import sys

import numpy as np
import pytest

from he_helpers.parameters import BFVParameters, CKKSParameters, InvalidParameters, PaillierParameters
from he_helpers.schemes.catalogue import SCHEMES, first_scheme, scheme_entry
from he_helpers.schemes.errors import UnsupportedOperation
from he_helpers.schemes.secret import make_scheme, secret_key_from_bytes
from tests.schemes import conftest
from tests.schemes.conftest import deep_pair, key_pair

OPERATIONS = {
    "product with a number": lambda x: x * 2,
    "product with a vector": lambda x: x * [2, 3, 4],
    "product of ciphertexts": lambda x: x * x,
    "sum of slots": lambda x: x.sum(),
    "rotation": lambda x: x.rotate(1),
    "product with a matrix": lambda x: x @ np.ones((3, 2)),
}
EXPECTED = {
    "product with a number": [2, 4, 6],
    "product with a vector": [2, 6, 12],
    "product of ciphertexts": [1, 4, 9],
    "sum of slots": [6],
    "rotation": [2, 3],
    "product with a matrix": [6, 6],
}


def test_every_scheme_is_tested():
    assert list(conftest.SCHEMES) == list(SCHEMES)


@pytest.mark.parametrize("name", SCHEMES)
def test_an_entry_leads_to_its_scheme(name):
    entry, keys = SCHEMES[name], key_pair(name)
    assert type(keys.public) is entry.public_key_class() and keys.public.scheme_name == entry.name == name
    assert keys.public.exact == entry.exact and isinstance(keys.public.parameters, entry.parameters_class)
    assert make_scheme(name).parameters == entry.parameters_class()
    assert secret_key_from_bytes(keys.secret.to_bytes()).public.catalogue_entry is entry
    assert entry.is_installed()


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("name", SCHEMES)
def test_a_scheme_does_what_its_entry_says(name, operation):
    keys = deep_pair(name) if name in conftest.LATTICE else key_pair(name)
    x = keys.public.encrypt([1, 2, 3], terms=int(keys.public.capacity) // 16)
    if operation in SCHEMES[name].operations:
        found = keys.secret.decrypt(OPERATIONS[operation](x))
        expected = EXPECTED[operation]
        assert np.allclose(found[: len(expected)].astype(float), expected, atol=1e-3)
    else:
        with pytest.raises(UnsupportedOperation, match=f"{name} has no {operation}"):
            OPERATIONS[operation](x)


@pytest.mark.parametrize(
    "name, operation, others",
    [
        ("tenseal-bfv", "rotation", "pyfhel-bfv"),
        ("tenseal-ckks", "rotation", "pyfhel-ckks"),
        ("pyfhel-bfv", "product with a matrix", "tenseal-ckks"),
        ("paillier", "sum of slots", "tenseal-bfv, tenseal-ckks, pyfhel-bfv, pyfhel-ckks"),
    ],
)
def test_who_has_an_operation_is_named(name, operation, others):
    with pytest.raises(UnsupportedOperation, match=f"It is offered by: {others}\\."):
        SCHEMES[name].require(operation)


def test_a_scheme_refuses_what_is_for_another():
    with pytest.raises(InvalidParameters, match="tenseal-bfv takes BFVParameters, not CKKSParameters"):
        make_scheme("tenseal-bfv", CKKSParameters())
    for keys in ({"relinearisation_keys": True}, {"galois_keys": True}):
        with pytest.raises(UnsupportedOperation, match="paillier has no"):
            make_scheme("paillier", **keys)
    for unknown in ("tenseal", None, ["tenseal-bfv"]):
        with pytest.raises(UnsupportedOperation, match="this package has tenseal-bfv, "):
            scheme_entry(unknown)


def test_the_first_scheme_of_parameters():
    found = [first_scheme(parameters).name for parameters in (BFVParameters(), CKKSParameters(), PaillierParameters())]
    assert found == ["tenseal-bfv", "tenseal-ckks", "paillier"]


@pytest.mark.parametrize("name", SCHEMES)
def test_the_doors_to_the_library(name):
    keys, library = key_pair(name), SCHEMES[name].package
    x = keys.public.encrypt([5], terms=1)
    for native in (keys.public.native, keys.secret.native):
        assert type(native).__module__.split(".")[0] == library
    if library == "tenseal":
        assert not keys.public.native.is_private() and keys.secret.native.is_private()
        found = x.native.decrypt(keys.secret.native.secret_key())[0]
    elif library == "Pyfhel":
        assert keys.public.native.is_secret_key_empty() and not keys.secret.native.is_secret_key_empty()
        found = (keys.secret.native.decryptInt if keys.public.exact else keys.secret.native.decryptFrac)(x.native)[0]
    else:
        assert keys.secret.native.p * keys.secret.native.q == keys.public.native.n
        found = keys.secret.native.raw_decrypt(int(x.native))
    assert found == pytest.approx(5, abs=1e-4)


def test_no_secret_side_is_loaded_with_all_of_the_public_one():
    words = """
import os
import sys
from he_helpers.schemes import catalogue
assert not any(entry.package in sys.modules for entry in catalogue.SCHEMES.values())
from he_helpers.schemes.public.loading import load_libraries
load_libraries()
print(*sorted(name for name in sys.modules if name.startswith("he_helpers.schemes.")), flush=True)
# Pyfhel's own exit handlers can end a process by a signal.
os._exit(0)
"""
    loaded = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True).stdout.split()
    assert {"he_helpers.schemes.public.tenseal", "he_helpers.schemes.public.pyfhel"} <= set(loaded)
    assert not [name for name in loaded if "secret" in name]
