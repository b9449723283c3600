"""The whole sequence of both roles over a real server in its own process: approval, refusal, repetition,
attacks.
"""

import json
import os
import sqlite3
import ssl
import stat
import subprocess
import sys
import traceback
import uuid

import httpx
import numpy as np
import pandas as pd
import pytest

from he_helpers.errors import HEError
from he_helpers.parameters import PaillierParameters
from he_helpers.roles.administrator import DataAdministrator
from he_helpers.roles.connection import Connection
from he_helpers.roles.errors import (
    AlreadyThere,
    DamagedRecord,
    ForgedRelease,
    InvalidName,
    NotAcknowledged,
    NotApproved,
    NotForThisKey,
    NotReviewed,
    NotThere,
    ReviewNotClean,
    RoleError,
    ServerRefused,
    UnreadableAnswer,
    WrongKind,
    WrongPassphrase,
    WrongRelease,
)
from he_helpers.schemes.secret import paillier, secret_key_from_bytes, tenseal_bfv, tenseal_ckks
from he_helpers.server.release.accounts import Account
from he_helpers.server.release.datasets.datasets import find_dataset, set_dataset_aside
from he_helpers.server.storage.store import Store
from he_helpers.tables import Aligned, EncryptedAggregate, EncryptedTable, Rows, UnknownLabel
from tests.roles.conftest import LARGEST_BODY, PASSPHRASES

pytestmark = pytest.mark.slow

ASKED = {
    "statistic": "sum",
    "group_by": ["region"],
    "columns": ["Revenue", "Loans"],
    "purpose": "Annual report",
}


class Altering(httpx.BaseTransport):
    """A server that lies: ``alter(path, content)`` may change the content of every good answer to ``method``."""

    def __init__(self, alter, method="GET"):
        self._alter = alter
        self._method = method
        self._real = httpx.HTTPTransport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))

    def handle_request(self, request):
        response = self._real.handle_request(request)
        content = response.read()
        if request.method == self._method and response.status_code in (200, 201):
            content = self._alter(request.url.path, content)
        return httpx.Response(response.status_code, content=content)


def lied_to(role, alter, method="GET"):
    role.connection = Connection(role.connection.server, role.folder, transport=Altering(alter, method))
    return role


def described_as(**members):
    """An alteration of a request's description."""

    def alter(path, content):
        document = json.loads(content) if "/requests/" in path and not path.endswith(("aggregate", "result")) else None
        return json.dumps({**document, **members}).encode() if document else content

    return alter


# The sequence


def test_approved_and_released(ada, ana, dataset, accounts):
    assert ana.datasets().loc[dataset, ["owner", "rows", "minimum_group_size"]].tolist() == ["ada", 12, 3]
    assert ana.describe(dataset)["columns"] == [
        {"name": "Revenue", "decimals": 1},
        {"name": "Loans", "decimals": 0},
    ]
    request = ana.ask(dataset, **ASKED)
    assert ana.status(request) == "requested" and ana.aggregate(request) == "aggregated"
    with pytest.raises(ServerRefused, match="aggregated"):
        ana.result(request)
    assert ada.pending().loc[request, ["analyst", "recipient", "status"]].tolist() == [
        "ana",
        "Ana",
        "aggregated",
    ]

    review = ada.review(request)
    assert review.clean and review.aggregate_matches and review.findings == () and review.recipient == "Ana"
    assert review.purpose == "Annual report" and review.group_sizes.tolist() == [3, 4, 5]
    ada.approve(request, "aggregates of three branches and more")
    assert ana.status(request) == "approved" and ada.pending().empty
    released = ada.release(request)
    assert ana.status(request) == "released"

    result = ana.result(request)
    plain = accounts.groupby("region")[["Revenue", "Loans"]].sum().round(1)
    pd.testing.assert_frame_equal(result, plain, check_index_type=False)
    pd.testing.assert_frame_equal(result, released)
    assert ana.result_file(request).read_text() == "region,Revenue,Loans\nNorth,3031.8,300\n" + "".join(
        f"{name},{row.Revenue},{row.Loans}\n" for name, row in plain.iloc[1:].iterrows()
    ).replace(".0\n", "\n")
    assert stat.S_IMODE(ana.result_file(request).stat().st_mode) == 0o600


def test_a_role_is_closed_with_its_block(person):
    for name in ("ada", "ana"):
        with person(name) as role:
            client = role.connection._client
            role.datasets()
        assert client.is_closed


def test_refused(ada, ana, dataset):
    request = ana.ask(dataset, **ASKED)
    with pytest.raises(ValueError, match="why"):
        ada.refuse(request, " ")
    ada.refuse(request, "not for this purpose")
    ada.refuse(request, "not for this purpose")
    assert ana.requests().loc[request, ["status", "reason"]].tolist() == ["refused", "not for this purpose"]
    with pytest.raises(ServerRefused, match="not for this purpose"):
        ana.result(request)
    with pytest.raises(NotApproved):
        ada.release(request)
    with pytest.raises(NotApproved, match="stands"):
        ada.approve(request)
    assert ana.status(request) == "refused"
    # What was refused was told to nobody.
    again = ada.review(ana.ask(dataset, **ASKED))
    assert again.clean and again.approved_before == ()


