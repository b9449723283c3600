"""Advice: what it says, that it keeps to the tables, and that no parameter set fails the job it was advised for."""

import dataclasses
import random
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from itertools import groupby

import numpy as np
import pytest

from he_helpers.advice import Fit, ImpossibleJob, InvalidJob, Job, advise, fitting
from he_helpers.advice.verification import verify
from he_helpers.errors import HEError
from he_helpers.parameters import (
    BFVParameters,
    CKKSParameters,
    InvalidParameters,
    PaillierParameters,
    assess_security,
    coefficient_limit,
    coefficient_primes,
    limit_words,
)
from he_helpers.schemes.catalogue import SCHEMES
from he_helpers.schemes.secret import KeyPair, tenseal_bfv, tenseal_ckks
from tests.advice.keys import keys_in_one_context
from tests.own_process import in_a_process_of_its_own

SEEDS = range(16)
# In bytes, of keys that may stay in this process. Their memory is three times as much.
LARGEST_KEYS = 50_000_000
VERIFICATIONS_FOR_A_SEED = 20
PARTS = 16


def random_job(chance: random.Random, scheme: str | None = None) -> Job:
    operations = chance.choice([("sums",), ("sums",), ("weighted sums",), ("sums", "weighted sums"), ()])
    depth = chance.choice([0, 0, 0, 1, 1, 2, 3]) if operations else chance.choice([1, 1, 2, 3])
    decimals = chance.choice([0, 0, 1, 2, 3])
    return Job(
        rows=int(10 ** chance.uniform(0, 6)),
        columns=chance.choice([1, 2, 3, 5, 10, 40]),
        largest=round(10 ** chance.uniform(-1, 6), decimals) or 1,
        decimals=decimals,
        operations=operations,
        product_depth=depth,
        largest_weight=round(10 ** chance.uniform(-1, 3), 2),
        weight_decimals=chance.choice([0, 1, 2]),
        precision=chance.choice([None, None, 0, 1e-3, 1, 10.0 ** chance.randint(-6, 6)]),
        security=chance.choice([128, 128, 192, 256]),
        scheme=scheme,
        quantum=chance.random() < 0.2,
    )


def check(fit: Fit, keys: KeyPair | None = None) -> None:
    assert assess_security(fit.parameters, quantum=fit.job.quantum).level >= fit.job.security
    found = verify(fit, keys or keys_in_one_context(fit))
    assert found.passed, (found, fit)
    assert found.error <= max(fit.expected_error, 0), (found, fit)
    assert 0.88 <= found.ciphertext_bytes / fit.sizes.ciphertext <= 1.12, (found, fit)


def fits_of_random_jobs(seed: int) -> Iterator[Fit]:
    """Those with the parameters that cost least time to make keys for."""
    chance = random.Random(seed)
    found = 0
    while found < VERIFICATIONS_FOR_A_SEED:
        try:
            advice = advise(random_job(chance))
        except ImpossibleJob:
            continue
        for fit in advice.fits:
            ring = getattr(fit.parameters, "ring_dimension", 0)
            paillier_is_cheap = fit.scheme != "paillier" or fit.job.security == 128 and chance.random() < 0.3
            if ring <= (4096 if fit.galois_keys else 8192) and paillier_is_cheap:
                yield fit
                found += 1


def what_its_keys_are_made_of(fit: Fit) -> tuple:
    return fit.scheme, repr(fit.parameters), fit.relinearisation_keys, fit.galois_keys


@cache
def fits_by_keys() -> list[list[Fit]]:
    """The fits of the random jobs of all seeds, together where the same keys do."""
    fits = sorted((fit for seed in SEEDS for fit in fits_of_random_jobs(seed)), key=what_its_keys_are_made_of)
    return [list(alike) for _, alike in groupby(fits, key=what_its_keys_are_made_of)]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_no_advice_fails_its_own_verification(part):
    """More than 320 real runs of random jobs at their limits."""
    assert sum(map(len, fits_by_keys())) >= VERIFICATIONS_FOR_A_SEED * len(SEEDS)
    for fits in fits_by_keys()[part::PARTS]:
        keys = keys_in_one_context(fits[0])
        for fit in fits:
            check(fit, keys)


