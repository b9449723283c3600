"""Messages between a pool and its workers."""

import socket
import threading
import time

from he_helpers.workers import protocol


def test_who_waits_for_ever_is_not_held_to_an_earlier_deadline():
    """A socket keeps the time-out of what was last sent through it: an idle worker would end when that has passed."""
    here, there = socket.socketpair()
    with here, there:
        protocol.send(there, {"outcome": "ready"}, {}, time.monotonic() + 0.2)
        later = threading.Timer(0.6, protocol.send, [here, {"task": "echo"}, {}, time.monotonic() + 60])
        later.start()
        assert protocol.receive(there, with_files=True) == ({"task": "echo"}, {})
        later.join()