@pytest.mark.parametrize(
    ("statistic", "group_by", "columns"),
    [("mean", ["size"], ["Revenue"]), ("count", ["region"], []), ("sum", ["region"], ["Loans"])],
)
def test_other_statistics(ada, ana, dataset, accounts, statistic, group_by, columns):
    request = ana.ask(dataset, statistic, group_by, columns, "test")
    ada.review(request)
    ada.approve(request)
    ada.release(request)
    groups = accounts.groupby(group_by)
    plain = groups.size().to_frame("count") if statistic == "count" else getattr(groups[columns], statistic)().round(3)
    pd.testing.assert_frame_equal(ana.result(request), plain, check_index_type=False)


@pytest.mark.parametrize("scheme", [tenseal_ckks(), paillier(PaillierParameters(2048))], ids=lambda scheme: scheme.name)
def test_other_schemes_and_the_grand_total(ada, ana, accounts, scheme):
    ada.create_keys(scheme, name="other")
    table = ada.encrypt_table(accounts, ["region", "size"], key="other", decimals=1, layout=Rows())
    ada.upload("other", table, 3)
    try:
        request = ana.ask("other", "sum", [], ["Revenue", "Loans"], "test")
        ada.review(request)
        ada.approve(request)
        ada.release(request)
        total = accounts[["Revenue", "Loans"]].sum().round(1)
        assert ana.result(request).iloc[0].tolist() == total.tolist()
        assert ana.result_file(request).read_text().splitlines()[0] == "Revenue,Loans"
    finally:
        ada.delete("other")


def test_an_own_table_takes_half_the_bytes(ada, accounts):
    options = {"decimals": 1, "layout": Aligned(groupings=[["region"]], partial_sums=2)}
    own = ada.encrypt_table(accounts, ["region", "size"], **options)
    anybodys = EncryptedTable.encrypt(accounts, ["region", "size"], ada.public_key(), **options)
    assert own.description() == anybodys.description()
    assert len(own.to_bytes()) < 0.55 * len(anybodys.to_bytes())
    for table in (own, anybodys):
        sums = ada.decrypt(table.group_by("region").sum())
        pd.testing.assert_frame_equal(sums, accounts.groupby("region")[["Revenue", "Loans"]].sum(), check_dtype=False)
    with pytest.raises(NotThere, match="no public key 'absent'"):
        ada.encrypt_table(accounts, ["region", "size"], key="absent")


def test_repeating_every_step_is_harmless(ada, ana, dataset, tmp_path):
    first = ada.public_key().to_bytes()
    assert ada.create_keys(tenseal_bfv()).to_bytes() == first == ada.public_key().to_bytes()
    fingerprint = ana.encryption_key.fingerprint
    assert ana.create_keys().fingerprint == fingerprint
    for role, name in ((ada, "Ada"), (ana, "Ana")):
        role.hand_over(tmp_path / "handover", name)
    ana.trust("Ada", tmp_path / "handover" / "Ada.verify_key.json")
    assert ada.upload(dataset, ada.uploaded(dataset), 3)["rows_received"] == 12

    request = ana.ask(dataset, **ASKED)
    assert ana.ask(dataset, **ASKED, request_id=request) == request
    assert ana.aggregate(request) == ana.aggregate(request) == "aggregated"
    assert repr(ada.review(request)) == repr(ada.review(request))
    for _ in range(2):
        ada.approve(request)
    results = [ada.release(request) for _ in range(2)] + [ana.result(request) for _ in range(2)]
    for result in results[1:]:
        pd.testing.assert_frame_equal(result, results[0])
    ada.approve(request)
    assert len(ana.requests().loc[[request]]) == 1
    trail = ana.audit(request_id=request)
    assert trail["action"].tolist() == ["requested", "aggregated", "approved", "released"]

    ada.delete(dataset)
    with pytest.raises(ServerRefused) as caught:
        ada.delete(dataset)
    assert caught.value.status == 404
    with pytest.raises(ServerRefused):
        ana.ask(dataset, **ASKED)


def test_everything_survives_a_new_process(person, ada, ana, dataset):
    request = ana.ask(dataset, **ASKED)
    person("ada").review(request)
    person("ada").approve(request)
    person("ada").release(request)
    assert len(person("ana").result(request)) == 3


# What goes wrong


def test_refusals_of_the_server_are_readable(ada, ana, dataset):
    with pytest.raises(ServerRefused, match="accounts") as caught:
        ana.ask("acounts", **ASKED)
    assert caught.value.status == 404 and caught.value.extra["known"] == ["accounts"]
    with pytest.raises(ServerRefused) as caught:
        ana.ask(dataset, "sum", ["regoin"], ["Revenue"], "test")
    assert caught.value.status == 422 and caught.value.extra["known"] == ["region", "size"]
    with pytest.raises(ServerRefused) as caught:
        ana.ask(dataset, "count", ["region", "size"], [], "test")
    assert caught.value.status == 403 and caught.value.type.endswith("group-too-small")
    with pytest.raises(HEError, match="median"):
        ana.ask(dataset, "median", ["region"], ["Revenue"], "test")
    assert ana.requests().empty and list((ana.folder / "requests").iterdir()) == []