LARGE_JOBS = [
    Job(50_000, 2, 100, 1, product_depth=2, scheme="tenseal-bfv"),
    Job(1000, 2, 1, product_depth=2, scheme="tenseal-bfv"),
    Job(3000, 1, 10, 2, product_depth=1, precision=10, security=256, scheme="tenseal-ckks"),
    Job(3000, 1, 10, 2, product_depth=1, precision=10, security=192, scheme="pyfhel-ckks"),
    Job(10**9, 5, 100, 2, security=192, scheme="paillier"),
    Job(1000, 20, 100, 2, ("weighted sums",), largest_weight=10, weight_decimals=3, security=256, scheme="paillier"),
    Job(1000, 20, 100, 2, ("sums", "weighted sums"), largest_weight=10, weight_decimals=3, scheme="paillier"),
    Job(10**7, 1, 10**6, 0, scheme="pyfhel-bfv"),
    Job(10**6, 3, 1.5, 3, precision=1, scheme="tenseal-ckks"),
]


@pytest.mark.slow
@pytest.mark.parametrize("job", LARGE_JOBS, ids=lambda job: f"{job.scheme}-{job.security}-{job.rows}")
def test_advice_for_larger_parameters(job):
    checked = 0
    for fit in advise(job).fits:
        ring = getattr(fit.parameters, "ring_dimension", 0)
        if fit.galois_keys and fit.key_bytes > LARGEST_KEYS:
            in_a_process_of_its_own(check, fit)
        elif ring <= 16384:
            check(fit)
        checked += ring <= 16384
    assert checked


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_every_advice_keeps_to_the_tables_and_gives_its_reasons(seed):
    chance = random.Random(1000 + seed)
    for _ in range(100):
        job = random_job(chance, chance.choice([None, "tenseal-bfv", "pyfhel-ckks"]))
        try:
            advice = advise(job)
        except ImpossibleJob as error:
            assert "would make it possible" in str(error) and error.changes
            continue
        assert advice.relative_cost(advice.best) == 1
        assert all(advice.relative_cost(fit) >= 1 for fit in advice.fits)
        for fit in advice.fits:
            assert assess_security(fit.parameters, quantum=job.quantum).level >= job.security
            assert fit.expected_error <= job.largest_error
            assert job.scheme in (None, fit.scheme)
            lattice = {"ring dimension", "moduli chain", "headroom", "security"}
            assert (
                set(fit.reasons)
                == {
                    "bfv": lattice | {"plaintext modulus"},
                    "ckks": lattice | {"scale"},
                    "paillier": {"key length", "lane", "headroom"},
                }[fit.scheme.split("-")[-1]]
            )
            assert fit.upload_bytes >= fit.sizes.ciphertext and fit.result_bytes > 0
        named = " ".join([str(fit.scheme) for fit in advice.fits] + list(advice.others))
        assert all(scheme in named for scheme in ("tenseal-bfv", "tenseal-ckks", "pyfhel-bfv", "paillier"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_what_an_impossible_job_would_have_to_change_is_enough(seed):
    chance = random.Random(2000 + seed)
    found = 0
    while found < 10:
        job = dataclasses.replace(random_job(chance), largest=10.0 ** chance.randint(4, 8), product_depth=2)
        try:
            advise(job)
        except ImpossibleJob as error:
            found += 1
            assert error.changes
            for changed in error.changes:
                assert changed != job and advise(changed).fits


def test_the_smallest_change_of_decimals_is_named():
    """A slot of BFV holds at most 60 bits: 10^15 with two decimals fits, the second of three must go, and so on."""
    for decimals, possible in ((3, 2), (4, 2)):
        job = Job(1, 1, 10**15, decimals, scheme="tenseal-bfv", precision=0)
        with pytest.raises(ImpossibleJob, match=f"{possible} decimals instead of {decimals}") as caught:
            advise(job)
        assert dataclasses.replace(job, decimals=possible) in caught.value.changes
    with pytest.raises(ImpossibleJob) as caught:
        advise(Job(1, 1, 10**18, 2, scheme="tenseal-bfv", precision=0))
    assert {changed.decimals for changed in caught.value.changes} == {2}


@pytest.mark.parametrize("job, arrangement, lane_bits", [
    (Job(1000, 5, 100_000, 2, scheme="paillier"), "rows", 35),
    (Job(2000, 5, 100_000, 2, scheme="paillier"), "rows", 36),
    (Job(1, 1, 1, scheme="paillier"), "rows", 8),
])  # fmt: skip
def test_lanes_are_as_short_as_the_largest_sum_allows(job, arrangement, lane_bits):
    """1000 x 10^7 has 34 bits and a sign, 2000 times that 35; shorter lanes than 8 bits there are not."""
    fit = next(fit for fit in advise(job).fits if fit.arrangement.name == arrangement)
    assert fit.parameters.lane_bits == lane_bits


def test_impossible_together():
    job = Job(10**9, 5, 10**15, 6, ("sums",), product_depth=3, precision=0, security=256, scheme="tenseal-ckks")
    with pytest.raises(ImpossibleJob) as caught:
        advise(job)
    assert all(advise(changed).fits for changed in caught.value.changes) and caught.value.changes


def test_comparisons():
    with pytest.raises(ImpossibleJob, match="none of them compares encrypted values. Leave comparisons out") as caught:
        advise(Job(10, 2, 100, 0, ("sums", "comparisons")))
    assert [changed.operations for changed in caught.value.changes] == [("sums",)]
    with pytest.raises(ImpossibleJob) as caught:
        advise(Job(10, 2, 100, 0, ("comparisons",)))
    assert caught.value.changes == ()


def test_reasons_say_where_the_tables_disagree():
    reasons = advise(Job(1000, 5, 100_000, 2)).best.reasons
    assert "the tables disagree" in reasons["security"] and "allows 109" in reasons["security"]
    assert "at most 106 bits" in reasons["security"] and "stricter one counts" in reasons["security"]
    assert "128-bit classical security" in reasons["security"]
    assert "the only table for this level" in limit_words(1024, 192)
    assert "at most 73 bits" in limit_words(4096, 192) and "allows 75" in limit_words(4096, 192)
    assert "at most 59 bits at ring dimension 4096 and 192-bit quantum security" in limit_words(4096, 192, quantum=True)
    assert coefficient_limit(4096, 128) == 106 and coefficient_limit(4096, 192) == 73
    assert coefficient_limit(32768, 256) == 462 and coefficient_limit(32768, 256, quantum=True) == 385


def test_quantum_security_excludes_paillier_and_shortens_the_chain():
    job = Job(1000, 5, 100, 2)
    quantum = advise(dataclasses.replace(job, quantum=True))
    assert "paillier" in {fit.scheme for fit in advise(job).fits}
    assert "paillier" not in {fit.scheme for fit in quantum.fits}
    assert any("paillier" in other and "Shor's algorithm" in other for other in quantum.others)
    for fit in quantum.fits:
        assert assess_security(fit.parameters, quantum=True).level >= 128
        assert "128-bit quantum security" in fit.reasons["security"]
    with pytest.raises(ImpossibleJob, match="classical security instead of quantum") as caught:
        advise(dataclasses.replace(job, scheme="paillier", quantum=True))
    assert dataclasses.replace(job, scheme="paillier") in caught.value.changes


def test_numbers_of_numpy_are_numbers():
    job = Job(
        rows=np.int64(1000), columns=np.uint8(5), largest=np.float32(0.1), decimals=np.int32(1),
        precision=np.float64(0.5), largest_weight=np.int16(3), product_depth=np.int64(0), security=np.int64(192),
    )  # fmt: skip
    plain = Job(1000, 5, 0.1, 1, precision=0.5, largest_weight=3, security=192)
    assert Job(1000, 5, Fraction(1, 8)).largest == 0.125
    assert job == plain and [type(v) for v in vars(job).values()] == [type(v) for v in vars(plain).values()]
    assert (job.integer_largest, job.largest) == (1, 0.1)


@pytest.mark.slow
def test_a_value_at_the_edge_of_the_floats_gets_advice_or_the_reason_why_not():
    for largest in (5e-324, 1e-300, 1.7e308):
        with pytest.raises(ImpossibleJob, match="No parameter set does this job"):
            advise(Job(10, 2, largest, scheme="tenseal-ckks"))


@pytest.mark.slow
def test_reasons_for_what_does_not_fit():
    others = " ".join(advise(Job(100, 2, 100, 0, product_depth=1, precision=0)).others)
    assert "CKKS always has an error" in others and "no product of ciphertexts" in others
    with pytest.raises(ImpossibleJob, match="a precision of .* instead of"):
        advise(Job(100, 2, 10**6, 0, precision=1e-12, scheme="tenseal-ckks"))
    with pytest.raises(ImpossibleJob, match="SEAL takes at most 60.*another scheme"):
        advise(Job(100, 2, 10**18, 2, scheme="tenseal-bfv"))
    # The noise of a hundred products is beyond the floats.
    with pytest.raises(ImpossibleJob, match="a plaintext modulus of 17 bits needs a longer coefficient modulus than"):
        advise(Job(1, 1, 1, product_depth=100, scheme="tenseal-bfv"))


@pytest.mark.slow
def test_a_weaker_set_would_fail_the_verification():
    """The verification finds what it is there for: too short a modulus, and too small an error announced."""
    fit = advise(Job(2000, 3, 100, 2, scheme="tenseal-bfv")).best
    p = fit.parameters
    shorter = BFVParameters(p.ring_dimension, (p.plaintext_modulus.bit_length() + 3, 30), p.plaintext_modulus)
    with pytest.raises(HEError):
        verify(dataclasses.replace(fit, parameters=shorter))
    fit = advise(Job(2000, 3, 100, 2, product_depth=1, precision=1000, scheme="tenseal-ckks")).best
    strict = dataclasses.replace(fit, job=dataclasses.replace(fit.job, precision=1e-9))
    keys = keys_in_one_context(fit)
    assert verify(fit, keys).passed and not verify(strict, keys).passed


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"rows": 0}, "rows is a whole number from 1"),
        ({"columns": 2.0}, "columns is a whole number"),
        ({"decimals": -1}, "decimals"),
        ({"product_depth": True}, "product_depth"),
        ({"largest": 0}, "largest is the largest absolute value"),
        ({"largest": float("nan")}, "largest"),
        ({"largest_weight": float("inf")}, "largest_weight"),
        ({"precision": -1.0}, "precision"),
        ({"operations": ("medians",)}, r"not \['medians'\]"),
        ({"operations": ()}, "at least one"),
        ({"operations": "sums"}, r'a tuple of names, such as \("sums",\), not \'sums\''),
        ({"operations": None}, "a tuple of names.*not None"),
        ({"operations": (["sums"],)}, r"any of sums, .*not \[\['sums'\]\]"),
        ({"precision": "1e-3"}, "largest acceptable error, 0 or more, not '1e-3'"),
        ({"precision": float("nan")}, "largest acceptable error"),
        ({"precision": True}, "largest acceptable error"),
        ({"largest": "5"}, "a number above 0, not '5'"),
        ({"largest": 10**400}, "largest absolute value"),
        ({"rows": "10"}, "rows is a whole number from 1 to 1,000,000,000, not '10'"),
        ({"rows": 10**9 + 1}, "rows"),
        ({"columns": np.float64(2)}, "columns is a whole number"),
        ({"security": 80}, "128, 192, 256"),
        ({"security": [128]}, r"128, 192, 256, not \[128\]"),
        ({"scheme": "rsa"}, "one of tenseal-bfv"),
        ({"scheme": ["paillier"]}, "one of tenseal-bfv"),
        ({"groups": (4, 5)}, "9 rows together, and the table has 10"),
        ({"groups": (10, 0)}, "size of a group is a whole number from 1 to 10, not 0"),
        ({"groups": 10}, "numbers of rows of the groups"),
        ({"groups": (4, 6), "product_depth": 1}, "groups are for sums of the data themselves"),
        ({"groups": (4, 6), "operations": ("weighted sums",)}, "groups are for sums of the data themselves"),
        ({"quantum": "no"}, "quantum is True or False, not 'no'"),
    ],
)
def test_what_is_no_job(fields, message):
    with pytest.raises(InvalidJob, match=message):
        Job(**{"rows": 10, "columns": 2, "largest": 5, **fields})


