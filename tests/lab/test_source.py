"""Showing the source of a helper."""

import functools
import html
import re
import textwrap
from pathlib import Path

import pytest

from he_helpers.lab.notebook import source as module
from he_helpers.lab.notebook.source import show_source, source_of


def outer():
    def inner(a):
        """Adds one."""

        # why one: it is the smallest
        return a + 1

    return inner


def len_of(text):
    return len(text)


@pytest.fixture
def displayed(monkeypatch):
    outputs = []
    monkeypatch.setattr(module, "display", lambda data, raw: outputs.append(data))
    return outputs


class Example:
    """A class."""

    @property
    def name(self):
        """A name."""
        return "x"

    def only_documented(self):
        """Nothing else."""


def test_a_nested_function_loses_its_indentation():
    assert source_of(outer()).startswith("def inner(a):\n")


def test_a_docstring_can_be_left_out_and_comments_stay():
    assert source_of(outer(), docstring=False) == textwrap.dedent(
        """\
        def inner(a):
            # why one: it is the smallest
            return a + 1"""
    )


def test_a_body_that_is_only_a_docstring_keeps_it():
    source = source_of(Example, docstring=False)
    assert "A class." not in source and "A name." not in source
    assert "Nothing else." in source
    compile(source, "example", "exec")


def test_a_property_shows_its_getter():
    assert 'return "x"' in source_of(Example.name)


@pytest.mark.parametrize("without", [3, len, functools.partial(outer)])
def test_an_object_without_source_is_refused(without):
    with pytest.raises(TypeError, match="no Python source"):
        source_of(without)


def test_what_is_displayed_holds_the_source_and_no_path(displayed):
    show_source(len_of)
    (data,) = displayed
    assert data["text/plain"] == source_of(len_of)
    assert text_of(data["text/html"]) == source_of(len_of)
    assert str(Path(__file__).parent) not in str(data)


def text_of(listing):
    """What a browser shows of HTML, which here has no other tags than these."""
    return html.unescape(re.sub(r"</?(pre|code|span)[^>]*>", "", listing))


def test_signs_of_html_in_source_are_shown_as_they_are(displayed):
    def marked(a):
        """An &amp; and a <b>."""

        return a < 1 and f"{a!r:>5}</pre>"

    show_source(marked)
    assert text_of(displayed[0]["text/html"]) == source_of(marked)


def test_keywords_strings_and_comments_are_told_apart_and_lines_break_between_words(displayed):
    show_source(outer)
    listing = displayed[0]["text/html"]
    assert 'keyword-color); font-weight: bold">def</span>' in listing
    assert 'comment-color); font-style: italic"># why one: it is the smallest</span>' in listing
    assert 'string-color)">"""Adds one."""</span>' in listing
    assert listing.startswith("<pre ") and "white-space: pre-wrap; word-break: normal;" in listing
