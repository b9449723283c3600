"""One party of a release by quorum, in a process of its own: `python -m tests.lab.custodian_process PARTY`.

It reads lines of hexadecimal msgpack and answers each with one; it stays until its input ends.
"""

import ctypes
import sys

import msgpack

from he_helpers.schemes.public import load_public_key
from he_helpers.schemes.secret.quorum import JointCeremony, PartialDecryption, QuorumKey
from tests.quorum.small import SMALL_SIZES, names


class Party:
    def __init__(self, name):
        self.name = name
        self.kept = []
        if name in names(3):
            self.ceremony = JointCeremony(name, names(3), 2, b"session", **SMALL_SIZES)

    def start(self):
        return self.outgoing(self.ceremony.start())

    def letter(self, sender, content):
        return self.outgoing(self.ceremony.receive(sender, content))

    def outgoing(self, letters):
        return [[letter.recipient, letter.content] for letter in letters]

    def key(self):
        return self.ceremony.share().key.to_bytes()

    def encrypt(self, key, numbers):
        return QuorumKey.from_bytes(key).public.encrypt(numbers).to_bytes()

    def add(self, key, one, other):
        public = QuorumKey.from_bytes(key).public.for_evaluation()
        public = load_public_key(public.to_bytes())
        return (public.load_ciphertext(one) + public.load_ciphertext(other)).to_bytes()

    def partial(self, ciphertext):
        share = self.ceremony.share()
        return share.partial_decryption(share.key.public.load_ciphertext(ciphertext), b"request").to_bytes()

    def combine(self, key, ciphertext, partials):
        quorum = QuorumKey.from_bytes(key)
        parts = {name: PartialDecryption.from_bytes(part) for name, part in partials.items()}
        return quorum.combine(quorum.public.load_ciphertext(ciphertext), parts).values.tolist()

    def combine_and_keep(self, key, ciphertext, partials):
        """What nothing keeps who combines shares of a key pair from doing."""
        quorum = QuorumKey.from_bytes(key)
        opened = quorum._opened

        def keep(shares):
            self.kept.append(opened(shares))
            return self.kept[-1]

        quorum._opened = keep
        parts = {name: PartialDecryption.from_bytes(part) for name, part in partials.items()}
        return quorum.combine(quorum.public.load_ciphertext(ciphertext), parts).values.tolist()


def main():
    if sys.platform == "linux":  # open to processes of the same user: PR_SET_PTRACER, PR_SET_PTRACER_ANY
        ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)
    party = Party(sys.argv[1])
    for line in sys.stdin:
        what, *arguments = msgpack.unpackb(bytes.fromhex(line))
        print(msgpack.packb(getattr(party, what)(*arguments)).hex(), flush=True)


if __name__ == "__main__":
    main()
