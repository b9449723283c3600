"""A keyring whose key is in a token: SoftHSM, where the system has it; and any other service in its place."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from he_helpers.files import private_folder, write_private
from he_helpers.roles import Custodian, DataAdministrator, DataAnalyst, QuorumAnalyst
from he_helpers.roles.errors import DamagedKeyring, KeyServiceRefused, NotThere, WrongPassphrase
from he_helpers.roles.keys import keyring as keyring_module
from he_helpers.roles.keys.hidden import Hidden
from he_helpers.roles.keys.keyring import Keyring
from he_helpers.roles.keys.service import KeyService
from he_helpers.roles.keys.token import Token

SECRET = b"\x00secret key bytes\xff"
PIN = "4711 and more"
MODULES = ["/usr/lib/softhsm/libsofthsm2.so", *map(str, Path("/usr/lib").glob("*/softhsm/libsofthsm2.so"))]
MODULE = next((module for module in MODULES if Path(module).exists()), None)
needs_softhsm = pytest.mark.skipif(
    MODULE is None or shutil.which("softhsm2-util") is None, reason="needs SoftHSM (Debian's package softhsm2)"
)


@pytest.fixture(scope="session")
def token(tmp_path_factory):
    """SoftHSM reads its settings when its library is loaded, once a process."""
    pytest.importorskip("pkcs11")
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    settings = folder / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(settings)
    command = ["softhsm2-util", "--init-token", "--free", "--label", "course", "--so-pin", "12345678", "--pin", PIN]
    subprocess.run(command, check=True, capture_output=True)
    token = Token(MODULE, "course")
    token.create_key(PIN)
    return token


class Elsewhere(KeyService):
    """A service of somebody else, as a cloud provider's."""

    name = "https://keys.example/course"

    def wrap(self, key, passphrase):
        return bytes(byte ^ 0x5A for byte in key.reveal()) + passphrase.reveal().encode()

    def unwrap(self, wrapped, passphrase):
        if not wrapped.endswith(passphrase.reveal().encode()):
            raise WrongPassphrase("These credentials are refused.")
        return Hidden(bytes(byte ^ 0x5A for byte in wrapped[:32]))


@pytest.fixture(params=["token", "elsewhere"])
def service(request):
    if request.param == "elsewhere":
        return Elsewhere()
    if needs_softhsm.args[0]:
        pytest.skip(needs_softhsm.kwargs["reason"])
    return request.getfixturevalue("token")


@pytest.fixture
def keyring(tmp_path, service):
    keyring = Keyring(tmp_path / "role", service)
    keyring.store("main", SECRET, PIN)
    return keyring


def test_roundtrip(keyring, service):
    keyring.store("signature key", b"another", PIN)
    again = Keyring(keyring.folder, service)
    assert again.load("main", PIN) == SECRET and again.names(PIN) == ("main", "signature key")
    with pytest.raises(NotThere):
        again.load("other", PIN)


def test_nothing_is_in_the_clear(keyring):
    data = keyring.path.read_bytes()
    assert SECRET not in data and b"main" not in data and keyring.service.name.encode() in data
    keyring.store("other", SECRET, PIN)
    start = len(keyring.service.name) + 9
    assert keyring.path.read_bytes()[start : start + 32] != data[start : start + 32]


def test_wrong_pin(keyring):
    for attempt in (lambda: keyring.load("main", "0815"), lambda: keyring.store("new", SECRET, "0815")):
        with pytest.raises(WrongPassphrase):
            attempt()
    assert keyring.names(PIN) == ("main",)


def test_without_the_service_or_with_another(keyring, tmp_path, cheap):
    with pytest.raises(KeyServiceRefused, match="opens by"):
        Keyring(keyring.folder).load("main", PIN)
    other = Elsewhere()
    other.name = "https://keys.example/other"
    with pytest.raises(KeyServiceRefused, match="opens by"):
        Keyring(keyring.folder, other).load("main", PIN)
    plain = Keyring(tmp_path / "plain")
    plain.store("main", SECRET, PIN)
    with pytest.raises(KeyServiceRefused, match="passphrase alone"):
        Keyring(plain.folder, keyring.service).load("main", PIN)


def test_what_is_removed_is_gone_and_the_rest_still_opens_by_the_service(keyring, service):
    keyring.store("other", b"another", PIN)
    keyring.remove("main", PIN)
    assert service.name.encode() in keyring.path.read_bytes()
    assert Keyring(keyring.folder, service).names(PIN) == ("other",)


