"""A custodian compares a request with what others released without it, as far as the server tells."""

import shutil

import pandas as pd
import pytest

from he_helpers.roles.approval.policy import DisclosurePolicy
from he_helpers.roles.errors import NotReviewed, ReviewNotClean, UnreadableAnswer
from he_helpers.schemes.secret import tenseal_bfv
from he_helpers.schemes.secret.quorum import shared_secret_key
from he_helpers.tables import EncryptedTable
from tests.roles.test_quorum import acquainted_once, analyst_of_quorum, approve, guard_as, guarded_once

pytestmark = pytest.mark.slow

NAMES = ("cat", "cid", "cyn", "coy")
DATASET = "shared-branches"
# The region R1 is the town T1 and one branch more.
BRANCHES = pd.DataFrame(
    {
        "region": ["R1"] * 4 + ["R2"] * 5,
        "town": ["T1"] * 3 + ["T3"] * 3 + ["T2"] * 3,
        "Loans": range(100, 1000, 100),
    }
)


@pytest.fixture(scope="session")
def pair():
    return tenseal_bfv().generate_keys()


@pytest.fixture
def ada(person, people, tmp_path):
    shutil.copytree(people, tmp_path, dirs_exist_ok=True)
    return person("ada")


@pytest.fixture
def ana(ada):
    return analyst_of_quorum(ada)


@pytest.fixture(scope="session", params=[3, 4], ids=lambda number: f"2 of {number}")
def number(request):
    """How many custodians there are."""
    return request.param


@pytest.fixture(scope="session")
def shared(pair, number):
    return shared_secret_key(pair, NAMES[:number], 2)


@pytest.fixture(scope="session")
def people(server, two_people, shared, number, tmp_path_factory):
    return acquainted_once(NAMES[:number], server, two_people, shared, tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="session")
def table(shared):
    return encrypted(BRANCHES, shared)


