"""A stored notebook as the rules read it, and what they find in it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbval.plugin import find_comment_markers, find_metadata_tags


@dataclass(frozen=True)
class Finding:
    """What is wrong in a cell, and what to do. cell counts from 1, text cells included; None: the whole
    notebook."""

    cell: int | None
    message: str

    def __str__(self) -> str:
        return f"cell {self.cell}: {self.message}" if self.cell else self.message


@dataclass(frozen=True)
class Cell:
    """A code cell that is not empty, with its number in the notebook."""

    number: int
    node: NotebookNode

    @property
    def source(self) -> str:
        return self.node.source

    @property
    def outputs(self) -> list[NotebookNode]:
        return self.node.outputs

    @property
    def compared(self) -> bool:
        """Whether nbval compares its output."""
        return self._options.get("check", True) and not self._options.get("skip", False)

    @property
    def may_raise(self) -> bool:
        return self._options.get("check_exception", False)

    @property
    def _options(self) -> dict[str, bool]:
        # A comment in the cell wins over its tags.
        return {**dict(find_metadata_tags(self.node.metadata)), **dict(find_comment_markers(self.source))}

    def texts(self) -> Iterator[str]:
        """The texts of its outputs as a reader sees them: of HTML without tags, of images nothing."""
        for output in self.outputs:
            if output.output_type == "stream":
                yield output.text
            elif output.output_type == "error":
                yield "\n".join([output.evalue, *output.traceback])
            else:
                for mime, content in output.data.items():
                    if mime == "text/html":
                        # A bar keeps the texts of two table cells apart.
                        yield html.unescape(re.sub(r"(?:<[^>]*>\s*)+", " | ", content))
                    elif mime.startswith("text/"):
                        yield content

    def html(self) -> str:
        parts = (output.data.get("text/html", "") for output in self.outputs if "data" in output)
        return "\n".join(parts)


@dataclass(frozen=True)
class Notebook:
    """A notebook file that was read; name: "00_start_here"."""

    node: NotebookNode
    name: str

    @classmethod
    def read(cls, path: Path) -> Notebook:
        return cls(nbformat.read(path, as_version=4), path.stem)

    @property
    def number(self) -> str:
        """ "00"; two notebooks may share one."""
        return self.name[:2]

    @property
    def cells(self) -> list[NotebookNode]:
        return self.node.cells

    @property
    def code(self) -> list[Cell]:
        numbered = enumerate(self.cells, start=1)
        return [Cell(number, cell) for number, cell in numbered if cell.cell_type == "code" and cell.source.strip()]
