"""A release by quorum among roles: who approves, who lies, who stalls, and what the analyst gets."""

import dataclasses
import itertools
import json
import shutil
import threading

import msgpack
import msgspec
import pytest

from he_helpers.lab.widgets import ReviewDesk
from he_helpers.parameters import BFVParameters, InsecureParameters, PaillierParameters, plaintext_prime
from he_helpers.quarantine import reading
from he_helpers.roles import AlreadyThere, ForgedRelease, NotApproved, NotThere, QuorumAnalyst, WrongKind
from he_helpers.roles.approval.policy import DisclosurePolicy
from he_helpers.roles.errors import NotReviewed, ReviewNotClean, ServerRefused
from he_helpers.roles.keys.hidden import Hidden
from he_helpers.roles.keys.sealed import sign_and_seal
from he_helpers.roles.quorum import partials
from he_helpers.roles.quorum.keys import QuorumKeys, hand_over_key
from he_helpers.roles.quorum.partials import Subject, make_partials, seal_partials
from he_helpers.schemes import DamagedBytes, KeyMismatch
from he_helpers.schemes.secret import tenseal_bfv
from he_helpers.schemes.secret.quorum import (
    CeremonyFailed,
    KeyShare,
    TooFewPartials,
    WrongPartial,
    shared_secret_key,
    threshold_paillier,
)
from he_helpers.tables import Aligned, EncryptedTable, Query, aggregate
from tests.quarantine.planted import planted_pool
from tests.roles.conftest import PASSPHRASES, branch_accounts, entrance, make_cheap

NAMES = ("cat", "cid", "cyn")


@pytest.fixture(scope="session")
def pair():
    return tenseal_bfv().generate_keys()


@pytest.fixture(scope="session")
def shared(pair):
    return shared_secret_key(pair, NAMES, 2)


@pytest.fixture(scope="session")
def quorum_people(server, two_people, shared, tmp_path_factory):
    return acquainted_once(NAMES, server, two_people, shared, tmp_path_factory.mktemp("quorum"))


@pytest.fixture
def ada(person, quorum_people, tmp_path):
    """The administrator who has dealt the shares; the folders of all the others are beside hers."""
    shutil.copytree(quorum_people, tmp_path, dirs_exist_ok=True)
    return person("ada")


@pytest.fixture
def custodians(person, ada):
    """cat, cid and cyn with keys and shares; each trusts the others, ada who deals, and ana."""
    return {name: person(name) for name in NAMES}


def acquainted_once(names, server, two_people, shared, folder):
    """``folder`` with those of all people in it, who are acquainted: to copy into those of tests."""
    shutil.copytree(two_people, folder, dirs_exist_ok=True)
    enter = entrance(server, folder)
    with pytest.MonkeyPatch.context() as patch:
        make_cheap(patch)
        ada = enter("ada")
        acquaint([enter(name) for name in names], ada, analyst_of_quorum(ada), shared, folder)
    return folder


def acquaint(people, ada, ana, shared, folder):
    """Custodians by name, with keys and shares; each trusts the others, ada who deals, and ana."""
    custodians = {custodian.name: custodian for custodian in people}
    for custodian in custodians.values():
        custodian.create_keys()
        for name, key in (("senders", custodian.verify_key), ("contacts", custodian.encryption_key)):
            for other in custodians.values():
                getattr(other, name).trust(custodian.name, key.to_bytes())
        custodian.trust("Ana", ana.encryption_key.to_bytes())
        custodian.trust_sender("ada", ada.verify_key.to_bytes())
        ada.trust(custodian.name, custodian.encryption_key.to_bytes())
        ana.trust_custodian(custodian.name, custodian.verify_key.to_bytes())
    quorum, shares = shared
    ada.deal_shares(shares, dealer="ada")
    for custodian in custodians.values():
        assert custodian.receive_share("ada").fingerprint == quorum.fingerprint
        assert custodian.letters.waiting() == []
    ana.quorum_keys.trust(hand_over_key(folder, "quorum", quorum))
    return custodians


@pytest.fixture
def ana(ada):
    """An analyst who asks custodians, and trusts ada."""
    return analyst_of_quorum(ada)


