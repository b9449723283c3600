"""Way 2: the key of Paillier in shares, and proofs of partial decryptions. Small keys, but for one test."""

import math
from dataclasses import replace
from functools import cache

import gmpy2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from he_helpers.parameters import InsecureParameters, PaillierParameters
from he_helpers.schemes import DamagedBytes
from he_helpers.schemes.public.loading import load_public_key
from he_helpers.schemes.secret.quorum import (
    InvalidQuorum,
    KeyShare,
    PartialDecryption,
    QuorumKey,
    WrongPartial,
    threshold_paillier,
)
from he_helpers.schemes.secret.quorum.interface import partial_binding
from he_helpers.schemes.secret.quorum.threshold_paillier import key as key_module
from he_helpers.schemes.secret.quorum.threshold_paillier.key import PaillierShare, number, to_bytes
from he_helpers.schemes.secret.quorum.threshold_paillier.primes import two_primes
from he_helpers.schemes.secret.quorum.threshold_paillier.proofs import prove
from tests.quorum.conftest import combined_by_every_subset
from tests.quorum.small import names

CONTEXT = b"request 7"
VALUES = [174, -106, 5]


@cache
def dealt(count: int, threshold: int):
    return threshold_paillier(PaillierParameters(512), names(count), threshold, insecure_for_teaching=True)


def partials_of(shares, ciphertext, context=CONTEXT):
    return {name: share.partial_decryption(ciphertext, context) for name, share in shares.items()}


@pytest.fixture(scope="module")
def ciphertext():
    public = dealt(3, 2)[0].public
    return public.encrypt([93, -57, -4]) + public.encrypt([81, -49, 9])


@pytest.fixture(scope="module")
def partials(ciphertext):
    return partials_of(dealt(3, 2)[1], ciphertext)


@pytest.mark.parametrize(("threshold", "count"), [(2, 2), (2, 3), (3, 4), (2, 5), (3, 5), (5, 5)])
def test_every_subset(threshold, count):
    key, shares = dealt(count, threshold)
    ciphertext = (key.public.encrypt([90, -50, 1]) * 2) - key.public.encrypt([6, 6, -3])
    partials = partials_of(shares, ciphertext)
    combined_by_every_subset(key, ciphertext, partials, VALUES)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(-(2**30), 2**30), min_size=1, max_size=10), st.permutations(names(5)))
def test_any_values_by_any_three_of_five(values, order):
    key, shares = dealt(5, 3)
    ciphertext = key.public.encrypt(values)
    chosen = {name: shares[name].partial_decryption(ciphertext, CONTEXT) for name in order[:3]}
    assert key.combine(ciphertext, chosen).values.tolist() == values


def test_the_key_is_an_ordinary_one():
    key, shares = dealt(3, 2)
    read = load_public_key(key.public.to_bytes(), insecure_for_teaching=True)
    ciphertext = read.encrypt(VALUES)
    again = {name: KeyShare.from_bytes(share.to_bytes()) for name, share in shares.items()}
    partials = {
        name: PartialDecryption.from_bytes(share.partial_decryption(ciphertext, CONTEXT).to_bytes())
        for name, share in again.items()
    }
    public = QuorumKey.from_bytes(key.to_bytes(), insecure_for_teaching=True)
    assert public.fingerprint == key.fingerprint
    assert public.combine(ciphertext, partials).values.tolist() == VALUES
    secret = shares["custodian_1"]._share().share
    for shown in (repr(shares), repr(partials), repr(shares["custodian_1"]._share())):
        assert repr(secret)[2:-1] not in shown and len(shown) < 2000


def test_fewer_get_what_looks_random(ciphertext, partials):
    """One custodian's power, taken to whatever would be right for two, is no power of 1 + n, and no small number."""
    key, _ = dealt(3, 2)
    for place, partial in enumerate(partials.values()):
        with pytest.raises(DamagedBytes, match="no plaintext"):
            key._message({place + 1: number(partial.part.power)})
    # The shares themselves fill their whole range, whatever is shared.
    shares = [int(number(share._share().share)) for share in dealt(5, 3)[1].values()]
    largest = int(dealt(5, 3)[0].modulus) ** 2 // 4
    assert len(set(shares)) == 5 and max(shares) < largest and min(shares) > largest >> 40