def test_arguments_of_another_kind_are_named(ada, ana, dataset, accounts):
    table = ada.uploaded(dataset)
    pair = tenseal_bfv().generate_keys()
    sums = table.group_by("region")["Loans"].sum()
    for call, said in (
        (lambda: ada.create_keys(pair, "other"), "a scheme, such as.*KeyPair"),
        (lambda: ada.create_keys(tenseal_bfv, "other"), "a scheme, such as.*function"),
        (lambda: ada.decrypt(table), "an encrypted aggregate.*EncryptedTable"),
        (lambda: ada.decrypt(sums.to_bytes()), "an encrypted aggregate.*bytes"),
        (lambda: ada.upload("x", accounts, 3), "an encrypted table.*DataFrame"),
        (lambda: ada.upload("x", sums, 3), "an encrypted table.*EncryptedAggregate"),
        (lambda: ada.upload("x", table, 3.0), "whole number of contributors.*3.0"),
        (lambda: ada.upload("x", table, "3"), "whole number of contributors.*'3'"),
        (lambda: ada.upload("x", table, True), "whole number of contributors.*True"),
        (lambda: ada.upload("x", table, 0), "whole number of contributors.*0"),
        (lambda: ada.upload("x", table, 1_000_001), "whole number of contributors.*1000001"),
        (lambda: ada.upload("x", table, 3, contributor_label=["region"]), "one label.*list"),
        (lambda: ada.trust("X", pair), "handed-over file.*KeyPair"),
        (lambda: ada.trust("X", None), "handed-over file.*NoneType"),
        (lambda: ada.refuse(str(uuid.uuid4()), None), "reason as text.*NoneType"),
        (lambda: ada.approve(str(uuid.uuid4()), 7), "reason as text.*int"),
        (lambda: ana.ask(dataset, "sum", 7, ["Loans"]), "group_by as a list of names.*int"),
        (lambda: ana.ask(dataset, "sum", ["region"], [7]), "columns as a list of names.*int"),
        (lambda: ana.ask(dataset, "sum", ["region"], None), "columns as a list of names.*NoneType"),
        (lambda: ana.ask(dataset, ["sum"], ["region"], ["Loans"]), "statistic.*list"),
        (lambda: ana.ask(table, "count", ["region"]), "name of a dataset.*EncryptedTable"),
        (lambda: ana.ask(dataset, "count", ["region"], purpose=None), "purpose as text.*NoneType"),
    ):
        with pytest.raises(WrongKind, match=said):
            call()
    for number in (None, 7, ada):
        with pytest.raises(InvalidName):
            ada.review(number)
    assert ada.datasets().index.tolist() == [dataset] and ana.requests().empty
    assert list(ada.contacts.all()) == ["Ana"] and not (ada.folder / "uploads" / "x.table").exists()


def test_one_name_stands_for_a_list_of_one(ada, ana, dataset):
    request = ana.ask(dataset, "sum", "region", "Loans", "test")
    assert ana.requests().loc[request, ["group_by", "columns"]].tolist() == ["region", "Loans"]
    ada.delete(dataset)
    assert ada.upload(dataset, encrypted_again(ada), np.int64(3))["rows_received"] == 2


def encrypted_again(ada):
    frame = pd.DataFrame({"region": ["a", "b"], "Loans": [1, 2]})
    return EncryptedTable.encrypt(frame, ["region"], ada.public_key())


def test_a_table_that_is_too_large_for_the_server(ada):
    answer = {"type": "urn:x", "title": "The body is too large", "status": 413, "detail": "A body has at most 9 bytes."}
    ada.connection = Connection(
        ada.connection.server,
        ada.folder,
        transport=httpx.MockTransport(lambda _: httpx.Response(413, json=answer)),
    )
    table = encrypted_again(ada)
    with pytest.raises(ServerRefused) as caught:
        ada.upload("accounts", table, 1)
    for said in ("at most 9 bytes", f"{len(table.to_bytes()):,} bytes", "partial_sums=1", "--largest-body"):
        assert said in str(caught.value)
    assert caught.value.status == 413
    with pytest.raises(NotThere):
        ada.uploaded("accounts")


def test_the_refusal_of_a_body_that_is_too_large_arrives(ada):
    """The server answers before it has read the body, and closes."""
    with pytest.raises(ServerRefused) as caught:
        ada.connection.put_bytes("datasets", "large", data=bytes(LARGEST_BODY + 1))
    assert caught.value.status == 413


def test_asking_something_else_under_the_same_id(ana, dataset):
    request = ana.ask(dataset, **ASKED)
    with pytest.raises(AlreadyThere):
        ana.ask(dataset, "count", ["region"], request_id=request)


def test_a_key_is_never_replaced(ada):
    fingerprint = ada.public_key().fingerprint
    with pytest.raises(AlreadyThere, match="main"):
        ada.create_keys(paillier())
    assert ada.public_key().fingerprint == fingerprint
    with pytest.raises(NotThere, match="Known: main"):
        ada.public_key("other")
    for name in ("", "a/b", "..", ".x"):
        with pytest.raises(InvalidName):
            ada.create_keys(tenseal_bfv(), name)


