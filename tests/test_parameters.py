"""Parameter sets, and the security tables as they are published."""

import dataclasses

import gmpy2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from he_helpers.parameters import (
    FACTORING_TABLE,
    GUIDELINES_2024_TABLE,
    STANDARD_TABLE,
    BFVParameters,
    CKKSParameters,
    InsecureParameters,
    InvalidParameters,
    PaillierParameters,
    assess_security,
    parameters_from_dict,
    parameters_to_dict,
    plaintext_prime,
    require_security,
)

RING_DIMENSIONS = (1024, 2048, 4096, 8192, 16384, 32768)


def test_the_published_tables():
    assert STANDARD_TABLE == {
        128: dict(zip(RING_DIMENSIONS, (27, 54, 109, 218, 438, 881), strict=True)),
        192: dict(zip(RING_DIMENSIONS, (19, 37, 75, 152, 305, 611), strict=True)),
        256: dict(zip(RING_DIMENSIONS, (14, 29, 58, 118, 237, 476), strict=True)),
    }
    assert GUIDELINES_2024_TABLE == {128: dict(zip(RING_DIMENSIONS, (26, 53, 106, 214, 430, 868), strict=True))}
    assert FACTORING_TABLE == {112: 2048, 128: 3072, 192: 7680, 256: 15360}


def lattice(total: int, ring_dimension: int) -> CKKSParameters:
    """CKKS parameters with a coefficient modulus of ``total`` bits."""
    count = max(2, -(-total // 60))
    bits = tuple(total // count + (i < total % count) for i in range(count))
    assert sum(bits) == total
    return CKKSParameters(ring_dimension, bits, scale_bits=2)


@pytest.mark.parametrize("ring_dimension", RING_DIMENSIONS)
def test_assessment_at_every_limit(ring_dimension):
    for level in (256, 192):
        limit = STANDARD_TABLE[level][ring_dimension]
        assert assess_security(lattice(limit, ring_dimension)).bits == level
        assert assess_security(lattice(limit + 1, ring_dimension)).bits < level
    newer, older = GUIDELINES_2024_TABLE[128][ring_dimension], STANDARD_TABLE[128][ring_dimension]
    assert assess_security(lattice(newer, ring_dimension)).bits == 128
    for total in range(newer + 1, older + 1):
        found = assess_security(lattice(total, ring_dimension))
        assert (found.bits, found.source) == (0, "ePrint 2024/463")
        assert f"limit {older} bits" in found.disagreement and f"limit {newer} at 128 bits" in found.disagreement
    found = assess_security(lattice(older + 1, ring_dimension))
    assert found.bits == 0 and not found.disagreement


def test_the_chains_of_seal_exceed_the_newer_table():
    for chain, ring_dimension in (((36, 36, 37), 4096), ((43, 43, 44, 44, 43), 8192)):
        message = "pass the standard of 2018 at 128-bit .* exceed the guidelines of 2024"
        with pytest.raises(InsecureParameters, match=message):
            require_security(CKKSParameters(ring_dimension, chain, 30))


PAILLIER_LEVELS = [(1024, 0), (2046, 0), (2048, 112), (3070, 112), (3072, 128), (7680, 192), (15360, 256)]


@pytest.mark.parametrize("bits, level", PAILLIER_LEVELS)
def test_paillier(bits, level):
    assert assess_security(PaillierParameters(bits)).bits == level


def test_the_defaults_are_secure():
    for parameters in (BFVParameters(), CKKSParameters(), PaillierParameters()):
        assert assess_security(parameters).bits >= 128
        require_security(parameters)


@pytest.mark.parametrize(
    "parameters, limit",
    [
        (CKKSParameters(2048, (30, 25), 20), "at most 53 bits give 128-bit security"),
        (CKKSParameters(4096, (60, 60, 60), 40), "at most 106 bits give 128-bit security"),
        (CKKSParameters(4096, (36, 36, 37), 30), "limit 106 at 128 bits"),
        (PaillierParameters(1024), "2048 bits give 112-bit security"),
    ],
)
def test_insecure_parameters_need_the_word(parameters, limit):
    with pytest.raises(InsecureParameters, match=f"{limit}.*insecure_for_teaching=True"):
        require_security(parameters)
    require_security(parameters, insecure_for_teaching=True)


@pytest.mark.parametrize("bits, ring_dimension", [(16, 1024), (20, 4096), (20, 8192), (42, 4096), (60, 32768)])
def test_plaintext_prime(bits, ring_dimension):
    prime = plaintext_prime(bits, ring_dimension)
    assert prime.bit_length() == bits and prime % (2 * ring_dimension) == 1 and gmpy2.is_prime(prime)
    above = range(prime + 2 * ring_dimension, min(2**bits, prime + 400 * ring_dimension), 2 * ring_dimension)
    assert not any(gmpy2.is_prime(number) for number in above)


def test_no_plaintext_prime():
    with pytest.raises(InvalidParameters, match="No prime of 13 bits is 1 modulo 8192"):
        plaintext_prime(13, 4096)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: BFVParameters(5000), "in no published table: 1024, 2048"),
        (lambda: BFVParameters(4096, (35,)), "needs two or more primes"),
        (lambda: BFVParameters(4096, (35, 61)), "2 to 60 bits"),
        (lambda: BFVParameters(plaintext_modulus=65537 + 2), "must be a prime that is 1 modulo 8192"),
        (lambda: BFVParameters(plaintext_modulus=8192 * 3 + 1 + 8192), "must be a prime"),
        (lambda: BFVParameters(plaintext_modulus=-8191), "must be a prime"),
        (lambda: BFVParameters(plaintext_modulus=plaintext_prime(61, 4096)), "at most 60 bits"),
        (lambda: CKKSParameters(8192, (60, 40, 60), 60), "does not fit below the first prime of 60 bits"),
        (lambda: CKKSParameters(8192, (60, 40, 60), 0), "does not fit"),
        (lambda: PaillierParameters(255), "an even number of 256 to 15360 bits"),
        (lambda: PaillierParameters(2047), "an even number"),
        (lambda: PaillierParameters(2048, 7), "8 to 2046 bits are possible"),
        (lambda: PaillierParameters(2048, 2047), "8 to 2046 bits are possible"),
    ],
)
def test_invalid_parameters(make, message):
    with pytest.raises(InvalidParameters, match=message):
        make()


