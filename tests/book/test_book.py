"""The book: every notebook and word is in it, it is read without a network, and nothing serious bars anybody."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from he_helpers.lab.workspace.workspace import PROJECT
from tests.browser.served import CHROMIUM, chromium

NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
# Those of the course's design.
WORDS = """key generation, public key, secret key, relinearisation keys, Galois keys, plaintext, ciphertext, slot,
batching, packing, ring dimension, coefficient modulus, plaintext modulus, scale, noise budget,
multiplicative depth, rescaling, noise flooding, smudging, partial decryption, common reference string,
data administrator, data analyst, server, custodian, contributor, release request, approval, evaluation"""


@pytest.fixture(scope="module")
def book():
    """The folder of the book, built here; a warning of Sphinx fails it."""
    run = subprocess.run([sys.executable, "book/build.py"], cwd=PROJECT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return PROJECT / "build" / "book"


@pytest.mark.slow
def test_every_notebook_has_a_page_that_the_front_page_leads_to(book):
    index = (book / "book" / "index.html").read_text()
    assert 'url=book/index.html"' in (book / "index.html").read_text()
    for path in NOTEBOOKS:
        assert (book / "notebooks" / f"{path.stem}.html").exists()
        assert f"notebooks/{path.stem}.html" in index


@pytest.mark.slow
def test_the_code_of_a_solution_is_folded_and_its_output_too(book):
    page = (book / "notebooks" / "02_inside_a_ciphertext.html").read_text()
    [solution, *_] = re.findall(r'<div class="cell tag_hide-input[^"]*docutils container">.*?</details>', page, re.S)
    assert "<details" in solution and "Solution of" in solution
    assert "<details><summary>Solution of 02-1</summary>" in page


@pytest.mark.slow
def test_a_number_of_the_stored_outputs_is_on_the_page(book):
    assert "[3145718 1048574 4194300" in (book / "notebooks" / "02_inside_a_ciphertext.html").read_text()


@pytest.mark.slow
def test_no_page_needs_the_network(book):
    for page in book.rglob("*.html"):
        text = page.read_text()
        loaded = re.findall(r'<(?:script|img|iframe)[^>]+src="(https?:[^"]+)"', text)
        loaded += re.findall(r'<link[^>]+rel="stylesheet"[^>]+href="(https?:[^"]+)"', text)
        assert not loaded, f"{page.name} loads {loaded}"


@pytest.mark.slow
def test_what_is_for_lecturers_is_named_and_not_in_it(book):
    assert "has plans for 90 minutes" in (book / "README.html").read_text()
    assert not [path for path in book.rglob("*") if re.match(r"TEACHING|answers|lab_\d", path.name)]


@pytest.mark.slow
def test_every_word_of_the_design_is_explained(book):
    glossary = (book / "book" / "glossary.html").read_text()
    explained = set(re.findall(r'<dt id="term-[^"]*">([^<]+)', glossary))
    assert {" ".join(word.split()) for word in WORDS.split(",")} <= explained


@pytest.mark.slow
def test_the_helpers_are_described_from_their_docstrings(book):
    api = (book / "book" / "api.html").read_text()
    assert "The file is UTF-8 (a byte-order mark is accepted)" in api
    assert 'id="he_helpers.tables.EncryptedTable' in api


PAGES = (
    "book/index",
    "book/glossary",
    "book/api",
    "README",
    "notebooks/02_inside_a_ciphertext",
    "notebooks/06_approved_decryption",
)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_nothing_serious_bars_a_reader(book):
    from axe_playwright_python.sync_playwright import Axe

    with chromium() as browser:
        found = []
        for theme in ("light", "dark"):
            page = browser.new_page(viewport={"width": 800, "height": 1000}, color_scheme=theme)
            for name in PAGES:
                page.goto(f"file://{book}/{name}.html")
                wide = page.evaluate("document.documentElement.scrollWidth")
                found += [f"{name} is {wide} pixels wide"] if wide > 800 else []
                violations = Axe().run(page).response["violations"]
                found += [
                    f"{name}, {theme}: {one['id']}" for one in violations if one["impact"] in ("serious", "critical")
                ]
            # A positive control: axe does find a barrier.
            page.evaluate("document.querySelector('h1').insertAdjacentHTML('beforeend', '<img src=x.png>')")
            assert "image-alt" in {one["id"] for one in Axe().run(page).response["violations"]}
    assert not found, found
