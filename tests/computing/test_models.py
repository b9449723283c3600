"""Models on ciphertexts against the same models in the clear, and what their results must not tell."""

import numpy as np
import pytest
from pydantic import ValidationError

from he_helpers.computing.models import (
    LinearModel,
    LogisticModel,
    ModelInput,
    WrongInputs,
    encode_input,
    rerandomise,
    scale_input,
    score,
    score_logistic,
)
from he_helpers.computing.score_messages import ScoreAnswer, ScoreRequest
from he_helpers.parameters import BFVParameters, CKKSParameters, plaintext_prime
from he_helpers.schemes.errors import (
    DamagedBytes,
    DepthExhausted,
    KeyMismatch,
    ShapeMismatch,
    UnsupportedOperation,
    ValueOutOfRange,
)
from he_helpers.schemes.secret import tenseal_bfv, tenseal_ckks
from tests.schemes.conftest import key_pair, short_pair

INPUTS = [
    ModelInput(name="age", minimum=18, maximum=64),
    ModelInput(name="eating", minimum=0, maximum=10),
    ModelInput(name="height", minimum=0.5, maximum=2.5, decimals=2, unit="m"),
]
WEIGHTS = {"age": -0.5912, "eating": 466.4187, "height": 12.3456}
INTERCEPT = 993.0987
ROOMY = BFVParameters(8192, (50, 50, 50), plaintext_prime(45, 8192))
CKKS = CKKSParameters(8192, (52, 36, 36, 36, 52), 36)


def linear(decimals=2, weights=WEIGHTS, intercept=INTERCEPT):
    return LinearModel.from_floats("salary", "Salary", INPUTS, weights, intercept, decimals, "a test")


def people(count):
    generator = np.random.default_rng(7)
    return {
        "age": generator.integers(18, 65, count),
        "eating": generator.integers(0, 11, count),
        "height": generator.integers(50, 251, count) / 100,
    }


def encrypt(model, key, answers):
    return {e.name: key.encrypt(encode_input(e, answers[e.name]), terms=model.terms) for e in model.inputs}


def plain_score(answers, weights=WEIGHTS, intercept=INTERCEPT):
    return intercept + sum(weight * answers[name] for name, weight in weights.items())


@pytest.fixture(scope="module")
def one():
    """The shortest that a scoring service takes."""
    return key_pair("paillier")


@pytest.fixture(scope="module")
def batch():
    return tenseal_bfv(ROOMY).generate_keys()


@pytest.fixture(scope="module")
def real():
    return tenseal_ckks(CKKS, relinearisation_keys=True).generate_keys()


@pytest.mark.parametrize("decimals", [0, 2, 4])
def test_a_batch_under_bfv_keeps_the_stated_bound(batch, decimals):
    model, answers = linear(decimals), people(1000)
    result = score(model, batch.public, encrypt(model, batch.public, answers))
    found = batch.secret.decrypt(result) / 10**model.decimals
    assert model.decimals == decimals + 2
    assert np.abs(found - plain_score(answers)).max() <= model.rounding_error_bound()
    # The integers themselves are exact: the same fixed-point model in the clear.
    rounded = plain_score(answers, model.weights, model.intercept) / 10**decimals
    assert np.allclose(found, rounded, rtol=0, atol=1e-9)


def test_one_person_under_paillier(one):
    model, answers = linear(4), people(1)
    found = one.secret.decrypt(score(model, one.public, encrypt(model, one.public, answers))) / 10**model.decimals
    assert abs(found[0] - plain_score(answers)[0]) <= model.rounding_error_bound()


def test_the_bound_is_reached_nearly_and_never_passed():
    weights = dict.fromkeys(WEIGHTS, 0.0149)
    answers = {entry.name: np.array([entry.maximum]) for entry in INPUTS}
    model = linear(2, weights, 0.0149)
    rounded = plain_score(answers, model.weights, model.intercept)[0] / 100
    difference = plain_score(answers, weights, 0.0149)[0] - rounded
    assert 0.9 * model.rounding_error_bound() < difference <= model.rounding_error_bound()