def test_levels_count_the_primes_that_are_as_long_as_the_scale():
    for chain, scale, levels in (
        ((60, 60), 40, 0),
        ((60, 40, 60), 40, 1),
        ((60, 40, 40, 40, 60), 40, 3),
        ((60, 40, 60), 30, 0),
        ((60, 30, 40, 40, 60), 40, 2),
        ((60, 40, 40, 30, 60), 40, 0),
    ):
        assert CKKSParameters(16384, chain, scale).levels == levels


def test_lanes():
    assert PaillierParameters(2048, 48).lanes == 42 and PaillierParameters(3072, 48).lanes == 63
    assert PaillierParameters(2048, 2046).lanes == 1


PARAMETERS = [BFVParameters(), CKKSParameters(), PaillierParameters(), CKKSParameters(1024, [20, 20], 10)]


@pytest.mark.parametrize("parameters", PARAMETERS)
def test_dictionaries(parameters):
    again = parameters_from_dict(parameters_to_dict(parameters))
    assert again == parameters and hash(again) == hash(parameters)
    with pytest.raises(dataclasses.FrozenInstanceError):
        parameters.modulus_bits = 5


@pytest.mark.parametrize(
    "fields",
    [
        None,
        [],
        {},
        {"kind": 5},
        {"kind": "RSA"},
        {"kind": "SecurityAssessment"},
        {"kind": "PaillierParameters", "modulus_bits": 2048.0},
        {"kind": "PaillierParameters", "modulus_bits": True},
        {"kind": "PaillierParameters", "modulus_bits": [2048]},
        {"kind": "PaillierParameters", "more": 1},
        {"kind": "BFVParameters", "coefficient_modulus_bits": 5},
        {"kind": "BFVParameters", "coefficient_modulus_bits": ["35", "35"]},
        {"kind": "BFVParameters", "coefficient_modulus_bits": [35] * 65},
        {"kind": "BFVParameters", "plaintext_modulus": [1]},
        {"kind": "BFVParameters", "ring_dimension": [4096]},
        {"kind": "CKKSParameters", "scale_bits": None},
    ],
)
def test_what_is_no_parameter_set(fields):
    with pytest.raises(InvalidParameters):
        parameters_from_dict(fields)


FIELD_NAMES = st.text() | st.sampled_from(["kind", "modulus_bits", "lane_bits"])


@given(st.dictionaries(FIELD_NAMES, st.none() | st.integers() | st.text()))
def test_any_dictionary(fields):
    try:
        parameters_from_dict(fields)
    except InvalidParameters:
        pass
