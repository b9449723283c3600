"""Notebooks that make and use the same dataset: told to run at the same moment, they run one after the other."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from he_helpers.lab.running.execute import execute
from he_helpers.lab.workspace import turns
from he_helpers.lab.workspace.server_process import start_server, stop_server
from he_helpers.lab.workspace.turns import Turn
from he_helpers.lab.workspace.workspace import Workspace

SECONDS = 30


class Taking(threading.Thread):
    def __init__(self, turn):
        super().__init__(daemon=True)
        self._turn = turn
        self.start()

    def run(self):
        self._turn.take()

    def passed(self, within):
        self.join(within)
        return not self.is_alive()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(turns, "_IDLE_SECONDS", 0.5)
    return tmp_path


@pytest.fixture
def said(monkeypatch):
    """What is said to whoever waits, and that it is gone."""
    words = []

    @contextmanager
    def recorded(sentence):
        words.append(sentence)
        yield
        words.append("gone")

    monkeypatch.setattr(turns, "doing", recorded)
    return words


def test_those_that_use_it_run_together_and_whoever_makes_it_alone(folder, said):
    users, maker = [Turn(folder, alone=False), Turn(folder, alone=False)], Turn(folder, alone=True)
    assert all(Taking(user).passed(SECONDS) for user in users)
    waiting = Taking(maker)
    users[0].rest()
    assert not waiting.passed(1.5)
    assert said == ["Waiting for another notebook, whose cells use the same dataset just now."]
    users[1].rest()
    assert waiting.passed(SECONDS)
    assert said[1:] == ["gone"]
    assert not Taking(users[0]).passed(1.5)
    maker.rest()


def test_a_notebook_whose_next_cell_follows_at_once_keeps_its_turn(folder, monkeypatch):
    # Far longer than the pauses below, also on a machine that is busy.
    monkeypatch.setattr(turns, "_IDLE_SECONDS", 5)
    first, second = Turn(folder, alone=True), Turn(folder, alone=True)
    first.take()
    waiting = Taking(second)
    for _ in range(20):
        first.rest()
        time.sleep(0.3)
        first.take()
    assert not waiting.passed(0)
    first.rest()
    assert waiting.passed(SECONDS)


# The status of the dataset: without the roles, which take half of a kernel's start to load.
ASKING = """\
from he_helpers.lab.workspace.server_process import status_of
status_of(f"{seat.server}/v1/datasets/branch-accounts", (seat.folder / "token").read_text())"""
USING = [
    "from he_helpers import lab\nseat = lab.enter('administrator', notebook='05')",
    "from pathlib import Path\nPath('03_runs').touch()",
    "import time\ntime.sleep(5)",
    ASKING,
]
MAKING = [
    "import time\nfrom pathlib import Path\nwhile not Path('03_runs').exists():\n    time.sleep(0.1)",
    "from he_helpers import lab\nseat = lab.enter('administrator', notebook='04')",
    ASKING,
]


@pytest.mark.slow
def test_a_dataset_is_not_taken_away_from_a_notebook_that_runs(tmp_path, one_worker):
    workspace = Workspace(tmp_path / "workspace")
    start_server(workspace)
    paths = [tmp_path / "using.ipynb", tmp_path / "making.ipynb"]
    for path, sources in zip(paths, (USING, MAKING), strict=True):
        nbformat.write(new_notebook(cells=[new_code_cell(source) for source in sources]), path)
    try:
        with ThreadPoolExecutor(2) as pool:
            using, making = pool.map(lambda path: execute(path, workspace), paths)
    finally:
        stop_server(workspace)
    assert using.cells[-1].outputs[0].data["text/plain"] == "200", "it is there as long as it is used"
    assert making.cells[-1].outputs[0].data["text/plain"] == "404"
    # That it had to wait is no output that stays.
    assert not [output for output in making.cells[1].outputs if output.output_type == "stream"]
