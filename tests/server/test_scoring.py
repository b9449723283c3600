"""The scoring service: what it answers, what it refuses, and that its process keeps nothing."""

import base64
import json
import re
import socket
import subprocess
import sys

import numpy as np
import pytest
import requests

from he_helpers.computing.models import LinearModel, ModelInput, encode_input
from he_helpers.computing.score_messages import ScoreAnswer, ScoreRequest
from he_helpers.parameters import BFVParameters, PaillierParameters, plaintext_prime
from he_helpers.schemes.public.interface import Ciphertext
from he_helpers.schemes.secret import paillier, tenseal_bfv
from he_helpers.server.process.import_guard import is_forbidden
from he_helpers.server.scoring.routes import create_scoring_app
from tests.server.conftest import environment
from tests.server.test_serving import LIMITS, connected, head, problem_in, received, serving

WEIGHTS = {"age": -59, "eating": 46_640}
MODEL = LinearModel(
    name="salary",
    title="Salary",
    inputs=(ModelInput(name="age", minimum=18, maximum=64), ModelInput(name="eating", minimum=0, maximum=10)),
    weights=WEIGHTS,
    intercept=99_310,
    weight_decimals=2,
    source="a test",
)
PARAMETERS = BFVParameters(4096, (36, 35, 35), plaintext_prime(34, 4096))
# Its length is nobody's subject here; the default takes three times as long.
SHORT = PaillierParameters(2048)


@pytest.fixture(scope="module")
def one():
    return paillier(SHORT).generate_keys()


@pytest.fixture(scope="module")
def batch():
    return tenseal_bfv(PARAMETERS).generate_keys()


@pytest.fixture
def models(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "salary.json").write_text(MODEL.model_dump_json())
    return folder


@pytest.fixture
def client(models):
    return create_scoring_app(models, largest_body=2_000_000).test_client()


def message(keys, age=(40,), eating=(7,)):
    answers = {"age": age, "eating": eating}
    encrypted = {
        entry.name: keys.public.encrypt(encode_input(entry, answers[entry.name]), terms=MODEL.terms)
        for entry in MODEL.inputs
    }
    return ScoreRequest.of("salary", keys.public, encrypted).model_dump()


def post(client, body, name="salary", **options):
    content = body if isinstance(body, bytes) else json.dumps(body)
    return client.post(f"/v1/models/{name}/scores", data=content, **{"content_type": "application/json", **options})


def refusal(response, status=422):
    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    return response.json["detail"]


def test_models_are_listed_without_weights_and_intercept(client, models):
    listed = client.get("/v1/models").json
    assert [entry["name"] for entry in listed] == ["salary"]
    assert client.get("/v1/models/salary").json == listed[0]
    assert set(listed[0]) == {"name", "title", "inputs", "weight_decimals", "source", "decimals", "terms"}
    assert not any(str(number) in json.dumps(listed) for number in (59, 46640, 99310))
    (models / "second.json").write_text(MODEL.model_copy(update={"name": "second"}).model_dump_json())
    assert [entry["name"] for entry in client.get("/v1/models").json] == ["salary", "second"]
    assert client.get("/v1/health").json == {"status": "ok", "version": "1"}


def test_one_person_and_a_batch_are_scored(client, one, batch):
    generator = np.random.default_rng(5)
    ages, eating = generator.integers(18, 65, 1000), generator.integers(0, 11, 1000)
    for keys, count in ((one, 1), (batch, 1000)):
        response = post(client, message(keys, ages[:count], eating[:count]))
        assert response.status_code == 200 and set(response.json) == {"version", "model", "score", "decimals"}
        answer = ScoreAnswer.model_validate_json(response.data)
        found = keys.secret.decrypt(answer.open(keys.public))
        assert found.tolist() == (99_310 - 59 * ages[:count] + 46_640 * eating[:count]).tolist()


def test_the_same_message_gets_other_bytes_with_nothing_computed_from_the_weights(client, models, one):
    body = message(one)
    opened = [ScoreAnswer.model_validate_json(post(client, body).data).open(one.public) for _ in range(2)]
    assert opened[0].native != opened[1].native
    (models / "salary.json").write_text(
        MODEL.model_copy(update={"weights": {"age": 1, "eating": 1}, "intercept": 0}).model_dump_json()
    )
    small = ScoreAnswer.model_validate_json(post(client, body).data).open(one.public)
    assert {(c.bound, c.consumed, len(c)) for c in (*opened, small)} == {(one.public.capacity, 0, 1)}


def test_what_is_no_message_is_refused_without_being_repeated(client, one):
    good = message(one)
    for change, words in (
        ({"version": 2}, "version: Input should be 1"),
        ({"version": "1"}, "version"),
        ({"model": "other"}, "another model than the address"),
        ({"inputs": {}}, "inputs:"),
        ({"inputs": {**good["inputs"], "age": 40}}, "inputs: Input should be a valid string"),
        ({"inputs": {"age": good["inputs"]["age"]}}, "missing: eating; not known to it: none"),
        ({"inputs": {**good["inputs"], "my-secret": good["inputs"]["age"]}}, "not known to it: 1"),
        ({"my-secret": 1}, "a member that is not known"),
        ({"public_key": good["inputs"]["age"]}, "holds a ciphertext"),
        ({"inputs": {**good["inputs"], "age": good["inputs"]["age"][:-40]}}, "truncated or altered"),
    ):
        detail = refusal(post(client, {**good, **change}))
        assert words in detail and "my-secret" not in detail, detail
    for member in good:
        assert f"{member}: Field required" in refusal(post(client, {k: v for k, v in good.items() if k != member}))
    for body in (b"", b"{", b"[]", b"\xff", b"null"):
        refusal(post(client, body))


