"""What the custodians of a dataset answer to a request, and what becomes of the request by it.

Each leaves a sealed partial decryption, which the server cannot read, or a refusal with a reason. The request becomes
released when there are as many partial decryptions as the threshold of its dataset says, and refused when there can no
longer be. The first answer of a custodian stands; repeating one is harmless. After the release the others may still
leave theirs: a wrong one is found by who combines them, and left out where there are enough.
"""

from typing import Any

from sqlalchemy import Connection, Row, insert, select

from he_helpers.server.http.problems import Problem
from he_helpers.server.release.accounts import Account
from he_helpers.server.release.request_records import find_shared, move, record
from he_helpers.server.storage.schema import custodian_answers
from he_helpers.server.storage.store import Store

PARTIAL, REFUSED, NONE = "partial decryption", "refused", "none"


def leave_partial(store: Store, request: str, account: Account, sealed: bytes) -> dict[str, Any]:
    """Keep the ``sealed`` partial decryption of a custodian. Returns what list_answers() gives.

    Raises Problem: wrong-role, not-found, wrong-order before the aggregation and after a refusal, quota-exceeded.
    """

    def step(connection: Connection) -> dict[str, Any]:
        row, custodians = _find_answered(connection, request, account)
        answers = _answers(connection, request)
        if account.name in answers:
            if answers[account.name].content is None:
                raise Problem("wrong-order", "You refused this request, and the first answer of a custodian stands.")
            return _shown(row, custodians, answers)
        if row.status not in ("aggregated", "released"):
            raise Problem(
                "wrong-order",
                f"The request is {row.status}; a partial decryption is taken once it is aggregated, "
                "until it is refused.",
                request_status=row.status,
            )
        # Of who sends them, as with letters: no custodian fills what an owner may keep.
        store.quotas.check_new_bytes(connection, account.name, len(sealed))
        _insert(connection, request, account, content=sealed, reason="")
        record(connection, row, account, "partial decryption left", f"{len(sealed)} bytes, sealed to the recipient key")
        answers = _answers(connection, request)
        partials = sum(answer.content is not None for answer in answers.values())
        if row.status == "aggregated" and partials >= row.threshold:
            move(connection, row, account, "released", f"{partials} of {len(custodians)} custodians")
        return _shown(find_shared(connection, request, account)[0], custodians, answers)

    return store.write(step)


def leave_refusal(store: Store, request: str, account: Account, reason: str) -> dict[str, Any]:
    """Keep the refusal of a custodian with its ``reason``. Returns what list_answers() gives.

    Raises Problem: wrong-role, not-found, wrong-order after an own partial decryption or once it is decided.
    """

    def step(connection: Connection) -> dict[str, Any]:
        row, custodians = _find_answered(connection, request, account)
        answers = _answers(connection, request)
        if account.name in answers:
            if answers[account.name].content is not None:
                raise Problem(
                    "wrong-order", "You left a partial decryption, and the first answer of a custodian stands."
                )
            return _shown(row, custodians, answers)
        if row.status not in ("requested", "aggregated"):
            raise Problem(
                "wrong-order",
                f"The request is {row.status}: there is nothing more to refuse.",
                request_status=row.status,
            )
        _insert(connection, request, account, content=None, reason=reason)
        record(connection, row, account, "refused by a custodian", reason)
        answers = _answers(connection, request)
        refusals = {name: answer.reason for name, answer in answers.items() if answer.content is None}
        if len(custodians) - len(refusals) < row.threshold:
            reasons = "; ".join(f"{name}: {said}" for name, said in refusals.items())
            detail = f"{len(refusals)} of {len(custodians)} custodians"
            move(connection, row, account, "refused", detail, reason=reasons)
        return _shown(find_shared(connection, request, account)[0], custodians, answers)

    return store.write(step)


def list_answers(store: Store, request: str, account: Account) -> dict[str, Any]:
    """``status``, ``threshold``, and for each custodian its ``answer`` and ``reason``.

    For the analyst who asked, and the owner and the custodians of the dataset. Raises Problem: not-found, wrong-order
    where no custodians decide.
    """
    with store.reading() as connection:
        row, custodians = find_shared(connection, request, account)
        return _shown(row, custodians, _answers(connection, request))


def read_partial(store: Store, request: str, custodian: str, account: Account) -> bytes:
    """The sealed partial decryption of ``custodian``, for the analyst who asked, once the request is released.

    Raises Problem: not-found, wrong-role, wrong-order.
    """
    with store.reading() as connection:
        row, _ = find_shared(connection, request, account)
        if row.analyst != account.name:
            raise Problem(
                "wrong-role", "It is sealed to the recipient of the request, and only the analyst who asked gets it."
            )
        if row.status != "released":
            raise Problem(
                "wrong-order",
                f"The request is {row.status}: partial decryptions are handed out when {row.threshold} are there."
                + (f" The custodians' reasons: {row.reason}" if row.status == "refused" else ""),
                request_status=row.status,
            )
        answer = _answers(connection, request).get(custodian)
    if answer is None or answer.content is None:
        raise Problem("not-found", "This custodian has left no partial decryption for the request.")
    return answer.content


def _find_answered(connection: Connection, request: str, account: Account) -> tuple[Row, tuple[str, ...]]:
    """The request that ``account`` answers, as one of its custodians, who are given too."""
    row, custodians = find_shared(connection, request, account)
    if account.name not in custodians:
        raise Problem("wrong-role", f"Only a custodian of the dataset may do that: {', '.join(custodians)}.")
    return row, custodians


def _answers(connection: Connection, request: str) -> dict[str, Row]:
    wanted = select(custodian_answers).where(custodian_answers.c.request == request)
    rows = connection.execute(wanted.order_by(custodian_answers.c.custodian))
    return {row.custodian: row for row in rows}


def _insert(connection: Connection, request: str, account: Account, *, content: bytes | None, reason: str) -> None:
    values = {"request": request, "custodian": account.name, "content": content, "reason": reason}
    connection.execute(insert(custodian_answers), values)


def _shown(row: Row, custodians: tuple[str, ...], answers: dict[str, Row]) -> dict[str, Any]:
    return {
        "status": row.status,
        "threshold": row.threshold,
        "answers": [{"custodian": name, **_answer(answers.get(name))} for name in custodians],
    }


def _answer(row: Row | None) -> dict[str, str]:
    if row is None:
        return {"answer": NONE, "reason": ""}
    return {"answer": REFUSED if row.content is None else PARTIAL, "reason": row.reason}
