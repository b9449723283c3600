"""A token: a smart card, a security module or a program that acts as one (SoftHSM), reached by PKCS#11.

The key that wraps is AES with 256 bits, made in the token, sensitive and not extractable: the token uses it and never
gives it out. It wraps by AES-GCM. Its PIN is the passphrase of the keyring.
https://docs.oasis-open.org/pkcs11/pkcs11-spec/v3.1/pkcs11-spec-v3.1.html
"""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from he_helpers.roles.errors import KeyServiceRefused, WrongPassphrase
from he_helpers.roles.keys.hidden import Hidden
from he_helpers.roles.keys.service import KeyService

_NONCE_BYTES = 12
_PURPOSE = b"he_helpers keyring"
# A process is logged in to a token once, with all of its threads.
_logged_in = threading.Lock()


class Token(KeyService):
    """The token called ``label`` behind a PKCS#11 ``module``, the library file of its maker.

    ``key_label`` names the key in the token; create_key() makes it, once. Needs python-pkcs11: ``python -m
    he_helpers.installation hardware``.
    """

    def __init__(self, module: Path | str, label: str, key_label: str = "he_helpers keyring") -> None:
        self.module = str(module)
        self.label = label
        self.key_label = key_label
        self.name = f"pkcs11:token={label};object={key_label}"

    def __repr__(self) -> str:
        return f"Token({self.label!r}, {self.key_label!r})"

    def create_key(self, pin: str | Hidden[str]) -> None:
        """Make the key in the token, unless there is one of this name. Raises WrongPassphrase, KeyServiceRefused."""
        from pkcs11 import Attribute, KeyType, ObjectClass

        with self._session(pin, writable=True) as session:
            search = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: self.key_label}
            if not list(session.get_objects(search)):
                session.generate_key(
                    KeyType.AES,
                    256,
                    label=self.key_label,
                    store=True,
                    template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
                )

    def wrap(self, key: Hidden[bytes], passphrase: Hidden[str]) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        with self._session(passphrase) as session:
            return nonce + self._key(session).encrypt(key.reveal(), **_gcm(nonce))

    def unwrap(self, wrapped: bytes, passphrase: Hidden[str]) -> Hidden[bytes]:
        nonce, content = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
        with self._session(passphrase) as session:
            return Hidden(self._key(session).decrypt(content, **_gcm(nonce)))

    def _key(self, session: Any) -> Any:
        from pkcs11 import ObjectClass

        return session.get_key(label=self.key_label, object_class=ObjectClass.SECRET_KEY)

    @contextmanager
    def _session(self, pin: str | Hidden[str], writable: bool = False) -> Iterator[Any]:
        """A session that is logged in. What the token refuses becomes an error of the roles."""
        try:
            import pkcs11
        except ImportError:
            raise KeyServiceRefused(
                "A token needs python-pkcs11, which is not installed: python -m he_helpers.installation hardware"
            ) from None
        pin = pin if isinstance(pin, Hidden) else Hidden(pin)
        try:
            with _logged_in:
                token = pkcs11.lib(self.module).get_token(token_label=self.label)
                with token.open(user_pin=pin.reveal(), rw=writable) as session:
                    yield session
        except (pkcs11.exceptions.PinIncorrect, pkcs11.exceptions.PinLenRange, pkcs11.exceptions.PinInvalid):
            raise WrongPassphrase(
                f"The token {self.label!r} refuses this PIN. Most tokens lock after a few wrong ones."
            ) from None
        except (pkcs11.exceptions.NoSuchToken, pkcs11.exceptions.TokenNotPresent):
            raise KeyServiceRefused(f"No token {self.label!r} is there. Connect it, and try again.") from None
        except pkcs11.exceptions.NoSuchKey:
            raise KeyServiceRefused(
                f"The token {self.label!r} has no key {self.key_label!r}: create_key() makes one. A keyring that was "
                "written under another key needs that one."
            ) from None
        except pkcs11.exceptions.PKCS11Error as error:
            raise KeyServiceRefused(
                f"The token {self.label!r} refuses ({type(error).__name__} {error}). A wrapped key that was altered is "
                f"refused, too; the module is {self.module}."
            ) from None


def _gcm(nonce: bytes) -> dict[str, Any]:
    from pkcs11 import GCMParams, Mechanism

    return {"mechanism": Mechanism.AES_GCM, "mechanism_param": GCMParams(nonce, _PURPOSE, 128)}
