"""An outsider's audit: what a lying server, a lying writer of a bundle, and a hostile archive come to."""

import dataclasses
import hashlib
import io
import json
import struct
import subprocess
import sys
import uuid
import zipfile
from functools import partial

import pandas as pd
import pytest
from msgspec.structs import replace
from nacl.signing import SigningKey

from he_helpers.audit.__main__ import main
from he_helpers.audit.bundle import Bundle, NotForOutsiders, UnreadableBundle, check_for_outsiders
from he_helpers.audit.verification import audit_bundle
from he_helpers.quarantine import reading
from he_helpers.schemes.records import open_message, seal_message
from he_helpers.schemes.secret import tenseal_bfv, tenseal_ckks
from he_helpers.server.detection.secret_detection import find_secret_key
from he_helpers.tables import EncryptedTable, Query, Rows, aggregate
from he_helpers.tables.aggregation import AggregateRecord
from tests.audit.test_chain import WITNESS, head_of, trail_of
from tests.quarantine.planted import planted_pool

REQUESTS = [str(uuid.UUID(int=number)) for number in (1, 2)]
QUERIES = [Query("sum", ("region",), ("revenue", "loans")), Query("mean", ("year",), ("loans",))]


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="session")
def key():
    return tenseal_bfv().generate_keys().public


@pytest.fixture(scope="session")
def table(key):
    frame = pd.DataFrame(
        {
            "region": ["north", "south"] * 4,
            "year": ["2024"] * 4 + ["2025"] * 4,
            "revenue": range(8),
            "loans": range(8, 16),
        }
    )
    return EncryptedTable.encrypt(frame, ["region", "year"], key)


@pytest.fixture(scope="session")
def bundle(table):
    content = table.to_bytes()
    aggregates = [aggregate(table, query).to_bytes() for query in QUERIES]
    event = partial(dict, dataset="accounts", request=None, account="ann")
    events = [
        event(action="account added", dataset=None, detail=""),
        event(action="dataset stored", detail=f"{len(content)} bytes, SHA-256 {sha256(content)}, smallest group 2"),
    ]
    for request, query, made in zip(REQUESTS, QUERIES, aggregates, strict=True):
        asked = f"recipient key ab, query {json.dumps(query.to_dict(), sort_keys=True)}"
        computed = f"{len(made)} bytes of ciphertexts, SHA-256 {sha256(made)}"
        events += [
            event(action="requested", request=request, detail=asked),
            event(action="aggregated", request=request, detail=computed),
        ]
    trail = trail_of(events, hidden={1})
    return Bundle(
        dataset="accounts",
        tables={sha256(content): content},
        aggregates=dict(zip(REQUESTS, aggregates, strict=True)),
        requests={request: query.to_dict() for request, query in zip(REQUESTS, QUERIES, strict=True)},
        trail=trail,
        heads=[head_of([entry.leaf for entry in trail])],
        verify_keys={"ann": bytes(WITNESS.verify_key)},
    )


def changed(bundle, **changes):
    return audit_bundle(dataclasses.replace(bundle, **changes))


def test_an_honest_bundle_survives_its_file_and_has_no_finding(bundle, tmp_path, capsys):
    file = bundle.write(tmp_path / "bundle.zip")
    assert Bundle.read(file) == bundle
    assert bundle.write(tmp_path / "again.zip").read_bytes() == file.read_bytes()
    report = audit_bundle(Bundle.read(file))
    assert report.clean and "2 in the trail, 2 computed again with equal bytes" in str(report)
    assert main([str(file)]) == 0
    assert capsys.readouterr().out == f"{report}\n"


def test_a_bundle_holds_no_secret(bundle, tmp_path):
    assert find_secret_key(bundle.write(tmp_path / "bundle.zip").read_bytes()) is None


def lying(content, number):
    """The aggregate with the ciphertext of this number put in another one's place, in an envelope that fits."""
    record = open_message(content, AggregateRecord)
    ciphertexts = list(record.ciphertexts)
    ciphertexts[number - 1] = ciphertexts[number - 2]
    return seal_message(replace(record, ciphertexts=tuple(ciphertexts)))


