"""The scoring service's work on messages: read one, compute the score.

Done in workers alone (see jobs.py), as the work on tables is.
"""

from typing import IO, Any

from pydantic import ValidationError

from he_helpers.computing.models import LinearModel, rerandomise, score
from he_helpers.computing.score_messages import ScoreAnswer, ScoreRequest
from he_helpers.schemes.errors import DepthExhausted, ValueOutOfRange
from he_helpers.server.detection.secret_detection import find_secret_key
from he_helpers.server.http.problems import Problem
from he_helpers.server.http.reading import reading


def compute_score(model: bytes, body: bytes | IO[bytes]) -> dict[str, Any]:
    """``answer``: the ScoreAnswer, as JSON, to the ScoreRequest ``body``. ``model``: a LinearModel as JSON.

    Raises Problem (invalid-content, secret-key-refused).

    The sender declares how large a value can be and how much of the noise budget is used up. Where the weights exceed
    what that leaves, the helpers' own errors name a product with a weight; the words here are the same for all weights.
    That a message is refused at all still depends on them.
    """
    scored = LinearModel.model_validate_json(model)
    asked = _read_request(body if isinstance(body, bytes) else body.read())
    if asked.model != scored.name:
        raise Problem(
            "invalid-content",
            "The message names another model than the address it was sent to. Send it to the address of its model.",
        )
    with reading("The key or a ciphertext", "Send what to_bytes() returned."):
        key, inputs = asked.open()
        try:
            encrypted_score = rerandomise(score(scored, key, inputs), key)
        except ValueOutOfRange:
            raise Problem(
                "invalid-content",
                "The values that the ciphertexts declare leave no room for the score. Encrypt afresh with the terms "
                "that the model's description names.",
            ) from None
        except DepthExhausted:
            raise Problem(
                "invalid-content",
                "The noise budget of the ciphertexts does not suffice for this model. Encrypt afresh under parameters "
                "with a longer coefficient modulus.",
            ) from None
        answer = ScoreAnswer.of(scored.name, encrypted_score, scored.decimals)
        return {"answer": answer.model_dump_json().encode()}


def _read_request(body: bytes) -> ScoreRequest:
    secret = find_secret_key(body)
    if secret is not None:
        raise Problem(
            "secret-key-refused",
            f"The body holds {secret}. It was refused, and nothing of it was stored; yet it has travelled: treat that "
            "key as known to the service, and make a new one. Send public keys only.",
        )
    try:
        return ScoreRequest.model_validate_json(body)
    except ValidationError as error:
        raise Problem("invalid-content", _explained(error)) from None


def _explained(error: ValidationError) -> str:
    """What does not fit, in words that hold nothing of the body: not even the names of unknown members or inputs."""
    explained = []
    for entry in error.errors(include_url=False, include_context=False, include_input=False)[:5]:
        place = entry["loc"][0] if entry["loc"] else "the body"
        known = entry["type"] != "extra_forbidden"
        explained.append(f"{place}: {entry['msg']}" if known else "there is a member that is not known")
    members = ", ".join(ScoreRequest.model_fields)
    return f"The JSON does not fit: {'; '.join(explained)}. Its members are: {members}."
