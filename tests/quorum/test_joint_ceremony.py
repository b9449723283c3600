"""The making of a joint key: in any order, and with custodians that lie."""

import pickle
import random
from itertools import combinations

import pytest

from he_helpers.parameters import BFVParameters, InsecureParameters, InvalidParameters
from he_helpers.schemes import DamagedBytes
from he_helpers.schemes.public.loading import load_public_key
from he_helpers.schemes.records import open_message, seal_message
from he_helpers.schemes.secret.quorum import (
    CeremonyFailed,
    CeremonyUnfinished,
    InvalidQuorum,
    JointCeremony,
    KeyShare,
    QuorumKey,
)
from he_helpers.schemes.secret.quorum.joint import letters as forms
from he_helpers.schemes.secret.quorum.joint.native import public_key
from he_helpers.schemes.secret.quorum.joint.ring import key_ring
from he_helpers.schemes.secret.quorum.joint.sampling import uniform
from he_helpers.schemes.secret.quorum.joint.sharing import contribution
from tests.quorum.conftest import carry, ceremonies, joint_shares
from tests.quorum.small import SMALL, SMALL_SIZES, names

LIAR = "custodian_1"


def changed(letter: bytes, **content) -> bytes:
    """The letter with other fields in its content."""
    record = open_message(letter, forms.CeremonyLetter)
    old = record.content
    fields = {name: getattr(old, name) for name in old.__struct_fields__}
    made = type(old)(**{**fields, **content})
    return seal_message(
        forms.CeremonyLetter(agreement=record.agreement, sender=record.sender, recipient=record.recipient, content=made)
    )


def lying(content_class, how):
    """What changes the liar's letters of one round; ``how(content, recipient)`` gives the fields that it changes."""

    def change(sender: str, recipient: str, letter: bytes) -> bytes:
        content = open_message(letter, forms.CeremonyLetter).content
        if sender == LIAR and isinstance(content, content_class):
            return changed(letter, **how(content, recipient))
        return letter

    return change


def test_all_get_one_key_and_their_own_shares():
    shares = joint_shares(3, 2)
    assert len({share.fingerprint for share in shares.values()}) == 1
    key = shares[LIAR].key
    assert len({share.key.to_bytes() for share in shares.values()}) == 1
    assert QuorumKey.from_bytes(key.to_bytes(), insecure_for_teaching=True).fingerprint == key.fingerprint
    again = KeyShare.from_bytes(shares[LIAR].to_bytes())
    assert (again.custodian, again.fingerprint) == (LIAR, key.fingerprint)
    assert again.to_bytes() == shares[LIAR].to_bytes()


def test_the_public_key_is_an_ordinary_one():
    public = joint_shares(3, 2)[LIAR].key.public
    read = load_public_key(public.to_bytes(), insecure_for_teaching=True)
    assert read.fingerprint == public.fingerprint and not read.native.is_private()
    total = read.encrypt([1, -2], terms=16) + public.encrypt([3, 4], terms=16)
    evaluating = read.for_evaluation()
    assert evaluating.load_ciphertext(total.to_bytes()).length == 2


def test_letters_in_any_order_and_more_than_once():
    parts = ceremonies(3, 2)
    order = random.Random(7)
    letters = [(name, letter) for name, part in parts.items() if name != LIAR for letter in part.start()]
    # The first custodian hears from the others before it begins.
    late = []
    started = False
    while letters or not started:
        if not letters or (not started and order.random() < 0.3):
            started = True
            letters += [(LIAR, letter) for letter in parts[LIAR].start()]
            continue
        sender, letter = letters.pop(order.randrange(len(letters)))
        due = parts[letter.recipient].receive(sender, letter.content)
        letters += [(letter.recipient, one) for one in due]
        late.append((sender, letter))
    assert all(part.finished for part in parts.values())
    assert len(late) == 5 * 3 * 2
    for sender, letter in late:
        assert parts[letter.recipient].receive(sender, letter.content) == ()
    assert len({part.share().fingerprint for part in parts.values()}) == 1


def test_who_died_takes_part_again_with_randomness_and_letters():
    randomness = bytes(range(32))
    parts = ceremonies(2, 2)
    first = JointCeremony(LIAR, names(2), 2, b"session", randomness=randomness, **SMALL_SIZES)
    parts[LIAR] = first
    received: list[bytes] = []
    carry(parts, lambda sender, recipient, letter: received.append((recipient, letter)) or letter)
    second = JointCeremony(LIAR, names(2), 2, b"session", randomness=randomness, **SMALL_SIZES)
    written = [letter.content for letter in second.start()]
    for recipient, letter in received:
        if recipient == LIAR:
            written += [one.content for one in second.receive("custodian_2", letter)]
    assert written == [letter for recipient, letter in received if recipient != LIAR]
    assert second.share().to_bytes() == first.share().to_bytes()