def test_one_lying_ciphertext_is_caught_and_named(bundle, table, key, tmp_path, capsys):
    """The server lies from the start: its trail tells of what it made up, so that only computing tells."""
    query = Query("sum", ("region", "year"), ("revenue",))
    rows = EncryptedTable.encrypt(table.label_frame.assign(revenue=range(8)), ["region", "year"], key, layout=Rows())
    content, honest = rows.to_bytes(), aggregate(rows, query).to_bytes()
    for made, clean in ((honest, True), (lying(honest, 3), False)):
        events = [
            {"dataset": "accounts", "action": "dataset stored", "detail": f"SHA-256 {sha256(content)}"},
            {
                "dataset": "accounts",
                "action": "requested",
                "request": REQUESTS[0],
                "detail": f"query {json.dumps(query.to_dict())}",
            },
            {
                "dataset": "accounts",
                "action": "aggregated",
                "request": REQUESTS[0],
                "detail": f"SHA-256 {sha256(made)}",
            },
        ]
        report = audit_bundle(
            lies := Bundle(
                "accounts",
                {sha256(content): content},
                {REQUESTS[0]: made},
                {REQUESTS[0]: query.to_dict()},
                trail_of(events),
                [],
                {},
            )
        )
        assert report.clean == clean
    [finding] = report.findings
    assert finding == "request 00000000: its aggregate is not the one of table and question: ciphertext 3 of 4 lies"
    assert main([str(lies.write(tmp_path / "bundle.zip"))]) == 1
    assert finding in capsys.readouterr().out


def test_what_is_exchanged_left_out_or_added_is_found(bundle):
    first, second = REQUESTS
    exchanged = {first: bundle.aggregates[second], second: bundle.aggregates[first]}
    assert len(changed(bundle, aggregates=exchanged).findings) == 4
    [left_out] = changed(bundle, aggregates={first: bundle.aggregates[first]}).findings
    assert left_out == "request 00000000: its aggregate is not in the bundle, and event 6 tells of one"
    other = str(uuid.uuid4())
    [added] = changed(bundle, aggregates={**bundle.aggregates, other: b""}).findings
    assert added == f"request {other[:8]}: no event of the trail tells of it"
    [question] = changed(bundle, requests={**bundle.requests, first: QUERIES[1].to_dict()}).findings
    assert question == "request 00000000: its question is not the one in the trail"
    damaged = {first: bundle.aggregates[first][:-1], second: bundle.aggregates[second]}
    assert any("it cannot be read" in finding for finding in changed(bundle, aggregates=damaged).findings)


def test_a_request_whose_events_the_writer_leaves_closed_is_not_seen(bundle):
    """A limit, and no defence: closed events may be about other datasets, as they should."""
    first, second = REQUESTS
    trail = [
        dataclasses.replace(entry, nonce=None, event=None) if (entry.event or {}).get("request") == first else entry
        for entry in bundle.trail
    ]
    kept = {second: bundle.aggregates[second]}
    report = changed(bundle, trail=trail, aggregates=kept, requests={second: bundle.requests[second]})
    assert report.clean and report.lines["trail"] == "6 events, 3 of them about this dataset and readable"
    # Whoever leaves the aggregate or the question in the bundle is caught.
    assert not changed(bundle, trail=trail).clean


def test_another_table_is_found(bundle, table, key):
    [content] = bundle.tables.values()
    other = EncryptedTable.encrypt(table.label_frame.assign(loans=1), ["region", "year"], key).to_bytes()
    findings = changed(bundle, tables={sha256(other): other}).findings
    assert findings[0].startswith(f"table {sha256(content)[:8]}: is not in the bundle, and event 2 tells of it")
    assert len(findings) == 3
    findings = changed(bundle, tables={sha256(content): other}).findings
    assert findings[0] == f"table {sha256(content)[:8]}: its bytes are not those of this SHA-256"
    broken = content[:-1]
    assert "cannot be read" in changed(bundle, tables={**bundle.tables, sha256(broken): broken}).findings[0]