@pytest.mark.parametrize(
    "number, words",
    [
        (12.0, "12"),
        (0.123456, "0.1235"),
        (999.5, "999.5"),
        (1000.4, "1,000"),
        (12345678, "12,345,678"),
        (1e15, "1e+15"),
        (10**301, "more than 1e300"),
    ],
)
def test_numbers_in_reasons(number, words):
    assert fitting._number(number) == words


@pytest.mark.parametrize(
    "name, low, high",
    [
        ("rows", 1, 10**9),
        ("columns", 1, 10**6),
        ("decimals", 0, 30),
        ("product_depth", 0, 100),
        ("weight_decimals", 0, 30),
    ],
)
def test_the_ends_of_a_jobs_numbers_belong_to_it(name, low, high):
    fields = {"rows": 10, "columns": 2, "largest": 5}
    for number in (low, high):
        assert getattr(Job(**{**fields, name: number}), name) == number
    for number in (low - 1, high + 1):
        with pytest.raises(InvalidJob, match=f"{name} is a whole number from {low} to {high:,}, not {number}"):
            Job(**{**fields, name: number})


def test_fixed_point():
    job = Job(1, 1, 0.1, 1, ("weighted sums",), product_depth=1, largest_weight=0.25, weight_decimals=2)
    assert (job.integer_largest, job.integer_weight, job.result_decimals) == (1, 25, 4)
    assert Job(1, 1, 1.15, 2).integer_largest == 115 and Job(1, 1, 1.151, 2).integer_largest == 116
    assert Job(1, 1, 1, 2).largest_error == 0.005 and Job(1, 1, 1, 2, precision=0).largest_error == 0


