"""The server's sockets: who is listened to, how many at a time, and which threads do the work.

HTTP itself is spoken by h11, one coroutine a connection (see ``connection``). The application, plain WSGI, is called
in a thread when a request is there whole.
"""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from flask import Flask

from he_helpers.server.http.application import Allowance, body_allowance
from he_helpers.server.http.bodies import IN_MEMORY, Budget
from he_helpers.server.http.connection import Connection, Limits, Sender, Stage
from he_helpers.server.http.problems import Problem
from he_helpers.server.http.wsgi import Answer, call

_Answer = TypeVar("_Answer")

# Whoever waits for a worker to read or compute does so in a thread, up to a minute long. What only reads the store has
# threads of its own, so that it never waits behind them; and of the others an account cannot take all (see WorkerPool).
_THREADS_FOR_READING, _THREADS_FOR_THE_REST = 8, 16
# How many bodies above 64 kB are worked on at a time, in all and of one account or address.
_LARGE_BODIES, _LARGE_BODIES_OF_ONE = 2, 1
# Whether a body may be sent is decided by threads of its own, so that work under way does not hold the decision up.
_THREADS_FOR_ADMISSION = 2
# How long steps that are under way get to finish when the server ends.
_SECONDS_TO_FINISH = 10
_BACKLOG = 1024


class _Threads:
    """Threads for one kind of work, for which at most ``waiting`` requests wait or are worked on."""

    def __init__(self, count: int, name: str, waiting: int) -> None:
        self._executor = ThreadPoolExecutor(count, name)
        self._waiting = waiting
        self._requests = 0

    async def run(self, step: Callable[..., _Answer], *arguments: Any) -> _Answer:
        """The answer of ``step``. Raises Problem (busy)."""
        if self._requests >= self._waiting:
            raise Problem("busy", "Too many requests wait for an answer. Nothing was done. Try again in a few seconds.")
        self._requests += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, step, *arguments)
        finally:
            self._requests -= 1

    def close(self) -> None:
        """Begin nothing more, and wait for nothing."""
        self._executor.shutdown(wait=False, cancel_futures=True)


