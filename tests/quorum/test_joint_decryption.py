"""What a quorum decrypts under a joint key; what fewer get; what a lie does, and when it is noticed."""

import math
import time
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenseal import sealapi

from he_helpers.schemes import DamagedBytes, DepthExhausted
from he_helpers.schemes.public.tenseal_polynomials import message_with, polynomials_of
from he_helpers.schemes.secret.quorum import KeyShare, PartialDecryption, WrongPartial
from he_helpers.schemes.secret.quorum.joint.key import agreeing_groups
from he_helpers.schemes.secret.quorum.joint.native import ciphertext_polynomials, decoded
from he_helpers.schemes.secret.quorum.joint.sharing import secret_polynomial
from he_helpers.schemes.secret.quorum.records import JointPartRecord
from tests.quorum.conftest import combined_by_every_subset, joint_shares
from tests.quorum.small import SMALL, names

CONTEXT = b"request 7"
VALUES = [174, -106, 5]


def encrypted(shares):
    public = next(iter(shares.values())).key.public
    return public.encrypt([93, -57, -4], terms=16) + public.encrypt([81, -49, 9], terms=16)


def partials_of(shares, ciphertext, context=CONTEXT):
    return {name: share.partial_decryption(ciphertext, context) for name, share in shares.items()}


def altered(partial, ring, change, place=0):
    """The partial decryption with ``change`` added to the polynomial of one of its sets."""
    polynomials = list(partial.part.polynomials)
    polynomials[place] = ring.to_bytes((ring.from_bytes(polynomials[place]) + change) % ring.modulus)
    return replace(partial, part=JointPartRecord(polynomials=tuple(polynomials)))


