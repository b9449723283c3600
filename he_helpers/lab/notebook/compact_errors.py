"""Tracebacks that a learner can read and a stored output can hold: no local paths, no colours, no library's
insides.

An error in a notebook shows the lines of the learner's own cells that led to it, the functions of
he_helpers that it passed through, and its message. `%xmode Verbose` brings back IPython's own tracebacks,
`%xmode Context` these.
"""

from __future__ import annotations

import linecache
import textwrap
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

# As many columns as JupyterLab shows at 800 pixels.
_WRAPPER = textwrap.TextWrapper(
    76, subsequent_indent="    ", replace_whitespace=False, break_long_words=False, break_on_hyphens=False
)
_MAGIC = "get_ipython()."  # what IPython puts in place of a magic: the whole cell on one line
_MODE_OF_COMPACT_ERRORS = "Context"  # IPython's default


def compact_traceback(
    kind: type[BaseException],
    error: BaseException | None,
    trace: TracebackType | None,
    is_cell: Callable[[str], bool],
) -> list[str]:
    """The lines of a compact traceback; `is_cell` says whether a file name is that of a notebook cell."""
    lines = []
    for frame, number in traceback.walk_tb(trace):
        file = frame.f_code.co_filename
        module = frame.f_globals.get("__name__", "")
        if is_cell(file):
            source = linecache.getline(file, number).strip()
            if not source.startswith(_MAGIC):
                lines.append(f"line {number} of the cell:  {source}")
        elif module.startswith("he_helpers."):
            lines.append(f"in {module}:  {frame.f_code.co_qualname}")
    message = str(error)
    lines.append(f"{kind.__name__}: {message}" if message else kind.__name__)
    return [wrapped(line) for line in lines]


def wrapped(text: str) -> str:
    """The text with long lines broken between words: JupyterLab breaks those that it has to in the middle of words."""
    lines = text.split("\n")
    return "\n".join(_WRAPPER.fill(line) if len(line) > _WRAPPER.width else line for line in lines)


def use_compact_errors(shell: InteractiveShell) -> None:
    """Lets `shell` show compact tracebacks. Doing it twice is harmless."""
    formatter = shell.InteractiveTB
    original = formatter.structured_traceback
    if original.__module__ == __name__:
        return

    def structured_traceback(
        etype: type,
        evalue: BaseException | None,
        etb: TracebackType | None = None,
        tb_offset: int | None = None,
        context: int = 5,
    ) -> list[str]:
        if formatter.mode != _MODE_OF_COMPACT_ERRORS:
            return original(etype, evalue, etb, tb_offset, context)
        return compact_traceback(etype, evalue, etb, lambda file: shell.compile.format_code_name(file) is not None)

    formatter.structured_traceback = structured_traceback  # type: ignore[method-assign]  # of this shell alone