def analyst_of_quorum(ada):
    """The analyst ana, whose folder is beside that of ada."""
    return QuorumAnalyst(ada.folder.parent / "ana", ada.connection.server, PASSPHRASES["ana"])


def guarded_once(dataset, names, server, people, folder, table, quorum):
    """``folder`` with what custodians keep of a table that they guard: to copy into those of tests."""
    shutil.copytree(people, folder, dirs_exist_ok=True)
    enter = entrance(server, folder)
    with pytest.MonkeyPatch.context() as patch:
        make_cheap(patch)
        ada = enter("ada")
        ada.upload(dataset, table, 3, quorum=quorum)
        for name in names:
            enter(name).guard(dataset, 3)
        ada.delete(dataset)
    return folder


def guard_as(guarding, custodians):
    """Let custodians guard what those of guarded_once() do."""
    for name, custodian in custodians.items():
        shutil.copytree(guarding / name / "guarded", custodian.folder / "guarded", dirs_exist_ok=True)


@pytest.fixture(scope="session")
def shared_table(shared):
    quorum, _ = shared
    return EncryptedTable.encrypt(
        branch_accounts(), ["region", "size"], quorum.public, decimals={"Revenue": 1, "Loans": 0}
    )


@pytest.fixture(scope="session")
def guarding(server, quorum_people, shared, shared_table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarding")
    return guarded_once("shared-accounts", NAMES, server, quorum_people, folder, shared_table, shared[0])


@pytest.fixture
def guarded(ada, custodians, shared, shared_table, guarding):
    """The dataset that all custodians guard."""
    ada.upload("shared-accounts", shared_table, 3, quorum=shared[0])
    guard_as(guarding, custodians)
    yield "shared-accounts"
    ada.delete("shared-accounts")


@pytest.fixture
def asked(ana, guarded):
    return ana.ask_custodians(guarded, "sum", "region", ["Revenue", "Loans"], "yearly report")


def approve(custodian, request):
    assert custodian.review(request).clean
    custodian.approve(request, recipient="Ana")


@pytest.mark.slow
def test_a_table_that_ends_the_process_which_reads_it_is_not_guarded(custodians, ada, shared, accounts, monkeypatch):
    """The control is the same table without the word, which a planted reader lets pass."""
    quorum, _ = shared
    cat = custodians["cat"]
    with planted_pool() as pool:
        monkeypatch.setattr(reading, "_pool", lambda: pool)
        for dataset, size in (("deadly-accounts", "read_table crashes"), ("other-accounts", "small")):
            frame = accounts.assign(size=size)
            table = EncryptedTable.encrypt(
                frame, ["region", "size"], quorum.public, decimals={"Revenue": 1, "Loans": 0}
            )
            ada.upload(dataset, table, 3, quorum=quorum)
        with pytest.raises(DamagedBytes, match="signal SIGSEGV.*Nothing of it was kept"):
            cat.guard("deadly-accounts", 3)
        with pytest.raises(NotThere, match="You guard no dataset 'deadly-accounts'"):
            cat.guarded("deadly-accounts")
        cat.guard("other-accounts", 3)
    assert cat.guarded("other-accounts").rows == len(accounts)
    for dataset in ("deadly-accounts", "other-accounts"):
        ada.delete(dataset)


@pytest.mark.slow
@pytest.mark.parametrize("answering", [some for size in range(4) for some in itertools.combinations(NAMES, size)])
def test_as_many_as_the_threshold_release_and_fewer_give_nothing(answering, custodians, ana, asked, accounts):
    for name in answering:
        approve(custodians[name], asked)
    if len(answering) < 2:
        with pytest.raises(ServerRefused, match="custodians share the key"):
            ana.collect(asked)
        assert ana.status(asked) in ("requested", "aggregated")
        return
    collected = ana.collect(asked)
    expected = accounts.groupby("region")[["Revenue", "Loans"]].sum().round(1)
    assert collected.table.to_dict() == expected.to_dict()
    assert (collected.left_out, collected.noise_budget) == ({}, None)
    assert ana.result_file(asked).exists()
    assert list(ana.answers(asked)["answer"]) == [
        "partial decryption" if name in answering else "none" for name in NAMES
    ]


@pytest.mark.slow
def test_a_custodian_decides_on_what_it_has_reviewed_itself(custodians, ana, asked, guarded):
    cat, cid = custodians["cat"], custodians["cid"]
    assert list(cat.pending().index) == [asked]
    with pytest.raises(NotReviewed):
        cat.approve(asked, recipient="Ana")
    review = cat.review(asked)
    assert review.aggregate_matches and "3, of 3 to 5 rows" in review.in_words()["groups"]
    cat.approve(asked, recipient="Ana")
    cat.approve(asked, recipient="Ana")
    assert cat.pending().empty and list(cid.pending().index) == [asked]
    with pytest.raises(AlreadyThere):
        cat.refuse(asked, "after all not")
    with pytest.raises(ValueError, match="reason"):
        cid.refuse(asked, " ")
    cid.refuse(asked, "no law says that you may")
    with pytest.raises(NotApproved):
        cid.approve(asked, recipient="Ana")
    assert ana.answers(asked).loc["cid", "reason"] == "no law says that you may"
    custodians["cyn"].refuse(asked, "too early")
    assert ana.status(asked) == "refused"
    with pytest.raises(ServerRefused, match="too early"):
        ana.connection.get_bytes("requests", asked, "partials", "cat")
    # What cat released before is on its own record, and a second request is compared with it.
    again = ana.ask_custodians(guarded, "sum", "region", "Loans")
    review = cat.review(again)
    assert "sum of Revenue, Loans by region" in review.in_words()["approved"]
    # Both columns lie in one ciphertext, and who combines reads all of it: three sums of Revenue more.
    assert any("reads 3 further numbers" in finding for finding in review.findings)
    with pytest.raises(ReviewNotClean):
        cat.approve(again, recipient="Ana")


@pytest.mark.slow
def test_a_custodian_goes_by_its_own_copy(custodians, ana, asked, guarded, ada, accounts, shared, monkeypatch):
    cat = custodians["cat"]
    real = cat.connection.get_bytes

    def another_aggregate(*path):
        answer = real(*path)
        return answer if path[-1] != "aggregate" else answer[:-1] + bytes([answer[-1] ^ 1])

    monkeypatch.setattr(cat.connection, "get_bytes", another_aggregate)
    review = cat.review(asked)
    assert not review.clean and not review.aggregate_matches
    with pytest.raises(ReviewNotClean):
        cat.approve(asked, recipient="Ana")
    assert ana.answers(asked).loc["cat", "answer"] == "none"
    other = EncryptedTable.encrypt(accounts, ["region", "size"], shared[0].public, decimals={"Revenue": 1})
    monkeypatch.setattr(cat.connection, "get_bytes", lambda *path: other.to_bytes())
    with pytest.raises(AlreadyThere, match="another table"):
        cat.guard(guarded, 3)


@pytest.mark.slow
def test_a_lying_custodian_is_left_out(custodians, ana, asked, accounts):
    """cid signs a share that is none of his, for the right request."""
    lie(custodians["cid"], asked, ana, altered=True)
    approve(custodians["cat"], asked)
    assert ana.status(asked) == "released"
    with pytest.raises(Exception, match="cid") as refused:
        ana.collect(asked)
    assert "needed" in str(refused.value)
    approve(custodians["cyn"], asked)
    collected = ana.collect(asked)
    assert collected.left_out == {"cid": "a partial decryption that is wrong"}
    assert (collected.table["Loans"] == accounts.groupby("region")["Loans"].sum()).all()


@pytest.mark.slow
def test_custodians_of_a_paillier_key_release_and_the_proof_finds_who_lies(custodians, ada, ana, accounts):
    quorum, shares = threshold_paillier(PaillierParameters(2048), NAMES, 2)
    ada.deal_shares(shares, "ada", "paillier")
    ana.quorum_keys.trust(quorum, "paillier")
    table = EncryptedTable.encrypt(accounts, ["region", "size"], quorum.public, decimals={"Revenue": 1, "Loans": 0})
    ada.upload("paillier-accounts", table, 3, quorum=quorum)
    for custodian in custodians.values():
        assert custodian.receive_share("ada", "paillier").fingerprint == quorum.fingerprint
        custodian.guard("paillier-accounts", 3, key="paillier")
    asked = ana.ask_custodians("paillier-accounts", "sum", "region", ["Revenue", "Loans"])
    cid = custodians["cid"]
    review = cid.review(asked)
    forged = [
        dataclasses.replace(part, part=msgspec.structs.replace(part.part, power=part.part.power[:-1] + b"?"))
        for part in cid.partials(review)
    ]
    cid.leave(review, forged)
    approve(custodians["cat"], asked)
    with pytest.raises(WrongPartial) as refused:
        ana.collect(asked, "paillier")
    assert refused.value.names == ("cid",)
    approve(custodians["cyn"], asked)
    collected = ana.collect(asked, "paillier")
    assert collected.left_out == {"cid": "a partial decryption that is wrong"}
    assert (collected.table["Loans"] == accounts.groupby("region")["Loans"].sum()).all()
    ada.delete("paillier-accounts")


def others_release_without_cid(custodians, ana, asked, why):
    """What cid has left counts for nobody, and two others release the result."""
    approve(custodians["cat"], asked)
    with pytest.raises(TooFewPartials, match=f"1 custodians have signed.*cid: {why}"):
        ana.collect(asked)
    approve(custodians["cyn"], asked)
    assert list(ana.collect(asked).left_out) == ["cid"]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["another request", "another aggregate", "another signature"])
