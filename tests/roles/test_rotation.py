"""A dataset moves to a new key: nothing is missing or lost in between, also when the move is interrupted anywhere."""

import pandas as pd
import pytest

from he_helpers.audit.__main__ import main as audit
from he_helpers.audit.bundle import Bundle
from he_helpers.roles import administrator as module
from he_helpers.roles.administrator import DataAdministrator
from he_helpers.roles.errors import RetiredKey, ServerRefused
from he_helpers.schemes.secret import tenseal_bfv
from he_helpers.server.detection.secret_detection import find_secret_key
from he_helpers.tables import Aligned, EncryptedTable, Rotated, Rows, Values
from tests.roles.test_interruption import interrupted

pytestmark = pytest.mark.slow

SUM = {"statistic": "sum", "group_by": ["region"], "columns": ["Revenue"], "purpose": "report"}


@pytest.fixture(scope="session")
def second_pair():
    return tenseal_bfv().generate_keys()


@pytest.fixture
def keys(ada, second_pair, monkeypatch):
    """A second key pair of ada's, made once for all tests."""
    monkeypatch.setattr(type(tenseal_bfv()), "generate_keys", lambda scheme: second_pair)
    return ada.create_keys(tenseal_bfv(), "second")


def released(ada, ana, dataset, **changes):
    request = ana.ask(dataset, **{**SUM, **changes})
    ada.review(request)
    ada.approve(request)
    ada.release(request)
    return request


def test_a_dataset_moves_and_old_releases_stay_explained(ada, ana, dataset, keys, accounts):
    old, waiting = released(ada, ana, dataset), ana.ask(dataset, "sum", ["size"], ["Revenue"], purpose="waiting")
    before, result = ada.review(old), ana.result(old)
    assert ana.aggregate(waiting) == "aggregated"
    table = ada.rotate(dataset, "second")
    assert table.key.fingerprint == keys.fingerprint == ada.uploaded(dataset).key.fingerprint
    assert ada.describe(dataset)["key_fingerprint"] == keys.fingerprint
    # What was decided stays, and is reviewed with the table of its time.
    assert ada.review(old).clean and ada.review(old).subject() == before.subject()
    assert ada.release(old).equals(result) and ana.result(old).equals(result)
    # What waited is computed anew, and compared with what was released under the old key.
    assert ana.status(waiting) == "requested"
    assert ada.review(waiting).clean and len(ada.review(waiting).approved_before) == 1
    ada.approve(waiting)
    by_size = accounts.groupby("size")[["Revenue"]].sum().round(1)
    pd.testing.assert_frame_equal(ada.release(waiting), by_size, check_names=False)
    listed = ada.under_key("main")
    assert listed[["what", "request", "status"]].values.tolist() == [
        ["earlier table", "", ""],
        ["aggregate", old, "released"],
    ]
    assert ada.under_key("second")["what"].tolist() == ["present table", "aggregate"]


def test_a_difference_with_a_release_under_the_old_key_is_found(ada, ana, dataset, keys, accounts):
    """The data are the same: what is asked after the move is compared with what was released before."""
    released(ada, ana, dataset)
    ada.rotate(dataset, "second")
    later = ana.ask(dataset, "sum", ["region"], ["Revenue"], purpose="again")
    review = ada.review(later)
    assert review.clean and len(review.approved_before) == 1
    assert review.answered.table == ada.review(released(ada, ana, dataset, purpose="more")).answered.table


def test_a_retired_key_encrypts_nothing_more(ada, dataset, keys, accounts):
    ada.rotate(dataset, "second")
    for call in (
        lambda: ada.encrypt_table(accounts, ["region", "size"], decimals=1),
        lambda: ada.create_keys(tenseal_bfv()),
        lambda: ada.rotate(dataset, "main"),
    ):
        with pytest.raises(RetiredKey, match="'main' is retired"):
            call()
    assert ada.public_key("main").fingerprint != keys.fingerprint
    # The same call again changes nothing.
    before = ada.uploaded(dataset).to_bytes()
    assert ada.rotate(dataset, "second").to_bytes() == before


@pytest.mark.parametrize("sent", [False, True], ids=["before it is sent", "after it was answered"])
def test_a_move_can_be_interrupted_on_its_way(ada, ana, dataset, keys, sent):
    table = interrupted(ada, sent, lambda: ada.rotate(dataset, "second"))
    assert ada.describe(dataset)["digest"] == module.hashlib.sha256(table.to_bytes()).hexdigest()
    assert [one.name for one in (ada.folder / "moving").iterdir()] == []
    assert len(ada.under_key("main")) == 1


