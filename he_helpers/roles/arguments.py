"""What the roles check of the arguments of their calls, before anything is sent or kept."""

import operator
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from he_helpers.roles.errors import InvalidName, WrongKind

T = TypeVar("T")

LARGEST_MINIMUM = 1_000_000


def checked_uuid(request_id: Any) -> str:
    """The request id in its canonical form. Raises InvalidName for anything that is no uuid."""
    try:
        return str(uuid.UUID(request_id))
    except (ValueError, AttributeError, TypeError):
        raise InvalidName(f"{request_id!r:.80} is no request id. Take one from ask() or requests().") from None


def of_kind(value: Any, kind: type[T] | tuple[type[T], ...], expected: str) -> T:
    """``value``, which must be of ``kind``. ``expected`` says in words what that is and where to get it."""
    if not isinstance(value, kind):
        raise WrongKind(f"Expected is {expected}; this is of the type {type(value).__name__}.")
    return value


def names(value: str | Iterable[str], what: str) -> tuple[str, ...]:
    """One name or several as a tuple: a text is one name, and not as many as it has letters."""
    if isinstance(value, str):
        return (value,)
    found = tuple(value) if isinstance(value, Iterable) and not isinstance(value, bytes) else (value,)
    for name in found:
        of_kind(name, str, f"{what} as a list of names, such as ['Region']")
    return found


def checked_minimum(value: Any) -> int:
    """A smallest group: a whole number from 1 to LARGEST_MINIMUM, numpy's integers included."""
    expected = f"minimum_group_size as a whole number of contributors, 1 (no limit) to {LARGEST_MINIMUM:,}"
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise WrongKind(f"Expected is {expected}; this is {value!r:.40}.")
    number = operator.index(value)
    if not 1 <= number <= LARGEST_MINIMUM:
        raise WrongKind(f"Expected is {expected}; this is {number}.")
    return number


def file_named(folder: Path, name: str, ending: str) -> Path:
    """The file of a key or a dataset in ``folder``. Raises InvalidName."""
    if not isinstance(name, str) or not name or len(name) > 100 or not name.isprintable() or set("/\\") & set(name):
        raise InvalidName(
            f"{name!r:.80} cannot be the name of a key or dataset. Use letters, digits, hyphens, underscores."
        )
    if name.startswith("."):
        raise InvalidName(f"The name {name!r:.80} begins with a dot. Begin with a letter or a digit.")
    return folder / (name + ending)
