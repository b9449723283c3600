"""What git sees of a notebook that was run in JupyterLab: a change of the cells, and not that it was run.

    python -m he_helpers.lab.running.clean_notebook notebooks/NAME.ipynb < saved > seen

A filter of git (.gitattributes), which the set-up registers. A notebook that JupyterLab has saved names the version of
its Python; `make notebooks` leaves that out. Of the former, git sees the outputs and counts that are stored already, in
each cell whose source is unchanged; the latter, which alone renews stored outputs, passes as it is.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

# What a look at a notebook leaves in a cell's metadata.
_OF_THE_VIEW = ("collapsed", "execution", "jupyter", "scrolled", "trusted")
_TRIES, _PAUSE_SECONDS = 10, 0.2


def seen_by_git(saved: bytes, stored: bytes | None) -> bytes:
    """What git shall compare and store in the place of the file's bytes `saved`.

    stored: the bytes that git holds already; None for a new notebook. Bytes that are no notebook pass as they are.
    """
    notebook = _read(saved)
    if notebook is None or "version" not in notebook["metadata"].get("language_info", {}):
        return saved
    before = _read(stored) if stored is not None else None
    if before is None:
        del notebook["metadata"]["language_info"]["version"]
    else:
        notebook["metadata"] = before["metadata"]
        cells = {cell.get("id"): cell for cell in before["cells"]}
        for cell in notebook["cells"]:
            _take_over(cell, cells.get(cell.get("id"), {}))
    # As nbformat writes, which JupyterLab and `make notebooks` do alike.
    return (json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _take_over(cell: dict[str, Any], before: dict[str, Any]) -> None:
    """Give a cell whose source is unchanged what was stored with it."""
    if before.get("source") != cell["source"] or before.get("cell_type") != cell["cell_type"]:
        return
    for name in ("outputs", "execution_count"):
        if name in before:
            cell[name] = before[name]
    for name in _OF_THE_VIEW:
        cell["metadata"].pop(name, None)
        if name in before["metadata"]:
            cell["metadata"][name] = before["metadata"][name]


def _read(content: bytes) -> dict[str, Any] | None:
    try:
        notebook = json.loads(content)
        return notebook if notebook["nbformat"] == 4 and isinstance(notebook["cells"], list) else None
    except (ValueError, TypeError, KeyError):
        return None


def tell_git_after_saving(os_path: str, **_: object) -> None:
    """JupyterLab calls this after each save: git takes a file of another size for changed until it has read it again.

    Nothing is staged: only a file that git sees as unchanged, as it sees it, is read again.
    """
    if shutil.which("git") is None:
        return
    path = Path(os_path)
    if _git(path, "diff", "--quiet").returncode:
        return
    for _attempt in range(_TRIES):
        # Whoever looks at the checkout at this moment, as an editor does, holds git's lock.
        if b"index.lock" not in _git(path, "add").stderr:
            return
        time.sleep(_PAUSE_SECONDS)


def _git(path: Path, *command: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *command, "--", path.name], cwd=path.parent, capture_output=True)


def main(path: str) -> None:
    held = subprocess.run(["git", "show", f":{path}"], capture_output=True)
    stored = held.stdout if held.returncode == 0 else None
    sys.stdout.buffer.write(seen_by_git(sys.stdin.buffer.read(), stored))


if __name__ == "__main__":
    main(sys.argv[1])
