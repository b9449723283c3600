"""Ciphertexts that are well sealed and not what they declare: refused when they are read, not when they are computed
with. Some of them end the process of whoever adds them up with the library alone, so these run in processes of their
own."""

import struct
import subprocess
import sys

import numpy as np
import pytest
import tenseal as ts
from tenseal import sealapi

from he_helpers.errors import HEError
from he_helpers.parameters import BFVParameters, CKKSParameters
from he_helpers.schemes.errors import DamagedBytes, UnsupportedOperation
from he_helpers.schemes.public import load_public_key
from he_helpers.schemes.public.pyfhel_stream import read_head
from he_helpers.schemes.public.tenseal import TenSEALBFVPublicKey, context_fingerprint, settled
from he_helpers.schemes.public.tenseal_message import check_vector_message, vector_message
from he_helpers.schemes.secret import pyfhel_ckks, tenseal_ckks
from tests.schemes.conftest import LATTICE, SCHEMES, deep_pair, key_pair, product_pair
from tests.sealing import open_fields, seal_fields

TENSEAL = ["tenseal-bfv", "tenseal-ckks"]
PYFHEL = ["pyfhel-bfv", "pyfhel-ckks"]


def run(code):
    # Each of Pyfhel's modules has SEAL in it, and their exit handlers free one memory pool twice: a process that has
    # done everything right is aborted then, once in some dozens of runs. What is tested is over before.
    code += "\nimport os, sys\nsys.stdout.flush()\nos._exit(0)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def forged(ciphertext, native=None, consumed=None):
    """The bytes of a ciphertext with another native part, or another declared consumption, sealed again."""
    fields = open_fields(ciphertext.to_bytes(), "ciphertext")
    fields[5] = fields[5] if consumed is None else consumed
    fields[7] = fields[7] if native is None else native
    return seal_fields("ciphertext", fields)


def refused(public, data):
    with pytest.raises(DamagedBytes) as caught:
        public.load_ciphertext(data)
    assert str(caught.value)


# TenSEAL's message

MESSAGES = {
    "sizes and no ciphertext": lambda size, stream, tail: b"\x0a\x01" + size + tail,
    "nothing but the scale": lambda size, stream, tail: tail or b"\x0a\x00",
    "two ciphertexts": lambda size, stream, tail: b"\x0a\x01" + size + stream + stream + tail,
    "two sizes that add up": lambda size, stream, tail: b"\x0a\x02\x01" + bytes([size[0] - 1]) + stream + tail,
    "two sizes and two ciphertexts": lambda size, stream, tail: b"\x0a\x02\x01\x0a" + stream + stream + tail,
    "a larger size": lambda size, stream, tail: b"\x0a\x01" + bytes([size[0] + 1]) + stream + tail,
    "size 0": lambda size, stream, tail: b"\x0a\x01\x00" + stream + tail,
    "a size of ten bytes": lambda size, stream, tail: b"\x0a\x0a" + b"\xff" * 9 + b"\x01" + stream + tail,
    "a negative length": lambda size, stream, tail: b"\x0a\x01" + size + b"\x12" + b"\xff" * 9 + b"\x01" + tail,
    "cut off in a length": lambda size, stream, tail: b"\x0a\x01" + size + b"\x12\xff",
    "an empty ciphertext": lambda size, stream, tail: b"\x0a\x01" + size + b"\x12\x00" + tail,
    "an unknown field": lambda size, stream, tail: b"\x0a\x01" + size + stream + b"\x2a\x01a" + tail,
    "another scale": lambda size, stream, tail: b"\x0a\x01" + size + stream + b"\x19" + struct.pack("<d", 2.0**20),
    "the scale twice": lambda size, stream, tail: b"\x0a\x01" + size + stream + tail + (tail or b"\x19" + bytes(8)),
}


def message_parts(ciphertext):
    """The size, the field of the ciphertext, and what follows it, in a message of TenSEAL with few slots."""
    message = ciphertext.native.serialize()
    tail = b"" if ciphertext.key.exact else message[-9:]
    return message[2:3], message[3 : len(message) - len(tail)], tail


