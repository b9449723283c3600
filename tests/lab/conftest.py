"""What the tests of the live pictures share."""

import pytest

from he_helpers.lab.widgets import live_picture


@pytest.fixture
def undrawn(monkeypatch):
    """A change puts a picture together and turns it into no pixels, which cost most of it.

    For tests of words and numbers; a picture of each kind is drawn by the test of what is stored, and by the notebooks.
    """
    monkeypatch.setattr(live_picture, "image", lambda figure, alt: {"text/html": "", "text/plain": alt})