def test_what_was_made_for_something_else_is_left_out(how, custodians, ana, asked, guarded):
    cid = custodians["cid"]
    if how == "another request":
        earlier = ana.ask_custodians(guarded, "sum", "region", ["Revenue", "Loans"])
        lie(cid, asked, ana, says=earlier)
    elif how == "another aggregate":
        lie(cid, asked, ana, query=Query("sum", ("size",), ("Revenue",)))
    else:
        lie(cid, asked, ana, signed_by=custodians["cyn"])
    others_release_without_cid(custodians, ana, asked, why="")


@pytest.mark.slow
def test_a_custodian_who_signs_no_part_is_named(custodians, ana, asked):
    cid = custodians["cid"]
    cid.leave(cid.review(asked), [])
    others_release_without_cid(custodians, ana, asked, why="a partial decryption of some")


@pytest.mark.slow
def test_parts_that_are_no_list_of_bytes_keep_no_result_back(custodians, ana, asked, accounts, monkeypatch):
    """bytes(2**36) asks for as much memory."""
    cid = custodians["cid"]
    _, subject, recipient = cid._subject(cid.review(asked))

    def sealed(parts):
        members = {"version": 1, "custodian": "cid", **dataclasses.asdict(subject), "parts": parts}
        return sign_and_seal(partials._DOMAIN, msgpack.packb(members), cid._signing_key(), recipient)

    cid.connection.put_bytes("requests", asked, "partial", data=sealed([2**36]))
    for name in ("cat", "cyn"):
        approve(custodians[name], asked)

    def is_left_out():
        collected = ana.collect(asked)
        assert list(collected.left_out) == ["cid"] and "no partial decryptions" in collected.left_out["cid"]
        assert (collected.table["Loans"] == accounts.groupby("region")["Loans"].sum()).all()

    is_left_out()
    # As if cid had left these.
    real = ana.connection.get_bytes
    for parts in ([2**63], [["nested"]], {"0": b"part"}, {b"part": 0}, b"part"):
        left = sealed(parts)
        monkeypatch.setattr(
            ana.connection, "get_bytes", lambda *path, left=left: left if path[-1] == "cid" else real(*path)
        )
        is_left_out()


