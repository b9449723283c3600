"""What an administrator or a custodian was shown of each request, and decided: the own record, not the server's word.

Each request has up to two files in the folder: ``REQUEST.shown.json``, what review() showed last, and ``REQUEST.json``,
the decision. They are private and written whole or not at all, so that a new process goes on where the last one ended.

Apart from these, ``REQUEST.others-DIGEST.json`` keeps what the server once told of a release by other custodians. It is
the server's word, and it stays: nothing that the server tells later changes it or takes it away.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from he_helpers.files import private_folder, read_private, write_private
from he_helpers.roles.approval.ledger import Answered
from he_helpers.roles.errors import DamagedRecord

_LARGEST_RECORD = 2**28  # the sizes of some hundred thousand groups


@dataclass(frozen=True)
class Shown:
    """What a person saw of a request: its ``subject``, the ``findings``, and what was ``approved_before``, in words."""

    subject: dict[str, Any]
    findings: list[str]
    approved_before: list[str]


@dataclass(frozen=True)
class Refusal:
    """Why a request on ``dataset`` was refused."""

    reason: str
    dataset: str


@dataclass(frozen=True)
class Approval:
    """What was approved: the result of ``subject`` for ``recipient``; ``answered`` is what later requests are compared
    with."""

    reason: str
    dataset: str
    recipient: str
    subject: dict[str, Any]
    answered: Answered


@dataclass(frozen=True)
class ByOthers:
    """What others released for ``recipient``, by the server's word; not ``released``: some agreed, so they may have."""

    request: str
    dataset: str
    recipient: str
    released: bool
    answered: Answered

    @property
    def name(self) -> str:
        """Of its record: another for another query, or another table, under the same id."""
        about = json.dumps([self.answered.table, self.answered.query], sort_keys=True)
        return f"{self.request}.others-{hashlib.sha256(about.encode()).hexdigest()[:32]}.json"


Decision = Approval | Refusal
Record = TypeVar("Record")


class Decisions:
    """The records in ``folder`` (mode 0700), by the canonical form of a request's uuid."""

    def __init__(self, folder: Path | str):
        self.folder = private_folder(folder)

    def show(self, request: str, shown: Shown) -> None:
        """Keep what was shown, in the place of what was shown before."""
        self._write(f"{request}.shown.json", asdict(shown))

    def shown(self, request: str) -> Shown | None:
        """What was shown last, None when nothing was."""
        return self._read(self.folder / f"{request}.shown.json", lambda fields: Shown(**fields))

    def record(self, request: str, decision: Decision) -> None:
        kind = "approved" if isinstance(decision, Approval) else "refused"
        self._write(f"{request}.json", {"decision": kind, **asdict(decision)})

    def decision(self, request: str) -> Decision | None:
        """What was decided, None when nothing was."""
        return self._read(self.folder / f"{request}.json", _decision)

    def approved(self, dataset: str, *, but: str) -> list[Approval]:
        """The approvals on ``dataset``, on tables that were replaced, too; without that of the request ``but``."""
        requests = sorted(path.stem for path in self.folder.glob("*.json") if "." not in path.stem)
        decisions = [self.decision(request) for request in requests if request != but]
        return [found for found in decisions if isinstance(found, Approval) and found.dataset == dataset]

    def hear(self, heard: ByOthers) -> None:
        """Keep what the server told of others."""
        self._write(heard.name, asdict(heard))

    def heard(self, dataset: str) -> list[ByOthers]:
        """What the server ever told of releases by others on ``dataset``, on tables that were replaced, too."""
        read = [self._read(path, _by_others) for path in sorted(self.folder.glob("*.others-*.json"))]
        return [heard for heard in read if heard is not None and heard.dataset == dataset]

    def forget(self, dataset: str) -> None:
        """Remove every record on ``dataset``. For rehearsals alone: what was released once stays released."""
        for path in self.folder.glob("*.json"):
            if self._read(path, _dataset) == dataset:
                path.unlink()

    def _write(self, name: str, fields: dict[str, Any]) -> None:
        write_private(self.folder / name, json.dumps(fields, indent=2).encode())

    @staticmethod
    def _read(file: Path, make: Callable[[dict[str, Any]], Record]) -> Record | None:
        if not file.exists():
            return None
        try:
            return make(json.loads(read_private(file, _LARGEST_RECORD)))
        except (ValueError, TypeError, KeyError):
            raise DamagedRecord(
                f"{file} is no record of a decision, or one of another version of he_helpers. It says what was "
                "released, so it is not passed over: restore it from a copy, or move it away."
            ) from None


def _decision(fields: dict[str, Any]) -> Decision:
    kind = fields.pop("decision")
    if kind == "refused":
        return Refusal(fields["reason"], fields["dataset"])
    if kind == "approved":
        return Approval(**{**fields, "answered": Answered(**fields["answered"])})
    raise ValueError(f"no decision: {kind!r}")


def _by_others(fields: dict[str, Any]) -> ByOthers:
    return ByOthers(**{**fields, "answered": Answered(**fields["answered"])})


def _dataset(fields: dict[str, Any]) -> str:
    """The dataset that a file is about, which holds what was shown or a decision."""
    return (fields if "dataset" in fields else fields["subject"])["dataset"]