def test_a_public_key_is_read_once_and_again_when_its_file_was_changed(ada):
    key = ada.public_key()
    assert ada.public_key() is key
    other = tenseal_bfv().generate_keys().public
    (ada.folder / "public_keys" / "main.key").write_bytes(other.to_bytes())
    assert ada.public_key().fingerprint == other.fingerprint != key.fingerprint


def test_insecure_keys_are_refused_before_anything_is_kept(person):
    from he_helpers.parameters import PaillierParameters

    ada = person("ada")
    with pytest.raises(ValueError):
        ada.create_keys(paillier(PaillierParameters(modulus_bits=512), insecure_for_teaching=True))
    assert ada.keyring.names(PASSPHRASES["ada"]) == ()


def test_another_table_under_the_same_name(ada, accounts, dataset):
    before = ada.uploaded(dataset).to_bytes()
    with pytest.raises(AlreadyThere, match="delete"):
        ada.upload(dataset, EncryptedTable.encrypt(accounts, ["region", "size"], ada.public_key(), decimals=1), 3)
    with pytest.raises(AlreadyThere):
        ada.upload(dataset, ada.uploaded(dataset), 1)
    assert ada.uploaded(dataset).to_bytes() == before


@pytest.mark.parametrize(
    "acknowledged",
    [
        {"name": "accounts", "rows_received": 12, "bytes": 1, "digest": "0" * 64},
        {"name": "accounts", "rows_received": 12, "bytes": 1},
        ["digest"],
        "digest",
        None,
    ],
)
def test_an_acknowledgement_of_other_bytes_is_noticed(ada, dataset, acknowledged):
    honest = ada.connection
    lied_to(ada, lambda *_: json.dumps(acknowledged).encode(), method="PUT")
    with pytest.raises(UnreadableAnswer, match="other bytes than those sent"):
        ada.upload(dataset, ada.uploaded(dataset), 3)
    ada.connection = honest
    # The own copy is kept, so that the same bytes can be sent again.
    assert ada.upload(dataset, ada.uploaded(dataset), 3)["rows_received"] == 12


def test_a_name_of_another_administrator(ada, person, accounts, dataset):
    alan = person("alan")
    alan.create_keys(tenseal_bfv())
    with pytest.raises(ServerRefused) as caught:
        alan.upload(dataset, EncryptedTable.encrypt(accounts, ["region", "size"], alan.public_key(), decimals=1), 3)
    assert caught.value.status == 409
    with pytest.raises(NotThere, match="Uploaded from this folder: none"):
        alan.uploaded(dataset)


def test_an_interrupted_deletion_can_be_finished(ada, dataset):
    ada.connection.delete("datasets", dataset)
    ada.delete(dataset)
    with pytest.raises(NotThere):
        ada.uploaded(dataset)


def test_wrong_passphrase(ada, ana, dataset, server):
    request = ana.ask(dataset, **ASKED)
    forgetful = DataAdministrator(ada.folder, server.address, "something else")
    forgetful.review(request)
    forgetful.approve(request)
    with pytest.raises(WrongPassphrase):
        forgetful.release(request)
    assert ana.status(request) == "approved"


def test_the_administrator_decrypts_own_aggregates(ada, person, accounts, dataset):
    sums = ada.uploaded(dataset).group_by("region")["Loans"].sum()
    assert ada.decrypt(sums)["Loans"].tolist() == accounts.groupby("region")["Loans"].sum().tolist()
    alan = person("alan")
    alan.create_keys(tenseal_bfv())
    with pytest.raises(NotThere, match="fingerprint"):
        alan.decrypt(sums)


def test_a_secret_key_is_not_accepted_as_a_table(ada, server):
    secret = ada.keyring.load("homomorphic encryption key main", PASSPHRASES["ada"])
    with pytest.raises(ServerRefused) as caught:
        ada.connection.put_bytes("datasets", "secret", data=secret)
    assert caught.value.type.endswith("secret-key-refused")


# A server that lies


def altered_aggregate(ada, dataset) -> bytes:
    """Valid bytes for the query, of the right key and shape, but of other ciphertexts than the groups'
    sums.
    """
    sums = ada.uploaded(dataset).group_by("region")[["Revenue", "Loans"]].sum()
    sums.ciphertexts = tuple(ciphertext + 1 for ciphertext in sums.ciphertexts)
    assert EncryptedAggregate.from_bytes(sums.to_bytes()).query == sums.query
    return sums.to_bytes()


def test_an_exchanged_aggregate_is_noticed(ada, ana, dataset):
    request = ana.ask(dataset, **ASKED)
    forged = altered_aggregate(ada, dataset)
    honest = ada.connection
    lied_to(ada, lambda path, content: forged if path.endswith("/aggregate") else content)
    review = ada.review(request)
    assert not review.clean and not review.aggregate_matches and "single rows" in repr(review)
    with pytest.raises(ReviewNotClean, match="single rows"):
        ada.approve(request)
    ada.connection = honest
    with pytest.raises(NotReviewed, match="something else"):
        ada.approve(request)
    ada.review(request)
    ada.approve(request)
    lied_to(ada, lambda path, content: forged if path.endswith("/aggregate") else content)
    with pytest.raises(ReviewNotClean, match="single rows"):
        ada.release(request)
    assert ana.status(request) == "approved"


