"""Searching evidence for secrets, in a process of whoever fears for them."""

from __future__ import annotations

import mmap
from collections.abc import Mapping, Sequence

import pandas as pd

from he_helpers.lab.evidence.collecting import Evidence
from he_helpers.lab.evidence.contents import files_below, mapped

NOT_READ = "not read"
_SHORTEST_NEEDLE = 8  # bytes; anything shorter is found by chance


def search(evidence: Evidence, needles: Mapping[str, bytes | Sequence[bytes]]) -> pd.DataFrame:
    """Counts the places in the evidence where each needle occurs.

    needles: by name, the bytes to look for; of a sequence, every member is looked for and the places are
    added up.

    Returns one row a needle, with columns imports, database, files and memory: a number of places, or "not
    read". Raises ValueError on a needle shorter than 8 bytes, which chance would find, and TypeError on one
    that is no bytes.
    """
    wanted = {name: _checked(name, needle) for name, needle in needles.items()}
    imports = None if evidence.modules is None else ["\n".join(evidence.modules).encode()]
    columns: dict[str, list[int | str]] = {
        "imports": [NOT_READ if imports is None else _places(imports, parts) for parts in wanted.values()]
    }
    areas = {
        "database": files_below(evidence.folder / "database"),
        "files": files_below(evidence.folder / "files"),
        "memory": None if evidence.why_not_read else [evidence.folder / "memory"],
    }
    for area, files in areas.items():
        if files is None:
            columns[area] = [NOT_READ] * len(wanted)
            continue
        with mapped(files) as contents:
            columns[area] = [_places(contents, parts) for parts in wanted.values()]
    return pd.DataFrame(columns, index=pd.Index(wanted, name="needle"))


def _checked(name: str, needle: bytes | Sequence[bytes]) -> list[bytes]:
    parts = [needle] if isinstance(needle, bytes) else list(needle)
    if not parts or not all(isinstance(part, bytes) for part in parts):
        raise TypeError(f"The needle {name!r} must be bytes or a sequence of bytes; encode text first.")
    if min(map(len, parts)) < _SHORTEST_NEEDLE:
        raise ValueError(
            f"The needle {name!r} has fewer than {_SHORTEST_NEEDLE} bytes; chance would find it. Take more."
        )
    return parts


def _places(contents: Sequence[bytes | mmap.mmap], parts: Sequence[bytes]) -> int:
    return sum(_count(content, part) for content in contents for part in parts)


def _count(content: bytes | mmap.mmap, part: bytes) -> int:
    # Half of a memory image is zeros, where a search for something that ends in zeros is slow.
    beginning = part.rstrip(b"\0") or part
    places = 0
    position = content.find(beginning)
    while position >= 0:
        places += content[position : position + len(part)] == part
        position = content.find(beginning, position + 1)
    return places
