"""The slides: pictures of the notebooks with their words, and no need for a network."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from he_helpers.lab.workspace.workspace import PROJECT


@pytest.fixture(scope="module")
def slides():
    """The text of the page, built here; a warning of Sphinx fails it."""
    run = subprocess.run([sys.executable, "book/slides/build.py"], cwd=PROJECT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return (PROJECT / "build" / "slides" / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_slides_have_a_heading_each(slides):
    assert 8 <= len(re.findall(r"<h[12]>", slides)) <= 14


@pytest.mark.slow
def test_their_pictures_are_those_of_the_notebooks(slides):
    pictures = re.findall(r"<img\b[^>]*>", slides)
    assert len(pictures) == 6
    stored = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "notebooks").glob("*.ipynb"))
    for picture in pictures:
        alt, content = re.search(r'alt="([^"]+)"', picture)[1], re.search(r"base64,([^\"]+)", picture)[1]
        assert len(alt) > 40 and content in stored


@pytest.mark.slow
def test_they_are_shown_without_a_network(slides):
    assert "<math" in slides
    assert not re.findall(r'<(?:script|img)[^>]+src="https?:|<link[^>]+href="https?:', slides)
    scripts = re.findall(r'<script[^>]+src="([^"]+)"', slides)
    assert any("reveal" in script for script in scripts)
    for script in scripts:
        assert (PROJECT / "build" / "slides" / script.partition("?")[0]).exists()
