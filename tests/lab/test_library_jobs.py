"""The jobs, attempts and provocations of notebook 15, in the libraries as they are installed."""

import dataclasses
import gc
import signal
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from he_helpers.lab.libraries import bad_input, library_abilities, library_contestants, one_by_one
from he_helpers.lab.libraries.bad_input import provoke
from he_helpers.lab.libraries.bad_input_cases import LIBRARIES, cases
from he_helpers.lab.libraries.library_abilities import abilities
from he_helpers.lab.libraries.library_jobs import (
    CONSTANT,
    LATTICE,
    OPERATIONS,
    PAILLIER,
    VALUES,
    Contestant,
    errors,
    measure,
)
from he_helpers.parameters import GUIDELINES_2024_TABLE, STANDARD_TABLE, assess_security

pytestmark = pytest.mark.slow

MAKERS = {
    "TenSEAL BFV": lambda: library_contestants.tenseal("BFV"),
    "TenSEAL CKKS": lambda: library_contestants.tenseal("CKKS"),
    "Pyfhel BFV": lambda: library_contestants.pyfhel("BFV"),
    "Pyfhel CKKS": lambda: library_contestants.pyfhel("CKKS"),
    "phe Paillier": lambda: _paillier_of(1024),
}


def _paillier_of(bits):
    """With a key that costs less, of whose length its jobs know nothing; that of the measured one is asserted below."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library_contestants, "PAILLIER", dataclasses.replace(PAILLIER, modulus_bits=bits))
        contestant = library_contestants.paillier()
    assert contestant.engine[0].n.bit_length() == bits
    return contestant


@pytest.fixture(scope="module", params=MAKERS)
def contestant(request):
    """Each library in turn, for all of its tests: the keys of one at a time are kept in memory."""
    # The calls of the one before refer to each other: without this it would go some time or other.
    gc.collect()
    return MAKERS[request.param]()


def test_everybody_has_128_bits():
    for parameters in LATTICE.values():
        for table in (STANDARD_TABLE, GUIDELINES_2024_TABLE):
            assert parameters.total_bits <= table[128][parameters.ring_dimension]
    assert {assess_security(parameters).level for parameters in (*LATTICE.values(), PAILLIER)} == {128}
    assert library_contestants.PAILLIER is PAILLIER
    assert len({(p.ring_dimension, p.coefficient_modulus_bits) for p in LATTICE.values()}) == 1


def test_every_job_gives_the_right_result(contestant):
    found = errors(contestant)
    largest = 0 if "CKKS" not in contestant.name else 0.1
    assert max(found.values()) <= largest
    missing = {"multiply", "rotate"} if contestant.name == "phe Paillier" else set()
    assert set(contestant.calls) == set(OPERATIONS) - missing
    assert len(contestant.calls["serialise"]()) == pytest.approx(contestant.sizes["ciphertext"], rel=0.01)
    assert contestant.security == ("80 bits" if contestant.name == "phe Paillier" else "128 bits")


def test_a_wrong_result_is_noticed(contestant):
    swapped = {"add": contestant.calls["multiply by a constant"]}
    assert errors(_with(contestant, calls=swapped)) == {"add": pytest.approx(500, abs=0.1)}


def test_measure():
    seen = []
    fast = SimpleNamespace(
        name="fast", values=VALUES, summed=VALUES, calls={operation: lambda: None for operation in OPERATIONS}
    )
    small = SimpleNamespace(name="small", values=VALUES[:1], summed=VALUES[:8], calls={"sum": lambda: sum(range(999))})
    times = measure([fast, small], 3, progress=lambda jobs: (seen.append(job) or job for job in jobs))
    assert seen == list(OPERATIONS)
    assert times.index.names == ["operation", "library"] and len(times) == len(OPERATIONS) + 1
    row = times.loc[("sum", "small")]
    assert row["values"] == 8 and row["per value"] == pytest.approx(row["median"] * 1000 / 8)
    assert (times["lower_quartile"] <= times["upper_quartile"]).all()
    with pytest.raises(ValueError, match="once or more often"):
        measure([fast], 0)


def test_the_measured_calls_are_those_of_the_contestants(contestant):
    times = measure([contestant], 1)
    assert set(times.index.get_level_values("operation")) == set(contestant.calls)
    assert (times["median"] > 0).all()


def test_openfhe_joins_where_it_can_be_imported(monkeypatch):
    for maker in ("tenseal", "pyfhel", "paillier"):
        monkeypatch.setattr(library_contestants, maker, lambda scheme="Paillier", maker=maker: f"{maker} {scheme}")
    without = ["tenseal BFV", "pyfhel BFV", "tenseal CKKS", "pyfhel CKKS", "paillier Paillier"]
    monkeypatch.setitem(sys.modules, "he_helpers.lab.libraries.library_openfhe", None)
    assert library_contestants.contestants() == without
    stand_in = ModuleType("he_helpers.lab.libraries.library_openfhe")
    stand_in.openfhe = lambda scheme: f"openfhe {scheme}"
    monkeypatch.setitem(sys.modules, "he_helpers.lab.libraries.library_openfhe", stand_in)
    assert library_contestants.contestants() == [*without, "openfhe BFV", "openfhe CKKS"]


def test_openfhe_itself():
    pytest.importorskip("openfhe")
    from he_helpers.lab.libraries.library_openfhe import openfhe

    for scheme in LATTICE:
        contestant = openfhe(scheme)
        assert max(errors(contestant).values()) <= (0 if scheme == "BFV" else 0.1)
        assert set(abilities([contestant])[contestant.name]) >= {"yes", "not tried"}


# What each can do


class Number:
    """A library whose ciphertexts are readable, and whose operators go wrong in every way that has a verdict."""

    def __init__(self, values):
        self.values = np.array(values, dtype=float)

    def __add__(self, other):
        return Number(self.values + getattr(other, "values", other))

    def __sub__(self, other):
        return Number(self.values)

    def __truediv__(self, other):
        with np.errstate(invalid="ignore"):  # 0 / 0
            self.values = self.values / getattr(other, "values", other)
        return self


def _readable_library(name):
    x = Number(VALUES)
    return Contestant(
        name=name,
        values=VALUES,
        summed=VALUES,
        calls={"encrypt": lambda: Number(VALUES), "add": lambda: x + x},
        decrypt=lambda number: number.values,
        sizes={},
        security="none",
        engine=None,
        x=x,
    )


def test_verdicts():
    verdicts = abilities([_readable_library("readable library")])["readable library"]
    assert verdicts["add"] == verdicts["x + 3"] == "yes"
    assert verdicts["x - y"] == "wrong" and verdicts["x == y"] == "wrong"
    assert verdicts["x / 4"] == "changes x"
    assert verdicts["-x"] == verdicts["x ** 2"] == "no"
    assert verdicts["rotate"] == verdicts["new randomness"] == "not tried"


def test_abilities(contestant):
    verdicts = abilities([contestant])[contestant.name]
    assert list(verdicts.index) == list(library_abilities._ORDER)
    assert set(verdicts) <= {"yes", "no", "wrong", "changes x"}
    assert (verdicts[["encrypt", "add", "sum", "load", "multiply by a constant"]] == "yes").all()
    assert (verdicts[["x / y", "x < y"]] == "no").all() and verdicts["x == y"] == "wrong"
    assert (verdicts["multiply"] == "yes") == (contestant.name != "phe Paillier")
    assert (verdicts["rotate"] == "yes") == contestant.name.startswith("Pyfhel")
    assert (verdicts["3 - x"] == "wrong") == contestant.name.startswith("Pyfhel")
    assert (verdicts["encrypt fractions"] == "yes") == (not contestant.name.endswith("BFV"))
    by_matrix = ("TenSEAL CKKS", "phe Paillier")
    assert (verdicts["product with a matrix"] == "yes") == (contestant.name in by_matrix)
    assert contestant.decrypt(contestant.x * CONSTANT)[0] == pytest.approx(-1500, abs=0.1)


def test_every_attempt_has_a_row(contestant):
    tried = {**library_abilities._jobs(contestant), **library_abilities.operators(contestant)}
    assert set(tried) | set(library_abilities._own(contestant)) <= set(library_abilities._ORDER)


def _with(contestant, **changed):
    return Contestant(**{**vars(contestant), **changed})


# Bad input


@pytest.fixture(scope="module")
def provoked():
    return provoke(["TenSEAL", "Pyfhel", "phe"])


@pytest.mark.parametrize(
    "case, tenseal, pyfhel, phe",
    [
        ("add ciphertexts of two keys", "silent garbage", "silent garbage", "ValueError"),
        ("decrypt with another key", "silent garbage", "silent garbage", "ValueError"),
        (
            "decrypt a ciphertext relabelled to another key",
            "silent garbage",
            "silent garbage",
            "silent garbage or OverflowError",
        ),
        ("decrypt without the secret key", "ValueError", "segmentation fault", "not possible"),
        ("truncate a ciphertext", "ValueError", "RuntimeError", "-"),
        ("load empty bytes as a ciphertext", "accepted: an empty list", "ValueError", "-"),
        ("encrypt NaN", "ValueError", "silent garbage", "ValueError"),
        ("encrypt infinity", "ValueError", "silent garbage", "OverflowError"),
        ("encrypt a value above the plaintext modulus", "silent wraparound", "silent wraparound", "ValueError"),
        (
            "add up to more than the plaintext modulus",
            "silent wraparound",
            "silent wraparound",
            "OverflowError or silent wraparound",
        ),
        ("encrypt floats as integers", "silently truncated", "ValueError", "correct"),
        ("encrypt more values than slots", "warning, chunked, correct", "ArithmeticError", "-"),
        ("multiply such a long vector by a matrix", "warning, ValueError", "-", "-"),
        ("add a vector of length 1 to a longer one", "silently broadcast", "padded with zeros", "-"),
        ("multiply reals beyond the depth", "ValueError", "ValueError", "-"),
        ("multiply integers beyond the depth", "silent garbage", "silent garbage", "NotImplementedError"),
        ("encrypt NumPy integers", "correct", "correct", "TypeError"),
        ("encrypt every second number of an array", "correct", "silent garbage", "-"),
        ("make keys with insecure parameters", "ValueError", "accepted", "accepted"),
        ("ask for primes and a security level", "-", "silently other primes", "-"),
        ("read the magnitude of a float without a key", "-", "-", "visible in the exponent"),
        ("falsify an exponent", "-", "-", "silently scaled"),
    ],
)
def test_what_the_libraries_do_with_bad_input(provoked, case, tenseal, pyfhel, phe):
    assert provoked.loc[case].to_dict() == {"TenSEAL": tenseal, "Pyfhel": pyfhel, "phe": phe}


def test_a_flipped_bit(provoked):
    outcomes = provoked.loc["flip a bit of a ciphertext"]
    assert outcomes[["TenSEAL", "Pyfhel"]].tolist() == ["silent garbage or RuntimeError"] * 2
    assert outcomes["phe"] == "silent garbage or OverflowError"


def _pretend(monkeypatch, program, left):
    """The process of a library is this program instead, which gets the names of the cases that are left."""
    real = one_by_one.subprocess.Popen

    def start(command, **options):
        return real([sys.executable, "-c", program, *command[4:]], **options)

    monkeypatch.setattr(bad_input, "cases", lambda library: list(left))
    monkeypatch.setattr(one_by_one.subprocess, "Popen", start)


def test_it_goes_on_after_a_case_that_ends_the_process(monkeypatch):
    program = """