def slot_shift(key, amount):
    """q / t times the plaintext that has ``amount`` in the first slot: what shifts a result without any noise."""
    public, t = key.public, key.public.parameters.plaintext_modulus
    plain = sealapi.Plaintext()
    slots = [amount] + [0] * (public.slot_count - 1)
    sealapi.BatchEncoder(public.native.seal_context().data).encode([slot % t for slot in slots], plain)
    coefficients = np.array([plain.data(place) for place in range(plain.coeff_count())], dtype=object)
    shift = np.zeros(public.slot_count, dtype=object)
    shift[: len(coefficients)] = (coefficients * key.ring.modulus + t // 2) // t
    return shift


@pytest.mark.slow
@pytest.mark.parametrize(("threshold", "count"), [(2, 2), (2, 3), (3, 3), (3, 4), (3, 5)])
def test_every_subset(threshold, count):
    shares = joint_shares(count, threshold)
    key = shares["custodian_1"].key
    ciphertext = encrypted(shares)
    partials = partials_of(shares, ciphertext)
    for combined in combined_by_every_subset(key, ciphertext, partials, VALUES):
        assert key.smudging.budget_left <= combined.noise_budget < key.smudging.budget_left + 3


def test_bytes_and_back():
    shares = joint_shares(3, 2)
    ciphertext = encrypted(shares)
    partials = {}
    for name in names(2):
        share = KeyShare.from_bytes(shares[name].to_bytes())
        partials[name] = PartialDecryption.from_bytes(share.partial_decryption(ciphertext, CONTEXT).to_bytes())
    assert shares["custodian_3"].key.combine(ciphertext, partials).values.tolist() == VALUES
    secret = shares["custodian_1"]._seeds[0]
    for shown in (repr(shares), repr(partials), repr(secret_record := shares["custodian_1"]._share())):
        assert repr(secret)[2:-1] not in shown and len(shown) < 2000
    assert secret_record.seeds[0] == secret


def test_fewer_get_what_looks_random():
    """Whatever k - 1 custodians add up, there is no noise budget, and the slots are spread over the whole modulus."""
    shares = joint_shares(3, 2)
    key = shares["custodian_1"].key
    q, t = key.ring.modulus, SMALL.plaintext_modulus
    ciphertext = encrypted(shares)
    c0, _ = ciphertext_polynomials(ciphertext)
    full = key.public.encrypt(np.zeros(SMALL.slot_count, dtype=int), terms=16)
    for name, share in shares.items():
        polynomials = share.partial_decryption(ciphertext, CONTEXT).part.polynomials
        scaled = (c0 + sum(key.ring.from_bytes(one) for one in polynomials)) % q * t
        rounded = (scaled + q // 2) // q
        budget = math.log2(q / 2) - math.log2(max(abs(scaled - rounded * q)))
        assert budget < 0.01, name
        slots = decoded(full, rounded % t)
        counts, _ = np.histogram(slots, bins=16, range=(-t / 2, t / 2))
        expected = len(slots) / 16
        assert ((counts - expected) ** 2 / expected).sum() < 50  # chi-squared, 15 degrees: 1 in 100,000


def test_the_same_partial_whoever_asks_and_for_whatever():
    """So that an average removes no smudging; all members of a set agree."""
    shares = joint_shares(3, 2)
    ciphertext = encrypted(shares)
    first = shares["custodian_1"].partial_decryption(ciphertext, CONTEXT)
    assert shares["custodian_1"].partial_decryption(ciphertext, CONTEXT) == first
    assert shares["custodian_1"].partial_decryption(ciphertext, b"other").part == first.part
    # Sets (1, 2), (1, 3), (2, 3) in this order.
    second = shares["custodian_2"].partial_decryption(ciphertext, CONTEXT)
    assert second.part.polynomials[0] == first.part.polynomials[0]
    assert second.part.polynomials[1] != first.part.polynomials[1]


def test_a_changed_first_polynomial_changes_no_partial():
    shares = joint_shares(3, 2)
    public = shares["custodian_1"].key.public
    ciphertext = encrypted(shares)
    again = ciphertext + [1, 1, 1]
    first, second = (shares["custodian_1"].partial_decryption(one, CONTEXT) for one in (ciphertext, again))
    assert first.part == second.part and first.ciphertext_digest != second.ciphertext_digest
    randomised = ciphertext + public.encrypt([0, 0, 0], terms=16)
    third = shares["custodian_1"].partial_decryption(randomised, CONTEXT)
    assert not set(third.part.polynomials) & set(first.part.polynomials)


@pytest.mark.slow
def test_smudging_over_many_runs():
    """The noise of a result against its bound: never above, spread like a sum of three uniform ones, and of another
    size than that of the ciphertext by the statistical bits."""
    shares = joint_shares(3, 2)
    key = shares["custodian_1"].key
    q, t = key.ring.modulus, SMALL.plaintext_modulus
    seen = []
    # With 24 runs the bounds below are six standard errors and more of what is measured: no honest draw misses them.
    for _ in range(24):
        ciphertext = encrypted(shares)
        c0, _ = ciphertext_polynomials(ciphertext)
        first, second = (shares[name].partial_decryption(ciphertext, CONTEXT).part.polynomials for name in names(2))
        total = (c0 + sum(key.ring.from_bytes(one) for one in (*first, second[1]))) % q
        rounded = (total * t + q // 2) // q
        noise = total - (rounded * q + t // 2) // t
        seen.append(noise.astype(float))
    noise = np.concatenate(seen)
    bound = key.smudging.total
    assert bound / 2 < np.abs(noise).max() <= bound
    deviation = 2.0**key.smudging.bits * math.sqrt(3 / 3)
    assert abs(noise.std() / deviation - 1) < 0.02 and abs(noise.mean()) < 0.02 * deviation
    assert 2.0 ** (key.smudging.bits + 1) >= 2**16 * SMALL.ring_dimension * key.smudging.noise
    # Of one slot's coefficients in several ciphertexts no two are alike: the noise is not that of the key.
    assert len({tuple(one[:4]) for one in seen}) == len(seen)


def test_garbage_is_located():
    shares = joint_shares(3, 2)
    key = shares["custodian_1"].key
    ciphertext = encrypted(shares)
    partials = partials_of(shares, ciphertext)
    noise = np.arange(SMALL.ring_dimension).astype(object) * (key.ring.modulus // SMALL.ring_dimension)
    partials["custodian_2"] = altered(partials["custodian_2"], key.ring, noise)
    combined = key.combine(ciphertext, partials)
    assert combined.left_out == ("custodian_2",) and combined.values.tolist() == VALUES
    with pytest.raises(WrongPartial) as error:
        key.combine(ciphertext, {name: partials[name] for name in names(2)})
    assert "custodian_2" in error.value.names
    short = replace(partials["custodian_2"], part=JointPartRecord(polynomials=()))
    cut = replace(short, part=JointPartRecord(polynomials=(b"", b"")))
    above = replace(short, part=JointPartRecord(polynomials=(b"\xff" * key.ring.polynomial_bytes,) * 2))
    for wrong in (short, cut, above):
        assert key.combine(ciphertext, {**partials, "custodian_2": wrong}).left_out == ("custodian_2",)


def test_garbage_is_located_by_its_noise_alone():
    """Every slot is in use and may hold anything: no number shows that it is wrong."""
    shares = joint_shares(3, 2)
    key = shares["custodian_1"].key
    values = np.arange(SMALL.slot_count) - SMALL.slot_count // 2
    ciphertext = key.public.encrypt(values, terms=1)
    partials = partials_of(shares, ciphertext)
    # A third of q / t: every coefficient is still rounded to what it was.
    third = np.full(SMALL.ring_dimension, key.ring.modulus // (3 * SMALL.plaintext_modulus), dtype=object)
    partials["custodian_2"] = altered(partials["custodian_2"], key.ring, third, place=1)
    combined = key.combine(ciphertext, partials)
    assert combined.left_out == ("custodian_2",) and (combined.values == values).all()
    with pytest.raises(WrongPartial, match="far above"):
        key.combine(ciphertext, {name: partials[name] for name in names(2)})


def test_a_shift_is_unnoticed_where_nobody_can_compare():
    """The plain truth about n of n, and about exactly k."""
    for count, threshold in ((2, 2), (3, 2)):
        shares = joint_shares(count, threshold)
        key = shares["custodian_1"].key
        ciphertext = encrypted(shares)
        partials = partials_of(shares, ciphertext)
        partials = {name: partials[name] for name in names(2)}
        shift = slot_shift(key, 1000)
        # In (3, 2) the set of custodian_2 that custodian_1 is not in.
        partials["custodian_2"] = altered(partials["custodian_2"], key.ring, shift, place=-1)
        combined = key.combine(ciphertext, partials)
        assert combined.values.tolist() == [1174, -106, 5] and combined.left_out == ()


@pytest.mark.slow
def test_a_shift_is_noticed_with_one_more_and_located_with_two():
    shares = joint_shares(4, 2)
    key = shares["custodian_1"].key
    ciphertext = encrypted(shares)
    partials = partials_of(shares, ciphertext)
    shift = slot_shift(key, 1000)
    # Of the set without custodian_3.
    partials["custodian_4"] = altered(partials["custodian_4"], key.ring, shift)
    combined = key.combine(ciphertext, partials)
    assert combined.left_out == ("custodian_4",) and combined.values.tolist() == VALUES
    # Two copies that differ, and with custodian_3 each gives a result.
    with pytest.raises(WrongPartial, match="contradict") as error:
        key.combine(ciphertext, {name: partials[name] for name in ("custodian_2", "custodian_3", "custodian_4")})
    assert error.value.names == ("custodian_2", "custodian_4")


def test_a_shift_that_shows_elsewhere():
    """Into a slot that must be zero, or above the bound of the values: known without any comparison."""
    shares = joint_shares(2, 2)
    key = shares["custodian_1"].key
    ciphertext = encrypted(shares)
    partials = partials_of(shares, ciphertext)
    shift = slot_shift(key, SMALL.plaintext_modulus // 2)
    partials["custodian_2"] = altered(partials["custodian_2"], key.ring, shift)
    with pytest.raises(DamagedBytes):
        key.combine(ciphertext, partials)


def test_replayed_and_for_another_aggregate():
    shares = joint_shares(3, 2)
    key = shares["custodian_1"].key
    ciphertext, other = encrypted(shares), encrypted(shares)
    partials = partials_of(shares, ciphertext)
    partials["custodian_1"] = shares["custodian_1"].partial_decryption(other, CONTEXT)
    assert key.combine(ciphertext, partials).left_out == ("custodian_1",)
    # One that lies about what it is of is found by what it holds.
    digest = partials["custodian_2"].ciphertext_digest
    partials["custodian_1"] = replace(partials["custodian_1"], ciphertext_digest=digest)
    combined = key.combine(ciphertext, partials)
    assert combined.left_out == ("custodian_1",) and combined.values.tolist() == VALUES


def test_a_copy_that_is_off_by_little_leaves_open_whose_it_is():
    """The result is the same, and of two who contradict each other nobody can say who is right: both are named."""
    shares = joint_shares(3, 2)
    key = shares["custodian_1"].key
    ciphertext = encrypted(shares)
    partials = partials_of(shares, ciphertext)
    polynomials = list(partials["custodian_3"].part.polynomials)  # of the sets (1, 3) and (2, 3)
    changed = key.ring.from_bytes(polynomials[0])
    changed[0] = (changed[0] + 1) % key.ring.modulus
    polynomials[0] = key.ring.to_bytes(changed)
    part = JointPartRecord(polynomials=tuple(polynomials))
    partials["custodian_3"] = replace(partials["custodian_3"], part=part)
    combined = key.combine(ciphertext, partials)
    assert combined.values.tolist() == VALUES
    assert combined.left_out == ("custodian_1", "custodian_3")


def test_too_much_noise_for_the_smudging():
    shares = joint_shares(3, 2)
    public = shares["custodian_1"].key.public
    ciphertext = public.encrypt([1], terms=1000)
    noisy = ciphertext * 300
    with pytest.raises(DepthExhausted, match="smudging"):
        shares["custodian_1"].partial_decryption(noisy, CONTEXT)


def test_an_altered_ciphertext():
    shares = joint_shares(3, 2)
    key = shares["custodian_1"].key
    ciphertext = encrypted(shares)
    polynomials = polynomials_of(ciphertext.native)
    polynomials[0] = np.roll(polynomials[0], 1, axis=1)
    record = ciphertext.to_record()
    message = message_with(ciphertext.native, polynomials)
    fields = {name: getattr(record, name) for name in record.__struct_fields__}
    changed = key.public.ciphertext_from_record(type(record)(**{**fields, "native": memoryview(message)}))
    partials = partials_of(shares, changed)
    with pytest.raises((DamagedBytes, WrongPartial)):
        key.combine(changed, partials)


def test_whoever_makes_the_ciphertexts_can_have_the_key_decrypted():
    """Why custodians guard the tables of those alone whom they trust with all that is under the key: a ciphertext that
    was made to show the key looks like any other, and who combines with its maker has the key."""
    shares = joint_shares(3, 2)
    key = shares["custodian_1"].key
    q, t = key.ring.modulus, SMALL.plaintext_modulus
    honest = key.public.encrypt(np.zeros(SMALL.slot_count, dtype=int), terms=16)
    polynomials = polynomials_of(honest.native)
    polynomials[1, :, 0] = [
        (int(word) + (q + t // 2) // t) % prime
        for word, prime in zip(polynomials[1, :, 0], key.ring.primes, strict=True)
    ]
    record = honest.to_record()
    fields = {name: getattr(record, name) for name in record.__struct_fields__}
    native = memoryview(message_with(honest.native, polynomials))
    crafted = key.public.ciphertext_from_record(type(record)(**{**fields, "native": native}))
    sent = [share.partial_decryption(crafted, CONTEXT).part.polynomials for share in shares.values()]
    # Sets (1, 2), (1, 3), (2, 3) in this order.
    c0, _ = ciphertext_polynomials(crafted)
    total = c0 + sum(key.ring.from_bytes(one) for one in (*sent[0], sent[1][1]))
    plaintext = (total % q * t + q // 2) // q % t
    seeds = (*shares["custodian_1"]._seeds, shares["custodian_2"]._seeds[1])
    secret = sum(secret_polynomial(key.ring, seed).astype(int) for seed in seeds)
    assert (plaintext == secret % t).all()


def test_one_liar_among_many_custodians_costs_no_search_of_all_groups():
    custodians = names(18)
    sets = tuple(combinations(custodians, 17))
    sent = {name: {place: b"right" for place, members in enumerate(sets) if name in members} for name in custodians}
    sent[custodians[-1]] = dict.fromkeys(sent[custodians[-1]], b"wrong")
    begins = time.process_time()
    assert agreeing_groups(sent, 2) == [tuple(custodians[:-1])]
    assert time.process_time() - begins < 1


@given(st.lists(st.lists(st.integers(0, 1), min_size=6, max_size=6), min_size=2, max_size=6), st.integers(2, 3))
def test_the_groups_that_agree_are_those_that_no_larger_one_contains(copies, threshold):
    """Compared with trying every group."""
    custodians = names(len(copies))
    sets = tuple(combinations(range(len(copies)), 2))
    sent = {
        name: {place: bytes([copies[number][place % 6]]) for place, members in enumerate(sets) if number in members}
        for number, name in enumerate(custodians)
    }
    expected = []
    for size in range(len(custodians), threshold - 1, -1):
        for group in combinations(custodians, size):
            seen = [set() for _ in sets]
            for name in group:
                for place, polynomial in sent[name].items():
                    seen[place].add(polynomial)
            if all(len(some) <= 1 for some in seen) and not any(set(group) <= set(larger) for larger in expected):
                expected.append(group)
    assert agreeing_groups(sent, threshold) == expected
