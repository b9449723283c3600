"""What can become of a job besides its result. No message holds anything of what the job worked on."""

from __future__ import annotations

import signal
from typing import Any

from he_helpers.errors import HEError


class WorkerError(HEError):
    """A job in a worker did not come to its end."""


class WorkerDied(WorkerError):
    """The worker ended in the middle of the job.

    ``signal_name`` is the signal that ended it ("SIGSEGV") and ``exit_code`` None, or the other way round. Both are
    None where it was ended because its answer could not be read or its socket was closed (``returncode`` None).
    ``was_used`` tells that the worker had done other jobs before, one of which may be what damaged it.
    """

    def __init__(self, task: str, returncode: int | None, was_used: bool) -> None:
        self.signal_name = _signal_name(-returncode) if returncode is not None and returncode < 0 else None
        self.exit_code = returncode if returncode is not None and returncode >= 0 else None
        self.was_used = was_used
        if returncode is None:
            how = "without an answer that can be read"
        else:
            how = f"of signal {self.signal_name}" if self.signal_name else f"with exit code {self.exit_code}"
        super().__init__(f"The worker died in the task {task!r}, {how}. What the task was given cannot be processed.")


class JobTimedOut(WorkerError):
    """The job took more time than its limit; its worker was ended.

    ``on_the_clock`` tells the limit on the clock, which a job also meets where the machine has too much else to do,
    from the limit of processor time, which it meets by itself alone.
    """

    def __init__(self, message: str, on_the_clock: bool) -> None:
        self.on_the_clock = on_the_clock
        super().__init__(message)


class JobTooLarge(WorkerError):
    """The job needed more memory than its limit, or its answer is larger than that; its worker was ended."""


class TaskFailed(WorkerError):
    """The task raised an exception that is no Refusal; ``place`` names its type and where, not its message."""

    def __init__(self, task: str, place: str) -> None:
        self.place = place
        super().__init__(f"The task {task!r} failed: {place}.")


class WorkersBusy(WorkerError):
    """No worker became free in time, or the client has too many jobs waiting. Ask again later.

    ``too_many`` tells the second from the first.
    """

    def __init__(self, message: str, too_many: bool) -> None:
        self.too_many = too_many
        super().__init__(message)


class WorkersUnavailable(WorkerError):
    """Workers cannot be started: the message says what the first of them met."""


class Refusal(HEError):
    """What a task raises to refuse its arguments; it arrives at the caller as it was raised.

    ``kind`` is a word for programs, ``members`` plain data that go with it.
    """

    def __init__(self, kind: str, message: str, members: dict[str, Any]) -> None:
        self.kind = kind
        self.message = message
        self.members = members
        super().__init__(message)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
