"""Public contexts are shared while in use, and what a key names of itself is checked anyway."""

import gc
import weakref

import pytest

from he_helpers.parameters import BFVParameters, CKKSParameters, plaintext_prime
from he_helpers.schemes.errors import DamagedBytes
from he_helpers.schemes.public import load_public_key, pyfhel
from he_helpers.schemes.public.kept_contexts import keep_contexts
from he_helpers.schemes.secret import pyfhel_bfv, pyfhel_ckks, secret_key_from_bytes, tenseal_bfv, tenseal_ckks
from tests.schemes.conftest import LATTICE, key_pair
from tests.sealing import open_fields, seal_fields

# Parameters that no other test keeps in use.
OWN = BFVParameters(4096, (50, 52), plaintext_prime(21, 4096))
OWN_CKKS = CKKSParameters(4096, (40, 26, 40), 26)
LARGE = CKKSParameters(16384, (40, 26, 41), 26)
SMALLEST = BFVParameters(2048, (27, 26), plaintext_prime(14, 2048))


@pytest.fixture(scope="module", autouse=True)
def _young_garbage():
    """What was there before is no garbage of these tests, and looking through it took half of their time."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("name", LATTICE)
def test_a_context_without_keys_is_shared_with_whoever_has_it_in_use(name):
    one, other = key_pair(name), key_pair(name, 1)
    server = load_public_key(one.public.for_evaluation().to_bytes())
    assert server.native is one.public.for_evaluation().native is server.for_loading().native
    # It is parameters alone, so another key under the same has it too, and each key keeps its own name.
    assert server.native is other.public.for_evaluation().native
    assert server.fingerprint == one.public.fingerprint != other.public.fingerprint


@pytest.mark.parametrize("name", ["tenseal-bfv", "pyfhel-bfv"])
def test_what_is_shared_computes_for_each_key(name):
    for keys in [key_pair(name, which) for which in range(2)]:
        server = load_public_key(keys.public.for_evaluation().to_bytes())
        x = server.load_ciphertext(keys.public.encrypt([1, 2, 3]).to_bytes())
        assert keys.secret.decrypt(keys.public.load_ciphertext((x + x).to_bytes())).tolist() == [2, 4, 6]


def test_a_key_that_is_read_again_while_in_use_shares_its_context():
    pair, other = key_pair("tenseal-bfv"), key_pair("tenseal-bfv", 1)
    read = load_public_key(pair.public.to_bytes())
    assert read.native is pair.public.native is load_public_key(pair.public.to_bytes()).native
    assert read.native is not other.public.native
    # The context with the secret key is never shared.
    again, once_more = (secret_key_from_bytes(pair.secret.to_bytes()) for _ in range(2))
    assert again.public.native is once_more.public.native is pair.public.native
    assert again.secret.native is not once_more.secret.native
    assert again.secret.native.is_private() and not read.native.is_private()
    assert again.secret.decrypt(read.encrypt([1, 2])).tolist() == [1, 2]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["relinearisation_keys", "galois_keys"])
@pytest.mark.parametrize("scheme", [tenseal_bfv, pyfhel_bfv])
def test_a_context_with_evaluation_keys_is_not_shared(scheme, kind):
    # The smallest with such keys: four contexts hold them.
    data = scheme(SMALLEST, **{kind: True}).generate_keys().public.to_bytes()
    whole = [load_public_key(data) for _ in range(2)]
    parts = [load_public_key(key.for_evaluation().to_bytes()) for key in whole]
    contexts = [key.native for key in (*whole, *parts)]
    assert len(set(map(id, contexts))) == 4


def context_left_behind(scheme, parameters):
    """A weak reference to the context of a key that was read and dropped."""
    data = scheme(parameters).generate_keys().public.for_evaluation().to_bytes()
    reference = weakref.ref(load_public_key(data).native)
    gc.collect()
    return reference


@pytest.mark.slow
@pytest.mark.parametrize("scheme", [tenseal_bfv, pyfhel_bfv])
def test_a_context_that_nobody_uses_is_given_up(scheme):
    assert context_left_behind(scheme, OWN)() is None


@pytest.mark.slow
@pytest.mark.parametrize("scheme, other", [(tenseal_bfv, pyfhel_ckks), (pyfhel_bfv, tenseal_ckks)])
def test_a_process_can_keep_the_small_ones_that_it_used_last(scheme, other):
    keep_contexts(2)
    try:
        first = context_left_behind(scheme, OWN)
        second = context_left_behind(other, OWN_CKKS)
        assert first() is not None and second() is not None
        # Used again, so that the other one makes way.
        assert context_left_behind(scheme, OWN)() is first()
        third = context_left_behind(scheme, SMALLEST)
        assert first() is not None and second() is None and third() is not None
        assert context_left_behind(other, LARGE)() is None
    finally:
        keep_contexts(0)
    gc.collect()
    assert first() is None and third() is None


@pytest.mark.slow
def test_a_context_with_the_key_to_encrypt_is_given_up_too():
    data = tenseal_bfv(OWN).generate_keys().public.to_bytes()
    keep_contexts(2)
    try:
        reference = weakref.ref(load_public_key(data).native)
        gc.collect()
        assert reference() is None
    finally:
        keep_contexts(0)


@pytest.mark.slow
def test_a_process_that_keeps_contexts_keeps_those_of_pyfhel_with_few_keys(monkeypatch):
    one, other = (pyfhel_bfv(SMALLEST, galois_keys=[1]).generate_keys() for _ in range(2))
    keep_contexts(4)
    try:
        for data in (one.public.to_bytes(), one.public.for_evaluation().to_bytes()):
            reference = weakref.ref(load_public_key(data).native)
            gc.collect()
            assert load_public_key(data).native is reference() is not None
        # Its keys are of one pair: what comes under another one is not read with them.
        theirs = load_public_key(other.public.for_evaluation().to_bytes())
        assert theirs.native is not reference()
        for pair, key in ((one, load_public_key(data)), (other, theirs)):
            x = key.load_ciphertext(pair.public.encrypt([1, 2, 3]).to_bytes())
            turned = pair.public.load_ciphertext(x.rotate(1).to_bytes())
            assert pair.secret.decrypt(turned).tolist()[:2] == [2, 3]
        # One with a secret key is no public context, however small.
        again, once_more = (secret_key_from_bytes(one.secret.to_bytes()).secret.native for _ in range(2))
        assert again is not once_more and not reference().is_rotate_key_empty() and reference().is_secret_key_empty()
        # Where the keys are large, each key has its own.
        monkeypatch.setattr(pyfhel, "_FEW_BYTES", len(data) - 1000)
        assert load_public_key(data).native is not load_public_key(data).native
    finally:
        keep_contexts(0)
    del x, key, theirs, turned, pair, one, other
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("scheme, library", [(tenseal_bfv, "TenSEAL"), (pyfhel_bfv, "Pyfhel")])
def test_a_shared_context_is_compared_with_the_announced_parameters(scheme, library):
    key = scheme(OWN).generate_keys().public.for_evaluation()
    fields = open_fields(key.to_bytes(), "public key")
    fields[2] = {**fields[2], "plaintext_modulus": plaintext_prime(22, 4096)}
    with pytest.raises(DamagedBytes, match=f"not those of its {library} context"):
        load_public_key(seal_fields("public key", fields))
    assert load_public_key(key.to_bytes()).native is key.native
