"""Workers of a Jupyter kernel, as the roles have one: it may be interrupted, and ends when it likes."""

import os
import signal
import time
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
START = """
from he_helpers.workers import WorkerPool
pool = WorkerPool("tests.workers.tasks")
print(pool.run("look_around")["number"])
"""


def printed(client, code):
    """What a cell prints, or the name of the error that it raises."""
    identifier = client.execute(code)
    text = ""
    while True:
        message = client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") != identifier:
            continue
        if message["msg_type"] == "stream":
            text += message["content"]["text"]
        elif message["msg_type"] == "error":
            text += message["content"]["ename"]
        elif message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return text.strip()


def test_a_kernel_has_workers_that_survive_an_interrupt_and_end_with_it():
    manager, client = start_new_kernel(cwd=ROOT)
    try:
        worker = int(printed(client, START))
        # Without stopping on the error: a kernel drops what is asked of it just after one.
        interrupted = "print('begun', flush=True); pool.run('sleep', seconds=60)"
        identifier = client.execute(interrupted, stop_on_error=False)
        while client.get_iopub_msg(timeout=60)["content"].get("text") != "begun\n":
            pass
        time.sleep(1)
        manager.interrupt_kernel()
        while client.get_shell_msg(timeout=60)["parent_header"].get("msg_id") != identifier:
            pass
        assert printed(client, "print(pool.run('echo', still='there'))") == "{'still': 'there'}"
        worker = int(printed(client, "print(pool.run('look_around')['number'])"))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.kill(worker, signal.SIGKILL)
    raise AssertionError("the worker did not end with the kernel")
