"""What the schemes compute, and what they keep to themselves."""

import copy
import gc
import pickle
import types
import weakref

import numpy as np
import pytest
import tenseal as ts
from hypothesis import given, settings
from hypothesis import strategies as st
from Pyfhel import Pyfhel
from tenseal.sealapi import Decryptor

from he_helpers.parameters import (
    BFVParameters,
    CKKSParameters,
    InsecureParameters,
    InvalidParameters,
    PaillierParameters,
    parameters_to_dict,
    plaintext_prime,
)
from he_helpers.schemes.errors import DamagedBytes, SecretKeyFound, UnsupportedOperation, ValueOutOfRange
from he_helpers.schemes.public import load_public_key
from he_helpers.schemes.secret import SecretKey, secret_key_from_bytes, tenseal_bfv, tenseal_ckks
from tests.one_context import in_one_context
from tests.schemes.conftest import (
    DEEP_BFV,
    DEEP_CKKS,
    LATTICE,
    SCHEMES,
    deep_pair,
    is_close,
    key_pair,
    product_pair,
    short_pair,
)
from tests.sealing import open_fields, seal_fields

SMALL = st.lists(st.integers(-1000, 1000), min_size=1, max_size=20)


# Round trips and operators against numpy


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMES)
@settings(max_examples=15, deadline=None)
@given(values=SMALL, data=st.data())
def test_operators_agree_with_numpy(name, values, data):
    keys = short_pair(name)
    other = data.draw(st.lists(st.integers(-1000, 1000), min_size=len(values), max_size=len(values)))
    number = data.draw(st.integers(-50, 50).filter(bool))
    x, y = np.array(values), np.array(other)
    a, b = (keys.public.encrypt(vector, terms=64) for vector in (x, y))
    results = {
        "round trip": (a, x),
        "from bytes": (keys.public.load_ciphertext(a.to_bytes()), x),
        "sum": (a + b, x + y),
        "difference": (a - b, x - y),
        "negation": (-a, -x),
        "sum with plaintext": (a + y, x + y),
        "sum with a list": (other + a, x + y),
        "sum with a number": (number + a, x + number),
        "difference from plaintext": (y - a, y - x),
        "difference from a number": (number - a, number - x),
        "sum of many": (sum([a, b, a, b]), 2 * (x + y)),
    }
    if name.endswith("ckks"):
        factors = y / 100 + 11
        results |= {"product with a number": (a * 0.5, x * 0.5), "product with a vector": (factors * a, x * factors)}
    else:
        results["product with a number"] = (a * number, x * number)
        results["product from the left"] = (np.int64(number) * a - b, x * number - y)
    for what, (ciphertext, expected) in results.items():
        assert len(ciphertext) == len(values)
        assert is_close(keys, keys.secret.decrypt(ciphertext), expected), what


def test_types_of_decrypted_numbers(keys):
    numbers = keys.secret.decrypt(keys.public.encrypt([1, 2, 3]))
    assert numbers.dtype == (np.int64 if keys.public.exact else np.float64) and numbers.shape == (3,)


@pytest.mark.slow
def test_products_and_sums_of_slots(deep):
    x, y = np.array([1, -2, 3, 4, 5]), np.array([5, 4, -3, 2, 1])
    terms = int(deep.public.capacity) // 8
    a, b = (deep.public.encrypt(vector, terms=terms) for vector in (x, y))
    for ciphertext, expected in (
        (a * b, x * y),
        (a * y, x * y),
        (a.sum(), [x.sum()]),
        ((a * b).sum(), [(x * y).sum()]),
        (sum([a * b, a * b, b * a]), 3 * x * y),
        (a * b + a, x * y + x),
        (a - b * y, x - y * y),
        (a.sum() + b.sum(), [x.sum() + y.sum()]),
    ):
        assert is_close(deep, deep.secret.decrypt(ciphertext), expected)
        again = deep.public.load_ciphertext(ciphertext.to_bytes())
        assert is_close(deep, deep.secret.decrypt(again), expected)


