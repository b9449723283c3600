"""waitress, set up so that a body never touches a disk and every error is a problem document."""

import logging
from urllib.parse import quote

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.receiver import ChunkedReceiver
from waitress.server import create_server
from waitress.task import ErrorTask
from waitress.utilities import RequestEntityTooLarge

from he_helpers.server.problems import CONTENT_TYPE, problem_of_status

_THREADS = 4
# How much of a refused body is read and dropped, in multiples of the limit, before the connection is closed
# on it.
_DRAINED_LIMITS = 8

_log = logging.getLogger("he_helpers.server")


def listen(app, host: str, port: int, largest_body: int):
    """A waitress server that listens on ``host`` and ``port`` (0: any free one); call its run() to serve.

    Raises OSError when the address is taken or not to be had.
    """
    server = create_server(
        app,
        host=host,
        port=port,
        threads=_THREADS,
        ident=None,
        # waitress refuses from this many bytes on.
        max_request_body_size=largest_body + 1,
        # A buffer that overflows goes to a temporary file, where a refused secret key could outlive its
        # refusal.
        inbuf_overflow=2 * largest_body + 2**20,
        outbuf_overflow=2 * largest_body + 2**20,
    )
    server.channel_class = _Channel
    return server


class _DroppedBytes:
    """Stands for the buffer of a body that nobody will read."""

    def __len__(self) -> int:
        return 0

    def append(self, data: bytes) -> None:
        pass

    def close(self) -> None:
        pass


class _DrainingParser(HTTPRequestParser):
    """Reads a body that is too large to its end, keeping nothing, before it is refused.

    A server that answers and closes while the client is still sending resets the connection, and the client
    never sees the answer.
    """

    _drained = 0
    _dropped: ChunkedReceiver | None = None

    def received(self, data: bytes) -> int:
        if self._is_too_large():
            return self._drain(data)
        consumed = super().received(data)
        if self._is_too_large():
            if self.expect_continue:
                # The client waits for leave to send its body, and the answer is that it may not.
                self.expect_continue = False
            else:
                self._start_draining()
        return consumed

    def _is_too_large(self) -> bool:
        return isinstance(self.error, RequestEntityTooLarge)

    def _start_draining(self) -> None:
        if not self.chunked:
            self.completed = False
        elif not self.body_rcv.completed:
            self._dropped = self.body_rcv
            self._dropped.buf.close()
            self._dropped.buf = _DroppedBytes()
            self.completed = False

    def _drain(self, data: bytes) -> int:
        if self.completed:
            return 0
        if self._dropped is None:
            consumed = len(data)
            ended = self._drained + consumed >= self.content_length
        else:
            consumed = self._dropped.received(data)
            ended = self._dropped.completed or self._dropped.error is not None
        self._drained += consumed
        self.completed = ended or self._drained > _DRAINED_LIMITS * self.adj.max_request_body_size
        return consumed


class _ProblemTask(ErrorTask):
    def execute(self) -> None:
        error = self.request.error
        detail = {
            400: "This is not a well-formed HTTP request.",
            413: f"A body here has at most {self.channel.adj.max_request_body_size - 1:,} bytes.",
            431: "The headers of this request are too large.",
            501: "Only the transfer encoding 'chunked' is known here.",
        }.get(error.code, "The server could not finish this step. Try again.")
        problem = problem_of_status(error.code, detail)
        body = problem.to_bytes()
        method, path = getattr(self.request, "command", "-"), getattr(self.request, "path", "-")
        _log.info("%s %s %s", quote(str(method))[:20], quote(path)[:200], problem.status)
        self.status = f"{problem.status} {error.reason}"
        self.response_headers.append(("Content-Type", CONTENT_TYPE))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):
    parser_class = _DrainingParser
    error_task_class = _ProblemTask
