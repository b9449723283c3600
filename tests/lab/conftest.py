"""What several of these tests share."""

import subprocess
from contextlib import contextmanager

import pytest

from he_helpers.lab.stage.practice import PracticeServer
from he_helpers.lab.widgets import live_picture
from he_helpers.lab.workspace import server_process


@pytest.fixture
def started(monkeypatch):
    """The processes that are started from here on."""
    processes = []

    class Recorded(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            processes.append(self)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    return processes


@pytest.fixture(scope="session")
def without_pixels():
    """A block in which a change puts a picture together and turns it into no pixels, which cost most of it.

    For tests of words and numbers; a picture of each kind is drawn by the test of what is stored, and by the notebooks.
    """

    @contextmanager
    def block():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(live_picture, "image", lambda figure, alt: {"text/html": "", "text/plain": alt})
            yield

    return block


@pytest.fixture
def undrawn(without_pixels):
    with without_pixels():
        yield


@pytest.fixture(scope="module")
def one_worker():
    """The servers that this process itself starts begin with one process to compute in, not with two."""
    with _servers_started_by(lambda command: [*command, "--workers", "1"]):
        yield


@pytest.fixture(scope="module")
def idle_servers():
    """The release servers that this process itself starts have one worker, which can compute nothing."""

    def idle(command):
        return ["tests.lab.idle_server" if word == "he_helpers.server" else word for word in command]

    with _servers_started_by(lambda command: [*idle(command), "--workers", "1"]):
        yield


@contextmanager
def _servers_started_by(changed):
    """Servers start by commands that are changed so."""
    with pytest.MonkeyPatch.context() as patch:
        for kind in (server_process._Server, server_process._ScoringService, PracticeServer):
            patch.setattr(kind, "_command", lambda self, real=kind._command: changed(real(self)))
        yield
