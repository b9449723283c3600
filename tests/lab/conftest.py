"""What several of these tests share."""

import pytest

from he_helpers.lab.widgets import live_picture
from he_helpers.lab.workspace import server_process


@pytest.fixture
def undrawn(monkeypatch):
    """A change puts a picture together and turns it into no pixels, which cost most of it.

    For tests of words and numbers; a picture of each kind is drawn by the test of what is stored, and by the notebooks.
    """
    monkeypatch.setattr(live_picture, "image", lambda figure, alt: {"text/html": "", "text/plain": alt})


@pytest.fixture(scope="module")
def one_worker():
    """The servers that this process itself starts begin with one process to compute in, not with two."""
    with pytest.MonkeyPatch.context() as patch:
        for kind in (server_process._Server, server_process._ScoringService):

            def shorter(self, real=kind._command):
                return [*real(self), "--workers", "1"]

            patch.setattr(kind, "_command", shorter)
        yield