def lie(custodian, request, ana, *, altered=False, says=None, query=None, signed_by=None):
    """Leave partial decryptions that are something else than they should be."""
    custodian.review(request)
    table = custodian.guarded("shared-accounts")
    computed = aggregate(table, query or Query("sum", ("region",), ("Revenue", "Loans")))
    recipient = custodian.contacts.get("Ana")
    subject = Subject.of(computed, says or request, "shared-accounts", recipient)
    share = KeyShare.from_bytes(custodian.keyring.load("key share main", PASSPHRASES["cid"]))
    parts = make_partials(share, computed, subject)
    if altered:
        parts = [part.__class__(**{**vars(part), "part": type(part.part)(share=b"no such share...")}) for part in parts]
    signing_key = (signed_by or custodian)._signing_key()
    sealed = seal_partials(custodian.name, parts, subject, signing_key, recipient)
    custodian.connection.put_bytes("requests", request, "partial", data=sealed)


@pytest.mark.slow
def test_a_custodian_who_dies_goes_on_where_it_was(custodians, ana, asked, person, monkeypatch):
    cat = custodians["cat"]
    cat.review(asked)

    def no_network(*path, **options):
        raise ConnectionError("the machine stopped")

    monkeypatch.setattr(cat.connection, "put_bytes", no_network)
    with pytest.raises(ConnectionError):
        cat.approve(asked, recipient="Ana")
    assert ana.answers(asked).loc["cat", "answer"] == "none"
    again = person("cat")
    again.approve(asked, recipient="Ana")
    assert ana.answers(asked).loc["cat", "answer"] == "partial decryption"
    approve(custodians["cyn"], asked)
    assert len(ana.collect(asked).table) == 3