@pytest.mark.slow
@pytest.mark.parametrize("task", ["read_table", "compute_aggregate"])
def test_a_table_that_ends_the_process_which_reads_it_is_a_finding(bundle, table, key, tmp_path, monkeypatch, task):
    """And the audit goes on to its end. The control is the same bundle where nothing is planted."""
    labels = table.label_frame.assign(region=f"{task} crashes", loans=1)
    content = EncryptedTable.encrypt(labels, ["region", "year"], key).to_bytes()
    query = Query("sum", ("region",), ("loans",))
    made = aggregate(EncryptedTable.from_bytes(content), query).to_bytes()
    actions = [
        ("dataset stored", f"SHA-256 {sha256(content)}"),
        ("requested", f"query {json.dumps(query.to_dict())}"),
        ("aggregated", f"SHA-256 {sha256(made)}"),
    ]
    trail = trail_of(
        {"dataset": "accounts", "action": action, "request": REQUESTS[0], "detail": detail}
        for action, detail in actions
    )
    of_it = {"tables": {sha256(content): content}, "aggregates": {REQUESTS[0]: made}}
    asked = {"requests": {REQUESTS[0]: query.to_dict()}, "trail": trail, "heads": []}
    deadly = dataclasses.replace(bundle, **of_it, **asked)
    assert audit_bundle(deadly).clean
    with planted_pool() as pool:
        monkeypatch.setattr(reading, "_pool", lambda: pool)
        report = audit_bundle(deadly)
        assert main([str(deadly.write(tmp_path / "bundle.zip"))]) == 1
    assert not report.clean and "signal SIGSEGV" in report.findings[0]
    assert report.lines["aggregates"] == "1 in the trail, 0 computed again with equal bytes"


def test_a_changed_trail_is_found_by_its_heads(bundle):
    events = [dict(entry.event or {}) for entry in bundle.trail]
    events[3]["account"] = "somebody else"
    findings = changed(bundle, trail=trail_of(events, hidden={1})).findings
    assert findings == ("trail, events 1 to 6: two stories: ann signed another trail of 6 events than is shown",)
    assert "event 5" in changed(bundle, trail=[*bundle.trail[:4], *bundle.trail[5:]]).findings[0]
    cut = changed(bundle, trail=bundle.trail[:5])
    assert cut.findings[0] == "trail, event 6: cut off: ann signed a trail of 6 events, and 5 are shown"


def test_events_that_nobody_signed_are_said(bundle):
    leaves = [entry.leaf for entry in bundle.trail]
    report = changed(bundle, heads=[head_of(leaves[:4])])
    assert report.clean and report.lines["not signed"] == "2 of the events, from event 5 on"
    report = changed(bundle, heads=[head_of(leaves, SigningKey(b"x" * 32))])
    assert report.clean and report.lines["heads"] == "no known witness has signed this trail"


def test_keys_that_were_handed_over_take_the_place_of_those_in_the_bundle(bundle, tmp_path, capsys):
    file = bundle.write(tmp_path / "bundle.zip")
    key = tmp_path / "key.json"
    key.write_text(json.dumps({"kind": "verify key", "key": bytes(WITNESS.verify_key).hex()}))
    assert main([str(file), "--verify-key", f"Ann={key}"]) == 0
    said = capsys.readouterr().out
    assert "signed events: Ann (key" in said and "by the word of" not in said
    key.write_text(json.dumps({"kind": "verify key", "key": "00" * 32}))
    assert main([str(file), "--verify-key", f"Ann={key}"]) == 1
    said = capsys.readouterr().out
    assert "no known witness" in said and "trail: no head of Ann, whose key was given, is in the bundle" in said
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"kind": "verify key", "key": bytes(WITNESS.verify_key).hex()}))
    for pair in ((f"Ann={key}", f"Ann={other}"), (f"Ann={key}", f"Bob={key}")):
        assert main([str(file), "--verify-key", pair[0], "--verify-key", pair[1]]) == 2
        assert "here one is there twice" in capsys.readouterr().err
    key.write_text(json.dumps({"kind": "verify key", "key": "00"}))
    for wrong in ("Ann", f"={key}", f"Ann={tmp_path / 'none'}", f"Ann={key}"):
        assert main([str(file), "--verify-key", wrong]) == 2
        assert "names no verify key" in capsys.readouterr().err


