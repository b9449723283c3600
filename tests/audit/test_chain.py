"""Every kind of tampering with a trail is found, and located at the event."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from he_helpers.audit.chain import Entry, UnreadableTrail, compare, digests, inspect_entries, leaf_of, next_digest
from he_helpers.audit.heads import Head, check_heads, key_fingerprint, statement

WITNESS = SigningKey(bytes(32))


def trail_of(events: list[dict], *, hidden=frozenset(), nonce=lambda number: bytes([number % 256]) * 32) -> list[Entry]:
    """A trail of these events, numbered anew, as a careful forger would make it, too."""
    entries, before = [], bytes(32)
    for number, event in enumerate(events, start=1):
        event = {**event, "sequence": number}
        used = event.pop("nonce", nonce(number))
        leaf = leaf_of(used, event)
        before = next_digest(before, leaf)
        shown = (None, None) if number in hidden else (used, event)
        entries.append(Entry(number, leaf, before, *shown))
    return entries


def trail_of_leaves(leaves: list[bytes]) -> list[Entry]:
    """A trail of which no content is shown, with digests that fit."""
    return [
        Entry(number, leaf, digest)
        for number, (leaf, digest) in enumerate(zip(leaves, digests(leaves)[1:], strict=True), start=1)
    ]


def head_of(leaves, key=WITNESS) -> Head:
    digest = digests(leaves)[-1].hex()
    signature = key.sign(statement(len(leaves), digest)).signature.hex()
    return Head(len(leaves), digest, key_fingerprint("verify key", bytes(key.verify_key)), signature)


def numbers(findings):
    return [finding.event for finding in findings]


NEW = b"an event that nobody has seen..."
leaves_of_trail = st.lists(st.binary(min_size=32, max_size=32), min_size=2, max_size=12, unique=True).filter(
    lambda leaves: NEW not in leaves
)


@pytest.mark.slow
@given(leaves_of_trail, st.lists(st.binary(min_size=32, max_size=32), max_size=4), st.data())
def test_an_honest_trail_has_no_finding_however_it_goes_on(leaves, more, data):
    seen = data.draw(st.integers(0, len(leaves)))
    assert inspect_entries(trail_of_leaves([*leaves, *more]), leaves[:seen]) == []
    heads = [head_of(leaves[:length]) for length in range(1, len(leaves) + 1)]
    checked = check_heads(heads, digests([*leaves, *more]), {"eve": bytes(WITNESS.verify_key)})
    assert (checked.findings, checked.names, checked.strangers) == ((), {"eve": len(leaves)}, 0)


@given(leaves_of_trail, st.sampled_from(["changed", "removed", "put in", "moved", "cut"]), st.data())
def test_what_a_careful_forger_did_to_events_that_were_seen_is_located(leaves, how, data):
    """The forger numbers anew and computes every digest again: only what was seen before tells."""
    place = data.draw(st.integers(0, len(leaves) - 1))
    forged = list(leaves)
    if how == "changed":
        forged[place] = NEW
    elif how == "removed":
        del forged[place]
    elif how == "put in":
        forged.insert(place, NEW)
    elif how == "moved":
        forged.insert(data.draw(st.integers(0, len(leaves) - 1)), forged.pop(place))
    else:
        del forged[place:]
    findings = inspect_entries(trail_of_leaves(forged), leaves)
    if how == "moved":
        # Of two neighbours that changed places, either can be called the one that moved.
        differing = [number for number, leaf in enumerate(leaves, 1) if forged[number - 1] != leaf]
        assert set(numbers(findings)) <= set(differing) and len(findings) == bool(differing)
    elif how == "cut":
        assert numbers(findings) == list(range(place + 1, len(leaves) + 1))
    else:
        assert numbers(findings) == [place + 1]
    checked = check_heads([head_of(leaves)], digests(forged), {"eve": bytes(WITNESS.verify_key)})
    # A head by itself tells that something is wrong, and not always where.
    assert len(checked.findings) == (forged != leaves)


@pytest.mark.slow
@given(leaves_of_trail, st.data())
def test_heads_alone_locate_between_two_of_them(leaves, data):
    place = data.draw(st.integers(1, len(leaves)))
    forged = [*leaves[: place - 1], NEW, *leaves[place:]]
    heads = [head_of(leaves[:length]) for length in range(1, len(leaves) + 1)]
    findings = check_heads(heads, digests(forged), {"eve": bytes(WITNESS.verify_key)}).findings
    assert {finding.event for finding in findings} == {place}
    assert min(finding.last for finding in findings) == place


@given(st.integers(1, 6), st.sampled_from(["leaf", "digest", "content", "number", "gone"]))
def test_a_careless_forger_is_found_by_whoever_sees_the_trail_for_the_first_time(place, what):
    entries = trail_of([{"action": f"step {number}"} for number in range(1, 7)], hidden={2, 5})
    entry = entries[place - 1]
    if what == "leaf":
        entries[place - 1] = Entry(entry.number, NEW, entry.digest)
    elif what == "digest":
        entries[place - 1] = Entry(entry.number, entry.leaf, NEW, entry.nonce, entry.event)
    elif what == "content" and entry.event is not None:
        entries[place - 1] = Entry(entry.number, entry.leaf, entry.digest, entry.nonce, {**entry.event, "action": "x"})
    elif what == "number" and entry.event is not None:
        copied = {**entry.event, "sequence": 9}
        entries[place - 1] = Entry(entry.number, leaf_of(entry.nonce, copied), entry.digest, entry.nonce, copied)
    elif what == "gone" and place < 6:
        del entries[place - 1]
    else:
        return
    assert numbers(inspect_entries(entries)) == [place]


def test_an_event_that_stands_under_another_number_than_it_says_is_found():
    honest = trail_of([{"action": "a"}, {"action": "b"}])
    [second] = honest[1:]
    other = {**second.event, "sequence": 3}
    leaf = leaf_of(second.nonce, other)
    forged = Entry(2, leaf, next_digest(honest[0].digest, leaf), second.nonce, other)
    assert numbers(inspect_entries([honest[0], forged])) == [2]


def test_what_could_be_read_before_and_is_hidden_now_is_found():
    events = [{"action": "a"}, {"action": "b"}]
    seen = trail_of(events)
    leaves = [entry.leaf for entry in seen]
    [finding] = inspect_entries(trail_of(events, hidden={2}), leaves, {1, 2})
    assert str(finding) == "event 2: you could read it before, and it is hidden now"


def test_a_nonce_hides_what_an_event_says_and_is_part_of_its_leaf():
    event = {"action": "approved"}
    assert leaf_of(b"a" * 32, event) != leaf_of(b"b" * 32, event)
    # The order of members is none of an event.
    assert leaf_of(b"a" * 32, {"x": 1, "y": 2}) == leaf_of(b"a" * 32, {"y": 2, "x": 1})


def test_a_leaf_is_no_digest():
    """Otherwise two leaves could pass for an event, or an event for two leaves."""
    nonce = bytes(32)
    assert next_digest(nonce, leaf_of(nonce, {})) != leaf_of(nonce, {}) != next_digest(nonce, b"{}")


@given(leaves_of_trail, st.integers(0, 20))
def test_events_that_were_swapped_and_repeated_are_named(leaves, cut):
    repeated = [*leaves, leaves[0]]
    assert compare(repeated, leaves) == []
    assert numbers(compare([leaves[0], *leaves], leaves)) == [2]


def test_a_head_of_somebody_else_and_a_forged_one():
    leaves = [bytes([number]) * 32 for number in range(3)]
    stranger = SigningKey(b"s" * 32)
    genuine = head_of(leaves)
    forged = Head(3, genuine.digest, genuine.witness, head_of(leaves, stranger).signature)
    checked = check_heads([head_of(leaves, stranger), forged], digests(leaves), {"eve": bytes(WITNESS.verify_key)})
    assert checked.strangers == 1
    assert [str(finding) for finding in checked.findings] == ["event 3: a head in the name of eve is not signed by eve"]
    assert genuine.is_signed_by(bytes(WITNESS.verify_key)) and not forged.is_signed_by(bytes(WITNESS.verify_key))


def test_a_signature_of_another_length_or_digest_is_none():
    head = head_of([b"a" * 32, b"b" * 32])
    for changed in (
        Head(1, head.digest, head.witness, head.signature),
        Head(2, "00" * 32, *(head.witness, head.signature)),
    ):
        assert not changed.is_signed_by(bytes(WITNESS.verify_key))


def test_gaps_before_each_entry_make_no_findings_without_end():
    entries = [Entry(100 * number, bytes(32), bytes(32)) for number in range(1, 1001)]
    found = inspect_entries(entries)
    assert len(found) == 100 and found[0].event == 1 and "is missing" in found[0].what


ENTRY = {"sequence": 1, "leaf": "00" * 32, "digest": "11" * 32}


@pytest.mark.parametrize(
    "changed",
    [
        {"sequence": "1"},
        {"sequence": True},
        {"sequence": 0},
        {"leaf": "zz"},
        {"leaf": "00"},
        {"digest": None},
        {"nonce": "00"},
        {"event": {}},
        {"nonce": "00", "event": [1]},
        {"nonce": "00", "event": {"x": float("nan")}},
        {"nonce": "00", "event": {"request": {"x": 1}}},
        {"nonce": "00", "event": {"detail": [["nested"]]}},
    ],
)
def test_what_is_no_entry_is_refused(changed):
    assert Entry.from_document(ENTRY).to_document() == ENTRY
    with pytest.raises(UnreadableTrail):
        Entry.from_document({**ENTRY, **changed})
    for other in (None, [], "entry"):
        with pytest.raises(UnreadableTrail):
            Entry.from_document(other)


@pytest.mark.parametrize(
    "changed", [{"length": 0}, {"length": "2"}, {"digest": "00"}, {"witness": None}, {"signature": "x"}]
)
def test_what_is_no_head_is_refused(changed):
    head = head_of([b"a" * 32]).to_document()
    assert Head.from_document({**head, "number": 7}).to_document() == head
    with pytest.raises(UnreadableTrail):
        Head.from_document({**head, **changed})