LIES = {
    "another power": lambda key, part: replace_part(part, power=number(part.power) * (key.modulus + 1)),
    "a negative power": lambda key, part: replace_part(part, power=key.modulus_squared - number(part.power) + 1),
    "zero": lambda key, part: replace_part(part, power=0),
    "no unit": lambda key, part: replace_part(part, power=key.modulus),
    "another answer": lambda key, part: replace_part(part, answer=number(part.answer) + 1),
    "another challenge": lambda key, part: replace_part(part, challenge=number(part.challenge) ^ 1),
    "an endless answer": lambda key, part: replace_part(part, answer=1 << 100_000),
}


def replace_part(part, **changed):
    fields = {name: getattr(part, name) for name in part.__struct_fields__}
    return type(part)(**{**fields, **{name: to_bytes(value) for name, value in changed.items()}})


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_located(lie, ciphertext, partials):
    key, _ = dealt(3, 2)
    honest = partials["custodian_2"]
    wrong = {**partials, "custodian_2": replace(honest, part=LIES[lie](key, honest.part))}
    combined = key.combine(ciphertext, wrong)
    assert combined.left_out == ("custodian_2",) and combined.values.tolist() == VALUES
    with pytest.raises(WrongPartial) as error:
        key.combine(ciphertext, {name: wrong[name] for name in names(2)})
    assert error.value.names == ("custodian_2",)


def test_an_endless_answer_is_refused_unread(ciphertext, partials, monkeypatch):
    """A check takes as long as the answer is long, and a liar chooses that."""
    key, _ = dealt(3, 2)
    honest = partials["custodian_2"]
    endless = replace_part(honest.part, answer=1 << key.logarithm_bits + 512)
    monkeypatch.setattr(key_module, "is_proved", lambda *_: True)
    combined = key.combine(ciphertext, {**partials, "custodian_2": replace(honest, part=endless)})
    assert combined.left_out == ("custodian_2",)


def test_a_shift_is_located_even_of_n_of_n():
    """What the joint key cannot do: a shift of the result by 1000, with everybody needed."""
    key, shares = dealt(2, 2)
    ciphertext = key.public.encrypt(VALUES)
    partials = partials_of(shares, ciphertext)
    honest = partials["custodian_2"].part
    # Taken to 2 D (1 / (1 - 2)) = -4 by combining, and divided by 4 D^2 = 16.
    shift = gmpy2.powmod(1 + key.modulus, -4 * 1000, key.modulus_squared)
    part = replace_part(honest, power=number(honest.power) * shift % key.modulus_squared)
    powers = {1: number(partials["custodian_1"].part.power), 2: number(part.power)}
    assert key._message(powers) - key._message({**powers, 2: number(honest.power)}) == 1000
    with pytest.raises(WrongPartial) as error:
        key.combine(ciphertext, {**partials, "custodian_2": replace(partials["custodian_2"], part=part)})
    assert error.value.names == ("custodian_2",)


def test_a_proof_is_for_one_context_and_ciphertext(ciphertext, partials):
    key, shares = dealt(3, 2)
    honest = partials["custodian_1"]
    other = shares["custodian_1"].partial_decryption(ciphertext + [1, 1, 1], CONTEXT)
    wrong = (
        replace(honest, context=b"request 8"),
        replace(other, ciphertext_digest=honest.ciphertext_digest),
        replace(partials["custodian_2"], custodian="custodian_1"),
    )
    for partial in wrong:
        combined = key.combine(ciphertext, {**partials, "custodian_1": partial})
        assert combined.left_out == ("custodian_1",) and combined.values.tolist() == VALUES
    # With the context that it names for all, too: the hash of the proof covers it.
    all_others = {name: replace(partial, context=b"request 8") for name, partial in partials.items()}
    with pytest.raises(WrongPartial) as error:
        key.combine(ciphertext, all_others, context=b"request 8")
    assert set(error.value.names) == set(partials)


