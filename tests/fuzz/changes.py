"""Real uploads and scoring messages with something changed inside, sealed anew so that a library's parser sees it."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from random import Random

import pandas as pd

from he_helpers.computing.models import LinearModel, ModelInput
from he_helpers.computing.score_messages import ScoreRequest
from he_helpers.parameters import BFVParameters, CKKSParameters, PaillierParameters, plaintext_prime
from he_helpers.schemes import secret as keys
from he_helpers.schemes.public.interface import PublicKey
from he_helpers.schemes.public.interface.records import CiphertextRecord
from he_helpers.tables import Aligned, EncryptedTable, Rotated
from tests.fuzz import protobuf, seal_stream
from tests.fuzz.seal_stream import SEALCiphertext
from tests.sealing import open_fields, seal_fields

FRAME = pd.DataFrame({"group": ["a", "b", "a", "b"], "n": [3, 5, 7, 11], "m": [1, 0, 2, 4]})
QUERY = {"statistic": "sum", "group_by": ["group"], "columns": ["n", "m"]}
MODEL = LinearModel(
    name="fuzzed",
    title="A model",
    inputs=(ModelInput(name="x", minimum=0, maximum=100), ModelInput(name="y", minimum=0, maximum=100)),
    weights={"x": 3, "y": -5},
    intercept=7,
    weight_decimals=0,
    source="a test",
)
# Less than the defaults, of bytes and of digits: a parser meets the same fields in less time.
_SMALL_BFV = BFVParameters(2048, (35, 18), plaintext_prime(17, 2048))
_SMALL_CKKS = CKKSParameters(4096, (39, 27, 39), 27)
_SMALL_PAILLIER = PaillierParameters(2048)
_NUMBERS = (-1, 0, 1, 2, 7, 8, 9, 4095, 4096, 2**31, 2**63 - 1, 2**64 - 1)
_FLOATS = (0.0, 0.5, 1.0, 2.0, 40.0, -1.0, 1e308, float("nan"), float("inf"))


# Of one process: a campaign changes what was encrypted with them, never the keys.
@cache
def make_key_pairs() -> dict[str, keys.KeyPair]:
    """A key pair of each of the five schemes; and, by name, one that rotates."""
    return {
        "tenseal-bfv": keys.tenseal_bfv(_SMALL_BFV).generate_keys(),
        "tenseal-ckks": keys.tenseal_ckks(_SMALL_CKKS).generate_keys(),
        "pyfhel-bfv": keys.pyfhel_bfv(_SMALL_BFV).generate_keys(),
        "pyfhel-ckks": keys.pyfhel_ckks(_SMALL_CKKS).generate_keys(),
        "paillier": keys.paillier(_SMALL_PAILLIER).generate_keys(),
        "pyfhel-bfv, rotating": keys.pyfhel_bfv(
            BFVParameters(4096, (53, 53), plaintext_prime(27, 4096)), galois_keys=[1]
        ).generate_keys(),
    }


def make_tables(pairs: dict[str, keys.KeyPair]) -> dict[str, bytes]:
    """A small table under each key pair; under TenSEAL's also one whose ciphertexts are open."""
    tables = {}
    for name, pair in pairs.items():
        layout = Rotated(partial_sums=2) if "rotating" in name else Aligned()
        tables[name] = EncryptedTable.encrypt(FRAME, ["group"], pair.public, layout=layout).to_bytes()
        if name.startswith("tenseal"):
            header, key, ciphertexts = open_fields(tables[name], "table")
            opened = [_opened(fields, pair.public) for fields in ciphertexts]
            tables[f"{name}, open"] = seal_fields("table", [header, key, opened])
    return tables


def make_messages(pairs: dict[str, keys.KeyPair]) -> dict[str, ScoreRequest]:
    """A scoring message, of x = 4 and y = 9, under a key pair of each scheme that scores are computed in."""
    messages = {}
    for name in ("tenseal-bfv", "pyfhel-bfv", "paillier"):
        public = pairs[name].public
        inputs = {name: public.encrypt([value], terms=MODEL.terms) for name, value in (("x", 4), ("y", 9))}
        messages[name] = ScoreRequest.of(MODEL.name, public, inputs)
    return messages


def change_table(table: bytes, random: Random) -> bytes:
    """The table with its header, its key, or one or all of its ciphertexts changed."""
    header, key, ciphertexts = open_fields(table, "table")
    choice = random.random()
    if choice < 0.1:
        header[random.randrange(len(header))] = _any_value(random)
    elif choice < 0.3:
        key = change_key(key, random)
    elif choice < 0.7:
        index = random.randrange(len(ciphertexts))
        ciphertexts[index] = change_ciphertext(ciphertexts[index], random)
    elif choice < 0.95:
        # The same change to each: what one addition meets, the next one meets too.
        seed = random.random()
        ciphertexts = [change_ciphertext(fields, Random(seed)) for fields in ciphertexts]
    else:
        ciphertexts = random.sample(ciphertexts * 2, random.randrange(2 * len(ciphertexts)))
    return seal_fields("table", [header, key, ciphertexts])


def change_message(message: ScoreRequest, random: Random) -> bytes:
    """The message as JSON, with its key or one of its inputs changed."""
    document = message.model_dump()
    if random.random() < 0.3:
        document["public_key"] = _within_base64(document["public_key"], change_key, random)
    else:
        name = random.choice(sorted(document["inputs"]))
        document["inputs"][name] = _within_base64(document["inputs"][name], change_sealed_ciphertext, random)
    return ScoreRequest.model_construct(**document).model_dump_json().encode()


