"""The mark of a role in a notebook: who is at work in a cell, and whose seat this is.

A bar in the role's colour and its name in words, so that nobody depends on the colour, and a screen reader says who it
is before the output. Text keeps the colour of the reader's theme. The colours are those of the figures (Okabe and Ito).
"""

from __future__ import annotations

from he_helpers.lab.figures.protocol.course import ROLES as ROLES_IN_FIGURES
from he_helpers.lab.figures.protocol.course import article_of, colours_of
from he_helpers.lab.figures.theme import OKABE_ITO
from he_helpers.lab.workspace.workspace import Workspace

_TITLES = {role.name: role.title for role in ROLES_IN_FIGURES}
_BARS = ("solid", "double", "dashed")
_KEYRING = "keyring"  # the file of roles.keys.keyring, which is not loaded for its name
# JupyterLab and its exports break lines of an output in the middle of words, at any width. Their own words for it have
# no setting. This follows their rule in the page, and so comes before it.
_LINES_BREAK_BETWEEN_WORDS = "<style>.jp-OutputArea-output pre {word-break: normal; overflow-wrap: anywhere}</style>"


def mark_of_cell(role: str) -> dict[str, str]:
    """What stands above the outputs of a cell that ran in the process of ``role``, by MIME type."""
    return _marked(role, "Run by ", "")


def mark_of_seat(role: str | None, workspace: Workspace) -> dict[str, str]:
    """What is said to one who has entered ``role`` (None: nobody's notebook), by MIME type.

    Whether there is a keyring is looked up in the role's folder. Raises WrongRole for the folder of another role.
    """
    if role is None:
        shown = {"text/plain": "You play nobody in particular.", "text/html": "You play nobody in particular."}
    else:
        there = (workspace.folder(role) / _KEYRING).exists()
        kept = "a keyring, encrypted under your passphrase" if there else "no keyring"
        shown = _marked(role, "You are ", f". In your folder: {kept}.")
    return {**shown, "text/html": _LINES_BREAK_BETWEEN_WORDS + shown["text/html"]}


def _marked(role: str, before: str, after: str) -> dict[str, str]:
    title = _TITLES.get(role, role.replace("_", " "))
    before += article_of(title)
    number = colours_of([role])[role]
    colour, bar = OKABE_ITO[number % len(OKABE_ITO)], _BARS[number % len(_BARS)]
    return {
        "text/html": f'<div style="border-left: 8px {bar} {colour}; padding-left: 8px">'
        f"{before}<strong>{title}</strong>{after}</div>",
        "text/plain": f"{before}{title}{after}",
    }