class Server:
    """Listens on ``host`` and ``port`` (0: any free one) from the start; call run() to serve ``app``.

    Bodies above 64 kB are buffered in unlinked files in ``folder`` (None: the system's folder of temporary files).
    Turns and limits are those of accounts, and of addresses where ``app`` knows no accounts. Behind a proxy everybody
    has the proxy's address: there, the proxy has to share turns between people.
    Raises OSError when the address is taken or not to be had.
    """

    def __init__(self, app: Flask, host: str, port: int, limits: Limits, folder: Path | None = None) -> None:
        self.app, self.limits, self.folder = app, limits, folder
        self.budget = Budget(limits.buffered, limits.buffered_of_one)
        self._listener = _listening_socket(host, port)
        self.effective_host, self.effective_port = self._listener.getsockname()[:2]
        self._connections: dict[Connection, asyncio.Task] = {}
        self._turned_away: set[asyncio.Task] = set()
        self._bodies_of: Counter[str] = Counter()
        self._answers_to: Counter[str] = Counter()
        self._stop = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self) -> None:
        """Serve until `stop` is called, then let what is under way finish."""
        asyncio.run(self._serve())

    def stop(self) -> None:
        """End run(); from any thread, or from a signal's handler."""
        self._stop.set()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake.set)

    def close(self) -> None:
        """Give the address back."""
        self._listener.close()

    async def _serve(self) -> None:
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._reading = _Threads(_THREADS_FOR_READING, "reading", self.limits.waiting)
        self._rest = _Threads(_THREADS_FOR_THE_REST, "rest", self.limits.waiting)
        self._turns = asyncio.Semaphore(_LARGE_BODIES)
        # As long as somebody waits for them or holds them: there are many addresses.
        self._turns_of: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._admission = _Threads(_THREADS_FOR_ADMISSION, "admission", self.limits.waiting)
        accepting = asyncio.create_task(self._accept())
        if not self._stop.is_set():
            await self._wake.wait()
        accepting.cancel()
        for connection, task in list(self._connections.items()):
            if connection.stage in (Stage.HEAD, Stage.LINGER):
                task.cancel()
        if self._connections:
            _, late = await asyncio.wait(self._connections.values(), timeout=_SECONDS_TO_FINISH)
            for task in late:
                task.cancel()
        for threads in (self._reading, self._rest, self._admission):
            threads.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, address = await loop.sock_accept(self._listener)
            except OSError:
                # Whoever connected has gone again, or there is no descriptor left for the moment.
                await asyncio.sleep(0.05)
                continue
            accepted.setblocking(False)
            try:
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                # On some systems, where whoever connected has gone again.
                accepted.close()
                continue
            connection = Connection(self, accepted, address[0])
            if len(self._connections) < self.limits.connections or self._make_room():
                task = self._connections[connection] = asyncio.create_task(connection.converse())
                task.add_done_callback(partial(self._forget, connection))
            elif len(self._turned_away) < self.limits.waiting:
                task = asyncio.create_task(connection.turn_away())
                self._turned_away.add(task)
                task.add_done_callback(self._turned_away.discard)
            else:
                accepted.close()

    def _forget(self, connection: Connection, _: asyncio.Task) -> None:
        self._connections.pop(connection, None)

    def _make_room(self) -> bool:
        """Close the connection that deserves its place least; False where all have a right to theirs.

        An honest request is complete within milliseconds, so that what waits longest is least likely to be one. Of
        those who do not fetch their answers, whoever has most of them comes first.
        """
        candidates = [connection for connection in self._connections if self._can_be_closed(connection)]
        if not candidates:
            return False
        least = min(candidates, key=self._right_to_stay)
        self._connections.pop(least).cancel()
        return True

    def _can_be_closed(self, connection: Connection) -> bool:
        """Whether nobody loses more than a connection, or what they do not fetch, when this one is closed."""
        sender = connection.sender
        if connection.stage == Stage.ANSWER and self._answers_to[sender.holder] > self.limits.answers_of_one_account:
            return True
        return connection.stage < Stage.BODY or (connection.stage < Stage.WORK and sender.account is None)

    def _right_to_stay(self, connection: Connection) -> tuple[Stage, int, float]:
        answers = self._answers_to[connection.sender.holder] if connection.stage == Stage.ANSWER else 0
        return connection.stage, -answers, connection.since

    async def allowance(self, environ: dict[str, Any]) -> Allowance:
        """What a body may be that follows the head in ``environ``. Raises Problem (busy)."""
        return await self._admission.run(body_allowance, self.app, environ)

    async def answer(self, environ: dict[str, Any]) -> Answer:
        """The application's answer. Raises Problem (busy)."""
        threads = self._reading if environ["REQUEST_METHOD"] in ("GET", "HEAD") else self._rest
        return await threads.run(call, self.app, environ)

    @asynccontextmanager
    async def turn(self, sender: Sender, size: int) -> AsyncIterator[None]:
        """Wait until a request with a body of ``size`` bytes may be worked on, and hold its place.

        Large bodies keep a worker for long. Two at a time, and one of an account, or of an address that shows none,
        leave room for what is small and for others.
        """
        if size > IN_MEMORY:
            turns_of_sender = self._turns_of.setdefault(sender.holder, asyncio.Semaphore(_LARGE_BODIES_OF_ONE))
            async with turns_of_sender, self._turns:
                yield
        else:
            yield

    @contextmanager
    def body_of(self, sender: Sender) -> Iterator[None]:
        """Count a body of ``sender`` from its first byte to its answer. Raises Problem (too-many-requests)."""
        limits = self.limits
        who, most = (
            ("An address", limits.bodies_of_one_address)
            if sender.account is None
            else ("An account", limits.bodies_of_one_account)
        )
        if self._bodies_of[sender.holder] >= most:
            raise Problem(
                "too-many-requests",
                f"{who} sends at most {most} bodies at a time. Nothing was changed. "
                "Wait for the others to be answered, then send this one again.",
            )
        with _counted(self._bodies_of, sender.holder):
            yield

    def answer_to(self, sender: Sender) -> AbstractContextManager[None]:
        """Count an answer to ``sender`` while it is sent."""
        return _counted(self._answers_to, sender.holder)


@contextmanager
def _counted(counter: Counter[str], name: str) -> Iterator[None]:
    counter[name] += 1
    try:
        yield
    finally:
        counter[name] -= 1
        if not counter[name]:
            del counter[name]


def _listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens on this one address and on no other."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
