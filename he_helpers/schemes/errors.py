"""The errors of encryption and of encrypted tables. Each message says what was wrong, what was expected, what to do."""


class HEError(ValueError):
    """Base of every error that this package raises about keys, ciphertexts and encrypted tables."""


class UnsupportedOperation(HEError):
    """The scheme, its parameters or its keys do not offer this operation."""


class KeyMismatch(HEError):
    """Two objects that must belong to one key pair belong to different ones."""


class DamagedBytes(HEError):
    """Bytes that are empty, truncated, altered, of another kind or of another version."""


class ValueOutOfRange(HEError):
    """A value (or the sum that it may become part of) that would not survive encryption unchanged."""


class ShapeMismatch(HEError):
    """Vectors of different lengths, an empty one, or one that is longer than the slots."""


class DepthExhausted(HEError):
    """The noise budget or the levels do not suffice for one more operation."""


class SecretKeyFound(HEError):
    """Bytes that claim to be public contain a secret key."""