def test_an_aggregate_exchanged_in_the_database_is_noticed(ada, ana, dataset, server):
    request = ana.ask(dataset, **ASKED)
    ana.aggregate(request)
    with sqlite3.connect(server.folder / "store.sqlite3") as database:
        done = database.execute(
            "UPDATE aggregates SET content = ? WHERE request = ?",
            (altered_aggregate(ada, dataset), request),
        )
        assert done.rowcount == 1
    database.close()
    assert ada.review(request).aggregate_matches is False
    with pytest.raises(ReviewNotClean):
        ada.approve(request)


def test_one_flipped_byte_in_the_aggregate_is_noticed(ada, ana, dataset):
    request = ana.ask(dataset, **ASKED)
    lied_to(ada, lambda path, content: content[:-1] + b"\x00" if path.endswith("/aggregate") else content)
    assert ada.review(request).aggregate_matches is False


def test_an_unknown_recipient_gets_nothing(ada, ana, person, dataset):
    ben = person("ben")
    ben.create_keys()
    ben.trust("Ada", ada.verify_key.to_bytes())
    request = ben.ask(dataset, **ASKED)
    assert ada.pending().loc[request, "recipient"] == "unknown key"
    review = ada.review(request)
    assert review.recipient is None and review.aggregate_matches and not review.clean
    with pytest.raises(ReviewNotClean, match="in person"):
        ada.approve(request)
    ada.trust("Ben", ben.encryption_key.to_bytes())
    with pytest.raises(NotReviewed):
        ada.approve(request)
    ada.review(request)
    ada.approve(request)
    ada.release(request)
    assert len(ben.result(request)) == 3


def test_a_request_that_changes_after_the_approval_is_not_released(ada, ana, person, dataset):
    ben = person("ben")
    ben.create_keys()
    ada.trust("Ben", ben.encryption_key.to_bytes())
    request = ana.ask(dataset, **ASKED)
    ada.review(request)
    ada.approve(request)
    honest = ada.connection
    lied_to(ada, described_as(recipient_key_fingerprint=ben.encryption_key.fingerprint))
    with pytest.raises(ReviewNotClean, match="another request"):
        ada.release(request)
    ada.connection = honest
    other = {"statistic": "sum", "group_by": ["size"], "columns": ["Revenue", "Loans"]}
    forged = ada.uploaded(dataset).group_by("size")[["Revenue", "Loans"]].sum().to_bytes()
    lie = described_as(query=other)
    lied_to(ada, lambda path, content: forged if path.endswith("/aggregate") else lie(path, content))
    assert ada.review(request).clean
    with pytest.raises(ReviewNotClean, match="another request"):
        ada.release(request)
    ada.connection = honest
    assert len(ada.release(request)) == 3


@pytest.mark.parametrize("members", [{"purpose": "Gossip"}, {"analyst": "ben"}])
def test_a_request_that_changes_after_the_review_is_not_approved(ada, ana, dataset, members):
    request = ana.ask(dataset, **ASKED)
    ada.review(request)
    honest = ada.connection
    lied_to(ada, described_as(**members))
    with pytest.raises(ReviewNotClean, match="that you reviewed"):
        ada.approve(request)
    ada.connection = honest
    assert ana.status(request) == "aggregated"
    ada.approve(request)
    lied_to(ada, described_as(**members))
    with pytest.raises(ReviewNotClean, match="that you approved"):
        ada.approve(request)
    # Nor does looking at the other request make the approval one of that.
    ada.review(request)
    with pytest.raises(ReviewNotClean, match="that you approved"):
        ada.approve(request)


def test_what_nobody_looked_at_is_not_approved(ada, ana, dataset):
    request = ana.ask(dataset, **ASKED)
    with pytest.raises(NotReviewed, match="Call review"):
        ada.approve(request)
    assert ana.status(request) == "requested" and ada._decisions.decision(request) is None


def test_what_was_shown_outlasts_the_process(person, ada, ana, dataset):
    request = ana.ask(dataset, **ASKED)
    ada.review(request)
    file = ada.folder / "decisions" / f"{request}.shown.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    other = {"statistic": "sum", "group_by": ["size"], "columns": ["Revenue", "Loans"]}
    forged = ada.uploaded(dataset).group_by("size")[["Revenue", "Loans"]].sum().to_bytes()
    lie = described_as(query=other)
    restarted = lied_to(
        person("ada"), lambda path, content: forged if path.endswith("/aggregate") else lie(path, content)
    )
    with pytest.raises(ReviewNotClean, match="that you reviewed"):
        restarted.approve(request)
    assert ana.status(request) == "aggregated"
    person("ada").approve(request)
    assert ana.status(request) == "approved"


def test_a_record_of_another_version_is_not_passed_over(ada, ana, dataset):
    request = ana.ask(dataset, **ASKED)
    ada.review(request)
    for content in ("", "[]", "{}", '{"subject": 1}'):
        (ada.folder / "decisions" / f"{request}.shown.json").write_text(content)
        with pytest.raises(DamagedRecord, match="restore"):
            ada.approve(request)


