"""The keyring: what is stored comes back, under the passphrase only, and no accident loses or shows a key."""

import os
import signal
import stat
import struct
import subprocess
import sys
import textwrap
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from he_helpers.files import ExposedFile, UnreadableFile, write_private
from he_helpers.roles.errors import (
    AlreadyThere,
    DamagedKeyring,
    InvalidName,
    NotThere,
    WrongPassphrase,
)
from he_helpers.roles.keys import keyring as keyring_module
from he_helpers.roles.keys.keyring import Keyring

PASSPHRASE = "five random words would do"
SECRET = b"\x00secret key bytes\xff"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "role"


@pytest.fixture
def keyring(folder, cheap):
    keyring = Keyring(folder)
    keyring.store("main", SECRET, PASSPHRASE)
    return keyring


@pytest.fixture(scope="module")
def real_file(tmp_path_factory):
    """The bytes of one at the real cost of scrypt, which is paid once."""
    keyring = Keyring(tmp_path_factory.mktemp("real") / "role")
    keyring.store("main", SECRET, PASSPHRASE)
    return keyring.path.read_bytes()


@pytest.fixture
def real_keyring(folder, real_file):
    """A copy of it."""
    keyring = Keyring(folder)
    write_private(keyring.path, real_file)
    return keyring


@pytest.mark.slow
def test_roundtrip(real_keyring, folder):
    real_keyring.store("signature key", b"another", PASSPHRASE)
    again = Keyring(folder)
    assert again.load("main", PASSPHRASE) == SECRET
    assert again.names(PASSPHRASE) == ("main", "signature key")


def test_nothing_is_in_the_clear(keyring):
    data = keyring.path.read_bytes()
    for word in (SECRET, b"secret key", b"main", PASSPHRASE.encode()):
        assert word not in data


def test_each_write_has_its_own_salt_and_nonce(keyring):
    written = []
    for number in range(3):
        keyring.store(f"other {number}", SECRET, PASSPHRASE)
        # Word, version, log2(n), r and p take 14 bytes.
        written.append(struct.unpack(">16s12s", keyring.path.read_bytes()[14:42]))
    salts, nonces = (set(values) for values in zip(*written, strict=True))
    assert len(salts) == len(nonces) == 3


def test_modes(keyring, folder):
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(keyring.path.stat().st_mode) == 0o600
    assert sorted(file.name for file in folder.iterdir()) == ["keyring"]


def test_mode_does_not_depend_on_the_umask(folder):
    umask = os.umask(0)
    try:
        Keyring(folder).store("main", SECRET, PASSPHRASE)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "keyring").stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660])
def test_file_open_to_others_is_refused(keyring, mode):
    keyring.path.chmod(mode)
    with pytest.raises(ExposedFile, match="chmod 600"):
        keyring.load("main", PASSPHRASE)
    with pytest.raises(ExposedFile):
        keyring.store("other", SECRET, PASSPHRASE)


def test_folder_open_to_others_is_refused(keyring, folder):
    folder.chmod(0o750)
    with pytest.raises(ExposedFile, match="chmod 700"):
        Keyring(folder)


def test_symbolic_link_is_not_followed(keyring, folder):
    keyring.path.rename(folder / "elsewhere")
    keyring.path.symlink_to(folder / "elsewhere")
    with pytest.raises(UnreadableFile, match="ordinary file"):
        keyring.load("main", PASSPHRASE)


def test_wrong_passphrase(keyring):
    for wrong in (PASSPHRASE + " ", PASSPHRASE.upper(), "x"):
        with pytest.raises(WrongPassphrase) as caught:
            keyring.load("main", wrong)
        assert wrong not in str(caught.value) and caught.value.__cause__ is None
    with pytest.raises(WrongPassphrase):
        keyring.store("other", SECRET, "x")
    assert keyring.names(PASSPHRASE) == ("main",)


def test_wrong_passphrase_says_nothing_of_the_entries(keyring):
    messages = []
    for name in ("main", "not there"):
        with pytest.raises(WrongPassphrase) as caught:
            keyring.load(name, "wrong")
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_empty_passphrase_is_refused(folder):
    with pytest.raises(WrongPassphrase, match="empty"):
        Keyring(folder).store("main", SECRET, "")
    assert not (folder / "keyring").exists()
    with pytest.raises(WrongPassphrase, match="surrogate"):
        Keyring(folder).store("main", SECRET, "\ud800")
    with pytest.raises(TypeError):
        Keyring(folder).store("main", SECRET, None)


