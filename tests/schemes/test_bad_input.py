"""The table "What the libraries do with bad input", a test for each row and each library.

Each test first shows what the library itself does, through the adapter's own calls of it (``_add``, ``_decrypt`` ...),
in a process of its own where that ends the process; then that ours refuses.
"""

import math
import random
import signal
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import phe
import pytest
import tenseal as ts
from hypothesis import given, settings
from hypothesis import strategies as st

from he_helpers.parameters import CKKSParameters, PaillierParameters
from he_helpers.schemes.errors import (
    DamagedBytes,
    DepthExhausted,
    KeyMismatch,
    ShapeMismatch,
    UnsupportedOperation,
    ValueOutOfRange,
    WrongKind,
)
from he_helpers.schemes.public import load_public_key, tenseal
from he_helpers.schemes.public.interface import Ciphertext, PublicKey
from he_helpers.schemes.public.phe import PaillierPublicKey
from tests.schemes.conftest import EXACT, LATTICE, SCHEMES, is_close, key_pair, product_pair, short_pair
from tests.sealing import open_fields, seal_fields


def decrypt_raw(keys, native, size):
    """What the library makes of its own ciphertext object, without a check of ours."""
    return np.asarray(keys.secret._decrypt(native, size))[:size]


def relabelled(ciphertext, public):
    """The bytes of a ciphertext with the name of another key in it, and the digest put right."""
    fields = open_fields(ciphertext.to_bytes(), "ciphertext")
    fields[1] = bytes.fromhex(public.fingerprint)
    return seal_fields("ciphertext", fields)


@contextmanager
def no_native_parser():
    """Fails the test when a library's reader is called."""

    def fail(*_, **__):
        pytest.fail("damaged bytes have reached the library's parser")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ts, "bfv_vector_from", fail)
        patch.setattr(ts, "ckks_vector_from", fail)
        patch.setattr(ts, "context_from", fail)
        # What is in use is not read again.
        patch.setattr(tenseal, "_contexts_in_use", {})
        patch.setattr("he_helpers.schemes.public.pyfhel.PyCtxt", fail)
        patch.setattr("he_helpers.schemes.public.pyfhel.Pyfhel", fail)
        patch.setattr("he_helpers.schemes.public.phe.PaillierPublicKey._load", fail)
        patch.setattr("he_helpers.schemes.public.phe.phe.PaillierPublicKey", fail)
        yield


def test_the_parser_trap_notices_a_parser(keys):
    data = keys.public.encrypt([1, 2]).to_bytes()
    with no_native_parser(), pytest.raises(pytest.fail.Exception):
        keys.public.load_ciphertext(data)
    with no_native_parser(), pytest.raises(pytest.fail.Exception):
        load_public_key(keys.public.to_bytes())


# Row: add ciphertexts of two keys, same parameters


@pytest.mark.parametrize("name", SCHEMES)
def test_ciphertexts_of_two_keys(name):
    one, other = key_pair(name), key_pair(name, 1)
    a, b = one.public.encrypt([3, 4]), other.public.encrypt([5, 6])
    if name == "paillier":
        mine, theirs = (phe.EncryptedNumber(pair.public.native, 5) for pair in (one, other))
        with pytest.raises(ValueError):
            mine + theirs
    else:
        silent = one.public._add(a.native, b.native)
        for pair in (one, other):
            assert not is_close(pair, decrypt_raw(pair, silent, 2), [8, 10])
    for operate in (lambda: a + b, lambda: a - b, lambda: sum([a, b])):
        with pytest.raises(KeyMismatch, match="two keys"):
            operate()
    for added in ([a, a, b], [a, b], [b, a], [b, b], [b]):
        with pytest.raises(KeyMismatch, match="two keys"):
            one.public.add_up(added)
    with pytest.raises(KeyMismatch if name != "paillier" else UnsupportedOperation):
        a * b


# Row: decrypt with another key


