"""Messages of Protocol Buffers as lists of fields, to be changed and put together again without their description.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

VARINT, FIXED_64, LENGTH_DELIMITED, FIXED_32 = 0, 1, 2, 5
_FIXED = {FIXED_64: 8, FIXED_32: 4}


class NoMessage(ValueError):
    """Bytes that are no message."""


@dataclass(frozen=True)
class Field:
    """``value`` is an int for VARINT, else bytes. ``length`` is what is written as the length; None: the true one."""

    number: int
    wire_type: int
    value: int | bytes
    length: int | None = None

    def to_bytes(self) -> bytes:
        tag = varint(self.number << 3 | self.wire_type)
        if isinstance(self.value, int):
            return tag + varint(self.value)
        if self.wire_type in _FIXED:
            return tag + self.value
        return tag + varint(len(self.value) if self.length is None else self.length) + self.value


def varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    digits = bytearray()
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    return bytes([*digits, number])


def read_message(data: bytes) -> list[Field]:
    """The fields of a message. Raises NoMessage."""
    fields, position = [], 0
    while position < len(data):
        tag, position = _read_varint(data, position)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == VARINT:
            value, position = _read_varint(data, position)
        else:
            if wire_type == LENGTH_DELIMITED:
                size, position = _read_varint(data, position)
            elif wire_type in _FIXED:
                size = _FIXED[wire_type]
            else:
                raise NoMessage
            value, position = data[position : position + size], position + size
        if not number or position > len(data):
            raise NoMessage
        fields.append(Field(number, wire_type, value))
    return fields


def write_message(fields: list[Field]) -> bytes:
    """The inverse of read_message."""
    return b"".join(field.to_bytes() for field in fields)


def change_message(data: bytes, random: Random) -> bytes:
    """A message with one field dropped, doubled, moved, renumbered, of another type, value or length; or, one level
    down, the same of a message within it. Bytes that are no message come back as they are."""
    try:
        fields = read_message(data)
    except NoMessage:
        return data
    if not fields:
        return data
    index = random.randrange(len(fields))
    field = fields[index]
    if field.wire_type == LENGTH_DELIMITED and random.random() < 0.4:
        inner = change_message(field.value, random)
        if inner != field.value:
            fields[index] = replace(field, value=inner)
            return write_message(fields)
    match random.randrange(8):
        case 0:
            del fields[index]
        case 1:
            fields.insert(index, field)
        case 2:
            fields.insert(random.randrange(len(fields)), fields.pop(index))
        case 3:
            fields[index] = replace(field, number=random.choice([1, 2, 3, 4, 5, 15, 2**28]))
        case 4:
            fields[index] = Field(field.number, VARINT, random.choice([0, 1, 4096, 2**31, 2**63, 2**64 - 1]))
        case 5:
            value = b"" if random.random() < 0.5 else random.randbytes(random.choice([1, 8, 100]))
            fields[index] = Field(field.number, LENGTH_DELIMITED, value)
        case 6 if field.wire_type == LENGTH_DELIMITED:
            size = len(field.value)
            fields[index] = replace(field, length=random.choice([0, 1, size - 1, size + 1, 2 * size, 2**31, 2**63]))
        case 6:
            fields[index] = Field(field.number, FIXED_64, random.choice([bytes(8), b"\xff" * 8, random.randbytes(8)]))
        case 7:
            # What TenSEAL calls sizes is a packed list of numbers.
            numbers = [random.choice([0, 1, 2, 4096, 8192, 2**31, 2**63]) for _ in range(random.choice([1, 2, 50]))]
            fields[index] = Field(field.number, LENGTH_DELIMITED, b"".join(map(varint, numbers)))
    return write_message(fields)


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if position >= len(data) or shift > 63:
            raise NoMessage
        byte = data[position]
        position += 1
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return number, position
