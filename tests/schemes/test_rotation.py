"""Rotations of slots, and the Galois keys that they need."""

import numpy as np
import pytest

from he_helpers.parameters import BFVParameters, InvalidParameters, plaintext_prime
from he_helpers.schemes.errors import DepthExhausted, ShapeMismatch, UnsupportedOperation
from he_helpers.schemes.public import load_public_key
from he_helpers.schemes.secret import pyfhel_bfv, secret_key_from_bytes, tenseal_bfv
from tests.schemes.conftest import deep_pair, is_close, key_pair

SMALL_T = BFVParameters(4096, (53, 53), plaintext_prime(27, 4096))


@pytest.fixture(scope="module")
def named():
    """Keys for rotations by 1, by 2 and, to the right, by 3."""
    return pyfhel_bfv(SMALL_T, galois_keys=(1, 2, -3)).generate_keys()


def circles(values, steps, exact):
    """What a rotation does: BFV turns two halves, CKKS the whole."""
    halves = np.split(values, 2) if exact else [values]
    return np.concatenate([np.roll(half, -steps) for half in halves])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pyfhel-bfv", "pyfhel-ckks"])
@pytest.mark.parametrize("steps", [1, 2, 64, -1, -16])
def test_every_slot_moves(name, steps):
    keys = deep_pair(name)
    values = np.arange(keys.public.slot_count) % 101 - 50
    rotated = keys.public.encrypt(values, terms=4).rotate(steps)
    again = keys.public.load_ciphertext(rotated.to_bytes())
    for ciphertext in (rotated, again):
        assert is_close(keys, keys.secret.decrypt(ciphertext), circles(values, steps, keys.public.exact))


@pytest.mark.parametrize("steps", [1, 2, -3])
def test_the_named_steps_and_no_others(named, steps):
    x = named.public.encrypt([1, 2, 3, 4, 5])
    expected = circles(np.pad([1, 2, 3, 4, 5], (0, 4091)), steps, True)[:5]
    assert named.secret.decrypt(x.rotate(steps)).tolist() == expected.tolist()
    with pytest.raises(UnsupportedOperation, match="rotation by 3 needs the Galois key"):
        x.rotate(3)
    with pytest.raises(UnsupportedOperation, match="some of these Galois keys are not there"):
        x.sum()


def test_unused_slots_that_a_rotation_filled_are_not_taken_for_zeros(named):
    """Whatever the order, a sum with a rotated ciphertext has no unused slots left that must decrypt as zeros."""
    x = named.public.encrypt([1, 2, 3, 4, 5], terms=4)
    moved = x.rotate(-3)
    plain, shifted = np.array([1, 2, 3, 4, 5]), np.array([0, 0, 0, 1, 2])
    for result, expected in (
        (x + moved, plain + shifted),
        (moved + x, shifted + plain),
        (x - moved, plain - shifted),
        (moved - x, shifted - plain),
    ):
        assert result.padding == 0
        assert named.secret.decrypt(result).tolist() == expected.tolist()


def test_named_keys_travel_and_are_kept(named):
    for public in (load_public_key(named.public.to_bytes()), named.public.for_evaluation()):
        assert named.secret.decrypt(public.load_ciphertext(named.public.encrypt([7, 8]).to_bytes()).rotate(1))[0] == 8
    again = secret_key_from_bytes(named.secret.to_bytes())
    assert again.secret.decrypt(again.public.encrypt([7, 8]).rotate(1))[0] == 8
    everything = pyfhel_bfv(SMALL_T, galois_keys=True).generate_keys().public
    assert 5 * len(named.public.for_evaluation().to_bytes()) < len(everything.for_evaluation().to_bytes())


@pytest.mark.parametrize("name", ["pyfhel-bfv", "pyfhel-ckks"])
def test_without_galois_keys(name, recwarn):
    """Pyfhel would rotate with an empty key, warn, and give garbage."""
    with pytest.raises(UnsupportedOperation, match="needs the Galois key"):
        key_pair(name).public.encrypt([1, 2]).rotate(1)
    assert not recwarn.list


@pytest.mark.parametrize("name", ["tenseal-bfv", "tenseal-ckks", "paillier"])
def test_who_has_no_rotation(name):
    with pytest.raises(UnsupportedOperation, match="has no rotation. It is offered by: pyfhel"):
        key_pair(name).public.encrypt([1, 2]).rotate(1)


def test_tenseal_names_no_steps():
    with pytest.raises(InvalidParameters, match="all Galois keys or none"):
        tenseal_bfv(galois_keys=(1, 2))


@pytest.mark.parametrize("steps", [0, 2048, -2048, 1.0, "1", None])
def test_steps_that_do_not_fit(named, steps):
    with pytest.raises(ShapeMismatch, match="1 to 2047 steps"):
        named.public.encrypt([1]).rotate(steps)


@pytest.mark.slow
def test_no_sum_of_slots_after_a_rotation():
    """What has left the slots in use would be counted, or what was never in use."""
    for name in ("pyfhel-bfv", "pyfhel-ckks"):
        keys = deep_pair(name)
        with pytest.raises(UnsupportedOperation, match="After a rotation"):
            keys.public.encrypt([1, 2, 3], terms=4).rotate(1).sum()
        full = np.ones(keys.public.slot_count, dtype=int)
        total = keys.public.encrypt(full, terms=len(full)).rotate(1).sum()
        assert is_close(keys, keys.secret.decrypt(total), [len(full)])


def test_the_noise_is_not_underestimated(named):
    x, expected = named.public.encrypt(np.full(4096, 3), terms=2**20), 3
    while True:
        real = 2.0 ** -named.secret.native.noise_level(x.native) / 2
        assert real <= x.consumed / named.public.consumption_limit
        try:
            x, expected = x + x.rotate(1), 2 * expected
        except DepthExhausted:
            break
    assert expected > 3 * 2**7 and (named.secret.decrypt(x) == expected).all()


@pytest.mark.parametrize("steps", [np.array([1, -2]), [np.int64(1), np.int32(-2)], (1, np.int8(-2))])
def test_steps_of_numpy(steps):
    keys = pyfhel_bfv(galois_keys=steps).generate_keys()
    x = keys.public.encrypt(np.arange(10), terms=np.int64(2))
    assert (keys.secret.decrypt(x.rotate(np.int64(1)))[:8] == np.arange(1, 9)).all()
    assert (keys.secret.decrypt(x.rotate(np.int16(-2)))[2:] == np.arange(8)).all()


@pytest.mark.parametrize("steps", [[1.5], ["1"], "12", [None]])
def test_steps_that_are_no_integers(steps):
    with pytest.raises(InvalidParameters, match="steps of rotations, which are integers, not"):
        pyfhel_bfv(galois_keys=steps)
