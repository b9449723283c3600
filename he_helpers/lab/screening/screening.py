"""What a person answers in a health screening: checked and encrypted in this process, scored elsewhere.

    model = describe_model(address)      what the research server asks for
    person = Person(address, model)      an own key pair, in this process only
    values, messages = model.check(...)  what a person typed in: acceptable, or a message for each field
    person.ask(values)                   encrypt, send, decrypt

Nothing leaves the process before every answer is acceptable, and then only a public key and ciphertexts leave it.
The research server's address comes from the configuration (`research_server`), never from what a person fills in.

The score is the logistic regression of Stern, Williams and Haffner (2002), see data/models/diabetes_risk.md. It
is used here to teach, and is no medical advice.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from he_helpers.computing.score_messages import ScoreAnswer, ScoreRequest
from he_helpers.errors import HEError
from he_helpers.lab.workspace.workspace import Workspace
from he_helpers.schemes.public.interface import Ciphertext
from he_helpers.schemes.secret import paillier
from he_helpers.web_client import httpx

MODEL = "diabetes_risk"
ADDRESS_VARIABLE = "HE_COURSE_RESEARCH_SERVER"
SCREENING_CUT_POINT = 0.065
"""The chance above which Abdul-Ghani and others, Diabetes Care 34 (2011) 2108-2112, would examine further."""
NO_ADVICE = "This is a lesson about encryption and no medical advice. Talk to a physician about your health."

_ANSWER_SECONDS = 30
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)")
_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")


class ScoringFailed(HEError, RuntimeError):
    """The research server did not answer, or refused. The message says why, and holds no answer of the person."""


@dataclass(frozen=True)
class Wording:
    """How a question is put to a person.

    choices: what can be chosen, with its number; empty for a number that is typed in.
    why: what stands behind the limits, for the message about a value outside them.
    other_unit: another unit that the value is often given in, and the factor from it.
    """

    label: str
    choices: tuple[tuple[str, int], ...] = ()
    why: str = ""
    other_unit: tuple[str, float] | None = None


_NO_YES = (("no", 0), ("yes", 1))
WORDINGS: Mapping[str, Wording] = {
    "glucose": Wording(
        "Fasting glucose",
        why="From 126 on, diabetes is diagnosed; the score is for people without it.",
        other_unit=("mmol/L", 18.0),
    ),
    "hdl_cholesterol": Wording("HDL cholesterol", other_unit=("mmol/L", 38.67)),
    "systolic_pressure": Wording("Systolic blood pressure", why="It is the higher one of the two numbers."),
    "body_mass_index": Wording("Body mass index", why="It is the weight in kg divided by the height in m, squared."),
    "age": Wording("Age", why="The score was made with people of these ages."),
    "female": Wording("Sex", (("male", 0), ("female", 1))),
    "mexican_american": Wording("Group in the study", (("non-Hispanic white", 0), ("Mexican American", 1))),
    "family_history": Wording("Parent or sibling with diabetes", _NO_YES),
}


@dataclass(frozen=True)
class Question:
    """One input of a model: a number from `minimum` to `maximum` in `unit`, with at most `decimals` decimals."""

    name: str
    minimum: Decimal
    maximum: Decimal
    decimals: int
    unit: str
    wording: Wording

    @property
    def range(self) -> str:
        """What is expected, in words."""
        kind = f"a number with at most {self.decimals} decimal" if self.decimals else "a whole number"
        return f"{kind} from {self.minimum} to {self.maximum} {self.unit}"

    def check(self, text: str | None) -> int:
        """The answer as a fixed-point integer, the number times 10**decimals.

        Raises ValueError with the message for the person: absent, text, a decimal comma, too many decimals,
        negative, outside the limits.
        """
        text = (text or "").strip()
        if not text:
            raise ValueError(f"Missing. Enter {self.range}." if not self.wording.choices else "Missing. Choose one.")
        if _COMMA.fullmatch(text):
            raise ValueError(f"Write a decimal point instead of the comma: {text.replace(',', '.')}.")
        if not _NUMBER.fullmatch(text):
            raise ValueError(f"This is not a number. Enter {self.range}, without the unit.")
        value = Decimal(text)
        if value < 0:
            raise ValueError(f"A negative value cannot be. Enter {self.range}.")
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Expected is {self.range}.{self._hint(value)}")
        scaled = value.scaleb(self.decimals)
        if scaled != scaled.to_integral_value():
            raise ValueError(f"Too many decimals. Enter {self.range}.")
        return int(scaled)

    def _hint(self, value: Decimal) -> str:
        if self.wording.other_unit:
            unit, factor = self.wording.other_unit
            converted = float(value) * factor
            if float(self.minimum) <= converted <= float(self.maximum):
                return f" If yours is in {unit}, that is {converted:.0f} {self.unit}."
        return f" {self.wording.why}" if self.wording.why else ""


@dataclass(frozen=True)
class Model:
    """What the research server says about a model: its questions, never its weights.

    decimals: those of the decrypted score. terms: what to announce when encrypting (LinearModel.terms).
    """

    name: str
    title: str
    questions: tuple[Question, ...]
    decimals: int
    terms: int

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Model:
        """From the JSON object of GET /v1/models/NAME. Raises ScoringFailed for an input that has no wording here."""
        questions = []
        for given in description["inputs"]:
            if given["name"] not in WORDINGS:
                raise ScoringFailed(f"The research server asks for {given['name']!r:.40}, which is not known here.")
            low, high = (Decimal(f"{given[limit]:g}") for limit in ("minimum", "maximum"))
            questions.append(
                Question(given["name"], low, high, given["decimals"], given["unit"], WORDINGS[given["name"]])
            )
        return cls(
            description["name"], description["title"], tuple(questions), description["decimals"], description["terms"]
        )

    def check(self, answers: Mapping[str, str | None]) -> tuple[dict[str, int], dict[str, str]]:
        """The acceptable answers as fixed-point integers, and a message for each of the others."""
        values, messages = {}, {}
        for question in self.questions:
            try:
                values[question.name] = question.check(answers.get(question.name))
            except ValueError as error:
                messages[question.name] = str(error)
        return values, messages


@dataclass(frozen=True)
class Reading:
    """What the person reads, and what travelled for it.

    score: the linear predictor, exact. chance: the logistic function of it, from 0 to 1.
    ciphertexts: how many were sent. sent, received: sizes of the two messages in bytes.
    sample: the last 12 bytes of the first ciphertext, as they travelled.
    """

    score: Decimal
    chance: float
    ciphertexts: int
    sent: int
    received: int
    sample: bytes


def research_server(workspace: Workspace) -> str:
    """The address of the research server: from the environment variable HE_COURSE_RESEARCH_SERVER, which whoever
    installs the form sets; without it, the server of this workspace, which is started when it does not run."""
    configured = os.environ.get(ADDRESS_VARIABLE)
    if configured:
        return configured.rstrip("/")
    from he_helpers.lab.workspace.server_process import find_or_start_scoring

    return find_or_start_scoring(workspace, "research")


def describe_model(address: str, name: str = MODEL) -> Model:
    """Ask the research server what the model needs. Raises ScoringFailed."""
    return Model.from_description(_exchange("GET", f"{address}/v1/models/{name}").json())


def chance_of(score: Decimal | float) -> float:
    """The logistic function 1 / (1 + exp(-score)): a chance from 0 to 1."""
    return 1 / (1 + math.exp(-float(score)))


class Person:
    """One person at the form: an own Paillier key pair, which lives in this process and is stored nowhere."""

    def __init__(self, address: str, model: Model) -> None:
        self._address = address
        self._model = model
        self._keys = paillier().generate_keys()

    def encrypt(self, values: Mapping[str, int]) -> dict[str, Ciphertext]:
        """Each fixed-point integer as a ciphertext of its own."""
        # With the person's own secret key it takes a quarter of the time that it takes with the public key.
        key = self._keys.secret
        return {name: key.encrypt([value], terms=self._model.terms) for name, value in values.items()}

    def request(self, ciphertexts: Mapping[str, Ciphertext]) -> ScoreRequest:
        """What travels: the public key and the ciphertexts."""
        return ScoreRequest.of(self._model.name, self._keys.public, ciphertexts)

    def read(self, answer: ScoreAnswer) -> Decimal:
        """Decrypt the score in the server's answer. Raises KeyMismatch for a score under another key."""
        number = int(self._keys.secret.decrypt(answer.open(self._keys.public))[0])
        return Decimal(number).scaleb(-self._model.decimals)

    def ask(self, values: Mapping[str, int]) -> Reading:
        """Encrypt `values`, have them scored, decrypt the score. Raises ScoringFailed."""
        ciphertexts = self.encrypt(values)
        body = self.request(ciphertexts).model_dump_json().encode()
        response = _exchange("POST", f"{self._address}/v1/models/{self._model.name}/scores", body)
        try:
            score = self.read(ScoreAnswer.model_validate_json(response.content))
        except (ValidationError, HEError) as error:
            raise ScoringFailed(f"The research server's answer cannot be read: {type(error).__name__}.") from None
        sample = next(iter(ciphertexts.values())).to_bytes()[-12:]
        return Reading(score, chance_of(score), len(ciphertexts), len(body), len(response.content), sample)


def _exchange(verb: str, url: str, body: bytes | None = None) -> httpx.Response:
    """The answer with status 200. Raises ScoringFailed."""
    headers = {"Content-Type": "application/json"} if body is not None else {}
    try:
        # A proxy that the environment names would see the exchange; the address in the configuration is meant as it is.
        response = httpx.request(verb, url, content=body, headers=headers, timeout=_ANSWER_SECONDS, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ScoringFailed(f"The research server did not answer ({type(error).__name__}). Try again later.") from None
    if response.status_code != 200:
        raise ScoringFailed(f"The research server refused, with status {response.status_code}. Nothing was computed.")
    return response
