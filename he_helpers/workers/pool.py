"""A pool of workers: few while idle, more when needed, replaced when they die, shared fairly between clients."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from he_helpers.workers.errors import (
    JobTimedOut,
    JobTooLarge,
    TaskFailed,
    WorkerDied,
    WorkerError,
    WorkersBusy,
    WorkersUnavailable,
)
from he_helpers.workers.limits import Limits
from he_helpers.workers.worker import Worker

_START_SECONDS = 120.0
_NEXT_TRY_SECONDS = 5.0
# A further worker takes longer to start than most jobs take to end: it is started for those that have waited this long.
_WAITING_SECONDS = 0.1
_CLOSED = "The workers were ended."

_log = logging.getLogger("he_helpers.workers")


@dataclass(eq=False)
class _Turn:
    """A job that waits for a worker; ``fresh`` wants one that has done no job before."""

    client: str
    fresh: bool
    since: float
    worker: Worker | None = None


class WorkerPool:
    """Runs the tasks of the module ``registry`` (see `child`) in workers. Safe to share between threads.

    least, most: how many workers there are. Those beyond ``least`` are started when jobs wait, and end after
    ``idle_seconds`` without one. A worker with both encryption libraries takes some 60 MB before its first job.
    most_of_a_client: jobs that one client may have running and waiting; the next one raises WorkersBusy. A client never
    holds all ``most`` workers, and of those who wait the one that holds fewest comes first.
    patience: seconds that a job waits for a worker before WorkersBusy.

    ``deaths`` counts the jobs that ended their worker, by the name of the error. Nothing starts before the first job
    or `start`; workers end with `close`, and with this process however it ends.
    """

    def __init__(
        self,
        registry: str,
        *,
        least: int = 1,
        most: int = 3,
        most_of_a_client: int = 8,
        patience: float = 60.0,
        idle_seconds: float = 60.0,
        inspectable: bool = False,
    ) -> None:
        self._registry = registry
        self._least, self._most = least, most
        self._most_of_a_client = most_of_a_client
        self._patience = patience
        self._idle_seconds = idle_seconds
        self._inspectable = inspectable
        self.deaths: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._workers: set[Worker] = set()
        self._starting: set[Worker] = set()
        self._leaving: list[Worker] = []
        self._idle: list[Worker] = []
        self._waiting: list[_Turn] = []
        self._running: Counter[str] = Counter()
        self._keeper: threading.Thread | None = None
        self._why_none: str | None = None
        self._closed = False

    def start(self) -> None:
        """Start the least number of workers, and return when the first is ready. Raises WorkersUnavailable."""
        with self._changed:
            self._start_keeper()
            while not self._workers and not self._closed:
                self._check_available()
                self._changed.wait()

    def run(self, task: str, *, client: str = "", limits: Limits | None = None, **members: Any) -> dict[str, Any]:
        """The result of ``task`` on ``members``: plain data, bytes, and files open for reading.

        The position of a file is shared with the worker, so leave it alone until the job has ended.

        A worker that dies after earlier jobs may have been damaged by one of them; the job is then given to a fresh
        worker once. Raises WorkerDied, JobTimedOut, JobTooLarge, TaskFailed, WorkersBusy, WorkersUnavailable, the
        Refusal that the task raised, and TypeError for members that cannot travel.
        """
        limits = limits or Limits()
        try:
            return self._run_once(task, client, limits, members, fresh=False)
        except WorkerDied as death:
            if not death.was_used:
                raise
        return self._run_once(task, client, limits, members, fresh=True)

    def numbers(self) -> list[int]:
        """The process numbers of the workers there are, in ascending order."""
        with self._changed:
            return sorted(worker.number for worker in self._workers)

    def close(self) -> None:
        """End every worker; jobs that run or wait raise WorkersUnavailable."""
        with self._locked():
            self._closed = True
            for worker in self._workers | self._starting:
                worker.kill()
            while self._idle:
                self._end(self._idle.pop())
            self._changed.notify_all()
        if self._keeper is not None:
            self._keeper.join()
            atexit.unregister(self.close)

    def _run_once(self, task: str, client: str, limits: Limits, members: dict[str, Any], fresh: bool) -> dict[str, Any]:
        worker = self._take(client, fresh)
        try:
            return worker.run(task, limits, members)
        except (WorkerDied, JobTimedOut, JobTooLarge) as error:
            if self._closed:
                # close() ended the worker, and not the job.
                raise WorkersUnavailable(_CLOSED) from None
            self._count(task, error)
            raise
        except TaskFailed as error:
            _log.error("%s", error)
            raise
        finally:
            self._give_back(worker, client)

    def _count(self, task: str, error: WorkerError) -> None:
        with self._changed:
            self.deaths[type(error).__name__] += 1
        if isinstance(error, WorkerDied):
            _log.warning("worker died: task %s, signal %s, exit code %s", task, error.signal_name, error.exit_code)
        else:
            _log.warning("worker ended: task %s, %s", task, type(error).__name__)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the condition's lock; workers that are to end meanwhile are ended without it, since that can last."""
        try:
            with self._changed:
                yield
        finally:
            while True:
                try:
                    worker = self._leaving.pop()
                except IndexError:
                    break
                worker.end()

    # Taking turns. All of this holds the condition's lock.

    def _take(self, client: str, fresh: bool) -> Worker:
        deadline = time.monotonic() + self._patience
        with self._locked():
            self._start_keeper()
            if self._running[client] + sum(turn.client == client for turn in self._waiting) >= self._most_of_a_client:
                raise WorkersBusy(
                    f"{self._most_of_a_client} jobs of this client run or wait already. Wait for one to end.", True
                )
            turn = _Turn(client, fresh, time.monotonic())
            self._waiting.append(turn)
            try:
                self._hand_out(turn)
                while turn.worker is None:
                    self._check_available()
                    left = deadline - time.monotonic()
                    if left <= 0:
                        raise WorkersBusy(f"No worker was free within {self._patience:g} s. Try again later.", False)
                    self._changed.wait(left)
            except BaseException:
                if turn in self._waiting:
                    self._waiting.remove(turn)
                elif turn.worker is not None:
                    self._return(turn.worker, client)
                raise
            return turn.worker

    def _give_back(self, worker: Worker, client: str) -> None:
        with self._locked():
            self._return(worker, client)

    def _return(self, worker: Worker, client: str) -> None:
        self._running[client] -= 1
        if not self._running[client]:
            del self._running[client]
        if worker.is_usable and not self._closed:
            self._idle.append(worker)
        else:
            self._end(worker)
        self._hand_out()

    def _hand_out(self, own: _Turn | None = None) -> None:
        """Give idle workers to those whose turn it is, and wake who waits for that; ``own`` is the caller's turn.

        Where nobody waits, nobody is woken: not the keeper either, twice with each job.
        """
        were_waiting = [turn for turn in self._waiting if turn is not own]
        for worker in list(self._idle):
            if not worker.lives:
                # Ended from outside: no job is to blame.
                self._idle.remove(worker)
                self._end(worker)
                continue
            turn = self._next_turn(worker)
            if turn is not None:
                self._idle.remove(worker)
                self._waiting.remove(turn)
                self._running[turn.client] += 1
                turn.worker = worker
        if self._idle and len(self._workers) >= self._most and any(turn.fresh for turn in self._may_run()):
            # Makes room for a fresh one.
            self._end(self._idle.pop(0))
        if were_waiting or self._waiting:
            self._changed.notify_all()

    def _next_turn(self, worker: Worker) -> _Turn | None:
        possible = self._may_run()
        if worker.jobs:
            possible = [turn for turn in possible if not turn.fresh]
        return min(possible, key=lambda turn: (not turn.fresh, self._running[turn.client]), default=None)

    def _may_run(self) -> list[_Turn]:
        """Those who wait and whose client does not hold as many workers as a client may."""
        most = max(1, self._most - 1)
        return [turn for turn in self._waiting if self._running[turn.client] < most]

    def _end(self, worker: Worker) -> None:
        self._workers.discard(worker)
        self._leaving.append(worker)
        self._changed.notify_all()

    def _check_available(self) -> None:
        if self._closed:
            raise WorkersUnavailable(_CLOSED)
        if self._why_none is not None and not self._workers:
            raise WorkersUnavailable(self._why_none)

    # Keeping the number of workers.

    def _start_keeper(self) -> None:
        if self._keeper is None and not self._closed:
            # Linux ends a worker with the thread that started it, so one thread starts them all.
            self._keeper = threading.Thread(target=self._keep, name="keeper of workers", daemon=True)
            self._keeper.start()
            atexit.register(self.close)

    def _keep(self) -> None:
        while True:
            with self._locked():
                if not self._closed and not self._needs_one():
                    self._changed.wait(self._until_next_look())
                    self._end_idle_ones()
                if self._closed:
                    return
                if not self._needs_one():
                    continue
            try:
                self._start_one()
            except (WorkersUnavailable, OSError) as error:
                self._note_failure(str(error))

    def _start_one(self) -> None:
        """Start a worker, and give it to whoever waits. Raises WorkersUnavailable and OSError."""
        worker = Worker(self._registry, self._inspectable)
        with self._changed:
            self._starting.add(worker)
            if self._closed:
                worker.kill()
        try:
            worker.wait_until_ready(_START_SECONDS)
        finally:
            with self._changed:
                self._starting.discard(worker)
        with self._locked():
            self._why_none = None
            self._workers.add(worker)
            if self._closed:
                self._end(worker)
                return
            self._idle.append(worker)
            self._hand_out()
            # Also whoever waits for the first worker, and has no turn.
            self._changed.notify_all()

    def _needs_one(self) -> bool:
        count = len(self._workers)
        if count >= self._most:
            return False
        since = min((turn.since for turn in self._may_run()), default=None)
        return count < self._least or since is not None and since + _WAITING_SECONDS <= time.monotonic()

    def _until_next_look(self) -> float | None:
        if self._waiting and len(self._workers) < self._most:
            return _WAITING_SECONDS
        if len(self._workers) <= self._least:
            return None
        longest_idle = min((worker.idle_since for worker in self._idle), default=time.monotonic())
        return max(0, longest_idle + self._idle_seconds - time.monotonic())

    def _end_idle_ones(self) -> None:
        limit = time.monotonic() - self._idle_seconds
        for worker in list(self._idle):
            if len(self._workers) > self._least and worker.idle_since <= limit:
                self._idle.remove(worker)
                self._end(worker)

    def _note_failure(self, why: str) -> None:
        with self._changed:
            if self._closed:
                return
            _log.error("no worker: %s", why)
            self._why_none = why
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._closed, _NEXT_TRY_SECONDS)
