"""Division under CKKS against numpy: range, signs, sums, levels, drift, refusals."""

from functools import cache

import numpy as np
import pytest

from he_helpers.computing.division import (
    DivisorOutOfRange,
    DivisorRange,
    RangedAmounts,
    approximations,
    divide,
    encrypt_divisors,
    encrypt_numerators,
)
from he_helpers.parameters import CKKSParameters, assess_security
from he_helpers.schemes.errors import DepthExhausted, ShapeMismatch, UnsupportedOperation, ValueOutOfRange
from he_helpers.schemes.public import load_public_key
from he_helpers.schemes.secret import tenseal_ckks
from tests.one_context import in_one_context
from tests.own_process import in_a_process_of_its_own

pytestmark = pytest.mark.slow

ONE_TO_TEN = DivisorRange(1, 10)
# Seven levels for six iterations; short primes, which drift; and one of 32768.
PRECISE = CKKSParameters(16384, (60, 44, 44, 44, 44, 44, 44, 44, 60), 44)
DRIFTING = CKKSParameters(8192, (35, *(24,) * 6, 35), 24)
WIDE = CKKSParameters(32768, (60, *(50,) * 10, 60), 50)
# Three levels for two iterations, which are enough for a narrow range.
SMALL = CKKSParameters(8192, (50, 38, 38, 38, 50), 38)
NARROW = DivisorRange(9, 10.5)


@cache
def pair(parameters=PRECISE):
    """The keys that the tests share."""
    return in_one_context(tenseal_ckks(parameters, relinearisation_keys=True))


@pytest.fixture(scope="module", autouse=True)
def _forget_keys():
    yield
    pair.cache_clear()


def quotients(numerators, divisors, declared=ONE_TO_TEN, iterations=6, keys=None):
    keys = keys or pair()
    a = encrypt_numerators(keys.public, numerators, declared)
    b = encrypt_divisors(keys.public, divisors, declared)
    return keys.secret.decrypt(divide(a, b, iterations))


@pytest.mark.parametrize("parameters", [PRECISE, DRIFTING, WIDE, SMALL])
def test_parameters_pass_both_published_tables(parameters):
    found = assess_security(parameters)
    assert (found.level, found.disagreement) == (128, "")


def test_error_below_a_thousandth_for_divisors_from_1_to_10():
    random = np.random.default_rng(8)
    divisors = np.concatenate([[1, 10], np.exp(random.uniform(0, np.log(10), 1998))])
    numerators = np.concatenate([[10, -10], random.uniform(-10, 10, 1998)])
    error = np.abs(quotients(numerators, divisors) - numerators / divisors).max()
    assert error < 1e-3
    assert error < 1e-4, "six iterations and seven primes of 44 bits are far better than asked for"


@pytest.mark.parametrize("count", [1, 3, 8192])
def test_short_and_full_vectors(count):
    divisors = np.linspace(1, 10, count)
    assert np.abs(quotients(np.ones(count), divisors) - 1 / divisors).max() < 1e-4


def test_negative_numerators_and_zero():
    found = quotients([-9.5, 0, -9, 0], [9.5, 9, 9, 10.5], NARROW, 2, pair(SMALL))
    assert np.abs(found - [-1, 0, -1, 0]).max() < 1e-4


def test_amounts_in_their_own_unit():
    declared = DivisorRange(900_000, 1_000_000)
    found = quotients([450_000.5, -999_999.99], [900_001, 1_000_000], declared, 2, pair(SMALL))
    assert np.abs(found - [0.5, -1]).max() < 1e-4


def error_over_a_hundredfold_range(iterations):
    divisors, declared = np.geomspace(1, 100, 50), DivisorRange(1, 100)
    keys = in_one_context(tenseal_ckks(WIDE, relinearisation_keys=True))
    return np.abs(quotients(np.ones(50), divisors, declared, iterations, keys) - 1 / divisors).max()


def test_a_hundredfold_range_at_ring_dimension_32768():
    """In a process of its own: keys of twelve primes are the largest here."""
    assert DivisorRange(1, 100).iterations_for(1e-4) == 9
    assert in_a_process_of_its_own(error_over_a_hundredfold_range, 9) < 1e-4


