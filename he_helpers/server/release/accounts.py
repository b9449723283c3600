"""Accounts and their bearer tokens."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, insert, select

from he_helpers.server.account_roles import ACCOUNT_ROLES
from he_helpers.server.http.problems import Problem
from he_helpers.server.release.audit import SERVER, record_event
from he_helpers.server.storage.schema import accounts
from he_helpers.server.storage.store import Store

_TOKEN_BYTES = 32
# Written once: each request looks its account up.
_OF_TOKEN = select(accounts).where(accounts.c.token_hash == bindparam("claimed"))
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Account:
    """Who sent a request: ``role`` is one of ACCOUNT_ROLES."""

    name: str
    role: str

    def check_role(self, *roles: str) -> None:
        """Raise Problem (wrong-role) unless this account has one of ``roles``."""
        if self.role not in roles:
            needed = " or ".join(roles)
            raise Problem("wrong-role", f"This needs the role of {needed}; the account {self.name!r} is {self.role}.")


def new_token() -> str:
    """A fresh token: 256 random bits."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def add_account(store: Store, name: str, role: str, token: str | None = None) -> str:
    """Create an account and return its token, which is stored nowhere and cannot be shown again.

    token: one of new_token(), for who has to keep it before the account is there; None: a fresh one.

    Raises ValueError for an unknown role, an unsuitable name, or one that is taken: by another account, or by the
    server itself in the audit trail.
    """
    if role not in ACCOUNT_ROLES:
        raise ValueError(f"There is no role {role!r}; the roles are {' and '.join(ACCOUNT_ROLES)}.")
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is no name for an account: 1 to 64 small letters, digits, dots, dashes and "
            "underscores, beginning with a letter or a digit."
        )
    if name == SERVER:
        raise ValueError(f"The audit trail calls what the server does by itself {name!r}; choose another name.")
    token = new_token() if token is None else token
    readers = {"custodians": (name,)} if role == "custodian" else {"owner": name, "analyst": name}

    def step(connection: Connection) -> None:
        if connection.execute(select(accounts.c.name).where(accounts.c.name == name)).first():
            raise ValueError(f"There is already an account {name!r}; choose another name.")
        connection.execute(insert(accounts), {"name": name, "role": role, "token_hash": _hash(token)})
        record_event(connection, account=name, role=role, action="account added", **readers)

    store.write(step)
    return token


def find_account(store: Store, token: str) -> Account | None:
    """The account that ``token`` belongs to, or None."""
    claimed = _hash(token)
    with store.reading() as connection:
        row = connection.execute(_OF_TOKEN, {"claimed": claimed}).first()
    # The look-up is by the hash, whose timing tells nothing about another token; the comparison that decides
    # takes the same time wherever the two differ, and is made for an unknown token too.
    known = hmac.compare_digest(claimed, row.token_hash if row else _hash(""))
    return Account(row.name, row.role) if row and known else None


def _hash(token: str) -> str:
    # A fast hash is right here: a token is 256 random bits, so there is nothing to guess that a slow one
    # would protect.
    return hashlib.sha256(token.encode()).hexdigest()
