"""Tasks with a native parser that does the worst whenever it meets a word: a positive control.

A word in the bytes of a table or a message, in one of its labels for instance, stands for bytes that make a library's
parser crash, exit, hang, compute without end or grow, or the system end its process.
"""

import importlib
import os
import signal
import sys
import time

WORST = {
    b"crashes": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    b"exits": lambda: os._exit(3),
    b"hangs": lambda: time.sleep(3600),
    b"computes": lambda: [None for _ in iter(int, 1)],
    b"is killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    b"grows": lambda: bytearray(2**34),
}


def bytes_of(member):
    if not hasattr(member, "read"):
        return member if isinstance(member, bytes) else b""
    content = member.read()
    member.seek(0)
    return content


def planted(tasks):
    """The ``tasks``, each of which does the worst that its name and a word behind it in its bytes stand for."""
    return {name: _planted(task) for name, task in tasks.items()}


def _planted(task):
    def perform(**members):
        given = b"".join(map(bytes_of, members.values()))
        for word, worst in WORST.items():
            if task.__name__.encode() + b" " + word in given:
                worst()
        return task(**members)

    return perform


def import_module(name):
    """Whether a module can be imported here; the modules that there are."""
    try:
        importlib.import_module(name)
    except ImportError as error:
        return {"error": type(error).__name__, "modules": sorted(sys.modules)}
    return {"error": None, "modules": sorted(sys.modules)}
