"""A cell that is interrupted in a real kernel leaves a workspace in which the same cell runs to its end."""

import queue
import time

import pytest

from he_helpers.lab.stage.role_kernels.kernels import start_kernel, stop_kernel
from he_helpers.lab.workspace.server_process import stop_server
from he_helpers.lab.workspace.workspace import PROJECT, WORKSPACE_VARIABLE, Workspace

pytestmark = pytest.mark.slow

SECONDS = 180
ENTER = """
from he_helpers import lab
seat = lab.enter("administrator", notebook="05")
"""
ROLE = "%%role analyst\nprint('in the role of the', seat.role)"
PREPARE = """
from tqdm.auto import tqdm
from he_helpers.schemes.secret import paillier
from he_helpers.tables import EncryptedTable, Rows
pair = paillier().generate_keys()
table = lab.load_table("branch_accounts")
labels = ["Region", "Branch", "Quarter"]
"""
BAR = """
print("it begins")
encrypted = EncryptedTable.encrypt(table[:ROWS], labels, pair.public, decimals=2, layout=Rows(), progress=tqdm)
print(len(encrypted.ciphertexts), "ciphertexts")
"""


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    root = tmp_path / "workspace"
    monkeypatch.setenv(WORKSPACE_VARIABLE, str(root))
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    with (tmp_path / "log").open("wb") as log:
        manager, client = start_kernel(Workspace(root), None, tmp_path, log, SECONDS)
        try:
            yield manager, client
        finally:
            stop_kernel(manager, client)
            stop_server(Workspace(root))


def run(kernel, source, interrupt=lambda text, seconds: False):
    """Run the cell, and interrupt it once when `interrupt` says so of its text and its seconds: its text and the name
    of its error, None without one."""
    manager, client = kernel
    asked = client.execute(source)
    text, error, interrupted, begun = "", None, False, time.monotonic()
    while time.monotonic() < begun + SECONDS:
        if not interrupted and interrupt(text, time.monotonic() - begun):
            interrupted = True
            manager.interrupt_kernel()
        try:
            message = client.get_iopub_msg(timeout=0.05)
        except queue.Empty:
            continue
        if message["parent_header"].get("msg_id") != asked:
            continue
        content = message["content"]
        if message["msg_type"] == "stream":
            text += content["text"]
        elif message["msg_type"] == "error":
            error = content["ename"]
        elif content.get("execution_state") == "idle":
            return text, error
    raise AssertionError(f"the cell did not end within {SECONDS} s: {text}")


def test_entering_a_role_a_role_cell_and_a_progress_bar(kernel):
    # At three moments: while the server starts, while keys are made, while a table is uploaded.
    for seconds in (0.7, 2, 4):
        text, error = run(kernel, ENTER, lambda _, passed, at=seconds: passed > at)
        assert error in ("KeyboardInterrupt", None), text
    assert run(kernel, ENTER)[1] is None
    assert run(kernel, ROLE, lambda _, passed: passed > 0.3)[1] == "KeyboardInterrupt"
    assert run(kernel, ROLE) == ("in the role of the analyst\n", None)
    assert run(kernel, PREPARE)[1] is None
    text, error = run(kernel, BAR.replace("ROWS", "480"), lambda text, _: "it begins" in text)
    assert error == "KeyboardInterrupt" and "ciphertexts" not in text
    text, error = run(kernel, BAR.replace("ROWS", "4"))
    assert error is None and text.endswith("4 ciphertexts\n")
