"""One connection: HTTP/1.1 by h11, and a deadline for everything that somebody else could let last.

A request's head is read first. Whether its body may come at all (token, role, size, content type) is decided from the
head alone; only then is the client that waits for it told to continue, and the body goes to a file as it comes.
"""

import asyncio
import enum
import logging
import socket
import time
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import h11

from he_helpers.server.http.application import ACCOUNT_IN_ENVIRON, BODY_IN_ENVIRON, Allowance
from he_helpers.server.http.bodies import Body, BodyWriter, Budget
from he_helpers.server.http.problems import CONTENT_TYPE, Problem, problem_of_status
from he_helpers.server.http.wsgi import Answer, environ_of

# How much is read or written in one step: what a connection without an account can make the server hold.
_PIECE = 64 * 1024
_LARGEST_HEAD = 16 * 1024
# Each step costs work, however few bytes it brings. A head comes in a few; a body in pieces of this size on average,
# after the first thousand.
_MOST_STEPS_OF_A_HEAD = 100
_FREE_STEPS_OF_A_BODY, _SMALLEST_PIECE = 1000, 256
# What a client still sends after its answer is read and dropped, with a pause after each piece: for so many seconds in
# all, so many without a byte, and so many times the largest body. Closing at once would reset the connection, and the
# client would never see the answer.
_LINGER_SECONDS, _LINGER_PATIENCE, _LINGER_BODIES, _LINGER_PAUSE = 30, 5, 8, 0.004

_log = logging.getLogger("he_helpers.server")


