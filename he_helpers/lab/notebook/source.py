"""Showing the source of a helper, taken from the code itself."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any

from IPython.display import display


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

    Markdown, rather than coloured HTML, follows the reader's theme and stays the same from version to
    version.
    """
    source = source_of(obj, docstring)
    fence = "```"
    while fence in source:
        fence += "`"
    display({"text/markdown": f"{fence}python\n{source}\n{fence}", "text/plain": source}, raw=True)


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
