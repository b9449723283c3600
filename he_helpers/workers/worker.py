"""One worker as its pool sees it: a process that is started afresh, given jobs one at a time, and ended."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from he_helpers.workers import protocol
from he_helpers.workers.errors import JobTimedOut, JobTooLarge, Refusal, TaskFailed, WorkerDied, WorkersUnavailable
from he_helpers.workers.limits import Limits

_PROJECT = Path(__file__).parents[2]
# All that a worker is told of its parent's environment, which may hold tokens and passphrases.
_ENVIRONMENT = {
    "PATH",
    "HOME",
    "TMPDIR",
    "TZ",
    "LANG",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
}
# Threads give the libraries nothing, and each takes memory: glibc reserves 64 MB of addresses for each.
_ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "MALLOC_ARENA_MAX")}
# What the head of an answer has, by its outcome.
_HEADS: dict[str, dict[str, type]] = {
    "done": {"retires": bool},
    "refused": {"retires": bool, "kind": str, "message": str, "members": dict},
    "failed": {"retires": bool, "place": str},
    "too large": {"retires": bool},
}
_DYING_SECONDS = 10
_WATCHED_EVERY = 0.25


class Worker:
    """A process that performs the tasks of the module ``registry``.

    ``jobs`` counts those that it was given; ``is_usable`` tells whether to give it another one.
    inspectable: let other processes of this user read its memory, where the system asks for that.
    """

    def __init__(self, registry: str, inspectable: bool = False) -> None:
        self.jobs = 0
        self.is_usable = True
        self.idle_since = time.monotonic()
        self._limits_memory = False
        self._connection, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    # Without the current folder in the path: it may be anybody's.
                    "-P",
                    "-m",
                    "he_helpers.workers.child",
                    str(theirs.fileno()),
                    registry,
                    str(os.getpid()),
                    "inspectable" if inspectable else "closed",
                ],
                cwd="/",
                env=_environment(),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # A signal that a terminal or a notebook sends to its processes is not meant for this one.
                start_new_session=True,
            )

    @property
    def number(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def lives(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def wait_until_ready(self, seconds: float) -> None:
        """Wait until the registry is imported. Raises WorkersUnavailable, and has ended the process then."""
        try:
            head, _ = protocol.receive(self._connection, time.monotonic() + seconds)
        except TimeoutError:
            self.end()
            raise WorkersUnavailable(f"A worker was not ready after {seconds:g} s.") from None
        except protocol.Ended:
            raise WorkersUnavailable(f"A worker ended while starting, with status {self._ended()}.") from None
        except protocol.Garbled as error:
            self.end()
            raise WorkersUnavailable(f"A worker does not speak as expected: {error}") from None
        if head.get("outcome") != "ready":
            self.end()
            raise WorkersUnavailable(f"A worker cannot import its tasks: {head.get('place')}")
        self._limits_memory = bool(head.get("limits_memory"))
        self.idle_since = time.monotonic()

    def run(self, task: str, limits: Limits, members: Mapping[str, Any]) -> dict[str, Any]:
        """The result of a task. Raises Refusal and TaskFailed; WorkerDied, JobTimedOut and JobTooLarge after the
        process has ended; and TypeError for members that cannot travel."""
        was_used, self.jobs = self.jobs > 0, self.jobs + 1
        self.is_usable = False
        deadline = time.monotonic() + limits.seconds
        try:
            protocol.send(self._connection, {"task": task, "limits": limits.to_fields()}, members, deadline)
            if not self._limits_memory:
                self._watch_memory(task, limits.memory, deadline)
            head, result = protocol.receive(self._connection, deadline, limits.answer)
            _check_head(head)
        except TimeoutError:
            self.end()
            raise JobTimedOut(f"The task {task!r} did not end within {limits.seconds:g} s.", True) from None
        except protocol.Garbled:
            self.end()
            raise WorkerDied(task, None, was_used) from None
        except protocol.TooLarge as error:
            self.end()
            raise JobTooLarge(f"The task {task!r} answered too much. {error}") from None
        except protocol.Ended:
            status = self._ended()
            if status == -signal.SIGXCPU:
                raise JobTimedOut(
                    f"The task {task!r} took more than {limits.processor_seconds} s of the processor.", False
                ) from None
            raise WorkerDied(task, status, was_used) from None
        if head["outcome"] == "too large":
            self.end()
            raise _too_large(task, limits.memory)
        self.idle_since = time.monotonic()
        self.is_usable = not head["retires"]
        if head["outcome"] == "refused":
            raise Refusal(head["kind"], head["message"], head["members"])
        if head["outcome"] == "failed":
            raise TaskFailed(task, head["place"])
        return result

    def kill(self) -> None:
        """End the process, whatever it does; a `run` that waits for it raises WorkerDied."""
        self._process.kill()

    def end(self) -> None:
        """End the process, for the thread that uses it or when nobody does."""
        self._process.kill()
        self._process.wait()
        self._connection.close()

    def _ended(self) -> int | None:
        """The status of a process that has closed its socket; one that does not end is ended, and has none."""
        try:
            return self._process.wait(_DYING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return None
        finally:
            self._connection.close()

    def _watch_memory(self, task: str, most: int, deadline: float) -> None:
        """Wait for the answer, and end a process that grows; for systems on which it cannot limit itself."""
        idle = self._resident_memory()
        while not select.select([self._connection], [], [], _WATCHED_EVERY)[0] and time.monotonic() < deadline:
            if self._resident_memory() > idle + most:
                self.end()
                raise _too_large(task, most)

    def _resident_memory(self) -> int:
        """Bytes of memory that the process holds; 0 where it has just ended."""
        told = subprocess.run(["ps", "-o", "rss=", "-p", str(self.number)], capture_output=True, text=True).stdout
        return int(told.strip() or 0) * 1024


def _check_head(head: dict[str, Any]) -> None:
    """Raise Garbled unless ``head`` says what became of a job: damaged workers say anything."""
    outcome = head.get("outcome")
    members = _HEADS.get(outcome) if isinstance(outcome, str) else None
    if members is None or not all(isinstance(head.get(name), kind) for name, kind in members.items()):
        raise protocol.Garbled("The head of an answer does not say what became of the job.")


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in _ENVIRONMENT or name.startswith("LC_")}
    path = os.pathsep.join(filter(None, [str(_PROJECT), os.environ.get("PYTHONPATH")]))
    return {**kept, **_ONE_THREAD, "PYTHONPATH": path}


def _too_large(task: str, memory: int) -> JobTooLarge:
    return JobTooLarge(f"The task {task!r} needs more than {memory:,} bytes of memory.")