def test_another_key_is_refused(client, one, batch):
    own, theirs = message(one), message(paillier(SHORT).generate_keys())
    for other in (theirs["public_key"], message(batch)["public_key"]):
        assert "belongs to key" in refusal(post(client, {**own, "public_key": other}))
    mixed = {**own["inputs"], "age": theirs["inputs"]["age"]}
    assert "belongs to key" in refusal(post(client, {**own, "inputs": mixed}))


def test_a_key_that_cannot_encrypt_is_refused(client, batch):
    part = base64.b64encode(batch.public.for_evaluation().to_bytes()).decode()
    assert "whole public key" in refusal(post(client, {**message(batch), "public_key": part}))


def test_a_refusal_has_the_same_words_for_all_weights(client, models, one, batch):
    """A sender may declare any bound and any noise; an error that multiplies these by a weight would tell it."""
    other = MODEL.model_copy(update={"weights": {name: 3 * weight + 7 for name, weight in MODEL.weights.items()}})
    assert other.terms == MODEL.terms
    for keys, change in (
        (one, lambda c: c.assuming(c.key.capacity)),
        (batch, lambda c: c.assuming(c.key.capacity)),
        (batch, lambda c: Ciphertext(c.key, c.native, c.length, c.padding, 1, c.key.consumption_limit / 2)),
    ):
        fresh = {entry.name: keys.public.encrypt([1], terms=MODEL.terms) for entry in MODEL.inputs}
        changed = {name: change(ciphertext) for name, ciphertext in fresh.items()}
        asked = ScoreRequest.of("salary", keys.public, changed).model_dump()
        details = []
        for model in (MODEL, other):
            (models / "salary.json").write_text(model.model_dump_json())
            details.append(refusal(post(client, asked)))
        assert details[0] == details[1] and not re.search(r"\d", details[0]), details


@pytest.mark.parametrize("scheme", ["one", "batch"])
def test_secret_keys_are_refused(client, scheme, request):
    keys = request.getfixturevalue(scheme)
    secret = base64.b64encode(keys.secret.to_bytes()).decode()
    for change in ({"public_key": secret}, {"inputs": {"age": secret}}, {"more": secret}):
        response = post(client, {**message(keys), **change})
        assert "treat that key as known" in refusal(response)
        assert response.json["type"].endswith("secret-key-refused")


def test_other_refusals_of_the_service(client, models, one):
    assert refusal(post(client, message(one), name="none"), 404) == "There is no such model."
    assert client.get("/v1/models/..%2Fsalary").status_code == 404
    refusal(post(client, message(one), content_type="text/plain"), 415)
    refusal(post(client, b" " * 2_000_001), 413)
    refusal(client.get("/v1/models/salary/scores"), 405)
    (models / "broken.json").write_text("{}")
    refusal(client.get("/v1/models/broken"), 500)
    assert post(client, message(one)).status_code == 200


def test_an_unknown_model_is_answered_before_any_body(models):
    app = create_scoring_app(models, largest_body=LIMITS.largest_body)
    with serving(app) as server, connected(server) as connection:
        path = "/v1/models/none/scores"
        connection.sendall(head("Content-Length: 1000", method="POST", path=path, content_type="application/json"))
        assert problem_in(received(connection))["detail"] == "There is no such model."


@pytest.mark.slow
def test_the_process_keeps_nothing_and_imports_nothing_of_the_secret_side(start_server, models, folder, tmp_path, one):
    server = start_server("--models", str(models), service="score", lists_imports=True)
    assert not server.answers_at(socket.AF_INET, "127.0.0.2")
    body = message(one)
    response = requests.post(f"{server.address}/v1/models/salary/scores", json=body, timeout=60)
    assert one.secret.decrypt(ScoreAnswer.model_validate_json(response.content).open(one.public)) == 423_430
    assert server.stop() == 0
    assert "he_helpers.server.scoring.routes" in server.imported
    assert not [name for name in server.imported if is_forbidden(name)]
    assert {file.name for file in folder.iterdir()} == {"pid", "server.log"}
    kept = (folder / "server.log").read_text()
    assert "POST /v1/models/salary/scores 200" in kept and body["inputs"]["age"][:40] not in kept
    assert not list((tmp_path / "temporary").iterdir())


@pytest.mark.slow
def test_the_command_line_says_what_is_missing(tmp_path):
    arguments = ["score", "--folder", str(tmp_path / "service"), "--models", str(tmp_path / "none")]
    done = subprocess.run(
        [sys.executable, "-m", "he_helpers.server", *arguments],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "There is no folder of models" in done.stderr