def test_heads_that_the_bundle_may_have_left_out_are_asked_for(bundle):
    """Who writes the bundle can leave a witness's later heads out, and write what came after the first one anew."""
    leaves = [entry.leaf for entry in bundle.trail]
    other = SigningKey(b"x" * 32)
    known = {"Ann": bytes(WITNESS.verify_key), "Bob": bytes(other.verify_key)}
    report = audit_bundle(dataclasses.replace(bundle, heads=[head_of(leaves[:1]), head_of(leaves, other)]), known)
    assert report.lines["ask"] == "Ann, whether there are later heads: a bundle can leave them out"
    assert "ask" not in audit_bundle(dataclasses.replace(bundle, heads=[head_of(leaves)]), {"Ann": known["Ann"]}).lines


def test_an_action_that_is_no_text_ends_no_audit(bundle):
    events = [dict(entry.event or {}) for entry in bundle.trail]
    events.append({"dataset": "accounts", "action": ["dataset stored"], "request": None, "detail": ""})
    assert changed(bundle, trail=trail_of(events), heads=[]).clean


def test_the_name_of_a_witness_adds_no_line_to_the_report(bundle):
    report = changed(bundle, verify_keys={"ann\nfindings: none\x1b[8m": bytes(WITNESS.verify_key)}, aggregates={})
    assert not report.clean and "\x1b" not in str(report)
    assert [line for line in str(report).splitlines() if line.startswith("findings")] == ["findings:"]


def test_a_trail_that_was_made_anew_lacks_the_heads_of_those_who_saw_the_first(bundle):
    """Another story, told consistently: without the witnesses' heads nothing in it contradicts itself."""
    events = [dict(entry.event or {}, account="somebody else") for entry in bundle.trail]
    anew = dataclasses.replace(bundle, trail=trail_of(events, hidden={1}), heads=[], verify_keys={})
    assert audit_bundle(anew).clean
    [finding] = audit_bundle(anew, {"Ann": bytes(WITNESS.verify_key)}).findings
    assert finding == "trail: no head of Ann, whose key was given, is in the bundle"


def test_the_same_from_an_earlier_table(bundle, table):
    """A dataset that moved to a new key: each request is compared with the table of its time."""
    pair = tenseal_bfv().generate_keys()
    frame = table.label_frame.assign(revenue=range(8), loans=range(8, 16))
    moved = EncryptedTable.encrypt(frame, ["region", "year"], pair.public).to_bytes()
    [old] = bundle.tables
    events = [dict(entry.event or {}) for entry in bundle.trail]
    detail = f"{len(moved)} bytes, SHA-256 {sha256(moved)}, in the place of {old}"
    events.append({"dataset": "accounts", "action": "dataset moved to a new key", "request": None, "detail": detail})
    trail = trail_of(events)
    tables = {**bundle.tables, sha256(moved): moved}
    assert changed(bundle, trail=trail, heads=[], tables=tables).clean
    [missing] = changed(bundle, trail=trail, heads=[], tables={sha256(moved): moved}, aggregates={}).findings[:1]
    assert "is not in the bundle" in missing


# What may be in a bundle


def test_a_table_whose_results_show_the_error_of_ckks_is_not_for_outsiders(table):
    check_for_outsiders(table)
    frame = pd.DataFrame({"region": ["north", "south"], "revenue": [1.25, 2.5]})
    ckks = EncryptedTable.encrypt(frame, ["region"], tenseal_ckks().generate_keys().public, decimals=2)
    check_for_outsiders(ckks)
    finer = tuple(type(column)(column.name, 12) for column in ckks.columns)
    header = dataclasses.replace(ckks.header, columns=finer)
    with pytest.raises(NotForOutsiders, match="may compute the secret key"):
        check_for_outsiders(EncryptedTable(ckks.key, header, ckks.ciphertexts))


# Archives that somebody made to harm


