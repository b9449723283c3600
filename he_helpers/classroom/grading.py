"""Grading a folder of submissions: `make grade SUBMISSIONS=folder`.

    python -m he_helpers.classroom.grading SUBMISSIONS [--into build/grades]

Writes grades.csv, a row for each notebook, and feedback/STUDENT/LAB.html. Whatever a submission does, it has its row.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from tqdm.auto import tqdm

from he_helpers.classroom.course import Course, Grade, NotGraded
from he_helpers.classroom.labs import LABS, lab_names
from he_helpers.classroom.sandbox.command import STANDARD, Limits, check_sandbox
from he_helpers.classroom.submissions import Submission, UnreadableSubmission, find_submissions, restored
from he_helpers.errors import HEError
from he_helpers.files import write_whole
from he_helpers.lab.workspace.workspace import PROJECT


def grade_all(submissions: Path, into: Path, labs: Path = LABS, limits: Limits = STANDARD) -> pd.DataFrame:
    """Grade what lies in the folder `submissions`; write grades.csv and the feedback into the folder `into`.

    Returns the grades, a row for each notebook: student, lab, score, out_of, remark. Of what could not be read or
    graded the score is 0, and the remark says why. Raises NoSubmissions, NoSandbox, LabIsBroken.
    """
    found, passed_over = find_submissions(submissions, lab_names(labs))
    rows = []
    with tempfile.TemporaryDirectory(prefix="he-course-") as folder:
        check_sandbox(Path(folder))
        course = Course(Path(folder, "course"), labs, limits)
        for lab in tqdm(sorted({submission.lab for submission in found}), unit="lab", disable=None):
            course.release(lab)
        for submission in tqdm(found, unit="notebook", disable=None):
            grade, remark = _grade(course, submission, into)
            row = {"student": submission.student, "lab": submission.lab}
            rows.append({**row, "score": grade.score, "out_of": grade.out_of, "remark": remark})
    grades = pd.DataFrame(rows)
    into.mkdir(parents=True, exist_ok=True)
    write_whole(into / "grades.csv", grades.to_csv(index=False).encode(), 0o600)
    for words in passed_over:
        print(f"Not graded: {words}.", file=sys.stderr)
    return grades


def _grade(course: Course, submission: Submission, into: Path) -> tuple[Grade, str]:
    released = course.released(submission.lab)
    try:
        notebook = restored(submission.read(), released)
        grade = course.grade(submission.student, submission.lab, notebook)
        course.feedback(
            submission.student, submission.lab, into / "feedback" / submission.student / f"{submission.lab}.html"
        )
    except (UnreadableSubmission, NotGraded) as error:
        points = (cell.metadata.get("nbgrader", {}) for cell in released.cells)
        out_of = sum(float(cell.get("points", 0)) for cell in points if cell.get("grade"))
        return Grade(0.0, out_of, {}), str(error)
    return grade, ""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Grade a folder of submissions.")
    parser.add_argument("submissions", type=Path, help="holds a folder for each student")
    parser.add_argument("--into", type=Path, default=PROJECT / "build" / "grades")
    chosen = parser.parse_args(arguments)
    try:
        grades = grade_all(chosen.submissions, chosen.into)
    except HEError as error:
        print(error, file=sys.stderr)
        return 1
    print(grades.to_string(index=False))
    print(f"\nWritten: {chosen.into / 'grades.csv'} and {chosen.into / 'feedback'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
