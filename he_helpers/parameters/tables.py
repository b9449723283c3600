"""The published tables that say how long a modulus may be (lattices) or must be (factoring) for a security level.

Sources: HomomorphicEncryption.org security standard v1.1 (ternary secret, classical attacks); Bossuat et al.,
"Security Guidelines for Implementing Homomorphic Encryption", ePrint 2024/463; NIST SP 800-57 part 1 for Paillier,
whose decisional composite residuosity problem has factoring the modulus as its best known attack.
"""

# Largest bit length of the coefficient modulus, by security level and ring dimension.
STANDARD_TABLE = {
    128: {1024: 27, 2048: 54, 4096: 109, 8192: 218, 16384: 438, 32768: 881},
    192: {1024: 19, 2048: 37, 4096: 75, 8192: 152, 16384: 305, 32768: 611},
    256: {1024: 14, 2048: 29, 4096: 58, 8192: 118, 16384: 237, 32768: 476},
}
GUIDELINES_2024_TABLE = {128: {1024: 26, 2048: 53, 4096: 106, 8192: 214, 16384: 430, 32768: 868}}
# Smallest bit length of a modulus that is hard to factor, by security level.
FACTORING_TABLE = {112: 2048, 128: 3072, 192: 7680, 256: 15360}
# NIST SP 800-57 allows 112 bits until the end of 2030; nothing below it.
LOWEST_SECURITY_LEVEL = 112