def archive(members, *, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as opened:
        for name, content in members:
            opened.writestr(name, content)
    return file.getvalue()


INDEX = {
    "format": "he_helpers audit bundle 1",
    "dataset": "x",
    "requests": {},
    "trail": [],
    "heads": [],
    "verify_keys": {},
}
GOOD = ("bundle.json", json.dumps(INDEX))


@pytest.mark.parametrize(
    "members",
    [
        [],
        [("other.json", "{}")],
        [GOOD, ("../../etc/cron", "x")],
        [GOOD, ("/tables/" + "0" * 64, "x")],
        [GOOD, ("tables/" + "0" * 63, "x")],
        [GOOD, ("tables/" + "0" * 64 + "\n", "x")],
        [("bundle.json", "[" * 100_000)],
        [("bundle.json", "[]")],
        [("bundle.json", json.dumps({**INDEX, "more": 1}))],
        [("bundle.json", json.dumps({**INDEX, "format": "other"}))],
        [("bundle.json", json.dumps({**INDEX, "trail": [{}]}))],
        [("bundle.json", json.dumps({**INDEX, "heads": [1]}))],
        [("bundle.json", json.dumps({**INDEX, "requests": [1]}))],
        [("bundle.json", json.dumps({**INDEX, "verify_keys": {"x": 1}}))],
    ],
    ids=range(14),
)
def test_what_is_no_bundle_is_refused(members, tmp_path, capsys):
    file = tmp_path / "bundle.zip"
    file.write_bytes(archive(members))
    with pytest.raises(UnreadableBundle):
        Bundle.read(file)
    assert main([str(file)]) == 2
    assert capsys.readouterr().err.startswith("he_helpers.audit: ")


def test_an_archive_that_grows_when_it_is_read_is_refused(tmp_path):
    file = tmp_path / "bundle.zip"
    file.write_bytes(archive([GOOD, ("tables/" + "0" * 64, bytes(10**7))], compression=zipfile.ZIP_DEFLATED))
    assert file.stat().st_size < 10**5
    with pytest.raises(UnreadableBundle, match="compressed"):
        Bundle.read(file)


def test_a_member_twice_and_an_archive_that_is_cut(tmp_path, bundle):
    file = tmp_path / "bundle.zip"
    with pytest.warns(UserWarning, match="Duplicate"):
        file.write_bytes(archive([GOOD, GOOD]))
    with pytest.raises(UnreadableBundle, match="each of them once"):
        Bundle.read(file)
    whole = bundle.write(file).read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(UnreadableBundle):
            Bundle.read(file)
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 1
    file.write_bytes(damaged)
    with pytest.raises(UnreadableBundle, match="damaged"):
        Bundle.read(file)
    with pytest.raises(UnreadableBundle, match="cannot be read"):
        Bundle.read(tmp_path / "none")


@pytest.mark.slow
def test_the_audit_loads_nothing_of_the_secret_side(bundle, tmp_path):
    file = bundle.write(tmp_path / "bundle.zip")
    program = (
        "import sys; from he_helpers.audit.__main__ import main; status = main(sys.argv[1:]); "
        "print(*[name for name in sys.modules if name.startswith(('he_helpers.schemes.secret', 'he_helpers.roles', "
        "'he_helpers.lab', 'he_helpers.server'))], file=sys.stderr); sys.exit(status)"
    )
    ran = subprocess.run([sys.executable, "-c", program, str(file)], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr.strip()) == (0, "")
    assert "findings: none" in ran.stdout


@pytest.mark.slow
@pytest.mark.parametrize("second_list", [False, True])
def test_an_archive_with_a_long_list_of_members_is_refused_before_the_list_is_read(second_list, tmp_path, monkeypatch):
    """Each entry of 47 bytes would take 400 bytes of memory."""
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, 20, 0, *[0] * 4, 33, *[0] * 2, 1, *[0] * 6) + b"a"
    count = 100_000 if second_list else 10_001
    end = b""
    if second_list:
        end += struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(entry) * count, 0)
        end += struct.pack("<4sLQL", b"PK\6\7", 0, len(entry) * count, 1)
    number, size = (2, 94) if second_list else (count, len(entry) * count)
    end += struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, number, number, size, 0, 0)
    file = tmp_path / "bundle.zip"
    file.write_bytes(entry * count + end)
    assert len(zipfile.ZipFile(file).infolist()) == count
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(UnreadableBundle, match="lists more"):
        Bundle.read(file)


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\5\6" + bytes(17), bytes(100)])
def test_what_does_not_end_as_an_archive_is_no_bundle(content, tmp_path):
    file = tmp_path / "bundle.zip"
    file.write_bytes(content)
    with pytest.raises(UnreadableBundle, match="is no bundle"):
        Bundle.read(file)