@pytest.mark.parametrize("name", SCHEMES)
def test_another_secret_key(name):
    one, other = key_pair(name), key_pair(name, 1)
    ciphertext = other.public.encrypt([3, 4])
    silent = decrypt_raw(one, ciphertext.native, 2)
    assert not is_close(one, silent, [3, 4])
    with pytest.raises(KeyMismatch, match=other.public.fingerprint[:8]):
        one.secret.decrypt(ciphertext)
    with no_native_parser(), pytest.raises(KeyMismatch, match=other.public.fingerprint[:8]):
        one.public.load_ciphertext(ciphertext.to_bytes())


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("terms", [1, 1024])
def test_relabelled_ciphertext_of_another_key(name, terms):
    one, other = key_pair(name), key_pair(name, 1)
    # Paillier's secret key makes the same ciphertexts in a quarter of the time.
    encrypt_one, encrypt_other = (k.secret.encrypt if name == "paillier" else k.public.encrypt for k in (one, other))
    slots = one.public.slot_count
    rng = np.random.default_rng(terms)
    for length in [1, 1, 1, 2, 3, 8, slots // 2, slots - 9, slots - 8, slots - 7, slots - 1, slots, slots]:
        values = rng.integers(-100, 100, length)
        with pytest.raises(DamagedBytes, match="another key|of the key that it names"):
            one.secret.decrypt(one.public.load_ciphertext(relabelled(encrypt_other(values, terms=terms), one.public)))
        own = one.public.load_ciphertext(relabelled(encrypt_one(values, terms=terms), one.public))
        assert is_close(one, one.secret.decrypt(own), values)


@pytest.mark.parametrize("name", ["tenseal-bfv", "pyfhel-bfv"])
def test_relabelled_full_vector_would_pass_the_range(name):
    """Without unused slots and with the highest bound, only the noise budget tells."""
    one, other = key_pair(name), key_pair(name, 1)
    values = np.arange(one.public.slot_count)
    foreign = one.public.load_ciphertext(relabelled(other.public.encrypt(values, terms=1), one.public))
    silent = decrypt_raw(one, foreign.native, len(values))
    assert foreign.padding == 0 and np.abs(silent).max() <= foreign.bound and (silent != values).any()
    with pytest.raises(DamagedBytes, match="another key"):
        one.secret.decrypt(foreign)


# Row: decrypt without the secret key


@pytest.mark.parametrize("name", SCHEMES)
def test_decrypting_without_the_secret_key(name):
    keys = key_pair(name)
    ciphertext = keys.public.encrypt([1, 2])
    if name.startswith("tenseal"):
        with pytest.raises(ValueError):
            ciphertext.native.decrypt()
    for thing in (keys.public, ciphertext, PublicKey, Ciphertext):
        assert not [attribute for attribute in dir(thing) if "decrypt" in attribute.lower()]
    with pytest.raises(TypeError, match="A Ciphertext can be decrypted"):
        keys.secret.decrypt(ciphertext.native)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pyfhel-bfv", "pyfhel-ckks"])
def test_pyfhel_ends_the_process_without_a_secret_key(name):
    code = (
        f"from tests.schemes.conftest import key_pair\npublic = key_pair({name!r}).public\n"
        f"ciphertext = public.encrypt([1])\nprint('encrypted', flush=True)\n"
        f"public.native.decrypt{'Int' if name.endswith('bfv') else 'Frac'}(ciphertext.native)\nprint('decrypted')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["encrypted"] and done.returncode in (-signal.SIGSEGV, -signal.SIGBUS)


# Rows: one flipped byte, a truncated ciphertext, empty bytes


@pytest.mark.parametrize("name", LATTICE)
def test_the_libraries_accept_a_flipped_byte(name):
    keys = key_pair(name)
    data = bytearray(keys.public.encrypt([1, 2, 3], terms=1).to_bytes())
    random.seed(1)
    accepted = 0
    for _ in range(20):
        fields = open_fields(bytes(data), "ciphertext")
        native = bytearray(fields[-1])
        native[random.randrange(len(native) // 2, len(native) - 100)] ^= 1
        try:
            wrong = decrypt_raw(keys, keys.public._load(bytes(native), 11, 0), 3)
            accepted += not is_close(keys, wrong, [1, 2, 3])
        except (DamagedBytes, ValueError, RuntimeError):
            pass
    assert accepted or name.startswith("tenseal")


@pytest.mark.parametrize("name", SCHEMES)
@settings(max_examples=60, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255), near_start=st.booleans())
def test_one_flipped_byte(name, place, mask, near_start):
    keys = key_pair(name)
    for load, data in _serialised(name):
        damaged = bytearray(data)
        damaged[int(place * (120 if near_start else len(damaged)))] ^= mask
        with no_native_parser(), pytest.raises(DamagedBytes):
            load(keys, bytes(damaged))


@pytest.mark.parametrize("name", SCHEMES)
def test_one_flipped_byte_at_every_position_of_the_head(name):
    keys = key_pair(name)
    load, data = _serialised(name)[0]
    with no_native_parser():
        for position in range(150):
            damaged = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
            with pytest.raises(DamagedBytes):
                load(keys, damaged)


@pytest.mark.parametrize("name", SCHEMES)
@settings(max_examples=60, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), near_start=st.booleans())
def test_truncated(name, place, near_start):
    keys = key_pair(name)
    for load, data in _serialised(name):
        with no_native_parser(), pytest.raises(DamagedBytes):
            load(keys, data[: int(place * (120 if near_start else len(data)))])


@pytest.mark.parametrize("name", SCHEMES)
def test_empty_bytes(name):
    keys = key_pair(name)
    if name == "tenseal-bfv":
        assert ts.bfv_vector_from(keys.public.native, b"").decrypt(keys.secret.native.secret_key()) == []
    for load, _ in _serialised(name):
        with no_native_parser(), pytest.raises(DamagedBytes, match="Empty bytes"):
            load(keys, b"")
    fields = open_fields(keys.public.encrypt([1]).to_bytes(), "ciphertext")
    fields[-1] = b""
    with no_native_parser(), pytest.raises(DamagedBytes, match="outside what its key allows"):
        keys.public.load_ciphertext(seal_fields("ciphertext", fields))


_SERIALISED = {}


def _serialised(name):
    if name not in _SERIALISED:
        public = key_pair(name).public
        _SERIALISED[name] = (
            (lambda keys, data: keys.public.load_ciphertext(data), public.encrypt([1, 2, 3]).to_bytes()),
            (lambda keys, data: load_public_key(data), public.to_bytes()),
        )
    return _SERIALISED[name]


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("position", range(8))
@pytest.mark.parametrize("value", [None, -1, 2**63, math.nan, math.inf, "x", [], {}, b"\xff" * 400, True])
def test_a_forged_field_of_a_ciphertext(name, position, value):
    """The digest put right: only errors of ours, and no library reads anything but a forged payload."""
    keys = key_pair(name)
    fields = open_fields(_serialised(name)[0][1], "ciphertext")
    fields[position] = value
    data = seal_fields("ciphertext", fields)
    if position == 7 and isinstance(value, bytes):
        try:
            keys.secret.decrypt(keys.public.load_ciphertext(data))
        except DamagedBytes:
            return
        pytest.fail("a forged payload was decrypted")
    with no_native_parser(), pytest.raises((DamagedBytes, KeyMismatch)):
        keys.public.load_ciphertext(data)


@pytest.mark.parametrize("name", SCHEMES)
def test_a_bound_of_the_other_kind(name):
    """Integers as bytes in exact schemes, floats under CKKS: the same number written otherwise is refused."""
    public = key_pair(name).public
    fields = open_fields(public.encrypt([1, 2, 3]).to_bytes(), "ciphertext")
    fields[4] = b"\x05" if public.exact else 5.0
    assert public.load_ciphertext(seal_fields("ciphertext", fields)).bound == 5
    for other in (5, 5.0 if public.exact else b"\x05"):
        fields[4] = other
        with no_native_parser(), pytest.raises(DamagedBytes, match="outside what its key allows"):
            public.load_ciphertext(seal_fields("ciphertext", fields))


# Row: NaN or infinity


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity(name, bad):
    keys = key_pair(name)
    if name == "pyfhel-ckks":
        silent = keys.public.native.encryptFrac(np.array([1.0, bad]))
        assert not is_close(keys, decrypt_raw(keys, silent, 1), [1])
    ciphertext = keys.public.encrypt([1, 2])
    for operate in (
        lambda: keys.public.encrypt([1.0, bad]),
        lambda: ciphertext + [1.0, bad],
        lambda: ciphertext - bad,
        lambda: ciphertext * bad,
    ):
        with pytest.raises(ValueOutOfRange, match="NaN or infinity"):
            operate()


# Row: BFV value above the plaintext modulus, or a sum that passes it


@pytest.mark.parametrize("name", SCHEMES)
def test_a_value_above_what_a_slot_holds(name):
    keys = key_pair(name)
    capacity = keys.public.capacity
    for limit in (capacity, -capacity):
        assert is_close(keys, keys.secret.decrypt(keys.public.encrypt([limit], terms=1)), [limit])
    if name.endswith("bfv"):
        silent = keys.public._encrypt(np.array([capacity + 1]))
        assert decrypt_raw(keys, silent, 1) == [-capacity]
    for value in (capacity + 1, -capacity - 1, 2**63, -(2**64), 2**200):
        with pytest.raises(ValueOutOfRange, match=r"exceeds .*a slot of .* holds at most"):
            keys.public.encrypt([value], terms=1)
    share = capacity // 1024
    keys.public.encrypt([share])
    with pytest.raises(ValueOutOfRange, match="sum of 1024 ciphertexts"):
        keys.public.encrypt([share + 1])


@pytest.mark.parametrize("name", SCHEMES)
def test_a_sum_that_passes_what_a_slot_holds(name):
    keys = key_pair(name)
    limit = keys.public.capacity // 2
    a = keys.public.encrypt([limit, -limit], terms=2)
    assert is_close(keys, keys.secret.decrypt(a + a), [2 * limit, -2 * limit])
    wrapped = keys.public._add(keys.public._add(a.native, a.native), a.native)
    if keys.public.exact:
        assert not is_close(keys, decrypt_raw(keys, wrapped, 2), [3 * limit, -3 * limit])
    for operate in (lambda: a + a + a, lambda: a + a - a, lambda: a + a + 2, lambda: a + a - [2, 2], lambda: a * 3):
        with pytest.raises(ValueOutOfRange, match="holds at most"):
            operate()
    with pytest.raises(ValueOutOfRange, match="terms"):
        keys.public.encrypt([1], terms=0)


# Row: floats into BFV


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("values", [[1.5, 2.0], np.array([1.0, 2.0]), np.array([1, 2], dtype=np.float32)])
def test_floats_in_an_exact_scheme(name, values):
    keys = key_pair(name)
    if name == "tenseal-bfv":
        assert ts.bfv_vector(keys.public.native, [1.5, 2.0]).decrypt(keys.secret.native.secret_key()) == [1, 2]
    ciphertext = keys.public.encrypt([1, 2])
    for operate in (
        lambda: keys.public.encrypt(values),
        lambda: ciphertext + values,
        lambda: ciphertext - 0.5,
        lambda: ciphertext * 1.0,
    ):
        with pytest.raises(ValueOutOfRange, match="fixed-point integers"):
            operate()


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("values", [["a"], [None], [1j], [b"1"], np.array(["2020-01-01"], "datetime64[D]")])
def test_what_is_no_number(name, values):
    with pytest.raises(ValueOutOfRange, match="Numbers are encrypted"):
        key_pair(name).public.encrypt(values)
    with pytest.raises(ValueOutOfRange, match="masked"):
        key_pair(name).public.encrypt(np.ma.array([1, 2], mask=[False, True]))


# Rows: vector longer than the slots; vector of length 1 with a longer one


@pytest.mark.parametrize("name", SCHEMES)
def test_a_vector_longer_than_the_slots(name):
    keys = key_pair(name)
    slots = keys.public.slot_count
    full = np.arange(slots) % 7
    assert is_close(keys, keys.secret.decrypt(keys.public.encrypt(full)), full)
    with pytest.raises(ShapeMismatch, match=f"{slots + 1} values do not fit into {slots} slots"):
        keys.public.encrypt(np.zeros(slots + 1, dtype=int))
    for shape in ([], [[1, 2]], [[1], [2, 3]], 5):
        with pytest.raises(ShapeMismatch, match="A vector of"):
            keys.public.encrypt(shape)


@pytest.mark.parametrize("name", SCHEMES)
def test_a_vector_of_length_1_with_a_longer_one(name):
    keys = key_pair(name)
    one, three = keys.public.encrypt([5]), keys.public.encrypt([1, 2, 3])
    if name == "tenseal-ckks":
        # With Galois keys TenSEAL repeats the one value, and says nothing.
        small = SCHEMES[name](CKKSParameters(4096, (37, 32, 37), 32), galois_keys=True).generate_keys()
        silent = ts.ckks_vector(small.public.native, [5]) + ts.ckks_vector(small.public.native, [1, 2, 3])
        assert is_close(small, silent.decrypt(small.secret.native.secret_key()), [6, 7, 8])
    for operate in (lambda: one + three, lambda: three - one, lambda: three + [5], lambda: one - [1, 2, 3]):
        with pytest.raises(ShapeMismatch):
            operate()
    if name != "paillier":
        for operate in (lambda: three * [5], lambda: one * [1, 2, 3], lambda: one * three):
            with pytest.raises(ShapeMismatch):
                operate()


# Row: depth exhausted


@pytest.mark.parametrize("name", LATTICE)
def test_depth_exhausted(name):
    keys = product_pair(name)
    public = keys.public
    x = public.encrypt([1, -1, 1], terms=int(public.capacity))
    product, depth = x, 0
    with pytest.raises(DepthExhausted, match="No room for one more product of ciphertexts"):
        while depth < 10:
            product = product * x
            depth += 1
            assert is_close(keys, keys.secret.decrypt(product), np.array([1, -1, 1]) ** (depth + 1))
    assert depth >= 2
    if public.exact:
        native = product.native
        for _ in range(4):
            native = public._multiply(native, x.native)
        assert not is_close(keys, decrypt_raw(keys, native, 3), np.array([1, -1, 1]) ** (depth + 5))
    else:
        with pytest.raises((ValueError, RuntimeError)):
            for _ in range(3):
                product.native = public._multiply(product.native, x.native)


@pytest.mark.parametrize("name", ["tenseal-bfv", "pyfhel-bfv"])
def test_depth_of_the_default_bfv_parameters(name):
    """One product at N=4096 and a plaintext modulus of more than 30 bits is silent garbage in the libraries."""
    keys = SCHEMES[name](relinearisation_keys=True).generate_keys()
    x = keys.public.encrypt([2, 3], terms=2**30)
    silent = keys.public._multiply(x.native, x.native)
    assert not is_close(keys, decrypt_raw(keys, silent, 2), [4, 9])
    for operate in (lambda: x * x, lambda: x * [2, 3]):
        with pytest.raises(DepthExhausted, match=r"about \d+ bits of noise budget are left of \d+"):
            operate()


@pytest.mark.parametrize("name", ["tenseal-ckks", "pyfhel-ckks"])
def test_a_product_needs_a_prime_as_long_as_the_scale(name):
    """The libraries overwrite the scale after a product: another prime silently scales the result."""
    keys = SCHEMES[name](CKKSParameters(8192, (60, 40, 60), 30)).generate_keys()
    x = keys.public.encrypt([1000.0])
    silent = decrypt_raw(keys, keys.public._multiply_plain(x.native, 2.0), 1)
    assert abs(silent[0] - 2000) > 1000
    with pytest.raises(DepthExhausted, match="0 of 0 levels"):
        x * 2.0
    assert is_close(keys, keys.secret.decrypt(x + x), [2000])


# Row: numpy integers

WIDTHS = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64, np.bool_]


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_numpy_integers(name, width):
    keys = short_pair(name)
    low, high = (0, 1) if width is np.bool_ else (max(np.iinfo(width).min, -200), min(np.iinfo(width).max, 200))
    values = np.array([low, high, 1], dtype=width)
    exact = [int(value) for value in values]
    ciphertext = keys.public.encrypt(values)
    assert is_close(keys, keys.secret.decrypt(ciphertext), exact)
    assert is_close(keys, keys.secret.decrypt(keys.public.encrypt([width(low), width(high), width(1)])), exact)
    zero = keys.public.encrypt([0, 0, 0])
    for operate, expected in (
        (lambda: zero + values, exact),
        (lambda: zero - values, [-value for value in exact]),
        (lambda: values + zero, exact),
        (lambda: values - zero, exact),
        (lambda: zero + values[1], [exact[1]] * 3),
        (lambda: values[1] - zero, [exact[1]] * 3),
    ):
        assert is_close(keys, keys.secret.decrypt(operate()), expected)
    if keys.public.exact or keys.public.parameters.levels:
        for operate in (lambda: ciphertext * width(high), lambda: width(high) * ciphertext):
            assert is_close(keys, keys.secret.decrypt(operate()), [value * exact[1] for value in exact])


def test_integers_of_several_types(keys):
    values = np.array([3, np.int8(-2), np.uint64(7), True], dtype=object)
    assert is_close(keys, keys.secret.decrypt(keys.public.encrypt(values)), [3, -2, 7, 1])
    for other in (0.5, "1", None):
        with pytest.raises(ValueOutOfRange, match="these values are of type object"):
            keys.public.encrypt(np.array([3, other], dtype=object))


def test_the_lowest_integer_of_numpy_as_a_factor():
    """It has no absolute value in its type, and the bound of the product needs one."""
    key = PaillierPublicKey(key_pair("paillier").public.native.n, PaillierParameters(2048, lane_bits=1000))
    assert (key.encrypt([3], terms=2**70) * -(2**63)).bound == key.share(2**70) * 2**63


# Row: Paillier exponents


def test_nothing_tells_the_magnitude_under_paillier():
    keys = key_pair("paillier")
    raw = [phe.EncryptedNumber(keys.public.native, 1, keys.public.native.encrypt(x).exponent) for x in (1.0, 1e-9)]
    assert raw[0].exponent != raw[1].exponent
    small, large = (keys.public.encrypt([value]).to_bytes() for value in (1, 10**9))
    small, large = (open_fields(data, "ciphertext") for data in (small, large))
    assert small[:7] == large[:7] and small[7] != large[7]
    assert len(small[7]) == len(large[7]) == 512


@pytest.mark.parametrize("name", SCHEMES)
def test_nothing_tells_the_magnitude(name):
    """Sealed from the same announcement, all fields but the ciphertext itself agree."""
    public = key_pair(name).public
    fields = [open_fields(public.encrypt(values).to_bytes(), "ciphertext") for values in ([0, 0], [1, 100])]
    assert fields[0][:7] == fields[1][:7]


# Row: the wrong half of a key pair


@pytest.mark.parametrize("name", SCHEMES)
def test_the_wrong_thing_in_the_place_of_a_ciphertext(name):
    keys = key_pair(name)
    for wrong in (keys, keys.public, keys.secret, keys.public.encrypt([1]).to_bytes(), None):
        with pytest.raises(WrongKind, match="A Ciphertext can be decrypted, not "):
            keys.secret.decrypt(wrong)


# What the libraries refuse with an error of their own


@pytest.mark.parametrize("name", LATTICE)
def test_a_result_that_is_zero_for_everyone(name):
    keys = key_pair(name)
    x = keys.public.encrypt([1, 2])
    with pytest.raises(RuntimeError, match="transparent"):
        keys.public._subtract(x.native, x.native)
    for operate in (lambda: x - x, lambda: x + (-x)):
        with pytest.raises(ValueOutOfRange, match="zero whatever is encrypted"):
            operate()


def test_the_error_of_a_wrong_type(keys):
    for wrong in ("bytes", None, 5):
        with pytest.raises(TypeError, match="An envelope is bytes"):
            keys.public.load_ciphertext(wrong)