def test_sums_as_divisors_with_a_different_number_of_terms_in_each_slot():
    keys = pair(SMALL)
    divisors = np.array([[9.0, 10, 10.5], [10, 9, np.nan], [10.5, np.nan, np.nan]])
    numerators = np.array([[-4.0, 1, 5], [1, 1, np.nan], [9, np.nan, np.nan]])
    a = sum(encrypt_numerators(keys.public, row, NARROW) for row in numerators)
    b = sum(encrypt_divisors(keys.public, row, NARROW) for row in divisors)
    found = keys.secret.decrypt(divide(a, b, 2))
    assert np.abs(found - np.nansum(numerators, axis=0) / np.nansum(divisors, axis=0)).max() < 1e-4


def test_the_result_of_a_server_that_has_bytes_and_the_evaluation_key():
    keys, declared = tenseal_ckks(SMALL, relinearisation_keys=True).generate_keys(), DivisorRange(3.9, 4.1)
    server_key = load_public_key(keys.public.for_evaluation().to_bytes())
    sent = [
        encrypt_numerators(keys.public, [3.0], declared).ciphertext.to_bytes(),
        encrypt_divisors(keys.public, [3.9], declared).ciphertext.to_bytes(),
    ]
    result = divide(*(RangedAmounts(server_key.load_ciphertext(data), declared) for data in sent), 2)
    assert declared.error_after(2) < 1e-6
    assert abs(keys.secret.decrypt(keys.public.load_ciphertext(result.to_bytes()))[0] - 3 / 3.9) < 1e-4


def test_declared_error_is_that_of_exact_arithmetic():
    divisors = np.array([1.0, 10])
    remainders = 1 - divisors * 2 / 11
    for iterations in range(1, 7):
        error = np.abs(remainders ** (2**iterations)).max()
        assert ONE_TO_TEN.error_after(iterations) == pytest.approx(error)
    assert ONE_TO_TEN.error_after(5) > 1e-3 > ONE_TO_TEN.error_after(6)
    assert ONE_TO_TEN.iterations_for(1e-3) == 6


def test_more_iterations_make_it_worse_when_the_scale_drifts():
    keys, declared = pair(DRIFTING), DivisorRange(1, 2)
    divisors = np.linspace(1, 2, 100)
    numerators = np.full(100, 2.0)
    a = encrypt_numerators(keys.public, numerators, declared)
    b = encrypt_divisors(keys.public, divisors, declared)
    errors = []
    with pytest.raises(DepthExhausted, match="6 of 6 levels"):
        for quotient in approximations(a, b):
            errors.append(np.abs(keys.secret.decrypt(quotient) - numerators / divisors).max())
    assert len(errors) == 5 and declared.error_after(3) < 1e-3
    assert errors[1] == min(errors) and errors[4] > 2 * errors[1]


def test_one_iteration_too_many_is_refused():
    one = encrypt_divisors(pair(SMALL).public, [9.0], NARROW)
    with pytest.raises(DepthExhausted, match="3 of 3 levels"):
        divide(one, one, 3)


@pytest.mark.parametrize("outside", [0, 0.99, 10.01, -2, np.inf, -np.inf])
def test_a_divisor_outside_the_range_is_refused_at_encryption(outside):
    with pytest.raises(DivisorOutOfRange) as refused:
        encrypt_divisors(pair().public, [2, outside], ONE_TO_TEN, names=["North", "South"])
    for part in (f"{float(outside):,}", "of South", "1 to 10", "1 of 2", "wider range", "leave this one out"):
        assert part in str(refused.value)


@pytest.mark.parametrize("edge", [1, 10])
def test_the_ends_of_the_range_belong_to_it(edge):
    encrypt_divisors(pair().public, [edge], ONE_TO_TEN)


@pytest.mark.parametrize("outside", [10.01, -10.01, np.inf])
def test_a_numerator_above_the_range_is_refused(outside):
    with pytest.raises(DivisorOutOfRange, match="numerator .* at position 0 .* -10 to 10"):
        encrypt_numerators(pair().public, [outside], ONE_TO_TEN)


@pytest.mark.parametrize("ends", [(0, 10), (-1, 10), (10, 1), (1, 1), (1, np.inf), (np.nan, 2)])
def test_a_range_without_a_start_is_refused(ends):
    with pytest.raises(ValueOutOfRange, match="positive number to a larger one"):
        DivisorRange(*ends)


