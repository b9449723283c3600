"""No single process of a release under a joint key ever holds what decrypts; who combines shares of a key pair does."""

import subprocess
import sys
from contextlib import ExitStack, contextmanager

import msgpack
import numpy as np
import pytest

from he_helpers.lab.evidence import collect, needles_of_tenseal_key, process_that_holds, search
from he_helpers.schemes.records import open_message
from he_helpers.schemes.secret import KeyPairRecord, quorum, tenseal_bfv
from he_helpers.schemes.secret.quorum.joint.letters import CeremonyLetter, SeedCommitment
from he_helpers.schemes.secret.quorum.joint.ring import key_ring
from he_helpers.schemes.secret.quorum.joint.sharing import secret_polynomial, sharing_sets
from tests.quorum.small import SMALL, names

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process be read from outside"),
]
NAMES = names(3)


class Process:
    def __init__(self, party):
        command = [sys.executable, "-m", "tests.lab.custodian_process", party]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __getattr__(self, what):
        def call(*arguments):
            self.process.stdin.write(msgpack.packb([what, *arguments]).hex() + "\n")
            self.process.stdin.flush()
            return msgpack.unpackb(bytes.fromhex(self.process.stdout.readline()))

        return call


@contextmanager
def process_of(party):
    started = Process(party)
    try:
        yield started
    finally:
        started.process.kill()
        started.process.wait()
        started.process.stdin.close()
        started.process.stdout.close()


def found_in(pid, needles, folder):
    """The names of the needles that stand somewhere in the memory of a process."""
    empty = folder / "empty"
    empty.mkdir(exist_ok=True)
    with collect(empty, pid, folder / "evidence") as evidence:
        assert not evidence.why_not_read
        found = search(evidence, needles)["memory"]
    return set(found.index[found > 0])


def carried(custodians):
    """The seeds of all sets, seen in the letters that are carried from process to process."""
    seeds = {}
    due = [(name, *letter) for name in NAMES for letter in custodians[name].start()]
    while due:
        sender, recipient, content = due.pop(0)
        letter = open_message(content, CeremonyLetter).content
        if isinstance(letter, SeedCommitment):
            seeds.update(letter.seeds)
        due += [(recipient, *one) for one in custodians[recipient].letter(sender, content)]
    return seeds


def needles_of(seeds):
    """The seed of each set by its members, and the whole key in the forms in which it could be computed."""
    ring = key_ring(SMALL)
    whole = np.sum([secret_polynomial(ring, seed) for seed in seeds.values()], axis=0)
    sets = sharing_sets(tuple(NAMES), 2)
    needles = {"+".join(sets[place]): seed for place, seed in seeds.items()}
    # Of a stretch of its coefficients: small numbers, many enough for chance.
    needles |= {f"whole key, {kind}": whole[100:300].astype(kind).tobytes() for kind in ("<i8", "<i4", "<i2", "<i1")}
    return needles | {"whole key, as residues": ring.to_bytes(whole.astype(object) % ring.modulus)[:400]}


def test_no_process_of_a_joint_key_holds_what_decrypts(tmp_path):
    with ExitStack() as stack:
        everybody = (*NAMES, "administrator", "server", "analyst")
        parties = {name: stack.enter_context(process_of(name)) for name in everybody}
        needles = needles_of(carried(parties))
        key = parties["custodian_1"].key()
        one, other = (parties["administrator"].encrypt(key, numbers) for numbers in ([9, 7, -4], [8, 4, 9]))
        total = parties["server"].add(key, one, other)
        partials = {name: parties[name].partial(total) for name in NAMES[:2]}
        assert parties["analyst"].combine(key, total, partials) == [17, 11, 5]
        found = {name: found_in(party.process.pid, needles, tmp_path) for name, party in parties.items()}
    assert found == {
        "custodian_1": {"custodian_1+custodian_2", "custodian_1+custodian_3"},
        "custodian_2": {"custodian_1+custodian_2", "custodian_2+custodian_3"},
        "custodian_3": {"custodian_1+custodian_3", "custodian_2+custodian_3"},
        "administrator": set(),
        "server": set(),
        "analyst": set(),
    }
    # The control: the same search finds every form where it lies.
    with process_that_holds(needles.values(), tmp_path) as pid:
        assert found_in(pid, needles, tmp_path) == set(needles)


def test_who_combines_shares_of_a_key_pair_can_keep_the_key(tmp_path):
    pair = tenseal_bfv().generate_keys()
    key, shares = quorum.shared_secret_key(pair, NAMES, 2)
    [private] = open_message(pair.secret.to_bytes(), KeyPairRecord).native
    needles = needles_of_tenseal_key(private)
    ciphertext = key.public.encrypt([93, 57, -4])
    partials = {name: shares[name].partial_decryption(ciphertext, b"request").to_bytes() for name in NAMES[:2]}
    with process_of("analyst") as analyst:
        assert analyst.encrypt(key.to_bytes(), [1])
        assert found_in(analyst.process.pid, needles, tmp_path) == set()
        assert analyst.combine_and_keep(key.to_bytes(), ciphertext.to_bytes(), partials) == [93, 57, -4]
        assert "secret key, in use" in found_in(analyst.process.pid, needles, tmp_path)
