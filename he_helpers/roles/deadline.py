"""A moment at which an exchange with the server ends, whatever the server does.

httpx's timeouts begin anew with each byte, so a server that sends one byte a minute is waited for without end: in the
status line, in the headers, in the length of a chunk, where no code of ours runs between two bytes. So a timer closes
the connection under httpx.
"""

import socket
import threading
import time
from typing import Any


class Deadline:
    """Ends after ``seconds``; as a context manager it runs while its block does.

    ``trace`` goes into a request's extensions (httpx: extensions={"trace": deadline.trace}): through it the deadline
    learns which socket to shut down. What then raises in httpx is to be read in the light of ``expired``.
    """

    def __init__(self, seconds: float):
        self.seconds = seconds
        self._ends = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._shut_down)
        self._timer.daemon = True

    @property
    def expired(self) -> bool:
        return time.monotonic() >= self._ends

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Note the socket of each new connection. Called by httpx."""
        # A TLS connection replaces the socket that it was made from.
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            with self._lock:
                self._socket = info["return_value"].get_extra_info("socket")
            if self.expired:
                self._shut_down()

    def __enter__(self) -> "Deadline":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _shut_down(self) -> None:
        with self._lock:
            if self._socket is not None:
                try:
                    self._socket.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # closed by the other side, or after the answer
