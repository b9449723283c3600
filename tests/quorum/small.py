"""The smallest joint key: in a ring that has just room for smudging. Without pytest, for processes of their own."""

from he_helpers.parameters import BFVParameters, plaintext_prime

SMALL = BFVParameters(4096, (36, 36, 34), plaintext_prime(16, 4096))
SMALL_SIZES = {"parameters": SMALL, "terms": 16, "statistical_bits": 16}


def names(count: int) -> list[str]:
    return [f"custodian_{number + 1}" for number in range(count)]