@pytest.mark.parametrize("name", TENSEAL)
@pytest.mark.parametrize("which", MESSAGES)
def test_a_message_that_is_no_vector_in_one_ciphertext(name, which):
    public = key_pair(name).public
    ciphertext = public.encrypt([1, 2, 3])
    refused(public, forged(ciphertext, MESSAGES[which](*message_parts(ciphertext))))
    honest = b"\x0a\x01" + b"".join(message_parts(ciphertext))
    assert len(public.load_ciphertext(forged(ciphertext, honest))) == 3


def test_a_length_of_more_than_ten_bytes_is_read_no_further():
    """Protocol Buffers have none, and a number of a million bytes would keep the check busy for hours."""
    stream = bytes(100)
    honest = vector_message(stream, 3, None)
    check_vector_message(honest, 3, None)
    before = honest[: -len(stream) - 1]
    with pytest.raises(DamagedBytes):
        check_vector_message(before + b"\xe4" + b"\x80" * 9 + b"\x00" + stream, 3, None)  # 100 in eleven bytes


@pytest.mark.slow
@pytest.mark.parametrize("name", TENSEAL)
def test_sizes_without_a_ciphertext_end_the_process_of_tenseal(name):
    """The reason for reading the message before TenSEAL does. Ours refuses it: a test above."""
    code = (
        "from tests.schemes.test_forged_ciphertexts import *\n"
        f"public = key_pair({name!r}).public\n"
        "honest = public.encrypt([1, 2, 3])\n"
        "message = MESSAGES['sizes and no ciphertext'](*message_parts(honest))\n"
    )
    reader = "bfv_vector_from" if name.endswith("bfv") else "ckks_vector_from"
    theirs = run(
        code + f"x = ts.{reader}(public.native, message)\nprint('read', flush=True)\nhonest.native + x\nprint('added')"
    )
    assert theirs.stdout.split() == ["read"] and theirs.returncode < 0


def _saved(ciphertext, tmp_path):
    path = tmp_path / "stream"
    ciphertext.save(str(path))
    return path.read_bytes()


@pytest.mark.parametrize("name", TENSEAL)
def test_another_form_inside_tenseals_message(name, tmp_path):
    """What SEAL itself accepts: NTT form under BFV, three polynomials."""
    keys = product_pair(name)
    context = keys.public.native.seal_context().data
    evaluator = sealapi.Evaluator(context)
    x = keys.public.encrypt([1, 2, 3])
    [part] = x.native.ciphertext()
    scale = None if keys.public.exact else keys.public.native.global_scale
    honest = vector_message(_saved(part, tmp_path), 11, scale)
    assert (keys.secret.decrypt(keys.public.load_ciphertext(forged(x, honest))).round() == [1, 2, 3]).all()
    for change in (evaluator.transform_to_ntt, evaluator.transform_from_ntt, evaluator.square):
        other = sealapi.Ciphertext(context)
        try:
            change(part, other)
        except ValueError:  # it is in that form already
            continue
        refused(keys.public, forged(x, vector_message(_saved(other, tmp_path), 11, scale)))


def test_another_scale_than_that_of_tenseals_message(tmp_path):
    public = product_pair("tenseal-ckks").public
    other_scale = tenseal_ckks(CKKSParameters(8192, (54, 40, 40, 60), 30)).generate_keys()
    [part] = ts.ckks_vector(other_scale.public.native, [1.0] * 11).ciphertext()
    message = vector_message(_saved(part, tmp_path), 11, public.native.global_scale)
    refused(public, forged(public.encrypt([1, 2, 3]), message))


# Levels