def test_accents_composed_and_decomposed_are_the_same(folder):
    Keyring(folder).store("main", SECRET, "cafe\u0301")
    assert Keyring(folder).load("main", "caf\u00e9") == SECRET


def test_scrypt_runs_once_for_a_passphrase_that_is_kept_and_again_for_another_salt(keyring, folder, monkeypatch):
    salts, scrypt = [], keyring_module.Scrypt
    monkeypatch.setattr(keyring_module, "Scrypt", lambda salt, *costs: salts.append(salt) or scrypt(salt, *costs))
    kept = keyring_module.hide(PASSPHRASE)
    assert keyring.load("main", kept) == keyring.load("main", kept) == SECRET and len(salts) == 1
    keyring.store("other", b"another", kept)
    assert keyring.names(kept) == ("main", "other") and len(salts) == 2
    # Somebody else opens the file and writes it.
    Keyring(folder).store("third", b"a third", PASSPHRASE)
    assert keyring.load("third", kept) == b"a third" and len(salts) == 5
    assert keyring.load("main", PASSPHRASE) == keyring.load("main", PASSPHRASE) == SECRET and len(salts) == 7
    with pytest.raises(WrongPassphrase):
        keyring.load("main", "another passphrase")


def test_missing_entry_and_missing_file(keyring, tmp_path):
    with pytest.raises(NotThere, match="main"):
        keyring.load("other", PASSPHRASE)
    with pytest.raises(NotThere, match="Create keys"):
        Keyring(tmp_path / "empty").load("main", PASSPHRASE)
    assert Keyring(tmp_path / "empty").names(PASSPHRASE) == ()


def test_a_key_is_overwritten_only_on_request(keyring):
    keyring.store("main", SECRET, PASSPHRASE)
    with pytest.raises(AlreadyThere, match="overwrite=True"):
        keyring.store("main", b"new", PASSPHRASE)
    assert keyring.load("main", PASSPHRASE) == SECRET
    keyring.store("main", b"new", PASSPHRASE, overwrite=True)
    assert keyring.load("main", PASSPHRASE) == b"new"


def test_every_flipped_byte_is_noticed(keyring, cheap):
    good = keyring.path.read_bytes()
    for position in range(len(good)):
        keyring.path.write_bytes(good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :])
        with pytest.raises(DamagedKeyring):
            keyring.load("main", PASSPHRASE)
    for length in range(len(good)):
        keyring.path.write_bytes(good[:length])
        with pytest.raises(DamagedKeyring):
            keyring.load("main", PASSPHRASE)


def with_repaired_digest(data: bytes) -> bytes:
    return data[:-16] + keyring_module._digest(data[:-16])


def test_every_byte_that_somebody_altered_on_purpose_is_noticed(folder, cheap):
    keyring = Keyring(folder)
    keyring.store("main", SECRET, PASSPHRASE)
    good = keyring.path.read_bytes()
    for position in range(len(good) - 16):
        altered = good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :]
        keyring.path.write_bytes(with_repaired_digest(altered))
        with pytest.raises((DamagedKeyring, WrongPassphrase)):
            keyring.load("main", PASSPHRASE)


@pytest.mark.parametrize(
    ("log2_n", "r", "p"),
    [
        (30, 8, 1),
        (255, 8, 1),
        (15, 2**32 - 1, 1),
        (20, 2**20, 1),
        (15, 8, 2**32 - 1),
        (18, 8, 64),
        (18, 64, 1),
        (14, 8, 1),
        (15, 1, 1),
        (15, 8, 0),
        (0, 0, 0),
    ],
)
def test_planted_parameters_are_refused_before_scrypt_runs(real_keyring, monkeypatch, log2_n, r, p):
    data = real_keyring.path.read_bytes()
    real_keyring.path.write_bytes(with_repaired_digest(data[:5] + struct.pack(">BII", log2_n, r, p) + data[14:]))

    def never(*_):
        raise AssertionError("scrypt ran")

    monkeypatch.setattr(keyring_module, "Scrypt", never)
    with pytest.raises(DamagedKeyring, match="scrypt"):
        real_keyring.load("main", PASSPHRASE)


