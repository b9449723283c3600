"""Secret keys are found wherever they hide, and nothing that belongs in an upload is taken for one."""

import base64
import io
import itertools
import json
import os
import pickle
import pickletools
import random
import sys
import time
import tracemalloc
from functools import cache

import msgpack
import numpy as np
import pandas as pd
import phe
import pytest
import tenseal as ts
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from Pyfhel import Pyfhel

from he_helpers.parameters import PaillierParameters
from he_helpers.roles.keys.keyring import Keyring
from he_helpers.roles.keys.service import KeyService
from he_helpers.schemes import secret as keys
from he_helpers.schemes.secret import quorum
from he_helpers.server.detection.secret_detection import find_secret_key
from he_helpers.tables import Aligned, EncryptedTable, Rows, Values
from tests.quorum.conftest import ceremonies, joint_shares
from tests.sealing import seal_fields


def paillier():
    """Of 2048 bits: written as a longer key is, and made and used in a third of its time."""
    return keys.paillier(PaillierParameters(2048))


SCHEMES = [keys.tenseal_bfv, keys.tenseal_ckks, keys.pyfhel_bfv, keys.pyfhel_ckks, paillier]


@cache
def tenseal_contexts():
    """Contexts of both schemes and both kinds of encryption, and whether they have a public key; made once."""
    return list(_tenseal_contexts())


def _tenseal_contexts():
    for dimension in (4096, 8192):
        for encryption in (ts.ENCRYPTION_TYPE.ASYMMETRIC, ts.ENCRYPTION_TYPE.SYMMETRIC):
            has_public_key = encryption == ts.ENCRYPTION_TYPE.ASYMMETRIC
            yield (
                ts.context(ts.SCHEME_TYPE.BFV, dimension, plain_modulus=1032193, encryption_type=encryption),
                has_public_key,
            )
            primes = [40, 20, 40]
            context = ts.context(ts.SCHEME_TYPE.CKKS, dimension, coeff_mod_bit_sizes=primes, encryption_type=encryption)
            context.global_scale = 2**20
            yield context, has_public_key


@cache
def pyfhel_engines():
    """Engines of both schemes with a key pair; made once."""
    return list(_pyfhel_engines())


def _pyfhel_engines():
    for scheme in ("bfv", "ckks"):
        for dimension in (1024, 4096, 8192):
            engine = Pyfhel()
            if scheme == "bfv":
                engine.contextGen(
                    scheme="bfv",
                    n=dimension,
                    t=65537,
                    qi_sizes=[27] if dimension == 1024 else [30, 30],
                    sec=0,
                )
            else:
                engine.contextGen(scheme="ckks", n=dimension, scale=2**20, qi_sizes=[40, 20, 40], sec=0)
            engine.keyGen()
            yield engine


class InTheClear(KeyService):
    """Stands for a token."""

    name = "pkcs11:token=course;object=he_helpers keyring"

    def wrap(self, key, passphrase):
        return bytes(12) + key.reveal() + bytes(16)

    def unwrap(self, wrapped, passphrase):
        raise NotImplementedError


@cache
def keys_in_shares():
    """Of every way the QuorumKey and the shares."""
    names = ("custodian_1", "custodian_2")
    small = PaillierParameters(512)
    pair = keys.paillier(small, insecure_for_teaching=True).generate_keys()
    joint = joint_shares(2, 2)
    return {
        "shared secret": quorum.shared_secret_key(pair, names, 2),
        "threshold Paillier": quorum.threshold_paillier(small, names, 2, insecure_for_teaching=True),
        "joint key": (joint["custodian_1"].key, joint),
    }


def secrets_of_custodians():
    """Shares and partial decryptions of every way, and a letter of the ceremony."""
    found = {}
    for way, (key, shares) in keys_in_shares().items():
        share = shares["custodian_1"]
        found[f"share of a {way}"] = share.to_bytes()
        partial = share.partial_decryption(key.public.encrypt([1, 2]), b"context")
        found[f"partial decryption under a {way}"] = partial.to_bytes()
    [letter] = ceremonies(2, 2)["custodian_1"].start()
    return found | {"letter between custodians": letter.content}


