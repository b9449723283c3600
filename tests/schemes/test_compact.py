"""Fresh ciphertexts of whoever holds the secret key: half the bytes, and otherwise as any other."""

import os
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from he_helpers.errors import HEError
from he_helpers.parameters import BFVParameters, CKKSParameters, plaintext_prime
from he_helpers.schemes.errors import DamagedBytes, ShapeMismatch, UnsupportedOperation, ValueOutOfRange, WrongKind
from he_helpers.schemes.public import load_public_key
from he_helpers.schemes.public.pyfhel_stream import HEADER_BYTES, seeded_ciphertext, version_of
from he_helpers.schemes.secret import secret_key_from_bytes
from he_helpers.schemes.secret.seal_streams import load, saved
from he_helpers.server.detection.secret_detection import find_secret_key
from he_helpers.tables import Aligned, EncryptedAggregate, EncryptedTable, Query, Rows, Values, aggregate
from tests.one_context import in_one_context
from tests.schemes.conftest import LATTICE, SCHEMES, deep_pair, is_close, key_pair
from tests.sealing import open_fields, seal_fields


@cache
def read_again(name):
    """The key pair of this name as its bytes give it."""
    return secret_key_from_bytes(key_pair(name).secret.to_bytes())


@pytest.mark.parametrize("name", LATTICE)
@pytest.mark.parametrize("length", [1, 3, 1000, "all"])
def test_half_the_bytes(name, length):
    keys = key_pair(name)
    values = np.arange(keys.public.slot_count if length == "all" else length) % 50 - 20
    short, long = keys.secret.encrypt(values), keys.public.encrypt(values)
    assert len(short.to_bytes()) < 0.51 * len(long.to_bytes())
    for ciphertext in (short, keys.public.load_ciphertext(short.to_bytes())):
        assert is_close(keys, keys.secret.decrypt(ciphertext), values)
        assert ciphertext.to_bytes() == short.to_bytes()
        assert (ciphertext.bound, ciphertext.consumed, ciphertext.padding) == (long.bound, long.consumed, long.padding)
    assert is_close(keys, keys.secret.decrypt(read_again(name).secret.encrypt(values)), values)


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMES)
def test_every_scheme_encrypts_with_its_secret_key(name):
    keys = deep_pair(name) if name in LATTICE else key_pair(name)
    terms = int(keys.public.capacity) // 40 if name in LATTICE else 1024
    x, y = np.array([1, -2, 3]), np.array([4, 5, -6])
    a, b = keys.secret.encrypt(x, terms), keys.public.encrypt(y, terms)
    results = [(a + b, x + y), (b - a, y - x), (-a, -x), (a + y, x + y), (a * 3, x * 3), (sum([a, b, a]), 2 * x + y)]
    if name in LATTICE:
        results += [(a * b, x * y), (a * y, x * y), (a.sum() + b.sum(), [(x + y).sum()])]
        results += [(a * a, x * x), ((b * 2) + a, 2 * y + x), (a - b * 2, x - 2 * y)]
    if name == "tenseal-ckks":
        matrix = np.arange(6).reshape(3, 2)
        results.append((a @ matrix, x @ matrix))
    for ciphertext, expected in results:
        assert is_close(keys, keys.secret.decrypt(ciphertext), expected)


@pytest.mark.parametrize("name", LATTICE)
@pytest.mark.parametrize("bits", [30, 40, 53])
def test_a_full_ciphertext_is_not_kept_twice(name, bits):
    """Short primes leave zero bytes in each word, and TenSEAL compresses them: few bytes are no sign of a seed."""
    if name.endswith("bfv"):
        parameters = BFVParameters(4096, (bits, bits), plaintext_prime(16, 4096))
    else:
        parameters = CKKSParameters(4096, (bits, bits), 20)
    keys = in_one_context(SCHEMES[name](parameters))
    full, short = keys.public.encrypt([1, 2], terms=4), keys.secret.encrypt([1, 2], terms=4)
    for ciphertext, is_short in ((full, False), (full + full, False), (short, True), (short + short, False)):
        loaded = keys.public.load_ciphertext(ciphertext.to_bytes())
        assert (loaded.compact is not None) == is_short
        assert loaded.to_bytes() == ciphertext.to_bytes()


@pytest.mark.parametrize("name", SCHEMES)
def test_a_short_form_that_is_none(name):
    """Declared short, and longer than one polynomial can be; a scheme without a short form takes none."""
    public = key_pair(name).public
    fields = open_fields(public.encrypt([1, 2, 3]).to_bytes(), "ciphertext")
    assert fields[6] is False
    fields[6] = True
    with pytest.raises(DamagedBytes, match="outside what its key allows"):
        public.load_ciphertext(seal_fields("ciphertext", fields))


