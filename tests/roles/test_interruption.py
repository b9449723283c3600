"""A call that is interrupted, before or after its bytes reached the server, does its work when it is made again."""

import itertools
import ssl

import httpx
import pytest

from he_helpers.roles.administrator import DataAdministrator
from he_helpers.roles.connection import Connection
from he_helpers.roles.errors import AlreadyThere, ServerRefused
from he_helpers.schemes.secret import tenseal_bfv
from he_helpers.schemes.secret.interface import Scheme

pytestmark = pytest.mark.slow

ASKED = {"statistic": "sum", "group_by": ["region"], "columns": ["Revenue"], "purpose": "report"}


class Interrupting(httpx.BaseTransport):
    """Interrupts the request of that number, before it is sent or when it was answered."""

    def __init__(self, number, sent):
        self._left, self._sent = number, sent
        self._real = httpx.HTTPTransport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))

    def handle_request(self, request):
        self._left -= 1
        if not self._left and not self._sent:
            raise KeyboardInterrupt
        response = self._real.handle_request(request)
        response.read()
        if not self._left:
            raise KeyboardInterrupt
        return response


def interrupted(role, sent, call):
    """Interrupt `call` at its first request, then at its second, until it comes to its end; what it returns."""
    for number in itertools.count(1):
        role.connection = Connection(role.connection.server, role.folder, transport=Interrupting(number, sent))
        try:
            result = call()
        except KeyboardInterrupt:
            continue
        assert number > 1, "the call makes no request"
        role.connection = Connection(role.connection.server, role.folder)
        return result
    raise AssertionError


@pytest.mark.parametrize("sent", [False, True], ids=["before it is sent", "after it was answered"])
def test_every_call_of_both_roles_can_be_interrupted(ada, ana, accounts, sent):
    table = ada.encrypt_table(accounts, ["region", "size"], decimals=1)
    interrupted(ada, sent, lambda: ada.upload("interrupted", table, minimum_group_size=3))
    request = ana.ask("interrupted", **ASKED)
    other = ana.ask("interrupted", **{**ASKED, "purpose": "other"})
    assert interrupted(ana, sent, lambda: ana.aggregate(request)) == "aggregated"
    assert interrupted(ada, sent, lambda: ada.review(request)).clean
    interrupted(ada, sent, lambda: ada.approve(request))
    released = interrupted(ada, sent, lambda: ada.release(request))
    assert interrupted(ana, sent, lambda: ana.result(request)).equals(released)
    assert released["Revenue"].sum() == pytest.approx(accounts["Revenue"].sum())
    interrupted(ada, sent, lambda: ada.refuse(other, "no"))
    interrupted(ada, sent, lambda: ada.delete("interrupted"))
    assert "interrupted" not in ada.datasets().index


def test_an_upload_that_never_arrived_gives_way_to_a_table_that_is_encrypted_anew(ada, accounts, monkeypatch):
    def encrypt_and_upload():
        table = ada.encrypt_table(accounts, ["region", "size"], decimals=1)
        return ada.upload("anew", table, minimum_group_size=3)

    assert interrupted(ada, False, encrypt_and_upload)["rows_received"] == 12
    kept = ada.uploaded("anew").to_bytes()
    with pytest.raises(AlreadyThere, match="another table"):
        encrypt_and_upload()
    # A server that denies having it, and then refuses, takes no copy away.
    monkeypatch.setattr(ada, "describe", refuses(404))
    monkeypatch.setattr(ada.connection, "put_bytes", refuses(409))
    with pytest.raises(ServerRefused):
        encrypt_and_upload()
    assert ada.uploaded("anew").to_bytes() == kept
    ada.delete("anew")


def refuses(status):
    def call(*_, **__):
        raise ServerRefused(status, "about:blank", "refused", "", {})

    return call


def test_a_question_is_asked_once_under_its_id(ada, ana, dataset):
    identifier = "11111111-2222-4333-8444-555555555555"
    for sent in (False, True):
        interrupted(ana, sent, lambda: ana.ask(dataset, **ASKED, request_id=identifier))
    assert ana.requests().index.tolist() == [identifier]


@pytest.mark.parametrize("after", [False, True], ids=["before the pair is there", "after it was stored"])
def test_making_keys_can_be_interrupted(person, monkeypatch, after):
    ada = person("ada")

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if after:
            patch.setattr("he_helpers.roles.administrator.write_private", interrupt)
        else:
            patch.setattr(Scheme, "generate_keys", interrupt)
            patch.setattr(type(tenseal_bfv()), "generate_keys", interrupt)
        with pytest.raises(KeyboardInterrupt):
            ada.create_keys(tenseal_bfv())
    key = ada.create_keys(tenseal_bfv())
    again = DataAdministrator(ada.folder, ada.connection.server, "what ada knows by heart")
    assert again.public_key().fingerprint == key.fingerprint and again.verify_key


def test_encrypting_can_be_interrupted(ada, accounts):
    def stops_after_one(steps):
        yield next(iter(steps))
        raise KeyboardInterrupt

    labels = ["region", "size"]
    with pytest.raises(KeyboardInterrupt):
        ada.encrypt_table(accounts, labels, decimals=1, progress=stops_after_one)
    table = ada.encrypt_table(accounts, labels, decimals=1)
    sums = ada.decrypt(table.group_by("region")[["Revenue"]].sum())
    assert sums["Revenue"].sum() == pytest.approx(accounts["Revenue"].sum())
