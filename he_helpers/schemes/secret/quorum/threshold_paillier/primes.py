"""The two primes of a modulus whose partial decryptions can be proved.

The proofs and the sharing need a group of squares whose order has no small prime factor: somebody could otherwise hide
an element of small order in a partial decryption, and pass the proof by chance. Damgård and Jurik take safe primes,
2 p' + 1 with p' prime. The argument needs no more of the order than that its smallest prime factor is large (as Fouque
and Stern, Asiacrypt 2001, and others do without safe primes), and a safe prime of 1536 bits takes minutes to find. So a
prime here is 2 r s + 1 with two primes r and s of half its bits: of 768 bits each for a modulus of 3072, far above the
256 bits of a challenge, in seconds. Sharing over the integers with a statistical margin would need no special primes,
and would lose the soundness of the proofs.
"""

import secrets

import gmpy2


def two_primes(modulus_bits: int) -> tuple[gmpy2.mpz, gmpy2.mpz]:
    """p and q of half the bits each, whose product has ``modulus_bits``; no factor of p - 1 is one of q - 1, but 2."""
    bits = modulus_bits // 2
    p, used = _prime(bits, ())
    q, _ = _prime(bits, used)
    return p, q


def _prime(bits: int, unlike: tuple[gmpy2.mpz, ...]) -> tuple[gmpy2.mpz, tuple[gmpy2.mpz, ...]]:
    """2 r s + 1, with its two highest bits set, so that a product of two has twice as many bits; and (r, s)."""
    low_bits = (bits - 1) // 2
    smaller: list[gmpy2.mpz] = []
    larger: list[gmpy2.mpz] = []
    while True:
        # Each new factor is tried with all factors of the other size that were found before.
        sizes = ((smaller, low_bits), (larger, bits - 1 - low_bits))
        found, size = sizes[len(smaller) > len(larger)]
        factor = _random_prime(size)
        if factor in (*unlike, *smaller, *larger):
            continue
        found.append(factor)
        for other in larger if found is smaller else smaller:
            candidate = 2 * factor * other + 1
            if candidate.bit_length() == bits and candidate >> (bits - 2) == 3 and gmpy2.is_prime(candidate):
                return candidate, (factor, other)


def _random_prime(bits: int) -> gmpy2.mpz:
    """A prime in the highest eighth of its range, so that twice a product with another one has its high bits set."""
    while True:
        candidate = gmpy2.next_prime(secrets.randbits(bits) | 7 << (bits - 3))
        if candidate.bit_length() == bits:
            return candidate
