"""The cell magic %%role, in a real notebook run by nbclient, under nbval, and in a notebook's kernel that is killed."""

import copy
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

from he_helpers.lab.notebook.compact_errors import compact_traceback, wrapped
from he_helpers.lab.stage.role_kernels.kernels import AsyncCourseKernel
from he_helpers.lab.stage.role_kernels.role_mark import mark_of_cell
from he_helpers.lab.workspace.server_process import start_server, stop_server
from he_helpers.lab.workspace.workspace import PROJECT, ROLE_VARIABLE, WORKSPACE_VARIABLE, Workspace

pytestmark = pytest.mark.slow

ENTER = "from he_helpers import lab\nseat = lab.enter('administrator')"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, idle_servers):
    root = tmp_path_factory.mktemp("course") / "workspace"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(WORKSPACE_VARIABLE, str(root))
        patch.setenv("PYTHONPATH", str(PROJECT))
        patch.delenv(ROLE_VARIABLE, raising=False)
        start_server(Workspace())
        yield Workspace()
        stop_server(Workspace())


def run(*sources, seconds=60):
    """Runs a notebook of these cells after one that enters the administrator's role; returns its cells.

    What was said while a cell worked (lab.doing), which is empty at its end, is left out.
    """
    cells = [nbformat.v4.new_code_cell(source) for source in (ENTER, *sources)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = NotebookClient(
        notebook,
        kernel_manager_class=AsyncCourseKernel,
        allow_errors=True,
        interrupt_on_timeout=True,
        timeout_func=lambda cell: 3 if "# interrupted" in cell.source else seconds,
    )
    client.execute()
    for cell in cells:
        cell.outputs = [output for output in cell.outputs if output.get("data") != {}]
    assert text(cells[0].outputs) == "You are the data administrator. In your folder: no keyring."
    return cells


def below_the_mark(cell):
    """The outputs of a cell, without the mark where another role ran it."""
    line = cell.source.partition("\n")[0].partition("#")[0].rstrip()
    if line in ("%%role analyst", "%%role server"):
        mark, *below = cell.outputs
        assert mark["data"] == mark_of_cell(line.removeprefix("%%role "))
        return below
    return cell.outputs


def ends(process, seconds=5):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        if _is_zombie(process):
            return True
        time.sleep(0.05)
    return False


def _is_zombie(process):
    # Where nobody reaps the orphans of a container, a process that has ended stays in the list.
    try:
        with open(f"/proc/{process}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return False


def text(outputs, kind="text/plain"):
    (output,) = outputs
    return output["data"][kind] if "data" in output else output["text"]


@pytest.fixture(scope="module")
def cells(workspace):
    """The cells of one notebook, each by its name."""
    sources = {
        "loaded": (
            "%%role analyst\nimport sys\nfrom he_helpers.roles import Custodian, DataAdministrator, DataAnalyst\n"
            "{name for name in ('debugpy', 'matplotlib', 'pandas', 'rich') if sys.modules.get(name)}"
        ),
        "garbage": "%%role analyst\nimport gc\ngc.isenabled(), gc.get_freeze_count() > 10_000",
        "streams": "%%role analyst\nimport sys\nprint('out')\nprint('err', file=sys.stderr)",
        "table": "%%role analyst\nimport pandas as pd\nframe = pd.DataFrame({'a': [1, 2]})\nframe",
        "figure": "%%role analyst\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
        "style": "%%role analyst\nplt.rcParams['axes.grid'], plt.rcParams['axes.spines.top']",
        "here": "'frame' in dir()",
        "there": "%%role analyst\n'frame' in dir()",
        "seat": "%%role analyst\nimport os\n(seat.role, os.getcwd() == str(seat.folder), 'lab' in dir())",
        "other folder": ("%%role analyst\nfrom he_helpers.lab import Workspace\nWorkspace().folder('administrator')"),
        "error": "%%role analyst\ndef half(x):\n    return x / 0\n\nprint('before')\nhalf(1)",
        "after error": "%%role analyst\n1 + 1",
        "comment": "%%role analyst  # Task 1\n1 + 2",
        "syntax": "%%role analyst\nx = = 1",
        "nested magic": "%%role analyst\n%%capture kept\nprint('kept')",
        "update": (
            "%%role analyst\nfrom IPython.display import display, clear_output\n"
            "print('gone')\nclear_output()\n"
            "handle = display('first', display_id=True)\nhandle.update('second')"
        ),
        "no input": "%%role analyst\ninput()",
        "unknown": "%%role nobody\n1",
        "own": "%%role administrator\n1",
        "error here": "def half(x):\n    return x / 0\n\nhalf(1)",
        "interrupted": "%%role analyst\nstate = 5\nimport time\ntime.sleep(50)  # interrupted",
        "after interrupt": "%%role analyst\nstate",
        "dead": (
            "%%role analyst\nimport os, signal, time\nprint('last words')\ntime.sleep(0.5)\n"
            "os.kill(os.getpid(), signal.SIGKILL)"
        ),
        "after death": "%%role analyst\n'state' in dir()",
        "pid": "%%role analyst\nimport os\nprint(os.getpid())",
        "died between": "%%role analyst\nimport threading\nthreading.Timer(0.3, lambda: os._exit(3)).start()",
        "wait": "import time\ntime.sleep(0.8)",
        "found dead": "%%role analyst\n1",
        "last pid": "%%role analyst\nimport os\nprint(os.getpid())",
        "text and table": "%%role analyst\nprint('text')\nimport pandas as pd\npd.DataFrame({'a': [1]})",
        "as nbval wants it": "# NBVAL_RAISES_EXCEPTION\n1 / 0",
        "short error": "%%role analyst\nint('x')",
    }
    return dict(zip(["enter", *sources], run(*sources.values()), strict=True))


@pytest.fixture(scope="module")
def shown(cells):
    """The outputs of each cell, without the mark of the role, which is looked at."""
    return {name: below_the_mark(cell) for name, cell in cells.items()}


def test_streams_keep_their_names(shown):
    assert {(output["name"], output["text"]) for output in shown["streams"]} == {
        ("stdout", "out\n"),
        ("stderr", "err\n"),
    }


def test_a_table_is_shown_as_html(shown):
    assert "<table" in text(shown["table"], "text/html")
    assert text(shown["table"]).split() == ["a", "0", "1", "1", "2"]


def test_a_figure_is_shown_as_png_in_the_common_style(shown):
    assert text(shown["figure"], "image/png")
    assert text(shown["figure"]).startswith("<Figure size")
    assert text(shown["style"]) == "(True, False)"


def test_entering_a_role_loads_nothing_that_draws_holds_tables_or_debugs(shown):
    assert text(shown["loaded"]) == "set()"


def test_garbage_is_looked_for_but_not_in_what_was_imported_for_the_kernel(shown):
    assert text(shown["garbage"]) == "(True, True)"


def test_variables_stay_in_the_roles_kernel(shown):
    assert text(shown["here"]) == "False"
    assert text(shown["there"]) == "True"


def test_the_kernel_sits_in_the_roles_seat(shown):
    assert text(shown["seat"]) == "('analyst', True, True)"
    (error,) = shown["other folder"]
    assert error["ename"] == "WrongRole"
    assert "this process acts as the analyst" in error["evalue"]


def test_an_error_has_its_name_message_and_line_and_no_path(shown):
    stream, error = shown["error"]
    assert stream["text"] == "before\n"
    assert (error["ename"], error["evalue"]) == ("ZeroDivisionError", "division by zero")
    assert error["traceback"] == [
        "line 6 of the cell:  half(1)",
        "line 3 of the cell:  return x / 0",
        "ZeroDivisionError: division by zero",
    ]
    assert text(shown["after error"]) == "2"


def test_an_error_in_the_notebooks_own_kernel_is_as_short(shown):
    (error,) = shown["error here"]
    assert error["traceback"] == [
        "line 4 of the cell:  half(1)",
        "line 2 of the cell:  return x / 0",
        "ZeroDivisionError: division by zero",
    ]


def test_a_syntax_error_is_shown_without_colours(shown):
    (error,) = shown["syntax"]
    assert error["ename"] == "SyntaxError"
    assert "x = = 1" in "".join(error["traceback"])
    assert "\x1b" not in "".join(error["traceback"])


def test_other_magics_work_in_the_roles_cell(shown):
    assert shown["nested magic"] == []


def test_clearing_and_updating_outputs_keeps_the_mark(shown):
    assert text(shown["update"]) == "'second'"


def test_a_cell_cannot_ask_for_input_and_does_not_hang(shown):
    (error,) = shown["no input"]
    assert error["ename"] == "StdinNotImplementedError"


def test_a_comment_may_follow_the_name_of_the_role(shown):
    assert text(shown["comment"]) == "3"


def test_an_unknown_role_lists_the_roles(shown):
    (error,) = shown["unknown"]
    assert error["ename"] == "UnknownRole"
    assert "administrator, analyst, server" in error["evalue"]
    (error,) = shown["own"]
    assert "leave out the line %%role administrator" in error["evalue"]


def test_an_interrupt_stops_the_cell_and_keeps_the_variables(shown):
    (error,) = shown["interrupted"]
    assert error["ename"] == "KeyboardInterrupt"
    assert text(shown["after interrupt"]) == "5"


def test_a_kernel_that_dies_is_reported_and_replaced(shown):
    stream, error = shown["dead"]
    assert stream["text"] == "last words\n"
    assert error["ename"] == "RoleKernelDied"
    assert "ended in the middle of the cell (signal SIGKILL)" in error["evalue"]
    assert text(shown["after death"]) == "False"


def test_a_kernel_that_died_between_cells_is_reported(shown):
    (error,) = shown["found dead"]
    assert "ended since its last cell (exit status 3)" in error["evalue"]
    assert shown["pid"] != shown["last pid"]


def test_kernels_end_with_the_notebook(shown):
    assert ends(int(text(shown["pid"])), 0.1)
    assert ends(int(text(shown["last pid"])))


def test_a_killed_notebook_leaves_no_kernel_behind(workspace):
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        client.execute_interactive(ENTER, timeout=60)
        lines = []
        client.execute_interactive(
            "%%role analyst\nimport os, ipykernel\nprint(os.getpid(), ipykernel.get_connection_file())",
            timeout=60,
            output_hook=lambda message: lines.append(message["content"].get("text", "")),
        )
        process, file = "".join(lines).split()
        assert not ends(int(process), 0.1) and Path(file).exists()
        manager.provisioner.process.send_signal(signal.SIGKILL)
        assert ends(int(process))
        assert not Path(file).parent.exists()
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_nbval_finds_the_same_outputs_again_and_notices_other_ones(cells, tmp_path):
    """In one notebook, whose last two cells repeat two others with outputs that are not theirs."""
    names = ["enter", "text and table", "as nbval wants it", "short error", "text and table", "short error"]
    stored = [(cells[name].source, copy.deepcopy(cells[name].outputs), cells[name].execution_count) for name in names]
    again = [nbformat.v4.new_code_cell(source, outputs=left, execution_count=n) for source, left, n in stored]
    notebook = nbformat.v4.new_notebook(cells=again)
    for number in (2, 3, 5):
        notebook.cells[number].metadata["tags"] = ["raises-exception"]
    # Below the mark.
    notebook.cells[4].outputs[1]["text"] = "another text\n"
    notebook.cells[5].outputs[1]["evalue"] = "another message"
    nbformat.write(notebook, tmp_path / "page.ipynb")
    command = [sys.executable, "-m", "pytest", "-p", "nbval.plugin", "-p", "no:cacheprovider", "-rA"]
    command += ["--nbval", "--nbval-current-env", str(tmp_path)]
    # Other plugins take half as long to load as a kernel to start.
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=alone, capture_output=True, text=True, timeout=120)
    outcomes = re.findall(r"^(PASSED|FAILED) .*::Cell (\d)", done.stdout, re.MULTILINE)
    assert sorted(outcomes) == [("FAILED", "4"), ("FAILED", "5"), *(("PASSED", f"{number}") for number in range(4))]


def test_messages_over_several_lines_and_errors_without_one():
    assert compact_traceback(ValueError, ValueError("a\nb"), None, lambda file: False) == ["ValueError: a\nb"]
    assert compact_traceback(KeyboardInterrupt, KeyboardInterrupt(), None, lambda file: False) == ["KeyboardInterrupt"]


def test_long_messages_are_broken_between_words():
    message = "first " + "word " * 30 + "x" * 100 + " last\nsecond-" * 2
    lines = compact_traceback(ValueError, ValueError(message), None, lambda file: False)[0].split("\n")
    assert all(len(line) <= 76 or "x" * 100 in line for line in lines) and len(lines) > 5
    assert " ".join(" ".join(lines).split()) == " ".join(f"ValueError: {message}".split()), "no word is cut"
    assert wrapped("a  b\n\n  c") == "a  b\n\n  c", "short lines stay as they are"