@pytest.mark.parametrize("name", ["tenseal-ckks", "pyfhel-ckks"])
def test_another_level_than_declared(name):
    keys = product_pair(name)
    fresh = keys.public.encrypt([1.0, 2.0, 3.0])
    once, twice = fresh * 0.5, fresh * 0.5 * 0.5
    for ciphertext, level in ((fresh, 0), (once, 1), (twice, 2)):
        assert ciphertext.consumed == level
        assert keys.public.load_ciphertext(ciphertext.to_bytes()).consumed == level
        for other in {0, 1, 2, 3, -1, level + 0.5} - {level}:
            refused(keys.public, forged(ciphertext, consumed=other))


@pytest.mark.parametrize("name", TENSEAL[:1] + PYFHEL[:1])
def test_less_noise_than_a_fresh_ciphertext_has(name):
    """Who declares less could be added up beyond what the noise allows."""
    public = key_pair(name).public
    x = public.encrypt([1, 2, 3])
    for less in (0, x.consumed / 2, np.nextafter(x.consumed, 0)):
        refused(public, forged(x, consumed=float(less)))


# The key


@pytest.mark.parametrize("bits", [(52, 54), (54, 52), (54, 53)])
def test_a_key_with_another_chain_of_primes_than_it_announces(bits):
    """The limits of noise and of security are computed from the chain that is announced."""
    announced, real = BFVParameters(), BFVParameters(4096, bits)
    context = ts.context(ts.SCHEME_TYPE.BFV, 4096, plain_modulus=real.plaintext_modulus, coeff_mod_bit_sizes=list(bits))
    context.make_context_public()
    fingerprint = context_fingerprint("tenseal-bfv", settled(context))
    honest, forgery = (TenSEALBFVPublicKey(context, named, fingerprint).to_bytes() for named in (real, announced))
    assert load_public_key(honest, insecure_for_teaching=True).fingerprint == fingerprint
    with pytest.raises(DamagedBytes, match="are not those of its TenSEAL context"):
        load_public_key(forgery)


# Pyfhel's stream

FIELDS = {
    "magic": (0, "<H", 1),
    "size of the header": (2, "<B", 24),
    "compression": (5, "<B", 2),
    "size": (8, "<Q", 1 << 62),
    "NTT form": (48, "<B", None),
    "one polynomial": (49, "<Q", 1),
    "three polynomials": (49, "<Q", 3),
    "ring dimension": (57, "<Q", 1024),
    "primes": (65, "<Q", 1),
    "scale": (73, "<d", 2.0**39),
    "negative scale": (73, "<d", -1.0),
    "no scale": (73, "<d", float("nan")),
    "correction factor": (81, "<Q", 2),
}


# The coefficients are a stream of their own behind the head, and so is a seed behind those of one polynomial.
COEFFICIENTS_AT, SEED_STREAM_BYTES = 89, 81
INNER_FIELDS = {
    "magic": (0, "<H", 1),
    "size of the header": (2, "<B", 24),
    "compression": (5, "<B", 2),
    "size": (8, "<Q", 1 << 62),
    "no size": (8, "<Q", 0),
}
FIELDS |= {f"{name} of the coefficients": (COEFFICIENTS_AT + at, *other) for name, (at, *other) in INNER_FIELDS.items()}
FIELDS |= {
    "no coefficients": (COEFFICIENTS_AT + 16, "<Q", 0),
    "many coefficients": (COEFFICIENTS_AT + 16, "<Q", 1 << 60),
}
FIELDS_OF_SEED = {
    **{name: (at - SEED_STREAM_BYTES, *other) for name, (at, *other) in INNER_FIELDS.items()},
    "no generator": (-65, "<B", 0),
    "another generator": (-65, "<B", 2),
    "an unknown generator": (-65, "<B", 3),
}


