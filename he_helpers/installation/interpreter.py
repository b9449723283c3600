"""Which Python interpreters the lock is made for."""

from __future__ import annotations

import sys

from he_helpers.installation.errors import InstallationError

OLDEST = (3, 11)
NEWEST = (3, 13)


def require_supported_python(version: tuple[int, ...] = sys.version_info[:2]) -> None:
    """Raise InstallationError unless `version` (major, minor, ...) lies within OLDEST and NEWEST.

    This file keeps to old syntax, so that an old interpreter gets as far as the message.
    """
    if not OLDEST <= version[:2] <= NEWEST:
        raise InstallationError(
            f"{sys.executable} is Python {version[0]}.{version[1]}, and Python 3.11 to 3.13 is needed.\n"
            "Name one in a fresh environment: make clean, then make PYTHON=python3.12 lab"
        )
