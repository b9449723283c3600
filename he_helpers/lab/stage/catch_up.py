"""What the notebooks before this one would have left, made quietly, so that any notebook can be opened first.

Each step is made by a process that has entered the proper role. What a notebook makes for later ones is made
by that notebook's own cells, those with the tag `catch-up` (`tagged_cells`); what no notebook shows, such as the
analyst's keys, is made here. A step that finds its work done does nothing. Steps that begin with "forget" take
away what the notebook itself is about to make, so that running it again gives the same outputs. Keys are never
taken away: what was encrypted under them would be lost.

A further notebook adds a row to `NOTEBOOKS`; if it leaves something for later ones, it tags the cells that make it,
and a step runs them.
"""

from __future__ import annotations

import gc
import io
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from he_helpers.errors import HEError
from he_helpers.files import alone_with, private_folder, write_private
from he_helpers.lab.stage import quorum_steps
from he_helpers.lab.stage.seat import Seat
from he_helpers.lab.workspace.doing import doing
from he_helpers.lab.workspace.workspace import PROJECT, Workspace, entered_role, environment_for

if TYPE_CHECKING:
    from he_helpers.roles.administrator import DataAdministrator
    from he_helpers.roles.analyst import DataAnalyst

BRANCH_ACCOUNTS = "branch-accounts"
# Notebook 06 uploads it beside the first and deletes it; a run that was broken off leaves it.
LATER_BRANCH_ACCOUNTS = "branch-accounts-later"
POPULATION_PROJECTIONS = "population-projections"
HEART_STUDY = "heart-study"
# Notebook 18 asks of these what answers tell.
ANSWERS = ("shops", "shops-with-ledger", "heart-answers")
# The published score of notebook 12, data/models/diabetes_risk.json.
RISK_MODEL = "diabetes_risk"

_STEP_SECONDS = 120


class CatchUpFailed(HEError, RuntimeError):
    """What an earlier notebook would have left could not be made."""


@dataclass(frozen=True)
class Step:
    """One thing that a notebook leaves.

    words: what the step does, as it is said to whoever waits for it.
    round: steps of round 1 depend on nothing, those of round 2 on what round 1 has made.
    """

    words: str
    role: str
    round: int
    make: Callable[[Seat], None]


def _make_administrator_keys(seat: Seat) -> None:
    handed_over = seat.handover / "administrator.verify_key.json"
    if handed_over.exists() and (_folder(seat) / "public_keys" / "main.key").exists():
        return
    _run_cells_of("03", seat)


def _make_analyst_keys(seat: Seat) -> None:
    if (seat.handover / "analyst.encryption_key.json").exists() and (_folder(seat) / "keyring").exists():
        return
    analyst = _analyst(seat)
    analyst.create_keys()
    analyst.hand_over(seat.handover)


def _trust_analyst(seat: Seat) -> None:
    if not (_folder(seat) / "contacts" / "analyst.json").exists():
        _administrator(seat).trust("analyst", seat.handover / "analyst.encryption_key.json")


def _trust_administrator(seat: Seat) -> None:
    if not (_folder(seat) / "contacts" / "administrator.json").exists():
        _analyst(seat).trust("administrator", seat.handover / "administrator.verify_key.json")


def _upload_branch_accounts(seat: Seat) -> None:
    if _own_copy(seat, BRANCH_ACCOUNTS) and _on_server(seat, BRANCH_ACCOUNTS):
        return
    _forget(seat, BRANCH_ACCOUNTS)
    _run_cells_of("04", seat)


def _forget_branch_accounts(seat: Seat) -> None:
    _forget(seat, BRANCH_ACCOUNTS)


def _forget_branch_account_decisions(seat: Seat) -> None:
    _forget_decisions(seat, BRANCH_ACCOUNTS)
    _forget(seat, LATER_BRANCH_ACCOUNTS)


def _forget_population_projections(seat: Seat) -> None:
    _forget(seat, POPULATION_PROJECTIONS)


def _forget_heart_study(seat: Seat) -> None:
    _forget(seat, HEART_STUDY)


def _forget_answers(seat: Seat) -> None:
    for dataset in ANSWERS:
        _forget(seat, dataset)


def _forget_joint_accounts(seat: Seat) -> None:
    _forget(seat, quorum_steps.JOINT_ACCOUNTS)


def _publish_risk_model(seat: Seat) -> None:
    from he_helpers.lab.notebook.data import DATA_FOLDER

    published = DATA_FOLDER / "models" / f"{RISK_MODEL}.json"
    # The service may be reading: it finds the old file or the new one, never a part.
    write_private(private_folder(_folder(seat) / "models") / f"{RISK_MODEL}.json", published.read_bytes())


