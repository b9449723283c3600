"""Messages between a pool and its workers, over a pair of sockets: plain data, and no pickle.

A message is a ``head``, which says what it is, and named ``members``, which it is about. Layout: the length of what
follows (8 bytes, little-endian); a msgpack list of head, members, and name and size of every member that is bytes; then
these bytes, one after the other. A member that is an open file travels as a descriptor beside the length.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from typing import Any, BinaryIO

import msgpack

# Everything but bytes and files: names, numbers, a query, a description with its labels.
_LARGEST_PLAIN = 64 * 2**20
_LENGTH_BYTES = 8
_MOST_FILES = 8


class Ended(EOFError):
    """The other side has closed its end, or has died."""


class TooLarge(ValueError):
    """A message that is larger than what was agreed."""


class Garbled(ValueError):
    """What came is no message."""


class Unsendable(TypeError):
    """What was to be sent fits into no message. Nothing was sent, and nothing of it is quoted."""


def send(connection: socket.socket, head: Mapping[str, Any], members: Mapping[str, Any], deadline: float) -> None:
    """Send one message. A member is plain data for msgpack, bytes, or an open file.

    deadline: of time.monotonic(). Raises TimeoutError, Ended, and Unsendable for a member of another type, too many
    files, or too much plain data.
    """
    blobs = {name: memoryview(value) for name, value in members.items() if isinstance(value, (bytes, bytearray))}
    files = {name: _descriptor_of(value) for name, value in members.items() if hasattr(value, "fileno")}
    plain = {name: value for name, value in members.items() if name not in blobs and name not in files}
    sizes = [[name, len(blob)] for name, blob in blobs.items()]
    if len(files) > _MOST_FILES:
        raise Unsendable(f"A message with {len(files)} files; at most {_MOST_FILES} travel.")
    try:
        start = msgpack.packb([dict(head), plain, list(files), sizes], use_bin_type=True)
    except (TypeError, ValueError, OverflowError) as error:
        raise Unsendable(f"msgpack cannot pack a member of this message ({type(error).__name__}).") from None
    if len(start) > _LARGEST_PLAIN:
        raise Unsendable(
            f"A message of {len(start):,} bytes without its bytes members; at most {_LARGEST_PLAIN:,} travel."
        )
    length = len(start).to_bytes(_LENGTH_BYTES, "little")
    try:
        _set_timeout(connection, deadline)
        if files:
            sent = socket.send_fds(connection, [length], list(files.values()))
            length = length[sent:]
        for part in (length, start, *blobs.values()):
            _set_timeout(connection, deadline)
            connection.sendall(part)
    except (BrokenPipeError, ConnectionResetError):
        raise Ended from None


def receive(
    connection: socket.socket, deadline: float | None = None, largest: int | None = None, with_files: bool = False
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Receive one message: head and members.

    deadline: of time.monotonic(); None waits for ever. largest: bytes that all bytes members together may have.
    with_files: take descriptors, which arrive as files open for reading; without it the system drops them.
    Raises TimeoutError, Ended, TooLarge, Garbled.
    """
    descriptors: list[int] = []
    length = b""
    if with_files:
        # The socket still has the time-out of what was last sent through it.
        _set_timeout(connection, deadline)
        length, descriptors, _, _ = socket.recv_fds(connection, _LENGTH_BYTES, _MOST_FILES)
        if not length:
            raise Ended
    length += _receive_bytes(connection, _LENGTH_BYTES - len(length), deadline)
    size = int.from_bytes(length, "little")
    if size > _LARGEST_PLAIN:
        raise TooLarge(f"A message of {size:,} bytes without its bytes members; at most {_LARGEST_PLAIN:,} are taken.")
    head, members, file_names, sizes = _unpacked(_receive_bytes(connection, size, deadline))
    if largest is not None and (total := sum(size for _, size in sizes)) > largest:
        raise TooLarge(f"A message with {total:,} bytes; at most {largest:,} are taken.")
    for name, size in sizes:
        members[name] = _receive_bytes(connection, size, deadline)
    if len(file_names) != len(descriptors):
        raise Garbled(f"A message that names {len(file_names)} files, with {len(descriptors)} descriptors.")
    for name, descriptor in zip(file_names, descriptors, strict=True):
        members[name] = _file_of(descriptor)
    return head, members


def _unpacked(start: bytes) -> tuple[dict[str, Any], dict[str, Any], list[str], list[tuple[str, int]]]:
    """Head, plain members, names of files, name and size of each bytes member. Raises Garbled."""
    try:
        head, members, file_names, sizes = msgpack.unpackb(start, raw=False)
        named_sizes = [(name, size) for name, size in sizes]
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise Garbled(f"What came cannot be unpacked ({type(error).__name__}).") from None
    fits = isinstance(head, dict) and isinstance(members, dict) and isinstance(file_names, list)
    if not fits or not all(isinstance(name, str) for name in (*head, *members, *file_names)):
        raise Garbled("What came has not the parts of a message.")
    if not all(isinstance(name, str) and type(size) is int and size >= 0 for name, size in named_sizes):
        raise Garbled("A message with a size that is none.")
    return head, members, file_names, named_sizes


def _receive_bytes(connection: socket.socket, size: int, deadline: float | None) -> bytes:
    received = bytearray(size)
    view = memoryview(received)
    while view:
        _set_timeout(connection, deadline)
        try:
            count = connection.recv_into(view)
        except ConnectionResetError:
            raise Ended from None
        if not count:
            raise Ended
        view = view[count:]
    return bytes(received)


def _descriptor_of(file: BinaryIO) -> int:
    descriptor = file.fileno()
    # What was written and is still buffered is not behind the descriptor yet.
    file.flush()
    return descriptor


def _file_of(descriptor: int) -> BinaryIO:
    # The position is shared with whoever sent the descriptor, and may stand anywhere.
    os.lseek(descriptor, 0, os.SEEK_SET)
    return os.fdopen(descriptor, "rb")


def _set_timeout(connection: socket.socket, deadline: float | None) -> None:
    """Let the next call wait until the deadline, or for ever. Raises TimeoutError where it has passed."""
    left = None if deadline is None else deadline - time.monotonic()
    if left is not None and left <= 0:
        raise TimeoutError
    connection.settimeout(left)
