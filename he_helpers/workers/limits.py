"""The limits of a job, and how a worker sets them for itself."""

from __future__ import annotations

import ctypes
import faulthandler
import math
import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_PTRACER = 0x59616D61
_PR_SET_PTRACER_ANY = ctypes.c_ulong(-1)
# A job of an orphan ends this many seconds after its limit, when nobody is there to end it.
_ORPHAN_SECONDS = 5


@dataclass(frozen=True)
class Limits:
    """seconds: on the clock. processor_seconds: of the processor. memory: bytes beyond what an idle worker has.
    answer: bytes that come back."""

    seconds: float = 120.0
    processor_seconds: int = 60
    memory: int = 2**30
    answer: int = 2**28

    def to_fields(self) -> dict[str, Any]:
        """As plain data; ``Limits(**fields)`` is the inverse."""
        return asdict(self)


def confine(parent: int, inspectable: bool) -> None:
    """Bind this process to its parent (its number), and let it write neither files nor core dumps."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if inspectable:
            libc.prctl(_PR_SET_PTRACER, _PR_SET_PTRACER_ANY, 0, 0, 0)
    # The parent may have died before it was asked for.
    if os.getppid() != parent:
        os._exit(0)


def address_space() -> int | None:
    """The address space of this process in bytes; None where the system does not tell."""
    pages = _pages()
    return pages[0] * resource.getpagesize() if pages else None


def held_memory() -> int:
    """The memory that this process holds, in bytes; where the system does not tell, the most that it has ever held."""
    pages = _pages()
    if pages:
        return pages[1] * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _pages() -> tuple[int, int] | None:
    """The pages that this process has addresses for, and those that it holds, as Linux tells."""
    try:
        addresses, held = Path("/proc/self/statm").read_text().split()[:2]
        return int(addresses), int(held)
    except (OSError, ValueError):
        return None


@contextmanager
def within(limits: Limits, idle_space: int | None) -> Iterator[None]:
    """Run what is within under ``limits``; ``idle_space`` is the address space of this worker before its first job.

    Beyond the time the process ends: by SIGXCPU, or by its parent. Beyond the memory MemoryError is raised, or
    whatever a library makes of an allocation that fails. Where the system does not tell the address space, the parent
    watches the memory.
    """
    usage = resource.getrusage(resource.RUSAGE_SELF)
    # The system counts over the whole life of a process.
    used = math.ceil(usage.ru_utime + usage.ru_stime)
    with (
        _soft_limit(resource.RLIMIT_CPU, used + limits.processor_seconds),
        _soft_limit(resource.RLIMIT_AS, None if idle_space is None else idle_space + limits.memory),
    ):
        assert sys.__stderr__ is not None, "a worker is started with one"
        # Runs beside the interpreter, so that it also ends an orphan that hangs inside a library.
        faulthandler.dump_traceback_later(limits.seconds + _ORPHAN_SECONDS, exit=True, file=sys.__stderr__)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


@contextmanager
def _soft_limit(kind: int, value: int | None) -> Iterator[None]:
    before, hard = resource.getrlimit(kind)
    if value is None:
        yield
        return
    resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(kind, (before, hard))
