"""Parameter sets, and the security tables as they are published."""

import dataclasses

import gmpy2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from he_helpers.parameters import (
    FACTORING_TABLE,
    GUIDELINES_2024_QUANTUM_TABLE,
    GUIDELINES_2024_TABLE,
    STANDARD_QUANTUM_TABLE,
    STANDARD_TABLE,
    BFVParameters,
    CKKSParameters,
    InsecureParameters,
    InvalidParameters,
    PaillierParameters,
    assess_security,
    coefficient_limit,
    parameters_from_dict,
    parameters_to_dict,
    plaintext_prime,
    require_security,
)

RING_DIMENSIONS = (1024, 2048, 4096, 8192, 16384, 32768)


def by_ring(*limits: int) -> dict[int, int]:
    """The limits of a level for the ring dimensions in rising order; the smallest has none where there are five."""
    return dict(zip(RING_DIMENSIONS[-len(limits) :], limits, strict=True))


def test_the_published_tables():
    assert STANDARD_TABLE == {
        128: by_ring(27, 54, 109, 218, 438, 881),
        192: by_ring(19, 37, 75, 152, 305, 611),
        256: by_ring(14, 29, 58, 118, 237, 476),
    }
    assert STANDARD_QUANTUM_TABLE == {
        128: by_ring(25, 51, 101, 202, 411, 827),
        192: by_ring(17, 35, 70, 141, 284, 571),
        256: by_ring(13, 27, 54, 109, 220, 443),
    }
    assert GUIDELINES_2024_TABLE == {
        128: by_ring(26, 53, 106, 214, 430, 868),
        192: by_ring(36, 73, 147, 297, 597),
        256: by_ring(27, 56, 114, 230, 462),
    }
    assert GUIDELINES_2024_QUANTUM_TABLE == {
        128: by_ring(20, 40, 80, 161, 322, 644),
        192: by_ring(29, 59, 119, 239, 479),
        256: by_ring(22, 47, 95, 192, 385),
    }
    assert FACTORING_TABLE == {80: 1024, 112: 2048, 128: 3072, 192: 7680, 256: 15360}


TABLES = {
    False: (STANDARD_TABLE, GUIDELINES_2024_TABLE),
    True: (STANDARD_QUANTUM_TABLE, GUIDELINES_2024_QUANTUM_TABLE),
}


