"""Keys that were handed over in person: only the right ones are trusted, and one key means one person."""

import json
import stat
import tracemalloc

import pytest

from he_helpers.files import ExposedFile
from he_helpers.roles.errors import AlreadyThere, DamagedContact, InvalidName, NotThere
from he_helpers.roles.keys.contacts import ENCRYPTION_KEY, VERIFY_KEY, Contact, Contacts, hand_over

KEY = Contact(ENCRYPTION_KEY, bytes(range(32)))
OTHER = Contact(ENCRYPTION_KEY, bytes(32))


@pytest.fixture
def contacts(tmp_path):
    return Contacts(tmp_path / "contacts", ENCRYPTION_KEY)


def test_handed_over_and_trusted(tmp_path, contacts):
    file = hand_over(tmp_path / "handover", "analyst", KEY)
    assert hand_over(tmp_path / "handover", "analyst", KEY) == file
    assert contacts.trust("Ana", file) == contacts.trust("Ana", file.read_bytes()) == KEY
    assert contacts.get("Ana") == KEY and contacts.find(KEY.fingerprint) == "Ana"
    assert contacts.find(OTHER.fingerprint) is None
    assert stat.S_IMODE((contacts.folder / "Ana.json").stat().st_mode) == 0o600


def test_fingerprint_is_of_key_and_kind():
    assert len(KEY.fingerprint) == 32 and set(KEY.fingerprint) <= set("0123456789abcdef")
    assert len({KEY.fingerprint, OTHER.fingerprint, Contact(VERIFY_KEY, KEY.key).fingerprint}) == 3


def test_another_key_needs_a_word(tmp_path, contacts):
    contacts.trust("Ana", KEY.to_bytes())
    with pytest.raises(AlreadyThere, match="in person"):
        contacts.trust("Ana", OTHER.to_bytes())
    with pytest.raises(AlreadyThere, match="'Ana'"):
        contacts.trust("Ben", KEY.to_bytes())
    assert contacts.all() == {"Ana": KEY}
    contacts.trust("Ana", OTHER.to_bytes(), overwrite=True)
    assert contacts.all() == {"Ana": OTHER}
    hand_over(tmp_path / "handover", "analyst", KEY)
    with pytest.raises(AlreadyThere):
        hand_over(tmp_path / "handover", "analyst", OTHER)


@pytest.mark.parametrize("name", ["Ana lyst", "ana lyst ", "ana  lyst"])
def test_capital_letters_and_spaces_tell_nobody_apart(contacts, name):
    """Reviews go by the name of an account in either; and on some machines both name the same file."""
    contacts.trust("ana lyst", KEY.to_bytes())
    for overwrite in (False, True):
        with pytest.raises(AlreadyThere, match="do not tell two people apart"):
            contacts.trust(name, OTHER.to_bytes(), overwrite=overwrite)
    assert contacts.all() == {"ana lyst": KEY}


def test_wrong_kind_and_damage(contacts, tmp_path):
    with pytest.raises(DamagedContact, match="'verify key'; expected 'encryption key'"):
        contacts.trust("Ana", Contact(VERIFY_KEY, bytes(32)).to_bytes())
    with pytest.raises(DamagedContact, match="'secret key'"):
        Contact("secret key", bytes(32))
    for key in (bytes(31), bytes(33), "k" * 32):
        with pytest.raises(DamagedContact, match="32 bytes"):
            Contact(ENCRYPTION_KEY, key)
    document = json.loads(KEY.to_bytes())
    altered = {**document, "key": OTHER.key.hex()}
    for data in (b"", b"[]", b"{}", b"\xff", b"[" * 4000, KEY.to_bytes()[:-20], json.dumps(altered).encode()):
        with pytest.raises(DamagedContact):
            contacts.trust("Ana", data)
    for wrong in ({"key": "00"}, {"key": 7}, {"kind": "secret key"}, {"kind": []}):
        with pytest.raises(DamagedContact):
            contacts.trust("Ana", json.dumps({**document, **wrong}).encode())
    with pytest.raises(NotThere, match="cannot be read"):
        contacts.trust("Ana", tmp_path / "missing.json")
    assert contacts.all() == {}


@pytest.mark.parametrize("name", ["", "../Ana", "a/b", ".hidden", "x" * 65, "Ana\n", None])
def test_names_that_cannot_be_files(contacts, name):
    with pytest.raises(InvalidName):
        contacts.trust(name, KEY.to_bytes())


@pytest.mark.parametrize("name", ["", "../analyst", "a/b", ".hidden", "analyst\n"])
def test_nothing_is_handed_over_under_such_a_name(tmp_path, name):
    with pytest.raises(InvalidName):
        hand_over(tmp_path / "handover", name, KEY)
    assert list(tmp_path.rglob("*")) == []


def test_unknown_name_lists_the_known(contacts):
    contacts.trust("Ana", KEY.to_bytes())
    with pytest.raises(NotThere, match="Known: Ana"):
        contacts.get("Ben")


def test_one_key_under_two_names(contacts):
    contacts.trust("Ana", KEY.to_bytes())
    contacts.trust("Ben", OTHER.to_bytes())
    with pytest.raises(AlreadyThere, match="already known as that of 'Ana'"):
        contacts.trust("Ben", KEY.to_bytes(), overwrite=True)
    assert contacts.all() == {"Ana": KEY, "Ben": OTHER}


def test_a_handed_over_file_is_not_read_without_a_limit(contacts, tmp_path):
    long = tmp_path / "analyst.encryption_key.json"
    with open(long, "wb") as file:
        file.write(KEY.to_bytes())
        file.truncate(2**26)
    tracemalloc.start()
    try:
        with pytest.raises(DamagedContact, match="at most 4,096 bytes"):
            contacts.trust("Ana", long)
        with pytest.raises(AlreadyThere):
            hand_over(tmp_path, "analyst", KEY)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
    # Blanks to the limit and one more.
    padded = KEY.to_bytes() + b" " * (4096 - len(KEY.to_bytes()))
    assert contacts.trust("Ana", padded) == KEY
    with pytest.raises(DamagedContact):
        contacts.trust("Ben", padded + b" ")
    assert list(contacts.all()) == ["Ana"]


def test_a_contact_that_others_can_change_is_not_trusted(contacts):
    contacts.trust("Ana", KEY.to_bytes())
    (contacts.folder / "Ana.json").chmod(0o666)
    with pytest.raises(ExposedFile):
        contacts.get("Ana")
