"""A scoring service: it computes a model's score on ciphertexts, and reads neither inputs nor score.

    GET  /v1/health                  {"status", "version"}
    GET  /v1/models                  what each model needs, without weights and intercept
    GET  /v1/models/{name}           the same for one model
    POST /v1/models/{name}/scores    application/json, ScoreRequest -> ScoreAnswer (he_helpers.computing.score_messages)

A model is a file NAME.json in the folder of models (LinearModel of he_helpers.computing.models); files are read at each
request, so that a new one needs no restart. Inputs are Paillier or BFV ciphertexts of one key; what goes back is
re-randomised under the sender's whole public key. The service stores nothing and needs no accounts: whoever sends
ciphertexts gets a ciphertext, which only they can read. Turns and limits go by the sender's address; a proxy in front
has one address for everybody, and has to share them between people itself. Errors are problem documents (RFC 9457).
"""

import re
from pathlib import Path

from flask import Blueprint, Flask, Response, current_app, jsonify, request

from he_helpers.computing.models import NAME_PATTERN, LinearModel
from he_helpers.server.http.application import new_application, read_body, takes_body
from he_helpers.server.http.jobs import SCORING_TASKS, Jobs
from he_helpers.server.http.problems import Problem
from he_helpers.server.scoring.policy import LARGEST_SCORING_BODY

INTERFACE_VERSION = "1"


def create_scoring_app(models: Path, largest_body: int = LARGEST_SCORING_BODY, jobs: Jobs | None = None) -> Flask:
    """The service over the folder ``models``. Bodies above ``largest_body`` bytes are refused.

    jobs: where messages are worked on; None: in the workers of this process.
    """
    jobs = jobs or Jobs.of_this_process(SCORING_TASKS)
    return new_application(_v1, MODELS=Path(models), LARGEST_BODY=largest_body, JOBS=jobs)


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


def _check_model() -> None:
    _check_name((request.view_args or {})["name"])


@_v1.post("/models/<name>/scores")
@takes_body("application/json", admit=_check_model)
def _score(name: str) -> Response:
    model = _read_model(name).model_dump_json().encode()
    answer = current_app.config["JOBS"].compute_score(request.remote_addr or "", model, read_body().file)
    return Response(answer, content_type="application/json")


def _model_names() -> list[str]:
    files = current_app.config["MODELS"].glob("*.json")
    return sorted(file.stem for file in files if re.fullmatch(NAME_PATTERN, file.stem))


def _check_name(name: str) -> None:
    """Raise Problem (not-found) unless there is a model of this name."""
    names = _model_names()
    if name not in names:
        raise Problem("not-found", "There is no such model.", known=names)


def _read_model(name: str) -> LinearModel:
    """The model of this name. Raises Problem (not-found); a file that is no model is the operator's error."""
    _check_name(name)
    model = LinearModel.model_validate_json((current_app.config["MODELS"] / f"{name}.json").read_bytes())
    if model.name != name:
        raise ValueError(f"The file {name}.json holds a model of another name.")
    return model
