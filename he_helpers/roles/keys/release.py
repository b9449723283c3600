"""A release: one decrypted, rounded result, signed by the administrator, sealed to the analyst.

Why rounded. A CKKS decryption is the result plus a small error, and that error depends on the secret key:
from two ciphertexts and their exact decryptions the key can be computed (Li and Micciancio, "On the Security
of Homomorphic Encryption on Approximate Numbers", ePrint 2020/1533). Rounding to the precision of the data
removes the digits in which the error lies. That is a defence and no proof: where a true value lies close to a
rounding boundary, the rounded digit still depends on the error. Two more things protect here: the analyst
never sees a ciphertext, and integer schemes (the default) have no such error at all.

Why signed. A sealed box (libsodium's crypto_box_seal) is anonymous: anyone who knows the analyst's public key
can make one, so the server could seal numbers of its own. The signature says who made the result, and it
covers the request, the dataset, the query and the recipient, so that the server cannot answer one request
with the result of another and nobody can pass a signed result on as if it had been made for somebody else.

Layout before sealing: an Ed25519 signature (64 bytes), then a msgpack map. Every number is a 64-bit float, so
that the length of what the server relays says nothing about the values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgpack
import numpy as np
from nacl.public import PrivateKey
from nacl.signing import SigningKey

from he_helpers.roles.errors import WrongRelease
from he_helpers.roles.keys.contacts import ENCRYPTION_KEY, Contact
from he_helpers.roles.keys.sealed import open_signed, sign_and_seal
from he_helpers.tables.disclosure.rounding import round_to_base

if TYPE_CHECKING:
    import pandas as pd

# A mean of n values with d decimals is known to about d + log10(sqrt(n)) decimals; two more than the data
# serve n up to 10,000.
MEAN_EXTRA_DECIMALS = 2
_VERSION = 1
_DOMAIN = b"he_helpers release 1\x00"  # a signature made for anything else is none of a release
_MEMBERS = {
    "version",
    "request",
    "dataset",
    "query",
    "recipient",
    "labels",
    "groups",
    "columns",
    "decimals",
    "values",
}


@dataclass(frozen=True, eq=False)
class Release:
    """The result of one request.

    ``request`` is its uuid, ``query`` what Query.to_dict() gives, over ``dataset``.

    ``recipient`` is the fingerprint of the analyst's encryption key. ``table`` is a DataFrame, one row a
    group, as round_result gives it, and ``decimals`` the number of decimals of each of its columns.
    """

    request: str
    dataset: str
    query: Mapping[str, Any]
    recipient: str
    table: pd.DataFrame
    decimals: Mapping[str, int]

    def to_bytes(self) -> bytes:
        index = self.table.index
        return msgpack.packb(
            {
                "version": _VERSION,
                "request": self.request,
                "dataset": self.dataset,
                "query": dict(self.query),
                "recipient": self.recipient,
                "labels": list(index.names),
                "groups": [[_plain(label) for label in _labels(group)] for group in index],
                "columns": list(self.table.columns),
                "decimals": [self.decimals[name] for name in self.table.columns],
                "values": [[float(value) for value in self.table[name]] for name in self.table.columns],
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Release:
        """Read what ``to_bytes`` gave. Raises WrongRelease for anything else."""
        import pandas as pd

        try:
            members = msgpack.unpackb(data)
            if set(members) != _MEMBERS or members["version"] != _VERSION:
                raise ValueError
            decimals = dict(zip(members["columns"], members["decimals"], strict=True))
            values = dict(zip(members["columns"], members["values"], strict=True))
            table = pd.DataFrame(values, index=_index(members["groups"], members["labels"]), dtype=np.float64)
            return cls(
                members["request"],
                members["dataset"],
                members["query"],
                members["recipient"],
                round_result(table, decimals),
                decimals,
            )
        except (ValueError, TypeError, KeyError, msgpack.UnpackException, RecursionError):
            raise WrongRelease(
                "The signed content is not a release of this version. Use the same version of he_helpers on both sides."
            ) from None


def finish(
    table: pd.DataFrame,
    statistic: str,
    decimals: Mapping[str, int],
    group_sizes: pd.Series,
    *,
    disturb: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
    base: int | None = None,
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Round a decrypted aggregate to what may be released; returns the table and the decimals of its columns.

    ``decimals`` are those of the dataset's columns, ``group_sizes`` the rows of each group. Sums keep the
    data's decimals, counts have none, means get MEAN_EXTRA_DECIMALS more; they are made from rounded sums,
    since otherwise the error of a CKKS decryption would still show in their last digits.
    So what leaves of CKKS carries no noise and may go to somebody who has the ciphertext: a table whose rounded
    sums could be wrong is refused before encryption. For numbers that are not rounded so: decrypt_flooded.

    ``disturb`` adds noise to sums, ``base`` is what released sums are multiples of (see round_to_base); in this order,
    and both leave counts alone, which readable labels tell. Sums that were rounded to a base have no decimals, and
    means are made from these sums.
    """
    kept = {name: decimals.get(name, 0) for name in table.columns}
    if statistic == "count":
        return round_result(table, kept), kept
    sums = round_result(table if statistic == "sum" else table.mul(group_sizes, axis="index"), kept)
    if disturb is not None:
        sums = disturb(sums)
    if base is not None:
        sums = round_to_base(sums, base)
    if statistic == "sum":
        kept = kept if base is None else dict.fromkeys(kept, 0)
        return round_result(sums, kept), kept
    kept = {name: own + MEAN_EXTRA_DECIMALS for name, own in kept.items()}
    return round_result(sums.div(group_sizes, axis="index"), kept), kept