def test_parameters_are_memory_hard(real_keyring):
    log2_n, r, p = struct.unpack(">BII", real_keyring.path.read_bytes()[5:14])
    assert log2_n >= 15 and r >= 8 and p >= 1


def test_another_version_is_refused(keyring):
    data = keyring.path.read_bytes()
    keyring.path.write_bytes(with_repaired_digest(data[:4] + b"\x03" + data[5:]))
    with pytest.raises(DamagedKeyring, match="version 3"):
        keyring.load("main", PASSPHRASE)


def test_large_file_is_not_read(keyring):
    with open(keyring.path, "r+b") as file:
        file.truncate(2**30 + 1)
    with pytest.raises(UnreadableFile, match="at most"):
        keyring.load("main", PASSPHRASE)


KILLED = """
    import os, signal, sys
    from he_helpers.roles.keys.keyring import Keyring

    os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    Keyring(sys.argv[1]).store("new", b"new secret", sys.argv[2])
"""


@pytest.mark.slow
def test_kill_before_the_rename_leaves_the_old_keyring(real_keyring, folder):
    before = real_keyring.path.read_bytes()
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), folder, PASSPHRASE], capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert real_keyring.path.read_bytes() == before
    leftovers = [file for file in folder.iterdir() if file.name != "keyring"]
    assert len(leftovers) == 1 and stat.S_IMODE(leftovers[0].stat().st_mode) == 0o600
    assert b"new secret" not in leftovers[0].read_bytes()
    real_keyring.store("after", SECRET, PASSPHRASE)
    assert real_keyring.names(PASSPHRASE) == ("after", "main")
    assert [file.name for file in folder.iterdir()] == ["keyring"]


def test_writers_at_once_lose_no_entry(keyring, folder):
    def store(number):
        Keyring(folder).store(f"key {number}", SECRET, PASSPHRASE)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(store, range(6)))
    assert len(keyring.names(PASSPHRASE)) == 7


def test_names_that_cannot_be(keyring):
    for name in ("", "x" * 201, "\ud800", None, 7):
        with pytest.raises(InvalidName):
            keyring.store(name, SECRET, PASSPHRASE)


text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    entries=st.dictionaries(text, st.binary(max_size=100), min_size=1, max_size=3),
    passphrase=text,
    wrong=text,
)
def test_any_names_and_passphrases(cheap, tmp_path_factory, entries, passphrase, wrong):
    keyring = Keyring(tmp_path_factory.mktemp("keyring") / "role")
    for name, secret in entries.items():
        keyring.store(name, secret, passphrase)
    assert {name: keyring.load(name, passphrase) for name in entries} == entries
    if keyring_module.hide(wrong).reveal() != keyring_module.hide(passphrase).reveal():
        with pytest.raises(WrongPassphrase):
            keyring.names(wrong)


def test_nothing_secret_is_shown(keyring, folder):
    assert PASSPHRASE not in repr(keyring) and repr(keyring_module.hide(PASSPHRASE)) == "<hidden>"
    keyring.store("key", SECRET, PASSPHRASE)
    passphrase = keyring_module.hide(PASSPHRASE)
    for attempt in (
        lambda: keyring.load("not there", passphrase),
        lambda: keyring.load("main", keyring_module.hide(PASSPHRASE + "x")),
        lambda: keyring.store("main", b"other", passphrase),
    ):
        with pytest.raises((NotThere, WrongPassphrase, AlreadyThere)) as caught:
            attempt()
        # With the local variables of every frame of ours, as some notebooks and error reporters show them.
        shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
        assert PASSPHRASE not in shown.replace(repr(PASSPHRASE + "x"), "")
        assert repr(SECRET)[2:-1] not in shown


def test_an_entry_is_taken_away_for_good(keyring):
    keyring.store("kept", b"one secret", PASSPHRASE)
    keyring.store("gone", b"another secret", PASSPHRASE)
    with pytest.raises(WrongPassphrase):
        keyring.remove("gone", "other words")
    for _ in range(2):
        keyring.remove("gone", PASSPHRASE)
    assert keyring.names(PASSPHRASE) == ("kept", "main")
    assert keyring.load("kept", PASSPHRASE) == b"one secret"