@pytest.fixture(scope="module")
def secrets(tmp_path_factory):
    """Every kind of secret, by name."""
    found = {}
    for number, (context, has_public_key) in enumerate(tenseal_contexts()):
        found[f"TenSEAL context {number}"] = context.serialize(
            save_public_key=has_public_key, save_secret_key=True, save_galois_keys=False, save_relin_keys=True
        )
        found[f"TenSEAL context without public keys {number}"] = context.serialize(
            save_public_key=False, save_secret_key=True, save_galois_keys=False, save_relin_keys=False
        )
    for number, engine in enumerate(pyfhel_engines()):
        found[f"Pyfhel key {number}"] = engine.to_bytes_secret_key("none")
    public, private = phe.generate_paillier_keypair(n_length=1024)
    numbers = {"p": private.p, "q": private.q}
    found["phe as JSON"] = json.dumps({"n": public.n, **numbers}).encode()
    found["phe, lambda and mu"] = json.dumps({"lambda": str(private.p - 1), "mu": str(private.q)}, indent=4).encode()
    found["phe in Python"] = repr(numbers).encode()
    found["phe in a text file"] = f"p = {hex(private.p)}\nq = {hex(private.q)}\n".encode()
    found["JSON inside JSON"] = json.dumps({"key": json.dumps(numbers)}).encode()
    web_key = {
        "kty": "DAJ",
        "key_ops": ["decrypt"],
        "p": phe.util.int_to_base64(private.p),
        "q": phe.util.int_to_base64(private.q),
    }
    found["phe's command line"] = json.dumps(web_key).encode()
    found["phe in msgpack"] = msgpack.packb({name: number.to_bytes(64) for name, number in numbers.items()})
    for make in SCHEMES:
        pair = make().generate_keys()
        found[f"key pair of {pair.public.scheme_name}"] = pair.secret.to_bytes()
    found |= secrets_of_custodians()
    keyring_folder = tmp_path_factory.mktemp("keyring")
    Keyring(keyring_folder).store("signature", os.urandom(32), "a passphrase")
    found["keyring"] = (keyring_folder / "keyring").read_bytes()
    service_folder = tmp_path_factory.mktemp("service")
    Keyring(service_folder, InTheClear()).store("signature", os.urandom(32), "a PIN")
    found["keyring that opens by a token"] = (service_folder / "keyring").read_bytes()
    encodings = serialization.Encoding, serialization.PrivateFormat, serialization.NoEncryption()
    for name, key in (
        ("RSA", rsa.generate_private_key(65537, 2048)),
        ("EC", ec.generate_private_key(ec.SECP256R1())),
        ("Ed25519", ed25519.Ed25519PrivateKey.generate()),
    ):
        found[f"{name} in PEM"] = key.private_bytes(encodings[0].PEM, encodings[1].PKCS8, encodings[2])
        found[f"{name} in DER"] = key.private_bytes(encodings[0].DER, encodings[1].PKCS8, encodings[2])
        if name != "Ed25519":
            form = encodings[1].TraditionalOpenSSL
            found[f"{name} in traditional DER"] = key.private_bytes(encodings[0].DER, form, encodings[2])
        found[f"{name} for OpenSSH"] = key.private_bytes(encodings[0].PEM, encodings[1].OpenSSH, encodings[2])
    for protocol in range(6):
        found[f"pickle, protocol {protocol}"] = pickle.dumps(private, protocol)
        found[f"pickle of numbers, protocol {protocol}"] = pickle.dumps(np.arange(1000), protocol)
    return found


def hiding_places(secret):
    text = base64.b64encode(secret).decode()
    yield "alone", secret
    yield "in an upload", seal_fields("table", [{"rows": 3}, [os.urandom(5000), secret, os.urandom(5000)]])
    yield "behind a prefix", b"\x07" + secret
    yield "base64", text.encode()
    yield (
        "base64 in a label",
        seal_fields("table", [{"labels": ["north", text, "south"]}, os.urandom(1000)]),
    )
    yield "base64 in lines", seal_fields("table", [base64.encodebytes(secret).decode()])
    yield "base64 for addresses", b'{"note": "' + base64.urlsafe_b64encode(secret).rstrip(b"=") + b'"}'
    yield "hexadecimal in a label", seal_fields("table", [{"labels": [secret.hex()]}])
    yield "base64 twice", base64.b64encode(b"key=" + text.encode())


@pytest.mark.slow
def test_every_secret_is_found_in_every_hiding_place(secrets):
    missed = [
        (name, place)
        for name, secret in secrets.items()
        # Large ones in two places only, for the sake of time.
        for place, body in itertools.islice(hiding_places(secret), 2 if len(secret) > 200_000 else None)
        if find_secret_key(body) is None
    ]
    assert not missed


