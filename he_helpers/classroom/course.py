"""nbgrader's course in a folder: its gradebook, the students' versions, the grading of one notebook, feedback pages.

nbgrader knows points, hidden tests and feedback. What it does with the code of a submission is replaced: the cells are
executed in the sandbox. Its exit codes and logs say little, so that what counts is read from the gradebook.
"""

from __future__ import annotations

import html
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import nbgrader.api
from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import NbGraderAPI
from nbgrader.dbutil import ALEMBIC_DIR
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    IgnorePattern,
    LimitOutput,
    NbGraderPreprocessor,
    SaveAutoGrades,
)
from sqlalchemy.exc import SAWarning
from traitlets.config import Config

from he_helpers.classroom.labs import LABS, solved
from he_helpers.classroom.sandbox.command import STANDARD, Limits
from he_helpers.classroom.sandbox.execution import run_untrusted
from he_helpers.errors import HEError

_STUB = 'raise NotImplementedError("Not solved yet. Write your lines in the place of this one.")'


class LabIsBroken(HEError, RuntimeError):
    """nbgrader could not make the student's version of a lab: a mistake of its author."""


class NotGraded(HEError, RuntimeError):
    """nbgrader could not grade a notebook."""


@dataclass(frozen=True)
class Grade:
    """What a notebook scored. tasks: points by the name of the cell that gives them."""

    score: float
    out_of: float
    tasks: dict[str, float]


class RunInSandbox(NbGraderPreprocessor):
    """In the place of nbgrader's own execution, which runs the code as whoever grades."""

    limits = STANDARD

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        run_untrusted(nb, self.limits)
        return nb, resources


class Course:
    """nbgrader's course in the folder `root`, which is made where it is not there.

    labs: the folder of the solved labs. limits: what one submission may use up.
    """

    def __init__(self, root: Path, labs: Path = LABS, limits: Limits = STANDARD) -> None:
        self.root, self._labs = root, labs
        root.mkdir(parents=True, exist_ok=True)
        runner = type("RunInSandbox", (RunInSandbox,), {"limits": limits})
        config = Config()
        config.CourseDirectory.root = str(root.resolve())
        config.CourseDirectory.course_id = "he_course"
        config.CourseDirectory.db_url = self._database = f"sqlite:///{root.resolve()}/gradebook.db"
        config.Application.log_level = "ERROR"
        config.ClearSolutions.code_stub = {"python": _STUB}
        config.OverwriteCells.add_missing_cells = True
        config.Autograde.autograde_preprocessors = [
            runner,
            IgnorePattern,
            ClearMetadataPreprocessor,
            LimitOutput,
            SaveAutoGrades,
            AssignLatePenalties,
            CheckCellMetadata,
        ]
        # A submission's text is somebody else's HTML.
        config.HTMLExporter.sanitize_html = True
        self._nbgrader = NbGraderAPI(config=config)

    def release(self, lab: str) -> NotebookNode:
        """The student's version of the lab, made anew. Raises NoSuchLab, LabIsBroken."""
        source = self.root / "source" / lab / f"{lab}.ipynb"
        source.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(solved(lab, self._labs), source)
        with _without_their_warnings():
            result = self._nbgrader.generate_assignment(lab, force=True)
        if not result["success"]:
            raise LabIsBroken(f"nbgrader could not make the student's version of {lab}:\n{_said(result)}")
        return self.released(lab)

    def released(self, lab: str) -> NotebookNode:
        """The student's version of the lab as `release` has made it."""
        return nbformat.read(self.root / "release" / lab / f"{lab}.ipynb", as_version=4)

    def grade(self, student: str, lab: str, notebook: NotebookNode) -> Grade:
        """Grade a notebook; its code runs in the sandbox alone. An earlier grade of `student` for it is replaced.

        Raises NoSandbox; NotGraded where nbgrader refuses the notebook.
        """
        submitted = self.root / "submitted" / student / lab / f"{lab}.ipynb"
        submitted.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, submitted)
        with _without_their_warnings():
            result = self._nbgrader.autograde(lab, student, force=True)
        if not result["success"]:
            raise NotGraded(f"nbgrader could not grade {lab} of {student}:\n{_said(result)}")
        with Gradebook(self._database) as gradebook:
            try:
                submission = gradebook.find_submission_notebook(lab, lab, student)
            except MissingEntry as error:
                raise NotGraded(f"nbgrader has no grade for {lab} of {student}:\n{_said(result)}") from error
            tasks = {grade.name: float(grade.score) for grade in submission.grades}
            return Grade(float(submission.score), float(submission.max_score), tasks)

    def feedback(self, student: str, lab: str, page: Path) -> None:
        """Write the page that the student gets: their notebook with outputs, points by task and the hidden tests."""
        with _without_their_warnings():
            result = self._nbgrader.generate_feedback(lab, student, force=True)
        if not result["success"]:
            raise NotGraded(f"nbgrader could not write the feedback on {lab} for {student}:\n{_said(result)}")
        written = (self.root / "feedback" / student / lab / f"{lab}.html").read_text(encoding="utf-8")
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(_with_tasks(written, self.released(lab)), encoding="utf-8")


def _with_tasks(page: str, released: NotebookNode) -> str:
    """The page with the name of its task at each check in the list of points, where nbgrader writes "Test cell"."""
    titles: dict[str, str] = {}
    task, more = "", ""
    for cell in released.cells:
        marks = cell.metadata.get("nbgrader", {})
        if marks.get("solution"):
            task, more = cell.source.splitlines()[0].removeprefix("# "), ""
        elif marks.get("grade"):
            titles[marks["grade_id"]] = html.escape(task + more)
            more = ", further checks"
    for name, title in titles.items():
        page = page.replace(f'<a href="#{name}">Test cell</a>', f'<a href="#{name}">{title}</a>')
    return page


def _said(result: dict[str, str]) -> str:
    return result.get("error") or result.get("log") or "It does not say why."


@contextmanager
def _without_their_warnings() -> Iterator[None]:
    """What SQLAlchemy tells nbgrader's makers is not shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)
        yield


def _newest_schema() -> str | None:
    """The name of the newest schema of nbgrader's database, which a new one has.

    nbgrader starts the program alembic to learn it: that takes a second, and finds none where the environment of this
    interpreter is not activated.
    """
    from alembic.script import ScriptDirectory

    return ScriptDirectory(ALEMBIC_DIR).get_current_head()


nbgrader.api.get_alembic_version = _newest_schema
