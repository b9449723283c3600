"""Messages between a pool and its workers, also where the other side is slow or has gone."""

import socket
import threading
import time

import pytest

from he_helpers.workers import protocol


@pytest.fixture
def ends():
    """Both ends of a connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def soon():
    return time.monotonic() + 5


def test_a_time_that_has_passed_is_a_time_out(ends):
    ours, theirs = ends
    with pytest.raises(TimeoutError):
        protocol.send(ours, {}, {"content": b"x"}, time.monotonic() - 1)
    protocol.send(theirs, {}, {}, soon())
    with pytest.raises(TimeoutError):
        protocol.receive(ours, time.monotonic() - 1)


def test_an_end_with_a_message_unread_is_an_end(ends):
    """The system then tells of a reset connection, and not of its end."""
    ours, theirs = ends
    protocol.send(ours, {}, {"content": b"x"}, soon())
    theirs.close()
    with pytest.raises(protocol.Ended):
        protocol.receive(ours, soon())
    with pytest.raises(protocol.Ended):
        protocol.send(ours, {}, {}, soon())


def test_an_end_in_the_middle_of_a_message_is_an_end(ends):
    ours, theirs = ends
    theirs.sendall((1000).to_bytes(8, "little") + b"x" * 10)
    theirs.close()
    with pytest.raises(protocol.Ended):
        protocol.receive(ours, soon())


def test_who_waits_for_ever_is_not_held_to_an_earlier_deadline():
    """A socket keeps the time-out of what was last sent through it: an idle worker would end when that has passed."""
    here, there = socket.socketpair()
    with here, there:
        protocol.send(there, {"outcome": "ready"}, {}, time.monotonic() + 0.2)
        later = threading.Timer(0.6, protocol.send, [here, {"task": "echo"}, {}, time.monotonic() + 60])
        later.start()
        assert protocol.receive(there, with_files=True) == ({"task": "echo"}, {})
        later.join()