@pytest.mark.slow
def test_what_is_found_is_named(secrets):
    assert find_secret_key(secrets["TenSEAL context 0"]) == "a TenSEAL context with its secret key"
    assert "Pyfhel" in find_secret_key(secrets["Pyfhel key 0"])
    assert "phe" in find_secret_key(secrets["phe as JSON"])
    assert "pickle" in find_secret_key(secrets["pickle, protocol 4"])
    assert "share" in find_secret_key(secrets["share of a joint key"])
    assert "seal it" in find_secret_key(secrets["partial decryption under a threshold Paillier"])
    assert "letter" in find_secret_key(secrets["letter between custodians"])
    assert "keyring" in find_secret_key(secrets["keyring that opens by a token"])
    assert find_secret_key(base64.b64encode(secrets["Pyfhel key 0"])).endswith("encoded as text")


def test_a_key_that_lost_its_end_is_still_found(secrets):
    for name in ("TenSEAL context 0", "TenSEAL context 7", "Pyfhel key 1", "key pair of paillier"):
        assert find_secret_key(secrets[name][:-100]), name


@pytest.fixture(scope="module")
def small(secrets):
    """The beginning of each: a few kilobytes are most of a key. A TenSEAL context has its public keys there."""
    begun = {name: secret[:4000] for name, secret in secrets.items()}
    found = {name: secret for name, secret in begun.items() if find_secret_key(secret)}
    assert {name.rpartition(" ")[0] for name in set(secrets) - set(found)} == {"TenSEAL context"}
    return found


