"""Text of others stays one line: whatever it holds, it ends no line, turns no text around and hides nothing."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from he_helpers.text import is_printable_line, printable_line


@pytest.mark.parametrize(
    "text",
    [
        "Annual report",
        "",
        "Größe, naïve café: 3 < 4 & 'x' | \"y\"",
        "報告書",
        "наука",
        "دراسة",
        "שלום",
        "अनुसंधान",  # vowel signs and a virama are combining marks
        "tiếng Việt",
    ],
)
def test_honest_text_is_left_alone(text):
    assert printable_line(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nfindings: none", "a\\nfindings: none"),
        ("a\r\tb", "a\\r\\tb"),
        ("a\x00\x1b[2J\x7f\x85", "a\\x00\\x1b[2J\\x7f\\x85"),
        ("a\u2028b\u2029c", "a\\u2028b\\u2029c"),
        ("\u202eevil\u202c \u2066x\u2069", "\\u202eevil\\u202c \\u2066x\\u2069"),
        ("\u200f\u200e\u061c", "\\u200f\\u200e\\u061c"),
        ("a\u200bb\u200cc\u200dd\ufeffe\u00adf\u2060g", "a\\u200bb\\u200cc\\u200dd\\ufeffe\\xadf\\u2060g"),
        ("a\u00a0b\u2003c\u3000d", "a\\xa0b\\u2003c\\u3000d"),
        ("\u3164\u2800\uffa0\u115f", "\\u3164\\u2800\\uffa0\\u115f"),
        ("a\ufe0f\u034f", "a\\ufe0f\\u034f"),
        ("a\U000e0100b\U000e01ef", "a\\U000e0100b\\U000e01ef"),
        ("\ud800x\ue000\U000e0041", "\\ud800x\\ue000\\U000e0041"),
        ("a\\nb", "a\\\\nb"),
    ],
)
def test_what_could_deceive_is_escaped(text, shown):
    assert printable_line(text) == shown


def test_combining_marks_need_a_letter_and_do_not_pile_up():
    acute, grave, dot = "\u0301", "\u0300", "\u0323"
    assert printable_line("e" + acute) == "é"
    assert printable_line("x" + acute + dot) == unicodedata.normalize("NFC", "x" + acute + dot)
    assert printable_line(acute + "a") == "\\u0301a"
    assert printable_line("a " + acute) == "a \\u0301"
    assert printable_line("\n" + acute) == "\\n\\u0301"
    assert printable_line("x" + grave * 5) == "x" + grave * 2 + "\\u0300" * 3


@given(st.text(st.characters(), max_size=60))
def test_any_text_becomes_one_printable_line(text):
    line = printable_line(text)
    assert line.isprintable() and len(line.splitlines()) <= 1
    assert not any(unicodedata.bidirectional(character) in {"LRE", "RLE", "LRO", "RLO", "PDF"} for character in line)
    line.encode()


@given(st.text(max_size=20), st.text(max_size=20))
def test_two_texts_that_differ_look_different(first, second):
    if unicodedata.normalize("NFC", first) != unicodedata.normalize("NFC", second):
        assert printable_line(first) != printable_line(second)


@pytest.mark.parametrize("text", ["", "Annual report", "a\\b", "Größe", "e\u0301", "报告", "שלום"])
def test_a_printable_line_is_one(text):
    assert is_printable_line(text)


@pytest.mark.parametrize(
    "text", ["a\nb", "\x00", "a\x7f", "é\n", "\u202eevil", "a\u200bb", "a\u00a0b", "\u0301a", "\ud800"]
)
def test_what_would_be_escaped_is_no_printable_line(text):
    assert not is_printable_line(text)


@given(st.text(max_size=20))
def test_escapes_and_only_they_make_the_difference(text):
    escaped = printable_line(text).replace("\\\\", "")
    assert is_printable_line(text) == ("\\" not in escaped)
