"""Showing the source of a helper, taken from the code itself."""

from __future__ import annotations

import ast
import html
import inspect
import textwrap
from typing import Any

from IPython.display import display
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String

_STYLES = (
    (Keyword, "color: var(--jp-mirror-editor-keyword-color); font-weight: bold"),
    (Operator.Word, "color: var(--jp-mirror-editor-keyword-color); font-weight: bold"),
    (String, "color: var(--jp-mirror-editor-string-color)"),
    (Comment, "color: var(--jp-mirror-editor-comment-color); font-style: italic"),
    (Number, "color: var(--jp-mirror-editor-number-color)"),
    (Name.Function, "color: var(--jp-mirror-editor-def-color)"),
    (Name.Class, "color: var(--jp-mirror-editor-def-color)"),
)


def source_of(obj: Any, docstring: bool = True) -> str:
    """The source of a function, method, class, property or module, without its common indentation.

    docstring: False leaves out the docstrings in it.

    Raises TypeError for an object that has no Python source (a value, or something compiled).
    """
    subject: Any = obj.fget if isinstance(obj, property) else obj
    try:
        source = textwrap.dedent(inspect.getsource(subject))
    except (TypeError, OSError):
        raise TypeError(
            f"There is no Python source for this {type(obj).__name__}. Give a function, a class or a module "
            "that is written in Python."
        ) from None
    return source.rstrip() if docstring else _without_docstrings(source).rstrip()


def show_source(obj: Any, docstring: bool = True) -> None:
    """Displays the source of `obj` (see `source_of`) as a block of Python code.

    Its lines are broken between words where the page is narrow, and its colours are those of the reader's theme.
    """
    source = source_of(obj, docstring)
    # A block of code in Markdown would lose its monospaced font in exported HTML, and break in the middle of words.
    style = "margin: 0; padding: 0; font-size: 13px; white-space: pre-wrap; word-break: normal; overflow-wrap: anywhere"
    listing = f'<pre style="{style}"><code>{_in_colours(source)}</code></pre>'
    display({"text/html": listing, "text/plain": source}, raw=True)


def _in_colours(source: str) -> str:
    """The source as HTML. The colours are JupyterLab's names for those of its editor, which its exports know too."""
    parts = []
    for token, text in PythonLexer(ensurenl=False).get_tokens(source):
        style = next((style for kind, style in _STYLES if token in kind), None)
        escaped = html.escape(text, quote=False)
        parts.append(f'<span style="{style}">{escaped}</span>' if style else escaped)
    return "".join(parts)


def _without_docstrings(source: str) -> str:
    lines = source.splitlines()
    dropped: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if ast.get_docstring(node) is None or len(node.body) == 1:
            continue  # a body that is only a docstring needs it
        text, following = node.body[0], node.body[1]
        assert text.end_lineno is not None, "ast.parse() sets it"
        if following.lineno == text.end_lineno:
            continue
        dropped.update(range(text.lineno, text.end_lineno + 1))
        # The blank line that sets the docstring off from what follows goes with it.
        if text.end_lineno < len(lines) and not lines[text.end_lineno].strip():
            dropped.add(text.end_lineno + 1)
    return "\n".join(line for number, line in enumerate(lines, start=1) if number not in dropped)