def test_a_weight_of_zero_is_left_out(batch):
    weights = {**WEIGHTS, "age": 0.0}
    model, answers = linear(2, weights), people(3)
    found = batch.secret.decrypt(score(model, batch.public, encrypt(model, batch.public, answers))) / 10**4
    assert np.abs(found - plain_score(answers, weights)).max() <= model.rounding_error_bound()


def test_terms_leave_room_for_every_score(batch):
    model = linear(4, dict.fromkeys(WEIGHTS, 466.0), 100_000.0)
    total = sum(abs(factor) for factor in model.factors.values())
    assert model.terms >= 2 * total and model.terms in {256**k for k in range(6)}
    answers = {entry.name: np.full(2, entry.maximum) for entry in INPUTS}
    found = batch.secret.decrypt(score(model, batch.public, encrypt(model, batch.public, answers))) / 10**6
    assert np.allclose(found, 100_000 + 466 * (64 + 10 + 2.5))


def test_the_wrong_inputs_are_named(batch, one):
    model = linear()
    encrypted = encrypt(model, batch.public, people(3))
    with pytest.raises(WrongInputs, match="inputs age, eating, height; missing: height; not known to it: 1"):
        score(model, batch.public, {"age": encrypted["age"], "eating": encrypted["eating"], "x": encrypted["age"]})
    with pytest.raises(ShapeMismatch, match=r"\[2, 3\]"):
        score(model, batch.public, {**encrypted, "age": encrypt(model, batch.public, people(2))["age"]})
    with pytest.raises(KeyMismatch, match="one key"):
        score(model, batch.public, {**encrypted, "age": encrypt(model, one.public, people(1))["age"]})


def test_other_schemes_and_parameters_are_refused(batch, real):
    model = linear(4)
    with pytest.raises(UnsupportedOperation, match="Paillier or BFV"):
        score(model, real.public, {n: real.public.encrypt([0.5], terms=2**10) for n in WEIGHTS})
    with pytest.raises(ValueOutOfRange, match="terms"):
        score(model, batch.public, {n: batch.public.encrypt([1], terms=2) for n in WEIGHTS})
    default = key_pair("tenseal-bfv").public
    with pytest.raises(DepthExhausted, match="noise budget"):
        score(model, default, {n: default.encrypt([1], terms=model.terms) for n in WEIGHTS})


def test_values_outside_their_range_are_not_encoded():
    for value in (17, 65, float("nan"), float("inf")):
        with pytest.raises(WrongInputs, match="age is a number from 18 to 64; 1 of 2 values are not.*position 1"):
            encode_input(INPUTS[0], [20, value])
    with pytest.raises(WrongInputs, match="0.5 to 2.5 m;"):
        scale_input(INPUTS[2], [3])
    assert encode_input(INPUTS[2], [1.005, 1.83]).tolist() == [100, 183]
    assert scale_input(INPUTS[0], [18, 41, 64]).tolist() == [-1, 0, 1]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["one", "batch"])
def test_rerandomised_results_do_not_repeat_and_say_nothing_of_the_weights(scheme, request):
    keys, answers = request.getfixturevalue(scheme), people(1)
    small, large = linear(0), linear(4)
    results = []
    for model in (small, large):
        encrypted = encrypt(large, keys.public, answers)
        pure = score(model, keys.public, encrypted)
        assert pure.to_bytes() == score(model, keys.public, encrypted).to_bytes()
        fresh, again = rerandomise(pure, keys.public), rerandomise(pure, keys.public)
        assert len({result.to_bytes() for result in (pure, fresh, again)}) == 3
        assert keys.secret.decrypt(fresh).tolist() == keys.secret.decrypt(pure).tolist()
        results.append((fresh.bound, fresh.consumed, fresh.length, fresh.padding))
    assert results[0] == results[1]


