"""What no notebook shows of custodians: their keys, whom they know, and what an earlier run of notebook 20 left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from he_helpers.lab.stage.seat import Seat
from he_helpers.lab.workspace.workspace import ACCOUNTS

if TYPE_CHECKING:
    from he_helpers.roles.custodian import Custodian

JOINT_ACCOUNTS = "joint-accounts"
JOINT_KEY = "joint"
CUSTODIANS = tuple(name for name, role in ACCOUNTS.items() if role == "custodian")


def make_custodian_keys(seat: Seat) -> None:
    """Keys handed over; and nothing left of a joint key, its letters and what was decided under it."""
    custodian = _custodian(seat)
    custodian.create_keys()
    custodian.hand_over(seat.handover)
    custodian.drop_share(JOINT_KEY)
    custodian.let_go(JOINT_ACCOUNTS)
    custodian.forget_decisions(JOINT_ACCOUNTS)
    (seat.handover / f"{seat.role}-{JOINT_KEY}.quorum_key").unlink(missing_ok=True)
    for letter in custodian.letters.waiting():
        custodian.letters.take_away(letter.sender, letter.name)


def introduce_custodian(seat: Seat) -> None:
    """Each custodian knows the others and the analyst."""
    custodian = _custodian(seat)
    for name in CUSTODIANS:
        if name != seat.role:
            custodian.trust(name, seat.handover / f"{name}.encryption_key.json")
            custodian.trust_sender(name, seat.handover / f"{name}.verify_key.json")
    custodian.trust("analyst", seat.handover / "analyst.encryption_key.json")


def introduce_analyst(seat: Seat) -> None:
    """The analyst knows the custodians, and no joint key."""
    from he_helpers.roles.quorum.analyst import QuorumAnalyst

    assert seat.folder is not None, "a step is made in a role"
    analyst = QuorumAnalyst(seat.folder, seat.server, seat.passphrase())
    for name in CUSTODIANS:
        analyst.trust_custodian(name, seat.handover / f"{name}.verify_key.json")
    analyst.quorum_keys.remove(JOINT_KEY)


def _custodian(seat: Seat) -> Custodian:
    from he_helpers.roles.custodian import Custodian

    assert seat.folder is not None and seat.role is not None, "a step is made in a role"
    return Custodian(seat.folder, seat.server, seat.passphrase(), seat.role)
