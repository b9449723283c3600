"""Messages as typed records: declared once, written as msgpack arrays of their fields, read in full or not at all.

A wrong type, a missing field or one too many, and a number outside a bound that its declaration has, is DamagedBytes
before anything else looks at the message. What depends on other fields is for whoever reads the record to check.

msgspec takes an integer for a field that is declared as a float alone, so none is; and a map with the same key twice,
of which the last counts.
"""

import re
from functools import cache
from typing import Annotated, ClassVar, TypeVar

import msgspec

from he_helpers.schemes.envelope import open_envelope, seal_envelope
from he_helpers.schemes.errors import DamagedBytes

Fingerprint = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]


class Record(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Part of a message. Its fields are written in their order; the same fields give the same bytes.

    A subclass says frozen=True again: for type checkers it is not inherited.
    """


class Message(Record, frozen=True):
    """A record that has an envelope of its own, of its ``kind``."""

    kind: ClassVar[str]


_Message = TypeVar("_Message", bound=Message)


def seal_message(message: Message) -> bytes:
    """The message in its envelope."""
    return seal_envelope(message.kind, msgspec.msgpack.encode(message))


def open_message(data: bytes, message_class: type[_Message]) -> _Message:
    """Read a message from its envelope. A field that is a memoryview is a view of ``data`` where that is bytes.

    Raises DamagedBytes, naming the field that is wrong; and what open_envelope raises.
    """
    body = open_envelope(data, message_class.kind)
    try:
        return msgspec.msgpack.decode(body, type=message_class)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `")
        raise DamagedBytes(
            f"The fields of this {message_class.kind} do not fit: {_field(path, message_class)}"
            f"{reason}. Make it again with this version of he_helpers."
        ) from None
    except (ValueError, RecursionError) as error:
        raise DamagedBytes(
            f"The content of this {message_class.kind} is no msgpack data ({type(error).__name__})."
        ) from None


@cache
def _declaration(message_class: type[Message]) -> msgspec.inspect.Type:
    """What msgspec knows of the fields. To gather it takes many times as long as to read a message."""
    return msgspec.inspect.type_info(message_class)


def _field(path: str, message_class: type[Message]) -> str:
    """The name of the field at msgspec's ``path``, which counts positions; "" for the message itself.

    In a table ``$[2][0][2]`` is "ciphertexts[0].length: ".
    """
    info = _declaration(message_class)
    place = ""
    for position in re.findall(r"\[(\d+|\.\.\.)\]", path):
        if isinstance(info, msgspec.inspect.UnionType):
            info = next((one for one in info.types if hasattr(one, "item_type")), info)
        if isinstance(info, msgspec.inspect.StructType):
            field = info.fields[int(position)]
            place, info = f"{place}.{field.name}", field.type
        else:
            place = f"{place}[{position}]"
            info = getattr(info, "value_type", getattr(info, "item_type", info))
    return f"{place.removeprefix('.')}: " if place else ""
