"""Way 1: a key pair that opens with the shares of a quorum. Paillier, whose key pair is read fastest."""

import pickle
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from he_helpers.schemes import DamagedBytes, KeyMismatch, PublicKey, WrongKind
from he_helpers.schemes.secret.quorum import (
    InvalidQuorum,
    KeyShare,
    PartialDecryption,
    QuorumKey,
    WrongPartial,
    shared_secret_key,
)
from tests.quorum.conftest import combined_by_every_subset
from tests.schemes.conftest import SCHEMES, is_close, key_pair, short_pair

CONTEXT = b"request 7"
VALUES = [93, -4, 0]
SIZES = [(2, 2), (2, 3), (3, 4), (2, 5), (3, 5), (5, 5)]


def names(count: int) -> list[str]:
    return [f"custodian_{number + 1}" for number in range(count)]


@pytest.fixture(scope="module")
def ciphertext():
    return key_pair("paillier").public.encrypt(VALUES)


@pytest.fixture(scope="module")
def shared():
    return shared_secret_key(key_pair("paillier"), names(4), 2)


@pytest.fixture
def partials(shared, ciphertext):
    return {name: share.partial_decryption(ciphertext, CONTEXT) for name, share in shared[1].items()}


@pytest.mark.parametrize(("threshold", "count"), SIZES)
def test_every_subset(threshold, count):
    key, shares = shared_secret_key(short_pair("paillier"), names(count), threshold)
    ciphertext = key.public.encrypt(VALUES)
    partials = {name: share.partial_decryption(ciphertext, CONTEXT) for name, share in shares.items()}
    combined_by_every_subset(key, ciphertext, partials, VALUES)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_any_scheme(scheme):
    keys = key_pair(scheme)
    key, shares = shared_secret_key(keys, names(3), 2)
    ciphertext = key.public.encrypt(VALUES)
    some = {name: shares[name].partial_decryption(ciphertext, CONTEXT) for name in names(3)[1:]}
    assert is_close(keys, key.combine(ciphertext, some).values, VALUES)


def test_bytes_and_back(shared, ciphertext):
    key, shares = shared
    read = QuorumKey.from_bytes(key.to_bytes())
    assert read.fingerprint == key.fingerprint and read.custodians == key.custodians
    assert isinstance(read.public, PublicKey) and not hasattr(read, "secret")
    partials = {}
    for name in names(2):
        share = KeyShare.from_bytes(shares[name].to_bytes())
        assert (share.custodian, share.fingerprint) == (name, key.fingerprint)
        partials[name] = PartialDecryption.from_bytes(share.partial_decryption(ciphertext, CONTEXT).to_bytes())
    assert read.combine(ciphertext, partials).values.tolist() == VALUES


def test_no_representation_shows_a_share(shared, partials):
    secret = shared[1]["custodian_1"]
    part = partials["custodian_1"]
    for shown in (repr(secret), repr(part), repr(part.part), str(shared)):
        assert repr(part.part.share)[2:-1] not in shown
    with pytest.raises(TypeError):
        pickle.dumps(secret)


@settings(max_examples=12)
@given(position=st.integers(0, 15), change=st.integers(1, 255))
def test_a_wrong_share_is_named(shared, ciphertext, position, change):
    partials = {name: share.partial_decryption(ciphertext, CONTEXT) for name, share in shared[1].items()}
    honest = partials["custodian_2"]
    share = bytearray(honest.part.share)
    share[position] ^= change
    partials["custodian_2"] = replace(honest, part=type(honest.part)(bytes(share)))
    combined = shared[0].combine(ciphertext, partials)
    assert combined.left_out == ("custodian_2",) and combined.values.tolist() == VALUES
    with pytest.raises(WrongPartial) as error:
        shared[0].combine(ciphertext, {name: partials[name] for name in ("custodian_1", "custodian_2")})
    assert error.value.names == ("custodian_2",)


def test_what_a_partial_is_bound_to(shared, ciphertext, partials):
    key, shares = shared
    other = key.public.encrypt([1, 1, 1])
    again, others = shared_secret_key(key_pair("paillier"), names(4), 2)
    assert again.fingerprint != key.fingerprint
    wrong = {
        "another ciphertext": shares["custodian_1"].partial_decryption(other, CONTEXT),
        "another context": shares["custodian_1"].partial_decryption(ciphertext, b"request 6"),
        "another custodian": partials["custodian_2"],
        "another sharing": others["custodian_1"].partial_decryption(ciphertext, CONTEXT),
    }
    for what, partial in wrong.items():
        combined = key.combine(ciphertext, {**partials, "custodian_1": partial}, context=CONTEXT)
        assert combined.left_out == ("custodian_1",), what
        assert combined.values.tolist() == VALUES
    assert key.combine(ciphertext, {**partials, "stranger": partials["custodian_1"]}).left_out == ("stranger",)
    with pytest.raises(WrongPartial) as error:
        key.combine(ciphertext, partials, context=b"request 6")
    assert set(error.value.names) == set(partials)


def test_partials_that_agree_on_no_context(shared, ciphertext, partials):
    odd = shared[1]["custodian_3"].partial_decryption(ciphertext, b"request 6")
    assert shared[0].combine(ciphertext, {**partials, "custodian_3": odd}).left_out == ("custodian_3",)


def test_a_ciphertext_under_another_key(shared, partials):
    foreign = key_pair("paillier", 1).public.encrypt(VALUES)
    with pytest.raises(KeyMismatch):
        shared[1]["custodian_1"].partial_decryption(foreign, CONTEXT)
    with pytest.raises(KeyMismatch):
        shared[0].combine(foreign, partials)


def test_arguments(shared, ciphertext, partials):
    pair = key_pair("paillier")
    for custodians, threshold in (
        (names(3), 1),
        (names(3), 4),
        (["a", "a"], 2),
        (["", "b"], 2),
        (["a\nfindings: none", "b"], 2),
        ([1, 2], 2),
    ):
        with pytest.raises(InvalidQuorum):
            shared_secret_key(pair, custodians, threshold)
    with pytest.raises(WrongKind):
        shared_secret_key(pair.public, names(3), 2)
    with pytest.raises(WrongKind):
        shared[1]["custodian_1"].partial_decryption(ciphertext, "text")
    with pytest.raises(WrongKind):
        shared[1]["custodian_1"].partial_decryption(ciphertext, bytes(1025))
    with pytest.raises(WrongKind):
        shared[0].combine(ciphertext, {**partials, "custodian_1": partials["custodian_1"].to_bytes()})


def test_mixed_up_shares(shared):
    key, shares = shared
    part = shares["custodian_1"].partial_decryption(key.public.encrypt(VALUES), CONTEXT).part
    with pytest.raises(DamagedBytes, match="not the share"):
        type(shares["custodian_1"])(key, "custodian_2", part.share)
    mine = shares["custodian_1"].to_bytes()
    for data in (mine[:-1], mine[1:], b"", key.to_bytes()):
        with pytest.raises(DamagedBytes):
            KeyShare.from_bytes(data)
    with pytest.raises(DamagedBytes):
        QuorumKey.from_bytes(mine)