def test_asked_by_one_and_sealed_to_another(ada, ana, person, dataset):
    ben = person("ben")
    ben.create_keys()
    ada.trust("Ben", ben.encryption_key.to_bytes())
    request = ana.ask(dataset, **ASKED)
    lied_to(ada, described_as(recipient_key_fingerprint=ben.encryption_key.fingerprint))
    review = ada.review(request)
    assert review.clean and review.for_somebody_else and review.recipient == "Ben"
    for recipient in (None, "Ana", "ben"):
        with pytest.raises(NotAcknowledged, match="ana asks, and the result would be sealed to Ben"):
            ada.approve(request, recipient=recipient)
    assert ana.status(request) == "aggregated"
    ada.approve(request, recipient="Ben")
    assert ana.status(request) == "approved"


def test_earlier_approvals_are_shown_and_compared(ada, ana, dataset, person):
    first, second = ana.ask(dataset, **ASKED), ana.ask(dataset, **{**ASKED, "group_by": ["size"]})
    assert "nothing before" in repr(ada.review(first)) and "nothing before" in repr(ada.review(second))
    ada.approve(first)
    # Reviewed before the first was approved: what has been shown of it is out of date.
    with pytest.raises(NotReviewed, match="in the meantime"):
        ada.approve(second)
    # What was approved on another dataset is not held against this one.
    ada.upload("others", encrypted_again(ada), 1)
    try:
        assert ada.review(ana.ask("others", "sum", ["region"], ["Loans"])).approved_before == ()
    finally:
        ada.delete("others")
    line = "approved:  before on this dataset: sum of Revenue, Loans by region, for Ana"
    assert line in repr(person("ada").review(second))
    ada.approve(second)
    assert line not in repr(ada.review(first))
    # It outlasts the dataset: another table of that name is compared with what was said about this one.
    smaller = ada.uploaded(dataset)
    ada.delete(dataset)
    frame = smaller.label_frame.assign(Revenue=1.0, Loans=1)[:-1]
    table = EncryptedTable.encrypt(frame, ["region", "size"], ada.public_key(), decimals=1)
    ada.upload(dataset, table, 3)
    third = ana.ask(dataset, **ASKED)
    with pytest.raises(ReviewNotClean, match="over 1 contributor"):
        ada.review(third)
        ada.approve(third)


def test_a_request_that_cannot_be_computed_can_be_reviewed_and_refused(ada, ana, dataset, server):
    request = ana.ask(dataset, **ASKED)
    store = Store.in_folder(server.folder)
    with store.reading() as connection:
        found = find_dataset(connection, dataset, Account("ada", "administrator"))
    set_dataset_aside(store, found, "It stopped a process.")
    store.close()
    review = ada.review(request)
    assert review.status == "requested" and "It stopped a process." in review.findings[0]
    with pytest.raises(ReviewNotClean, match="the server has no aggregate"):
        ada.approve(request)
    ada.refuse(request, "it cannot be computed; a table with more room follows")
    assert ana.requests().loc[request, "reason"].startswith("it cannot be computed")


def test_the_review_decrypts_what_the_largest_contributors_hold(ada, ana, accounts):
    accounts["branch"] = [f"branch {number}" for number in range(len(accounts))]
    accounts.loc[0, "Loans"] = 10_000
    table = EncryptedTable.encrypt(
        accounts.drop(columns="size"),
        ["region", "branch"],
        ada.public_key(),
        decimals=1,
        layout=Aligned(groupings=[["region"], ["region", "branch"]]),
    )
    ada.upload("branches", table, 3, contributor_label="branch")
    try:
        review = ada.review(ana.ask("branches", "sum", ["region"], ["Revenue"]))
        assert review.clean and review.dominance == "the 2 largest contributors hold at most 67% of a sum"
        request = ana.ask("branches", "sum", ["region"], ["Loans"])
        assert ada.review(request).findings == (
            "2 contributors hold 99% of a sum of Loans, and at most 85% are allowed",
        )
        with pytest.raises(ReviewNotClean, match="99% of a sum of Loans"):
            ada.approve(request)
    finally:
        ada.delete("branches")


def test_an_approval_is_not_forgotten_by_refusing(ada, ana, dataset):
    """A server that shows a released request as a new one would have later requests compared with nothing."""
    request, _ = released(ada, ana, dataset)

    class Agreeing(Altering):
        def handle_request(self, request):
            if request.method == "PUT":
                return httpx.Response(200, json={})
            return super().handle_request(request)

    for transport in (None, Agreeing(described_as(status="requested"))):
        ada.connection = Connection(ada.connection.server, ada.folder, transport=transport)
        with pytest.raises(AlreadyThere, match="A decision stands"):
            ada.refuse(request, "never seen it")
    assert "sum of Revenue, Loans by region, for Ana" in repr(ada.review(ana.ask(dataset, **ASKED)))


