"""What every checker offers, and the words for an answer that it cannot read."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from he_helpers.errors import HEError

_LONGEST = 200


class WrongKind(HEError, TypeError):
    """An answer that cannot be compared with the right one; the message is for the learner."""


@runtime_checkable
class Checker(Protocol):
    """How the answers to an exercise are judged. None of these fails, whatever a learner has answered."""

    def read(self, answer: Any, key: Any = None) -> Any:
        """The answer in the form that the others take. Raises WrongKind, with a sentence for the learner.

        key: what decrypts, where the answer is encrypted (see Ciphertexts); other checkers pass it over.
        """

    def is_right(self, value: Any) -> bool:
        """Whether this is a right answer."""

    def are_same(self, value: Any, other: Any) -> bool:
        """Whether these two are one answer."""

    def remark(self, value: Any) -> str:
        """A sentence on an answer that is not right, and is none of the mistakes declared with the exercise."""

    def shown(self, value: Any) -> str:
        """A right answer in Markdown, without a full stop: the same in every run where the answer is."""


def kind_of(answer: Any) -> str:
    """The words for an answer of a kind that has no sentence of its own."""
    return "None" if answer is None else f"of the type {type(answer).__name__}"


def is_encrypted(answer: Any) -> bool:
    """Whether this is a ciphertext of TenSEAL, Pyfhel, phe or this course."""
    names = (kind.__name__.lower() for kind in type(answer).__mro__)
    return hasattr(answer, "decrypt") or any("ciphertext" in name or "encrypted" in name for name in names)


def words_of_error(error: BaseException) -> str:
    """The class of an error and its message, shortened, without a full stop."""
    try:
        message = " ".join(str(error).split())
    except Exception:  # an error of a learner's own class may have no message that can be read
        message = ""
    message = message if len(message) <= _LONGEST else f"{message[:_LONGEST].rsplit(' ', 1)[0]} ..."
    return ": ".join(filter(None, [type(error).__name__, message])).rstrip(".!:")
