"""The explorer of division, changed by code: its errors are those of real ciphertexts, and of exact arithmetic."""

import numpy as np
import pytest

from he_helpers.computing import DivisorRange, approximations, encrypt_divisors, encrypt_numerators
from he_helpers.lab.widgets import DivisionExplorer
from he_helpers.lab.widgets.division_explorer import SETS
from he_helpers.parameters import CKKSParameters, assess_security
from he_helpers.schemes.errors import DepthExhausted
from he_helpers.schemes.secret import tenseal_ckks

EXACT, DRIFT = "exact arithmetic", "with the primes of the chain"


@pytest.fixture
def explorer(undrawn):
    return DivisionExplorer()


@pytest.mark.slow
def test_the_errors_are_those_of_real_ciphertexts(undrawn):
    """With a scale of 30 bits and a narrow range the drift is far above the noise, which is left out, and above the
    error of exact arithmetic."""
    parameters = CKKSParameters(8192, (38, 30, 30, 30, 30, 38), 30)
    keys = tenseal_ckks(parameters, relinearisation_keys=True).generate_keys()
    declared, divisors = DivisorRange(1, 2), np.geomspace(1, 2, 401)
    ones = encrypt_numerators(keys.public, np.ones(401), declared)
    found = []
    with pytest.raises(DepthExhausted):
        for quotients in approximations(ones, encrypt_divisors(keys.public, divisors, declared)):
            found.append(np.abs(keys.secret.decrypt(quotients) * divisors - 1).max())
    explorer = DivisionExplorer({"30 bits": parameters})
    explorer.highest.value = 2
    assert len(found) == len(explorer.errors)
    assert explorer.errors[DRIFT].to_numpy() == pytest.approx(np.array(found), rel=0.1)
    assert explorer.errors.loc[3, DRIFT] > 3 * explorer.errors.loc[3, EXACT]


def test_exact_arithmetic_squares_the_error(explorer):
    for highest in (2, 10, 1000):
        explorer.highest.value = highest
        expected = [DivisorRange(1, highest).error_after(count) for count in range(1, 7)]
        assert explorer.errors[EXACT].to_numpy() == pytest.approx(np.array(expected), rel=1e-6, abs=1e-15)


def test_more_iterations_are_not_better_with_a_short_scale(explorer):
    explorer.scale.value = "30 bits"
    assert explorer.errors[DRIFT].idxmin() == 5 < explorer.errors.index[-1] == 9
    explorer.iterations.value = 9
    assert explorer.said.startswith(
        "Divisors from 1 to 10, scale of 30 bits: after 9 iterations a relative error of 1e-02, in exact arithmetic "
        "below 1e-15. The smallest one is 4e-03, after 5."
    )
    assert "1: 7e-01 and 7e-01; 2: 4e-01 and 4e-01;" in explorer.picture.alt
    assert explorer.picture.table.loc[9].tolist() == ["below 1e-15", "1e-02"]


def test_the_levels_bound_the_iterations(explorer):
    assert explorer.iterations.max == 6
    explorer.scale.value, explorer.iterations.value = "30 bits", 9
    explorer.scale.value = "44 bits"
    assert explorer.iterations.value == explorer.iterations.max == 6
    assert "after 6 iterations a relative error" in explorer.said


def test_a_wider_range_needs_more_iterations(explorer):
    errors = []
    for explorer.highest.value in (2, 10, 100):
        errors.append(explorer.errors.loc[4, DRIFT])
    assert errors == sorted(errors) and errors[0] < 1e-5 < 0.5 < errors[2]


def test_the_parameters_are_secure():
    assert {assess_security(parameters).level for parameters in SETS.values()} == {128}


def test_what_is_stored_is_the_picture():
    explorer = DivisionExplorer()
    stored = explorer._repr_mimebundle_()
    assert stored["text/plain"] == f"{explorer.said}\n{explorer.picture.alt}"
    assert f'alt="{explorer.picture.alt}"' in stored["text/html"]


def test_own_parameters(undrawn):
    own = DivisionExplorer({"short": CKKSParameters(8192, (50, 30, 30, 30, 50), 30)})
    assert own.iterations.max == 2 and "scale of short" in own.said
    for sets in ({}, {"one level": CKKSParameters()}):
        with pytest.raises(ValueError, match="two levels or more"):
            DivisionExplorer(sets)
