"""One browser for the pages of this folder: each test that needs a visitor of its own opens a context."""

import pytest

from tests.browser.served import chromium


# Not for the whole session: while Playwright runs, no other event loop can, and later folders have some.
@pytest.fixture(scope="package")
def browser():
    """The system's Chromium, without a window."""
    pytest.importorskip("playwright", reason="Playwright is not installed")
    with chromium() as browser:
        yield browser
