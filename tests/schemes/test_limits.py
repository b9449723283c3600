"""The limits of every scheme, as numbers written down here: what is just below works, what is just above is refused,
and the library itself gives something else there without a word."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from he_helpers.parameters import (
    BFVParameters,
    CKKSParameters,
    PaillierParameters,
    plaintext_prime,
)
from he_helpers.schemes.errors import DamagedBytes, DepthExhausted, ShapeMismatch, ValueOutOfRange
from he_helpers.schemes.library_errors import LIBRARY_ERRORS
from he_helpers.schemes.public.interface import Ciphertext
from he_helpers.schemes.public.tenseal import TenSEALCKKSPublicKey
from tests.one_context import in_one_context
from tests.schemes.conftest import EXACT, LATTICE, SCHEMES, deep_pair, is_close, key_pair, product_pair

# Scheme, parameters, the numbers in a ciphertext, and the largest absolute value of a slot.
LIMITS = [
    ("tenseal-bfv", BFVParameters(), 4096, 8_589_877_248),
    ("pyfhel-bfv", BFVParameters(4096, (53, 53), plaintext_prime(20, 4096)), 4096, 516_096),
    ("tenseal-ckks", CKKSParameters(), 4096, 524_288.0),
    ("tenseal-ckks", CKKSParameters(8192, (50, 60), 40), 4096, 512.0),
    ("pyfhel-ckks", CKKSParameters(8192, (50, 60), 40), 4096, 512.0),
    ("pyfhel-ckks", CKKSParameters(8192, (54, 40, 40, 60), 40), 4096, 8_192.0),
    ("paillier", PaillierParameters(2048), 42, 140_737_488_355_327),
    ("paillier", PaillierParameters(2048, lane_bits=8), 255, 127),
]


@cache
def limited_pair(name, parameters):
    """Nothing that is computed at the limits changes the keys."""
    scheme = SCHEMES[name](parameters)
    return in_one_context(scheme) if name in LATTICE else scheme.generate_keys()


def raw(keys, native, size=1):
    return np.asarray(keys.secret._decrypt(native, size))[:size]


@pytest.mark.parametrize("name, parameters, slot_count, capacity", LIMITS)
def test_the_slots_and_their_capacity(name, parameters, slot_count, capacity):
    keys = limited_pair(name, parameters)
    for limits in (parameters, keys.public):
        assert limits.slot_count == slot_count
        assert limits.capacity == capacity and type(limits.capacity) is type(capacity)
    with pytest.raises(ShapeMismatch, match=f"do not fit into {slot_count} slots"):
        keys.public.encrypt([1] * (slot_count + 1))
    full = np.resize([1, -1], slot_count)
    assert is_close(keys, keys.secret.decrypt(keys.public.encrypt(full, terms=1)), full)
    # At the limit itself the rounding of CKKS decides.
    below = capacity if keys.public.exact else 0.999 * capacity
    for value in (below, -below):
        assert is_close(keys, keys.secret.decrypt(keys.public.encrypt([value], terms=1)) / capacity, [value / capacity])
    above = capacity + 1 if keys.public.exact else 1.001 * capacity
    with pytest.raises(ValueOutOfRange, match="holds at most"):
        keys.public.encrypt([above], terms=1)


# Of lanes of 8 bits there is nearly room for one more, and whether 256 fit depends on the modulus.
@pytest.mark.parametrize("name, parameters, slot_count, capacity", LIMITS[:-1])
def test_the_library_itself_has_no_more_slots(name, parameters, slot_count, capacity):
    """Just above the number, the library refuses, or loses what does not fit."""
    keys = limited_pair(name, parameters)
    largest = np.full(slot_count + 1, capacity).astype(type(capacity) if name in LATTICE else object)
    try:
        found = raw(keys, keys.public._encrypt(largest), slot_count + 1)
    except LIBRARY_ERRORS:
        return
    assert len(found) == slot_count or not np.allclose((found / capacity).astype(float), 1, atol=0.01)


def test_the_library_itself_wraps_around_above_a_lane():
    """A lane that is too full takes from its neighbour."""
    keys = limited_pair("paillier", PaillierParameters(2048, lane_bits=8))
    for value, found in ((127, [127, 0]), (128, [-128, 1]), (-128, [-128, 0]), (-129, [127, -1])):
        assert list(raw(keys, keys.public._encrypt(np.array([value, 0])), 2)) == found


@pytest.mark.parametrize(
    "name, parameters, slot_count, capacity",
    [limits for limits in LIMITS if limits[0] != "paillier" and getattr(limits[1], "levels", 0) == 0],
)
def test_the_library_itself_wraps_around_above(name, parameters, slot_count, capacity):
    """Where no levels are left above the last one: there the room is no larger than what is promised."""
    keys = limited_pair(name, parameters)
    for value, right in ((0.999 * capacity, True), (capacity + 4 if keys.public.exact else 1.001 * capacity, False)):
        # The same number in every slot is one coefficient of CKKS's polynomial; others leave more room.
        quarter = keys.public._encrypt(np.full(keys.public.slot_count, value / 4).astype(type(capacity)))
        half = keys.public._add(quarter, quarter)
        found = raw(keys, keys.public._add(half, half))
        assert np.allclose(found / value, 1, atol=0.01) == right


@pytest.mark.parametrize("name", ["tenseal-ckks", "pyfhel-ckks"])
def test_the_library_itself_wraps_around_above_at_the_last_level(name):
    keys = product_pair(name)
    ones = np.ones(keys.public.slot_count)
    last = keys.public.encrypt(ones, terms=8192) * ones * ones
    for factor, right in ((8_180, True), (8_200, False)):
        half = keys.public._add_plain(last.native, ones * (factor / 2 - 1))
        assert np.allclose(raw(keys, keys.public._add(half, half)) / factor, 1, atol=0.01) == right


# Shares


@pytest.mark.parametrize(
    "parameters, terms, expected",
    [
        (BFVParameters(), 1000, 8_589_877),
        (PaillierParameters(2048, lane_bits=8), 2, 63),
        (PaillierParameters(2048, lane_bits=8), 128, 0),
        (CKKSParameters(8192, (50, 60), 40), 1, 512.0),
        (CKKSParameters(8192, (50, 60), 40), 512, 1.0),
        (CKKSParameters(8192, (54, 60), 40), 2**33, 2.0**-20),
        (CKKSParameters(8192, (41, 60), 40), 2**53, 0.0),
    ],
)
def test_shares(parameters, terms, expected):
    assert parameters.share(terms) == expected


@settings(deadline=None)
@given(st.integers(0, 50), st.integers(1, 10**6))
def test_a_share_of_reals_is_as_large_as_it_can_be(bits, terms):
    bound = CKKSParameters(8192, (bits + 10, 60), 9).share(terms)
    exact = int(bound * 2.0 ** (52 - bits))  # in units of the capacity / 2^52
    assert exact * terms <= 2**52 < (exact + 1) * terms


SCALES = [CKKSParameters(8192, (60, 60), bits) for bits in (15, 20, 21, 24, 25, 40)]


@pytest.mark.slow
@pytest.mark.parametrize("parameters", [*SCALES, CKKSParameters(4096, (40, 60), 20)], ids=repr)
@settings(max_examples=60, deadline=None)
@given(rows=st.integers(1, 3000), order=st.randoms(use_true_random=False))
def test_what_was_announced_can_be_added_up(parameters, rows, order):
    """The bound of a sum of as many rows as announced never passes the capacity, whatever is added to whatever."""
    with pytest.MonkeyPatch.context() as patch:
        # The library's own sum takes nearly all of the time, and only bounds are looked at.
        patch.setattr(TenSEALCKKSPublicKey, "_add", lambda self, a, b: a)
        _add_up(limited_pair("tenseal-ckks", parameters).public, rows, order)


def _add_up(key, rows, order):
    bound = key.share(rows)
    ciphertexts = [Ciphertext(key, None, 1, 0, bound, 0)] * rows
    total = sum(ciphertexts)
    assert total.bound == rows * bound <= key.capacity
    while len(ciphertexts) > 1:
        pair = [ciphertexts.pop(order.randint(0, min(8, len(ciphertexts) - 1))) for _ in range(2)]
        ciphertexts.append(pair[0] + pair[1])
        if len(ciphertexts) > 40:  # the rest one after the other
            ciphertexts = [sum(ciphertexts[:-40]), *ciphertexts[-40:]]
    assert ciphertexts[0].bound == total.bound
    with pytest.raises(ValueOutOfRange, match="could reach"):
        total + Ciphertext(key, None, 1, 0, bound, 0)


def test_49_rows_at_a_scale_of_20_bits():
    """With the library: a bound that was rounded made the sum of what had been announced pass the capacity."""
    keys = limited_pair("tenseal-ckks", CKKSParameters(8192, (60, 60), 20))
    assert keys.public.capacity == 549_755_813_888.0
    rows = [keys.public.encrypt([float(i)], terms=49) for i in range(49)]
    assert abs(keys.secret.decrypt(sum(rows))[0] - sum(range(49))) < 1


# Bounds


def _full(keys, values=(1, 1)):
    """A ciphertext whose declared bound is half of the capacity."""
    return keys.public.encrypt(list(values), terms=2)


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMES)
def test_every_operation_checks_the_bound(name):
    keys = deep_pair(name) if name in LATTICE else key_pair(name)
    x, y = _full(keys), _full(keys)
    half = keys.public.capacity // 2
    assert x.bound == half
    room = keys.public.capacity - half
    too_much = {
        "sum": lambda: x + y + x,
        "difference": lambda: x - y - x,
        "number": lambda: x + (room + 1),
        "vector": lambda: x - [0, room + 1],
        "from a number": lambda: (room + 1) - x,
        "times a number": lambda: x * 3,
        "times a negative number": lambda: x * -3,
    }
    if name in LATTICE:
        too_much |= {"times a vector": lambda: x * [1, 3], "product": lambda: x * y}
        three = keys.public.encrypt([1, 1, 1], terms=2)
        too_much["sum of slots"] = lambda: three.sum()
    if name == "tenseal-ckks":
        too_much["matrix"] = lambda: x @ [[1, 1.5], [1, 1.5]]
        too_much["negative matrix"] = lambda: x @ [[1, -1.5], [1, 1.5]]
    for what, operate in too_much.items():
        with pytest.raises(ValueOutOfRange, match="holds at most"):
            operate()
            pytest.fail(what)


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMES)
def test_what_just_fits_is_computed(name):
    keys = deep_pair(name) if name in LATTICE else key_pair(name)
    x, y = _full(keys, (2, 3)), _full(keys, (1, 1))
    half, room = keys.public.capacity // 2, keys.public.capacity - keys.public.capacity // 2
    fits = [(x + y, [3, 4], 2 * half), (x - y, [1, 2], 2 * half), (x * 2, [4, 6], 2 * half)]
    fits += [(x * -2, [-4, -6], 2 * half), (x - room, [2 - room, 3 - room], half + room)]
    if name in LATTICE:
        fits += [(x * [1, 2], [2, 6], 2 * half), (x.sum(), [5], 2 * half)]
        small = keys.public.encrypt([2, 3], terms=int(keys.public.capacity) // 4)
        fits += [(small * small, [4, 9], small.bound**2)]
    if name == "tenseal-ckks":
        fits += [(x @ [[1, 0.5], [-1, 0.5]], [-1, 2.5], 2 * half)]
    for ciphertext, expected, bound in fits:
        assert ciphertext.bound == bound
        assert is_close(keys, keys.secret.decrypt(ciphertext), expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tenseal-bfv", "pyfhel-bfv"])
def test_the_library_wraps_around_in_a_sum_of_slots(name):
    keys = deep_pair(name)
    value = keys.public.capacity // 2
    x = keys.public.encrypt([value] * 3, terms=2)
    assert raw(keys, keys.public._sum(x.native, 3 + x.padding)) != [3 * value]


def test_lanes_of_paillier_do_not_run_into_each_other():
    """The largest value of either sign in every lane; one more would be carried into the next lane."""
    keys = key_pair("paillier")
    capacity = keys.public.capacity
    values = np.array([capacity, -capacity] * (keys.public.slot_count // 2))
    assert (keys.secret.decrypt(keys.public.encrypt(values, terms=1)) == values).all()
    halves = np.array([capacity // 2, -(capacity // 2)] * 2)
    x = keys.public.encrypt(halves, terms=2)
    assert (keys.secret.decrypt(x + x) == 2 * halves).all()
    beyond = keys.public._encrypt(np.array([capacity + 1, 5]))
    assert list(raw(keys, beyond, 2)) != [capacity + 1, 5]


def test_the_lowest_number_of_a_lane_of_64_bits_is_no_zero():
    """Its absolute value is beyond the integers of numpy, where it is negative."""
    keys = SCHEMES["paillier"](PaillierParameters(512, lane_bits=64), insecure_for_teaching=True).generate_keys()
    native = keys.public._encrypt(np.array([7, -(2**63)]))
    assert raw(keys, native, 2).tolist() == [7, -(2**63)]
    with pytest.raises(DamagedBytes, match="cannot hold"):
        keys.secret.decrypt(Ciphertext(keys.public, native, 1, 1, 10, 0))


# Noise and levels


@pytest.mark.slow
@pytest.mark.parametrize("name", LATTICE)
def test_every_operation_checks_the_consumption(name):
    keys = deep_pair(name)
    limit = keys.public.consumption_limit
    x = keys.public.encrypt([1, 2], terms=int(keys.public.capacity) // 4)
    y = keys.public.encrypt([1, 2], terms=int(keys.public.capacity) // 4)
    used_up, another = (Ciphertext(c.key, c.native, 2, c.padding, c.bound, limit) for c in (x, y))
    operations = {
        "a number": lambda: used_up * 2,
        "vector": lambda: used_up * [2, 2],
        "product": lambda: used_up * x,
        "product the other way": lambda: x * used_up,
    }
    if keys.public.exact:
        operations |= {
            "sum": lambda: used_up + another,
            "difference": lambda: used_up - another,
            "sum of slots": lambda: used_up.sum(),
        }
    if name == "tenseal-ckks":
        operations["matrix"] = lambda: used_up @ np.eye(2)
    for what, operate in operations.items():
        with pytest.raises(DepthExhausted, match="No room for one more"):
            operate()
            pytest.fail(what)


def test_a_rotation_checks_the_consumption():
    keys = SCHEMES["pyfhel-bfv"](BFVParameters(), galois_keys=[1]).generate_keys()
    x = keys.public.encrypt([1, 2])
    assert x.rotate(1).consumed > x.consumed
    with pytest.raises(DepthExhausted, match="No room for one more rotation"):
        Ciphertext(x.key, x.native, 2, x.padding, x.bound, keys.public.consumption_limit).rotate(1)


@pytest.mark.slow
@pytest.mark.parametrize("name", LATTICE)
def test_every_operation_counts_its_consumption(name):
    keys = deep_pair(name)
    x = keys.public.encrypt([1, 2], terms=int(keys.public.capacity) // 4)
    once = x * 2
    if keys.public.exact:
        y = keys.public.encrypt([1, 2], terms=int(keys.public.capacity) // 4)
        results = [x + y, x - y, x * 2, x * [1, 2], x * y, x.sum(), *([x.rotate(1)] if "pyfhel" in name else [])]
        assert all(result.consumed > x.consumed for result in results)
        assert (x + 1).consumed == (-x).consumed == x.consumed
    else:
        results = [x * 2, x * [1, 2], x * x, *([x @ np.eye(2)] if name == "tenseal-ckks" else [])]
        assert all(result.consumed == 1 for result in results)
        results = [once + x, x + once, x - once, once - x, once.sum(), -once, once + 1]
        assert all(result.consumed == 1 for result in results)
        two_levels = product_pair(name).public
        x = two_levels.encrypt([1, 2], terms=int(two_levels.capacity) // 4)
        once = x * 2
        assert (once * x).consumed == (x * once).consumed == (once * 2).consumed == 2


@pytest.mark.parametrize("name", EXACT)
def test_the_consumption_limit_is_a_number(name):
    expected = {"tenseal-bfv": 2.0**52 / 17_179_754_497, "pyfhel-bfv": 2.0**52 / 17_179_754_497, "paillier": 0}
    assert key_pair(name).public.consumption_limit == pytest.approx(expected[name], rel=1e-6)
    for ckks in ("tenseal-ckks", "pyfhel-ckks"):
        assert product_pair(ckks).public.consumption_limit == 2
