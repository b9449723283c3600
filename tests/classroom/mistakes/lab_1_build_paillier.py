"""Plausible mistakes in lab 1."""

from tests.classroom.mistake import Mistake

MISTAKES = (
    Mistake(
        "the product in the place of the least common multiple, and no refusal",
        {"make_keys": "def make_keys(p, q):\n    return p * q, (p - 1) * (q - 1)"},
        ("make_keys_check", "make_keys_more"),
    ),
    Mistake(
        "primes that do not do are taken",
        {"make_keys": "def make_keys(p, q):\n    return p * q, math.lcm(p - 1, q - 1)"},
        ("make_keys_more",),
    ),
    Mistake(
        "n as the modulus of ciphertexts",
        {"encrypt": "def encrypt(n, m, r):\n    return pow(1 + n, m, n) * pow(r, n, n) % n"},
        ("encrypt_check", "encrypt_more"),
    ),
    Mistake(
        "division with /, which loses the digits of long numbers",
        {
            "decrypt": """
                def decrypt(n, private_key, c):
                    opened = pow(c, private_key, n * n)
                    return int((opened - 1) / n) * pow(private_key, -1, n) % n
            """
        },
        ("decrypt_more",),
    ),
    Mistake(
        "the private key is not divided away",
        {"decrypt": "def decrypt(n, private_key, c):\n    return (pow(c, private_key, n * n) - 1) // n % n"},
        ("decrypt_check", "decrypt_more", "broken_check", "broken_more"),
    ),
    Mistake(
        "what does not fit is taken",
        {
            "signed": """
                def to_number(n, hours):
                    return hours % n

                def to_hours(n, m):
                    return m - n if m > n / 2 else m
            """
        },
        ("signed_more",),
    ),
    Mistake(
        "ciphertexts are added",
        {
            "weighted": """
                def weighted_sum(n, ciphertexts, weights):
                    return sum(c * w for c, w in zip(ciphertexts, weights)) % (n * n)
            """
        },
        ("weighted_check", "weighted_more"),
    ),
    Mistake(
        "what is left over of a longer list is passed over",
        {
            "weighted": """
                def weighted_sum(n, ciphertexts, weights):
                    total = 1
                    for c, weight in zip(ciphertexts, weights):
                        total = total * pow(c, weight, n * n) % (n * n)
                    return total
            """
        },
        ("weighted_more",),
    ),
    Mistake(
        "r itself in the place of its power",
        {"relock": "def relock(n, c, r):\n    return c * r % (n * n)"},
        ("relock_check", "relock_more"),
    ),
    Mistake(
        "negative hours are not recognised",
        {
            "broken": """
                factor = next(d for d in range(3, 10**6, 2) if public_key_seen % d == 0)
                seen_n, seen_key = make_keys(factor, public_key_seen // factor)
                hours_seen = decrypt(seen_n, seen_key, ciphertext_seen)
            """
        },
        ("broken_check", "broken_more"),
    ),
)