def test_an_aggregation_that_the_server_refuses_is_a_finding(ada, ana, dataset):
    request = ana.ask(dataset, **ASKED)
    said = {"type": "urn:x", "title": "Not computable", "status": 422, "detail": "The noise budget\ndoes not suffice."}

    class Refusing(Altering):
        def handle_request(self, request):
            if request.method == "POST":
                return httpx.Response(422, json=said)
            return super().handle_request(request)

    ada.connection = Connection(ada.connection.server, ada.folder, transport=Refusing(lambda _, content: content))
    review = ada.review(request)
    assert review.status == "requested" and "The noise budget does not suffice." in review.findings[0]
    ada.refuse(request, "it cannot be computed")
    assert ana.status(request) == "refused"


def test_the_minimum_counts_contributors(ada, ana, accounts):
    accounts["branch"] = [f"{region}{number // 2}" for number, region in enumerate(accounts["region"])]
    table = EncryptedTable.encrypt(
        accounts,
        ["region", "size", "branch"],
        ada.public_key(),
        decimals=1,
        layout=Aligned(groupings=[["region"], ["region", "branch"]]),
    )
    with pytest.raises(UnknownLabel, match="region, size, branch"):
        ada.upload("branches", table, 2, contributor_label="shop")
    ada.upload("branches", table, 3, contributor_label="branch")
    try:
        assert ana.describe("branches")["contributor_label"] == "branch"
        assert ana.datasets().loc["branches", "contributor_label"] == "branch"
        # 3 to 5 rows a region, of 2 or 3 branches.
        with pytest.raises(ServerRefused, match="fewer than 3 contributors"):
            ana.ask("branches", **ASKED)
        with pytest.raises(AlreadyThere, match="contributor label"):
            ada.upload("branches", table, 3)
        ada.delete("branches")
        ada.upload("branches", table, 2, contributor_label="branch")
        review = ada.review(ana.ask("branches", **ASKED))
        assert review.clean and review.groups["contributors"].tolist() == [2, 3, 3]
    finally:
        ada.delete("branches")


def test_an_approval_that_the_server_invents_is_not_believed(ada, ana, dataset):
    request = ana.ask(dataset, **ASKED)
    lied_to(ada, described_as(status="approved"))
    with pytest.raises(NotApproved, match="not approved this request"):
        ada.release(request)


def test_a_status_that_does_not_fit_stops_the_release(ada, ana, dataset):
    request = ana.ask(dataset, **ASKED)
    ada.review(request)
    ada.approve(request)
    lied_to(ada, described_as(status="refused"))
    with pytest.raises(NotApproved, match="'refused'"):
        ada.release(request)


def test_a_group_below_the_own_minimum_is_noticed(ada, ana, dataset):
    request = ana.ask(dataset, **ASKED)
    settings = ada.folder / "uploads" / f"{dataset}.json"
    settings.write_text('{"minimum_group_size": 4}')
    ada.review(request)
    with pytest.raises(ReviewNotClean, match="3 contributors in 3 rows, and your minimum is 4"):
        ada.approve(request)


@pytest.mark.parametrize(
    "query",
    [{"statistic": "sum"}, None, {"statistic": "sum", "group_by": ["x"], "columns": ["y"]}],
)
def test_a_query_that_the_table_cannot_answer(ada, ana, dataset, query):
    request = ana.ask(dataset, **ASKED)
    lied_to(ada, described_as(query=query))
    ada.review(request)
    with pytest.raises(ReviewNotClean, match="cannot answer"):
        ada.approve(request)


def test_another_request_than_asked_for(ada, ana, dataset):
    request = ana.ask(dataset, **ASKED)
    lied_to(ada, described_as(id=str(uuid.uuid4())))
    with pytest.raises(UnreadableAnswer):
        ada.review(request)
    with pytest.raises(InvalidName):
        ada.review("../../etc")


@pytest.mark.parametrize("name", [None, ["accounts"]])
def test_a_request_on_no_dataset_is_not_decided(ada, ana, dataset, name):
    request = ana.ask(dataset, **ASKED)
    lied_to(ada, described_as(dataset=name))
    with pytest.raises(UnreadableAnswer, match="name of a dataset"):
        ada.review(request)
    with pytest.raises(UnreadableAnswer, match="name of a dataset"):
        ada.refuse(request, "on what?")
    assert not (ada.folder / "decisions" / f"{request}.json").exists() and ana.status(request) == "requested"


def test_lists_of_another_shape(ada, ana, dataset):
    ana.ask(dataset, **ASKED)
    for alter in (lambda *_: b'[{"a": 1}]', lambda *_: b"[7]", lambda *_: b"7"):
        lied_to(ana, alter)
        for view in (ana.datasets, ana.requests, ana.audit):
            with pytest.raises(UnreadableAnswer):
                view()


def test_lists_hold_one_printable_line_a_text(ada, ana, dataset):
    request = ana.ask(dataset, **ASKED)

    def alter(path, content):
        listed = json.loads(content)
        text = {"purpose": "a\nb\u202e", "reason": "\u2028", "analyst": "\x1b[2J"}
        text |= {"detail": "c\rd", "account": "\u200b"}
        return json.dumps([{**member, **{key: text[key] for key in text if key in member}} for member in listed])

    lied_to(ana, lambda path, content: alter(path, content).encode())
    shown = ana.requests().loc[request]
    assert shown[["purpose", "reason", "analyst"]].tolist() == ["a\\nb\\u202e", "\\u2028", "\\x1b[2J"]
    trail = ana.audit(details=True)
    assert set(trail["detail"]) == {"c\\rd"} and set(trail["account"]) == {"\\u200b"}