STEPS = {
    "administrator-keys": Step(
        "making the administrator's keys, as notebook 03 does", "administrator", 1, _make_administrator_keys
    ),
    "analyst-keys": Step("making the analyst's keys", "analyst", 1, _make_analyst_keys),
    "trust-analyst": Step("giving the administrator the analyst's key", "administrator", 2, _trust_analyst),
    "trust-administrator": Step("giving the analyst the administrator's key", "analyst", 2, _trust_administrator),
    "branch-accounts": Step(
        "encrypting and uploading the branch accounts, as notebook 04 does", "administrator", 2, _upload_branch_accounts
    ),
    "forget-branch-accounts": Step(
        "taking away the branch accounts of an earlier run", "administrator", 1, _forget_branch_accounts
    ),
    "forget-branch-account-decisions": Step(
        "taking away the decisions of an earlier run", "administrator", 1, _forget_branch_account_decisions
    ),
    "forget-population-projections": Step(
        "taking away the population projections of an earlier run", "administrator", 1, _forget_population_projections
    ),
    "forget-heart-study": Step(
        "taking away the heart study of an earlier run", "administrator", 1, _forget_heart_study
    ),
    "forget-answers": Step("taking away the answers of an earlier run", "administrator", 1, _forget_answers),
    "forget-joint-accounts": Step(
        "taking away the joint accounts of an earlier run", "administrator", 1, _forget_joint_accounts
    ),
    **{
        f"{name}-keys": Step("making the custodians' keys", name, 1, quorum_steps.make_custodian_keys)
        for name in quorum_steps.CUSTODIANS
    },
    **{
        f"introduce-{name}": Step(
            "making the custodians known to each other", name, 2, quorum_steps.introduce_custodian
        )
        for name in quorum_steps.CUSTODIANS
    },
    "introduce-analyst": Step(
        "making the custodians known to the analyst", "analyst", 2, quorum_steps.introduce_analyst
    ),
    "risk-model": Step("laying the published risk score into the research folder", "research", 1, _publish_risk_model),
}

_PEOPLE = ("administrator-keys", "analyst-keys", "trust-analyst", "trust-administrator")
_CUSTODIANS = tuple(name for name in STEPS if "custodian" in name) + ("introduce-analyst",)

# What has to be there, or not to be there, before a notebook begins.
NOTEBOOKS = {
    "00": (),
    "01": (),
    "02": (),
    "03": (),
    "04": ("forget-branch-accounts", *_PEOPLE),
    "05": (*_PEOPLE, "branch-accounts"),
    "06": ("forget-branch-account-decisions", *_PEOPLE, "branch-accounts"),
    "07": ("forget-population-projections", *_PEOPLE),
    "08": ("forget-heart-study", *_PEOPLE),
    "09": (),
    "10": (),
    "11": ("administrator-keys",),
    "12": ("risk-model",),
    "13": (),
    "14": (),
    "15": (),
    "16": (),
    "17": (*_PEOPLE, "branch-accounts"),
    "18": ("forget-answers", *_PEOPLE),
    "19": (),
    "20": ("forget-joint-accounts", *_PEOPLE, *_CUSTODIANS),
    "21": ("administrator-keys",),
}


def catch_up(workspace: Workspace, notebook: str) -> None:
    """Makes what the notebook of this number, such as "06", needs to begin. Prints nothing, and says what it makes.

    Raises ValueError for an unknown number, and CatchUpFailed with what the failing process said.
    """
    if notebook not in NOTEBOOKS:
        raise ValueError(f"There is no notebook {notebook!r}. The notebooks are: {', '.join(NOTEBOOKS)}.")
    names = NOTEBOOKS[notebook]
    # Another notebook may be catching up in the same workspace, and is waited for.
    with (
        doing("Looking for what this notebook needs, and for what an earlier run of it left.") as say,
        alone_with(private_folder(workspace.root)),
    ):
        _make(workspace, names, say)


def _make(workspace: Workspace, names: Sequence[str], say: Callable[[str], None]) -> None:
    """Makes these steps: one process a role, the roles at the same time, and none a round ahead of the others."""
    rounds = sorted({STEPS[name].round for name in names})
    with ExitStack() as kept:
        roles = dict.fromkeys(STEPS[name].role for name in names)
        parts = [kept.enter_context(_Part(workspace, role, names)) for role in roles]
        for number in rounds:
            words = "; ".join(STEPS[name].words for name in names if STEPS[name].round == number)
            say(f"Part {number} of {len(rounds)}, a few seconds, where it is not done yet: {words}.")
            for part in parts:
                part.begin(number)
            failures = [part.failure_of(number) for part in parts]
            if any(failures):
                raise CatchUpFailed(
                    "What earlier notebooks leave could not be made. " + "\n".join(filter(None, failures))
                )