def test_a_proof_with_a_wrong_logarithm_convinces_nobody(ciphertext, partials):
    key, shares = dealt(3, 2)
    honest = partials["custodian_1"]
    statement = key.statement(ciphertext, "custodian_1", number(honest.part.power), partial_binding(honest))
    wrong = key.factorial * int(number(shares["custodian_2"]._share().share))
    challenge, answer = prove(statement, wrong, key.logarithm_bits)
    part = replace_part(honest.part, challenge=challenge, answer=answer)
    assert key.combine(ciphertext, {**partials, "custodian_1": replace(honest, part=part)}).left_out == ("custodian_1",)


def test_the_answer_hides_the_share(ciphertext):
    """Its highest bits are those of the mask: with the largest logarithm and with none they look the same."""
    key, _ = dealt(3, 2)
    statement = key.statement(ciphertext, "custodian_1", gmpy2.mpz(4), b"")
    bits = key.logarithm_bits + 256 + 128
    for logarithm in (0, 2**key.logarithm_bits - 1):
        answers = [prove(statement, logarithm, key.logarithm_bits)[1] / 2**bits for _ in range(40)]
        assert 0.3 < np.mean(answers) < 0.7 and max(answers) <= 1 + 2**-100


@pytest.mark.parametrize("bits", [256, 512, 1024])
def test_primes(bits):
    p, q = two_primes(bits)
    assert (p * q).bit_length() == bits and p.bit_length() == q.bit_length() == bits // 2
    half_p, half_q = (p - 1) // 2, (q - 1) // 2
    assert all(map(gmpy2.is_prime, (p, q))) and not gmpy2.is_prime(half_p) and half_p % 2 == half_q % 2 == 1
    assert gmpy2.gcd(half_p, half_q) == 1 and gmpy2.gcd(p * q, half_p * half_q) == 1
    # No small factor: what the proofs stand on.
    small = math.prod(number for number in range(3, 5000, 2) if gmpy2.is_prime(number))
    assert gmpy2.gcd(half_p * half_q, small) == 1


def test_damaged_keys_and_shares():
    key, shares = dealt(3, 2)
    record = key.record
    for values in (record.values[:2], (*record.values[:2], b""), (*record.values[:2], to_bytes(key.modulus))):
        with pytest.raises(DamagedBytes):
            type(key)(key.public, key.custodians, 2, True, type(record)(base=record.base, values=values))
    secret = int(number(shares["custodian_1"]._share().share))
    with pytest.raises(DamagedBytes, match="not the share"):
        type(shares["custodian_1"])(key, "custodian_2", secret)


def test_an_endless_share_is_refused_unread(monkeypatch):
    """A letter of a dealer has room for one whose check takes hours."""
    key, shares = dealt(3, 2)
    monkeypatch.setattr(key_module.gmpy2, "powmod", None)
    with pytest.raises(DamagedBytes, match="not the share that the dealer gave"):
        PaillierShare(key, "custodian_1", shares["custodian_1"]._secret + (1 << 2_000_000))


def test_arguments():
    with pytest.raises(InsecureParameters):
        threshold_paillier(PaillierParameters(512), names(3), 2)
    with pytest.raises(InvalidQuorum):
        threshold_paillier(PaillierParameters(512), names(3), 1, insecure_for_teaching=True)
    # The default parameters are secure ones.
    with pytest.raises(InvalidQuorum):
        threshold_paillier(None, names(3), 1)


@pytest.mark.slow
def test_full_size():
    key, shares = threshold_paillier(PaillierParameters(2048), names(3), 2)
    ciphertext = key.public.encrypt(VALUES)
    some = {name: shares[name].partial_decryption(ciphertext, CONTEXT) for name in names(2)}
    assert key.combine(ciphertext, some).values.tolist() == VALUES