import json, os, signal, sys
for name in sys.argv[1:]:
    print(json.dumps({"begins": name}), flush=True)
    if name in ("b", "c"):
        os.kill(os.getpid(), signal.SIGSEGV if name == "b" else signal.SIGABRT)
    if name == "e":
        sys.exit(7)
    print(json.dumps({"ended": name, "outcome": "correct"}), flush=True)
"""
    _pretend(monkeypatch, program, "abcde")
    seen = []
    table = provoke(["phe"], progress=lambda turns: (seen.append(turn) or turn for turn in turns))
    ends = ["correct", "segmentation fault", "abort", "correct", "ends with 7"]
    assert table["phe"].tolist() == ends
    assert seen == [("phe", case) for case in "abcde"]
    assert signal.SIGBUS in bad_input._ENDS


def test_a_process_that_fails_before_its_first_case(monkeypatch):
    _pretend(monkeypatch, "raise SystemExit(3)", "ab")
    with pytest.raises(one_by_one.ProcessFailed, match="TenSEAL ended before a, with 3"):
        provoke(["TenSEAL"])


def test_the_order_of_the_cases():
    for library in LIBRARIES:
        assert cases(library)[0] == "add_ciphertexts_of_two_keys"
        assert "decrypt_without_the_secret_key" in cases(library)
