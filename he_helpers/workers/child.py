"""A worker: python -m he_helpers.workers.child SOCKET REGISTRY PARENT INSPECTABLE

REGISTRY is a module whose TASKS maps names to functions. A function gets the members of a message as keywords and
returns a dict of plain data and bytes; it raises Refusal to refuse them. The worker ends when its socket is closed.
"""

from __future__ import annotations

import gc
import importlib
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from he_helpers.workers import limits, protocol
from he_helpers.workers.errors import Refusal

Task = Callable[..., dict[str, Any]]

# A worker that holds so much more than it did before its first job ends, and a small one takes its place.
_KEPT_MEMORY = 256 * 2**20
_MOST_JOBS = 1000


def main(arguments: list[str]) -> None:
    """Serve jobs until the socket is closed."""
    descriptor, registry, parent, inspectable = arguments
    connection = socket.socket(fileno=int(descriptor))
    limits.confine(int(parent), inspectable == "inspectable")
    # What is imported stays: looking for what can go meanwhile, and after each job, would be in vain.
    gc.disable()
    try:
        tasks = importlib.import_module(registry).TASKS
    except Exception as error:
        protocol.send(connection, {"outcome": "failed", "place": f"{type(error).__name__}: {error}"}, {}, _later())
        return
    gc.freeze()
    gc.enable()
    idle_space, idle_memory = limits.address_space(), limits.held_memory()
    protocol.send(connection, {"outcome": "ready", "limits_memory": idle_space is not None}, {}, _later())
    for jobs in range(1, _MOST_JOBS + 1):
        try:
            head, members = protocol.receive(connection, with_files=True)
            outcome, result = _perform(tasks, head, members, idle_space)
            del members
            # A library may leave large objects in cycles, and a context of TenSEAL has a thread: left to chance, they
            # use up the address space that the next job may have.
            gc.collect()
            retires = jobs == _MOST_JOBS or limits.held_memory() > idle_memory + _KEPT_MEMORY
            try:
                protocol.send(connection, {**outcome, "retires": retires}, result, _later())
            except protocol.Unsendable as error:
                # The task is wrong, and not what it was given.
                place = f"its answer cannot be sent: {str(error).removesuffix('.')}"
                protocol.send(connection, {"outcome": "failed", "place": place, "retires": retires}, {}, _later())
        except protocol.Ended:
            return


def _perform(
    tasks: Mapping[str, Task], head: dict[str, Any], members: dict[str, Any], idle_space: int | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What to answer to a job: head and members."""
    try:
        with limits.within(limits.Limits(**head["limits"]), idle_space):
            result = tasks[head["task"]](**members)
            if not isinstance(result, dict):
                raise TypeError("a task returns a dict")
            return {"outcome": "done"}, result
    except Refusal as refusal:
        told = {"kind": refusal.kind, "message": refusal.message, "members": refusal.members}
        return {"outcome": "refused", **told}, {}
    except MemoryError:
        return {"outcome": "too large"}, {}
    except Exception as error:
        # The message of an unknown error may quote what the job is about.
        place = traceback.extract_tb(error.__traceback__)[-1]
        return {"outcome": "failed", "place": f"{type(error).__name__} in {place.name}, line {place.lineno}"}, {}


def _later() -> float:
    return time.monotonic() + 3600


if __name__ == "__main__":
    main(sys.argv[1:])
