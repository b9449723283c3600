"""A release opens for its recipient only, and only when the administrator made it for this very request."""

import msgpack
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.public import PrivateKey, PublicKey, SealedBox
from nacl.signing import SigningKey

from he_helpers.roles.errors import ForgedRelease, NotForThisKey, WrongRelease
from he_helpers.roles.keys.contacts import ENCRYPTION_KEY, VERIFY_KEY, Contact
from he_helpers.roles.keys.release import Release, finish, round_result, seal, unseal

ADMINISTRATOR, ANALYST = SigningKey.generate(), PrivateKey.generate()
VERIFY = Contact(VERIFY_KEY, bytes(ADMINISTRATOR.verify_key))
RECIPIENT = Contact(ENCRYPTION_KEY, bytes(ANALYST.public_key))
ASKED = {
    "request": "8c5f5a3e-37f2-4f0e-9d5b-0a5b7d3ad1b7",
    "dataset": "branches",
    "query": {"statistic": "sum", "group_by": ["region"], "columns": ["Revenue", "Loans"]},
}
TABLE = pd.DataFrame({"Revenue": [1250.5, 7.0], "Loans": [3, 4]}, index=pd.Index(["North", "South"], name="region"))
DECIMALS = {"Revenue": 1, "Loans": 0}


def release(**changes) -> Release:
    members = {**ASKED, "recipient": RECIPIENT.fingerprint, "table": TABLE, "decimals": DECIMALS, **changes}
    return Release(**members)


SEALED = seal(release(), ADMINISTRATOR, RECIPIENT)


def opened(sealed, key=ANALYST, administrator=VERIFY, **changes):
    return unseal(sealed, key, administrator, **{**ASKED, **changes})


def test_roundtrip():
    pd.testing.assert_frame_equal(opened(SEALED).table, TABLE)


@pytest.mark.parametrize(
    "index",
    [
        pd.MultiIndex.from_tuples([("North", 1), ("South", 2)], names=["region", "quarter"]),
        pd.Index([2024, 2025], name="year"),
        pd.Index([True, False], name="open"),
        pd.Index(["Ñandú", ""], name="Größe"),
    ],
)
def test_roundtrip_of_any_labels(index):
    table = TABLE.set_axis(index)
    pd.testing.assert_frame_equal(opened(seal(release(table=table), ADMINISTRATOR, RECIPIENT)).table, table)


def test_every_flipped_or_missing_byte_is_noticed():
    for position in range(len(SEALED)):
        altered = SEALED[:position] + bytes([SEALED[position] ^ 1]) + SEALED[position + 1 :]
        with pytest.raises(NotForThisKey):
            opened(altered)
        with pytest.raises(NotForThisKey):
            opened(SEALED[:position])


def test_another_recipient_cannot_open():
    with pytest.raises(NotForThisKey):
        opened(SEALED, key=PrivateKey.generate())


def test_a_key_of_another_kind_verifies_nothing():
    other = Contact(ENCRYPTION_KEY, VERIFY.key)  # the right bytes, handed over for another purpose
    with pytest.raises(ForgedRelease, match="'encryption key'"):
        opened(SEALED, administrator=other)


def test_a_result_that_the_server_sealed_itself_is_refused():
    content = release(table=TABLE * 2).to_bytes()
    box = SealedBox(PublicKey(RECIPIENT.key))
    for signature in (b"", bytes(64), bytes(SigningKey.generate().sign(content).signature)):
        with pytest.raises(ForgedRelease):
            opened(box.encrypt(signature + content))
    with pytest.raises(ForgedRelease):
        opened(seal(release(), SigningKey.generate(), RECIPIENT))


def test_a_signature_over_something_else_is_none_of_a_release():
    content = release().to_bytes()
    signature = ADMINISTRATOR.sign(content).signature
    with pytest.raises(ForgedRelease):
        opened(SealedBox(PublicKey(RECIPIENT.key)).encrypt(signature + content))


@pytest.mark.parametrize(
    "asked",
    [
        {"request": "00000000-0000-4000-8000-000000000000"},
        {"dataset": "other"},
        {"query": {**ASKED["query"], "statistic": "mean"}},
        {"query": {**ASKED["query"], "group_by": []}},
    ],
)
def test_a_result_for_another_question_is_refused(asked):
    with pytest.raises(WrongRelease, match=next(iter(asked))):
        opened(SEALED, **asked)


