"""Hostile bodies against a running server and a running scoring service, with honest requests in between."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from random import Random
from select import select

from he_helpers.computing.score_messages import ScoreAnswer
from he_helpers.server.release.accounts import add_account
from he_helpers.server.storage.store import Store
from he_helpers.tables import EncryptedTable, Query, aggregate
from tests.fuzz import changes

ROOT = Path(__file__).parents[2]
HONEST_EVERY = 100
_MESSAGES = 0.1  # of all bodies; the others are tables
_START_SECONDS = 120
_SCORES = f"/models/{changes.MODEL.name}/scores"
_JSON = {"Content-Type": "application/json"}
_DEATH = re.compile(r"worker (?:died|ended): task (\w+), (.*)")


@dataclass
class Report:
    """What became of the bodies.

    ``answers`` counts the statuses of all answers, ``deaths`` the jobs that ended a worker, by task and signal.
    ``failures`` holds what must not be: one entry for each body, by its number. ``honest`` counts the honest requests.
    """

    answers: Counter[int] = field(default_factory=Counter)
    deaths: Counter[str] = field(default_factory=Counter)
    failures: dict[int, str] = field(default_factory=dict)
    honest: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        answers = ", ".join(f"{status}: {count:,}" for status, count in sorted(self.answers.items()))
        deaths = ", ".join(f"{what}: {count}" for what, count in sorted(self.deaths.items())) or "none"
        failures = "".join(f"\nbody {number}: {what}" for number, what in self.failures.items()) or " none"
        return (
            f"answers {answers}; honest requests answered right {self.honest}; workers that were ended {deaths}; "
            f"{self.seconds:.0f} s; failures:{failures}"
        )


class _Client:
    """A connection to a server, which is opened when it is needed; with less work of its own than `requests`."""

    def __init__(self, address: str) -> None:
        self._connection = HTTPConnection(address.removeprefix("http://"), timeout=60)

    def call(self, verb: str, path: str, headers: dict[str, str], body: bytes | None = None) -> tuple[int, bytes]:
        """The status and the content of the answer. Raises OSError and HTTPException where there is none."""
        opened = self._connection.sock
        if opened is not None and select([opened], [], [], 0)[0]:
            # The server has ended a connection that was left alone for long.
            self._connection.close()
        try:
            self._connection.request(verb, f"/v1{path}", body, headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, HTTPException):
            self._connection.close()
            raise


class Campaign:
    """``seed`` makes the changes; the keys are fresh each time, so a body that fails is kept in ``keep``."""

    def __init__(self, server: str, tokens: dict[str, str], scoring: str, seed: int, keep: Path) -> None:
        self._server, self._scoring = _Client(server), _Client(scoring)
        self._administrator = {"Authorization": f"Bearer {tokens['administrator']}"}
        self._analyst = {"Authorization": f"Bearer {tokens['analyst']}"}
        self._seed, self._keep = seed, keep
        self._pairs = changes.make_key_pairs()
        self._tables = changes.make_tables(self._pairs)
        self._messages = changes.make_messages(self._pairs)
        # Of the honest tables, by name, once each was added up.
        self._aggregates: dict[str, bytes] = {}
        self.report = Report()

    def run(self, numbers: range) -> None:
        """Send the bodies of these numbers, and honest requests before, in between and after."""
        started = time.monotonic()
        for number in numbers:
            if number % HONEST_EVERY == 0:
                self._honest(number)
            self._hostile(number)
        self._honest(numbers.stop)
        self.report.seconds = time.monotonic() - started

    def _hostile(self, number: int) -> None:
        random = Random(f"{self._seed}, {number}")
        if random.random() < _MESSAGES:
            body = changes.change_message(self._messages[random.choice(sorted(self._messages))], random)
            steps = self._score(body)
        else:
            body = changes.change_table(self._tables[random.choice(sorted(self._tables))], random)
            steps = self._upload_and_aggregate(f"fuzzed-{number}", body)
        try:
            for status in steps:
                self.report.answers[status] += 1
                if status >= 500:
                    self._fail(number, f"answered with {status}", body)
        except (OSError, HTTPException) as error:
            self._fail(number, f"not answered ({type(error).__name__})", body)

    def _upload_and_aggregate(self, name: str, table: bytes) -> Iterator[int]:
        """The statuses of an upload; of a request on it, its aggregation and its deletion where it was taken."""
        uploaded = self._upload(name, table)
        yield uploaded
        if uploaded == 201:
            request = f"/requests/{uuid.uuid4()}"
            yield self._ask(request, name)
            yield self._server.call("POST", f"{request}/aggregation", self._analyst)[0]
            yield self._server.call("DELETE", f"/datasets/{name}", self._administrator)[0]

    def _upload(self, name: str, table: bytes) -> int:
        headers = {**self._administrator, "Content-Type": "application/octet-stream"}
        return self._server.call("PUT", f"/datasets/{name}?minimum_group_size=1", headers, table)[0]

    def _ask(self, request: str, name: str) -> int:
        asked = {"dataset": name, "query": changes.QUERY, "recipient_key_fingerprint": "ab" * 16, "purpose": ""}
        return self._server.call("PUT", request, {**self._analyst, **_JSON}, json.dumps(asked).encode())[0]

    def _score(self, message: bytes) -> Iterator[int]:
        yield self._scoring.call("POST", _SCORES, _JSON, message)[0]

    def _honest(self, number: int) -> None:
        """A table of each scheme in turn is added up, and a message scored, as if nothing had happened."""
        names = sorted(name for name in self._tables if "open" not in name)
        name = names[number // HONEST_EVERY % len(names)]
        table = self._tables[name]
        try:
            dataset, request = f"honest-{number}", f"/requests/{uuid.uuid4()}"
            self._upload(dataset, table)
            self._ask(request, dataset)
            self._server.call("POST", f"{request}/aggregation", self._analyst)
            status, answer = self._server.call("GET", f"{request}/aggregate", self._administrator)
            self._server.call("DELETE", f"/datasets/{dataset}", self._administrator)
            if answer != self._aggregate(name):
                self._fail(number, f"an honest table of {name} was not added up right ({status})", table)
                return
            body = self._messages["paillier"].model_dump_json().encode()
            _, answer = self._scoring.call("POST", _SCORES, _JSON, body)
            keys = self._pairs["paillier"]
            if keys.secret.decrypt(ScoreAnswer.model_validate_json(answer).open(keys.public)) != [7 + 12 - 45]:
                self._fail(number, "an honest message was not scored right", body)
                return
            self.report.honest += 1
        except (OSError, HTTPException, ValueError) as error:
            self._fail(number, f"an honest request failed ({type(error).__name__})", table)

    def _aggregate(self, name: str) -> bytes:
        """What the server has to answer for a table that was not changed."""
        if name not in self._aggregates:
            table = EncryptedTable.from_bytes(self._tables[name])
            self._aggregates[name] = aggregate(table, Query.from_dict(changes.QUERY)).to_bytes()
        return self._aggregates[name]

    def _fail(self, number: int, what: str, body: bytes) -> None:
        self._keep.mkdir(parents=True, exist_ok=True)
        kept = self._keep / f"seed-{self._seed}-body-{number}"
        kept.write_bytes(body)
        self.report.failures[number] = f"{what}; kept as {kept}"


def fuzz(numbers: range, seed: int, folder: Path, keep: Path, module: str = "he_helpers.server") -> Report:
    """Run a campaign against servers of its own, which work in the empty ``folder``.

    module: what is started as the server. A server that ends early is a failure of the campaign's last body.
    """
    (folder / "models").mkdir(parents=True)
    (folder / "models" / f"{changes.MODEL.name}.json").write_text(changes.MODEL.model_dump_json())
    store_folder, service_folder = folder / "server", folder / "service"
    store_folder.mkdir(mode=0o700)
    store = Store.in_folder(store_folder)
    tokens = {role: add_account(store, role, role) for role in ("administrator", "analyst")}
    store.close()
    with (
        _running(module, "run", store_folder) as server,
        _running(module, "score", service_folder, "--models", str(folder / "models")) as service,
    ):
        addresses = [_address(at, process) for at, process in ((store_folder, server), (service_folder, service))]
        campaign = Campaign(addresses[0], tokens, addresses[1], seed, keep)
        campaign.run(numbers)
        for name, process in (("server", server), ("scoring service", service)):
            if process.poll() is not None:
                campaign.report.failures[numbers.stop - 1] = f"the {name} ended with status {process.returncode}"
    for at in (store_folder, service_folder):
        for task, how in _DEATH.findall((at / "server.log").read_text()):
            campaign.report.deaths[f"{task} ({how})"] += 1
    return campaign.report


@contextmanager
def _running(module: str, service: str, folder: Path, *arguments: str) -> Iterator[subprocess.Popen]:
    """A server in ``folder``, with one worker: a campaign sends one body after the other."""
    command = [sys.executable, "-m", module, service, "--folder", str(folder), "--workers", "1", *arguments]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def _address(folder: Path, process: subprocess.Popen) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if (folder / "address").exists():
            return (folder / "address").read_text().strip()
        time.sleep(0.02)
    raise RuntimeError(f"The server in {folder} did not start.")
