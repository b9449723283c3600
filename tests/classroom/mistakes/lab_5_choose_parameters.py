"""Plausible mistakes in lab 5."""

from tests.classroom.mistake import Mistake

MISTAKES = (
    Mistake(
        "no bit for the sign",
        {
            "chain_for": """
                def chain_for(products, largest, scale_bits):
                    first = scale_bits + largest.bit_length()
                    if first > 60:
                        raise ValueError("too long")
                    return [first] + [scale_bits] * products + [first]
            """
        },
        ("chain_for_check", "chain_for_more"),
    ),
    Mistake(
        "the logarithm in the place of the bits, which is one short for powers of two",
        {
            "chain_for": """
                def chain_for(products, largest, scale_bits):
                    first = scale_bits + 1 + math.ceil(math.log2(largest))
                    if first > 60:
                        raise ValueError("too long")
                    return [first] + [scale_bits] * products + [first]
            """
        },
        ("chain_for_more",),
    ),
    Mistake(
        "a last prime that is as short as the scale, and no refusal",
        {
            "chain_for": """
                def chain_for(products, largest, scale_bits):
                    return [scale_bits + 1 + largest.bit_length()] + [scale_bits] * (products + 1)
            """
        },
        ("chain_for_check", "chain_for_more"),
    ),
    Mistake(
        "the last prime is not counted",
        {
            "smallest_ring": """
                def smallest_ring(chain):
                    for ring in RINGS:
                        if sum(chain[:-1]) <= coefficient_limit(ring, 128):
                            return ring
                    raise ValueError("too long")
            """
        },
        ("smallest_ring_check", "smallest_ring_more"),
    ),
    Mistake(
        "TenSEAL is asked, which knows the table of 2018 alone",
        {
            "smallest_ring": """
                def smallest_ring(chain):
                    for ring in RINGS:
                        try:
                            ts.context(ts.SCHEME_TYPE.CKKS, ring, coeff_mod_bit_sizes=chain)
                            return ring
                        except ValueError:
                            pass
                    raise ValueError("too long")
            """
        },
        ("smallest_ring_more",),
    ),
    Mistake(
        "a trial with a harmless value",
        {
            "least_scale": """
                def least_scale(choices, largest, allowed):
                    for bits in sorted(choices):
                        context = ts.context(ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=choices[bits])
                        context.global_scale = 2**bits
                        vector = ts.ckks_vector(context, [1.5])
                        if abs((vector * vector * vector).decrypt()[0] - 1.5**3) <= allowed:
                            return bits
                    raise ValueError("none")
            """
        },
        ("least_scale_check", "least_scale_more"),
    ),
    Mistake(
        "the first scale in the order of the dictionary",
        {
            "least_scale": """
                def least_scale(choices, largest, allowed):
                    for bits, chain in choices.items():
                        context = ts.context(ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=chain)
                        context.global_scale = 2**bits
                        vector = ts.ckks_vector(context, [largest])
                        if abs((vector * vector * vector).decrypt()[0] - largest**3) <= allowed:
                            return bits
                    raise ValueError("none")
            """
        },
        ("least_scale_more",),
    ),
    Mistake(
        "no room for the negative half",
        {
            "plain_modulus_for": """
                def plain_modulus_for(largest, ring):
                    for bits in range(20, 61):
                        if plaintext_prime(bits, ring) > largest:
                            return plaintext_prime(bits, ring)
                    raise ValueError("too large")
            """
        },
        ("plain_modulus_check", "plain_modulus_more"),
    ),
    Mistake(
        "bits enough, and a prime of so many bits that is too small",
        {
            "plain_modulus_for": """
                def plain_modulus_for(largest, ring):
                    bits = max(20, (2 * largest + 1).bit_length())
                    if bits > 60:
                        raise ValueError("too large")
                    return plaintext_prime(bits, ring)
            """
        },
        ("plain_modulus_more",),
    ),
    Mistake(
        "compared without the modulus",
        {
            "survived": """
                def survived(ring, plain_modulus, values):
                    context = ts.context(ts.SCHEME_TYPE.BFV, ring, plain_modulus=plain_modulus)
                    encrypted, squarings = ts.bfv_vector(context, values), 0
                    while True:
                        encrypted = encrypted * encrypted
                        values = [value * value for value in values]
                        if encrypted.decrypt() != values:
                            return squarings
                        squarings += 1
            """
        },
        ("survived_check", "survived_more"),
    ),
    Mistake(
        "the squaring that fails is counted",
        {
            "survived": """
                def survived(ring, plain_modulus, values):
                    context = ts.context(ts.SCHEME_TYPE.BFV, ring, plain_modulus=plain_modulus)
                    encrypted, squarings = ts.bfv_vector(context, values), 0
                    while True:
                        encrypted = encrypted * encrypted
                        squarings += 1
                        values = [value * value % plain_modulus for value in values]
                        if [value % plain_modulus for value in encrypted.decrypt()] != values:
                            return squarings
            """
        },
        ("survived_check", "survived_more"),
    ),
    Mistake(
        "all middle primes are counted, used up or not",
        {
            "faults": """
                def faults(ring, chain, scale_bits, products, largest):
                    found = set()
                    if sum(chain) > coefficient_limit(ring, 128):
                        found.add("insecure")
                    if products > len(chain) - 2:
                        found.add("levels")
                    if any(bits != scale_bits for bits in chain[1:-1]):
                        found.add("scale")
                    if largest >= 2 ** (chain[0] - scale_bits - 1):
                        found.add("headroom")
                    return found
            """
        },
        ("faults_more",),
    ),
    Mistake(
        "the first fault alone, and the last prime taken for a level",
        {
            "faults": """
                def faults(ring, chain, scale_bits, products, largest):
                    if sum(chain) > coefficient_limit(ring, 128):
                        return {"insecure"}
                    if products > len(chain) - 1:
                        return {"levels"}
                    if any(bits != scale_bits for bits in chain[1:-1]):
                        return {"scale"}
                    return {"headroom"} if largest >= 2 ** (chain[0] - scale_bits - 1) else set()
            """
        },
        ("faults_check", "faults_more"),
    ),
    Mistake(
        "the factor on the wrong side, and one difference for the modulus",
        {
            "clues": """
                def scale_bits_seen(x, came_out, middle_bits):
                    return middle_bits - round(math.log2(came_out / x**2))

                def modulus_seen(right, came_out):
                    return abs(right[0] - came_out[0])
            """
        },
        ("clues_check", "clues_more"),
    ),
    Mistake(
        "sums that are all right are answered with 0",
        {
            "clues": """
                def scale_bits_seen(x, came_out, middle_bits):
                    return middle_bits + round(math.log2(came_out / x**2))

                def modulus_seen(right, came_out):
                    return math.gcd(*[a - b for a, b in zip(right, came_out)])
            """
        },
        ("clues_more",),
    ),
)