@pytest.mark.parametrize("name", LATTICE)
def test_two_products_one_after_the_other(name):
    keys = product_pair(name)
    x, y = np.array([1, -2, 3, 4, 5]), np.array([5, 4, -3, 2, 1])
    a, b = (keys.public.encrypt(vector, terms=int(keys.public.capacity) // 8) for vector in (x, y))
    for ciphertext, expected in ((a * b * a, x * y * x), (a * (b * y), x * y * y), (a * b * a + a, x * y * x + x)):
        assert is_close(keys, keys.secret.decrypt(ciphertext), expected)
        again = keys.public.load_ciphertext(ciphertext.to_bytes())
        assert is_close(keys, keys.secret.decrypt(again), expected)


@pytest.mark.slow
@pytest.mark.parametrize("length", [1, 2, 3, 100, 2047, 4087, 4088])
def test_sums_of_slots_of_any_length(deep, length):
    if length > deep.public.slot_count:
        return
    values = np.random.default_rng(length).integers(-1, 2, length)
    assert is_close(deep, deep.secret.decrypt(deep.public.encrypt(values, terms=length).sum()), [values.sum()])


@pytest.mark.slow
def test_sums_of_all_slots():
    for name in ("pyfhel-bfv", "pyfhel-ckks", "tenseal-ckks"):
        keys = deep_pair(name)
        values = np.arange(keys.public.slot_count) % 3 - 1
        total = keys.public.encrypt(values, terms=len(values)).sum()
        assert is_close(keys, keys.secret.decrypt(total), [values.sum()])
    keys = deep_pair("tenseal-bfv")
    with pytest.raises(UnsupportedOperation, match="TenSEAL sums at most 4096 slots"):
        keys.public.encrypt(np.zeros(4089, dtype=int), terms=10_000).sum()


@pytest.mark.slow
def test_a_sum_of_a_sum_is_itself(deep):
    """Pyfhel leaves the total in every slot, and would count it once for each."""
    total = deep.public.encrypt([1, 2, 3], terms=100).sum()
    assert is_close(deep, deep.secret.decrypt(total.sum()), [6])
    assert is_close(deep, deep.secret.decrypt((total + total).sum()), [12])


@pytest.fixture(scope="module")
def matrix_keys():
    """Galois keys, and room for a product after the one with the matrix, which deep_pair has not."""
    return in_one_context(tenseal_ckks(DEEP_CKKS, galois_keys=True))


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (1, 1), (7, 16), (16, 1), (40, 2)])
def test_product_with_a_matrix(matrix_keys, shape):
    keys = matrix_keys
    rng = np.random.default_rng(0)
    matrix, vector = rng.uniform(-1, 1, shape), rng.uniform(-1, 1, shape[0])
    product = keys.public.encrypt(vector) @ matrix
    assert is_close(keys, keys.secret.decrypt(product), vector @ matrix)
    assert is_close(keys, keys.secret.decrypt(product.sum()), [(vector @ matrix).sum()])
    assert is_close(keys, keys.secret.decrypt(product * 2.0 + product * 1.0), vector @ matrix * 3)
    again = keys.public.load_ciphertext((product + product).to_bytes())
    assert is_close(keys, keys.secret.decrypt(again), vector @ matrix * 2)


def test_numbers_of_ckks_at_the_last_level():
    """What capacity promises holds after all levels are used."""
    for name in ("tenseal-ckks", "pyfhel-ckks"):
        keys = product_pair(name)
        x = keys.public.encrypt([1.0, -1.0], terms=int(keys.public.capacity))
        last = x * [1.0, 1.0] * [keys.public.capacity, keys.public.capacity * 0.999]
        assert last.consumed == keys.public.parameters.levels
        found = keys.secret.decrypt(last)
        assert np.allclose(found, [keys.public.capacity, -keys.public.capacity * 0.999], rtol=1e-4)


# Evaluation by somebody who has the evaluation part only


def test_evaluation_under_the_evaluation_part_gives_the_same_bytes(keys):
    server = load_public_key(keys.public.for_evaluation().to_bytes())
    assert server.fingerprint == keys.public.fingerprint
    sent = [keys.public.encrypt([1, 2, 3]).to_bytes(), keys.public.encrypt([4, 5, 6]).to_bytes()]
    operations = [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: sum([a, b, b]), lambda a, b: -a]
    operations += [lambda a, b: a + [1, 2, 3]]
    if keys.public.exact or keys.public.parameters.levels:
        operations += [lambda a, b: a * 3, lambda a, b: a * -3 + b * 2]
    for operate in operations:
        here, there = (operate(*(key.load_ciphertext(data) for data in sent)) for key in (keys.public, server))
        assert here.to_bytes() == there.to_bytes()
    if server.scheme_name != "paillier":
        assert len(server.to_bytes()) < 600
        with pytest.raises(UnsupportedOperation, match="the part for evaluation only"):
            server.encrypt([1])


