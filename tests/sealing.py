"""Envelopes opened to bare fields and sealed again, whatever the fields are: what a forger does."""

from typing import Any

import msgspec

from he_helpers.schemes.envelope import open_envelope, seal_envelope


def open_fields(data: bytes, kind: str) -> Any:
    """The fields in an envelope, as nested lists and maps, without a look at their types."""
    return msgspec.msgpack.decode(open_envelope(data, kind))


def seal_fields(kind: str, fields: Any) -> bytes:
    """The fields in an envelope with the right digest."""
    return seal_envelope(kind, msgspec.msgpack.encode(fields))
