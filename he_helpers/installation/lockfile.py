"""Read requirements.lock: one entry a package, with its hashes and the sets that it belongs to.

The lock is a plain requirements file, which pip can install whole. A comment inside each entry names its
sets, for instance `# set: learner, checks`: one file keeps one version of a package for all sets, and pip
itself has no grouping for a file with hashes.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from he_helpers.installation.errors import InstallationError

LEARNER = "learner"
BUILD = "build"

_FIRST_LINE = re.compile(r"(?P<name>[a-z0-9][a-z0-9-]*)==(?P<version>[^\s;\\]+)(?:\s*;\s*(?P<marker>[^\\]+?))?\s*\\?")
_SET_COMMENT = re.compile(r"^ +# set: (?P<sets>.+)$", re.MULTILINE)
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})\b")


@dataclass(frozen=True)
class Entry:
    """One locked package: `name` is lower case with hyphens, `text` the entry as it stands in the lock."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    sets: frozenset[str]
    text: str


def read_entries(lock: str) -> list[Entry]:
    """Split the text of a lock into its entries, in order.

    Raises InstallationError for a line that starts an entry and pins no version with `==`.
    """
    entries = []
    for text in re.split(r"(?m)^(?=[^\s#])", lock)[1:]:
        first_line = text.split("\n", 1)[0]
        found = _FIRST_LINE.fullmatch(first_line)
        if found is None:
            raise InstallationError(
                f"requirements.lock has {first_line!r} where `name==version` is expected; renew it: make lock"
            )
        comment = _SET_COMMENT.search(text)
        entries.append(
            Entry(
                name=found["name"],
                version=found["version"],
                marker=found["marker"] or "",
                hashes=tuple(_HASH.findall(text)),
                sets=frozenset(comment["sets"].split(", ")) if comment else frozenset(),
                text=text,
            )
        )
    return entries


def known_sets(entries: Iterable[Entry]) -> frozenset[str]:
    """The names of all sets that some entry belongs to."""
    return frozenset().union(*(entry.sets for entry in entries))


def select(entries: Sequence[Entry], sets: Iterable[str]) -> list[Entry]:
    """The entries that belong to at least one of `sets`, in the order of the lock.

    Raises InstallationError for a set that no entry belongs to.
    """
    sets = set(sets)
    known = known_sets(entries)
    if unknown := sets - known:
        raise InstallationError(
            f"requirements.lock has no set {', '.join(sorted(unknown))}. It has: {', '.join(sorted(known))}."
        )
    return [entry for entry in entries if entry.sets & sets]
