"""The errors of the roles. Each says what was wrong, what was expected, what to do; none shows a secret."""

from collections.abc import Mapping
from typing import Any

from he_helpers.errors import HEError


class RoleError(HEError):
    """Base of every error that a role raises about its keys, its contacts, the server or a release."""


class InvalidName(RoleError):
    """A name that cannot name a file, an entry, a contact or a request."""


class WrongKind(RoleError, TypeError):
    """An argument of another kind than the call takes."""


class AlreadyThere(RoleError):
    """Something of that name exists and would have been overwritten."""


class NotThere(RoleError):
    """Nothing of that name exists; the message lists what does, where that is no secret."""


class WrongPassphrase(RoleError):
    """The passphrase is empty, no text, or does not open the keyring."""


class KeyServiceRefused(RoleError):
    """The token or key service that a keyring opens by is another one, is not there, or refuses."""


class DamagedKeyring(RoleError):
    """The keyring file is truncated, altered, of another version or no keyring."""


class DamagedContact(RoleError):
    """A handed-over key that is truncated, altered or of another kind than the role needs."""


class ServerUnreachable(RoleError):
    """Nobody answered at the server's address, or not in time."""


class UnreadableAnswer(RoleError):
    """The server answered something that is not what its interface promises."""


class ServerRefused(RoleError):
    """The server answered with a problem document (RFC 9457).

    ``status`` is the HTTP status, ``type``, ``title`` and ``detail`` are the document's own members, and
    ``extra`` maps its further members, for instance ``extra["known"]``, the names that the server does know.
    """

    def __init__(self, status: int, type: str, title: str, detail: str, extra: Mapping[str, Any] | None = None):
        self.status = status
        self.type = type
        self.title = title
        self.detail = detail
        self.extra = dict(extra or {})
        super().__init__(status, type, title, detail)

    def __str__(self) -> str:
        parts = [f"The server refused ({self.status}, {self.title}).", self.detail]
        for name, value in self.extra.items():
            listed = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            if listed and listed not in self.detail:
                parts.append(f"{name.replace('_', ' ').capitalize()}: {listed}.")
        return " ".join(part for part in parts if part)


class NotForThisKey(RoleError):
    """A sealed result that this analyst's key does not open."""


class ForgedRelease(RoleError):
    """A result that the administrator did not sign."""


class WrongRelease(RoleError):
    """A genuine result, but of another request, dataset, query or recipient."""


class ReviewNotClean(RoleError):
    """A request whose review found something; the message lists the findings."""


class NotReviewed(RoleError):
    """A request of which review() has shown nothing yet, or something else than it would show now."""


class NotAcknowledged(RoleError):
    """A result that would go to somebody else than who asks, without the administrator's word that it shall."""


class DamagedRecord(RoleError):
    """A record of a decision that is truncated, altered or of another version."""


class BudgetSpent(RoleError):
    """A result whose noise would cost more than what is left of the dataset's budget."""


class NotApproved(RoleError):
    """A request that this administrator has not approved, or has refused."""


class RetiredKey(RoleError):
    """A key that is kept for what was encrypted under it, and encrypts nothing more."""
