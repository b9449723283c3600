"""What a search found, in words; where memory could not be read here, what it found on a machine where it could."""

from __future__ import annotations

import pandas as pd

from he_helpers.lab.evidence.searching import NOT_READ

FOUND = "found"
AREAS = ("imports", "database", "files", "memory")
_NOWHERE = (0, 0, 0, 0)
# By the control's name and the needle's: what notebook 17 found on Linux. tests/lab/test_evidence.py compares them with
# the notebook's stored outputs.
ELSEWHERE: dict[str, dict[str, tuple[int | str, ...]]] = {
    "server": {
        "secret key, as written": _NOWHERE,
        "secret key, in use": _NOWHERE,
        "signature key": _NOWHERE,
        "passphrase": _NOWHERE,
        "numbers as text": _NOWHERE,
        "numbers as integers": _NOWHERE,
        "numbers as floats": _NOWHERE,
        "names of branches": (0, FOUND, 0, FOUND),
        "fingerprint of the key": (0, FOUND, 0, FOUND),
        "name of the dataset": (0, FOUND, FOUND, FOUND),
        "module of the server": (FOUND, 0, 0, FOUND),
    },
    "leaky": {
        "secret key, as written": (0, FOUND, FOUND, FOUND),
        "secret key, in use": (0, 0, 0, FOUND),
        "passphrase": _NOWHERE,
    },
}


def in_words(found: pd.DataFrame, elsewhere: str) -> pd.DataFrame:
    """What `search` found, as "found" or 0, in the same columns.

    elsewhere: "server" or "leaky", the name of the same search on a Linux machine, whose result stands, marked as
    "found elsewhere" or "0 elsewhere", where nothing could be read here.

    Raises KeyError for another name, or a needle that this search did not have.
    """
    stored = pd.DataFrame(ELSEWHERE[elsewhere], index=list(AREAS)).T
    said = pd.DataFrame(0, index=found.index, columns=found.columns, dtype=object)
    said[found.map(lambda places: isinstance(places, int) and places > 0)] = FOUND
    for area in found.columns:
        for needle in found.index[found[area] == NOT_READ]:
            said.loc[needle, area] = f"{stored.loc[needle, area]} elsewhere"
    return said