def test_nothing_before_all_letters_are_there():
    parts = ceremonies(3, 2)
    with pytest.raises(CeremonyUnfinished, match="round 0"):
        parts[LIAR].share()
    parts[LIAR].start()
    assert parts[LIAR].missing == ("custodian_2", "custodian_3") and parts[LIAR].round == 1
    [letter, _] = parts["custodian_2"].start()
    parts[LIAR].receive("custodian_2", letter.content)
    assert parts[LIAR].missing == ("custodian_3",) and not parts[LIAR].finished
    for shown in (repr(parts[LIAR]), repr(letter), repr(open_message(letter.content, forms.CeremonyLetter))):
        assert "seeds" not in shown and len(shown) < 300
    with pytest.raises(TypeError):
        pickle.dumps(parts[LIAR])


LIES = {
    "another part of the seed than committed to": lying(forms.SeedPart, lambda content, _: {"part": bytes(32)}),
    "no share for a member": lying(forms.SeedCommitment, lambda content, _: {"seeds": {}}),
    "a share of a set that somebody else draws": lying(
        forms.SeedCommitment, lambda content, _: {"seeds": {**content.seeds, 2: bytes(32)}}
    ),
    "a contribution that was not committed to": lying(
        forms.OpenedContributions,
        lambda content, _: {
            "contributions": {
                place: forms.OpenedContribution(b=bytes(len(one.b)), seed_digest=one.seed_digest)
                for place, one in content.contributions.items()
            }
        },
    ),
    "another digest of a seed": lying(
        forms.OpenedContributions,
        lambda content, _: {
            "contributions": {
                place: forms.OpenedContribution(b=one.b, seed_digest=bytes(32))
                for place, one in content.contributions.items()
            }
        },
    ),
    "no contribution": lying(forms.OpenedContributions, lambda content, _: {"contributions": {}}),
    "another key": lying(forms.Confirmation, lambda content, _: {"fingerprint": "0" * 32}),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_liar_is_named(lie):
    parts = ceremonies(3, 2)
    with pytest.raises(CeremonyFailed) as error:
        carry(parts, LIES[lie])
    assert error.value.names == (LIAR,)
    failed = [part for part in parts.values() if part._failure is not None]
    [letter] = ceremonies(2, 2)["custodian_2"].start()
    with pytest.raises(CeremonyFailed):
        failed[0].share()
    with pytest.raises(CeremonyFailed):
        failed[0].receive("custodian_2", letter.content)


def test_different_seeds_for_the_members_of_a_set():
    def change(sender, recipient, letter):
        content = open_message(letter, forms.CeremonyLetter).content
        if (sender, recipient) == (LIAR, "custodian_2") and isinstance(content, forms.SeedCommitment):
            return changed(letter, seeds=dict.fromkeys(content.seeds, bytes(32)))
        return letter

    with pytest.raises(CeremonyFailed) as error:
        carry(ceremonies(3, 2), change)
    assert set(error.value.names) == {LIAR, "custodian_2"}


@pytest.mark.slow
def test_two_stories():
    """A part of the seed that is committed to and opened twice: everybody sees what fits, and the keys differ."""
    parts = ceremonies(3, 2)
    other = JointCeremony(LIAR, names(3), 2, b"session", randomness=bytes(32), **SMALL_SIZES)
    part = forms.part_commitment(other.agreement, LIAR, other._part)

    def change(sender, recipient, letter):
        content = open_message(letter, forms.CeremonyLetter).content
        if (sender, recipient) == (LIAR, "custodian_3"):
            if isinstance(content, forms.SeedCommitment):
                return changed(letter, commitment=part)
            if isinstance(content, forms.SeedPart):
                return changed(letter, part=other._part)
        return letter

    with pytest.raises(CeremonyFailed, match="different parts"):
        carry(parts, change)


def test_two_letters_of_one_round():
    parts = ceremonies(3, 2)
    parts[LIAR].start()
    letters = [letter.content for letter in parts["custodian_2"].start() if letter.recipient == LIAR]
    parts[LIAR].receive("custodian_2", letters[0])
    with pytest.raises(CeremonyFailed, match="two different"):
        parts[LIAR].receive("custodian_2", changed(letters[0], commitment=bytes(32)))


def test_letters_that_are_none():
    parts = ceremonies(3, 2)
    parts[LIAR].start()
    letters = {letter.recipient: letter.content for letter in parts["custodian_2"].start()}
    for sender, letter in (
        ("custodian_2", letters["custodian_3"]),
        ("custodian_3", letters[LIAR]),
        ("stranger", letters[LIAR]),
        (LIAR, letters[LIAR]),
        ("custodian_2", letters[LIAR][:-1]),
        ("custodian_2", b""),
    ):
        with pytest.raises(DamagedBytes):
            parts[LIAR].receive(sender, letter)


@pytest.mark.parametrize(
    "other",
    [
        {"terms": 17},
        {"statistical_bits": 17},
        {"parameters": BFVParameters(4096, (36, 35, 34), SMALL.plaintext_modulus)},
    ],
)
def test_who_wants_another_key(other):
    mine, theirs = ceremonies(2, 2), ceremonies(2, 2, **other)
    mine[LIAR].start()
    [letter] = theirs["custodian_2"].start()
    with pytest.raises(CeremonyFailed, match="another ceremony"):
        mine[LIAR].receive("custodian_2", letter.content)


def test_a_session_that_is_over_cannot_be_played_again():
    old = JointCeremony("custodian_2", names(2), 2, b"old session", **SMALL_SIZES)
    new = ceremonies(2, 2)[LIAR]
    new.start()
    with pytest.raises(CeremonyFailed, match="another ceremony"):
        new.receive("custodian_2", old.start()[0].content)


def test_arguments():
    with pytest.raises(InvalidQuorum):
        JointCeremony("stranger", names(3), 2, b"session", **SMALL_SIZES)
    with pytest.raises(InvalidQuorum):
        JointCeremony(LIAR, names(3), 1, b"session", **SMALL_SIZES)
    with pytest.raises(InvalidQuorum):
        JointCeremony(LIAR, names(3), 2, b"session", randomness=b"short", **SMALL_SIZES)
    with pytest.raises(InvalidParameters, match="smudging"):
        JointCeremony(LIAR, names(3), 2, b"session", parameters=BFVParameters())
    with pytest.raises(InsecureParameters):
        JointCeremony(LIAR, names(3), 2, b"session", parameters=BFVParameters(4096, (60, 60, 60), 40961))


def test_why_there_are_commitments():
    """Whoever may choose last cancels the others, and the joint key is theirs alone."""
    ring = key_ring(SMALL)
    a = uniform(ring, b"a" * 32)
    honest = [ring.from_bytes(contribution(ring, a, bytes([number]) * 32).b) for number in range(2)]
    alone = ring.from_bytes(contribution(ring, a, b"rogue" + bytes(27)).b)
    rogue = (alone - honest[0] - honest[1]) % ring.modulus
    joint = (honest[0] + honest[1] + rogue) % ring.modulus
    assert (joint == alone).all()
    # Here the rogue custodian would decrypt alone what everybody encrypts under the joint key.
    public = public_key(SMALL, ring, joint, a)
    assert public.fingerprint == public_key(SMALL, ring, alone, a).fingerprint


def test_parameters_that_tenseal_refuses_give_no_public_key():
    parameters = BFVParameters(4096, (60, 60, 60), 40961)
    ring = key_ring(parameters)
    with pytest.raises(InvalidParameters, match="no coefficient modulus above the standard's limit of 109 bits"):
        public_key(parameters, ring, *(uniform(ring, bytes([number]) * 32) for number in range(2)))


def test_commitments_cannot_be_passed_on():
    ring = key_ring(SMALL)
    made = contribution(ring, uniform(ring, b"a" * 32), b"s" * 32)
    all_of_them = {made.commitment(agreement, place) for agreement in (b"1" * 32, b"2" * 32) for place in range(3)}
    assert len(all_of_them) == 6
    parts = {forms.part_commitment(agreement, name, bytes(32)) for agreement in (b"1", b"2") for name in names(3)}
    assert len(parts) == 6


@pytest.mark.slow
def test_no_one_holds_what_decrypts():
    """Fewer than k custodians hold no copy of one share, in whatever they received or keep."""
    shares = joint_shares(4, 3)
    for group in combinations(shares, 2):
        held = {place for name in group for place in shares[name].key.places_of(name)}
        assert len(held) == len(shares[group[0]].key.sets) - 1