@pytest.mark.parametrize("ring, chain", [(4096, (53, 53)), (8192, (60, 40, 40, 60)), (8192, (36, 25, 25, 25, 36))])
def test_the_primes_are_those_of_seal(ring, chain):
    context = tenseal_ckks(CKKSParameters(ring, chain, 20)).native_keys()
    real = tuple(m.value() for m in context.seal_context().data.key_context_data().parms().coeff_modulus())
    assert coefficient_primes(ring, chain) == real


def test_too_few_primes():
    with pytest.raises(InvalidParameters, match="use longer primes or a smaller ring dimension"):
        coefficient_primes(32768, (18,) * 10)


@pytest.mark.slow
@pytest.mark.parametrize(
    "scheme, parameters",
    [
        (tenseal_bfv, BFVParameters()),
        (tenseal_ckks, CKKSParameters()),
        pytest.param(tenseal_ckks, CKKSParameters(4096, (27, 26, 26, 27), 26), marks=pytest.mark.slow),
    ],
)
def test_sizes_of_keys(scheme, parameters):
    def bytes_of(**keys: bool) -> int:
        return len(scheme(parameters, **keys).generate_keys().public.to_bytes())

    expected = SCHEMES[scheme(parameters).name].expected_sizes(parameters)
    plain = bytes_of()
    assert plain == pytest.approx(expected.public_key, rel=0.05)
    relinearisation = bytes_of(relinearisation_keys=True) - plain
    assert relinearisation == pytest.approx(expected.relinearisation_keys, rel=0.05)
    assert bytes_of(galois_keys=True) - plain == pytest.approx(expected.galois_keys, rel=0.05)


def test_sizes_of_paillier_and_of_results():
    # Twice the modulus and 60 bytes of envelope; a key is the modulus alone.
    paillier = SCHEMES["paillier"].expected_sizes(PaillierParameters(3072))
    assert (paillier.ciphertext, paillier.result, paillier.public_key, paillier.secret_key) == (828, 828, 384, 384)
    parameters = CKKSParameters(8192, (60, 40, 60))
    fresh, used = (SCHEMES["pyfhel-ckks"].expected_sizes(parameters, levels).result for levels in (0, 1))
    assert Fraction(fresh - 60, used - 60) == 2
