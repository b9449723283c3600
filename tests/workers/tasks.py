"""Tasks that do what hostile bytes make a native parser do."""

import ctypes
import importlib
import mmap
import os
import resource
import signal
import sys
import time

from he_helpers.workers.errors import Refusal


def echo(**members):
    return members


def read_file(content, start):
    content.seek(start)
    return {"content": content.read(), "descriptor": content.fileno()}


def look_around():
    return {
        "environment": dict(os.environ),
        "descriptors": [number for number in range(3, 64) if _is_open(number)],
        "folder": os.getcwd(),
        "core": list(resource.getrlimit(resource.RLIMIT_CORE)),
        "modules": sorted(sys.modules),
        "number": os.getpid(),
        "session": os.getsid(0),
    }


def import_module(name):
    importlib.import_module(name)
    return {"modules": sorted(sys.modules)}


def refuse():
    raise Refusal("too-blue", "The colour is too blue. Choose a red one.", {"known": ["red"]})


def fail():
    raise KeyError("a secret that the job is about")


def read_nothing_at_all():
    ctypes.string_at(0)


def end_by(number):
    os.kill(os.getpid(), number)
    time.sleep(60)


def exit_with(code):
    os._exit(code)


def end_by_unless_fresh(jobs_before):
    """Dies where this process has done ``jobs_before`` jobs: as if one of them had damaged it."""
    if len(_seen) >= jobs_before:
        os.kill(os.getpid(), signal.SIGABRT)
    return {"number": os.getpid()}


def remember():
    _seen.append(1)
    return {"number": os.getpid()}


def sleep(seconds):
    time.sleep(seconds)
    return {"number": os.getpid()}


def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.01)
    return {}


def hang_in_a_library():
    """Holds the interpreter's lock for ever, as a library does that hangs."""
    ctypes.PyDLL(None).sleep(3600)


def compute(seconds=3600):
    started = time.process_time()
    while time.process_time() < started + seconds:
        pass
    return {}


def grow(size):
    return {"last": (bytearray(b"x") * size)[-1]}


def keep(size):
    _seen.append(bytearray(b"x") * size)
    return {}


def leave_in_a_cycle(size):
    left = [mmap.mmap(-1, size)]
    left.append(left)
    return {}


def answer_much(size):
    return {"content": bytes(size)}


def answer_what_cannot_travel():
    return {"thing": object()}


def answer_nothing():
    return None


def answer_much_plain(size):
    return {"words": ["x" * 2**20] * (size // 2**20)}


def refuse_with_what_cannot_travel():
    raise Refusal("too-blue", "The colour is too blue.", {"known": {1, 2}})


def answer_below(message):
    """Writes ``message`` onto the worker's socket, past everything that forms an answer: as a damaged worker might."""
    os.write(_socket(), message)
    return {}


def close_socket_and_sleep():
    os.close(_socket())
    time.sleep(600)


def write_file(path):
    with open(path, "wb") as file:
        file.write(b"something")
    return {}


def _socket():
    return next(number for number in range(3, 64) if _is_open(number))


def _is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


_seen: list[object] = []
TASKS = {name: function for name, function in globals().items() if callable(function) and not name.startswith("_")}