def released(ada, ana, dataset, **asked):
    request = ana.ask(dataset, **{**ASKED, **asked})
    ada.review(request)
    ada.approve(request)
    ada.release(request)
    return request, ana.connection.get_bytes("requests", request, "result")


def test_results_that_the_server_exchanges(ada, ana, person, dataset):
    first, sealed = released(ada, ana, dataset)
    second, other = released(ada, ana, dataset, columns=["Loans"])
    third, same_query = released(ada, ana, dataset)
    for false, error in (
        (other, WrongRelease),
        (same_query, WrongRelease),
        (sealed[:-1], NotForThisKey),
        (b"", NotForThisKey),
    ):
        honest = ana.connection
        lied_to(ana, lambda path, content, false=false: false if path.endswith("/result") else content)
        with pytest.raises(error):
            ana.result(first)
        assert not ana.result_file(first).exists()
        ana.connection = honest
    alan = person("alan")
    alan.create_keys(tenseal_bfv())
    ana.trust("Alan", alan.verify_key.to_bytes())
    with pytest.raises(NotThere, match="Ada, Alan"):
        ana.ask(dataset, **ASKED)
    fourth = ana.ask(dataset, **ASKED, administrator="Alan")
    ada.review(fourth)
    ada.approve(fourth)
    ada.release(fourth)
    with pytest.raises(ForgedRelease):
        ana.result(fourth)
    with pytest.raises(NotThere, match="not asked"):
        ana.result(str(uuid.uuid4()))


# What is kept, and what is shown


def test_the_trail_is_stable_unless_asked_otherwise(ada, ana, dataset):
    request = ana.ask(dataset, **ASKED)
    ada.refuse(request, "no")
    trail = ana.audit(request_id=request)
    assert list(trail.columns) == ["account", "role", "action", "dataset", "request", "reason"]
    assert trail.iloc[-1].tolist() == ["ada", "administrator", "refused", dataset, "1", "no"]
    assert list(trail.index) == [1, 2]
    full = ana.audit(request_id=request, times=True, details=True)
    assert set(full.columns) - set(trail.columns) == {"at", "request_id", "detail"}
    assert full["request_id"].eq(request).all()
    assert request not in repr(ada.review(request))


@pytest.fixture(params=[0o000, 0o022])
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


def test_what_lies_in_the_folders(umask, ada, ana, dataset, tmp_path):
    request, _ = released(ada, ana, dataset)
    ana.result(request)
    for folder in (ada.folder, ana.folder, tmp_path / "handover"):
        for path in [folder, *folder.rglob("*")]:
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    secret = ada.keyring.load("homomorphic encryption key main", PASSPHRASES["ada"])
    public = ada.public_key().to_bytes()
    # The secret key's bytes contain the public key; what is only in them must be nowhere in the folder.
    parts = [secret[at : at + 32] for at in range(0, len(secret) - 32, 4096)]
    parts = [part for part in parts if part not in public]
    assert parts
    for path in ada.folder.rglob("*"):
        assert path.is_dir() or not any(part in path.read_bytes() for part in parts)
    assert isinstance(ada.uploaded(dataset), EncryptedTable)
    assert secret_key_from_bytes(secret).public.fingerprint == ada.public_key().fingerprint


def test_nothing_secret_is_shown(ada, ana, dataset, server, monkeypatch):
    request = ana.ask(dataset, **ASKED)
    ada.review(request)
    ada.approve(request)
    keys = [ada.keyring.load(name, PASSPHRASES["ada"]) for name in ada.keyring.names(PASSPHRASES["ada"])]
    keys += [ana.keyring.load(name, PASSPHRASES["ana"]) for name in ana.keyring.names(PASSPHRASES["ana"])]
    secrets = [PASSPHRASES["ada"], PASSPHRASES["ana"], server.tokens["ada"], server.tokens["ana"]]
    secrets += [repr(key)[2:-1] for key in keys] + [key[len(key) // 2 :][:32].hex() for key in keys]

    def fail(*_, **__):
        raise UnreadableAnswer("on purpose")

    shown = [repr(ada), repr(ana), repr(vars(ada)), repr(vars(ana)), repr(ada.review(request))]
    for where in (
        "he_helpers.roles.keys.release.seal",
        "he_helpers.roles.keys.release.finish",
        "nacl.public.SealedBox.encrypt",
    ):
        with monkeypatch.context() as broken:
            broken.setattr(where, fail)
            with pytest.raises(RoleError) as caught:
                ada.release(request)
        # With the local variables of every frame of ours, as some notebooks and error reporters show them.
        report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        own = [frame for frame in report.stack if "/he_helpers/" in frame.filename]
        assert own
        shown += [f"{frame.name} {frame.locals}" for frame in own]
    for text in shown:
        assert not any(secret in text for secret in secrets)


def test_the_analyst_never_loads_the_secret_side():
    check = (
        "import sys, he_helpers.roles.analyst; "
        "print([m for m in sys.modules if m.startswith('he_helpers.schemes.secret') "
        "or m == 'he_helpers.roles.administrator'])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
