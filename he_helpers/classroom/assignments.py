"""Making the students' versions of the labs: `make assignments`.

python -m he_helpers.classroom.assignments [--into build/assignments]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
from tqdm.auto import tqdm

from he_helpers.classroom.course import Course
from he_helpers.classroom.labs import lab_names
from he_helpers.errors import HEError
from he_helpers.files import write_whole
from he_helpers.lab.workspace.workspace import PROJECT


def write_assignments(course: Course, into: Path) -> list[Path]:
    """Release each lab in `course`, write the students' versions into the folder `into`, and return the files.

    Raises LabIsBroken.
    """
    into.mkdir(parents=True, exist_ok=True)
    files = []
    for lab in tqdm(lab_names(), unit="lab", disable=None):
        path = into / f"{lab}.ipynb"
        write_whole(path, f"{nbformat.writes(course.release(lab))}\n".encode(), 0o644)
        files.append(path)
    return files


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make the students' versions of the labs.")
    parser.add_argument("--into", type=Path, default=PROJECT / "build" / "assignments")
    chosen = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="he-course-") as root:
            for path in write_assignments(Course(Path(root)), chosen.into):
                print(path)
    except HEError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