def test_a_result_passed_on_to_somebody_else_is_refused():
    eve, ben = ANALYST, PrivateKey.generate()
    signed = SealedBox(eve).decrypt(SEALED)
    passed_on = SealedBox(ben.public_key).encrypt(signed)
    with pytest.raises(WrongRelease, match="recipient"):
        opened(passed_on, key=ben)


def test_sealing_to_another_key_than_the_named_one_is_refused():
    with pytest.raises(WrongRelease):
        seal(release(), ADMINISTRATOR, Contact(ENCRYPTION_KEY, bytes(PrivateKey.generate().public_key)))
    with pytest.raises(WrongRelease):
        seal(release(recipient=VERIFY.fingerprint), ADMINISTRATOR, VERIFY)


@pytest.mark.parametrize("content", [b"", b"\x80", b"\xc0", b"\x81\xa7version\x02"])
def test_signed_nonsense_is_refused(content):
    signature = ADMINISTRATOR.sign(b"he_helpers release 1\x00" + content).signature
    with pytest.raises(WrongRelease, match="version"):
        opened(SealedBox(PublicKey(RECIPIENT.key)).encrypt(signature + content))


@pytest.mark.parametrize("change", [{"version": 2}, {"remark": ""}])
def test_a_release_of_another_version_or_with_another_member_is_refused(change):
    content = msgpack.packb({**msgpack.unpackb(release().to_bytes()), **change})
    signature = ADMINISTRATOR.sign(b"he_helpers release 1\x00" + content).signature
    with pytest.raises(WrongRelease, match="version"):
        opened(SealedBox(PublicKey(RECIPIENT.key)).encrypt(signature + content))


def test_length_says_nothing_about_the_values():
    lengths = {
        len(seal(release(table=TABLE.assign(Loans=loans)), ADMINISTRATOR, RECIPIENT))
        for loans in ([0, 0], [1, -1], [2**40, 7], [123456, 2**50])
    }
    assert len(lengths) == 1


SIZES = pd.Series([3, 7], index=TABLE.index)


def test_rounding_to_the_data():
    noisy = pd.DataFrame({"Revenue": [1250.4999, -0.0001], "Loans": [2.9996, 4.0002]}, index=TABLE.index)
    sums, decimals = finish(noisy, "sum", {**DECIMALS, "Savings": 3}, SIZES)
    assert decimals == DECIMALS
    assert sums["Revenue"].tolist() == [1250.5, 0.0] and str(sums["Revenue"].iloc[1]) == "0.0"
    assert sums["Loans"].tolist() == [3, 4] and sums["Loans"].dtype == "int64"


def test_counts_are_whole():
    counts, decimals = finish(pd.DataFrame({"count": [3, 7]}, index=TABLE.index), "count", DECIMALS, SIZES)
    assert decimals == {"count": 0} and counts["count"].dtype == "int64"


def test_means_come_from_rounded_sums():
    exact = pd.DataFrame({"Revenue": [1250.5, -7.3], "Loans": [4, 5]}, index=TABLE.index)
    # Three rows: an error of 0.02 in the sum is above half a unit of the mean's last digit.
    noisy = (exact + np.array([[0.02, 0.2], [-0.02, -0.2]])).div(SIZES, axis="index")
    means, decimals = finish(noisy, "mean", DECIMALS, SIZES)
    assert decimals == {"Revenue": 3, "Loans": 2}
    assert means["Revenue"].tolist() == [round(1250.5 / 3, 3), round(-7.3 / 7, 3)]
    assert means["Loans"].tolist() == [1.33, 0.71]


@pytest.mark.slow
@settings(max_examples=200)
@given(value=st.integers(-(10**12), 10**12), error=st.floats(-0.004, 0.004), decimals=st.integers(0, 2))
def test_the_error_of_a_decryption_does_not_survive_rounding(value, error, decimals):
    exact = value / 10**decimals
    frame = pd.DataFrame({"x": [exact + error]})
    assert round_result(frame, {"x": decimals})["x"][0] == round(exact, decimals)
