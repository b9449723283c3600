"""A scoring service: it computes a model's score on ciphertexts, and reads neither inputs nor score.

    GET  /v1/health                  {"status", "version"}
    GET  /v1/models                  what each model needs, without weights and intercept
    GET  /v1/models/{name}           the same for one model
    POST /v1/models/{name}/scores    application/json, ScoreRequest -> ScoreAnswer (he_helpers.tables.score_messages)

A model is a file NAME.json in the folder of models (LinearModel of he_helpers.tables.models); files are read at each
request, so that a new one needs no restart. Inputs are Paillier or BFV ciphertexts of one key; what goes back is
re-randomised under the sender's whole public key. The service stores nothing and needs no accounts: whoever sends
ciphertexts gets a ciphertext, which only they can read. Errors are problem documents (RFC 9457).
"""

import re
from pathlib import Path

from flask import Blueprint, Flask, Response, current_app, jsonify
from pydantic import ValidationError

from he_helpers.schemes.errors import DepthExhausted, ValueOutOfRange
from he_helpers.server.application import new_application, read_body, takes_body
from he_helpers.server.policy import LARGEST_SCORING_BODY
from he_helpers.server.problems import Problem
from he_helpers.server.reading import reading
from he_helpers.server.secret_detection import find_secret_key
from he_helpers.tables.models import NAME_PATTERN, LinearModel, rerandomise, score
from he_helpers.tables.score_messages import ScoreAnswer, ScoreRequest

INTERFACE_VERSION = "1"



def create_scoring_app(models: Path, largest_body: int = LARGEST_SCORING_BODY) -> Flask:
    """The service over the folder ``models``. Bodies above ``largest_body`` bytes are refused."""
    return new_application(_v1, MODELS=Path(models), LARGEST_BODY=largest_body)


_v1 = Blueprint("scoring", __name__, url_prefix="/v1")


@_v1.get("/health")
def _health() -> Response:
    return jsonify(status="ok", version=INTERFACE_VERSION)


@_v1.get("/models")
def _list_models() -> Response:
    return jsonify([_read_model(name).description() for name in _model_names()])


@_v1.get("/models/<name>")
def _describe_model(name: str) -> Response:
    return jsonify(_read_model(name).description())


@_v1.post("/models/<name>/scores")
@takes_body("application/json")
def _score(name: str) -> Response:
    model = _read_model(name)
    asked = _read_request()
    if asked.model != model.name:
        raise Problem(
            "invalid-content",
            "The message names another model than the address it was sent to. Send it to the address of its model.",
        )
    return jsonify(compute_score(model, asked).model_dump())


def compute_score(model: LinearModel, asked: ScoreRequest) -> ScoreAnswer:
    """The answer to a request. Raises Problem (invalid-content, secret-key-refused).

    The sender declares how large a value can be and how much of the noise budget is used up. Where the weights exceed
    what that leaves, the helpers' own errors name a product with a weight; the words here are the same for all weights.
    That a message is refused at all still depends on them.
    """
    with reading("The key or a ciphertext", "Send what to_bytes() returned."):
        key, inputs = asked.open()
        try:
            encrypted_score = rerandomise(score(model, key, inputs), key)
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
        return ScoreAnswer.of(model.name, encrypted_score, model.decimals)


def _read_request() -> ScoreRequest:
    body = read_body()
    secret = find_secret_key(body.file)
    if secret is not None:
        raise Problem(
            "secret-key-refused",
            f"The body holds {secret}. It was refused, and nothing of it was stored; yet it has travelled: treat that "
            "key as known to the service, and make a new one. Send public keys only.",
        )
    try:
        return ScoreRequest.model_validate_json(body.read())
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


def _model_names() -> list[str]:
    files = current_app.config["MODELS"].glob("*.json")
    return sorted(file.stem for file in files if re.fullmatch(NAME_PATTERN, file.stem))


def _read_model(name: str) -> LinearModel:
    """The model of this name. Raises Problem (not-found); a file that is no model is the operator's error."""
    names = _model_names()
    if name not in names:
        raise Problem("not-found", "There is no such model.", known=names)
    model = LinearModel.model_validate_json((current_app.config["MODELS"] / f"{name}.json").read_bytes())
    if model.name != name:
        raise ValueError(f"The file {name}.json holds a model of another name.")
    return model
