"""What untrusted code sees, reaches and uses up between the walls; each with what the same code does outside."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from he_helpers.classroom.sandbox import command
from he_helpers.classroom.sandbox.command import Limits, NoSandbox, check_sandbox, sandboxed
from he_helpers.classroom.sandbox.execution import run_untrusted
from he_helpers.lab.workspace.workspace import PROJECT

LIMITS = Limits(cell_seconds=3, output=2**20, processes=60)

LOOK = f"""
import json, os, socket, sys
seen = {{}}
seen["labs"] = os.path.exists({str(PROJECT / "notebooks")!r})
seen["tests"] = os.path.exists({str(PROJECT / "tests")!r})
seen["secret"] = os.path.exists(sys.argv[1])
seen["helpers"] = os.path.exists({str(PROJECT / "he_helpers")!r})
seen["parent"] = os.path.exists(f"/proc/{{sys.argv[3]}}")
seen["variable"] = "HE_SECRET" in os.environ
seen["port"] = socket.socket().connect_ex(("127.0.0.1", int(sys.argv[2]))) == 0
try:
    open(os.path.join({str(PROJECT / "he_helpers")!r}, "written"), "w").close()
    seen["writes"] = True
    os.unlink(os.path.join({str(PROJECT / "he_helpers")!r}, "written"))
except OSError:
    seen["writes"] = False
print(json.dumps(seen))
"""


@pytest.fixture
def listening():
    """The port of a server of the grader's machine."""
    import socket

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_inside_is_python_and_the_helpers_and_nothing_of_the_machine(sandbox, tmp_path, listening, monkeypatch):
    import os

    monkeypatch.setenv("HE_SECRET", "of the grader")
    secret = tmp_path / "secret"
    secret.write_text("a solution")
    shared = tmp_path / "shared"
    shared.mkdir()
    look = [sys.executable, "-c", LOOK, str(secret), str(listening), str(os.getpid())]

    def seen(words):
        return json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)

    assert set(seen(look).values()) == {True}, "outside, everything is there"
    inside = seen(sandboxed(look, shared, LIMITS))
    assert [name for name, there in inside.items() if there] == ["helpers"]


def run(*sources, limits=LIMITS):
    """The text of each cell's outputs after a run."""
    notebook = new_notebook(cells=[new_markdown_cell("# Title"), *map(new_code_cell, sources)])
    run_untrusted(notebook, limits)
    assert len(notebook.cells) == len(sources) + 1
    return [
        " ".join((output.get("text") or output.get("evalue") or str(output.data)).strip() for output in cell.outputs)
        for cell in notebook.cells[1:]
    ]


@pytest.mark.slow
def test_errors_and_loops_are_outputs_and_the_next_cell_runs(sandbox):
    ran = run("x = 1\nprint(x)\nx", "1 / 0", "while True: pass", "print('still', x)")
    stopped = "The cell was stopped: it had taken 3 seconds. Is there a loop that does not end?"
    assert ran == ["1 {'text/plain': '1'}", "division by zero", stopped, "still 1"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import os; os._exit(0)", "its process has ended"),
        ("import ctypes; ctypes.string_at(0)", "its process has ended"),
        ("import numpy\nkept = numpy.ones(2**28 + 2**20)\nwhile True: pass", "more than 2 GiB of memory"),
        (
            "import os, time\nfor _ in range(100):\n    if not os.fork():\n        time.sleep(60)\ntime.sleep(60)",
            "more than 60 processes",
        ),
        ("while True: print('x' * 10_000)", "displayed more than 1 MiB"),
        (
            "while True:\n  try:\n    while True: pass\n  except KeyboardInterrupt: pass",
            "The cell was stopped: it had taken 3 seconds.",
        ),
    ],
    ids=["exits", "segmentation fault", "memory", "forks", "output", "catches the interruption"],
)
def test_what_takes_the_kernel_down_costs_its_own_cell_alone(sandbox, source, reason):
    # A hundred copies of a kernel share most of their memory, which is counted for each.
    limits = replace(LIMITS, memory=2**36) if "processes" in reason else LIMITS
    first, ended, last = run("x = 1", source, "print('still', x)", limits=limits)
    assert first == "" and reason in ended and last == "still 1"


MADE_UP = """
kernel = get_ipython().kernel
kernel.session.send(kernel.iopub_socket, "stream", {}, parent=kernel.get_parent())
kernel.session.key = b"another"
kernel.session.send(kernel.iopub_socket, "stream", {"name": "stdout", "text": "signed wrongly"})
"""


@pytest.mark.slow
def test_messages_that_code_makes_up_are_passed_over(sandbox):
    assert run("x = 1", f"key = get_ipython().kernel.session.key{MADE_UP}kernel.session.key = key", "print(x)") == [
        "",
        "",
        "1",
    ]


@pytest.mark.slow
def test_a_notebook_that_ends_every_kernel_comes_back_in_time(sandbox):
    ran = run("print(1)", *["import os; os._exit(0)"] * 6)
    assert ran[0] == "1" and "Not run, because an earlier cell ended the kernel" in ran[-1]
    late = replace(LIMITS, seconds=0)
    assert run("print(1)", "while True: pass", limits=late) == ["Not run: the 0 seconds of the notebook were over."] * 2


@pytest.mark.slow
def test_the_cell_in_which_the_time_of_the_notebook_ends_is_stopped_and_later_ones_are_not_run(sandbox):
    limits = replace(LIMITS, cell_seconds=60, seconds=10)
    first, stopped, later = run("print(1)", "import time; time.sleep(60)", "print(2)", limits=limits)
    over = "the 10 seconds of the notebook were over."
    assert first == "1" and f"The cell was stopped: {over}" in stopped and later == f"Not run: {over}"


def test_a_machine_without_bubblewrap_is_told_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(command.shutil, "which", lambda name: None)
    with pytest.raises(NoSandbox, match="Missing here: bwrap, prlimit. .*apt install bubblewrap"):
        check_sandbox(tmp_path)


def test_walls_that_cannot_be_put_up_are_reported(sandbox, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "_read_only", lambda: [])
    with pytest.raises(NoSandbox, match="does not start: .*user namespaces"):
        check_sandbox(tmp_path)


def test_lecturers_are_told_the_limits_as_they_are():
    told = " ".join((PROJECT / "TEACHING.md").read_text(encoding="utf-8").split())
    limits = command.STANDARD
    for words in (
        f"{limits.memory // 2**30} GiB of memory for all of its processes together",
        f"{limits.cell_seconds} seconds a cell",
        f"{limits.seconds // 60} minutes in all",
        f"{limits.processes} processes",
        f"files of {limits.file_size // 2**20} MiB",
        f"{limits.output // 2**20} MiB of output a cell",
    ):
        assert words in told
