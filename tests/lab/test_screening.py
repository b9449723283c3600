"""The health screening without a browser: what is accepted, what is said beside a field, what leaves the process."""

import base64
import json
import math
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
import tenseal

from he_helpers.computing.models import LinearModel
from he_helpers.computing.score_messages import ScoreAnswer
from he_helpers.lab.notebook.data import DATA_FOLDER
from he_helpers.lab.screening import screening
from he_helpers.lab.screening.screening import ADDRESS_VARIABLE, WORDINGS, Model, Person, Reading, ScoringFailed
from he_helpers.lab.screening.screening_form import ScreeningForm, gauge
from he_helpers.lab.workspace.workspace import Workspace
from he_helpers.parameters import PaillierParameters
from he_helpers.schemes.errors import KeyMismatch
from he_helpers.schemes.secret import paillier
from he_helpers.server.scoring.routes import create_scoring_app

PUBLISHED = LinearModel.model_validate_json((DATA_FOLDER / "models" / "diabetes_risk.json").read_bytes())
MODEL = Model.from_description(PUBLISHED.description())
ADDRESS = "http://research.example"
GOOD = {
    "glucose": "98",
    "hdl_cholesterol": "48",
    "systolic_pressure": "122",
    "body_mass_index": "27.4",
    "age": "45",
    "female": 1,
    "mexican_american": 0,
    "family_history": 1,
}


class ResearchServer:
    """The scoring service without a network; keeps the bodies that it was sent."""

    def __init__(self):
        self.client = create_scoring_app(DATA_FOLDER / "models").test_client()
        self.bodies = []
        self.failure = None

    def request(self, verb, url, *, content=None, headers=None, **_):
        if self.failure is not None:
            raise self.failure
        self.bodies.append(content)
        answer = self.client.open(url.removeprefix(ADDRESS), method=verb, data=content, headers=headers)
        return httpx.Response(answer.status_code, content=answer.data)


@pytest.fixture
def server(monkeypatch):
    server = ResearchServer()
    monkeypatch.setattr(screening.httpx, "request", server.request)
    return server


