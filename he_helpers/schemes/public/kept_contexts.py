"""Contexts that a process keeps though no key has them in use any more: without keys, or with few."""

from collections import deque
from typing import Any

# Below 5 MB each. Those of the next ring dimension have 25 MB and more.
_LARGEST_RING = 8192
_kept: deque[Any] = deque(maxlen=0)


def keep_contexts(count: int) -> None:
    """Keep the small contexts that were used last, up to ``count`` of them; 0, as at first, gives all up.

    For a process that reads one key after another, mostly under the same parameters.
    """
    global _kept
    _kept = deque(_kept, maxlen=count)


def keeps_contexts() -> bool:
    """Whether this process keeps any."""
    return bool(_kept.maxlen)


def note_use(context: Any, parameters: Any) -> None:
    """A key of these parameters, which were checked, was read, and has this shared context in use."""
    if keeps_contexts() and parameters.ring_dimension <= _LARGEST_RING:
        if context in _kept:
            _kept.remove(context)
        _kept.append(context)
