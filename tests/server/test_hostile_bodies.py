"""Malformed, random, truncated and altered bodies are refused with a problem document, and do no harm."""

import json

import msgpack
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from he_helpers.server.http.problems import Problem
from he_helpers.server.release import evaluation
from he_helpers.tables import EncryptedTable
from he_helpers.tables.layouts import Packing
from tests.sealing import open_fields, seal_fields
from tests.server.conftest import asked, new_request

pytestmark = pytest.mark.slow

BOUNDED = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


# What is refused before a step of the store, and as derandomised the same bodies each time: above one database.
above_any_database = pytest.mark.parametrize("kind_of_database", ["sqlite"], indirect=True)


def refused(response):
    assert 400 <= response.status_code < 500, (response.status_code, response.text)
    assert response.content_type == "application/problem+json"


@above_any_database
@BOUNDED
@given(body=st.binary(max_size=4000))
def test_random_bytes(ann, body):
    refused(ann.upload(body))


@above_any_database
@BOUNDED
@given(data=st.data())
def test_truncated_and_altered_tables(ann, table, data):
    position = data.draw(st.integers(0, len(table) - 1))
    refused(ann.upload(table[:position]))
    flipped = data.draw(st.integers(1, 255))
    refused(ann.upload(table[:position] + bytes([table[position] ^ flipped]) + table[position + 1 :]))


@above_any_database
@BOUNDED
@given(fields=st.lists(VALUES, max_size=8))
def test_well_sealed_nonsense(ann, fields):
    refused(ann.upload(seal_fields("table", fields)))


@BOUNDED
@given(data=st.data())
def test_well_sealed_tables_with_one_field_exchanged(ann, table, data):
    fields = open_fields(table, "table")
    fields[data.draw(st.integers(0, len(fields) - 1))] = data.draw(VALUES)
    response = ann.upload(seal_fields("table", fields), name="exchanged")
    if response.status_code != 201:
        refused(response)
    else:
        ann.delete("/datasets/exchanged")


@pytest.mark.parametrize("error", [RuntimeError, ValueError, OverflowError, KeyError])
@pytest.mark.parametrize(("holder", "step"), [(EncryptedTable, "from_bytes"), (Packing, "add_up")])
def test_whatever_a_library_says_to_nonsense_is_the_senders_error(table, monkeypatch, error, holder, step):
    """While the ciphertexts are read, and while they are added up."""

    def fail(*arguments, **_):
        raise error("internal words of a library")

    monkeypatch.setattr(holder, step, fail)
    query = {"statistic": "sum", "group_by": ["region"], "columns": ["loans"]}
    with pytest.raises(Problem) as caught:
        evaluation.compute_aggregate(table, query)
    assert caught.value.kind == "invalid-content"
    assert error.__name__ in caught.value.detail and "internal words" not in caught.value.detail


def test_memory_that_does_not_suffice_is_no_fault_of_the_content(table, monkeypatch):
    """The worker tells it apart: a job that grows ends its worker."""

    def fail(*arguments, **_):
        raise MemoryError

    monkeypatch.setattr(EncryptedTable, "from_bytes", fail)
    with pytest.raises(MemoryError):
        evaluation.compute_aggregate(table, {})


@above_any_database
@BOUNDED
@given(body=JSON_VALUES | st.fixed_dictionaries({"dataset": JSON_VALUES, "query": JSON_VALUES, "purpose": JSON_VALUES}))
def test_random_json(ann, eve, body):
    refused(eve.put(f"/requests/{new_request()}", data=json.dumps(body), content_type="application/json"))
    refused(ann.put(f"/requests/{new_request()}/decision", data=json.dumps(body), content_type="application/json"))


@above_any_database
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[" * 60_000, b"\xff\xfe", b"NaN", b'{"dataset": "\\ud800"}', b"{}" * 2, b"9" * 5000]
)
def test_malformed_json(eve, body):
    refused(eve.put(f"/requests/{new_request()}", data=body, content_type="application/json"))


@settings(BOUNDED, max_examples=20)
@given(purpose=st.text(max_size=100), name=st.text(max_size=30))
def test_any_text_in_a_request(ann, eve, table, purpose, name):
    ann.upload(table)
    identifier = new_request()
    response = eve.put(f"/requests/{identifier}", json=asked(purpose=purpose, group_by=["region"]))
    if response.status_code == 201:
        assert eve.get(f"/requests/{identifier}").json["purpose"] == purpose
    else:
        refused(response)
    unknown = eve.put(f"/requests/{new_request()}", json=asked(group_by=[name + "?"]))
    refused(unknown)


def test_secrets_are_refused_by_every_address_that_takes_a_body(ann, eve, table, pair, store):
    """And the refusal is in the audit trail, the secret is not."""
    ann.upload(table)
    identifier, _ = eve.ask()
    secrets = {
        "TenSEAL": pair.secret.to_bytes(),
        "PEM": ed25519.Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        "msgpack": msgpack.packb({"p": b"x" * 128, "q": b"y" * 128}),
    }
    for secret in secrets.values():
        for response in (
            ann.upload(secret, name="secret"),
            ann.upload(seal_fields("table", [secret]), name="secret"),
            ann.put(f"/requests/{identifier}/result", secret),
        ):
            assert response.status_code == 422
            assert response.json["type"].endswith("secret-key-refused")
    pem = secrets["PEM"].decode()
    for response in (
        eve.put(f"/requests/{new_request()}", json=asked(purpose=pem)),
        ann.put(f"/requests/{identifier}/decision", json={"decision": "approved", "reason": pem}),
    ):
        assert response.json["type"].endswith("secret-key-refused")
    assert [entry["name"] for entry in ann.get("/datasets").json] == ["accounts"]
    refusals = [event for event in ann.get("/audit").json if event["action"] == "secret refused"]
    assert len(refusals) == 10
    assert pem.splitlines()[1] not in str(refusals)