@pytest.mark.slow
def test_a_key_that_lies_across_a_border_of_the_search_is_found(small, tmp_path):
    """Bytes and files are searched in windows of 64 kB."""
    path = tmp_path / "upload"
    missed = []
    for name, secret in small.items():
        for before in {1, 7, 16, len(secret) // 3, len(secret) // 2, len(secret) - 7}:
            body = bytes(2**16 - before) + secret + bytes(2**17)
            path.write_bytes(body)
            with path.open("rb") as file:
                if not (find_secret_key(body) and find_secret_key(file)):
                    missed.append((name, before))
    assert not missed


@pytest.mark.slow
def test_an_encoded_key_that_lies_across_a_border_is_found(small):
    """The text begins up to a hundred letters before the border, and the decoded bytes have borders of their own."""
    missed = []
    for name, secret in small.items():
        for encode in (base64.b64encode, base64.encodebytes, bytes.hex):
            text = encode(secret)
            text = text.encode() if isinstance(text, str) else text
            for before in (1, 2, 3, 38, 39, 40, 77):
                if not find_secret_key(b" " * (2**16 - before) + text + b" " * 2**16):
                    missed.append((name, encode, before))
        inner = base64.b64encode(b"\x00" * (2**16 - 20) + secret + b"\x00" * 2**17)
        if not find_secret_key(b"," * 5 + inner):
            missed.append((name, "a border of the decoded bytes"))
    assert not missed


@pytest.mark.slow
def test_encodings_within_encodings_are_found(small):
    def hexadecimal(data):
        return data.hex().encode()

    def in_json_lines(data):
        return json.dumps({"key": base64.encodebytes(data).decode()}).encode()

    encodings = (base64.b64encode, hexadecimal, base64.urlsafe_b64encode, in_json_lines)
    missed = [
        (name, inner.__name__, outer.__name__)
        for name, secret in small.items()
        for inner in encodings
        for outer in encodings
        if not find_secret_key(outer(b"x" + inner(secret)))
    ]
    assert not missed


def test_a_file_is_read_from_its_beginning(secrets, tmp_path):
    (tmp_path / "upload").write_bytes(secrets["phe as JSON"])
    with (tmp_path / "upload").open("rb") as file:
        file.seek(0, os.SEEK_END)
        assert "phe" in find_secret_key(file)


@pytest.mark.slow
def test_public_objects_of_the_libraries_pass():
    for number, (context, has_public_key) in enumerate(tenseal_contexts()):
        has_galois_keys = has_public_key and number < 2
        if has_galois_keys:
            context.generate_galois_keys()
        public = context.serialize(
            save_public_key=has_public_key,
            save_secret_key=False,
            save_galois_keys=has_galois_keys,
            save_relin_keys=True,
        )
        assert find_secret_key(public) is None
    for engine in pyfhel_engines():
        written = ["context", "public_key"]
        if engine.n > 1024:
            engine.relinKeyGen()
            engine.rotateKeyGen(rot_steps=[1, 2])
            written += ["relin_key", "rotate_key"]
        for write in written:
            assert find_secret_key(getattr(engine, f"to_bytes_{write}")("none")) is None
    for key, _ in keys_in_shares().values():
        assert find_secret_key(key.to_bytes()) is None


@pytest.mark.slow
@pytest.mark.parametrize("make", SCHEMES)
def test_real_uploads_pass(make):
    """Every scheme and layout, and what the server makes of them."""
    options = {} if make is paillier else {"relinearisation_keys": True}
    whole = make(**options).generate_keys().public
    assert find_secret_key(whole.to_bytes()) is None
    generator = np.random.default_rng(5)
    for layout in (Aligned(), Rows(), Values()):
        for rows in (2, 5):
            frame = pd.DataFrame(
                {
                    "region": [f"region {number % 2}" for number in range(rows)],
                    "revenue": generator.integers(-1000, 1000, rows),
                    "loans": generator.integers(0, 10, rows),
                }
            )
            table = EncryptedTable.encrypt(frame, ["region"], whole, layout=layout)
            assert find_secret_key(table.to_bytes()) is None
            assert find_secret_key(table.group_by("region").mean().to_bytes()) is None


@pytest.mark.slow
def test_random_bytes_and_text_pass():
    generator = random.Random(3)
    for _ in range(10):
        assert find_secret_key(generator.randbytes(2_000_000)) is None
    # Chance would need years to write the magic in front of everything, so help it.
    for magic in (
        b"\x5e\xa1\x10\x04",
        b"\x5e\xa1\x10\x04\x03\x02\x00\x00",
        b"\x80\x04",
        b"\xa1p\xc4",
        b"0\x82",
        b"HEC",
    ):
        for _ in range(100):
            assert find_secret_key(magic + generator.randbytes(2000)) is None
    for _ in range(10):
        assert find_secret_key(base64.b64encode(generator.randbytes(20_000))) is None
        assert find_secret_key(generator.randbytes(20_000).hex().encode()) is None


@pytest.fixture(scope="module")
def ciphertext():
    pair = keys.tenseal_bfv().generate_keys()
    return pair.public.encrypt(list(range(1000))).to_bytes()


@pytest.mark.parametrize(
    "beginning",
    [
        *(b"\x80" + bytes([protocol, opcode]) + b"q\x00" for protocol in (2, 3) for opcode in b"]})"),
        b"\x80\x04\x95abc\x00\x00\x00\x00\x00",
        b"\x80\x05\x95abc\x00\x00\x00\x00\x00]\x94(",
        b"\x80\x02]q\x00(K\x05K\x05e.",
        b"\x80\x02}q\x00X\x03\x00\x00\x00abcq\x01",
        b"cos\nab\n",
    ],
)
def test_a_ciphertext_that_holds_the_beginning_of_a_pickle_by_chance_passes(ciphertext, beginning):
    """What a pickle begins with turns up in ciphertexts; whether a pickle follows decides."""
    for position in range(500, len(ciphertext) - 500, 5000):
        planted = ciphertext[:position] + beginning + ciphertext[position + len(beginning) :]
        assert find_secret_key(planted) is None, position


def test_a_pickle_that_ciphertexts_surround_is_found(secrets, ciphertext):
    for name, secret in secrets.items():
        if name.startswith("pickle"):
            assert "pickle" in find_secret_key(ciphertext + secret[:1000] + ciphertext), name


def test_many_beginnings_of_pickles_are_refused_without_reading_on():
    """Reading on at each of them would be what somebody wants who made such bytes."""
    generator = random.Random(4)
    few, many = (b"".join(b"\x80\x02]q\x00" + generator.randbytes(50) for _ in range(count)) for count in (60, 100))
    assert find_secret_key(few) is None
    assert "beginnings of many pickles" in find_secret_key(many)
    spread = b"".join(b"\x80\x02]q\x00" + generator.randbytes(20_000) for _ in range(100))
    assert find_secret_key(spread) is None


@pytest.mark.slow
def test_64_megabytes_of_random_bytes_pass():
    generator = random.Random(6)
    for _ in range(16):
        assert find_secret_key(generator.randbytes(4 * 2**20)) is None


def test_ordinary_labels_pass():
    for label in (
        "p",
        "q",
        "p=5",
        "secret key",
        "private",
        "decrypt",
        "pickle.",
        "N.",
        "lambda: 7",
        "pq: 12345678901234",
    ):
        assert find_secret_key(seal_fields("table", [{"labels": [label] * 100}])) is None, label


def planted(unit):
    """A megabyte of it."""
    return (unit * (2**20 // len(unit) + 1))[: 2**20]


HOSTILE = {
    "letters": planted(b"a"),
    "escapes": planted(b"\\n"),
    "lines": planted(b"a\n"),
    "lines in JSON": planted(b"a\\n"),
    "names": planted(b"p="),
    "names and values": planted(b"p=" + b"a" * 40),
    "values in JSON": planted(b'xp:"' + b"a" * 20 + b'"'),
    "short texts": planted(b"a" * 40 + b","),
    "short texts in base64": base64.b64encode(planted(b"a" * 40 + b",")),
    "base64 in base64": base64.b64encode(base64.b64encode(random.Random(7).randbytes(2**19))),
    "digits": planted(b"0"),
    "short digits": planted(b"0" * 40 + b","),
    "digits in digits": random.Random(8).randbytes(2**18).hex().encode().hex().encode(),
    "base64 in digits": planted(b"a" * 40 + b",").hex().encode(),
    "factors in msgpack": planted(b"\xa1p\xc4\x00"),
    "factors in msgpack, long": planted(b"\xa1p\xc4\x10"),
    "SEAL, Zstandard": planted(b"\x5e\xa1\x10\x04\x03\x02\x00\x00" + b"\xff" * 8),
    "SEAL, zlib": planted(b"\x5e\xa1\x10\x04\x03\x01\x00\x00" + b"\xff" * 8 + b"\x78\x9c"),
    "SEAL, not compressed": planted(b"\x5e\xa1\x10\x04\x03\x00\x00\x00" + b"\xff" * 8),
    "protocol buffers": planted(b"\x0a\x11\x5e\xa1\x10\x04\x03\x02\x00\x00\x11" + b"\x00" * 7 + b"\x08"),
    "RSA": planted(b"0\x82\xff\xff\x02\x01\x00\x02\x20"),
    "PKCS 8": planted(b"0\x20\x02\x01\x000\x05\x06"),
    "PEM": planted(b"-----BEGIN "),
    "web keys": planted(b'"key_ops":['),
    "web keys, some to decrypt": b"decrypt" + planted(b'"key_ops":['),
    "classes": planted(b"cnumpy."),
    "pickles": planted(b"\x80\x02]q\x00"),
    "frames of pickles": planted(b"\x80\x04\x95abc\x00\x00\x00\x00\x00"),
    "one pickle without an end": b"\x80\x02]q\x00" + planted(b"N"),
    "key pairs": planted(b"HEC\x01\x05" + b"x" * 16 + b"\x94\xa8"),
    "key shares": planted(b"HEC\x01\x08" + b"x" * 16 + b"\x94\xc6"),
    "keyrings": planted(b"HEKR\x02\x00\x20\x00"),
    "JSON": json.dumps([{"name": f"region {row}", "value": row * 1.5} for row in range(25_000)]).encode(),
    "random bytes": random.Random(9).randbytes(2**20),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", HOSTILE)
def test_the_search_is_linear_in_the_size_of_the_body(kind):
    """Bytes made to be slow: eight times as many may take twenty times as long, not sixty-four."""

    def seconds(size):
        begin = time.process_time()
        find_secret_key(HOSTILE[kind][:size])
        return time.process_time() - begin

    assert seconds(400_000) < 20 * max(seconds(50_000), 0.002)


def longest_step(data, clock):
    """The longest time between two calls while ``data`` is searched, and where it passed."""
    longest, place, last = 0.0, None, clock()

    def note(frame, event, argument):
        nonlocal longest, place, last
        now = clock()
        if now - last > longest:
            longest, place = now - last, (frame.f_code.co_name, frame.f_lineno)
        last = now

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        find_secret_key(data)
    finally:
        sys.setprofile(before)
    return longest, place


@pytest.mark.slow
@pytest.mark.parametrize("kind", HOSTILE)
def test_no_step_of_the_search_holds_the_interpreters_lock_for_long(kind):
    """Between two calls the lock can be given away; what is called in C keeps it, and so does what iterates in C.

    What takes no longer by the clock takes no longer of the processor. Where something does, as on a busy machine, the
    time of this thread's work alone decides, which takes three times as long to measure.
    """
    data, most = HOSTILE[kind][:150_000], 0.05
    if longest_step(data, time.perf_counter)[0] >= most:
        longest, place = longest_step(data, time.thread_time)
        assert longest < most, (longest, place)


@pytest.mark.slow
def test_the_memory_of_the_search_does_not_depend_on_the_size(tmp_path):
    """Of a file, whatever it holds; the search of bytes needs as much besides the bytes."""
    path = tmp_path / "upload"
    for kind in ("random bytes", "base64 in base64", "digits in digits"):
        path.write_bytes(HOSTILE[kind] * 8)
        with path.open("rb") as file:
            tracemalloc.start()
            try:
                find_secret_key(file)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
        assert peak < 6e6, (kind, peak)


def test_a_pickle_in_the_test_is_a_pickle(secrets):
    """Positive control of the control: the streams above are what pickle reads."""
    for name, secret in secrets.items():
        if name.startswith("pickle"):
            pickletools.dis(secret, io.StringIO())