def somebody():
    """A person whose key is shorter than those of the form, and takes a third of their time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(screening, "paillier", lambda: paillier(PaillierParameters(2048)))
        return Person(ADDRESS, MODEL)


@pytest.fixture(scope="module")
def person():
    return somebody()


@pytest.fixture
def form(server, person):
    return ScreeningForm(MODEL, person.ask)


def published_score(answers):
    """The predictor as Stern, Williams and Haffner (2002) print it."""
    value = {name: float(answer) for name, answer in answers.items()}
    return (
        -13.415 + 0.028 * value["age"] + 0.661 * value["female"] + 0.412 * value["mexican_american"]
        + 0.079 * value["glucose"] + 0.018 * value["systolic_pressure"] - 0.039 * value["hdl_cholesterol"]
        + 0.070 * value["body_mass_index"] + 0.481 * value["family_history"]
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("changed", [{}, {"female": 0, "age": "64"}, {"glucose": "125", "mexican_american": 1}])
def test_the_reading_is_the_published_score(form, server, changed):
    form.fill(GOOD | changed)
    form.button.click()
    expected = published_score(GOOD | changed)
    assert form.shown_messages() == {}
    assert float(form.reading.score) == pytest.approx(expected, abs=1e-12)
    assert form.reading.chance == pytest.approx(1 / (1 + math.exp(-expected)))
    assert f"{form.reading.chance:.1%}".replace("%", " %") in form.outcome.value
    assert len(server.bodies) == 1


WRONG = [
    ("glucose", "", "Missing. Enter a whole number from 50 to 125 mg/dL."),
    ("glucose", "   ", "Missing"),
    ("glucose", "high", "This is not a number"),
    ("glucose", "98 mg/dL", "without the unit"),
    ("glucose", "nan", "This is not a number"),
    ("glucose", "1e2", "This is not a number"),
    ("glucose", "٩٨", "This is not a number"),
    ("glucose", "-98", "A negative value cannot be"),
    ("glucose", "980", "from 50 to 125 mg/dL"),
    ("glucose", "126", "From 126 on, diabetes is diagnosed"),
    ("glucose", "5.4", "If yours is in mmol/L, that is 97 mg/dL."),
    ("glucose", "98.5", "Too many decimals"),
    ("hdl_cholesterol", "1.2", "that is 46 mg/dL"),
    ("body_mass_index", "27,4", "Write a decimal point instead of the comma: 27.4."),
    ("body_mass_index", "27.45", "Too many decimals"),
    ("age", "24", "made with people of these ages"),
    ("age", "9" * 400, "from 25 to 64 years"),
    ("female", None, "Missing. Choose one."),
]


@pytest.mark.parametrize(("name", "answer", "message"), WRONG)
def test_a_wrong_answer_gets_a_message_beside_its_field_and_nothing_is_sent(form, server, name, answer, message):
    form.fill(GOOD | {name: answer})
    form.button.click()
    assert list(form.shown_messages()) == [name]
    assert message in form.shown_messages()[name]
    row = next(row for row in form.box.children if form.fields[name] in getattr(row.children[0], "children", ()))
    assert 'role="alert"' in row.children[-1].value
    assert server.bodies == [] and form.reading is None and "Nothing was sent" in form.outcome.value


def test_a_message_goes_when_the_answer_is_mended(form, server):
    form.fill(GOOD | {"glucose": "-1", "age": "old"})
    form.button.click()
    assert list(form.shown_messages()) == ["glucose", "age"]
    form.fill(GOOD)
    form.button.click()
    assert form.shown_messages() == {} and form.reading is not None and len(server.bodies) == 1


def test_markup_in_an_answer_is_not_shown_as_markup(form):
    form.fill(GOOD | {"glucose": "<img src=x onerror=alert(1)>"})
    form.button.click()
    assert "<img" not in form.messages["glucose"].value + form.outcome.value


def test_a_changed_answer_takes_the_old_reading_away(form):
    form.fill(GOOD)
    form.button.click()
    assert form.reading is not None
    form.fill({"age": "46"})
    assert form.reading is None and form.outcome.value == ""


def test_clearing_leaves_nothing(form):
    form.fill(GOOD | {"glucose": "x"})
    form.button.click()
    form.clear_button.click()
    assert {field.value for field in form.fields.values()} == {""}
    assert form.shown_messages() == {} and form.outcome.value == ""


def test_what_travels_is_one_public_key_and_ciphertexts(server):
    form = ScreeningForm(MODEL, Person(ADDRESS, MODEL).ask)
    form.fill(GOOD)
    form.button.click()
    message = json.loads(server.bodies[0])
    assert set(message) == {"version", "model", "public_key", "inputs"}
    assert set(message["inputs"]) == set(GOOD)
    # A ciphertext of 3072 bits has 768 bytes, whatever it holds.
    sizes = {len(base64.b64decode(text)) for text in message["inputs"].values()}
    assert max(sizes) - min(sizes) <= 8 and min(sizes) > 768
    assert form.reading.sent == len(server.bodies[0])
    form.button.click()
    again = json.loads(server.bodies[1])
    assert all(again["inputs"][name] != text for name, text in message["inputs"].items())


def test_no_native_parser_sees_the_answer(server, person, monkeypatch):
    """A Paillier ciphertext is a number: Python reads it."""
    for name in ("bfv_vector_from", "ckks_vector_from", "context_from"):
        monkeypatch.setattr(tenseal, name, None)
    values, _ = MODEL.check(dict(zip(GOOD, map(str, GOOD.values()), strict=True)))
    assert person.ask(values).ciphertexts == len(values)


def test_every_person_has_a_key_of_their_own(server, person):
    other = somebody()
    values, _ = MODEL.check({name: str(answer) for name, answer in GOOD.items()})
    request = person.request(person.encrypt(values))
    assert other.request(other.encrypt(values)).public_key != request.public_key
    body = request.model_dump_json().encode()
    headers = {"Content-Type": "application/json"}
    answer = server.request("POST", f"{ADDRESS}/v1/models/diabetes_risk/scores", content=body, headers=headers)
    answer = ScoreAnswer.model_validate_json(answer.content)
    assert person.read(answer) == Decimal("-1.0290")
    with pytest.raises(KeyMismatch):
        other.read(answer)


@pytest.mark.parametrize("failure", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.InvalidURL("?")])
def test_a_server_that_does_not_answer_is_said_in_words(form, server, failure):
    form.fill(GOOD)
    server.failure = failure
    form.button.click()
    assert "did not answer" in form.outcome.value and form.reading is None and not form.button.disabled


def test_a_refusal_and_an_unreadable_answer_are_said_in_words(form, monkeypatch):
    form.fill(GOOD)
    monkeypatch.setattr(screening.httpx, "request", lambda *a, **o: httpx.Response(422, content=b"{}"))
    form.button.click()
    assert "refused, with status 422" in form.outcome.value
    monkeypatch.setattr(screening.httpx, "request", lambda *a, **o: httpx.Response(200, content=b"<html>"))
    form.button.click()
    assert "cannot be read" in form.outcome.value


def test_the_address_is_configuration(monkeypatch, tmp_path):
    monkeypatch.setenv(ADDRESS_VARIABLE, "http://10.0.0.7:9000/")
    assert screening.research_server(Workspace(tmp_path)) == "http://10.0.0.7:9000"
    assert not any("address" in name or "server" in name for name in WORDINGS)


def test_an_unknown_question_is_refused():
    description = PUBLISHED.description()
    description["inputs"][0]["name"] = "password"
    with pytest.raises(ScoringFailed, match="'password'"):
        Model.from_description(description)


def test_the_description_is_asked_for(server):
    assert screening.describe_model(ADDRESS) == MODEL


@pytest.mark.parametrize(("chance", "width"), [(0.0, "0.0%"), (0.263, "26.3%"), (1.0, "100.0%")])
def test_the_gauge_says_in_words_and_in_length(chance, width):
    assert f"width: {width}" in gauge(chance)
    assert f'aria-label="Chance of type 2 diabetes within 7.5 years: {width.replace("%", " %")}' in gauge(chance)


@pytest.mark.parametrize("chance", [-0.1, 1.1, math.nan])
def test_the_gauge_refuses_what_is_no_chance(chance):
    with pytest.raises(ValueError, match="between 0 and 1"):
        gauge(chance)


def test_the_stored_form_is_a_table_and_names_no_widget(form):
    bundle = form._repr_mimebundle_()
    assert bundle["text/plain"].startswith("Form with the fields: Fasting glucose")
    assert "<td>Fasting glucose</td><td>mg/dL</td>" in bundle["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_the_published_coefficients():
    weights = {name: weight / 1000 for name, weight in PUBLISHED.weights.items()}
    assert PUBLISHED.weight_decimals == 3 and PUBLISHED.intercept == -13415
    assert weights == {
        "glucose": 0.079, "hdl_cholesterol": -0.039, "systolic_pressure": 0.018, "body_mass_index": 0.070,
        "age": 0.028, "female": 0.661, "mexican_american": 0.412, "family_history": 0.481,
    }  # fmt: skip
    assert "10.7326/0003-4819-136-8-200204160-00006" in PUBLISHED.source


def test_a_reading_holds_no_answer():
    assert {field for field in Reading.__dataclass_fields__} == {
        "score", "chance", "ciphertexts", "sent", "received", "sample",
    }  # fmt: skip
    assert (Path(DATA_FOLDER) / "models" / "diabetes_risk.md").exists()