@pytest.fixture(scope="session")
def guarding(server, people, shared, number, table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarding")
    return guarded_once(DATASET, NAMES[:number], server, people, folder, table, shared[0])


@pytest.fixture
def custodians(person, ada, shared, number, table, guarding):
    """All guard the branches."""
    custodians = {name: person(name) for name in NAMES[:number]}
    ada.upload(DATASET, table, 3, quorum=shared[0])
    guard_as(guarding, custodians)
    yield custodians
    ada.delete(DATASET)


def encrypted(branches, shared):
    labels = [name for name in branches if name != "Loans"]
    return EncryptedTable.encrypt(branches, labels, shared[0].public, decimals=0)


def upload(ada, shared, branches):
    ada.upload(DATASET, encrypted(branches, shared), 3, quorum=shared[0])


def ask(ana, grouping):
    """The id of a request whose aggregate is there."""
    request = ana.ask_custodians(DATASET, "sum", grouping, "Loans", "report")
    ana.aggregate(request)
    return request


@pytest.fixture
def by_region(ana, custodians, number):
    """Released without cat: by cid and cyn, or, where there are four, by cyn and coy."""
    request = ask(ana, "region")
    for name in NAMES[number - 2 : number]:
        approve(custodians[name], request)
    assert ana.status(request) == "released"
    return request


def hide(custodian, request, monkeypatch):
    """The server tells the custodian nothing of the request."""
    real = custodian.connection.get_all

    def without(*path, **options):
        return [one for one in real(*path, **options) if one["id"] != request]

    monkeypatch.setattr(custodian.connection, "get_all", without)


def test_who_did_not_release_the_first_result_does_not_release_the_second(custodians, ana, by_region):
    cat, cid = custodians["cat"], custodians["cid"]
    by_town = ask(ana, "town")
    review = cat.review(by_town)
    assert review.approved_before == ("sum of Loans by region, for Ana, released by others (the server's word)",)
    assert (
        review.together == "compared with 1 that others released or may have, for all sets of fewer than 3 contributors"
    )
    assert review.findings == (
        "together with sum of Loans by region, which others released or may have, it gives sums of Loans over 1 "
        "contributor, and your minimum is 3",
    )
    assert not cid.review(by_town).clean
    for custodian in (cat, cid):
        with pytest.raises(ReviewNotClean):
            custodian.approve(by_town, recipient="Ana")
    assert ana.status(by_town) == "aggregated"
    # What gives nothing more is released, and is on the own record from then on.
    again = ask(ana, "region")
    approve(cat, again)
    assert len(cat.review(by_town).approved_before) == 2
    assert "sum of Loans by region, which you approved before, it gives" in cat.review(by_town).findings[0]


def test_one_partial_decryption_of_others_may_be_a_release(custodians, ana):
    cat, cyn = custodians["cat"], custodians["cyn"]
    by_region, by_town = ask(ana, "region"), ask(ana, "town")
    assert cat.review(by_town).clean
    approve(cyn, by_region)
    with pytest.raises(ReviewNotClean):
        cat.approve(by_town, recipient="Ana")
    review = cat.review(by_town)
    assert review.approved_before == ("sum of Loans by region, for Ana, may be released by others (the server's word)",)
    for name in set(custodians) - {"cyn"}:
        custodians[name].refuse(by_region, "no")
    assert ana.status(by_region) == "refused" and not cat.review(by_town).clean


def test_a_release_between_review_and_approval_is_shown_first(custodians, ana):
    cat, cid, cyn = (custodians[name] for name in NAMES[:3])
    waiting, harmless = ask(ana, "region"), ask(ana, "region")
    assert cat.review(harmless).clean
    for custodian in (cid, cyn):
        approve(custodian, waiting)
    with pytest.raises(NotReviewed):
        cat.approve(harmless, recipient="Ana")
    approve(cat, harmless)


def test_a_server_that_hides_a_release(custodians, ana, by_region, number, monkeypatch):
    """With 2 of 3 somebody has both on record; with 2 of 4 two quorums can be strangers, as the module says."""
    by_town = ask(ana, "town")
    for name in set(custodians) - set(NAMES[number - 2 : number]):
        hide(custodians[name], by_region, monkeypatch)
        approve(custodians[name], by_town)
    for name in NAMES[number - 2 : number]:
        assert "which you approved before" in custodians[name].review(by_town).findings[0]
    assert ana.status(by_town) == ("aggregated" if number == 3 else "released")


def test_what_the_server_told_once_it_cannot_take_back(custodians, ana, by_region, monkeypatch, person):
    by_town = ask(ana, "town")
    assert not custodians["cat"].review(by_town).clean
    cat = person("cat")
    hide(cat, by_region, monkeypatch)
    review = cat.review(by_town)
    assert not review.clean and "released by others" in review.in_words()["approved"]
    # Nor does another query under the same id take the place of the first, or make the new one a known one.
    real = custodians["cat"].connection.get_all

    def another_query(*path, **options):
        documents = real(*path, **options)
        harmless = next(one["query"] for one in documents if one["id"] == by_town)
        return [{**one, "query": harmless} for one in documents]

    monkeypatch.setattr(cat.connection, "get_all", another_query)
    assert len(cat.review(by_town).approved_before) == 2 and not cat.review(by_town).clean
    cat.forget_decisions(DATASET)
    assert cat.review(by_town).clean


@pytest.mark.parametrize("known", ["approved", "under review"])
def test_a_request_that_is_known_hides_no_other_query(custodians, ana, monkeypatch, known):
    """The server says that what was released under the id of a known request is another query."""
    cat = custodians["cat"]
    approved, under_review = ask(ana, "town"), ask(ana, "town")
    approve(cat, approved)
    assert len(cat.review(under_review).approved_before) == 1
    named = {"approved": approved, "under review": under_review}[known]
    query = cat.connection.get("requests", ask(ana, "region"))["query"]
    real = cat.connection.get_all

    def another_query(*path, **options):
        told = {"query": query, "status": "released"}
        return [{**one, **told} if one["id"] == named else one for one in real(*path, **options)]

    monkeypatch.setattr(cat.connection, "get_all", another_query)
    told = "sum of Loans by region, for Ana, released by others (the server's word)"
    assert set(cat.review(under_review).approved_before) == {"sum of Loans by town, for Ana", told}


def test_what_cannot_be_counted_is_a_finding(custodians, ana, by_region, monkeypatch):
    cat, by_town = custodians["cat"], ask(ana, "region")
    honest = cat.connection.get_all("requests", key="id")
    for query in ({"statistic": "sum", "group_by": ["street"], "columns": ["Loans"]}, "none", None):
        listed = [{**one, "query": query} if one["id"] == by_region else one for one in honest]
        monkeypatch.setattr(cat.connection, "get_all", lambda *path, listed=listed, **options: listed)
        assert "others released 1 results that your table cannot give" in cat.review(by_town).findings[0], query
        listed[0] = {**listed[0], "id": "../main"}
        with pytest.raises(UnreadableAnswer):
            cat.review(by_town)
        # As if it had heard of nothing yet.
        cat.forget_decisions(DATASET)


def test_a_table_that_was_replaced(custodians, ana, ada, shared, by_region):
    cat = custodians["cat"]
    again = ask(ana, "region")
    assert cat.review(again).clean
    ada.delete(DATASET)
    new = pd.DataFrame({"region": ["R1"] + ["R2"] * 3, "town": ["T1"] + ["T2"] * 3, "Loans": 50})
    branches = pd.concat([BRANCHES, new])
    upload(ada, shared, branches)
    # While it guards the old table, nothing is counted in it that was asked of the new one.
    by_town = ask(ana, "town")
    others = [custodians[name] for name in custodians if name != "cat"]
    for custodian in others:
        custodian.let_go(DATASET)
        custodian.guard(DATASET, 3)
    strangers = others[-2:]
    assert any("subtracted" in finding for finding in strangers[0].review(ask(ana, "region")).findings)
    for custodian in strangers:
        approve(custodian, by_town)
    later = ask(ana, "region")
    review = cat.review(later)
    assert not review.aggregate_matches and len(review.approved_before) == 2
    cat.let_go(DATASET)
    cat.guard(DATASET, 3)
    review = cat.review(later)
    assert len(review.approved_before) == 2
    assert any(
        "subtracted from sum of Loans by region, which others released or may have, it gives" in finding
        for finding in review.findings
    )
    assert any("together with sum of Loans by town" in finding for finding in review.findings)


def test_the_same_table_encrypted_anew_is_the_same(custodians, ana, ada, shared, by_region):
    cat = custodians["cat"]
    assert cat.review(ask(ana, "region")).clean
    ada.delete(DATASET)
    upload(ada, shared, BRANCHES)
    cat.let_go(DATASET)
    cat.guard(DATASET, 3)
    assert "together with sum of Loans by region, which others released" in cat.review(ask(ana, "town")).findings[0]


def test_a_policy_without_a_ledger_compares_nothing(custodians, ana, by_region):
    cat = custodians["cat"]
    cat.let_go(DATASET)
    cat.guard(DATASET, policy=DisclosurePolicy(3, ledger=False))
    review = cat.review(ask(ana, "town"))
    assert review.clean and len(review.approved_before) == 1