@pytest.mark.slow
def test_what_a_custodian_does_not_take(custodians, shared, ada, ana, guarded, accounts, pair):
    cat, (quorum, shares) = custodians["cat"], shared
    with pytest.raises(KeyMismatch, match="share of cid"):
        cat.keep_share(shares["cid"])
    other_key, other_shares = shared_secret_key(pair, NAMES, 2)
    with pytest.raises(AlreadyThere):
        cat.keep_share(other_shares["cat"])
    with pytest.raises(AlreadyThere):
        ana.quorum_keys.trust(other_key)
    with pytest.raises(WrongKind, match="rounding and noise"):
        cat.guard(guarded, policy=DisclosurePolicy(3, rounding=10))
    with pytest.raises(AlreadyThere, match="another minimum"):
        cat.guard(guarded, 1)
    assert cat.policy(guarded).minimum == 3
    cat.guard(guarded, 3)
    cat.let_go(guarded)
    cat.guard(guarded, 2)
    assert cat.policy(guarded).minimum == 2
    with pytest.raises(NotThere, match="guard"):
        cat.guarded("accounts")
    own = ada.encrypt_table(accounts, ["region", "size"], decimals={"Revenue": 1})
    with pytest.raises(KeyMismatch):
        ada.upload("own", own, 3, quorum=quorum)
    assert "key share main" in cat.keyring.names(Hidden(PASSPHRASES["cat"]))


@pytest.mark.slow
def test_a_share_is_not_kept_beside_another_public_key(custodians, pair):
    """Otherwise it would be shown as that of the other key, which somebody had handed over under this name."""
    cat = custodians["cat"]
    (foreign, _), (quorum, shares) = (shared_secret_key(pair, NAMES, 2) for _ in range(2))
    cat.quorum_keys.trust(foreign, "second")
    for _ in range(2):
        with pytest.raises(AlreadyThere, match="Another quorum key"):
            cat.keep_share(shares["cat"], "second")
    with pytest.raises(NotThere):
        cat.key_share("second")
    cat.quorum_keys.remove("second")
    assert cat.keep_share(shares["cat"], "second").fingerprint == quorum.fingerprint


@pytest.mark.slow
def test_a_quorum_key_is_read_once_and_again_when_its_file_was_changed(shared, pair, tmp_path):
    (quorum, _), (other, _) = shared, shared_secret_key(pair, NAMES, 3)
    mine, of_another_process = QuorumKeys(tmp_path), QuorumKeys(tmp_path)
    mine.trust(quorum)
    assert mine.get().fingerprint == quorum.fingerprint and mine.get() is mine.get()
    of_another_process.trust(other, overwrite=True)
    assert mine.get().fingerprint == other.fingerprint != quorum.fingerprint
    mine.remove("main")
    with pytest.raises(NotThere):
        mine.get()


@pytest.mark.slow
def test_a_share_under_insecure_parameters_is_not_kept(custodians):
    cat = custodians["cat"]
    scheme = tenseal_bfv(BFVParameters(2048, (27, 27), 12289), insecure_for_teaching=True)
    _, shares = shared_secret_key(scheme.generate_keys(), NAMES, 2)
    with pytest.raises(InsecureParameters):
        cat.keep_share(KeyShare.from_bytes(shares["cat"].to_bytes()), "toy")
    for kept in (cat.key_share, cat.quorum_keys.get):
        with pytest.raises(NotThere):
            kept("toy")


