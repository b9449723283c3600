"""An operation leaves its operands as they were, whatever the library does with them, and a sum takes none that do
not belong together."""

import pytest

from he_helpers.schemes.errors import ShapeMismatch, ValueOutOfRange
from tests.schemes.conftest import LATTICE, is_close, product_pair


@pytest.mark.parametrize("name", LATTICE)
@pytest.mark.parametrize("operation", ["__add__", "__sub__", "__mul__"])
def test_a_fresh_operand_keeps_its_levels(name, operation):
    """TenSEAL switches the second operand down to the level of the first, in place."""
    keys = product_pair(name)
    terms = int(keys.public.capacity // 5)
    fresh, other = keys.public.encrypt([2, 3], terms), keys.public.encrypt([1, 1], terms)
    lower = other * other
    getattr(lower, operation)(fresh)
    assert is_close(keys, keys.secret.decrypt(fresh * fresh * other), [4, 9])


def test_what_is_added_up_has_one_length_and_keeps_within_the_capacity(keys):
    two = [keys.public.encrypt([1, 2], terms=4) for _ in range(4)]
    assert is_close(keys, keys.secret.decrypt(keys.public.add_up(two)), [4, 8])
    for values in ([5], [5, 6, 7]):
        other = keys.public.encrypt(values, terms=4)
        for added in ([*two[:2], other], [other, *two[:2]]):
            with pytest.raises(ShapeMismatch, match="cannot be combined"):
                keys.public.add_up(added)
    large = [keys.public.encrypt([1, 2], terms=2) for _ in range(3)]
    assert is_close(keys, keys.secret.decrypt(keys.public.add_up(large[:2])), [2, 4])
    with pytest.raises(ValueOutOfRange, match="wraps around"):
        keys.public.add_up(large)


def test_a_sum_of_nothing(keys):
    with pytest.raises(ShapeMismatch, match="one ciphertext or more"):
        keys.public.add_up([])


@pytest.mark.parametrize("matrix", [[[1, 2], [3]], [["a"], ["b"]], {}])
def test_what_is_no_matrix_of_numbers(matrix):
    with pytest.raises(ShapeMismatch, match="A matrix of"):
        product_pair("tenseal-ckks").public.encrypt([1, 2]) @ matrix