def test_a_keyring_moves_to_a_service_and_back(tmp_path, service, cheap):
    keyring = Keyring(tmp_path / "role")
    with pytest.raises(NotThere, match="Create keys first"):
        keyring.protect("a passphrase", PIN, service)
    keyring.store("main", SECRET, "a passphrase")
    keyring.protect("a passphrase", PIN, service)
    for opened in (keyring, Keyring(tmp_path / "role", service)):
        assert opened.load("main", PIN) == SECRET
        with pytest.raises(WrongPassphrase):
            opened.load("main", "a passphrase")
    with pytest.raises(KeyServiceRefused):
        Keyring(tmp_path / "role").load("main", "a passphrase")
    keyring.protect(PIN, "another passphrase")
    assert Keyring(tmp_path / "role").load("main", "another passphrase") == SECRET


@pytest.mark.parametrize("refused", ["the passphrase", "by the new service"])
def test_a_move_that_is_refused_leaves_the_keyring_as_it_was(tmp_path, cheap, refused):
    class Refusing(Elsewhere):
        def wrap(self, key, passphrase):
            raise KeyServiceRefused("Not today.")

    keyring = Keyring(tmp_path / "role")
    keyring.store("main", SECRET, "a passphrase")
    before = keyring.path.read_bytes()
    attempt = ("wrong", Elsewhere()) if refused == "the passphrase" else ("a passphrase", Refusing())
    with pytest.raises((WrongPassphrase, KeyServiceRefused)):
        keyring.protect(attempt[0], PIN, attempt[1])
    assert keyring.path.read_bytes() == before and keyring.service is None
    assert keyring.load("main", "a passphrase") == SECRET


def test_damage(keyring):
    data = keyring.path.read_bytes()
    for place in range(0, len(data), 7):
        damaged = bytearray(data)
        damaged[place] ^= 1
        keyring.path.write_bytes(damaged)
        with pytest.raises(DamagedKeyring):
            keyring.load("main", PIN)
        # With a repaired digest it is no better.
        body = bytes(damaged[:-16])
        keyring.path.write_bytes(body + keyring_module._digest(body))
        if place < len(data) - 16:
            with pytest.raises((DamagedKeyring, KeyServiceRefused, WrongPassphrase)):
                keyring.load("main", PIN)
    keyring.path.write_bytes(data[:40])
    with pytest.raises(DamagedKeyring):
        keyring.load("main", PIN)


@pytest.mark.parametrize("role", [DataAdministrator, DataAnalyst, QuorumAnalyst, Custodian])
def test_a_role_with_a_key_service(tmp_path, role):
    name = {"name": "custodian_1"} if role is Custodian else {}
    write_private(private_folder(tmp_path / "role") / "token", b"x" * 43)
    with role(tmp_path / "role", "http://127.0.0.1:9", PIN, **name, key_service=Elsewhere()) as first:
        key = first.create_signing_key()
    assert Elsewhere.name.encode() in (tmp_path / "role" / "keyring").read_bytes()
    with role(tmp_path / "role", "http://127.0.0.1:9", PIN, **name, key_service=Elsewhere()) as second:
        assert second.verify_key == key
        second.protect_keyring("a passphrase of its own", Elsewhere())
        assert second.verify_key == key
    with role(tmp_path / "role", "http://127.0.0.1:9", PIN, **name) as third, pytest.raises(KeyServiceRefused):
        third.create_signing_key()
    with role(tmp_path / "role", "http://127.0.0.1:9", PIN, **name, key_service=Elsewhere()) as fourth:
        with pytest.raises(WrongPassphrase):
            fourth.create_signing_key()


@needs_softhsm
def test_the_key_never_leaves_the_token(token):
    import pkcs11

    with token._session(PIN) as session:
        key = token._key(session)
        assert key[pkcs11.Attribute.NEVER_EXTRACTABLE] and key[pkcs11.Attribute.ALWAYS_SENSITIVE]
        with pytest.raises(pkcs11.exceptions.AttributeSensitive):
            key[pkcs11.Attribute.VALUE]
    token.create_key(PIN)
    with token._session(PIN) as session:
        assert len(list(session.get_objects({pkcs11.Attribute.LABEL: token.key_label}))) == 1


@needs_softhsm
def test_tokens_that_are_not_there(token):
    with pytest.raises(KeyServiceRefused, match="No token"):
        Token(MODULE, "another").create_key(PIN)
    with pytest.raises(KeyServiceRefused, match="create_key"):
        Token(MODULE, "course", "another key").wrap(Hidden(bytes(32)), Hidden(PIN))
    with pytest.raises(WrongPassphrase, match="lock"):
        token.create_key("0815")


def test_no_module_behind_the_path():
    pytest.importorskip("pkcs11")
    with pytest.raises(KeyServiceRefused, match="no such module|cannot open"):
        Token("/no such module", "course").wrap(Hidden(bytes(32)), Hidden(PIN))
