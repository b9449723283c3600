"""Work on bytes that nobody has vouched for, in processes that may die, hang or grow.

A native parser that meets hostile bytes can end the process that it runs in. So it runs in a worker: a process of its
own, started afresh, that performs named tasks on plain data, within limits, and is replaced when it dies.

    pool = WorkerPool("package.module_with_TASKS")
    answer = pool.run("task", client="ann", limits=Limits(seconds=10), content=data)

This guards against crashes and exhaustion. It is no sandbox: what takes over a worker acts as this user.

Each name is loaded when it is first used: a worker needs little of what its pool needs.
"""

from he_helpers.front_door import front_door

__getattr__, __dir__, __all__ = front_door(__name__, __file__)