def seeded(native, seed):
    """A stream of Pyfhel with this seed, for BLAKE2xb, in the place of its second polynomial."""
    head, coefficients = native[16:COEFFICIENTS_AT], native[COEFFICIENTS_AT + 24 :]
    first = coefficients[: len(coefficients) // 2]
    header = struct.Struct("<5sBHQ")
    start = native[:5]
    inner = header.pack(start, 0, 0, 24 + len(first)) + struct.pack("<Q", len(first) // 8) + first
    inner += header.pack(start, 0, 0, SEED_STREAM_BYTES) + b"\x01" + seed
    return header.pack(start, 0, 0, COEFFICIENTS_AT + len(inner)) + head + inner


def pyfhel_streams(public):
    """A ciphertext, its stream with both polynomials, and one with a seed that somebody made up."""
    x = public.encrypt([1, 2, 3])
    native = x.native.to_bytes("none")
    return x, (native, seeded(native, bytes(range(64))))


def changed(native, place, kind, value):
    data = bytearray(native)
    place %= len(data)
    struct.pack_into(kind, data, place, 1 - data[place] if value is None else value)
    assert data != native
    return bytes(data)


@pytest.mark.parametrize("name", PYFHEL)
@pytest.mark.parametrize("which", FIELDS)
def test_a_changed_head_of_a_pyfhel_ciphertext(name, which):
    public = product_pair(name).public
    x, streams = pyfhel_streams(public)
    for native in streams:
        assert len(public.load_ciphertext(forged(x, native))) == 3
        refused(public, forged(x, changed(native, *FIELDS[which])))


@pytest.mark.parametrize("name", PYFHEL)
@pytest.mark.parametrize("which", FIELDS_OF_SEED)
def test_a_changed_head_of_a_seed(name, which):
    public = product_pair(name).public
    x, (_, native) = pyfhel_streams(public)
    other = changed(native, *FIELDS_OF_SEED[which])
    refused(public, forged(x, other))
    with pytest.raises(DamagedBytes):
        read_head(other)


@pytest.mark.parametrize("name", PYFHEL)
def test_no_stream_within_is_compressed(name):
    """Where Pyfhel was built with a compression, SEAL would unpack a few bytes to as many as they say."""
    _, (full, short) = pyfhel_streams(key_pair(name).public)
    for native, place in ((full, COEFFICIENTS_AT), (short, COEFFICIENTS_AT), (short, -SEED_STREAM_BYTES)):
        assert read_head(native).polynomials == 2
        for mode in (1, 2):
            with pytest.raises(DamagedBytes):
                read_head(changed(native, place + 5, "<B", mode))


@pytest.mark.parametrize("name", PYFHEL)
def test_the_size_follows_from_the_head(name):
    """Before SEAL sets memory aside for what the head says."""
    _, streams = pyfhel_streams(product_pair(name).public)
    for native in streams:
        longer = native + bytes(SEED_STREAM_BYTES)
        wrong = [changed(native, *FIELDS[which]) for which in ("one polynomial", "three polynomials", "primes")]
        for data in (*wrong, changed(longer, 8, "<Q", len(longer))):
            with pytest.raises(DamagedBytes, match="number of coefficients"):
                read_head(data)


@pytest.mark.parametrize("name", PYFHEL)
@pytest.mark.parametrize("by", [-16, 16])
def test_another_number_of_coefficients_than_the_head_says(name, by):
    """In a stream of both polynomials and in one with a seed, every other size made to fit."""
    _, (full, _) = pyfhel_streams(product_pair(name).public)
    other = full[:by] if by < 0 else full + bytes(by)
    for place, value in (
        (8, len(other)), (COEFFICIENTS_AT + 8, len(other) - COEFFICIENTS_AT),
        (COEFFICIENTS_AT + 16, (len(other) - COEFFICIENTS_AT - 24) // 8),
    ):  # fmt: skip
        other = changed(other, place, "<Q", value)
    for data in (other, seeded(other, bytes(64))):
        with pytest.raises(DamagedBytes, match="number of coefficients"):
            read_head(data)


@pytest.mark.parametrize("name", PYFHEL)
def test_a_pyfhel_ciphertext_cut_off_anywhere_in_its_head(name):
    public = key_pair(name).public
    x, streams = pyfhel_streams(public)
    for native in streams:
        for length in range(1, 120):
            refused(public, forged(x, native[:length]))


@pytest.mark.parametrize("name", PYFHEL)
def test_a_pyfhel_ciphertext_cut_off_with_its_size_made_to_fit(name):
    """Refused before SEAL reads, and not with an error of Python's for bytes that are not there."""
    _, streams = pyfhel_streams(key_pair(name).public)
    for native in streams:
        for length in (*range(16, 130), len(native) // 2, len(native) - 8, len(native) - 1):
            with pytest.raises(DamagedBytes):
                read_head(changed(native[:length], 8, "<Q", length))


@pytest.mark.parametrize("name", PYFHEL)
def test_a_seed_cut_off_or_with_bytes_behind_it(name):
    """Also where the size in the first header is made to fit."""
    public = key_pair(name).public
    x, (full, short) = pyfhel_streams(public)
    for native in [short[:-missing] for missing in range(1, 100)] + [short + b"\0", full + short[-SEED_STREAM_BYTES:]]:
        refused(public, forged(x, native))
        refused(public, forged(x, changed(native, 8, "<Q", len(native))))


@pytest.mark.parametrize("name", PYFHEL)
def test_a_made_up_seed(name):
    """It is the same second polynomial for everyone, and no number that could be encrypted."""
    keys = key_pair(name)
    x, (_, native) = pyfhel_streams(keys.public)
    readers = [load_public_key(keys.public.for_evaluation().to_bytes()) for _ in range(2)] + [keys.public]
    loaded = [key.load_ciphertext(forged(x, native)) for key in readers]
    assert len({(y + y).to_bytes() for y in loaded}) == 1
    with pytest.raises(DamagedBytes, match="cannot hold"):
        keys.secret.decrypt(loaded[0])


@pytest.mark.parametrize("name", PYFHEL)
def test_the_mark_of_a_seed_where_none_is(name):
    """SEAL marks a seed in its memory by a first coefficient above every prime, and would save what follows it."""
    public = key_pair(name).public
    x, (native, _) = pyfhel_streams(public)
    second = COEFFICIENTS_AT + 24 + (len(native) - COEFFICIENTS_AT - 24) // 2
    refused(public, forged(x, changed(native, second, "<Q", 2**64 - 1)))


def test_another_scale_of_the_same_chain():
    """Pyfhel's operators raise a ValueError for scales that differ."""
    keys, other = (pyfhel_ckks(CKKSParameters(8192, (54, 40, 40, 60), bits)).generate_keys() for bits in (40, 30))
    native = other.public.encrypt([1.0, 2.0]).native.to_bytes("none")
    refused(keys.public, forged(keys.public.encrypt([1.0, 2.0]), native))


# Everything that can be computed, under a key for evaluation alone

EXPRESSIONS = [
    "a * 2 + b", "b + a * 2", "b - a * 2", "a * 2 - b", "-a", "a + [1, 2, 3]", "a - 1", "1 - a", "sum([a, b])",
    "a * [1, 2, 3] + b", "b + a * [1, 2, 3]", "a * b + b", "b + a * b", "(a * b) * b", "b * (a * b)",
    "a.sum() + b.sum()", "(a * 2).sum() + b.sum()", "a @ [[1, 2], [3, 4], [5, 6]]", "b.rotate(1) + a * 2",
]  # fmt: skip


def evaluate_all(name):
    """What came of each expression under the evaluation part alone: "right", the wrong numbers, or the error's name."""
    x, y = np.array([1, 2, 3]), np.array([4, 5, 6])
    exchanges = {}
    for make in (product_pair, deep_pair) if name in LATTICE else (key_pair,):
        keys = make(name)
        terms = int(keys.public.capacity) // 8 if name in LATTICE else 1024
        # It was read from its bytes, too: a context of its own, without the key that encrypts.
        server = keys.public.for_evaluation()
        assert name == "paillier" or server.native is not keys.public.native and not server.can_encrypt
        exchanges[make] = keys, server, [keys.public.encrypt(vector, terms).to_bytes() for vector in (x, y)]
    outcomes = {}
    for expression in EXPRESSIONS:
        moves_slots = any(step in expression for step in (".sum()", "@", "rotate"))
        make = key_pair if name not in LATTICE else deep_pair if moves_slots else product_pair
        keys, server, sent = exchanges[make]
        a, b = (server.load_ciphertext(data) for data in sent)
        try:
            result = eval(expression, {"a": a, "b": b})
        except HEError as error:
            outcomes[expression] = type(error).__name__
            continue
        found = keys.secret.decrypt(keys.public.load_ciphertext(result.to_bytes()))
        # What a rotation brings in from behind the vector is 0.
        plain = expression.replace("b.rotate(1)", "np.array([5, 6, 0])")
        expected = np.atleast_1d(eval(plain, {"a": x, "b": y, "np": np}))
        right = np.allclose(found, expected, atol=0.01)
        outcomes[expression] = "right" if right else f"{found} for {expected}"
    return outcomes


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMES)
def test_every_operator_under_a_key_for_evaluation_alone(name):
    """A library that cannot do without the other keys ends the process, and so fails this test, too."""
    outcomes = evaluate_all(name)
    missing = {
        "tenseal-bfv": {"a @ [[1, 2], [3, 4], [5, 6]]", "b.rotate(1) + a * 2"},
        "tenseal-ckks": {"a @ [[1, 2], [3, 4], [5, 6]]", "b.rotate(1) + a * 2"},
        "pyfhel-bfv": {"a @ [[1, 2], [3, 4], [5, 6]]"},
        "pyfhel-ckks": {"a @ [[1, 2], [3, 4], [5, 6]]"},
        "paillier": {e for e in EXPRESSIONS if "sum()" in e or "@" in e or "rotate" in e or "* b" in e or "* [" in e}
        | {"b * (a * b)"},
    }[name]
    assert {e for e, outcome in outcomes.items() if outcome == "UnsupportedOperation"} == missing
    assert {outcome for e, outcome in outcomes.items() if e not in missing} == {"right"}, outcomes
    assert len(outcomes) == len(EXPRESSIONS)


@pytest.mark.slow
def test_a_matrix_product_under_a_key_for_evaluation_alone():
    """TenSEAL encrypts zeros within a product with a matrix."""
    keys = deep_pair("tenseal-ckks")
    x = keys.public.for_evaluation().load_ciphertext(keys.public.encrypt([1, 2]).to_bytes())
    with pytest.raises(UnsupportedOperation, match="needs the whole public key"):
        x @ np.eye(2)


# Whatever a library raises


@pytest.mark.parametrize("error", [ValueError, RuntimeError, IndexError, OverflowError, ZeroDivisionError])
@pytest.mark.parametrize("name", SCHEMES)
def test_an_error_of_the_library_becomes_one_of_ours(name, error):
    keys = product_pair(name) if name in LATTICE else key_pair(name)
    a, b = (keys.public.encrypt([1, 2, 3]) for _ in range(2))

    def fail(*_):
        raise error("the library's own words")

    operations = {
        "_add": lambda: a + b,
        "_subtract": lambda: a - b,
        "_add_plain": lambda: a + [1, 2, 3],
        "_negate": lambda: -a,
        "_multiply_plain": lambda: a * 2,
        "_encrypt": lambda: keys.public.encrypt([1]),
    }
    if name in LATTICE:
        small = keys.public.encrypt([1, 2, 3], terms=int(keys.public.capacity) // 4)
        operations |= {"_multiply": lambda: small * small, "_sum": lambda: a.sum()}
    if name == "tenseal-ckks":
        operations["_matrix_product"] = lambda: a @ np.eye(3)
    if name in PYFHEL:
        operations["_rotate"] = lambda: a.rotate(1)
    for method, operate in operations.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(keys.public), method, fail)
            with pytest.raises(HEError, match="the library's own words"):
                operate()
