"""A holder whose value no repr, log line or traceback shows."""

from typing import Generic, NoReturn, TypeVar

T = TypeVar("T")


class Hidden(Generic[T]):
    """Holds a passphrase, a token or a key; ``reveal()`` is the only way to the value.

    It guards against showing a secret by mistake, not against code that runs in the same process.
    """

    __slots__ = ("_value",)

    def __init__(self, value: T):
        self._value = value

    def reveal(self) -> T:
        return self._value

    def __repr__(self) -> str:
        return "<hidden>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A hidden value is not copied out of its process.")
