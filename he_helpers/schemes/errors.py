"""The errors of encryption and of encrypted tables. Each message says what was wrong, what was expected, what to do."""

from he_helpers.errors import HEError


class UnsupportedOperation(HEError, ValueError):
    """The scheme, its parameters or its keys do not offer this operation."""


class KeyMismatch(HEError, ValueError):
    """Two objects that must belong to one key pair belong to different ones."""


class DamagedBytes(HEError, ValueError):
    """Bytes that are empty, truncated, altered, of another kind or of another version."""


class ValueOutOfRange(HEError, ValueError):
    """A value (or the sum that it may become part of) that would not survive encryption unchanged."""


class ShapeMismatch(HEError, ValueError):
    """Vectors of different lengths, an empty one, or one that is longer than the slots."""


class DepthExhausted(HEError, ValueError):
    """The noise budget or the levels do not suffice for one more operation."""


class WrongKind(HEError, TypeError):
    """An object of another kind than the call needs, such as a whole key pair in place of one of its halves."""


class SecretKeyFound(HEError, ValueError):
    """Bytes that claim to be public contain a secret key."""
