"""A server's process that cannot import a secret key's code, whatever a later change asks for.

The import contracts in pyproject.toml say the same of the source; this says it of the running process.
"""

import re
import sys

from he_helpers.errors import HEError

_FORBIDDEN = re.compile(r"he_helpers\.(schemes\.secret|roles|lab)(\..*)?")


class ForbiddenImport(HEError, ImportError):
    """A module of the secret side was asked for in the server's process."""


class _Guard:
    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if is_forbidden(fullname):
            raise ForbiddenImport(
                f"{fullname} holds code for secret keys or for a role, and the server never imports it. "
                "Import what the server needs from he_helpers.schemes.public or he_helpers.tables."
            )


def is_forbidden(module: str) -> bool:
    """Whether the server must not import the module of this full name."""
    return _FORBIDDEN.fullmatch(module) is not None


def install_import_guard() -> None:
    """Refuse forbidden imports from now on, in this process, with ForbiddenImport.

    Raises ForbiddenImport when one was imported before: the guard has to come first.
    """
    early = sorted(name for name in sys.modules if is_forbidden(name))
    if early:
        raise ForbiddenImport(f"Imported before the guard was in place: {', '.join(early)}. Install the guard first.")
    if not any(isinstance(finder, _Guard) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Guard())
