"""What is measured of a notebook: the processes of its workspace, all of them, and no others."""

import subprocess
import sys

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from he_helpers.lab.running import sizing
from he_helpers.lab.running.sizing import Meter, NotMeasured, Use, measure, table_of
from he_helpers.lab.workspace.workspace import Workspace, environment_for

pytestmark = pytest.mark.slow
MB = 10**6
# Its child has an environment of its own, as the server's workers have.
HOLDS = """
import subprocess, sys
kept = bytearray(b"x" * 60_000_000)
child = "kept = bytearray(b'x' * 60_000_000); print('ready', flush=True); input()"
subprocess.run([sys.executable, "-c", child], env={})
"""


def test_memory_of_a_workspace_is_that_of_its_processes_and_of_those_below_them(tmp_path):
    workspace = Workspace(tmp_path)
    started = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", HOLDS], env=environment_for(workspace, None), **started) as process:
        assert process.stdout.readline() == "ready\n"
        with Meter(workspace).on() as meter, Meter(Workspace(tmp_path / "another")).on() as other:
            pass
        process.communicate("\n")
    assert 120 * MB < meter.left == meter.memory < 200 * MB
    assert meter.processor > 0
    assert (other.memory, other.processor) == (0, 0)


def test_a_notebook_is_run_and_its_peak_is_seen_though_nothing_stays(tmp_path):
    source = "kept = bytearray(b'x' * 200_000_000)\nimport time\ntime.sleep(2)"
    path = tmp_path / "00_example.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(source)]), path)
    use = measure(path)
    assert use.name == "00_example"
    assert use.memory > 200 * MB > use.left
    assert use.seconds > 2
    assert use.processor > 0


def test_the_table_has_megabytes_and_whole_seconds():
    table = table_of([Use("00_example", 123_400_000, 5_600_000, 7.8, 9.1)])
    assert table.splitlines()[-1] == "| 00_example | 123 | 6 | 8 | 9 |"


def test_another_system_is_told_that_nothing_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(psutil, "LINUX", False)
    with pytest.raises(NotMeasured, match="on Linux alone"), Meter(Workspace(tmp_path)).on():
        pass


def test_the_command_line_names_what_is_not_there(capfd):
    assert sizing.main(["99"]) == 1
    assert "There is no notebook '99'" in capfd.readouterr().err