@pytest.mark.parametrize("iterations", [0, -1, 2.0, True, None])
def test_the_number_of_iterations_is_a_positive_integer(iterations):
    one = encrypt_divisors(pair().public, [2.0], ONE_TO_TEN)
    with pytest.raises(ValueOutOfRange, match="integer from 1"):
        divide(one, one, iterations)


@pytest.mark.parametrize("error", [0, 1, -0.1])
def test_an_error_that_no_iteration_reaches_is_refused(error):
    with pytest.raises(ValueOutOfRange, match="between 0 and 1"):
        ONE_TO_TEN.iterations_for(error)


@pytest.mark.parametrize("missing", [("divisor",), ("numerator",), ("numerator", "divisor")])
def test_a_slot_that_is_left_out_on_either_side_spoils_no_other(missing):
    numerators, divisors = np.array([9.0, 9.5, -9]), np.array([2.0, 3, 10])
    expected = numerators / divisors
    if "numerator" in missing:
        numerators[1] = np.nan
    if "divisor" in missing:
        divisors[1] = np.nan
    found = quotients(numerators, divisors)
    assert np.abs(found - expected)[[0, 2]].max() < 1e-4 and abs(found[1]) < 1e-4


def test_terms_add_up_and_missing_amounts_are_none():
    a, b = (encrypt_divisors(pair().public, row, ONE_TO_TEN) for row in ([2.0, np.nan, 3], [2.0, np.nan, np.nan]))
    assert a.terms.tolist() == [1, 0, 1] and sum([a, b, a]).terms.tolist() == [3, 0, 2]
    assert (a - b).terms is None and (a - b + a).terms is None


@pytest.mark.parametrize("other", [DivisorRange(8, 80), DivisorRange(8, 10), DivisorRange(1, 80)])
def test_amounts_of_another_declared_range_are_refused(other):
    """Numerators for 1 to 10 over divisors for 8 to 80 gave quotients that were 8 times too large."""
    numerators = encrypt_numerators(pair().public, [9.0], ONE_TO_TEN)
    divisors = encrypt_divisors(pair().public, [9.0], other)
    for operation in (divide, lambda a, b, _: a + b, lambda a, b, _: a - b):
        with pytest.raises(DivisorOutOfRange, match="two ranges, 1 to 10 and .*Encrypt both for one range"):
            operation(numerators, divisors, 6)


def test_a_difference_is_no_divisor_and_a_bare_ciphertext_has_no_range():
    one, two = (encrypt_divisors(pair().public, [amount], ONE_TO_TEN) for amount in (2.0, 5.0))
    with pytest.raises(ValueOutOfRange, match="divisors are a difference"):
        divide(one, two - one, 6)
    for operands in ((one, two.ciphertext), (one.ciphertext, two)):
        with pytest.raises(ShapeMismatch, match="declared range are needed here, and not Ciphertext"):
            divide(*operands, 6)
    with pytest.raises(ShapeMismatch, match="not int"):
        one + 1
    with pytest.raises(TypeError):
        1 + one


def test_no_terms_vectors_of_two_lengths_and_no_relinearisation_keys_are_refused():
    one = encrypt_divisors(pair().public, [2.0], ONE_TO_TEN)
    two = encrypt_divisors(pair().public, [2.0, 3.0], ONE_TO_TEN)
    with pytest.raises(ValueOutOfRange, match="0 or more amounts"):
        RangedAmounts(one.ciphertext, ONE_TO_TEN, -1)
    with pytest.raises(ShapeMismatch):
        divide(one, two, 6)
    for terms in ([1, 2, 3], 1.5, "1"):
        with pytest.raises(ShapeMismatch, match="terms is a whole number, or one for each of 2 slots"):
            RangedAmounts(two.ciphertext, ONE_TO_TEN, terms)
    with pytest.raises(ShapeMismatch):
        encrypt_divisors(pair().public, [[2.0]], ONE_TO_TEN)
    bare = encrypt_divisors(tenseal_ckks(SMALL).generate_keys().public, [9.0], NARROW)
    with pytest.raises(UnsupportedOperation, match="relinearisation_keys=True"):
        divide(bare, bare, 2)
