"""Handing ciphertexts from role to role."""

import os

import pytest

from he_helpers.lab.stage.exchange import hand_over, receive, take_away
from he_helpers.lab.stage.seat import Seat
from he_helpers.schemes.errors import KeyMismatch
from tests.schemes.conftest import key_pair


@pytest.fixture
def seat(tmp_path):
    return Seat("administrator", tmp_path, "", tmp_path)


def test_what_is_handed_over_is_received(seat):
    keys = key_pair("tenseal-bfv")
    before = os.umask(0)
    try:
        written = hand_over(seat, "sums", keys.public.for_evaluation(), {"a": [keys.public.encrypt([1, 2])], "b": []})
    finally:
        os.umask(before)
    key, ciphertexts = receive(seat, "sums")
    assert written == sum(file.stat().st_size for file in seat.handover.iterdir())
    assert {file.stat().st_mode & 0o777 for file in seat.handover.iterdir()} == {0o600}
    assert not key.can_encrypt and key.fingerprint == keys.public.fingerprint
    assert keys.secret.decrypt(ciphertexts["a"][0]).tolist() == [1, 2] and ciphertexts["b"] == []


def test_ciphertexts_of_another_key_are_not_received(seat):
    hand_over(seat, "sums", key_pair("paillier").public, {"a": [key_pair("tenseal-bfv").public.encrypt([1])]})
    with pytest.raises(KeyMismatch):
        receive(seat, "sums")


def test_taking_away_leaves_what_others_put_there(seat):
    (seat.handover / "note.json").write_text("{}")
    hand_over(seat, "sums", key_pair("paillier").public, {})
    assert (take_away(seat), take_away(seat)) == (1, 0)
    assert [file.name for file in seat.handover.iterdir()] == ["note.json"]
    with pytest.raises(FileNotFoundError):
        receive(seat, "sums")