def change_key(sealed: bytes, random: Random) -> bytes:
    """A public key in its envelope, with one field changed; mostly the library's own bytes."""
    fields = open_fields(sealed, "public key")
    if random.random() < 0.15:
        fields[random.randrange(4)] = _any_value(random)
    else:
        fields[4] = _change_native(fields[0], fields[4], random)
    return seal_fields("public key", fields)


def change_sealed_ciphertext(sealed: bytes, random: Random) -> bytes:
    """A ciphertext in its envelope, with one field changed."""
    return seal_fields("ciphertext", change_ciphertext(open_fields(sealed, "ciphertext"), random))


def change_ciphertext(fields: list, random: Random) -> list:
    """The fields of a ciphertext with one of them changed; mostly the library's own bytes."""
    fields = list(fields)
    choice = random.random()
    if choice < 0.1:
        # Length, padding: how many slots are in use.
        fields[random.choice((2, 3))] = random.choice(_NUMBERS)
    elif choice < 0.15:
        fields[4] = random.choice((*_FLOATS, b"", b"\x01", b"\xff" * 300))
    elif choice < 0.17:
        # Whether it is the shorter form.
        fields[6] = not fields[6]
    elif choice < 0.25:
        # What is used up of the levels or the noise budget.
        fields[5] = random.choice((*_NUMBERS, *_FLOATS))
    else:
        fields[7] = _change_native_ciphertext(fields[0], fields[7], random)
        if random.random() < 0.2:
            fields[5] = random.choice((0, 1, 2, 0.5))
    return fields


def _change_native_ciphertext(scheme: str, native: bytes, random: Random) -> bytes:
    """The library's bytes of a ciphertext, changed. SEAL's own fields are reached where they are not compressed."""
    if scheme.startswith("tenseal") and random.random() < 0.1:
        # A vector that announces its size, and brings no ciphertext.
        return protobuf.write_message([field for field in protobuf.read_message(native) if field.number != 2])
    if scheme != "paillier" and random.random() < 0.7:
        stream = _stream_of(native) if scheme.startswith("tenseal") else native
        if seal_stream.is_open(stream):
            ciphertext = SEALCiphertext.from_bytes(stream)
            for _ in range(random.choice((1, 1, 1, 2))):
                ciphertext = seal_stream.change_ciphertext(ciphertext, random)
            changed = ciphertext.to_bytes()
            return _with_stream(native, changed) if scheme.startswith("tenseal") else changed
    return _change_native(scheme, native, random)


def _change_native(scheme: str, native: bytes, random: Random) -> bytes:
    changes: list[Callable[[bytes, Random], bytes]] = [_change_bytes]
    if scheme == "paillier":
        changes += [_other_integer] * 3
    else:
        changes.append(seal_stream.change_streams)
    if scheme.startswith("tenseal"):
        changes += [protobuf.change_message] * 4
    return random.choice(changes)(native, random)


def _opened(fields: list, key: PublicKey) -> list:
    """The fields of a ciphertext of a TenSEAL ``key``, of made-up numbers, not compressed as TenSEAL's are."""
    [ciphertext] = key.ciphertext_from_record(CiphertextRecord(*fields)).native.ciphertext()
    made_up = SEALCiphertext.made_up(
        seal_stream.version_of(_stream_of(fields[7])),
        struct.pack("<4Q", *ciphertext.parms_id()),
        ciphertext.is_ntt_form(),
        ciphertext.poly_modulus_degree(),
        ciphertext.coeff_modulus_size(),
        ciphertext.scale,
        Random(1),
    )
    return [*fields[:7], _with_stream(fields[7], made_up.to_bytes())]


def _stream_of(vector: bytes) -> bytes:
    """The ciphertext in TenSEAL's message of a vector."""
    [stream] = [field.value for field in protobuf.read_message(vector) if field.number == 2]
    return stream


def _with_stream(vector: bytes, stream: bytes) -> bytes:
    fields = protobuf.read_message(vector)
    return protobuf.write_message([replace(field, value=stream) if field.number == 2 else field for field in fields])


def _change_bytes(data: bytes, random: Random) -> bytes:
    """Bytes exchanged, mostly near the beginning, where headers are; cut off, appended, or moved."""
    match random.randrange(5):
        case 0:
            return data[: random.randrange(len(data))]
        case 1:
            return data + random.randbytes(random.choice((1, 8, 1000)))
        case 2:
            start, size = random.randrange(len(data)), random.choice((1, 8, 100))
            return data[:start] + data[start + size :]
        case _:
            changed = bytearray(data)
            for _ in range(random.randint(1, 4)):
                reach = min(len(changed), random.choice((20, 200, len(changed))))
                changed[random.randrange(reach)] = random.randrange(256)
            return bytes(changed)


def _other_integer(data: bytes, random: Random) -> bytes:
    """Another big-endian number in the place of Paillier's modulus or ciphertext."""
    number = int.from_bytes(data, "big")
    others = (0, 1, 2, number - 1, number + 1, number // 2, number * 2, number**2, 2 ** (8 * len(data)) - 1)
    other = random.choice(others)
    return other.to_bytes((other.bit_length() + 7) // 8, "big")


def _any_value(random: Random) -> object:
    values = [None, True, b"", b"x" * 16, "", "tenseal-bfv", "rows", [], {}, [[]], [["group"]] * 255, {"n": 1}]
    return random.choice([*values, *_NUMBERS[1:], *_FLOATS])


def _within_base64(text: str, change: Callable[[bytes, Random], bytes], random: Random) -> str:
    return base64.b64encode(change(base64.b64decode(text), random)).decode("ascii")