def round_result(table: pd.DataFrame, decimals: Mapping[str, int]) -> pd.DataFrame:
    """Round each column to its ``decimals``; a column without decimals becomes int64, the others float64."""
    import pandas as pd

    rounded = {}
    for name in table.columns:
        # Adding zero turns -0.0, which would show the sign of what was rounded away, into 0.0.
        values = np.array([round(float(value), decimals[name]) + 0.0 for value in table[name]], dtype=np.float64)
        rounded[name] = values if decimals[name] else values.astype(np.int64)
    return pd.DataFrame(rounded, index=table.index)


def seal(release: Release, signing_key: SigningKey, recipient: Contact) -> bytes:
    """Sign ``release`` and seal it to an analyst's encryption key: all that the server gets to see.

    Raises WrongRelease when the release names another recipient.
    """
    if recipient.kind != ENCRYPTION_KEY or release.recipient != recipient.fingerprint:
        raise WrongRelease("The release was made for another recipient than the key that it is to be sealed to.")
    return sign_and_seal(_DOMAIN, release.to_bytes(), signing_key, recipient)


def unseal(
    sealed: bytes,
    private_key: PrivateKey,
    administrator: Contact,
    *,
    request: str,
    dataset: str,
    query: Mapping[str, Any],
) -> Release:
    """Open a sealed release, and return it only when it is what was asked for.

    ``administrator`` is the verify key that the analyst got in person; request, dataset and query are the
    analyst's own record of what was asked. Raises NotForThisKey, ForgedRelease, WrongRelease.
    """
    content = open_signed(_DOMAIN, sealed, private_key, administrator, "result", "administrator")
    release = Release.from_bytes(content)
    recipient = Contact(ENCRYPTION_KEY, bytes(private_key.public_key)).fingerprint
    expected = {"request": request, "dataset": dataset, "query": dict(query), "recipient": recipient}
    wrong = [name for name, value in expected.items() if getattr(release, name) != value]
    if wrong:
        raise WrongRelease(
            f"The administrator signed this result, but for something else: {', '.join(wrong)} not as you "
            "asked. "
            "The server may have exchanged results. Do not use it; tell the administrator."
        )
    return release


def _labels(group: Any) -> tuple[Any, ...]:
    return group if isinstance(group, tuple) else (group,)


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label


def _index(groups: list[list[Any]], labels: list[str | None]) -> pd.Index:
    import pandas as pd

    if len(labels) == 1:
        return pd.Index([label for (label,) in groups], name=labels[0])
    return pd.MultiIndex.from_tuples([tuple(group) for group in groups], names=labels)
