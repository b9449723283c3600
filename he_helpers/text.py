"""Text that others wrote, shown as one line that cannot pretend to be anything else on the page."""

import unicodedata

_MOST_MARKS = 2
# Printable by their category, and invisible on the page: fillers and a blank.
_INVISIBLE = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# Combining marks that show nothing: the joiner and the selectors of variants.
_INVISIBLE_MARKS = frozenset("\u034f\u180b\u180c\u180d\u180f") | {
    chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
}


def printable_line(text: str) -> str:
    """``text`` in Unicode NFC as one printable line; everything else is escaped as Python does: ``\\n``, ``\\u202e``.

    Escaped are line and paragraph separators, control and direction marks, zero-width and other invisible characters,
    spaces other than the common one, lone surrogates, code points that Unicode has not assigned, and combining marks
    without a letter before them or beyond two on one letter, which would be drawn over the lines beside. A backslash
    is doubled, so that what was written cannot be taken for an escape. Letters that run from right to left stay:
    within one line they move nothing but their neighbours.
    """
    shown: list[str] = []
    marks = _MOST_MARKS  # how many marks the last character carries: at the beginning there is none to carry one
    for character in unicodedata.normalize("NFC", text):
        mark = unicodedata.category(character) in {"Mn", "Me"}
        if character == "\\":
            shown.append("\\\\")
            marks = _MOST_MARKS
        elif not character.isprintable() or character in _INVISIBLE or character in _INVISIBLE_MARKS:
            shown.append(_escaped(character))
            marks = _MOST_MARKS
        elif not mark:
            shown.append(character)
            marks = _MOST_MARKS if character == " " else 0
        elif marks < _MOST_MARKS:
            shown.append(character)
            marks += 1
        else:
            shown.append(_escaped(character))
    return "".join(shown)


def is_printable_line(text: str) -> bool:
    """Whether ``text`` is shown as it is: printable_line() escapes nothing of it but backslashes."""
    if text.isascii():
        return text.isprintable()
    return printable_line(text) == unicodedata.normalize("NFC", text).replace("\\", "\\\\")


def _escaped(character: str) -> str:
    code = ord(character)
    if character in "\n\r\t":
        return repr(character)[1:-1]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
