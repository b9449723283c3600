"""Arrays in every form in which numpy keeps them: all schemes read the numbers, not the memory beside them."""

from functools import cache

import numpy as np
import pytest

from tests.schemes.conftest import LATTICE, SCHEMES, deep_pair, is_close, key_pair, product_pair, short_pair


def _read_only(values):
    values = values.copy()
    values.flags.writeable = False
    return values


def _padded_record(values):
    """A field of a structured array: not aligned, and with other bytes between the numbers."""
    records = np.zeros(len(values), dtype=[("flag", "i1"), ("number", values.dtype)])
    records["flag"], records["number"] = -1, values
    return records["number"]


# Each gives an array that is equal to the 1-D array it gets, and lies in memory in another way.
VIEWS = {
    "every second": lambda v: np.stack([v, v + 1], axis=1).ravel()[::2],
    "reversed": lambda v: v[::-1].copy()[::-1],
    "column of a matrix": lambda v: np.stack([v + 1, v, v - 1], axis=1)[:, 1],
    "row of a Fortran matrix": lambda v: np.asfortranarray(np.stack([v, v + 1, v + 2]))[0],
    "read-only": _read_only,
    "big-endian": lambda v: v.astype(v.dtype.newbyteorder(">")),
    "big-endian, strided": lambda v: np.repeat(v.astype(v.dtype.newbyteorder(">")), 3)[::3],
    "field of records": _padded_record,
    "narrow": lambda v: v.astype(np.int8 if v.dtype.kind == "i" else np.float32),
    "narrow, reversed": lambda v: v[::-1].astype(np.int8 if v.dtype.kind == "i" else np.float16)[::-1],
    "objects, reversed": lambda v: np.array([int(x) for x in v[::-1]], dtype=object)[::-1],
    "unsigned": lambda v: (v - v.min()).astype(np.uint64)[::-1][::-1],
    "one number for all": lambda v: np.broadcast_to(v[:1], v.shape),
}


def _in_memory(view, values):
    found = VIEWS[view](values)
    assert found.shape == values.shape
    return found


@cache
def _twelve(name, number):
    """The same ciphertexts for every view."""
    return short_pair(name).public.encrypt(np.full(12, number))


@cache
def _numbers(name, size):
    public = product_pair(name).public
    return public.encrypt(np.arange(size) % 5, terms=int(public.capacity) // 100)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", SCHEMES)
def test_encrypting_and_adding(name, view):
    keys = short_pair(name)
    values = np.arange(1, 13) * np.array([1, -1] * 6)
    if not keys.public.exact:
        values = values.astype(np.float64)
    there = _in_memory(view, values)
    expected = np.array([int(x) for x in there])
    encrypted = keys.public.encrypt(there)
    for ciphertext, result in (
        (encrypted, expected),
        (_twelve(name, 0) + there, expected),
        (there + _twelve(name, 1), expected + 1),
        (_twelve(name, 1) - there, 1 - expected),
        (there - encrypted, 0 * expected),
    ):
        assert is_close(keys, keys.secret.decrypt(ciphertext), result)


@pytest.mark.parametrize("full", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["some slots", "all slots"])
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", LATTICE)
def test_multiplying(name, view, full):
    keys = product_pair(name)
    size = keys.public.slot_count if full else 12
    values = (np.arange(size) % 12 + 1) * (-1) ** np.arange(size)
    there = _in_memory(view, values if keys.public.exact else values.astype(np.float64))
    expected = np.array([int(x) for x in there])
    numbers, x = np.arange(size) % 5, _numbers(name, size)
    assert is_close(keys, keys.secret.decrypt(x * there), numbers * expected)
    assert is_close(keys, keys.secret.decrypt(there * x), numbers * expected)


MATRIX = np.arange(12.0).reshape(4, 3) - 5
VECTOR = np.array([1.0, -2, 3, 0.5])


@pytest.mark.slow
@pytest.mark.parametrize(
    "whole", [np.asfortranarray, lambda m: m[::-1].copy()[::-1], lambda m: np.repeat(m, 2, axis=1)[:, ::2]]
)
def test_multiplying_by_a_matrix_of_another_order(whole):
    keys = deep_pair("tenseal-ckks")
    product = keys.public.encrypt(_in_memory("column of a matrix", VECTOR)) @ whole(MATRIX)
    assert is_close(keys, keys.secret.decrypt(product), VECTOR @ MATRIX)


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS)
def test_multiplying_by_a_matrix_made_of_a_view(view):
    keys = deep_pair("tenseal-ckks")
    column = np.stack([_in_memory(view, MATRIX[:, 0])] * 2, axis=1)
    expected = VECTOR @ np.array([[float(v) for v in row] for row in column])
    assert is_close(keys, keys.secret.decrypt(keys.public.encrypt(VECTOR) @ column), expected)


@pytest.mark.parametrize("name", ["pyfhel-bfv", "pyfhel-ckks"])
def test_pyfhel_itself_reads_the_memory_beside_a_view(name):
    """The reason for the copies: when this fails, Pyfhel has learned to read strides."""
    keys = key_pair(name)
    values = np.arange(1, 13) if keys.public.exact else np.arange(1.0, 13.0)
    encrypt = keys.public.native.encryptInt if keys.public.exact else keys.public.native.encryptFrac
    assert is_close(keys, keys.secret._decrypt(encrypt(values[::2]), 6), values[:6])