class _Part:
    """The process of one role, which makes its steps a round at a time, when it is told to, and ends with the block."""

    def __init__(self, workspace: Workspace, role: str, names: Sequence[str]) -> None:
        self._role = role
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "he_helpers.lab.stage.catch_up", *(n for n in names if STEPS[n].role == role)],
            env=environment_for(workspace, role),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
        )

    def __enter__(self) -> _Part:
        return self

    def __exit__(self, *raised: object) -> None:
        # Interrupted, or the part of another role failed: what still runs would work beside the next attempt.
        if raised[0] is not None:
            self._process.kill()
        # At the end of its input it ends.
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            assert stream is not None
            stream.close()
        self._process.wait()

    def begin(self, number: int) -> None:
        assert self._process.stdin is not None
        # One that has failed already says why below.
        with suppress(BrokenPipeError):
            self._process.stdin.write(_line(number))

    def failure_of(self, number: int) -> str:
        """Why the round was not made, when that is known; empty when it was made."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + _STEP_SECONDS
        # What libraries print comes on the same way, and may lack the end of its line.
        while select.select([self._process.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
            answer = self._process.stdout.readline()
            if answer.endswith(_line(number)):
                return ""
            if not answer:
                self._errors.seek(0)
                return f"The {self._role}'s part failed:\n{self._errors.read().decode(errors='replace').strip()}"
        return f"The {self._role}'s part failed:\nIt did not end within {_STEP_SECONDS} s."


def _line(number: int) -> bytes:
    """How a process is told to make this round, and how it says that the round is made."""
    return f"round {number}\n".encode("ascii")


def _run_cells_of(notebook: str, seat: Seat) -> None:
    """notebook: its number, or the beginning of its name where two share the number."""
    from he_helpers.lab.stage.tagged_cells import run_tagged_cells

    [file] = (PROJECT / "notebooks").glob(f"{notebook}*.ipynb")
    run_tagged_cells(file, seat)


def _folder(seat: Seat) -> Path:
    assert seat.folder is not None, "a step is made in a role"
    return seat.folder


def _administrator(seat: Seat) -> DataAdministrator:
    from he_helpers.roles.administrator import DataAdministrator

    return DataAdministrator(_folder(seat), seat.server, seat.passphrase())


def _analyst(seat: Seat) -> DataAnalyst:
    from he_helpers.roles.analyst import DataAnalyst

    return DataAnalyst(_folder(seat), seat.server, seat.passphrase())


def _own_copy(seat: Seat, dataset: str) -> bool:
    return (_folder(seat) / "uploads" / f"{dataset}.table").exists()


def _on_server(seat: Seat, dataset: str) -> bool:
    from he_helpers.lab.workspace.server_process import status_of

    token = (_folder(seat) / "token").read_text(encoding="ascii").strip()
    return status_of(f"{seat.server}/v1/datasets/{dataset}", token) == 200


def _forget(seat: Seat, dataset: str) -> None:
    if _own_copy(seat, dataset) or _on_server(seat, dataset):
        _administrator(seat).delete(dataset)
    _forget_decisions(seat, dataset)


def _forget_decisions(seat: Seat, dataset: str) -> None:
    """A rehearsal: what the administrator approved in an earlier run, and the noise that was paid for, shall not be
    held against this one."""
    if (_folder(seat) / "noise").exists():
        from he_helpers.roles.approval.noise import NoiseBudget

        NoiseBudget(_folder(seat) / "noise", dataset).forget()
    decisions = _folder(seat) / "decisions"
    if not decisions.exists() or not any(decisions.iterdir()):
        # Looking for some of this dataset would load what reads decisions, which takes a quarter of a second.
        return
    from he_helpers.roles.approval.decisions import Decisions

    Decisions(decisions).forget(dataset)


def main(names: list[str]) -> None:
    """Makes the named steps in this process, which must have entered their role: of each round that a line of the input
    names, and then says the line."""
    workspace, role = Workspace(), entered_role()
    if role is None:
        raise SystemExit("A step is made in a role, and this process has entered none.")
    for name in names:
        if STEPS[name].role != role:
            raise SystemExit(f"The step {name} is one of the {STEPS[name].role}, and this process acts as {role}.")
    address = (workspace.handover / "server_address").read_text(encoding="utf-8").strip()
    seat = Seat(role, workspace.folder(role), address, workspace.handover)
    for line in sys.stdin.buffer:
        # A notebook's cells print for its readers.
        with redirect_stdout(io.StringIO()):
            for name in names:
                if _line(STEPS[name].round) == line:
                    STEPS[name].make(seat)
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    # What is loaded and made stays until the end, which is soon. Python would look through it for garbage meanwhile,
    # and once more before it ends, for a fifth of the time.
    gc.disable()
    main(sys.argv[1:])
    gc.freeze()
