"""An operation leaves its operands as they were, whatever the library does with them."""

import pytest

from tests.schemes.conftest import LATTICE, deep_pair, is_close


@pytest.mark.parametrize("name", LATTICE)
@pytest.mark.parametrize("operation", ["__add__", "__sub__", "__mul__"])
def test_a_fresh_operand_keeps_its_levels(name, operation):
    """TenSEAL switches the second operand down to the level of the first, in place."""
    keys = deep_pair(name)
    terms = int(keys.public.capacity // 5)
    fresh, other = keys.public.encrypt([2, 3], terms), keys.public.encrypt([1, 1], terms)
    lower = other * other
    getattr(lower, operation)(fresh)
    assert is_close(keys, keys.secret.decrypt(fresh * fresh * other), [4, 9])