STEPS = ["begin", "finish", "_retire", "encrypt"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_move_goes_on_wherever_it_was_killed(ada, ana, dataset, keys, accounts, monkeypatch, step, after):
    """What a killed process leaves is what stands in its files: another one goes on from there."""
    where = {"_retire": DataAdministrator, "encrypt": EncryptedTable}.get(step, type(ada._moves))
    real = getattr(where, step)

    def killed(*arguments, **options):
        if after:
            real(*arguments, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(where, step, killed)
        with pytest.raises(KeyboardInterrupt):
            ada.rotate(dataset, "second")
    # The dataset is there all the time, under one key or the other, and the own copy can be decrypted.
    assert ada.describe(dataset)["rows"] == 12
    assert len(ada.decrypt(ada.uploaded(dataset).group_by("region")[["Revenue"]].sum())) == 3
    again = DataAdministrator(ada.folder, ada.connection.server, "what ada knows by heart")
    table = again.rotate(dataset, "second")
    assert again.describe(dataset)["digest"] == module.hashlib.sha256(table.to_bytes()).hexdigest()
    assert table.key.fingerprint == keys.fingerprint
    with pytest.raises(RetiredKey):
        again.encrypt_table(accounts, ["region", "size"], decimals=1)


def test_a_move_waits_for_an_approved_result(ada, ana, dataset, keys):
    request = ana.ask(dataset, **SUM)
    ada.review(request)
    ada.approve(request)
    before = ada.uploaded(dataset).to_bytes()
    with pytest.raises(ServerRefused, match="have not been released"):
        ada.rotate(dataset, "second")
    assert ada.uploaded(dataset).to_bytes() == before and not list((ada.folder / "moving").iterdir())
    ada.release(request)
    assert ada.rotate(dataset, "second").key.fingerprint == keys.fingerprint


def test_a_move_that_a_proxy_gave_up_on_goes_on(ada, dataset, keys, monkeypatch):
    """The server has the new table: who forgot it could neither review nor move this dataset any more."""
    real = ada.connection.put_bytes

    def too_late(*path, **options):
        real(*path, **options)
        raise ServerRefused(504, "about:blank", "Gateway Timeout", "")

    with monkeypatch.context() as patch:
        patch.setattr(ada.connection, "put_bytes", too_late)
        with pytest.raises(ServerRefused):
            ada.rotate(dataset, "second")
    assert ada.rotate(dataset, "second").key.fingerprint == keys.fingerprint
    assert ada.describe(dataset)["digest"] == module.hashlib.sha256(ada.uploaded(dataset).to_bytes()).hexdigest()


def test_a_deleted_dataset_leaves_no_earlier_tables(ada, dataset, keys, accounts):
    ada.rotate(dataset, "second")
    ada.delete(dataset)
    table = ada.encrypt_table(accounts, ["region", "size"], decimals=1, key="second")
    ada.upload(dataset, table, minimum_group_size=3)
    assert ada.under_key("main").empty and not list((ada.folder / "earlier").iterdir())


@pytest.mark.parametrize(
    "layout", [Values(), Rows(), Aligned(), Aligned([["region"], []], partial_sums=2), Rotated([["region"]])], ids=repr
)
def test_a_table_is_decrypted_as_it_was(accounts, layout, second_pair):
    pair = tenseal_bfv(galois_keys=True).generate_keys() if isinstance(layout, Rotated) else second_pair
    table = EncryptedTable.encrypt(accounts, ["region", "size"], pair.public, decimals=1, layout=layout)
    pd.testing.assert_frame_equal(
        table.decrypt(pair.secret).astype({"Loans": "int64"}), accounts, check_dtype=False, check_categorical=False
    )


def test_an_outsider_audits_what_the_administrator_wrote(ada, ana, dataset, keys, tmp_path, capsys):
    ada.trust_witness("Ana", ana.hand_over_verify_key(tmp_path / "handover", "Ana"))
    released(ada, ana, dataset)
    ada.rotate(dataset, "second")
    released(ada, ana, dataset, group_by=["size"])
    assert ana.witness().clean and ada.witness().clean
    assert audit([str(ada.write_bundle(dataset, tmp_path / "bundle.zip"))]) == 0
    said = capsys.readouterr().out
    assert "2 in the trail, 2 computed again with equal bytes" in said and "not signed" not in said
    assert "Ana (key" in said and "administrator (key" in said
    # Nothing of another dataset is opened.
    bundle = Bundle.read(tmp_path / "bundle.zip")
    assert {entry.event["dataset"] for entry in bundle.trail if entry.event} == {dataset}
    assert find_secret_key((tmp_path / "bundle.zip").read_bytes()) is None