@pytest.mark.slow
def test_an_owner_reviews_a_table_under_a_shared_key(custodians, ana, ada, shared, accounts):
    """With a contributor label the shares of the largest would be decrypted, which the owner cannot do either."""
    frame = accounts.assign(branch=[f"branch {row}" for row in range(12)])
    layout = Aligned([["region"], ["region", "branch"]])
    table = EncryptedTable.encrypt(frame, ["region", "size", "branch"], shared[0].public, decimals=1, layout=layout)
    ada.upload("branches", table, 3, contributor_label="branch", quorum=shared[0])
    asked = ana.ask_custodians("branches", "sum", "region", ["Revenue", "Loans"])
    assert ada.review(asked).dominance == "not computed: no secret key at hand"
    ada.delete("branches")


@pytest.mark.slow
def test_a_letter_says_from_whom_to_whom_and_what_it_is(custodians, monkeypatch):
    cat, cid, cyn = (custodians[name] for name in NAMES)
    cat.letters.send("cid", "hello", b"content")
    cat.letters.send("cid", "hello", b"content")  # after an interruption
    cyn.letters.send("cid", "hello", b"other content")
    assert [(letter.sender, letter.name) for letter in cid.letters.waiting()] == [("cat", "hello"), ("cyn", "hello")]
    assert cid.letters.read("cat", "hello") == b"content"
    real = cid.connection.get_bytes
    monkeypatch.setattr(cid.connection, "get_bytes", lambda *path: real("letters", "cat", "hello"))
    for sender, name, expected in (("cat", "another", "not as 'another' to you"), ("cyn", "hello", "has not signed")):
        with pytest.raises(ForgedRelease, match=expected):
            cid.letters.read(sender, name)
    for sender in ("cat", "cyn", "cat"):
        cid.letters.take_away(sender, "hello")
    assert cid.letters.waiting() == []


# A key that nobody holds


# The smallest ring with room for smudging and for the sums of the accounts.
SMALL_JOINT = {
    "parameters": BFVParameters(4096, (36, 36, 34), plaintext_prime(20, 4096)),
    "terms": 16,
    "statistical_bits": 16,
}


def go_round(custodians, session="today"):
    return [custodian.take_part(session, NAMES, 2, "joint", **SMALL_JOINT) for custodian in custodians.values()]


@pytest.fixture
def acquainted(custodians):
    """Custodians without letters and without a joint key."""
    for custodian in custodians.values():
        for letter in custodian.letters.waiting():
            custodian.letters.take_away(letter.sender, letter.name)
    return custodians


@pytest.mark.slow
def test_custodians_make_a_key_that_nobody_holds(acquainted, person, ada, ana, accounts):
    cat, cid, cyn = acquainted.values()
    assert repr(cat.take_part("today", NAMES, 2, "joint", **SMALL_JOINT)) == "round 1 of 5, waits for cid, cyn"
    assert cid.take_part("today", NAMES, 2, "joint", **SMALL_JOINT).waits_for == ("cyn",)
    # A process that dies goes on where it was: what it sent is not sent again, what it drew is not drawn again.
    acquainted["cat"] = person("cat")
    for _ in range(5):
        progress = go_round(acquainted)
    assert {repr(one) for one in progress} == {"finished: 2 of 3 custodians decrypt"}
    assert len({one.key.fingerprint for one in progress}) == 1
    assert [letter for custodian in acquainted.values() for letter in custodian.letters.waiting()] == []
    key = progress[0].key
    assert key.public.parameters == SMALL_JOINT["parameters"]
    # Letters of another key whose name begins like this one's stay.
    cid.letters.send("cat", "joint.second.1", b"of another ceremony")
    assert cat.take_part("today", NAMES, 2, "joint", **SMALL_JOINT).key is not None
    assert cat.letters.read("cid", "joint.second.1") == b"of another ceremony"
    cat.letters.take_away("cid", "joint.second.1")
    ana.quorum_keys.trust(key, "joint")
    table = EncryptedTable.encrypt(accounts, ["region", "size"], key.public, decimals={"Revenue": 1})
    ada.upload("joint-accounts", table, 3, quorum=key)
    asked = ana.ask_custodians("joint-accounts", "mean", "region", ["Loans", "Revenue"])
    for custodian in (cid, cyn):
        custodian.guard("joint-accounts", 3, key="joint")
        approve(custodian, asked)
    collected = ana.collect(asked, "joint")
    assert collected.noise_budget > 1
    assert (collected.table["Loans"] == accounts.groupby("region")["Loans"].mean().round(2)).all()
    ada.delete("joint-accounts")
    for custodian in acquainted.values():
        custodian.drop_share("joint")
        with pytest.raises(NotThere):
            custodian.quorum_keys.get("joint")


