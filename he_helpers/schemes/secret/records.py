"""What the envelope of a key pair holds."""

from typing import ClassVar

from he_helpers.schemes.public.interface.records import ParametersRecord
from he_helpers.schemes.records import Message


class KeyPairRecord(Message, frozen=True):
    """``native`` is what the library needs of both keys, in the clear."""

    kind: ClassVar[str] = "key pair"

    scheme_name: str
    parameters: ParametersRecord
    insecure_for_teaching: bool
    native: tuple[bytes, ...]

    def __repr__(self) -> str:
        # A record shows its fields, and these are secret.
        return f"KeyPairRecord({self.scheme_name})"
