"""The messages of a scoring service, as JSON: encrypted inputs there, an encrypted score back.

    request  {"version": 1, "model": NAME, "public_key": base64, "inputs": {INPUT: base64, ...}}
    answer   {"version": 1, "model": NAME, "score": base64, "decimals": D}

Base64 stands for the envelope of a public key or of a ciphertext. Both messages are read strictly: another version, a
missing member or one more is refused, and so is a ciphertext of another key.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from he_helpers.computing.models import MOST_DECIMALS, MOST_INPUTS, NAME_PATTERN
from he_helpers.schemes.errors import DamagedBytes
from he_helpers.schemes.public import load_public_key
from he_helpers.schemes.public.interface import Ciphertext, PublicKey

VERSION: Final = 1

_ModelName = Annotated[str, Field(pattern=NAME_PATTERN)]
_Base64 = Annotated[str, Field(min_length=4, pattern=r"^[A-Za-z0-9+/]+={0,2}$")]


class ScoreRequest(BaseModel):
    """What a customer sends."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    version: Literal[1]
    model: _ModelName
    public_key: _Base64
    inputs: Annotated[dict[str, _Base64], Field(min_length=1, max_length=MOST_INPUTS)]

    @classmethod
    def of(cls, model: str, key: PublicKey, inputs: Mapping[str, Ciphertext]) -> "ScoreRequest":
        """The request for the score of encrypted ``inputs`` under the whole public ``key`` of their owner."""
        return cls(
            version=VERSION,
            model=model,
            public_key=_to_text(key.to_bytes()),
            inputs={name: _to_text(ciphertext.to_bytes()) for name, ciphertext in inputs.items()},
        )

    def open(self) -> tuple[PublicKey, dict[str, Ciphertext]]:
        """The key and the inputs in this request.

        Raises DamagedBytes, SecretKeyFound, KeyMismatch, InvalidParameters, InsecureParameters.
        """
        key = load_public_key(_from_text(self.public_key, "public key"))
        return key, {name: key.load_ciphertext(_from_text(text, "input")) for name, text in self.inputs.items()}


class ScoreAnswer(BaseModel):
    """What the service sends back: the decrypted numbers, divided by 10^decimals, are the scores."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    version: Literal[1]
    model: _ModelName
    score: _Base64
    decimals: Annotated[int, Field(ge=0, le=2 * MOST_DECIMALS)]

    @classmethod
    def of(cls, model: str, score: Ciphertext, decimals: int) -> "ScoreAnswer":
        """The answer with an encrypted ``score``."""
        return cls(version=VERSION, model=model, score=_to_text(score.to_bytes()), decimals=decimals)

    def open(self, key: PublicKey) -> Ciphertext:
        """The score in this answer, for the owner of ``key``. Raises DamagedBytes, KeyMismatch.

        A ciphertext has to be read where it is decrypted: a Paillier one is a number, one of BFV goes to the library's
        own parser in this process, behind the checks of its envelope. A service that answers with what ends that
        process has spoilt its answer, and nothing else.
        """
        return key.load_ciphertext(_from_text(self.score, "score"))


def _to_text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _from_text(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise DamagedBytes(f"The {what} is not base64. Send what the standard alphabet with padding gives.") from None