def give_up(custodians):
    """End a ceremony, so that the next test finds none of its letters at the server."""
    for custodian in custodians.values():
        custodian.drop_share("joint")
        for letter in custodian.letters.waiting():
            custodian.letters.take_away(letter.sender, letter.name)


@pytest.mark.slow
@pytest.mark.parametrize("exchange", [True, False], ids=["another letter", "no letter"])
def test_a_letter_that_was_read_cannot_be_taken_back(acquainted, exchange):
    """Otherwise who commits could wait until the others open, and commit anew with the server's help: where all are
    needed, to a public key that is theirs alone."""
    cat, cid, cyn = acquainted.values()
    for custodian in (cat, cid, cyn, cat):
        custodian.take_part("today", NAMES, 3, "joint")
    # The server removes cid's letter, as only cat may, and cid writes another one.
    cat.letters.take_away("cid", "joint.1")
    if exchange:
        cid.drop_share("joint")
        cid.take_part("today", NAMES, 3, "joint")
    with pytest.raises(CeremonyFailed, match="Letters of cid that were read before are gone, or say something else"):
        cat.take_part("today", NAMES, 3, "joint")
    give_up(acquainted)


@pytest.mark.slow
def test_two_processes_of_a_custodian_forget_no_letter_that_one_of_them_read(acquainted, person, monkeypatch):
    """Otherwise it could be taken back: the slower one, which has seen less, writes last."""
    cat, cid, cyn = acquainted.values()
    real = cat.connection.get_all
    others = threading.Thread(target=lambda: person("cat").take_part("today", NAMES, 3, "joint"))

    def slow(*path, **options):
        listed = real(*path, **options)
        if not others.ident:
            for custodian in (cid, cyn):
                custodian.take_part("today", NAMES, 3, "joint")
            others.start()
            others.join(2)
        return listed

    monkeypatch.setattr(cat.connection, "get_all", slow)
    cat.take_part("today", NAMES, 3, "joint")
    others.join(60)
    kept = json.loads((cat.folder / "ceremonies" / "joint.sent.json").read_bytes())
    assert {sender for sender, _, _ in kept["received"]} == {"cid", "cyn"}
    give_up(acquainted)


@pytest.mark.slow
def test_a_ceremony_with_another_session_or_liar_ends(acquainted):
    cat, cid, cyn = acquainted.values()
    cat.take_part("today", NAMES, 2, "joint")
    with pytest.raises(CeremonyFailed, match="cat takes part in another ceremony"):
        cid.take_part("tomorrow", NAMES, 2, "joint")
    with pytest.raises(NotThere, match="nobody"):
        cyn.take_part("today", ("cyn", "nobody", "cat"), 2, "another")
    give_up(acquainted)


@pytest.mark.slow
def test_the_review_desk_of_a_custodian(custodians, ana, asked, accounts):
    cat, cid = custodians["cat"], custodians["cid"]
    desk = ReviewDesk(cat)
    desk.approve()
    assert "Press Review first" in desk.said
    desk.review()
    shown = desk.as_stored()["text/plain"]
    assert "3, of 3 to 5 rows" in shown and "nothing before on this dataset" in shown
    assert "What the custodians have answered" in shown
    desk.for_another.value = True
    desk.approve()
    assert "Your partial decryption has left" in desk.said and "release it" not in desk.said
    assert [line.split() for line in desk.as_stored()["text/plain"].splitlines()].count(
        ["cat", "partial", "decryption"]
    )
    desk = ReviewDesk(cid)
    desk.reason.value = "too few people"
    desk.refuse()
    assert ana.answers(asked).loc["cid", "reason"] == "too few people"
    assert "too few people" in desk.as_stored()["text/plain"]