@pytest.mark.parametrize("name", LATTICE)
def test_products_under_the_evaluation_part(name):
    keys = product_pair(name)
    server = load_public_key(keys.public.for_evaluation().to_bytes())
    sent = keys.public.encrypt([1, 2, 3], terms=int(keys.public.capacity) // 4).to_bytes()
    received = (keys.public.load_ciphertext(sent), server.load_ciphertext(sent))
    here, there = ((c * c * [1, 2, 3]).to_bytes() for c in received)
    assert here == there
    assert is_close(keys, keys.secret.decrypt(keys.public.load_ciphertext(there)), [1, 8, 27])


@pytest.mark.parametrize("name", LATTICE)
def test_operations_that_the_keys_do_not_have(name):
    parameters = DEEP_BFV if name.endswith("bfv") else DEEP_CKKS
    keys = SCHEMES[name](parameters).generate_keys()
    x = keys.public.encrypt([1, 2, 3], terms=int(keys.public.capacity) // 4)
    with pytest.raises(UnsupportedOperation, match="relinearisation_keys=True"):
        x * x
    with pytest.raises(UnsupportedOperation, match="galois_keys=True"):
        x.sum()
    match = "galois_keys=True" if name == "tenseal-ckks" else "offered by: tenseal-ckks"
    with pytest.raises(UnsupportedOperation, match=match):
        x @ np.eye(3)


def test_operations_that_paillier_does_not_have():
    x = key_pair("paillier").public.encrypt([1, 2, 3])
    for operate in (lambda: x * x, lambda: x * [1, 2, 3], lambda: x.sum()):
        with pytest.raises(UnsupportedOperation, match="paillier has no .*tenseal-bfv"):
            operate()
    with pytest.raises(UnsupportedOperation, match="offered by: tenseal-ckks"):
        x @ np.eye(3)


# Keys


def test_a_secret_key_from_its_bytes(keys):
    data = keys.secret.to_bytes()
    again = secret_key_from_bytes(data)
    assert again.public.fingerprint == keys.public.fingerprint
    assert again.public.to_bytes() == keys.public.to_bytes()
    assert is_close(keys, again.secret.decrypt(keys.public.encrypt([1, -2])), [1, -2])
    assert is_close(keys, keys.secret.decrypt(again.public.encrypt([1, -2])), [1, -2])
    with pytest.raises(DamagedBytes):
        secret_key_from_bytes(data[:-1])
    for position, wrong in ((0, "rot13"), (0, []), (1, {}), (1, 5), (2, None), (3, []), (3, [1]), (3, [b"x"] * 9)):
        fields = open_fields(data, "key pair")
        fields[position] = wrong
        with pytest.raises(ValueError) as caught:
            secret_key_from_bytes(seal_fields("key pair", fields))
        assert type(caught.value).__module__.startswith("he_helpers."), (position, wrong)


def test_a_stored_key_pair_without_its_secret_half(keys):
    """Pyfhel would make a pair of it, whose first decryption ends the process."""
    *description, parts = open_fields(keys.secret.to_bytes(), "key pair")
    without = {
        "tenseal": [keys.public._native_bytes()],
        "pyfhel": [*parts[:-1], b""],
        "paillier": [parts[0], parts[0]],
    }[keys.public.scheme_name.split("-")[0]]
    with pytest.raises(DamagedBytes, match="no key pair"):
        secret_key_from_bytes(seal_fields("key pair", [*description, without]))


@pytest.mark.parametrize("other", [BFVParameters(), CKKSParameters(), PaillierParameters()])
def test_a_stored_key_pair_with_parameters_of_another_kind(keys, other):
    fields = open_fields(keys.secret.to_bytes(), "key pair")
    if fields[1]["kind"] == type(other).__name__:
        return
    fields[1] = parameters_to_dict(other)
    with pytest.raises(DamagedBytes, match=f"this one names {type(other).__name__}"):
        secret_key_from_bytes(seal_fields("key pair", fields))


def test_a_stored_key_pair_with_other_parameters_than_its_keys(keys):
    """Capacity and noise are computed from what is named: a pair that names more room would wrap around silently."""
    fields = open_fields(keys.secret.to_bytes(), "key pair")
    changes = {
        "coefficient_modulus_bits": lambda bits: [length - 1 for length in bits],
        "plaintext_modulus": lambda modulus: plaintext_prime(20, 8192),
        "scale_bits": lambda bits: bits - 1,
        "modulus_bits": lambda bits: bits + 2,
    }
    tried = [name for name in changes if name in fields[1]]
    for name in tried:
        forged = [fields[0], {**fields[1], name: changes[name](fields[1][name])}, *fields[2:]]
        with pytest.raises(DamagedBytes, match="that this key names are not|was announced"):
            secret_key_from_bytes(seal_fields("key pair", forged))
    assert tried


@pytest.mark.slow
def test_evaluation_keys_survive_the_bytes(deep):
    again = secret_key_from_bytes(deep.secret.to_bytes())
    x = again.public.encrypt([1, 2, 3], terms=int(deep.public.capacity) // 4)
    assert is_close(deep, again.secret.decrypt((x * x).sum()), [14])


def _secrets(keys):
    """Byte strings that only the secret key has."""
    if keys.public.scheme_name == "paillier":
        primes = (keys.secret.native.p, keys.secret.native.q)
        return [prime.to_bytes((prime.bit_length() + 7) // 8, order) for prime in primes for order in ("big", "little")]
    if keys.public.scheme_name.startswith("pyfhel"):
        native = keys.secret.native.to_bytes_secret_key("none")
    else:
        # Uncompressed inside: the coefficients of the key as TenSEAL has them in memory.
        plain = keys.secret.native.secret_key().data.data()
        native = np.array([plain.data(i) for i in range(plain.coeff_count())], dtype="<u8").tobytes()
    return [native[start : start + 32] for start in range(1000, len(native) - 100, len(native) // 8)]


def test_public_bytes_hold_no_secret(keys):
    ciphertext = keys.public.encrypt([1, 2, 3])
    public = {
        "public key": keys.public.to_bytes(),
        "evaluation part": keys.public.for_evaluation().to_bytes(),
        "ciphertext": ciphertext.to_bytes(),
        "sum": (ciphertext + ciphertext).to_bytes(),
    }
    secrets = _secrets(keys)
    if not keys.public.scheme_name.startswith("tenseal"):
        assert any(secret in keys.secret.to_bytes() for secret in secrets)
    else:
        # TenSEAL compresses what it serialises, so its own reader is asked; the control is the private context.
        private = open_fields(keys.secret.to_bytes(), "key pair")[3][0]
        assert ts.context_from(private).is_private()
        for name in ("public key", "evaluation part"):
            assert not ts.context_from(open_fields(public[name], "public key")[-1]).is_private()
    for name, data in public.items():
        assert not any(secret in data for secret in secrets), name
        for method in (repr, str):
            assert not any(secret.hex() in method(data) for secret in secrets)


@pytest.mark.parametrize("name", ["tenseal-bfv", "tenseal-ckks"])
def test_a_private_context_is_refused_as_a_public_key(name):
    keys = key_pair(name)
    fields = open_fields(keys.public.to_bytes(), "public key")
    fields[-1] = open_fields(keys.secret.to_bytes(), "key pair")[3][0]
    with pytest.raises(SecretKeyFound, match="holds a secret key"):
        load_public_key(seal_fields("public key", fields))


@pytest.mark.parametrize("name", ["pyfhel-bfv", "pyfhel-ckks", "paillier"])
def test_a_secret_key_in_the_place_of_a_public_one(name):
    keys = key_pair(name)
    fields = open_fields(keys.public.to_bytes(), "public key")
    for stored in open_fields(keys.secret.to_bytes(), "key pair")[3]:
        fields[-1] = stored
        with pytest.raises((DamagedBytes, SecretKeyFound)):
            load_public_key(seal_fields("public key", fields))
    with pytest.raises(DamagedBytes, match="holds a key pair, and a public key was expected"):
        load_public_key(keys.secret.to_bytes())


@pytest.mark.parametrize("position", range(5))
@pytest.mark.parametrize("value", [None, -1, "x", "paillier", [], {}, {"kind": "BFVParameters"}, b"", bytes(16), True])
def test_a_forged_field_of_a_public_key(keys, position, value):
    fields = open_fields(keys.public.to_bytes(), "public key")
    if fields[position] == value or isinstance(value, dict) and value and keys.public.scheme_name.endswith("bfv"):
        return
    fields[position] = value
    with pytest.raises(ValueError) as caught:
        load_public_key(seal_fields("public key", fields))
    assert type(caught.value).__module__.startswith("he_helpers."), caught.value


def test_parameters_other_than_those_of_the_native_key(keys):
    """A key that announces more room than its library's key has would wrap around silently."""
    fields = open_fields(keys.public.for_evaluation().to_bytes(), "public key")
    changes = {"coefficient_modulus_bits": [20, 20, 20], "plaintext_modulus": 65537, "scale_bits": 30}
    changes |= {"modulus_bits": 2050, "ring_dimension": 16384}
    tried = 0
    for name, value in changes.items():
        if name in fields[2] and fields[2][name] != value:
            forged = [fields[0], fields[1], {**fields[2], name: value}, *fields[3:]]
            with pytest.raises(ValueError) as caught:
                load_public_key(seal_fields("public key", forged))
            assert type(caught.value).__module__.startswith("he_helpers.")
            tried += 1
    assert tried


def test_a_secret_key_shows_nothing_of_itself(keys):
    shown = repr(keys.secret) + str(keys.secret) + repr(keys) + format(keys.secret)
    assert keys.secret.fingerprint[:8] in shown
    if keys.public.scheme_name == "paillier":
        assert str(keys.secret.native.p) not in shown and hex(keys.secret.native.q)[2:] not in shown
    assert not any(secret.hex() in shown or repr(secret)[2:-1] in shown for secret in _secrets(keys))
    for refuse in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            refuse(keys.secret)


def _holds_a_secret(thing):
    if isinstance(thing, Pyfhel):
        return not thing.is_secret_key_empty()
    if isinstance(thing, ts.Context):
        return thing.is_private()
    return isinstance(thing, SecretKey) or type(thing).__name__ == "PaillierPrivateKey"


def _reachable_secrets(start, depth=8):
    """Objects with a secret key that can be reached from attributes and items, classes and modules left out."""
    seen, level, found = set(), [start], []
    for _ in range(depth):
        following = []
        for thing in level:
            if id(thing) in seen or isinstance(thing, (type, types.ModuleType, types.FunctionType)):
                continue
            seen.add(id(thing))
            found += [thing] if _holds_a_secret(thing) else []
            following += gc.get_referents(thing) + list(getattr(thing, "__dict__", {}).values())
            following += [getattr(thing, name, None) for name in getattr(type(thing), "__slots__", ())]
        level = following
    return found


def test_no_public_object_reaches_the_secret_key(keys):
    ciphertext = keys.public.encrypt([1, 2])
    again = load_public_key(keys.public.to_bytes())
    for public in (keys.public, keys.public.for_evaluation(), again, ciphertext, ciphertext + ciphertext):
        assert not _reachable_secrets(public)
    assert len(_reachable_secrets(keys.secret)) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMES)
def test_a_dropped_public_key_is_freed_at_once(name):
    """Each holds megabytes outside of Python, of which the garbage collector sees nothing."""
    data = key_pair(name).public.to_bytes()
    gc.collect()
    gc.disable()
    try:
        key = load_public_key(data)
        ciphertext = key.encrypt([1, 2])
        assert key.for_evaluation() and key.for_loading()
        dropped = weakref.ref(key)
        assert key.public is key and dropped() is not None
        del key, ciphertext
        assert dropped() is None
    finally:
        gc.enable()


def test_insecure_parameters_need_a_word():
    weak = BFVParameters(1024, (27, 27), plaintext_prime(16, 1024))
    for name, parameters in (("pyfhel-bfv", weak), ("paillier", PaillierParameters(512))):
        scheme = SCHEMES[name]
        with pytest.raises(InsecureParameters, match="insecure_for_teaching=True"):
            scheme(parameters)
        keys = scheme(parameters, insecure_for_teaching=True).generate_keys()
        with pytest.raises(InsecureParameters):
            load_public_key(keys.public.to_bytes())
        again = load_public_key(keys.public.to_bytes(), insecure_for_teaching=True)
        assert secret_key_from_bytes(keys.secret.to_bytes()).public.fingerprint == again.fingerprint
    with pytest.raises(InvalidParameters, match="TenSEAL refuses .* limit of 27 bits"):
        tenseal_bfv(weak, insecure_for_teaching=True).generate_keys()


# The estimate of the noise of BFV is an upper bound

NOISE_PARAMETERS = {
    "default": BFVParameters(),
    "small plaintext modulus": DEEP_BFV,
    "small last prime": BFVParameters(8192, (60, 60, 30), plaintext_prime(25, 8192)),
    "large plaintext modulus": BFVParameters(8192, (60, 60, 60), plaintext_prime(40, 8192)),
}


def _noise_budget(keys, ciphertext):
    """Bits that SEAL finds left, as an integer."""
    if keys.public.scheme_name == "pyfhel-bfv":
        return keys.secret.native.noise_level(ciphertext.native)
    decryptor = Decryptor(keys.secret.native.seal_context().data, keys.secret.native.secret_key().data)
    return decryptor.invariant_noise_budget(ciphertext.native.ciphertext()[0])


def _step(rng, keys, ciphertexts, plains):
    """One random operation on two known ciphertexts, with the plain result beside it."""
    i, j = rng.integers(len(ciphertexts), size=2)
    a, b, x, y = ciphertexts[i], ciphertexts[j], plains[i], plains[j]
    number = int(rng.choice([-7, -1, 2, 1000, -1000]))
    vector = rng.integers(-3, 4, len(x))
    choices = [
        lambda: (a + b, x + y),
        lambda: (a - b, x - y),
        lambda: (-a, -x),
        lambda: (a * number, x * number),
        lambda: (a + vector, x + vector),
        lambda: (a * vector, x * vector),
        lambda: (a * b, x * y),
        lambda: (a * b, x * y),
        lambda: (sum([a] * 40), 40 * x),
        lambda: (a.sum() * 1, np.array([x.sum()])),
    ]
    return choices[rng.integers(len(choices))]()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tenseal-bfv", "pyfhel-bfv"])
@pytest.mark.parametrize("which", NOISE_PARAMETERS)
def test_the_noise_estimate_is_an_upper_bound(name, which):
    parameters = NOISE_PARAMETERS[which]
    if parameters is DEEP_BFV:
        keys = deep_pair(name)
    else:
        keys = in_one_context(SCHEMES[name](parameters, relinearisation_keys=True, galois_keys=True))
    limit = np.log2(keys.public.consumption_limit)
    rng = np.random.default_rng(0)
    wasted, operations = [], 0
    for _ in range(6):
        plains = [rng.integers(-1, 2, 6) for _ in range(2)]
        ciphertexts = [keys.public.encrypt(x, terms=keys.public.capacity) for x in plains]
        for _ in range(12):
            try:
                ciphertext, plain = _step(rng, keys, ciphertexts, plains)
            except ValueError:  # no noise left, no room left, lengths that differ
                continue
            operations += 1
            budget = _noise_budget(keys, ciphertext)
            estimate = limit - np.log2(ciphertext.consumed)
            assert budget > 0 and budget >= int(estimate), (ciphertext.consumed, budget, estimate)
            assert (keys.secret.decrypt(ciphertext) == plain).all()
            wasted.append(budget - estimate)
            ciphertexts.append(ciphertext)
            plains.append(plain)
    assert operations > 25
    print(f"{name}, {which}: {operations} operations, wasted bits {np.median(wasted):.1f}, at most {max(wasted):.1f}")
    assert np.median(wasted) < 15


@pytest.mark.parametrize("name", LATTICE)
def test_a_negative_factor_costs_no_more_noise_than_a_positive_one(name):
    """SEAL multiplies by t - 1 for -1, which uses up the bits of t; ours negates."""
    keys = product_pair(name)
    x = keys.public.encrypt([1, 2], terms=1000)
    assert is_close(keys, keys.secret.decrypt(x * -3), [-3, -6])
    if keys.public.exact:
        plus, minus = (_noise_budget(keys, x * factor) for factor in (3, -3))
        assert abs(plus - minus) <= 1 and abs(_noise_budget(keys, -x) - _noise_budget(keys, x)) <= 1


def test_an_announced_number_of_terms(keys):
    limit = keys.public.capacity // 10
    x = keys.public.encrypt([limit, -limit], terms=10)
    total = sum([x] * 10)
    assert is_close(keys, keys.secret.decrypt(total) / limit, [10, -10])
    with pytest.raises(ValueOutOfRange):
        total + x
    with pytest.raises(ValueOutOfRange, match="sum of 10 ciphertexts"):
        keys.public.encrypt([limit + 1], terms=10)
