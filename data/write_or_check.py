"""What the scripts of this folder share: write a table whole, or compare it with the one that is there."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path


def write_or_check(content: str, path: Path, arguments: Sequence[str] | None = None) -> int:
    """Write `content` (ASCII text, line ends as they are) to `path`, or with ``--check`` only compare.

    `arguments` are those of the command line (default: `sys.argv`). Returns the exit code: 0, or 1 when the
    comparison finds a difference or no file. Writing goes through a temporary file that then replaces `path`,
    so nobody ever reads half a table.
    """
    parser = argparse.ArgumentParser(description=f"Make {path.name}.")
    parser.add_argument("--check", action="store_true", help="compare with the file there, write nothing")
    made = content.encode("ascii")
    if parser.parse_args(arguments).check:
        return _compare(made, path)
    temporary = path.with_name(path.name + ".part")
    temporary.write_bytes(made)
    os.replace(temporary, path)
    print(f"{path.name}: {len(made)} bytes written")
    return 0


def _compare(made: bytes, path: Path) -> int:
    there = path.read_bytes() if path.exists() else b""
    if there == made:
        print(f"{path.name}: as its script makes it")
        return 0
    pairs = zip(there.splitlines(), made.splitlines(), strict=False)
    common = next((i for i, (old, new) in enumerate(pairs, 1) if old != new), None)
    where = f"first in line {common}" if common else f"{len(there)} bytes, {len(made)} expected"
    print(
        f"{path.name}: differs from what its script makes ({where}); run the script without --check, "
        "or restore the file",
        file=sys.stderr,
    )
    return 1
