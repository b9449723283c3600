"""Bodies as they are taken in, and the limit for all of them together."""

import hashlib

import pytest

from he_helpers.server.http.bodies import IN_MEMORY, BodyWriter, Budget
from he_helpers.server.http.problems import Problem


@pytest.mark.parametrize("size", [0, 1, IN_MEMORY, IN_MEMORY + 1])
def test_a_body_is_what_was_written(size, tmp_path):
    content = bytes(range(256)) * (size // 256 + 1)
    with BodyWriter(size, tmp_path) as writer:
        for start in range(0, size, 1000):
            writer.write(content[:size][start : start + 1000])
        body = writer.finish()
        # Whoever reads the file begins at its beginning; read() gives all of it wherever the file stands.
        assert body.file.read() == body.read() == body.read() == content[:size]
        assert (body.size, body.sha256) == (size, hashlib.sha256(content[:size]).hexdigest())
    assert body.file.closed


def test_a_body_has_the_largest_size_and_not_one_byte_more():
    with BodyWriter(10) as writer:
        writer.write(b"x" * 10)
        with pytest.raises(Problem) as caught:
            writer.write(b"x")
        assert caught.value.kind == "body-too-large"
        assert writer.finish().size == 10


def test_what_was_buffered_for_somebody_is_forgotten_afterwards():
    """There are many addresses, which must not stay in memory."""
    budget = Budget(1000, 1000)
    with BodyWriter(10, budget=budget, holder="ann") as writer:
        for _ in range(2):
            writer.write(b"x" * 4)
        assert budget.taken == 8
    assert budget.taken == 0
    assert not budget._taken_by


def test_the_limits_are_for_all_and_for_one():
    large = IN_MEMORY + 1
    budget = Budget(4 * large, 2 * large)
    budget.take(2 * large, large, "ann")
    with pytest.raises(Problem) as caught:
        budget.take(1, large, "ann")
    assert caught.value.kind == "too-many-requests"
    budget.take(IN_MEMORY, IN_MEMORY, "ann")
    budget.give_back(IN_MEMORY, "ann")
    budget.take(2 * large, large, "bob")
    with pytest.raises(Problem) as caught:
        budget.take(1, large, "eve")
    assert caught.value.kind == "busy"
    budget.take(IN_MEMORY, IN_MEMORY, "eve")
    assert budget.taken == 4 * large + IN_MEMORY
    budget.give_back(2 * large, "ann")
    budget.take(large, large, "ann")
