"""Joint keys, made once for each number of custodians, in the smallest ring with room for smudging."""

from collections.abc import Callable
from functools import cache
from itertools import combinations

import pytest

from he_helpers.schemes.public.interface import Ciphertext
from he_helpers.schemes.secret.quorum import (
    Combined,
    JointCeremony,
    JointShare,
    PartialDecryption,
    QuorumKey,
    TooFewPartials,
)
from tests.quorum.small import SMALL_SIZES, names


def ceremonies(count: int, threshold: int, **changed) -> dict[str, JointCeremony]:
    sizes = {**SMALL_SIZES, **changed}
    return {name: JointCeremony(name, names(count), threshold, b"session", **sizes) for name in names(count)}


def carry(
    parts: dict[str, JointCeremony],
    change: Callable[[str, str, bytes], bytes] = lambda sender, recipient, letter: letter,
) -> None:
    """Take every letter to its recipient. change: what becomes of a letter on its way."""
    letters = [(name, letter) for name, part in parts.items() for letter in part.start()]
    while letters:
        sender, letter = letters.pop(0)
        content = change(sender, letter.recipient, letter.content)
        due = parts[letter.recipient].receive(sender, content)
        letters.extend((letter.recipient, one) for one in due)


@cache
def joint_shares(count: int, threshold: int) -> dict[str, JointShare]:
    parts = ceremonies(count, threshold)
    carry(parts)
    return {name: part.share() for name, part in parts.items()}


def combined_by_every_subset(
    key: QuorumKey, ciphertext: Ciphertext, partials: dict[str, PartialDecryption], values: list[int]
) -> list[Combined]:
    """What each subset that is large enough gives: the values. A smaller one is told that it is too small."""
    found = []
    for size in range(len(partials) + 1):
        for subset in combinations(partials, size):
            chosen = {name: partials[name] for name in subset}
            if size < key.threshold:
                with pytest.raises(TooFewPartials):
                    key.combine(ciphertext, chosen)
            else:
                combined = key.combine(ciphertext, chosen)
                assert combined.values.tolist() == values and combined.left_out == ()
                found.append(combined)
    return found