def test_a_key_for_evaluation_cannot_rerandomise(batch):
    model = linear()
    result = score(model, batch.public, encrypt(model, batch.public, people(2)))
    with pytest.raises(UnsupportedOperation, match="whole public key"):
        rerandomise(result, batch.public.for_evaluation())


@pytest.mark.parametrize(
    "change",
    [
        {"weights": {"age": 1, "eating": 2}},
        {"weights": {"age": 1, "eating": 2, "height": 3, "more": 4}},
        {"weights": {"age": 0, "eating": 0, "height": 0}},
        {"weights": {"age": 1.5, "eating": 2, "height": 3}},
        {"name": "../salary"},
        {"weight_decimals": -1},
        {"more": 1},
        {"inputs": (INPUTS[0], INPUTS[0], INPUTS[1])},
    ],
)
def test_a_file_that_is_no_model_is_refused(change):
    good = dict(linear())
    assert LinearModel(**good) == linear()
    with pytest.raises(ValidationError):
        LinearModel(**{**good, **change})


def test_a_model_survives_its_file_and_its_description_keeps_the_weights_back():
    assert LinearModel.model_validate_json(linear().model_dump_json()) == linear()
    assert not {"weights", "intercept"} & set(linear().description())
    with pytest.raises(ValidationError):
        ModelInput(name="age", minimum=64, maximum=18)


def logistic(sign=1.0):
    return LogisticModel(
        name="risk",
        inputs=tuple(INPUTS),
        weights={"age": 0.9, "eating": -0.6, "height": 0.4},
        intercept=-0.8,
        coefficients=(0.5, 0.24, 0.007, -0.014, sign * 0.002),
    )


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_polynomial_under_ckks_is_the_one_in_the_clear(real, sign):
    model, answers = logistic(sign), people(500)
    scaled = {entry.name: scale_input(entry, answers[entry.name]) for entry in INPUTS}
    room = int(real.public.capacity)
    encrypted = {name: real.public.encrypt(values, terms=room) for name, values in scaled.items()}
    z = model.intercept + sum(weight * scaled[name] for name, weight in model.weights.items())
    expected = np.polynomial.polynomial.polyval(z, model.coefficients)
    result = rerandomise(score_logistic(model, real.public, encrypted), real.public)
    assert np.abs(real.secret.decrypt(result) - expected).max() < 1e-4


def test_probabilities_need_ckks(batch):
    with pytest.raises(UnsupportedOperation, match="CKKS"):
        score_logistic(logistic(), batch.public, {n: batch.public.encrypt([1]) for n in WEIGHTS})


@pytest.mark.slow
def test_messages_survive_the_way_and_are_read_strictly(one):
    model, answers = linear(), people(1)
    sent = ScoreRequest.of("salary", one.public, encrypt(model, one.public, answers))
    key, inputs = ScoreRequest.model_validate_json(sent.model_dump_json()).open()
    assert key.fingerprint == one.public.fingerprint and list(inputs) == list(WEIGHTS)
    answer = ScoreAnswer.of("salary", rerandomise(score(model, key, inputs), key), model.decimals)
    received = ScoreAnswer.model_validate_json(answer.model_dump_json())
    found = one.secret.decrypt(received.open(one.public)) / 10**received.decimals
    assert abs(found[0] - plain_score(answers)[0]) <= model.rounding_error_bound()
    for change in ({"version": 2}, {"version": "1"}, {"model": "a/b"}, {"public_key": "?"}, {"inputs": {}}, {"x": 1}):
        with pytest.raises(ValidationError):
            ScoreRequest(**{**sent.model_dump(), **change})
    with pytest.raises(DamagedBytes, match="public key is not base64"):
        sent.model_copy(update={"public_key": "AAAAA"}).open()
    with pytest.raises(KeyMismatch):
        received.open(short_pair("paillier").public)