@pytest.mark.slow
@pytest.mark.parametrize("name", LATTICE)
def test_results_have_both_polynomials(name):
    """Nothing that was computed with a seed's ciphertext keeps the short form, which would be another ciphertext's."""
    keys = deep_pair(name)
    a = keys.secret.encrypt([1, 2, 3], int(keys.public.capacity) // 40)
    full = len(keys.public.encrypt([1, 2, 3], int(keys.public.capacity) // 40).to_bytes())
    for result in (a + a, a * 3 - a, -a, a + 1, 1 - a, a * 2, a * [1, 2, 3], a * a, a.sum()):
        assert result.compact is None
        again = keys.public.load_ciphertext(result.to_bytes())
        assert is_close(keys, keys.secret.decrypt(again), keys.secret.decrypt(result))
    assert len((a + a).to_bytes()) > 0.98 * full
    # What evaluates nothing changes nothing.
    assert (0 + a).to_bytes() == a.to_bytes()
    assert len(a.assuming(a.bound / 2 if name == "tenseal-ckks" else a.bound // 2).to_bytes()) < 0.51 * full


def first_of_second_polynomial(ciphertext):
    if ciphertext.key.scheme_name.startswith("tenseal"):
        return ciphertext.native.ciphertext()[0].data(1)
    coefficients = np.frombuffer(ciphertext.native.to_bytes("none"), dtype=np.uint64, offset=113)
    return int(coefficients[len(coefficients) // 2])


@pytest.mark.parametrize("name", LATTICE)
def test_no_seed_is_used_twice(name):
    """The second polynomials differ, of one key object and of two; so do the streams."""
    keys = key_pair(name)
    ciphertexts = [secret.encrypt([1, 2, 3]) for secret in (keys.secret, read_again(name).secret) for _ in range(20)]
    assert len({ciphertext.compact for ciphertext in ciphertexts}) == 40
    # The first coefficient of each second polynomial: two of 40 numbers of 53 bits agree once in 10^13 times.
    second = [first_of_second_polynomial(ciphertext) for ciphertext in ciphertexts]
    assert len(set(second)) == 40 and max(second) > 2**48


@pytest.mark.parametrize("name", LATTICE)
def test_the_same_sum_everywhere(name):
    """The owner's own objects, what the server reads and what a reviewer reads again give identical bytes."""
    keys = key_pair(name)
    own = [keys.secret.encrypt([i, 1, 2]) for i in range(3)] + [keys.public.encrypt([5, 1, 2])]
    sent = [ciphertext.to_bytes() for ciphertext in own]
    server, reviewer = (load_public_key(keys.public.for_evaluation().to_bytes()) for _ in range(2))
    there = [[key.load_ciphertext(data) for data in sent] for key in (server, reviewer, keys.public)]
    for count in (1, 2, 4):
        results = {sum(ciphertexts[:count]).to_bytes() for ciphertexts in (own, *there)}
        assert len(results) == 1


@pytest.mark.parametrize("name", ["pyfhel-bfv", "pyfhel-ckks"])
def test_a_changed_seed(name):
    """Well sealed, it gives other numbers, and that is seen."""
    keys = key_pair(name)
    *description, native = open_fields(keys.secret.encrypt([1, 2, 3]).to_bytes(), "ciphertext")
    for place in (-1, -32, -64):
        changed = bytearray(native)
        changed[place] ^= 1
        loaded = keys.public.load_ciphertext(seal_fields("ciphertext", [*description, bytes(changed)]))
        with pytest.raises(DamagedBytes, match="cannot hold"):
            keys.secret.decrypt(loaded)


@pytest.mark.slow
@pytest.mark.parametrize("name", LATTICE)
@pytest.mark.parametrize("layout", [Aligned(), Rows(), Values()], ids=repr)
def test_a_table_of_half_the_bytes(name, layout):
    keys = key_pair(name)
    frame = pd.DataFrame({"L": list("aabbbc"), "n": range(6), "m": range(6, 0, -1)})
    short, long = (EncryptedTable.encrypt(frame, ["L"], key, layout=layout) for key in (keys.secret, keys.public))
    assert len(short.to_bytes()) < 0.53 * len(long.to_bytes())
    query = Query("sum", ["L"], ["n", "m"])
    results = {aggregate(table, query).to_bytes() for table in (short, EncryptedTable.from_bytes(short.to_bytes()))}
    assert len(results) == 1
    sums = EncryptedAggregate.from_bytes(results.pop()).decrypt(keys.secret)
    assert (sums.to_numpy().round() == frame.groupby("L").sum().to_numpy()).all()


@pytest.mark.parametrize("name", LATTICE)
def test_what_is_damaged_is_refused(name):
    keys = key_pair(name)
    data = keys.secret.encrypt([1, 2, 3]).to_bytes()
    for place in range(0, len(data), len(data) // 40):
        with pytest.raises(DamagedBytes):
            keys.public.load_ciphertext(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    *description, native = open_fields(data, "ciphertext")
    for length in range(1, len(native), len(native) // 40):
        with pytest.raises(DamagedBytes):
            keys.public.load_ciphertext(seal_fields("ciphertext", [*description, native[:length]]))


@pytest.mark.parametrize("name", LATTICE)
def test_the_short_form_is_no_secret_and_holds_none(name):
    """The server's search for secret keys lets it pass, and no eight coefficients of the key stand in it."""
    keys = key_pair(name)
    data = keys.secret.encrypt(np.arange(100)).to_bytes()
    assert find_secret_key(data) is None
    assert find_secret_key(keys.secret.to_bytes())
    if name.startswith("pyfhel"):
        [*_, key] = open_fields(keys.secret.to_bytes(), "key pair")[3]
        assert not any(key[place : place + 64] in data for place in range(88, len(key) - 64, 64))


@pytest.mark.parametrize("name", ["pyfhel-bfv", "pyfhel-ckks"])
def test_insecure_parameters_for_teaching(name):
    """TenSEAL's own contexts refuse these; here SEAL computes alone."""
    parameters = (
        BFVParameters(1024, (30, 30), plaintext_prime(14, 1024))
        if "bfv" in name
        else (CKKSParameters(1024, (40, 20, 40), 20))
    )
    keys = SCHEMES[name](parameters, insecure_for_teaching=True).generate_keys()
    assert np.allclose(keys.secret.decrypt(keys.secret.encrypt([1, -2], 4)), [1, -2], rtol=0, atol=0.01)


@pytest.mark.parametrize("in_memory", [True, False])
def test_nothing_stays_on_the_disk(in_memory, tmp_path, monkeypatch):
    """A key passes through a file in memory alone. A ciphertext does, too, or where there are none, an unlinked one."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    if not in_memory:
        monkeypatch.delattr(os, "memfd_create")
    open_before = os.listdir("/dev/fd")
    seen = []
    if in_memory:
        load(lambda path: seen.append((Path(path).read_bytes(), list(tmp_path.iterdir()))), b"key")
    else:
        with pytest.raises(AttributeError, match="memfd_create"):
            load(lambda path: seen.append(path), b"key")
    written = saved(lambda path: seen.append((Path(path).write_bytes(b"text"), list(tmp_path.iterdir()))))
    assert (written, seen) == (b"text", [*[(b"key", [])] * in_memory, (4, [])])
    made = []
    for name in LATTICE:
        keys = secret_key_from_bytes(key_pair(name).secret.to_bytes())
        made.append((keys, keys.secret.encrypt([1, -2, 3])))
        assert not list(tmp_path.iterdir())
        assert (made[-1][1].compact is None) is (name.startswith("pyfhel") and not in_memory)
    assert all(is_close(keys, keys.secret.decrypt(ciphertext), [1, -2, 3]) for keys, ciphertext in made)
    assert len(os.listdir("/dev/fd")) == len(open_before)


@pytest.mark.parametrize("name", ["pyfhel-bfv", "pyfhel-ckks"])
def test_a_short_stream_begins_as_pyfhels_own(name):
    """TenSEAL's SEAL writes it; all before the coefficients is what Pyfhel writes, but for the size."""
    ciphertext = key_pair(name).secret.encrypt([1])
    short, full = ciphertext.compact, ciphertext.native.to_bytes("none")
    assert short[:8] == full[:8] and short[16:97] == full[16:97]


def test_another_layout_of_seal_is_refused():
    """A later SEAL may serialise otherwise; its streams are not passed off as those of Pyfhel's."""
    stream = key_pair("pyfhel-bfv").secret.encrypt([1]).compact
    content, version = stream[HEADER_BYTES:], version_of(stream)
    assert seeded_ciphertext(content, version) == stream
    for other in (content[1:], b"\0" + content, content + b"\0", content[:-1]):
        with pytest.raises(UnsupportedOperation, match=r"requirements\.lock"):
            seeded_ciphertext(other, version)


def test_the_checks_are_those_of_the_public_key(keys):
    for values, error in (([float("nan")], ValueOutOfRange), ([], ShapeMismatch), ([2**70], ValueOutOfRange)):
        with pytest.raises(error):
            keys.secret.encrypt(values)
    with pytest.raises(ValueOutOfRange, match="terms"):
        keys.secret.encrypt([1], terms=0)


def test_the_wrong_half(keys):
    frame = pd.DataFrame({"L": ["a"], "n": [1]})
    for wrong in (keys, None, keys.public.to_bytes(), "main"):
        with pytest.raises(HEError, match=r"keys\.public, or keys\.secret") as caught:
            EncryptedTable.encrypt(frame, ["L"], wrong)
        assert isinstance(caught.value, WrongKind) and isinstance(caught.value, TypeError)