def lattice(total: int, ring_dimension: int) -> CKKSParameters:
    """CKKS parameters with a coefficient modulus of ``total`` bits."""
    count = max(2, -(-total // 60))
    bits = tuple(total // count + (i < total % count) for i in range(count))
    assert sum(bits) == total
    return CKKSParameters(ring_dimension, bits, scale_bits=2)


@pytest.mark.parametrize("quantum", [False, True])
@pytest.mark.parametrize("ring_dimension", RING_DIMENSIONS)
def test_assessment_at_every_limit(ring_dimension, quantum):
    standard, guidelines = TABLES[quantum]
    for level in (256, 192, 128):
        older = standard[level][ring_dimension]
        newer = guidelines[level].get(ring_dimension, older)
        found = assess_security(lattice(newer, ring_dimension), quantum=quantum)
        assert (found.bits, found.level, found.quantum) == (level, level, quantum)
        for total in range(newer + 1, older + 1):
            found = assess_security(lattice(total, ring_dimension), quantum=quantum)
            assert found.level < level and 0 < found.bits < level and found.source == "ePrint 2024/463"
            for words in (f"limit {older} bits", f"limit {newer} at {level} bits"):
                assert words in found.disagreement
        found = assess_security(lattice(older + 1, ring_dimension), quantum=quantum)
        assert found.level < level and f"at {level}-bit security" not in found.disagreement
    found = assess_security(lattice(standard[128][ring_dimension] + 1, ring_dimension), quantum=quantum)
    assert (found.bits, found.level, found.disagreement) == (0, 0, "")
    assert f"the limit is {guidelines[128][ring_dimension]} bits" in found.why_none


@pytest.mark.parametrize("quantum", [False, True])
@pytest.mark.parametrize("ring_dimension", RING_DIMENSIONS)
def test_more_bits_of_modulus_are_never_more_bits_of_security(ring_dimension, quantum):
    standard = TABLES[quantum][0]
    totals = range(standard[256][ring_dimension] // 2, standard[128][ring_dimension] + 1)
    found = [assess_security(lattice(total, ring_dimension), quantum=quantum) for total in totals]
    bits = [assessment.bits for assessment in found]
    assert bits[0] == 256 and bits[-1] > 80 and bits == sorted(bits, reverse=True)
    assert all(assessment.bits >= assessment.level for assessment in found)


@pytest.mark.parametrize("quantum, smallest_ring, largest_error", [(False, 2048, 2), (True, 4096, 5)])
def test_the_levels_128_and_256_predict_that_of_192(quantum, smallest_ring, largest_error):
    """What the docstring says of the formula, with its numbers: a / bits + b through the outer levels."""
    for ring_dimension in RING_DIMENSIONS:
        if ring_dimension >= smallest_ring:
            limits = {level: coefficient_limit(ring_dimension, level, quantum) for level in (128, 192, 256)}
            b = 2 * limits[256] - limits[128]
            a = 128 * (limits[128] - b)
            assert abs(a / (limits[192] - b) - 192) <= largest_error


def test_109_bits_at_4096_are_about_124_and_still_refused():
    parameters = CKKSParameters(4096, (36, 36, 37), 30)
    found = assess_security(parameters)
    assert (found.bits, found.level) == (124, 0)
    assert found.words.startswith("about 124 bits, classical: 109 bits pass the standard of 2018 at 128-bit")
    with pytest.raises(InsecureParameters, match="gives about 124 bits of security, and at least 128 bits are needed"):
        require_security(parameters)


def test_152_bits_at_8192_have_192_bits_in_the_older_table_alone():
    found = assess_security(lattice(152, 8192))
    assert found.level == 128 and 185 <= found.bits < 192
    assert "limit 152 bits" in found.disagreement and "limit 147 at 192 bits" in found.disagreement


def test_the_words_name_the_attacker():
    default = BFVParameters()
    sources = "HomomorphicEncryption.org v1.1 and ePrint 2024/463"
    assert assess_security(default).words == f"128 bits, classical: {sources}"
    quantum = assess_security(default, quantum=True)
    assert quantum.bits == 0 and quantum.words.startswith("none, quantum: no published table grants 128 bits to 106")
    assert assess_security(lattice(80, 4096), quantum=True).words == f"128 bits, quantum: {sources}"
    assert "Shor's algorithm" in assess_security(PaillierParameters(15360), quantum=True).words
    assert assess_security(PaillierParameters()).words == "128 bits, classical: NIST SP 800-57"
    assert assess_security(PaillierParameters(512)).words.startswith("none, classical: below the shortest")


def test_the_chains_of_seal_exceed_the_newer_table():
    for chain, ring_dimension in (((36, 36, 37), 4096), ((43, 43, 44, 44, 43), 8192)):
        message = "pass the standard of 2018 at 128-bit .* exceed the guidelines of 2024"
        with pytest.raises(InsecureParameters, match=message):
            require_security(CKKSParameters(ring_dimension, chain, 30))


PAILLIER_LEVELS = [(1022, 0), (1024, 80), (2046, 80), (2048, 112), (3070, 112), (3072, 128), (7680, 192), (15360, 256)]


@pytest.mark.parametrize("bits, level", PAILLIER_LEVELS)
def test_paillier(bits, level):
    found = assess_security(PaillierParameters(bits))
    assert found.bits == found.level == level
    assert assess_security(PaillierParameters(bits), quantum=True).bits == 0


def test_the_defaults_are_secure():
    for parameters in (BFVParameters(), CKKSParameters(), PaillierParameters()):
        assert assess_security(parameters).level >= 128
        require_security(parameters)


@pytest.mark.parametrize(
    "parameters, limit",
    [
        (CKKSParameters(2048, (30, 25), 20), "at most 53 bits give 128-bit security"),
        (CKKSParameters(4096, (60, 60, 60), 40), "at most 106 bits give 128-bit security"),
        (CKKSParameters(4096, (36, 36, 37), 30), "limit 106 at 128 bits"),
        (PaillierParameters(1024), "gives 80 bits of security or less.*2048 bits give 112-bit security"),
        (PaillierParameters(512), "gives none that a table lists.*2048 bits give 112-bit security"),
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


def test_the_ends_of_paillier_lengths_belong_to_it():
    for bits in (256, 15360):
        assert PaillierParameters(bits).modulus_bits == bits
    for bits in (254, 15362):
        with pytest.raises(InvalidParameters, match=f"256 to 15360 bits, not {bits}"):
            PaillierParameters(bits)


def test_lanes():
    assert PaillierParameters(2048, 48).slot_count == 42 and PaillierParameters(3072, 48).slot_count == 63
    assert PaillierParameters(2048, 2046).slot_count == 1


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