@dataclass(frozen=True)
class Limits:
    """What a server takes on. Sizes in bytes, times in seconds.

    A body or an answer has ``grace_seconds`` and a second more for each ``slowest_rate`` bytes that have passed;
    ``buffered`` is for all bodies and answers that are under way together, ``buffered_of_one`` for those of one
    account, or of one address that shows none. Several people may share an address, so that it may send more bodies at
    a time than an account. An account with more than ``answers_of_one_account`` under way may lose connections to
    others.
    """

    largest_body: int
    buffered: int
    buffered_of_one: int
    connections: int = 256
    waiting: int = 64
    bodies_of_one_account: int = 4
    bodies_of_one_address: int = 64
    answers_of_one_account: int = 4
    head_seconds: float = 10
    idle_seconds: float = 60
    grace_seconds: float = 20
    slowest_rate: int = 64 * 1024

    @classmethod
    def of_bodies(cls, largest_body: int) -> "Limits":
        """The limits of a server that takes bodies of up to ``largest_body`` bytes."""
        buffered = 8 * largest_body + 64 * 2**20
        return cls(largest_body=largest_body, buffered=buffered, buffered_of_one=buffered // 2)


class Stage(enum.IntEnum):
    """What a connection is doing, in the order in which connections are closed to make room for others."""

    LINGER = 0
    HEAD = 1
    BODY = 2
    ANSWER = 3
    WORK = 4


@dataclass(frozen=True)
class Sender:
    """Who sent a request: the ``account``, where the request has shown to be of one, and the ``address``."""

    address: str
    account: str | None = None

    @property
    def holder(self) -> str:
        """What limits are counted for; no account has a name with a space."""
        return f"address {self.address}" if self.account is None else self.account


class Host(Protocol):
    """What a connection needs of the server that accepted it; see `serving.Server`."""

    limits: Limits
    budget: Budget
    folder: Path | None
    effective_host: str
    effective_port: int

    async def allowance(self, environ: dict[str, Any]) -> Allowance: ...

    async def answer(self, environ: dict[str, Any]) -> Answer: ...

    def turn(self, sender: Sender, size: int) -> AbstractAsyncContextManager[None]: ...

    def body_of(self, sender: Sender) -> AbstractContextManager[None]: ...

    def answer_to(self, sender: Sender) -> AbstractContextManager[None]: ...


class Connection:
    """A connection to one client."""

    def __init__(self, server: Host, accepted: socket.socket, address: str) -> None:
        self._server, self._socket = server, accepted
        self._loop = asyncio.get_running_loop()
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_LARGEST_HEAD)
        self._is_first = True
        self._stranger = self.sender = Sender(address)
        self._enter(Stage.HEAD)

    def _enter(self, stage: Stage) -> None:
        self.stage, self.since = stage, time.monotonic()

    async def converse(self) -> None:
        """Answer requests until either side has enough."""
        try:
            while await self._exchange():
                self._http.start_next_cycle()
                self._enter(Stage.HEAD)
        except (OSError, TimeoutError):
            pass  # The client has gone, or is as good as gone.
        finally:
            self._socket.close()

    async def turn_away(self) -> None:
        """Say that there is no room."""
        try:
            await self._send(self._refusal(Problem("busy", "All connections are taken. Try again in a few seconds.")))
        except (OSError, TimeoutError):
            pass
        finally:
            self._socket.close()

    async def _exchange(self) -> bool:
        """Read a request and answer it; whether another one may follow."""
        request, self.sender = None, self._stranger
        try:
            request = await self._read_head()
            if request is None:
                return False
            answer = await self._answer(request)
        except Problem as problem:
            answer = self._refusal(problem, request)
        await self._send(answer, request)
        if self._http.our_state is self._http.their_state is h11.DONE:
            return True
        if self._http.their_state not in (h11.DONE, h11.MUST_CLOSE, h11.CLOSED):
            await self._linger()
        return False

    async def _read_head(self) -> h11.Request | None:
        """The head of the next request; None where none comes. Raises Problem."""
        has_begun = bool(self._http.trailing_data[0])
        limits = self._server.limits
        deadline = self._loop.time() + (limits.head_seconds if self._is_first or has_begun else limits.idle_seconds)
        for _ in range(_MOST_STEPS_OF_A_HEAD):
            event = self._next_event()
            if isinstance(event, h11.Request):
                self._is_first = False
                return event
            if isinstance(event, h11.ConnectionClosed):
                return None
            try:
                data = await self._receive(deadline)
            except TimeoutError:
                if not has_begun:
                    return None
                raise _too_slow(f"Send the head of a request within {limits.head_seconds:g} seconds.") from None
            if not has_begun:
                has_begun = True
                deadline = min(deadline, self._loop.time() + limits.head_seconds)
            self._http.receive_data(data)
        raise _too_slow("Send the head of a request at once, not byte by byte.")

    async def _answer(self, request: h11.Request) -> Answer:
        """The application's answer. Raises Problem."""
        names = [name for name, _ in request.headers]
        if b"transfer-encoding" in names and b"content-length" in names:
            raise Problem("bad-request", "Send either Content-Length or Transfer-Encoding, not both.")
        environ = environ_of(request, self._server.effective_host, self._server.effective_port, self.sender.address)
        if b"transfer-encoding" not in names and environ.get("CONTENT_LENGTH", "0") == "0":
            self._next_event()
            return await self._call(environ)
        allowance = await self._server.allowance(environ)
        if not allowance.largest:
            return await self._call(environ)
        self.sender = Sender(self.sender.address, allowance.account)
        with (
            self._server.body_of(self.sender),
            BodyWriter(allowance.largest, self._server.folder, self._server.budget, self.sender.holder) as writer,
        ):
            body = environ[BODY_IN_ENVIRON] = await self._read_body(writer)
            self._enter(Stage.WORK)
            async with self._server.turn(self.sender, body.size):
                return await self._call(environ)

    async def _read_body(self, writer: BodyWriter) -> Body:
        """The body, when all of it has come. Raises Problem."""
        self._enter(Stage.BODY)
        limits, begin, size, steps = self._server.limits, self._loop.time(), 0, 0
        while True:
            event = self._next_event()
            if isinstance(event, h11.EndOfMessage):
                return writer.finish()
            if event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    await self._write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])))
                try:
                    data = await self._receive(begin + limits.grace_seconds + size / limits.slowest_rate)
                except TimeoutError:
                    raise _too_slow(
                        f"A body has {limits.grace_seconds:g} seconds, and one more for each {limits.slowest_rate:,} "
                        "bytes. Send it over a faster line, or less at a time."
                    ) from None
                self._http.receive_data(data)
                continue
            writer.write(event.data)
            size, steps = size + len(event.data), steps + 1
            if steps > _FREE_STEPS_OF_A_BODY + size // _SMALLEST_PIECE:
                raise Problem(
                    "bad-request", f"This body comes in tiny pieces. Send chunks of at least {_SMALLEST_PIECE} bytes."
                )
            if steps % 64 == 0:
                await asyncio.sleep(0)  # Many small chunks may have come at once, and others wait.

    def _next_event(self) -> Any:
        """What h11 makes of the bytes so far. Raises Problem."""
        try:
            return self._http.next_event()
        except h11.RemoteProtocolError as error:
            detail = {
                431: f"The head of a request, or of a chunk, has at most {_LARGEST_HEAD:,} bytes here.",
                501: "Only the transfer encoding 'chunked' is known here.",
            }.get(error.error_status_hint, "This is not a well-formed HTTP request.")
            raise problem_of_status(error.error_status_hint, detail) from None

    async def _call(self, environ: dict[str, Any]) -> Answer:
        self._enter(Stage.WORK)
        answer = await self._server.answer(environ)
        self.sender = Sender(self.sender.address, environ.get(ACCOUNT_IN_ENVIRON))
        return answer

    def _refusal(self, problem: Problem, request: h11.Request | None = None) -> Answer:
        """The answer to what never gets to the application."""
        method, target = (request.method, request.target) if request else (b"-", b"-")
        _log.info("%s %s %s", quote(method)[:20], quote(target.partition(b"?")[0])[:200], problem.status)
        return Answer(problem.status, [(b"Content-Type", CONTENT_TYPE.encode())], [problem.to_bytes()])

    async def _send(self, answer: Answer, request: h11.Request | None = None) -> None:
        self._enter(Stage.ANSWER)
        size, holder = answer.size, self.sender.holder
        try:
            self._server.budget.take(size, size, holder)
        except Problem as problem:
            answer, size = self._refusal(problem, request), 0
        try:
            headers = [*answer.headers, (b"Date", _date(int(time.time())))]
            if self._http.their_state is not h11.DONE:
                headers.append((b"Connection", b"close"))
            if not any(name.lower() == b"content-length" for name, _ in headers) and answer.status != 204:
                headers.append((b"Content-Length", str(answer.size).encode()))
            parts = [self._http.send(h11.Response(status_code=answer.status, headers=headers))]
            if request is None or request.method != b"HEAD":
                for part in answer.parts:
                    parts += self._http.send_with_data_passthrough(h11.Data(data=part)) or []
            parts.append(self._http.send(h11.EndOfMessage()))
            with self._server.answer_to(self.sender):
                await self._write(*parts)
        finally:
            self._server.budget.give_back(size, holder)

    async def _write(self, *parts: bytes) -> None:
        """Send ``parts``. Raises TimeoutError when the client takes them too slowly."""
        limits, begin, sent = self._server.limits, self._loop.time(), 0
        if sum(map(len, parts)) <= _PIECE:
            parts = (b"".join(parts),)
        for part in parts:
            view = memoryview(part)
            for start in range(0, len(view), _PIECE):
                piece = view[start : start + _PIECE]
                async with asyncio.timeout_at(begin + limits.grace_seconds + sent / limits.slowest_rate):
                    await self._loop.sock_sendall(self._socket, piece)
                sent += len(piece)

    async def _receive(self, deadline: float) -> bytes:
        async with asyncio.timeout_at(deadline):
            return await self._loop.sock_recv(self._socket, _PIECE)

    async def _linger(self) -> None:
        """Read and drop what the client still sends, within bounds, after it was answered."""
        self._enter(Stage.LINGER)
        self._socket.shutdown(socket.SHUT_WR)
        end = self._loop.time() + _LINGER_SECONDS
        left = _LINGER_BODIES * self._server.limits.largest_body
        while left > 0:
            dropped = await self._receive(min(end, self._loop.time() + _LINGER_PATIENCE))
            if not dropped:
                return
            left -= len(dropped)
            # Nothing depends on this, so it leaves time to others.
            await asyncio.sleep(_LINGER_PAUSE)


@lru_cache(1)
def _date(second: int) -> bytes:
    """The time of an answer; all answers of a second have the same."""
    return formatdate(second, usegmt=True).encode()


def _too_slow(remedy: str) -> Problem:
    return Problem("request-timeout", f"The request came too slowly, and was given up. {remedy}")
