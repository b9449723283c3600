"""What can go wrong among custodians. Each error that blames somebody has their ``names``."""

from collections.abc import Iterable

from he_helpers.errors import HEError


class QuorumError(HEError, ValueError):
    """Base of the errors of keys in shares."""


class TooFewPartials(QuorumError):
    """Fewer partial decryptions than the threshold."""


class InvalidQuorum(QuorumError):
    """A number of custodians, a threshold or names that cannot be."""


class CeremonyUnfinished(QuorumError):
    """A joint key was asked for before all letters were there."""


class _Blaming(QuorumError):
    def __init__(self, message: str, names: Iterable[str]) -> None:
        super().__init__(message)
        self.names = tuple(names)


class WrongPartial(_Blaming):
    """Partial decryptions that are wrong or cannot all be right, and too few are left without them.

    ``names``: of the custodians who may have sent a wrong one.
    """


class CeremonyFailed(_Blaming):
    """The making of a joint key ended without one. ``names``: of the custodians whose letters do not fit."""
